// What one instant makes of windows and dates, by time zone.

#pragma once

#include "interface.hpp"

namespace journeykit {

// By time zone and cap, from when touches count and when they no longer do; by zone, whether days may come
// twice in it; and by opening, what closes it (see `PlainRules`). No cap is about a `between` or `running`
// window.
void plain_times(const Rules& rules, Array2<int64_t> since, Array2<int64_t> leaving, Array1<bool> uneven,
                 Array1<int64_t> closed_rule);

}  // namespace journeykit
