// Local days and instants.

#include "local_time.hpp"

namespace journeykit {

// Not ported yet.

int64_t offset_place(const Zones&, int64_t, int64_t) {
  return 0;
}

int64_t offset_at(const Zones&, int64_t, int64_t) {
  return 0;
}

int64_t day_of(const Zones&, int64_t, int64_t) {
  return 0;
}

int64_t day_start(const Zones&, int64_t, int64_t) {
  return 0;
}

int64_t period_edge(int64_t, int64_t, int64_t, int64_t, int64_t) {
  return 0;
}

}  // namespace journeykit
