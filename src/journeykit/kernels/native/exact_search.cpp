// The exact choice among one contact's claims, as `journeykit.engine.selection` makes it.
//
// Where what binds is a laminar family of plain counts, taking the best first is optimal; otherwise a branch
// and bound takes before it leaves, in the order of claims, so that the first of several equal sets that it
// meets is the one wanted, and its bound is the Lagrangian relaxation of the rows, with prices from
// coordinate descent and, where the search is long, from the linear relaxation.

#include "exact_search.hpp"

#include <algorithm>
#include <utility>

namespace journeykit {
namespace {

// After so many nodes better prices are worth their time.
constexpr int64_t PATIENCE = 100;
constexpr int64_t PIVOTS = 1'500, STALLED = 60, SWEEPS = 6;
constexpr double TINY = 1e-9;
constexpr int64_t LARGE = int64_t{1} << 60;

// A part of a problem: its rows, its items, in the order of claims, and their groups.
struct Part {
  int64_t rows, size, groups;
};

// What can be taken at all

// Opens the items that are worth something; one that costs more than that can still be the partner that
// something else needs.
void open_items(const SearchProblem& problem, Array1<bool> live, Array1<bool> chosen) {
  const bool is_clausal = problem.size[CLAUSES] != 0;
  for (int64_t item = 0; item < problem.size[ITEMS]; ++item) {
    chosen[item] = false;
    const int64_t value = problem.items[item].value;
    live[item] = value > 0 || (value < 0 && is_clausal && problem.items[item].shut == 0);
  }
}

// Whether some partner of a clause is open.
bool has_hope(const SearchProblem& problem, Array1<bool> live, const SearchClause& clause) {
  for (int64_t place = clause.start; place < clause.stop; ++place) {
    if (live[problem.partners[place]]) return true;
  }
  return false;
}

// Whether an item will do as the partner of one that is open.
bool is_wanted(const SearchProblem& problem, Array1<bool> live, int64_t item) {
  for (int64_t number = 0; number < problem.size[CLAUSES]; ++number) {
    const SearchClause clause = problem.clauses[number];
    if (!live[clause.pick]) continue;
    for (int64_t place = clause.start; place < clause.stop; ++place) {
      if (problem.partners[place] == item) return true;
    }
  }
  return false;
}

// Closes the items whose partners are all closed, and those that only a partner's use could have kept open.
void drop_hopeless(const SearchProblem& problem, Array1<bool> live) {
  bool has_changed = true;
  while (has_changed) {
    has_changed = false;
    for (int64_t number = 0; number < problem.size[CLAUSES]; ++number) {
      const SearchClause clause = problem.clauses[number];
      if (live[clause.pick] && !has_hope(problem, live, clause)) {
        live[clause.pick] = false;
        has_changed = true;
      }
    }
    for (int64_t item = 0; item < problem.size[ITEMS]; ++item) {
      if (live[item] && problem.items[item].value < 0 && !is_wanted(problem, live, item)) {
        live[item] = false;
        has_changed = true;
      }
    }
  }
}

// Closes the items that use more of a row than there is.
void drop_too_large(const SearchProblem& problem, Array1<bool> live) {
  for (int64_t number = 0; number < problem.size[LINES]; ++number) {
    const SearchRow row = problem.rows[number];
    for (int64_t place = row.start; place < row.stop; ++place) {
      const SearchMember member = problem.members[place];
      if (member.use > row.room) live[member.pick] = false;
    }
  }
}

// Marks the rows that the open items could overfill; whether there are any.
bool mark_binding(const SearchProblem& problem, const SearchWorkspace& workspace) {
  bool is_any = false;
  for (int64_t number = 0; number < problem.size[LINES]; ++number) {
    const SearchRow row = problem.rows[number];
    int64_t used = 0;
    for (int64_t place = row.start; place < row.stop; ++place) {
      const SearchMember member = problem.members[place];
      if (workspace.live[member.pick]) used = wrapping_add(used, member.use);
    }
    workspace.binding[number] = used > row.room;
    is_any = is_any || used > row.room;
  }
  return is_any;
}

// Parts that nothing connects

int64_t leader_of(Array1<SearchNumbers> by, int64_t item) {
  while (by[item].leader != item) {
    by[item].leader = by[by[item].leader].leader;
    item = by[item].leader;
  }
  return item;
}

// Gives the items of one leader to the leader of another item.
void join(Array1<SearchNumbers> by, int64_t item, int64_t other) {
  const int64_t leader = leader_of(by, other);
  by[leader_of(by, item)].leader = leader;
}

// The items in parts that nothing connects: by item, the leader of its part.
void part_items(const SearchProblem& problem, const SearchWorkspace& workspace) {
  const Array1<SearchNumbers> by = workspace.by;
  const Array1<bool> live = workspace.live;
  for (int64_t item = 0; item < problem.size[ITEMS]; ++item) by[item].leader = item;
  for (int64_t number = 0; number < problem.size[LINES]; ++number) {
    if (!workspace.binding[number]) continue;
    const SearchRow row = problem.rows[number];
    int64_t first = -1;
    for (int64_t place = row.start; place < row.stop; ++place) {
      const int64_t item = problem.members[place].pick;
      if (!live[item]) continue;
      if (first < 0) first = item;
      join(by, item, first);
    }
  }
  for (int64_t number = 0; number < problem.size[CLAUSES]; ++number) {
    const SearchClause clause = problem.clauses[number];
    if (!live[clause.pick]) continue;
    for (int64_t place = clause.start; place < clause.stop; ++place) {
      const int64_t partner = problem.partners[place];
      if (live[partner]) join(by, partner, clause.pick);
    }
  }
  for (int64_t item = 0; item < problem.size[ITEMS]; ++item) by[item].part = leader_of(by, item);
}

// Numbers the items of a part in the order of claims; how many there are.
int64_t number_items(const SearchProblem& problem, const SearchWorkspace& workspace, int64_t leader) {
  const Array1<SearchNumbers> by = workspace.by;
  const int64_t count = problem.size[ITEMS];
  for (int64_t place = 0; place < count; ++place) by[place].number = -1;
  int64_t size = 0;
  for (int64_t place = 0; place < count; ++place) {
    const int64_t item = problem.items[place].order;
    if (workspace.live[item] && by[item].part == leader) {
      by[item].number = size;
      by[size].place = item;
      ++size;
    }
  }
  return size;
}

// Whether a row has items of the part.
bool touches(const SearchProblem& problem, const SearchRow& row, Array1<SearchNumbers> by) {
  for (int64_t place = row.start; place < row.stop; ++place) {
    if (by[problem.members[place].pick].number >= 0) return true;
  }
  return false;
}

// A row in smallest whole numbers.
void shrink(const SearchWorkspace& workspace, int64_t row, int64_t size) {
  const Array2<int64_t> uses = workspace.use;
  int64_t unit = 0;
  for (int64_t item = 0; item < size; ++item) {
    int64_t use = uses(row, item);
    if (use == unit) continue;
    while (use != 0) use = floor_mod(std::exchange(unit, use), use);
  }
  if (unit <= 1) return;
  workspace.left[row].room = floor_div(workspace.left[row].room, unit);
  for (int64_t item = 0; item < size; ++item) uses(row, item) = floor_div(uses(row, item), unit);
}

// The rows of a part, as uses by item; how many there are.
int64_t spread_rows(const SearchProblem& problem, const SearchWorkspace& workspace, int64_t size) {
  const Array1<SearchNumbers> by = workspace.by;
  const Array2<int64_t> uses = workspace.use;
  int64_t rows = 0;
  for (int64_t number = 0; number < problem.size[LINES]; ++number) {
    const SearchRow row = problem.rows[number];
    if (!workspace.binding[number] || !touches(problem, row, by)) continue;
    for (int64_t item = 0; item < size; ++item) uses(rows, item) = 0;
    for (int64_t place = row.start; place < row.stop; ++place) {
      const SearchMember member = problem.members[place];
      if (by[member.pick].number >= 0) uses(rows, by[member.pick].number) = member.use;
    }
    workspace.left[rows].room = row.room;
    shrink(workspace, rows, size);
    ++rows;
  }
  return rows;
}

bool has_clauses(const SearchProblem& problem, Array1<SearchNumbers> by) {
  for (int64_t clause = 0; clause < problem.size[CLAUSES]; ++clause) {
    if (by[problem.clauses[clause].pick].number >= 0) return true;
  }
  return false;
}

// Taking the best first

// Whether two rows of plain counts lie one inside the other, or apart.
bool are_nested(Array2<int64_t> uses, int64_t row, int64_t other, int64_t size) {
  int64_t both = 0, one = 0, two = 0;
  for (int64_t item = 0; item < size; ++item) {
    both += uses(row, item) & uses(other, item);
    one += uses(row, item);
    two += uses(other, item);
  }
  return both == 0 || both == one || both == two;
}

bool is_laminar(const SearchWorkspace& workspace, int64_t rows, int64_t size) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t item = 0; item < size; ++item) {
      if (workspace.use(row, item) > 1) return false;
    }
    for (int64_t other = 0; other < row; ++other) {
      if (!are_nested(workspace.use, row, other, size)) return false;
    }
  }
  return true;
}

