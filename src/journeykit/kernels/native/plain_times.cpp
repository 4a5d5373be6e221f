// What one instant makes of windows and dates, by time zone.

#include "plain_times.hpp"

#include <algorithm>

#include "eligibility.hpp"
#include "local_time.hpp"
#include "window_spans.hpp"

namespace journeykit {
namespace {

// Whether clocks are set back over midnight somewhere, so that a day comes twice.
bool has_day_twice(const Zones& zones, int64_t zone) {
  for (int64_t place = zones.first[zone] + 1; place < zones.first[zone + 1]; ++place) {
    int64_t at = zones.since[place];
    if (floor_div(at + zones.offset[place], DAY) < floor_div(at - 1 + zones.offset[place - 1], DAY)) {
      return true;
    }
  }
  return false;
}

// When a window of days starts, and when all that is in it leaves, or NONE; false where instants do not tell.
bool set_days(const Rules& rules, const Window& window, int64_t zone, int64_t& since, int64_t& leaving) {
  const Zones& zones = *rules.zones;
  int64_t today = day_of(zones, zone, rules.now), first = back(window, today);
  // Of what is older than all that the zones are known for nothing counts.
  since = std::max(zones.low, day_start(zones, zone, first));
  Span now{};
  now.start = today;
  leaving = window.kind == CALENDAR ? leaves(window, zones, zone, now) : NONE;
  if (has_day_twice(zones, zone)) return false;
  return since == zones.low ||
         (day_of(zones, zone, since) >= first && day_of(zones, zone, since - 1) < first);
}

int64_t closed_everywhere(const Rules& rules, int64_t opening) {
  int64_t found = -1;
  for (int64_t zone = 0; zone + 1 < rules.zones->first.size; ++zone) {
    int64_t rule = closed_on(rules, opening, day_of(*rules.zones, zone, rules.now));
    if (rule < 0) continue;
    if (found >= 0 && found != rule) return -1;
    found = rule;
  }
  return found;
}

}  // namespace

void plain_times(const Rules& rules, Array2<int64_t> since, Array2<int64_t> leaving, Array1<bool> uneven,
                 Array1<int64_t> closed_rule) {
  for (int64_t zone = 0; zone < since.rows; ++zone) {
    uneven[zone] = false;
    for (int64_t cap = 0; cap < rules.caps.size; ++cap) {
      const Window& window = rules.windows[cap];
      if (window.kind == ROLLING) {
        since(zone, cap) = rules.now - window.span + 1;
        leaving(zone, cap) = NONE;
      } else if (window.kind == EVER || window.kind == DECISION) {
        since(zone, cap) = std::numeric_limits<int64_t>::min();
        leaving(zone, cap) = FOREVER;
      } else {
        int64_t own = window.zone < 0 ? zone : window.zone;
        if (!set_days(rules, window, own, since(zone, cap), leaving(zone, cap))) uneven[zone] = true;
      }
    }
  }
  for (int64_t opening = 0; opening < closed_rule.size; ++opening) {
    closed_rule[opening] = closed_everywhere(rules, opening);
  }
}

}  // namespace journeykit
