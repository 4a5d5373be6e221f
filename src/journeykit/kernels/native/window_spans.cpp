// Window usage: what windows hold of a contact's touches and winners.

#include "window_spans.hpp"

namespace journeykit {

// Not ported yet.

void add_span(Array1<Span>, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t) {}

WindowPlace place_of(const Window&, const Zones&, int64_t, int64_t) {
  return {};
}

int64_t back(const Window&, int64_t) {
  return 0;
}

int64_t load(const Window&, Array1<Span>, int64_t, int64_t, int64_t, int64_t) {
  return 0;
}

bool crowd(const Window&, Array1<Span>, int64_t, int64_t, int64_t, int64_t, int64_t, Array1<Grant>) {
  return false;
}

bool fits_at(const Window&, const Zones&, int64_t, Array1<Span>, int64_t, int64_t, int64_t, int64_t,
             int64_t) {
  return false;
}

int64_t first_fit(const Window&, const Zones&, int64_t, Array1<Span>, int64_t, int64_t, int64_t, int64_t,
                  int64_t) {
  return 0;
}

}  // namespace journeykit
