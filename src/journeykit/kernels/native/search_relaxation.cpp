// The simplex method on a condensed tableau (Dantzig 1963; Chvatal 1983, chapter 2).

#include "search_relaxation.hpp"

#include <algorithm>
#include <utility>

namespace journeykit {
namespace {

constexpr double TINY = 1e-9;
constexpr int64_t PIVOTS = 1'500, STALLED = 60;

}  // namespace

void Relaxation::begin(int64_t level_count) {
  levels = level_count;
  item.clear();
  name.clear();
  space.clear();
}

void Relaxation::add_column(int64_t own) {
  if (static_cast<int64_t>(column_of.size()) <= own) column_of.resize(own + 1);
  column_of[own] = static_cast<int32_t>(item.size());
  item.push_back(static_cast<int32_t>(own));
}

void Relaxation::add_line(int64_t own, double room) {
  name.push_back(static_cast<int32_t>(own));
  space.push_back(room);
}

void Relaxation::lay_out() {
  first_space = space;
  width = columns() + (columns() & 1);
  tableau.assign(lines() * width, 0);
  profit.assign(levels * width, 0);
  column.resize(width);
  basis.resize(lines());
  for (int64_t own = 0; own < width; ++own) column[own] = static_cast<int32_t>(own);
  for (int64_t line = 0; line < lines(); ++line) basis[line] = static_cast<int32_t>(width + line);
}

// The first level at which a column profits; `levels` where it does at none, or loses at one before.
int64_t Relaxation::level_of(int64_t own) const {
  for (int64_t level = 0; level < levels; ++level) {
    const double gain = profit[level * width + own];
    if (gain > TINY) return level;
    if (gain < -TINY) break;
  }
  return levels;
}

// The column that enters: the largest profit at the first level that any has; where the method stalls,
// Bland's rule, so that it cannot circle.
int64_t Relaxation::entering(int64_t stalled) const {
  int64_t enters = -1, first = levels;
  for (int64_t own = 0; own < columns(); ++own) {
    const int64_t level = level_of(own);
    if (level == levels) continue;
    const bool is_better =
        enters < 0 || (stalled > STALLED ? column[own] < column[enters]
                       : level != first  ? level < first
                                         : profit[level * width + own] > profit[level * width + enters]);
    if (!is_better) continue;
    enters = own;
    first = level;
  }
  return enters;
}

// The line that leaves, -1 for none.
int64_t Relaxation::leaving(int64_t enters) const {
  int64_t leaves = -1;
  double least = 0;
  for (int64_t line = 0; line < lines(); ++line) {
    const double entry = tableau[line * width + enters];
    if (!(entry > TINY)) continue;
    const double ratio = space[line] / entry;
    if (leaves < 0 || ratio < least || (ratio == least && basis[line] < basis[leaves])) {
      leaves = line;
      least = ratio;
    }
  }
  return leaves;
}

void Relaxation::pivot(int64_t leaves, int64_t enters) {
  double* own = tableau.data() + leaves * width;
  const double divisor = own[enters];
  for (int64_t at = 0; at < width; ++at) own[at] /= divisor;
  own[enters] = 1 / divisor;
  space[leaves] /= divisor;
  for (int64_t line = 0; line < lines(); ++line) {
    double* other = tableau.data() + line * width;
    const double factor = other[enters];
    if (line == leaves || factor == 0) continue;
    other[enters] = 0;
    for (int64_t at = 0; at < width; ++at) other[at] -= factor * own[at];
    space[line] = std::max(0.0, space[line] - factor * space[leaves]);
  }
  for (int64_t level = 0; level < levels; ++level) {
    double* gain = profit.data() + level * width;
    const double factor = gain[enters];
    if (factor == 0) continue;
    gain[enters] = 0;
    for (int64_t at = 0; at < width; ++at) gain[at] -= factor * own[at];
  }
}

void Relaxation::solve() {
  int64_t stalled = 0;
  is_done = false;
  for (int64_t turn = 0; turn < PIVOTS; ++turn) {
    const int64_t enters = entering(stalled);
    is_done = enters < 0;
    if (is_done) break;
    const int64_t leaves = leaving(enters);
    if (leaves < 0) break;
    stalled = space[leaves] > TINY ? 0 : stalled + 1;
    pivot(leaves, enters);
    std::swap(column[enters], basis[leaves]);
  }
  taken.assign(columns(), 0);
  for (int64_t line = 0; line < lines(); ++line) {
    if (basis[line] < columns()) taken[basis[line]] = space[line];
  }
  found.assign(lines() * levels, 0);
  for (int64_t own = 0; own < width; ++own) {
    if (column[own] < width) continue;
    for (int64_t level = 0; level < levels; ++level) {
      found[(column[own] - width) * levels + level] = -profit[level * width + own];
    }
  }
}

}  // namespace journeykit