// Of the items that were not looked at, the best.
int64_t best_left(const SearchProblem& problem, const SearchWorkspace& workspace, int64_t size) {
  int64_t best = -1;
  for (int64_t at = 0; at < size; ++at) {
    if (workspace.done[at]) continue;
    if (best < 0) {
      best = at;
      continue;
    }
    const SearchItem& item = problem.items[workspace.by[at].place];
    const SearchItem& rival = problem.items[workspace.by[best].place];
    if (item.level < rival.level || (item.level == rival.level && item.value > rival.value)) best = at;
  }
  return best;
}

void take_best_first(const SearchProblem& problem, const SearchWorkspace& workspace, int64_t rows,
                     int64_t size, Array1<bool> chosen) {
  const Array2<int64_t> uses = workspace.use;
  for (int64_t at = 0; at < size; ++at) workspace.done[at] = false;
  for (int64_t turn = 0; turn < size; ++turn) {
    const int64_t best = best_left(problem, workspace, size);
    workspace.done[best] = true;
    bool is_fitting = true;
    for (int64_t row = 0; row < rows; ++row) {
      is_fitting = is_fitting && uses(row, best) <= workspace.left[row].room;
    }
    if (!is_fitting) continue;
    chosen[workspace.by[best].place] = true;
    for (int64_t row = 0; row < rows; ++row) workspace.left[row].room -= uses(row, best);
  }
}

