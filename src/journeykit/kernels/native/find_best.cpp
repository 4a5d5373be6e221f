// The best of what goes together: what can be taken at all, parts that nothing connects, and for each part
// the quickest way that is exact.

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "arithmetic.hpp"
#include "search_problem.hpp"
#include "search_tree.hpp"

namespace journeykit {
namespace {

// Numbers of this many bits hold every sum of a search.
template <class Number>
constexpr int64_t MOST_BITS = static_cast<int64_t>(sizeof(Number)) * 8 - 2;
// Prices are finer than values by so many bits where there is room, and by enough to share out a row's use.
constexpr int64_t FINE = 16, FINER = 4;
// Rows of more different uses are left as they are.
constexpr int64_t MOST_USES = 8;

// Numbers by part.
struct PartLists {
  std::vector<int32_t> first, next, number;

  void begin(int64_t parts) { first.assign(parts + 1, 0); }
  void count(int32_t part) { ++first[part + 1]; }
  void add_up() {
    for (size_t part = 1; part < first.size(); ++part) first[part] += first[part - 1];
    next = first;
    number.resize(first.back());
  }
  void put(int32_t part, int32_t own) { number[next[part]++] = own; }
  std::span<const int32_t> of(int64_t part) const {
    return {number.data() + first[part], static_cast<size_t>(first[part + 1] - first[part])};
  }
  int64_t parts() const { return static_cast<int64_t>(first.size()) - 1; }
};

// Room in which problems are taken apart.
template <class Number>
struct PartRoom {
  SearchTree<Number> tree;
  PartLists items, rows_of, clauses_of;
  std::vector<uint8_t> live, binding, wanted;
  std::vector<int32_t> leader, part_of, number, rank, sorted, members, rows, known;
  std::vector<int64_t> unit, uses;
  RowList cliques;
};

// What can be taken at all

// Closes the items whose partners are all closed, and what costs more than it is worth where nothing needs
// it as a partner.
template <class Number>
void drop_hopeless(const Selection<Number>& problem, PartRoom<Number>& work) {
  const ClauseList& clauses = problem.clauses;
  bool has_changed = true;
  while (has_changed) {
    has_changed = false;
    work.wanted.assign(problem.value.size(), 0);
    for (int64_t clause = 0; clause < clauses.size(); ++clause) {
      uint8_t& own = work.live[clauses.item[clause]];
      if (!own) continue;
      bool is_hopeful = false;
      for (int64_t at = clauses.first[clause]; at < clauses.first[clause + 1]; ++at) {
        is_hopeful = is_hopeful || work.live[clauses.partner[at]];
      }
      if (!is_hopeful) {
        own = 0;
        has_changed = true;
        continue;
      }
      for (int64_t at = clauses.first[clause]; at < clauses.first[clause + 1]; ++at) {
        work.wanted[clauses.partner[at]] = 1;
      }
    }
    for (const int32_t item : problem.order) {
      if (work.live[item] && problem.value[item] < 0 && !work.wanted[item]) {
        work.live[item] = 0;
        has_changed = true;
      }
    }
  }
}

template <class Number>
void open_items(const Selection<Number>& problem, PartRoom<Number>& work) {
  const bool is_clausal = problem.clauses.size() != 0;
  work.live.assign(problem.value.size(), 0);
  for (const int32_t item : problem.order) {
    work.live[item] = problem.value[item] > 0 || (problem.value[item] < 0 && is_clausal);
  }
  if (is_clausal) drop_hopeless(problem, work);
  const RowList& rows = problem.rows;
  for (int64_t row = 0; row < rows.size(); ++row) {
    for (int64_t at = rows.first[row]; at < rows.first[row + 1]; ++at) {
      if (rows.use[at] > rows.room[row]) work.live[rows.item[at]] = 0;
    }
  }
  if (is_clausal) drop_hopeless(problem, work);
}

// Marks the rows that the open items could overfill, and finds their units: in smallest whole numbers they
// are told alike.
template <class Number>
void mark_binding(const Selection<Number>& problem, PartRoom<Number>& work) {
  const RowList& rows = problem.rows;
  work.binding.assign(rows.size(), 0);
  work.unit.assign(rows.size(), 1);
  for (int64_t row = 0; row < rows.size(); ++row) {
    int64_t used = 0, unit = 0;
    for (int64_t at = rows.first[row]; at < rows.first[row + 1]; ++at) {
      if (!work.live[rows.item[at]] || rows.use[at] == 0) continue;
      used = saturating_add(used, rows.use[at]);
      if (unit != 1) unit = std::gcd(unit, rows.use[at]);
    }
    work.binding[row] = used > rows.room[row];
    work.unit[row] = std::max<int64_t>(1, unit);
  }
}

// Parts that nothing connects

template <class Number>
int32_t leader_of(PartRoom<Number>& work, int32_t item) {
  while (work.leader[item] != item) {
    work.leader[item] = work.leader[work.leader[item]];
    item = work.leader[item];
  }
  return item;
}

template <class Number>
void connect(const Selection<Number>& problem, PartRoom<Number>& work) {
  const RowList& rows = problem.rows;
  const ClauseList& clauses = problem.clauses;
  work.leader.resize(problem.value.size());
  std::iota(work.leader.begin(), work.leader.end(), 0);
  for (int64_t row = 0; row < rows.size(); ++row) {
    if (!work.binding[row]) continue;
    int32_t first = -1;
    for (int64_t at = rows.first[row]; at < rows.first[row + 1]; ++at) {
      const int32_t item = rows.item[at];
      if (!work.live[item] || rows.use[at] == 0) continue;
      if (first < 0) first = item;
      work.leader[leader_of(work, item)] = leader_of(work, first);
    }
  }
  for (int64_t clause = 0; clause < clauses.size(); ++clause) {
    const int32_t item = clauses.item[clause];
    if (!work.live[item]) continue;
    for (int64_t at = clauses.first[clause]; at < clauses.first[clause + 1]; ++at) {
      const int32_t partner = clauses.partner[at];
      if (work.live[partner]) work.leader[leader_of(work, partner)] = leader_of(work, item);
    }
  }
}

// Numbers the parts as their first items come, and lists what belongs to each: items in the order of claims,
// rows and clauses.
template <class Number>
void list_parts(const Selection<Number>& problem, PartRoom<Number>& work) {
  work.part_of.assign(problem.value.size(), -1);
  int32_t parts = 0;
  for (const int32_t item : problem.order) {
    if (!work.live[item]) continue;
    int32_t& part = work.part_of[leader_of(work, item)];
    if (part < 0) part = parts++;
  }
  const auto part_of = [&work](int32_t item) { return work.part_of[leader_of(work, item)]; };
  work.items.begin(parts);
  work.rows_of.begin(parts);
  work.clauses_of.begin(parts);
  const RowList& rows = problem.rows;
  const auto each = [&](auto call_item, auto call_row, auto call_clause) {
    for (const int32_t item : problem.order) {
      if (work.live[item]) call_item(part_of(item), item);
    }
    for (int32_t row = 0; row < rows.size(); ++row) {
      for (int64_t at = rows.first[row]; work.binding[row] && at < rows.first[row + 1]; ++at) {
        if (!work.live[rows.item[at]] || rows.use[at] == 0) continue;
        call_row(part_of(rows.item[at]), row);
        break;
      }
    }
    for (int32_t clause = 0; clause < problem.clauses.size(); ++clause) {
      const int32_t item = problem.clauses.item[clause];
      if (work.live[item]) call_clause(part_of(item), clause);
    }
  };
  each([&work](int32_t part, int32_t) { work.items.count(part); },
       [&work](int32_t part, int32_t) { work.rows_of.count(part); },
       [&work](int32_t part, int32_t) { work.clauses_of.count(part); });
  work.items.add_up();
  work.rows_of.add_up();
  work.clauses_of.add_up();
  each([&work](int32_t part, int32_t item) { work.items.put(part, item); },
       [&work](int32_t part, int32_t row) { work.rows_of.put(part, row); },
       [&work](int32_t part, int32_t clause) { work.clauses_of.put(part, clause); });
}

// Laying a part out

// Adds a row of the part: its items by their numbers, each with what it uses, and how much there is.
template <class Number>
void add_row(Part<Number>& part, const RowList& rows, int64_t row, const PartRoom<Number>& work,
             int64_t unit) {
  const int64_t start = static_cast<int64_t>(part.row_item.size());
  bool is_plain = true;
  for (int64_t at = rows.first[row]; at < rows.first[row + 1]; ++at) {
    const int64_t item = rows.item[at];
    if (!work.live[item] || rows.use[at] == 0) continue;
    part.row_item.push_back(work.number[item]);
    part.row_use.push_back(rows.use[at] / unit);
    is_plain = is_plain && rows.use[at] == unit;
  }
  if (static_cast<int64_t>(part.row_item.size()) == start) return;
  part.row_first.push_back(static_cast<int32_t>(part.row_item.size()));
  part.room.push_back(rows.room[row] / unit);
  part.is_plain.push_back(is_plain);
  part.rows += 1;
}

template <class Number>
void set_masks(Part<Number>& part) {
  part.mask.assign(part.rows * part.words, 0);
  for (int64_t row = 0; row < part.rows; ++row) {
    for (int64_t at = part.row_first[row]; at < part.row_first[row + 1]; ++at) {
      add_item(part.mask.data() + row * part.words, part.row_item[at]);
    }
  }
}

// Whether all of a row's items use one, and one goes in all.
template <class Number>
bool is_choice(const Part<Number>& part, int64_t row) {
  return part.is_plain[row] && part.room[row] == 1;
}

// Disjoint sets of items of each of which one goes: the groups given, then rows, that cover all. A row that
// is a group needs no price.
template <class Number>
void set_groups(const Selection<Number>& problem, Part<Number>& part, PartRoom<Number>& work) {
  part.group.assign(part.size, -1);
  part.groups = 0;
  for (int64_t item = 0; item < part.size; ++item) {
    const int64_t group = problem.group[part.place[item]];
    if (group >= 0) work.known[group] = -1;
  }
  for (int64_t item = 0; item < part.size; ++item) {
    const int64_t group = problem.group[part.place[item]];
    if (group < 0) continue;
    if (work.known[group] < 0)
      work.known[group] = static_cast<int32_t>(item);
    else if (part.group[work.known[group]] < 0)
      part.group[work.known[group]] = static_cast<int32_t>(part.groups++);
    if (work.known[group] != item) part.group[item] = part.group[work.known[group]];
  }
  for (int64_t row = 0; row < part.rows; ++row) {
    if (!is_choice(part, row)) continue;
    bool is_free = true;
    for (int64_t at = part.row_first[row]; at < part.row_first[row + 1]; ++at) {
      is_free = is_free && part.group[part.row_item[at]] < 0;
    }
    if (!is_free) continue;
    for (int64_t at = part.row_first[row]; at < part.row_first[row + 1]; ++at) {
      part.group[part.row_item[at]] = static_cast<int32_t>(part.groups);
    }
    ++part.groups;
  }
  for (int64_t item = 0; item < part.size; ++item) {
    if (part.group[item] < 0) part.group[item] = static_cast<int32_t>(part.groups++);
  }
  part.group_first.assign(part.groups + 1, 0);
  for (int64_t item = 0; item < part.size; ++item) ++part.group_first[part.group[item] + 1];
  for (int64_t group = 0; group < part.groups; ++group)
    part.group_first[group + 1] += part.group_first[group];
  part.group_item.resize(part.size);
  work.rank.assign(part.group_first.begin(), part.group_first.end());
  for (int64_t item = 0; item < part.size; ++item) {
    part.group_item[work.rank[part.group[item]]++] = static_cast<int32_t>(item);
  }
}

// Whether a row says no more than a group, or than another row does.
template <class Number>
bool is_implied(const Part<Number>& part, int64_t row) {
  if (!part.is_plain[row]) return false;
  const int64_t first = part.group[part.row_item[part.row_first[row]]];
  bool is_one = true;
  for (int64_t at = part.row_first[row]; at < part.row_first[row + 1]; ++at) {
    is_one = is_one && part.group[part.row_item[at]] == first;
  }
  if (is_one) return true;
  const int64_t item = part.row_item[part.row_first[row]];
  for (int64_t at = part.item_first[item]; at < part.item_first[item + 1]; ++at) {
    const int64_t other = part.item_row[at];
    if (other == row || !part.is_plain[other] || part.room[other] > part.room[row]) continue;
    const uint64_t* mine = part.row_mask(row);
    const uint64_t* theirs = part.row_mask(other);
    bool is_inside = true, is_same = true;
    for (int64_t word = 0; word < part.words && is_inside; ++word) {
      is_inside = (mine[word] & ~theirs[word]) == 0;
      is_same = is_same && mine[word] == theirs[word];
    }
    // Of equal rows the first stays.
    if (is_inside && !(is_same && part.room[other] == part.room[row] && row < other)) return true;
  }
  return false;
}

// Drops the rows that others imply, and puts the widest first: their prices, set first, leave the narrow ones
// least to do.
template <class Number>
void sort_rows(Part<Number>& part, PartRoom<Number>& work) {
  work.rows.clear();
  for (int64_t row = 0; row < part.rows; ++row) {
    if (!is_implied(part, row)) work.rows.push_back(static_cast<int32_t>(row));
  }
  std::stable_sort(work.rows.begin(), work.rows.end(), [&part](int32_t one, int32_t other) {
    return part.row_first[one + 1] - part.row_first[one] > part.row_first[other + 1] - part.row_first[other];
  });
  Part<Number> before;
  std::swap(before.row_first, part.row_first);
  std::swap(before.row_item, part.row_item);
  std::swap(before.row_use, part.row_use);
  std::swap(before.room, part.room);
  std::swap(before.is_plain, part.is_plain);
  part.row_first.assign(1, 0);
  part.rows = 0;
  for (const int32_t row : work.rows) {
    part.row_item.insert(part.row_item.end(), before.row_item.begin() + before.row_first[row],
                         before.row_item.begin() + before.row_first[row + 1]);
    part.row_use.insert(part.row_use.end(), before.row_use.begin() + before.row_first[row],
                        before.row_use.begin() + before.row_first[row + 1]);
    part.row_first.push_back(static_cast<int32_t>(part.row_item.size()));
    part.room.push_back(before.room[row]);
    part.is_plain.push_back(before.is_plain[row]);
    part.rows += 1;
  }
}

// By item, the rows that it is in.
template <class Number>
void link_items(Part<Number>& part, PartRoom<Number>& work) {
  part.item_first.assign(part.size + 1, 0);
  for (const int32_t item : part.row_item) ++part.item_first[item + 1];
  for (int64_t item = 0; item < part.size; ++item) part.item_first[item + 1] += part.item_first[item];
  part.item_row.resize(part.row_item.size());
  part.item_use.resize(part.row_item.size());
  work.rank.assign(part.item_first.begin(), part.item_first.end());
  for (int64_t row = 0; row < part.rows; ++row) {
    for (int64_t at = part.row_first[row]; at < part.row_first[row + 1]; ++at) {
      const int64_t place = work.rank[part.row_item[at]]++;
      part.item_row[place] = static_cast<int32_t>(row);
      part.item_use[place] = part.row_use[at];
    }
  }
}

template <class Number>
void add_clauses(const Selection<Number>& problem, int64_t number, Part<Number>& part,
                 const PartRoom<Number>& work) {
  const ClauseList& clauses = problem.clauses;
  part.clause_item.clear();
  part.partners.clear();
  part.clauses = 0;
  for (const int32_t clause : work.clauses_of.of(number)) {
    part.clause_item.push_back(work.number[clauses.item[clause]]);
    part.partners.resize(part.partners.size() + part.words, 0);
    uint64_t* own = part.partners.data() + part.clauses * part.words;
    for (int64_t at = clauses.first[clause]; at < clauses.first[clause + 1]; ++at) {
      const int64_t partner = clauses.partner[at];
      if (work.live[partner]) add_item(own, work.number[partner]);
    }
    part.clauses += 1;
  }
}

// The part as the problem has it: its items in the order of claims, its rows and clauses.
template <class Number>
void lay_out(const Selection<Number>& problem, int64_t number, Part<Number>& part, PartRoom<Number>& work) {
  const std::span<const int32_t> items = work.items.of(number);
  part.place.assign(items.begin(), items.end());
  part.size = static_cast<int64_t>(items.size());
  part.words = (part.size + 63) / 64;
  for (int64_t item = 0; item < part.size; ++item) work.number[items[item]] = static_cast<int32_t>(item);
  part.rows = 0;
  part.row_first.assign(1, 0);
  part.row_item.clear();
  part.row_use.clear();
  part.room.clear();
  part.is_plain.clear();
  for (const int32_t row : work.rows_of.of(number)) add_row(part, problem.rows, row, work, work.unit[row]);
  add_clauses(problem, number, part, work);
}

// Taking the best first

// Whether the rows count plainly and any two of them are nested or disjoint: from the widest row on, all
// items of a row must lie in the same narrowest row that came before.
template <class Number>
bool is_laminar(const Part<Number>& part, PartRoom<Number>& work) {
  work.sorted.clear();
  for (int64_t row = 0; row < part.rows; ++row) {
    if (!part.is_plain[row]) return false;
    work.sorted.push_back(static_cast<int32_t>(row));
  }
  const auto width = [&part](int32_t row) { return part.row_first[row + 1] - part.row_first[row]; };
  std::stable_sort(work.sorted.begin(), work.sorted.end(),
                   [&width](int32_t one, int32_t other) { return width(one) > width(other); });
  work.rank.assign(part.size, -1);
  for (const int32_t row : work.sorted) {
    const int32_t around = work.rank[part.row_item[part.row_first[row]]];
    for (int64_t at = part.row_first[row]; at < part.row_first[row + 1]; ++at) {
      if (work.rank[part.row_item[at]] != around) return false;
    }
    for (int64_t at = part.row_first[row]; at < part.row_first[row + 1]; ++at) {
      work.rank[part.row_item[at]] = row;
    }
  }
  return true;
}

template <class Number>
void take_best_first(const Selection<Number>& problem, Part<Number>& part, PartRoom<Number>& work,
                     Found<Number>& found) {
  link_items(part, work);
  work.sorted.resize(part.size);
  std::iota(work.sorted.begin(), work.sorted.end(), 0);
  std::stable_sort(work.sorted.begin(), work.sorted.end(), [&](int32_t one, int32_t other) {
    return problem.value[part.place[one]] > problem.value[part.place[other]];
  });
  for (const int32_t item : work.sorted) {
    if (!fits(part, part.room.data(), item)) continue;
    use_rooms(part, part.room.data(), item);
    found.taken[part.place[item]] = 1;
    found.value += problem.value[part.place[item]];
    found.bound += problem.value[part.place[item]];
  }
}

// The search

// By how many bits the values are shifted; -1 where the numbers are too large.
template <class Number>
int64_t shift_of(const Selection<Number>& problem, const Part<Number>& part) {
  Number total = 1;
  int64_t widest = 1, most = 1;
  for (int64_t item = 0; item < part.size; ++item) {
    const Number value = problem.value[part.place[item]];
    total += value < 0 ? -value : value;
    most = std::max<int64_t>(most, part.item_first[item + 1] - part.item_first[item]);
  }
  for (const int64_t use : part.row_use) widest = std::max(widest, use);
  // An item's worth is its value less a price, of no more than the best value, for each unit in each of its
  // rows.
  const int64_t uses = bits_of(widest);
  const int64_t spare = MOST_BITS<Number> - 1 - bits_of(total) - uses - bits_of(most);
  return spare < (uses > 1 ? uses + FINER : 0) ? -1 : std::min(spare, uses + FINE);
}

// Whether a row is of two items, of which one goes.
template <class Number>
bool is_pair(const Part<Number>& part, int64_t row) {
  return is_choice(part, row) && part.row_first[row + 1] - part.row_first[row] == 2;
}

// By item, as a set, what the pairs exclude beside it.
template <class Number>
Bits list_excluded(const Part<Number>& part) {
  Bits near(part.size * part.words, 0);
  for (int64_t row = 0; row < part.rows; ++row) {
    if (!is_pair(part, row)) continue;
    const int64_t one = part.row_item[part.row_first[row]], other = part.row_item[part.row_first[row] + 1];
    add_item(near.data() + one * part.words, other);
    add_item(near.data() + other * part.words, one);
  }
  return near;
}

// Adds rows of items that all exclude each other, until every pair lies in one.
template <class Number>
void add_cliques(const Part<Number>& part, const Bits& near, std::vector<int32_t>& members, RowList& found) {
  Bits open = near, common(part.words);
  for (int64_t first = 0; first < part.size; ++first) {
    for (;;) {
      const int64_t second = first_item(open.data() + first * part.words, part.words);
      if (second < 0) break;
      members.assign({static_cast<int32_t>(first), static_cast<int32_t>(second)});
      for (int64_t word = 0; word < part.words; ++word) {
        common[word] = near[first * part.words + word] & near[second * part.words + word];
      }
      for (;;) {
        const int64_t item = first_item(common.data(), part.words);
        if (item < 0) break;
        members.push_back(static_cast<int32_t>(item));
        for (int64_t word = 0; word < part.words; ++word) common[word] &= near[item * part.words + word];
      }
      for (const int32_t one : members) {
        for (const int32_t other : members) drop_item(open.data() + one * part.words, other);
        found.add(one, 1);
      }
      found.end(1);
    }
  }
}

// Gives the part other rows.
template <class Number>
void set_rows(Part<Number>& part, const RowList& rows) {
  part.rows = rows.size();
  part.row_first.assign(rows.first.begin(), rows.first.end());
  part.row_item.assign(rows.item.begin(), rows.item.end());
  part.row_use.assign(rows.use.begin(), rows.use.end());
  part.room.assign(rows.room.begin(), rows.room.end());
  part.is_plain.resize(part.rows);
  for (int64_t row = 0; row < part.rows; ++row) {
    part.is_plain[row] = 1;
    for (int64_t at = part.row_first[row]; at < part.row_first[row + 1]; ++at) {
      part.is_plain[row] = part.is_plain[row] && part.row_use[at] == 1;
    }
  }
}

// Rows of two, of which one goes, become rows of all that exclude each other: fewer, and tighter.
template <class Number>
void join_pairs(Part<Number>& part, PartRoom<Number>& work) {
  int64_t pairs = 0;
  for (int64_t row = 0; row < part.rows; ++row) pairs += is_pair(part, row);
  if (pairs < 2) return;
  RowList& found = work.cliques;
  found.clear();
  for (int64_t row = 0; row < part.rows; ++row) {
    if (is_pair(part, row)) continue;
    for (int64_t at = part.row_first[row]; at < part.row_first[row + 1]; ++at) {
      found.add(part.row_item[at], part.row_use[at]);
    }
    found.end(part.room[row]);
  }
  add_cliques(part, list_excluded(part), work.members, found);
  set_rows(part, found);
}

// Adds what rows of unequal uses say in whole numbers: of items that use at least so much, no more than so
// many go (Chvatal 1973). The relaxation does not know it.
template <class Number>
void add_rounded_rows(Part<Number>& part, PartRoom<Number>& work) {
  const int64_t rows = part.rows;
  for (int64_t row = 0; row < rows; ++row) {
    if (part.is_plain[row]) continue;
    const int64_t first = part.row_first[row], last = part.row_first[row + 1], room = part.room[row];
    work.uses.assign(part.row_use.begin() + first, part.row_use.begin() + last);
    work.uses.push_back(room / 2 + 1);
    std::sort(work.uses.begin(), work.uses.end());
    work.uses.erase(std::unique(work.uses.begin(), work.uses.end()), work.uses.end());
    if (static_cast<int64_t>(work.uses.size()) > MOST_USES) continue;
    for (const int64_t unit : work.uses) {
      if (unit < 2) continue;
      int64_t used = 0;
      bool is_plain = true;
      for (int64_t at = first; at < last; ++at) {
        used = saturating_add(used, part.row_use[at] / unit);
        is_plain = is_plain && part.row_use[at] / unit <= 1;
      }
      if (used <= room / unit) continue;
      for (int64_t at = first; at < last; ++at) {
        const int64_t use = part.row_use[at] / unit;
        if (use == 0) continue;
        part.row_item.push_back(part.row_item[at]);
        part.row_use.push_back(use);
      }
      part.row_first.push_back(static_cast<int32_t>(part.row_item.size()));
      part.room.push_back(room / unit);
      part.is_plain.push_back(is_plain);
      part.rows += 1;
    }
  }
}

template <class Number>
bool solve_part(const Selection<Number>& problem, int64_t budget, PartRoom<Number>& work,
                Found<Number>& found) {
  SearchTree<Number>& tree = work.tree;
  Part<Number>& part = tree.part;
  if (part.clauses == 0 && is_laminar(part, work)) {
    take_best_first(problem, part, work, found);
    return true;
  }
  if (problem.is_ranked) return false;
  join_pairs(part, work);
  add_rounded_rows(part, work);
  set_masks(part);
  link_items(part, work);
  set_groups(problem, part, work);
  sort_rows(part, work);
  set_masks(part);
  link_items(part, work);
  part.shift = shift_of(problem, part);
  if (part.shift < 0) return false;
  part.value.resize(part.size);
  for (int64_t item = 0; item < part.size; ++item) {
    part.value[item] = problem.value[part.place[item]] * (Number{1} << part.shift);
  }
  set_levels(part, work.sorted);
  const Number bound = search_part(tree, budget);
  each_item(tree.best_set.data(), part.words, [&](int64_t item) { found.taken[part.place[item]] = 1; });
  found.is_done = found.is_done && tree.nodes <= tree.budget;
  found.value += tree.best >> part.shift;
  found.bound += bound >> part.shift;
  return true;
}

// Whether the values, without sign, add up to no more than these numbers hold.
template <class Number>
bool is_sum_small(const Selection<Number>& problem) {
  Number total = 0;
  for (const int32_t item : problem.order) {
    const Number value = problem.value[item];
    const Number most = (Number{1} << MOST_BITS<Number>)-1 - total;
    if (value > most || value < -most) return false;
    total += value < 0 ? -value : value;
  }
  return true;
}

}  // namespace

template <class Number>
bool find_best(const Selection<Number>& problem, int64_t budget, Found<Number>& found) {
  thread_local PartRoom<Number> work;
  found.taken.assign(problem.value.size(), 0);
  found.value = found.bound = 0;
  found.is_done = true;
  if (!is_sum_small(problem)) return false;
  open_items(problem, work);
  mark_binding(problem, work);
  connect(problem, work);
  list_parts(problem, work);
  work.number.resize(problem.value.size());
  work.known.resize(problem.value.size());
  for (int64_t part = 0; part < work.items.parts(); ++part) {
    lay_out(problem, part, work.tree.part, work);
    if (!solve_part(problem, budget, work, found)) return false;
  }
  return true;
}

template bool find_best(const Selection<int64_t>& problem, int64_t budget, Found<int64_t>& found);
#ifdef __SIZEOF_INT128__
template bool find_best(const Selection<Wide>& problem, int64_t budget, Found<Wide>& found);
#endif

}  // namespace journeykit
