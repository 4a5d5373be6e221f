// The linear relaxation of what goes together: the simplex method on a condensed tableau, in floats.
//
// Values may be of several levels, the first of which is infinitely larger than the next. Nothing exact rests
// on the method: any prices that are not negative give a true bound.

#pragma once

#include <cstdint>
#include <vector>

namespace journeykit {

struct Relaxation {
  std::vector<int32_t> column_of, item, name, column, basis;
  std::vector<double> profit, space, first_space, tableau, found, taken;
  int64_t width = 0, levels = 1, row_lines = 0;
  bool is_done = false;

  int64_t lines() const { return static_cast<int64_t>(name.size()); }
  int64_t columns() const { return static_cast<int64_t>(item.size()); }

  void begin(int64_t level_count);
  void add_column(int64_t own);
  void add_line(int64_t own, double room);
  // Once all columns and lines are added: an empty tableau.
  void lay_out();
  void set_profit(int64_t level, int64_t own, double worth) {
    profit[level * width + column_of[own]] = worth;
  }
  void put(int64_t line, int64_t own, double use) { tableau[line * width + column_of[own]] = use; }
  void solve();
  // After solving: what a line is worth at the margin, how much room it had, and how much of a column is
  // taken.
  double price(int64_t line, int64_t level) const { return found[line * levels + level]; }
  double share(int64_t own) const { return taken[own]; }
  double space_of(int64_t line) const { return first_space[line]; }

 private:
  int64_t level_of(int64_t column) const;
  int64_t entering(int64_t stalled) const;
  int64_t leaving(int64_t enters) const;
  void pivot(int64_t leaves, int64_t enters);
};

}  // namespace journeykit