// Values

// The last level of the items that have no value yet.
int64_t last_level(const SearchProblem& problem, const SearchWorkspace& workspace, int64_t size) {
  int64_t last = -(int64_t{1} << 62);
  for (int64_t at = 0; at < size; ++at) {
    if (!workspace.done[at]) last = std::max(last, problem.items[workspace.by[at].place].level);
  }
  return last;
}

// Whether the values, without sign, add up to no more than a search can work with.
bool is_sum_small(Array1<SearchNumbers> by, int64_t size) {
  int64_t total = 0;
  for (int64_t at = 0; at < size; ++at) {
    const int64_t value = wrapping_abs(by[at].value);
    if (value > wrapping_subtract(LARGE, total)) return false;
    total = wrapping_add(total, value);
  }
  return true;
}

// One whole value for each item, so that sums compare level by level; false where they would be too large.
bool combine_levels(const SearchProblem& problem, const SearchWorkspace& workspace, int64_t size) {
  const Array1<SearchNumbers> by = workspace.by;
  const Array1<bool> done = workspace.done;
  for (int64_t at = 0; at < size; ++at) done[at] = false;
  int64_t left = size, unit = 1;
  while (left != 0) {
    const int64_t last = last_level(problem, workspace, size);
    int64_t total = 0;
    for (int64_t at = 0; at < size; ++at) {
      const SearchItem& item = problem.items[by[at].place];
      if (done[at] || item.level != last) continue;
      if (item.value > floor_div(LARGE, unit)) return false;
      by[at].value = wrapping_multiply(item.value, unit);
      total = wrapping_add(total, std::max(int64_t{0}, item.value));
      done[at] = true;
      --left;
    }
    if (left == 0) break;
    total = wrapping_add(total, 1);
    if (total > floor_div(LARGE, unit)) return false;
    unit = wrapping_multiply(unit, total);
  }
  return is_sum_small(by, size);
}

