// At one instant: what is in the way of openings, 64 at a time, as bits.

#pragma once

#include "arithmetic.hpp"
#include "interface.hpp"

namespace journeykit {

// The reasons that do not pass with time, and that a campaign is closed, in their order.
inline constexpr int64_t LASTING[] = {SUPPRESSED,  OPTED_OUT,  NO_CONSENT,  CLOSED,  NOT_IN_AUDIENCE,
                                      WRONG_STAGE, WRONG_ROLE, WRONG_OWNER, HOLDOUT, MISSING};

// Bits without the lowest one.
constexpr int64_t without_lowest(int64_t bits) {
  return bits & wrapping_subtract(bits, 1);
}

// What is in the way of the openings of a word for a contact, whose scores are put.
BarredWord barred_word(const Rules& rules, const Barred& barred, const Contacts& contacts,
                       const ScoreArrays& scores, int64_t contact, int64_t word);

// The openings for which a reason holds.
int64_t faults_of(const BarredWord& word, int64_t reason);

// Why an opening is not eligible now; 0 where it is.
int64_t reason_now(const BarredWord& word, int64_t bit);

// The first rule of a reason that is in the way of an opening.
int64_t rule_now(const Rules& rules, const Contacts& contacts, const BarredWord& word, int64_t contact,
                 int64_t opening, int64_t reason);

}  // namespace journeykit
