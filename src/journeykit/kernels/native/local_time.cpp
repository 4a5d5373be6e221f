// Local days and instants.

#include "local_time.hpp"

#include <algorithm>

namespace journeykit {
namespace {

// Python's dates end with the year 9999 and begin with the year 1; so do periods: months since January 1970,
// and days.
constexpr int64_t MOST_DAYS_SKIPPED = 10;
constexpr int64_t MONTH_TOO_LATE = 96'360, DAY_TOO_LATE = 2'932'893;
constexpr int64_t FIRST_MONTH = -23'628, DAY_TOO_EARLY = -719'160;

// The instant at which local clocks show a time that is set forward over: that at which they jump.
int64_t jump_after(const Zones& zones, int64_t zone, int64_t low) {
  int64_t place = zones.first[zone];
  while (place + 1 < zones.first[zone + 1] && zones.since[place] <= low) ++place;
  return zones.since[place];
}

// The first instant at which local clocks show a wall time; there may be two.
int64_t first_instant_of(const Zones& zones, int64_t zone, int64_t wall) {
  int64_t ahead[] = {offset_at(zones, zone, wall - DAY), offset_at(zones, zone, wall),
                     offset_at(zones, zone, wall + DAY)};
  int64_t first = FOREVER;
  for (int64_t own : ahead) {
    if (offset_at(zones, zone, wall - own) == own) first = std::min(first, wall - own);
  }
  if (first < FOREVER) return first;
  return jump_after(zones, zone, wall - std::max({ahead[0], ahead[1], ahead[2]}));
}

// Months since January 1970 of a day number, in the proleptic Gregorian calendar.
int64_t civil_month(int64_t day) {
  // Years that begin in March put the leap day last; eras of 400 years have 146,097 days.
  int64_t shifted = day + 719'468;
  int64_t era = floor_div(shifted, 146'097);
  int64_t of_era = shifted - era * 146'097;
  int64_t year = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  int64_t march = (5 * of_year + 2) / 153;
  int64_t month = march < 10 ? march + 2 : march - 10;
  year += era * 400 + (month <= 1 ? 1 : 0);
  return (year - 1970) * 12 + month;
}

// Day number of the first day of a month, counted from January 1970.
int64_t month_start(int64_t months) {
  int64_t year = 1970 + floor_div(months, 12);
  int64_t month = floor_mod(months, 12) + 1;
  if (month <= 2) --year;
  int64_t era = floor_div(year, 400);
  int64_t of_era = year - era * 400;
  int64_t march = month > 2 ? month - 3 : month + 9;
  int64_t of_year = (153 * march + 2) / 5;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

}  // namespace

int64_t offset_place(const Zones& zones, int64_t zone, int64_t at) {
  int64_t low = zones.first[zone], high = zones.first[zone + 1] - 1;
  while (low < high) {
    int64_t middle = (low + high + 1) >> 1;
    if (zones.since[middle] <= at) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

int64_t offset_at(const Zones& zones, int64_t zone, int64_t at) {
  return zones.offset[offset_place(zones, zone, at)];
}

int64_t day_of(const Zones& zones, int64_t zone, int64_t at) {
  return floor_div(at + offset_at(zones, zone, at), DAY);
}

int64_t day_start(const Zones& zones, int64_t zone, int64_t day) {
  int64_t wall = day * DAY;
  int64_t ahead = offset_at(zones, zone, wall);
  // Nearly always the offset is the same all around, and there is one midnight.
  if (offset_at(zones, zone, wall - DAY) == ahead && offset_at(zones, zone, wall + DAY) == ahead &&
      offset_at(zones, zone, wall - ahead) == ahead) {
    return wall - ahead;
  }
  return first_instant_of(zones, zone, wall);
}

int64_t first_shown(const Zones& zones, int64_t zone, int64_t time, int64_t since) {
  int64_t today = day_of(zones, zone, since);
  for (int64_t day = today; day < today + MOST_DAYS_SKIPPED; ++day) {
    int64_t wall = day * DAY + time, best = FOREVER, latest = 0;
    bool is_shown = false;
    for (int64_t near : {wall - DAY, wall, wall + DAY}) {
      int64_t own = offset_at(zones, zone, near), at = wall - own;
      latest = near == wall - DAY ? own : std::max(latest, own);
      if (offset_at(zones, zone, at) != own) continue;
      is_shown = true;
      if (at >= since) best = std::min(best, at);
    }
    // A time that is set forward over is the instant at which clocks jump.
    int64_t jump = is_shown ? 0 : jump_after(zones, zone, wall - latest);
    if (!is_shown && jump >= since && day_of(zones, zone, jump) == day) best = jump;
    if (best < FOREVER) return best;
  }
  return FOREVER;
}

int64_t period_edge(int64_t day, int64_t unit, int64_t every, int64_t shift, int64_t ahead) {
  if (unit < 100) return (floor_div(floor_div(day + shift, unit), every) + ahead) * every * unit - shift;
  int64_t size = unit - 100;
  int64_t months = (floor_div(floor_div(civil_month(day), size), every) + ahead) * every * size;
  if (months >= MONTH_TOO_LATE) return DAY_TOO_LATE;
  if (months < FIRST_MONTH) return DAY_TOO_EARLY;
  return month_start(months);
}

}  // namespace journeykit