// By item, the number of its group among those of the part; how many groups there are.
int64_t number_groups(const SearchProblem& problem, Array1<SearchNumbers> by, int64_t size) {
  int64_t groups = 0;
  for (int64_t at = 0; at < size; ++at) {
    by[at].group = -1;
    const int64_t group = problem.items[by[at].place].group;
    for (int64_t other = 0; other < at; ++other) {
      if (problem.items[by[other].place].group == group) {
        by[at].group = by[other].group;
        break;
      }
    }
    if (by[at].group < 0) by[at].group = groups++;
  }
  return groups;
}

// Multiplies the values with the largest use, so that prices of one unit can be whole; 0 where they would be
// too large.
int64_t scale_values(const SearchWorkspace& workspace, int64_t rows, int64_t size) {
  const Array1<SearchNumbers> by = workspace.by;
  int64_t widest = 1, worth = 0;
  for (int64_t at = 0; at < size; ++at) {
    worth = wrapping_add(worth, wrapping_abs(by[at].value));
    for (int64_t row = 0; row < rows; ++row) widest = std::max(widest, workspace.use(row, at));
  }
  if (worth > (int64_t{1} << 61) / widest / (rows + 1)) return 0;
  for (int64_t at = 0; at < size; ++at) by[at].value = wrapping_multiply(by[at].value, widest);
  return widest;
}

// Prices of the rows

// The widest rows first: their prices, set first, leave the narrow ones least to do.
void sort_rows(const SearchWorkspace& workspace, int64_t rows, int64_t size) {
  const Array1<SearchLeft> left = workspace.left;
  const Array2<int64_t> uses = workspace.use;
  for (int64_t row = 0; row < rows; ++row) {
    left[row].width = 0;
    for (int64_t at = 0; at < size; ++at) left[row].width += uses(row, at) > 0;
    for (int64_t at = row; at > 0 && left[at - 1].width < left[at].width; --at) {
      std::swap(left[at - 1].room, left[at].room);
      std::swap(left[at - 1].width, left[at].width);
      for (int64_t item = 0; item < size; ++item) std::swap(uses(at - 1, item), uses(at, item));
    }
  }
}

// The price per unit at which the offers worth more than it just fill the room.
int64_t best_price(const SearchWorkspace& workspace, int64_t count, int64_t room) {
  const Array1<SearchNumbers> by = workspace.by;
  const Array1<bool> done = workspace.done;
  int64_t total = 0;
  for (int64_t at = 0; at < count; ++at) {
    total = wrapping_add(total, by[at].spent);
    done[at] = false;
  }
  if (total <= room) return 0;
  int64_t taken = 0;
  for (int64_t turn = 0; turn < count; ++turn) {
    int64_t best = -1, price = 0;
    for (int64_t at = 0; at < count; ++at) {
      if (done[at]) continue;
      const int64_t own = floor_div(by[at].gain, by[at].spent);
      if (best < 0 || own > price) {
        best = at;
        price = own;
      }
    }
    done[best] = true;
    taken = wrapping_add(taken, by[best].spent);
    if (taken > room) return price;
  }
  return 0;
}

// What each group offers for a row: its gain over what it does without it, and what it spends; how many
// offers there are.
int64_t list_offers(const SearchWorkspace& workspace, const Part& part, int64_t row) {
  const Array1<SearchNumbers> by = workspace.by;
  const int64_t old = workspace.left[row].price;
  for (int64_t own = 0; own < part.groups; ++own) by[own].gain = by[own].spent = by[own].outside = 0;
  for (int64_t item = 0; item < part.size; ++item) {
    const int64_t own = by[item].group, use = workspace.use(row, item);
    if (use != 0) {
      const int64_t inside = wrapping_add(by[item].worth, wrapping_multiply(old, use));
      if (inside > by[own].gain) {
        by[own].gain = inside;
        by[own].spent = use;
      }
    } else if (by[item].worth > by[own].outside) {
      by[own].outside = by[item].worth;
    }
  }
  int64_t offers = 0;
  for (int64_t own = 0; own < part.groups; ++own) {
    if (by[own].spent == 0 || by[own].gain <= by[own].outside) continue;
    by[offers].gain = wrapping_subtract(by[own].gain, by[own].outside);
    by[offers].spent = by[own].spent;
    ++offers;
  }
  return offers;
}

