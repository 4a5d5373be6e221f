// The way of many contacts along the journey, as `journeykit.journey.walk.Walk` goes it.

#pragma once

#include "interface.hpp"

namespace journeykit {

// The contact at whom to go on, and how many steps were written.
struct WalkEnd {
  int64_t contact, used;
};

// Puts the events of contacts into the order of time, and marks those that were there before. With `by_mark`,
// two events with one mark are the same whenever they happened.
void sort_events(const EventArrays& events, int64_t begin, int64_t end, int64_t by_mark);

// The ways of contacts, as far as there is room for their steps; what is counted is added to `total`.
WalkEnd walk_journeys(const Routes& routes, const EventArrays& events, const ContactEntry& entry,
                      const WalkState& state, const PathRecords& paths, Array1<int64_t> counted,
                      Array1<int64_t> total, int64_t begin, int64_t end, int64_t until);

// The place of each event when all are put together by contact; `first` is used up.
void contact_offsets(Array1<const int32_t> contact, Array1<int64_t> first, Array1<int64_t> place);

}  // namespace journeykit
