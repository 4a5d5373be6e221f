// Deciding over columns: one contact's contests, and why each claim fared as it did, as `journeykit.contest`
// and `journeykit.explain` say it.

#pragma once

#include "interface.hpp"

namespace journeykit {

// No candidate, where one could be forced in or left out.
inline constexpr int64_t NOBODY = -1;

// Forgets the contact before.
void clear_workspace(const Rules& rules, const DecisionWorkspace& workspace);

// The touches that count, as spans in the caps' windows.
void read_history(const Rules& rules, const TouchArrays& touches, int64_t contact, int64_t zone,
                  const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t low,
                  int64_t high, int64_t derived);

// What a claim has of a column that quotas add up, in smallest units.
int64_t amount_of(const Quotas& quotas, Array1<Claim> claims, int64_t candidate, int64_t column);

// The problem that the candidates from `low` to `high` make; false where it is too large.
bool contest(const Rules& rules, const Contacts& contacts, int64_t contact,
             const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t low, int64_t high,
             int64_t obeys, const SearchProblem& problem);

// Values, levels and the order of claims; with a claim forced in, or without one.
void put_values(Array1<Opening> openings, int64_t reserve, Array1<Claim> claims, const SearchProblem& problem,
                int64_t force, int64_t without);

// Marks what a contest chooses, or what was chosen for it; false where that cannot be, or a search failed.
bool pick_given(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
                const SearchProblem& problem, const QuotaChoiceArrays& given, int64_t contact, int64_t obeys);

// Settles a contest: its winners, and where they stand in the caps' windows.
void grant(const Rules& rules, const Contacts& contacts, int64_t contact, const DecisionWorkspace& workspace,
           const CandidateArrays& candidates, const SearchProblem& problem, Array1<bool> chosen,
           int64_t obeys);

// Settles contacts of a block; the numbers of those that fall back to the one-contact engine go to
// `fallback`; how many there are.
int64_t decide_block(const Rules& rules, const Contacts& contacts, const TouchArrays& touches,
                     const DecisionWorkspace& workspace, const CandidateArrays& candidates,
                     Array1<const int64_t> candidate_first, int64_t start, int64_t stop, int64_t everything,
                     int64_t derived, const QuotaChoiceArrays& given, Array1<const int64_t> label_when,
                     const DecisionRows& rows, const DecisionCounts& counts, Array1<const bool> doubt,
                     Array1<int64_t> fallback);

}  // namespace journeykit