// Prices of the rows by coordinate descent on the dual, and what the items are worth at them.
void set_prices(const SearchWorkspace& workspace, const Part& part) {
  const Array1<SearchNumbers> by = workspace.by;
  const Array1<SearchLeft> left = workspace.left;
  for (int64_t item = 0; item < part.size; ++item) by[item].worth = by[item].value;
  for (int64_t row = 0; row < part.rows; ++row) left[row].price = 0;
  for (int64_t sweep = 0; sweep < SWEEPS; ++sweep) {
    bool has_moved = false;
    for (int64_t row = 0; row < part.rows; ++row) {
      const int64_t old = left[row].price;
      const int64_t price = best_price(workspace, list_offers(workspace, part, row), left[row].room);
      if (price == old) continue;
      has_moved = true;
      left[row].price = price;
      const int64_t less = wrapping_subtract(old, price);
      for (int64_t item = 0; item < part.size; ++item) {
        by[item].worth = wrapping_add(by[item].worth, wrapping_multiply(less, workspace.use(row, item)));
      }
    }
    if (!has_moved) break;
  }
}

// What the items are worth at the prices.
void set_worths(const SearchWorkspace& workspace, const Part& part) {
  const Array1<SearchNumbers> by = workspace.by;
  for (int64_t item = 0; item < part.size; ++item) by[item].worth = by[item].value;
  for (int64_t row = 0; row < part.rows; ++row) {
    const int64_t price = workspace.left[row].price;
    for (int64_t item = 0; item < part.size; ++item) {
      by[item].worth = wrapping_subtract(by[item].worth, wrapping_multiply(price, workspace.use(row, item)));
    }
  }
}

// The best of each group, added up.
int64_t sum_of_best(Array1<SearchNumbers> by, int64_t groups) {
  int64_t total = 0;
  for (int64_t own = 0; own < groups; ++own) total = wrapping_add(total, by[own].best);
  return total;
}

// What all items can reach at most.
int64_t first_bound(const SearchWorkspace& workspace, const Part& part) {
  const Array1<SearchNumbers> by = workspace.by;
  int64_t total = 0;
  for (int64_t row = 0; row < part.rows; ++row) {
    const SearchLeft& left = workspace.left[row];
    total = wrapping_add(total, wrapping_multiply(left.price, left.room));
  }
  for (int64_t own = 0; own < part.groups; ++own) by[own].best = 0;
  for (int64_t item = 0; item < part.size; ++item) {
    int64_t& best = by[by[item].group].best;
    best = std::max(best, by[item].worth);
  }
  return wrapping_add(total, sum_of_best(by, part.groups));
}

// What the free items can add at most.
int64_t bound_of(const SearchWorkspace& workspace, int64_t depth, const Part& part) {
  const Array1<SearchNumbers> by = workspace.by;
  const Array2<bool> free = workspace.free;
  int64_t total = 0;
  for (int64_t row = 0; row < part.rows; ++row) {
    total = wrapping_add(total, wrapping_multiply(workspace.left[row].price, workspace.room(depth, row)));
  }
  for (int64_t own = 0; own < part.groups; ++own) by[own].best = 0;
  for (int64_t item = 0; item < part.size; ++item) {
    if (!free(depth, item)) continue;
    int64_t& best = by[by[item].group].best;
    best = std::max(best, by[item].worth);
  }
  return wrapping_add(total, sum_of_best(by, part.groups));
}

// The linear relaxation

