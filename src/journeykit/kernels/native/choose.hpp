// Choosing and granting: what the best set of a contest is, and the places of its winners.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Whether the level (tier and rank) of a claim is decided before another's.
inline bool level_before(Array1<Opening> openings, const Claim& one, const Claim& other) {
  int64_t tier = openings[one.opening].tier, rival = openings[other.opening].tier;
  return tier < rival || (tier == rival && one.rank < other.rank);
}

// What an item, or a winner, adds to a set: its weight less the reserve and what the prices of quotas take.
template <typename Item>
int64_t worth_of(const Rules& rules, Array1<Claim> claims, const Item& item) {
  return wrapping_subtract(claims[item.entry].weight - rules.reserve, item.charge);
}

// Values, levels and the order of claims; with a candidate forced in, or without one.
void put_values(Array1<Opening> openings, int64_t reserve, Array1<Claim> claims, const SearchProblem& problem,
                int64_t force, int64_t without);

// Marks the best set for a contest in `chosen`; false where the search was given up.
bool answer(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
            const SearchProblem& problem, Array1<bool> chosen, int64_t force, int64_t without);

// Marks what a contest chooses, or what was chosen for it; false where that cannot be, or a search failed.
bool pick_given(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
                const SearchProblem& problem, const QuotaChoiceArrays& given, int64_t contact, int64_t obeys);

// Settles a contest: its winners, and their places in the caps' windows.
void grant(const Rules& rules, const Contacts& contacts, int64_t contact, const DecisionWorkspace& workspace,
           const CandidateArrays& candidates, const SearchProblem& problem, Array1<bool> chosen,
           int64_t obeys);

// Numbers the winners by their places in the order of claims.
void number_winners(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims);

}  // namespace journeykit
