// Window usage: what windows hold of a contact's touches and winners.

#include "window_spans.hpp"

#include <algorithm>

#include "arithmetic.hpp"
#include "local_time.hpp"

namespace journeykit {
namespace {

// Whether a span is on a stretch of the window's axis, its ends included.
bool is_within(const Span& span, int64_t low, int64_t high) {
  return low <= span.start && span.start <= high;
}

// Whether a span of a `running` window is running at an instant.
bool is_running(const Span& span, int64_t instant) {
  return span.start <= instant && instant < span.end;
}

int64_t points_between(Array1<Span> spans, int64_t cell, int64_t layers, int64_t low, int64_t high) {
  int64_t total = 0;
  for (int64_t span = spans[cell].head; span >= 0; span = spans[span].before) {
    if (spans[span].layer & layers && is_within(spans[span], low, high))
      total = saturating_add(total, spans[span].points);
  }
  return total;
}

int64_t points_at(Array1<Span> spans, int64_t cell, int64_t layers, int64_t instant) {
  int64_t total = 0;
  for (int64_t span = spans[cell].head; span >= 0; span = spans[span].before) {
    if (spans[span].layer & layers && is_running(spans[span], instant))
      total = saturating_add(total, spans[span].points);
  }
  return total;
}

int64_t most_at_once(Array1<Span> spans, int64_t cell, int64_t layers, int64_t start, int64_t end) {
  int64_t most = points_at(spans, cell, layers, start);
  for (int64_t span = spans[cell].head; span >= 0; span = spans[span].before) {
    if (spans[span].layer & layers && start < spans[span].start && spans[span].start < end) {
      most = std::max(most, points_at(spans, cell, layers, spans[span].start));
    }
  }
  return most;
}

bool crowd_between(Array1<Span> spans, int64_t cell, int64_t low, int64_t high, int64_t points, int64_t limit,
                   Array1<Grant> winners) {
  if (saturating_add(points, points_between(spans, cell, RIVALS, low, high)) <= limit) return false;
  for (int64_t span = spans[cell].head; span >= 0; span = spans[span].before) {
    const Span& own = spans[span];
    if (own.who >= 0 && own.points && is_within(own, low, high)) winners[own.who].crowded = 1;
  }
  return true;
}

bool crowd_at(Array1<Span> spans, int64_t cell, int64_t instant, int64_t points, int64_t limit,
              Array1<Grant> winners) {
  if (saturating_add(points, points_at(spans, cell, RIVALS, instant)) <= limit) return false;
  for (int64_t span = spans[cell].head; span >= 0; span = spans[span].before) {
    const Span& own = spans[span];
    if (own.who >= 0 && own.points && is_running(own, instant)) winners[own.who].crowded = 1;
  }
  return true;
}

bool crowd_while_running(Array1<Span> spans, int64_t cell, int64_t start, int64_t end, int64_t points,
                         int64_t limit, Array1<Grant> winners) {
  bool found = crowd_at(spans, cell, start, points, limit, winners);
  for (int64_t span = spans[cell].head; span >= 0; span = spans[span].before) {
    if (start < spans[span].start && spans[span].start < end) {
      found = crowd_at(spans, cell, spans[span].start, points, limit, winners) || found;
    }
  }
  return found;
}

int64_t zone_of(const Window& window, int64_t zone) {
  return window.zone < 0 ? zone : window.zone;
}

// The next instant after one at which a span, or the claim itself, no longer counts; FOREVER if there is
// none.
int64_t next_change(const Window& window, const Zones& zones, int64_t zone, Array1<Span> spans, int64_t cell,
                    int64_t at, int64_t end) {
  int64_t later = FOREVER;
  if (window.kind == RUNNING && end > at) later = end;
  if (window.kind == BETWEEN) {
    int64_t over = day_start(zones, zone_of(window, zone), window.last + 1);
    if (at < over && over < later) later = over;
  }
  for (int64_t span = spans[cell].head; span >= 0; span = spans[span].before) {
    if (spans[span].layer & ALL) {
      int64_t leave = leaves(window, zones, zone, spans[span]);
      if (at < leave && leave < later) later = leave;
    }
  }
  return later;
}

}  // namespace

int64_t leaves(const Window& window, const Zones& zones, int64_t zone, const Span& span) {
  if (window.kind == RUNNING) return span.end;
  if (window.kind == ROLLING) return span.start + window.span;
  if (window.kind == EVER || window.kind == DECISION) return FOREVER;
  int64_t day = window.last + 1;
  if (window.kind == DAYS) {
    day = span.start + window.span;
  } else if (window.kind == CALENDAR) {
    day = period_edge(span.start, window.unit, window.every, window.shift, 1);
  } else if (window.kind == STRETCH) {
    day = period_edge(span.start, window.unit, 1, window.shift, 1) + window.span - 1;
  }
  return day_start(zones, zone_of(window, zone), day);
}

void add_span(Array1<Span> spans, int64_t cell, int64_t start, int64_t end, int64_t points, int64_t who,
              int64_t layer) {
  int64_t place = spans[0].count;
  Span& span = spans[place];
  span.before = spans[cell].head;
  span.cell = cell;
  span.start = start;
  span.end = end;
  span.points = points;
  span.who = who;
  span.layer = layer;
  spans[cell].head = place;
  spans[0].count = place + 1;
}

WindowPlace place_of(const Window& window, const Zones& zones, int64_t zone, int64_t at) {
  if (window.kind == ROLLING || window.kind == RUNNING) return {true, at};
  if (window.kind == EVER || window.kind == DECISION) return {true, 0};
  int64_t day = day_of(zones, zone_of(window, zone), at);
  return {window.kind != BETWEEN || (window.first <= day && day <= window.last), day};
}

int64_t back(const Window& window, int64_t end) {
  switch (window.kind) {
    case ROLLING:
    case DAYS:
      return end - window.span + 1;
    case CALENDAR:
      return period_edge(end, window.unit, window.every, window.shift, 0);
    case STRETCH:
      return period_edge(end - window.span + 1, window.unit, 1, window.shift, 0);
    case BETWEEN:
      return window.first;
    default:
      return 0;
  }
}

int64_t load(const Window& window, Array1<Span> spans, int64_t cell, int64_t layers, int64_t start,
             int64_t end) {
  if (window.kind == RUNNING) return most_at_once(spans, cell, layers, start, end);
  int64_t low = back(window, start);
  int64_t total = 0;
  bool later = false;
  for (int64_t span = spans[cell].head; span >= 0; span = spans[span].before) {
    if (spans[span].layer & layers) {
      int64_t place = spans[span].start;
      if (place > start) {
        later = true;
      } else if (place >= low) {
        total = saturating_add(total, spans[span].points);
      }
    }
  }
  if (!later) return total;
  for (int64_t span = spans[cell].head; span >= 0; span = spans[span].before) {
    int64_t place = spans[span].start;
    if (spans[span].layer & layers && place > start) {
      low = back(window, place);
      if (low <= start) total = std::max(total, points_between(spans, cell, layers, low, place));
    }
  }
  return total;
}

bool crowd(const Window& window, Array1<Span> spans, int64_t cell, int64_t start, int64_t end, int64_t points,
           int64_t limit, Array1<Grant> winners) {
  if (points == 0) return false;
  if (window.kind == RUNNING) return crowd_while_running(spans, cell, start, end, points, limit, winners);
  bool found = crowd_between(spans, cell, back(window, start), start, points, limit, winners);
  for (int64_t span = spans[cell].head; span >= 0; span = spans[span].before) {
    int64_t place = spans[span].start;
    if (place > start) {
      int64_t low = back(window, place);
      if (low <= start) found = crowd_between(spans, cell, low, place, points, limit, winners) || found;
    }
  }
  return found;
}

bool fits_at(const Window& window, const Zones& zones, int64_t zone, Array1<Span> spans, int64_t cell,
             int64_t at, int64_t end, int64_t points, int64_t limit) {
  WindowPlace place = place_of(window, zones, zone, at);
  bool counts = window.kind == RUNNING ? at < end : place.counts;
  return !counts || saturating_add(load(window, spans, cell, ALL, place.start, end), points) <= limit;
}

int64_t first_fit(const Window& window, const Zones& zones, int64_t zone, Array1<Span> spans, int64_t cell,
                  int64_t since, int64_t end, int64_t points, int64_t limit) {
  if (points == 0) return since;
  // Later is another decision, which begins with nothing.
  if (window.kind == DECISION) return points <= limit ? since : FOREVER;
  int64_t at = since;
  // Only where a span, or the claim itself, no longer counts can there be new room.
  while (!fits_at(window, zones, zone, spans, cell, at, end, points, limit)) {
    at = next_change(window, zones, zone, spans, cell, at, end);
    if (at == FOREVER) return FOREVER;
  }
  return at;
}

}  // namespace journeykit