// The column that enters: the largest profit; where the method stalls, Bland's rule, so that it cannot
// circle.
int64_t entering(Array1<SearchNumbers> by, int64_t size, int64_t stalled) {
  int64_t enters = -1;
  for (int64_t column = 0; column < size; ++column) {
    if (!(by[column].profit > TINY)) continue;
    if (enters < 0 ||
        (stalled > STALLED ? by[column].column < by[enters].column : by[column].profit > by[enters].profit)) {
      enters = column;
    }
  }
  return enters;
}

// The line that leaves, -1 for none.
int64_t leaving(const SearchWorkspace& workspace, int64_t lines, int64_t enters) {
  const Array1<RelaxationLine> line = workspace.lines;
  int64_t leaves = -1;
  double least = 0;
  for (int64_t own = 0; own < lines; ++own) {
    if (!(workspace.tableau(own, enters) > TINY)) continue;
    const double ratio = line[own].space / workspace.tableau(own, enters);
    if (leaves < 0 || ratio < least || (ratio == least && line[own].basis < line[leaves].basis)) {
      leaves = own;
      least = ratio;
    }
  }
  return leaves;
}

void pivot(const SearchWorkspace& workspace, int64_t lines, int64_t size, int64_t leaves, int64_t enters) {
  const Array1<SearchNumbers> by = workspace.by;
  const Array1<RelaxationLine> line = workspace.lines;
  const Array2<double> tableau = workspace.tableau;
  const double divisor = tableau(leaves, enters);
  for (int64_t column = 0; column < size; ++column) tableau(leaves, column) /= divisor;
  tableau(leaves, enters) = 1 / divisor;
  line[leaves].space /= divisor;
  for (int64_t own = 0; own < lines; ++own) {
    const double factor = tableau(own, enters);
    if (own == leaves || factor == 0) continue;
    tableau(own, enters) = 0;
    for (int64_t column = 0; column < size; ++column) {
      tableau(own, column) -= factor * tableau(leaves, column);
    }
    line[own].space = std::max(0.0, line[own].space - factor * line[leaves].space);
  }
  const double factor = by[enters].profit;
  by[enters].profit = 0;
  for (int64_t column = 0; column < size; ++column) by[column].profit -= factor * tableau(leaves, column);
}

// The simplex method on a condensed tableau, as in `journeykit.engine.lp_prices`.
void relax(const SearchWorkspace& workspace, int64_t lines, int64_t size) {
  const Array1<RelaxationLine> line = workspace.lines;
  for (int64_t own = 0; own < lines; ++own) line[own].basis = size + own;
  int64_t stalled = 0;
  for (int64_t turn = 0; turn < PIVOTS; ++turn) {
    const int64_t enters = entering(workspace.by, size, stalled);
    if (enters < 0) break;
    const int64_t leaves = leaving(workspace, lines, enters);
    if (leaves < 0) break;
    stalled = line[leaves].space > TINY ? 0 : stalled + 1;
    pivot(workspace, lines, size, leaves, enters);
    std::swap(workspace.by[enters].column, line[leaves].basis);
  }
}

// The tableau of a part: its rows, then its groups, of each of which one item goes; the prices are kept
// apart.
void fill_tableau(const SearchWorkspace& workspace, const Part& part, int64_t largest) {
  const Array1<SearchNumbers> by = workspace.by;
  const Array2<double> tableau = workspace.tableau;
  for (int64_t item = 0; item < part.size; ++item) {
    by[item].column = item;
    by[item].profit = static_cast<double>(by[item].value) / static_cast<double>(largest);
    for (int64_t row = 0; row < part.rows; ++row) {
      tableau(row, item) = static_cast<double>(workspace.use(row, item));
    }
    for (int64_t group = 0; group < part.groups; ++group) {
      tableau(part.rows + group, item) = by[item].group == group ? 1 : 0;
    }
  }
  for (int64_t row = 0; row < part.rows; ++row) {
    SearchLeft& left = workspace.left[row];
    workspace.lines[row].space = static_cast<double>(left.room);
    left.kept = left.price;
    left.price = 0;
  }
  for (int64_t group = 0; group < part.groups; ++group) workspace.lines[part.rows + group].space = 1;
}

