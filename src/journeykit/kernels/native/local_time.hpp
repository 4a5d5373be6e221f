// Local days and instants.

#pragma once

#include "interface.hpp"

namespace journeykit {

inline constexpr int64_t DAY = 86'400'000'000;

// Where the offset of a zone at an instant is.
int64_t offset_place(const Zones& zones, int64_t zone, int64_t at);

// Microseconds by which local time is ahead of UTC.
int64_t offset_at(const Zones& zones, int64_t zone, int64_t at);

// Local date of an instant, as a day number.
int64_t day_of(const Zones& zones, int64_t zone, int64_t at);

// The first instant from one on at which local clocks show a time of day.
int64_t first_shown(const Zones& zones, int64_t zone, int64_t time, int64_t since);

// The first instant of a local date.
int64_t day_start(const Zones& zones, int64_t zone, int64_t day);

// First day of the block of periods in which a day lies, or of a later block.
//
// The unit is 1 for days, 7 for weeks, and 100 more than the number of months for months, quarters and years;
// `every` of them make a block; `shift` is by how many days weeks are moved, so that one starts on their
// first day; `ahead` is 0 for the day's own block, 1 for the next.
int64_t period_edge(int64_t day, int64_t unit, int64_t every, int64_t shift, int64_t ahead);

}  // namespace journeykit
