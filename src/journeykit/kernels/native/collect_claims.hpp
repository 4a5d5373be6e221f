// Candidates: what contacts may get, or could get in time.

#pragma once

#include "eligibility.hpp"
#include "interface.hpp"

namespace journeykit {

// By zone and opening, the checks that fail at the instant of the decision for every contact.
void barred_now(const Rules& rules, Array2<int64_t> found);

// Adds, with a sign, the data that an opening asks for and a contact lacks.
void count_missing(const Rules& rules, const Contacts& contacts, const DecisionCounts& counts, int64_t sign,
                   int64_t opening, int64_t contact, int64_t asks);

// One candidate for each opening that a contact may get in a plan, or could get in time; the others are
// counted. Ends with the contact before whom the candidates run out; the number of the next one.
int64_t collect_derived(const Rules& rules, const Contacts& contacts, const SlotTimes& slots,
                        Array1<const int64_t> asks, const ScoreArrays& scores, int64_t start, int64_t stop,
                        int64_t everything, int64_t sign, const CandidateArrays& candidates,
                        Array1<int64_t> candidate_first, const DecisionCounts& counts);

// What `collect_derived` does where there is one instant only, with openings as bits.
int64_t collect_derived_now(const Rules& rules, const Barred& barred, const Contacts& contacts,
                            Array1<const int64_t> asks, const ScoreArrays& scores, int64_t start,
                            int64_t stop, int64_t everything, int64_t sign, const CandidateArrays& candidates,
                            Array1<int64_t> candidate_first, const DecisionCounts& counts);

// One candidate for each opening that a claim of a contact covers. Ends as `collect_derived` does.
int64_t collect_claims(const Rules& rules, const Contacts& contacts, const SlotTimes& slots,
                       Array1<const int64_t> asks, const ScoreArrays& scores, const ClaimArrays& claims,
                       int64_t start, int64_t stop, int64_t sign, const CandidateArrays& candidates,
                       Array1<int64_t> candidate_first, const DecisionCounts& counts);

}  // namespace journeykit
