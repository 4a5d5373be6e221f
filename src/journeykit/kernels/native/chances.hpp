// The chances with which the claims of one contact are granted, and the weights of one that is drawn.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Sets the chances of the candidates that are not settled yet: none for those that are not eligible.
void start_chances(const DecisionWorkspace& workspace, Array1<Claim> claims, int64_t low, int64_t high);

// Sets the chances of the candidates that obey caps, given the problem that they make, and marks in `chosen`
// what is granted. Where the contact is drawn, their weights are the drawn ones from then on. False where a
// search was given up.
bool set_chances(const Rules& rules, const Contacts& contacts, int64_t contact,
                 const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t low,
                 int64_t high, const SearchProblem& problem);

// Sets the chances of winners that need not obey caps: nothing is drawn for them.
void set_exempt_chances(const DecisionWorkspace& workspace, int64_t low);

// Forgets the chances of the candidates that obey caps, or of all where `every` is set.
void forget_chances(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims, int64_t low,
                    int64_t high, bool every);

// Whether what was chosen of a problem is marked in `chosen`, as prices alone would choose; false where a
// search was given up.
bool is_by_prices(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
                  const SearchProblem& problem, bool& found);

// Gives the candidates of some contacts the propensities of a vector, and the factors that come of them: what
// a policy weighs then. The candidates of the first contact are the first ones.
void draw_propensities(const Rules& rules, const Contacts& contacts, const CandidateArrays& candidates,
                       Array1<const int64_t> candidate_first, int64_t start, int64_t stop, int64_t vector);

// Gives the candidates of a contact that is drawn their drawn weights.
void draw_candidates(const Rules& rules, const Contacts& contacts, int64_t contact,
                     const CandidateArrays& candidates, int64_t low, int64_t high);

}  // namespace journeykit
