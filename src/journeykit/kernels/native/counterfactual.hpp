// What it would have taken: sets that were not chosen.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Whether any feasible set contains a claim.
bool is_possible(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
                 int64_t candidate);

// Marks what would be granted if no price of a quota took anything; false where the search was given up.
bool choose_freely(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
                   const SearchProblem& problem);

// Whether a claim would be granted if no price of a quota took anything, as `choose_freely` marked it.
bool wins_freely(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
                 int64_t candidate);

// The value of what a granted claim that obeys caps pushed out; NONE where the search was given up. `total`
// is what the other winners are worth together.
int64_t displaced(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
                  int64_t candidate, int64_t total);

// The smallest weight with which a losing claim would have been granted; NONE where no weight would do.
int64_t needs(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims, int64_t candidate,
              const SearchProblem& problem);

}  // namespace journeykit