// Better prices from the linear relaxation, where coordinate descent is stuck at a corner.
//
// The prices may be rough, as floats are: the bound is worked out on whole numbers, and so is true at any
// prices.
void sharpen(const SearchWorkspace& workspace, const Part& part) {
  const Array1<SearchNumbers> by = workspace.by;
  const Array1<SearchLeft> left = workspace.left;
  const int64_t before = first_bound(workspace, part);
  int64_t largest = 1;
  for (int64_t item = 0; item < part.size; ++item) largest = std::max(largest, by[item].value);
  fill_tableau(workspace, part, largest);
  relax(workspace, part.rows + part.groups, part.size);
  for (int64_t column = 0; column < part.size; ++column) {
    const int64_t row = by[column].column - part.size;
    if (row < 0 || row >= part.rows || !(by[column].profit < 0)) continue;
    // No row is worth more than the best item: so no sum is larger than before.
    left[row].price = to_whole(std::min(1.0, -by[column].profit) * static_cast<double>(largest));
  }
  set_worths(workspace, part);
  if (first_bound(workspace, part) <= before) return;
  for (int64_t row = 0; row < part.rows; ++row) left[row].price = left[row].kept;
  set_worths(workspace, part);
}

// Branch and bound

// Drops free items that can have no partner any more; whether every item taken still can.
bool is_alive(const SearchProblem& problem, const SearchWorkspace& workspace, int64_t depth) {
  const Array1<SearchNumbers> by = workspace.by;
  const Array2<bool> free = workspace.free, taken = workspace.taken;
  bool has_changed = true;
  while (has_changed) {
    has_changed = false;
    for (int64_t number = 0; number < problem.size[CLAUSES]; ++number) {
      const SearchClause clause = problem.clauses[number];
      const int64_t item = by[clause.pick].number;
      if (item < 0 || !(free(depth, item) || taken(depth, item))) continue;
      bool is_hopeful = false;
      for (int64_t place = clause.start; place < clause.stop && !is_hopeful; ++place) {
        const int64_t partner = by[problem.partners[place]].number;
        is_hopeful = partner >= 0 && (free(depth, partner) || taken(depth, partner));
      }
      if (is_hopeful) continue;
      if (taken(depth, item)) return false;
      free(depth, item) = false;
      has_changed = true;
    }
  }
  return true;
}

// Takes an item on the next depth, and what does not fit beside it out of what is free there.
void descend(const SearchWorkspace& workspace, const Part& part, int64_t depth, int64_t item) {
  const Array1<SearchNumbers> by = workspace.by;
  const Array2<bool> free = workspace.free, taken = workspace.taken;
  const Array2<int64_t> uses = workspace.use;
  const int64_t below = depth + 1;
  for (int64_t at = 0; at < part.size; ++at) {
    free(below, at) = free(depth, at);
    taken(below, at) = taken(depth, at);
  }
  taken(below, item) = true;
  by[below].total = by[depth].total + by[item].value;
  for (int64_t row = 0; row < part.rows; ++row) {
    const int64_t use = uses(row, item);
    const int64_t room = workspace.room(depth, row) - use;
    workspace.room(below, row) = room;
    if (use == 0) continue;
    for (int64_t other = item + 1; other < part.size; ++other) {
      if (uses(row, other) > room) free(below, other) = false;
    }
  }
}

void start_search(const SearchWorkspace& workspace, const Part& part) {
  for (int64_t at = 0; at < part.size; ++at) {
    workspace.free(0, at) = true;
    workspace.taken(0, at) = false;
  }
  for (int64_t row = 0; row < part.rows; ++row) workspace.room(0, row) = workspace.left[row].room;
  workspace.by[0].total = 0;
}

int64_t first_free(const SearchWorkspace& workspace, int64_t depth, int64_t size) {
  int64_t item = 0;
  while (item < size && !workspace.free(depth, item)) ++item;
  return item;
}

