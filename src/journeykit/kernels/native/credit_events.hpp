// Events credited to the messages that they follow, as `journeykit.measuring.contact_credit` does it.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Puts rows together by contact, in their order; those of no contact (-1) are left out. `first` comes with
// zeros.
void group_rows(Array1<const int32_t> contact, Array1<int64_t> first, Array1<int64_t> order);

// Puts the rows of each contact into the order of their instants, then of their ranks, ties and places; ranks
// and ties may be empty.
void sort_groups(Array1<const int64_t> first, Array1<int64_t> order, Array1<const int64_t> at,
                 Array1<const int32_t> rank, Array1<const uint64_t> tie);

// Marks the rows of a contact that have the mark of an earlier one in their order; 0 is no mark.
void mark_repeats(Array1<const int64_t> first, Array1<const int64_t> order, Array1<const uint64_t> mark,
                  Array1<bool> again);

// Credits the events of one name for which there is no reason so far (`CREDITED`), and says of the others why
// not. How many credits there are: where they are more than fit, nothing beyond is written.
int64_t credit_events(const MessageArrays& messages, const AnswerArrays& events, Array1<const bool> scope,
                      int64_t name, int64_t length, int64_t way, Array1<int8_t> why,
                      const CreditRecords& credits);

}  // namespace journeykit
