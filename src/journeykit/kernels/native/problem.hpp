// A contest: the problem that the claims of one contact make.

#pragma once

#include "interface.hpp"

namespace journeykit {

// The problem that the candidates from `low` to `high` make; false where it is too large. `obeys` is 0 for
// the claims that need not obey caps, 1 for the others.
bool contest(const Rules& rules, const Contacts& contacts, int64_t contact,
             const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t low, int64_t high,
             int64_t obeys, const SearchProblem& problem);

// Charges the items anew, whose claims weigh something else than when the problem was laid out.
void charge_items(const Rules& rules, int64_t zone, Array1<Claim> claims, const SearchProblem& problem);

// Whether a claim at an instant comes before another in the order of claims.
inline bool goes_before(Array1<Opening> openings, const Claim& one, int64_t one_at, const Claim& other,
                        int64_t other_at) {
  if (one.weight != other.weight) return one.weight > other.weight;
  if (one_at != other_at) return one_at < other_at;
  int64_t tie = openings[one.opening].tie, rival = openings[other.opening].tie;
  return tie != rival ? tie < rival : one.own < other.own;
}

// Whether two claims are of one campaign, or step of a series, and have the same id, or none.
inline bool is_same(Array1<Opening> openings, const Claim& one, const Claim& other) {
  const Opening& own = openings[one.opening];
  const Opening& rival = openings[other.opening];
  return own.campaign == rival.campaign && own.step == rival.step && one.id == other.id;
}

// How many touches a claim of a campaign repeats: those of its id, and those whose claim had none. A claim
// without an id repeats all of the campaign.
int64_t repeated(const Rules& rules, const DecisionWorkspace& workspace, const Opening& opening, int64_t id);

}  // namespace journeykit
