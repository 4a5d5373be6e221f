// The way of many contacts along the journey, as `journeykit.journey.walk.Walk` goes it.

#include "journey_walk.hpp"

namespace journeykit {

// Not ported yet.

void sort_events(const EventArrays&, int64_t, int64_t, int64_t) {}

WalkEnd walk_journeys(const Routes&, const EventArrays&, const ContactEntry&, const WalkState&,
                      const PathRecords&, Array1<int64_t>, Array1<int64_t>, int64_t, int64_t, int64_t) {
  return {};
}

void contact_offsets(Array1<const int32_t>, Array1<int64_t>, Array1<int64_t>) {}

}  // namespace journeykit