// Ends a search that takes too long: whether it settles for what it has, the worth of which may then fall
// short of the best by so much.
bool settle(const SearchWorkspace& workspace, const Part& part, int64_t most, int64_t best, int64_t widest) {
  const Array1<int64_t> terms = workspace.terms;
  if (terms[1] == 0) return false;
  const int64_t bound = std::min(most, first_bound(workspace, part));
  const int64_t gap = std::max(int64_t{0}, wrapping_subtract(bound, best));
  terms[2] = wrapping_add(terms[2], floor_div(wrapping_add(gap, widest - 1), widest));
  return true;
}

// Depth-first branch and bound: at each depth the first free item is taken, then left.
bool branch(const SearchProblem& problem, const SearchWorkspace& workspace, const Part& part, int64_t widest,
            Array1<bool> chosen) {
  const Array1<SearchNumbers> by = workspace.by;
  const int64_t size = part.size, most = bound_of(workspace, 0, part);
  int64_t best = 0, nodes = 0;
  for (int64_t depth = 0; depth >= 0;) {
    ++nodes;
    if (nodes > workspace.terms[0]) return settle(workspace, part, most, best, widest);
    if (nodes == PATIENCE) sharpen(workspace, part);
    const int64_t item = first_free(workspace, depth, size);
    if (item == size) {
      if (by[depth].total > best) {
        best = by[depth].total;
        for (int64_t at = 0; at < size; ++at) chosen[by[at].place] = workspace.taken(depth, at);
      }
      --depth;
      continue;
    }
    if (wrapping_add(by[depth].total, bound_of(workspace, depth, part)) <= best) {
      --depth;
      continue;
    }
    workspace.free(depth, item) = false;
    descend(workspace, part, depth, item);
    bool is_good = true;
    if (problem.size[CLAUSES] != 0) {
      is_good = is_alive(problem, workspace, depth + 1);
      if (!is_alive(problem, workspace, depth)) {
        // Without the item one of those taken has no partner left: only the branch with it goes on.
        for (int64_t at = 0; at < size; ++at) workspace.free(depth, at) = false;
        by[depth].total = 0;
      }
    }
    if (is_good) ++depth;
  }
  return true;
}

bool search(const SearchProblem& problem, const SearchWorkspace& workspace, int64_t rows, int64_t size,
            Array1<bool> chosen) {
  const Part part{rows, size, number_groups(problem, workspace.by, size)};
  const int64_t widest = scale_values(workspace, rows, size);
  if (widest == 0) return false;
  sort_rows(workspace, rows, size);
  set_prices(workspace, part);
  start_search(workspace, part);
  return branch(problem, workspace, part, widest, chosen);
}

bool solve_part(const SearchProblem& problem, const SearchWorkspace& workspace, int64_t leader,
                Array1<bool> chosen) {
  const int64_t size = number_items(problem, workspace, leader);
  const int64_t rows = spread_rows(problem, workspace, size);
  const bool is_clausal = has_clauses(problem, workspace.by);
  if (rows == 0 && !is_clausal) {
    for (int64_t at = 0; at < size; ++at) chosen[workspace.by[at].place] = true;
    return true;
  }
  if (!is_clausal && is_laminar(workspace, rows, size)) {
    take_best_first(problem, workspace, rows, size, chosen);
    return true;
  }
  return combine_levels(problem, workspace, size) && search(problem, workspace, rows, size, chosen);
}

}  // namespace

bool solve(const SearchProblem& problem, const SearchWorkspace& workspace, Array1<bool> chosen) {
  const Array1<bool> live = workspace.live;
  const int64_t count = problem.size[ITEMS];
  const bool is_clausal = problem.size[CLAUSES] != 0;
  open_items(problem, live, chosen);
  if (is_clausal) drop_hopeless(problem, live);
  drop_too_large(problem, live);
  if (is_clausal) drop_hopeless(problem, live);
  if (!mark_binding(problem, workspace) && !is_clausal) {
    for (int64_t item = 0; item < count; ++item) chosen[item] = live[item];
    return true;
  }
  part_items(problem, workspace);
  for (int64_t leader = 0; leader < count; ++leader) {
    if (!live[leader] || workspace.by[leader].part != leader) continue;
    if (!solve_part(problem, workspace, leader, chosen)) return false;
  }
  return true;
}

}  // namespace journeykit
