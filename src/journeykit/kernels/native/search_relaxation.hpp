// The linear relaxation of what goes together: the simplex method on a condensed tableau, in floats.
//
// Nothing exact rests on it: any prices that are not negative give a true bound.

#pragma once

#include <cstdint>
#include <vector>

namespace journeykit {

struct Relaxation {
  std::vector<int32_t> column_of, item, name, column, basis;
  std::vector<double> profit, space, first_space, tableau, found;
  int64_t width = 0;
  bool is_done = false;

  int64_t lines() const { return static_cast<int64_t>(name.size()); }
  int64_t columns() const { return static_cast<int64_t>(item.size()); }

  void begin();
  void add_column(int64_t own, double worth);
  void add_line(int64_t own, double room);
  // Once all columns and lines are added: an empty tableau.
  void lay_out();
  void put(int64_t line, int64_t own, double use) { tableau[line * width + column_of[own]] = use; }
  void solve();
  // After solving: what a line is worth at the margin, and how much room it had.
  double price(int64_t line) const { return found[line]; }
  double space_of(int64_t line) const { return first_space[line]; }

 private:
  int64_t entering(int64_t stalled) const;
  int64_t leaving(int64_t enters) const;
  void pivot(int64_t leaves, int64_t enters);
};

}  // namespace journeykit
