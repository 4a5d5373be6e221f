// Which problems of a pool can be solved without a search.

#include "pool_shapes.hpp"

#include <algorithm>

#include "arithmetic.hpp"

namespace journeykit {
namespace {

// Whether a row comes before another: by its members, what they use, and how much there is.
bool is_before(const ProblemPool& pool, const PoolLine& row, const PoolLine& other) {
  const int64_t size = row.stop - row.start, width = other.stop - other.start;
  for (int64_t place = 0; place < std::min(size, width); ++place) {
    const PoolMember one = pool.member[row.start + place], two = pool.member[other.start + place];
    if (one.pick != two.pick) return one.pick < two.pick;
    if (one.use != two.use) return one.use < two.use;
  }
  return size != width ? size < width : row.room < other.room;
}

// Puts the members of a row in the order of the items.
void sort_members(Array1<PoolMember> members, const PoolLine& row) {
  for (int64_t place = row.start + 1; place < row.stop; ++place) {
    const PoolMember member = members[place];
    int64_t at = place;
    for (; at > row.start && members[at - 1].pick > member.pick; --at) members[at] = members[at - 1];
    members[at] = member;
  }
}

// Puts the members of rows, and the rows, in an order of their own, whichever engine made them.
void sort_rows(const ProblemPool& pool, int64_t low, int64_t high) {
  const Array1<PoolLine> lines = pool.line;
  for (int64_t number = low; number < high; ++number) {
    const PoolLine row = lines[number];
    sort_members(pool.member, row);
    int64_t at = number;
    for (; at > low && is_before(pool, row, lines[at - 1]); --at) lines[at] = lines[at - 1];
    lines[at] = row;
  }
}

// Whether a row has the members of another, which comes before it and so leaves no more capacity.
bool is_same(const ProblemPool& pool, const PoolLine& row, const PoolLine& other) {
  if (row.stop - row.start != other.stop - other.start) return false;
  for (int64_t place = 0; place < row.stop - row.start; ++place) {
    const PoolMember one = pool.member[row.start + place], two = pool.member[other.start + place];
    if (one.pick != two.pick || one.use != two.use) return false;
  }
  return true;
}

// Whether each member of a row uses one.
bool is_plain(const ProblemPool& pool, const PoolLine& row) {
  for (int64_t place = row.start; place < row.stop; ++place) {
    if (pool.member[place].use != 1) return false;
  }
  return true;
}

// How many items of a unit go in all: by the least room of the plain rows over all items.
int64_t top_of(const ProblemPool& pool, int64_t low, int64_t high, int64_t items) {
  int64_t top = items;
  for (int64_t number = low; number < high; ++number) {
    const PoolLine row = pool.line[number];
    if (row.stop - row.start == items && is_plain(pool, row)) top = std::min(top, row.room);
  }
  return top;
}

// Keeps the rows that say more than that so many items go in all, and once of several that have the same
// members; where they end.
int64_t keep_rows(const ProblemPool& pool, int64_t low, int64_t high, int64_t items, int64_t top) {
  int64_t kept = low;
  for (int64_t number = low; number < high; ++number) {
    const PoolLine row = pool.line[number];
    const int64_t size = row.stop - row.start;
    if (is_plain(pool, row) && (size == items || row.room >= std::min(top, size))) continue;
    if (kept > low && is_same(pool, row, pool.line[kept - 1])) continue;
    pool.line[kept++] = row;
  }
  return kept;
}

// Whether of two rows, of which one is marked, each item lies in both, or one lies inside the other.
bool are_nested(const ProblemPool& pool, const PoolLine& marked, const PoolLine& other,
                Array1<int64_t> mark) {
  int64_t both = 0;
  for (int64_t place = other.start; place < other.stop; ++place) both += mark[pool.member[place].pick];
  return both == 0 || both == marked.stop - marked.start || both == other.stop - other.start;
}

// Whether rows are plain and any two of them lie one inside the other, or apart.
bool are_laminar(const ProblemPool& pool, int64_t low, int64_t high, Array1<int64_t> mark) {
  for (int64_t number = low; number < high; ++number) {
    if (!is_plain(pool, pool.line[number])) return false;
  }
  for (int64_t number = low; number < high; ++number) {
    const PoolLine row = pool.line[number];
    bool is_nested = true;
    for (int64_t place = row.start; place < row.stop; ++place) mark[pool.member[place].pick] = 1;
    for (int64_t other = low; other < number && is_nested; ++other) {
      is_nested = are_nested(pool, row, pool.line[other], mark);
    }
    for (int64_t place = row.start; place < row.stop; ++place) mark[pool.member[place].pick] = 0;
    if (!is_nested) return false;
  }
  return true;
}

// Reducing a pool to one level

// A pool of one level that is being filled: how many units, items, rows, members, clauses and partners there
// are is in `used`; `place` says by item of the unit which item of the new unit it is, -1 for none.
struct Reduction {
  const ProblemPool& pool;
  const ProblemPool& found;
  Array1<const bool> taken;
  Array1<int64_t> place;
  Array1<int64_t> used;
};

void add_member(const Reduction& to, int64_t pick, int64_t use) {
  PoolMember& member = to.found.member[to.used[MEMBERS_]++];
  member.pick = static_cast<int32_t>(pick);
  member.use = use;
}

// Ends a row, of which so much is left.
void add_row(const Reduction& to, int64_t start, int64_t room) {
  to.found.line[to.used[LINES_]++] = {start, to.used[MEMBERS_], std::max(int64_t{0}, room)};
}

// How many items of a unit are of the level, and how many of other levels were taken.
struct Counted {
  int64_t count, gone;
};

// The group of a new item: the first of those before it that comes from the same claim, or itself.
int64_t new_group(const Reduction& to, int64_t begin, int64_t own, Array1<int64_t> which) {
  for (int64_t other = begin; other < own; ++other) {
    if (to.pool.group[which[other]] == to.pool.group[which[own]]) return to.found.group[other];
  }
  return own - begin;
}

// Copies the items of the level.
Counted copy_items(const Reduction& to, int64_t unit, int64_t level, Array1<int64_t> which) {
  const ProblemPool &pool = to.pool, &found = to.found;
  const int64_t first = pool.first[unit], last = pool.first[unit + 1], begin = to.used[ITEMS_];
  Counted counted{0, 0};
  for (int64_t item = first; item < last; ++item) {
    to.place[item - first] = -1;
    if (to.taken[item]) {
      ++counted.gone;
    } else if (pool.level[item] == level) {
      const int64_t own = begin + counted.count;
      to.place[item - first] = counted.count;
      found.item[own] = pool.item[item];
      for (int64_t column = 0; column < pool.column.columns; ++column) {
        found.column(own, column) = pool.column(item, column);
      }
      which[own] = item;
      if (pool.group.size != 0) {
        found.group[own] = static_cast<int32_t>(new_group(to, begin, own, which));
      }
      ++counted.count;
    }
  }
  return counted;
}

// Copies the rows of a unit, as far as the items left could overfill what those taken leave of them.
void copy_rows(const Reduction& to, int64_t unit) {
  const ProblemPool& pool = to.pool;
  const int64_t first = pool.first[unit];
  for (int64_t number = pool.unit[unit].row_from; number < pool.unit[unit].row_to; ++number) {
    const PoolLine row = pool.line[number];
    const int64_t start = to.used[MEMBERS_];
    int64_t room = row.room, total = 0;
    for (int64_t at = row.start; at < row.stop; ++at) {
      const PoolMember member = pool.member[at];
      if (to.taken[first + member.pick]) {
        room -= member.use;
      } else if (to.place[member.pick] >= 0) {
        add_member(to, to.place[member.pick], member.use);
        total = saturating_add(total, member.use);
      }
    }
    if (total <= room) {
      to.used[MEMBERS_] = start;
    } else {
      add_row(to, start, room);
    }
  }
}

// Copies the clauses of a unit that no item taken has met.
void copy_clauses(const Reduction& to, int64_t unit) {
  const ProblemPool &pool = to.pool, &found = to.found;
  const int64_t first = pool.first[unit];
  for (int64_t number = pool.unit[unit].clause_from; number < pool.unit[unit].clause_to; ++number) {
    const PoolClause clause = pool.clause[number];
    const int64_t item = to.place[clause.pick], start = to.used[PARTNERS_];
    if (item < 0) continue;
    bool is_met = false;
    for (int64_t at = clause.start; at < clause.stop; ++at) {
      const int64_t partner = pool.partner[at];
      is_met = is_met || to.taken[first + partner];
      if (to.place[partner] >= 0) {
        found.partner[to.used[PARTNERS_]++] = static_cast<int32_t>(to.place[partner]);
      }
    }
    if (is_met) {
      to.used[PARTNERS_] = start;
    } else {
      found.clause[to.used[CLAUSES_]++] = {item, start, to.used[PARTNERS_]};
    }
  }
}

// Reduces one unit; a unit without items of the level is left out.
void reduce_unit(const Reduction& to, int64_t unit, int64_t level, Array1<int64_t> which) {
  const ProblemPool &pool = to.pool, &found = to.found;
  const int64_t target = to.used[UNITS], begin = to.used[ITEMS_];
  const auto [count, gone] = copy_items(to, unit, level, which);
  if (count == 0) return;
  Unit& own = found.unit[target];
  own.row_from = to.used[LINES_];
  const int64_t top = pool.unit[unit].top - gone;
  if (top < count) {
    const int64_t start = to.used[MEMBERS_];
    for (int64_t item = 0; item < count; ++item) add_member(to, item, 1);
    add_row(to, start, top);
  }
  copy_rows(to, unit);
  own.row_to = to.used[LINES_];
  own.clause_from = to.used[CLAUSES_];
  copy_clauses(to, unit);
  own.clause_to = to.used[CLAUSES_];
  found.first[target] = begin;
  for (int64_t item = 0; item < count; ++item) to.place[item] = 0;
  shape_of(found, target, count, to.place);
  found.key[target] = pool.key[unit];
  to.used[UNITS] = target + 1;
  to.used[ITEMS_] = begin + count;
  found.first[target + 1] = begin + count;
}

}  // namespace

void shape_of(const ProblemPool& pool, int64_t unit, int64_t items, Array1<int64_t> mark) {
  Unit& own = pool.unit[unit];
  const int64_t low = own.row_from, high = own.row_to;
  sort_rows(pool, low, high);
  own.top = top_of(pool, low, high, items);
  own.row_to = keep_rows(pool, low, high, items, own.top);
  if (own.clause_from != own.clause_to) {
    own.form = SEARCH;
  } else if (own.row_to == low) {
    own.form = TOP;
  } else {
    own.form = are_laminar(pool, low, own.row_to, mark) ? LAMINAR : SEARCH;
  }
}

void classify_problems(const ProblemPool& pool, Array1<int64_t> mark) {
  for (int64_t unit = 0; unit < pool.unit.size; ++unit) {
    shape_of(pool, unit, pool.first[unit + 1] - pool.first[unit], mark);
  }
}

void reduce_problems(const ProblemPool& pool, Array1<const bool> taken, int64_t level,
                     const ProblemPool& found, Array1<int64_t> which, Array1<int64_t> place,
                     Array1<int64_t> used) {
  const Reduction to{pool, found, taken, place, used};
  for (int64_t unit = 0; unit < pool.unit.size; ++unit) reduce_unit(to, unit, level, which);
}

}  // namespace journeykit
