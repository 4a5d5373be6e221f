// Window usage: what windows hold of a contact's touches and winners.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Where an instant lies on a window's axis, and whether the window can count it.
struct WindowPlace {
  bool counts;
  int64_t start;
};

// Adds a span to a cell; `who` is the winner's number, or -1 for the history.
void add_span(Array1<Span> spans, int64_t cell, int64_t start, int64_t end, int64_t points, int64_t who,
              int64_t layer);

WindowPlace place_of(const Window& window, const Zones& zones, int64_t zone, int64_t at);

// Where the window that ends at a place starts.
int64_t back(const Window& window, int64_t end);

// The most points that any window with a claim in it holds besides, of the contents of some layers of a cell.
// The claim is at `start` on the window's axis, and for a `running` window ends at `end`.
int64_t load(const Window& window, Array1<Span> spans, int64_t cell, int64_t layers, int64_t start,
             int64_t end);

// Whether a claim would push a window over its limit; marks the winners that are in it with points as
// crowded.
bool crowd(const Window& window, Array1<Span> spans, int64_t cell, int64_t start, int64_t end, int64_t points,
           int64_t limit, Array1<Grant> winners);

// Whether a claim at an instant fits what was granted and the history.
bool fits_at(const Window& window, const Zones& zones, int64_t zone, Array1<Span> spans, int64_t cell,
             int64_t at, int64_t end, int64_t points, int64_t limit);

// The first instant from `since` on at which a claim fits; FOREVER if never.
int64_t first_fit(const Window& window, const Zones& zones, int64_t zone, Array1<Span> spans, int64_t cell,
                  int64_t since, int64_t end, int64_t points, int64_t limit);

// The instant from which a span no longer counts; FOREVER where it counts for ever.
int64_t leaves(const Window& window, const Zones& zones, int64_t zone, const Span& span);

}  // namespace journeykit
