// Branch and bound over one part: it takes before it leaves, in the order of claims, so that the first of
// several equal sets that it meets is the one wanted.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "search_part.hpp"
#include "search_prices.hpp"
#include "search_problem.hpp"

namespace journeykit {

// A search that takes more items one after the other would be too deep: what it has met by then is taken.
inline constexpr int64_t DEEPEST = 500;
// With more items each node takes so much longer that the budget is less in proportion.
inline constexpr int64_t MANY_ITEMS = 1'000;
inline constexpr int64_t SWEEPS = 3, RETRIES = 4;
// A first set is made from so many relaxations, of items that are taken whole but for rounding.
inline constexpr int64_t DIVES = 12;
inline constexpr double NEARLY = 0.999;
// After so many nodes better prices at some of them are worth their time: at the more of them, the more often
// these show that nothing better follows. New prices take as long as so many nodes, and count as these.
inline constexpr int64_t NODES_OF_PRICES = 8;
inline constexpr int64_t PATIENCE = 24, FIRST_STRIDE = 8, MOST_STRIDE = 32;

// Choices that were open before, with the value at which they were: nothing better can follow.
template <class Number>
struct OpenChoices {
  struct Entry {
    uint64_t one, two, turn;
    Number value;
  };
  std::vector<Entry> entries;
  uint64_t turn = 0;
  int64_t used = 0;

  void clear() {
    if (entries.empty()) entries.resize(1 << 10);
    ++turn;
    used = 0;
  }

  // Whether the choice was open before with at least this value.
  bool met(uint64_t one, uint64_t two, Number value) {
    if (used * 2 > static_cast<int64_t>(entries.size())) grow();
    Entry& entry = find(one, two);
    if (entry.turn == turn && entry.value >= value) return true;
    used += entry.turn != turn;
    entry = {one, two, turn, value};
    return false;
  }

 private:
  Entry& find(uint64_t one, uint64_t two) {
    const uint64_t last = entries.size() - 1;
    uint64_t at = one & last;
    while (entries[at].turn == turn && (entries[at].one != one || entries[at].two != two))
      at = (at + 1) & last;
    return entries[at];
  }

  void grow() {
    std::vector<Entry> before(entries.size() * 2);
    std::swap(before, entries);
    for (const Entry& entry : before) {
      if (entry.turn == turn) find(entry.one, entry.two) = entry;
    }
  }
};

template <class Number>
struct SearchTree {
  Part<Number> part;
  PriceRoom<Number> work;
  PriceSet<Number> first_prices;
  std::vector<std::unique_ptr<PriceSet<Number>>> prices;
  OpenChoices<Number> open;
  Bits free, taken, best_set, partnered;
  std::vector<int64_t> room;
  std::vector<Number> value;
  std::vector<int32_t> sequence;
  std::vector<double> share;
  // Values are in the part's fine units.
  Number best = 0, unit = 1;
  int64_t nodes = 0, budget = 0, stride = 1, next_prices = 0;
  bool is_found = false;

  uint64_t* free_at(int64_t depth) { return free.data() + depth * part.words; }
  uint64_t* taken_at(int64_t depth) { return taken.data() + depth * part.words; }
  int64_t depths() const { return static_cast<int64_t>(value.size()); }
  int64_t* room_at(int64_t depth) { return room.data() + depth * part.rows; }
};

// The part as it is before anything is decided, at one depth.
template <class Number>
void start_at(SearchTree<Number>& tree, int64_t depth) {
  const Part<Number>& part = tree.part;
  std::fill_n(tree.free_at(depth), part.words, 0);
  std::fill_n(tree.taken_at(depth), part.words, 0);
  for (int64_t item = 0; item < part.size; ++item) add_item(tree.free_at(depth), item);
  std::copy_n(part.room.begin(), part.rows, tree.room_at(depth));
  tree.value[depth] = 0;
}

// Takes an item at a depth, and out of what is free there what does not fit beside it.
template <class Number>
void take_at(SearchTree<Number>& tree, int64_t depth, int64_t item) {
  const Part<Number>& part = tree.part;
  uint64_t* free = tree.free_at(depth);
  add_item(tree.taken_at(depth), item);
  const int64_t group = part.group[item];
  for (int64_t at = part.group_first[group]; at < part.group_first[group + 1]; ++at) {
    drop_item(free, part.group_item[at]);
  }
  use_rooms(part, tree.room_at(depth), item);
  drop_unfit(part, tree.room_at(depth), free, item);
  tree.value[depth] += part.value[item];
}

// Of what is taken drops what has no partner, and with it what needs it.
template <class Number>
void drop_partnerless(SearchTree<Number>& tree, int64_t depth) {
  const Part<Number>& part = tree.part;
  uint64_t* taken = tree.taken_at(depth);
  bool has_changed = part.clauses > 0;
  while (has_changed) {
    has_changed = false;
    for (int64_t clause = 0; clause < part.clauses; ++clause) {
      const int64_t item = part.clause_item[clause];
      if (!has_item(taken, item)) continue;
      uint64_t hope = 0;
      for (int64_t word = 0; word < part.words; ++word) hope |= part.partner_mask(clause)[word] & taken[word];
      if (hope != 0) continue;
      drop_item(taken, item);
      tree.value[depth] -= part.value[item];
      has_changed = true;
    }
  }
}

// Takes what fits in a sequence; what has no partner then goes, and with it what needs it. The value is that
// of the set in the depth.
template <class Number>
void dive(SearchTree<Number>& tree, int64_t depth) {
  start_at(tree, depth);
  uint64_t* free = tree.free_at(depth);
  for (const int32_t item : tree.sequence) {
    if (has_item(free, item)) take_at(tree, depth, item);
  }
  drop_partnerless(tree, depth);
}

// Takes what the linear relaxation takes whole, or nearly so, and relaxes what is left then: from what is
// free at the root, the relaxation of which is solved. The value is that of the set in the depth.
template <class Number>
void dive_by_relaxation(SearchTree<Number>& tree, int64_t depth) {
  const Part<Number>& part = tree.part;
  const Relaxation& lp = tree.work.relaxation;
  std::copy_n(tree.free_at(0), part.words, tree.free_at(depth));
  std::copy_n(tree.taken_at(0), part.words, tree.taken_at(depth));
  std::copy_n(tree.room_at(0), part.rows, tree.room_at(depth));
  tree.value[depth] = tree.value[0];
  uint64_t* free = tree.free_at(depth);
  for (int64_t turn = 0; turn < DIVES; ++turn) {
    tree.sequence.assign(lp.item.begin(), lp.item.end());
    tree.share.resize(part.size);
    for (int64_t at = 0; at < lp.columns(); ++at) tree.share[lp.item[at]] = lp.share(at);
    std::sort(tree.sequence.begin(), tree.sequence.end(), [&tree](int32_t one, int32_t other) {
      const double mine = tree.share[one], theirs = tree.share[other];
      return mine != theirs ? mine > theirs : one < other;
    });
    bool is_first = true;
    for (const int32_t item : tree.sequence) {
      if (!has_item(free, item) || (!is_first && tree.share[item] < NEARLY)) continue;
      take_at(tree, depth, item);
      is_first = false;
    }
    if (is_first || !relax(part, free, tree.room_at(depth), tree.work.relaxation)) break;
  }
  // What nothing stands in the way of any more.
  for (int64_t item = first_item(free, part.words); item >= 0; item = first_item(free, part.words)) {
    take_at(tree, depth, item);
  }
  drop_partnerless(tree, depth);
}

// Keeps the set of a depth where it is better than the best one; until the search has met one, only its
// value is sure to be right: of equal ones another may come first.
template <class Number>
void keep_better(SearchTree<Number>& tree, int64_t depth) {
  if (tree.value[depth] <= tree.best) return;
  tree.best = tree.value[depth];
  std::copy_n(tree.taken_at(depth), tree.part.words, tree.best_set.begin());
}

// What a row can hold at most: of plain rows no more than there are free items in it.
template <class Number>
int64_t fill_of(const Part<Number>& part, const uint64_t* free, int64_t row, int64_t room) {
  if (!part.is_plain[row]) return room;
  int64_t count = 0;
  for (int64_t word = 0; word < part.words; ++word)
    count += std::popcount(part.row_mask(row)[word] & free[word]);
  return std::min(room, count);
}

// What can be reached at most from a depth.
template <class Number>
Number reach_of(const SearchTree<Number>& tree, int64_t depth, const PriceSet<Number>& prices,
                const uint64_t* free, const int64_t* room) {
  const Part<Number>& part = tree.part;
  Number total = tree.value[depth];
  for (int64_t row = 0; row < part.rows; ++row) {
    if (prices.price[row] != 0) total += prices.price[row] * fill_of(part, free, row, room[row]);
  }
  for (int64_t group = 0; group < part.groups; ++group) {
    const int64_t item = best_of_group(part, prices, group, free);
    if (item >= 0) total += prices.worth[item];
  }
  return total;
}

// Drops the items of a group that no better set holds, given by how much the bound lies above the target;
// takes the one that every better set holds. Whether anything changed.
template <class Number>
bool narrow_group(SearchTree<Number>& tree, int64_t depth, const PriceSet<Number>& prices, int64_t group,
                  Number spare) {
  const Part<Number>& part = tree.part;
  uint64_t* free = tree.free_at(depth);
  const int64_t first = best_of_group(part, prices, group, free);
  const Number least = (first < 0 ? 0 : prices.worth[first]) - spare;
  int64_t left = 0;
  bool has_changed = false;
  for (int64_t at = part.group_first[group]; at < part.group_first[group + 1]; ++at) {
    const int64_t item = prices.ranked[at];
    if (!has_item(free, item)) continue;
    if (prices.worth[item] >= least) {
      ++left;
    } else {
      drop_item(free, item);
      has_changed = true;
    }
  }
  if (left == 1 && least > 0) {
    take_at(tree, depth, first);
    return true;
  }
  return has_changed;
}

// Decides at a depth what is decided already, at some prices; whether anything better can follow.
template <class Number>
bool narrow(SearchTree<Number>& tree, int64_t depth, const PriceSet<Number>& prices) {
  const Part<Number>& part = tree.part;
  for (;;) {
    if (part.clauses > 0 && !keep_partnered(part, tree.free_at(depth), tree.taken_at(depth))) return false;
    const Number spare =
        reach_of(tree, depth, prices, tree.free_at(depth), tree.room_at(depth)) - tree.best - tree.unit;
    if (spare < 0) return false;
    bool has_changed = false;
    for (int64_t group = 0; group < part.groups; ++group) {
      // Once an item is taken the bound may be less: but what it was still holds.
      has_changed = narrow_group(tree, depth, prices, group, spare) || has_changed;
    }
    if (!has_changed) return true;
  }
}

inline uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15U;
  return hash ^ (hash >> 29);
}

// Whether the same choice was open before, with at least the same value.
template <class Number>
bool met_before(SearchTree<Number>& tree, int64_t depth) {
  const Part<Number>& part = tree.part;
  const uint64_t* free = tree.free_at(depth);
  const int64_t* room = tree.room_at(depth);
  uint64_t one = 1, two = 2;
  for (int64_t word = 0; word < part.words; ++word) {
    one = mix(one, free[word]);
    two = mix(two, ~free[word]);
    if (part.clauses == 0) continue;
    // What is taken matters to what follows only as a partner, or as one that still needs a partner.
    const uint64_t kept = tree.taken_at(depth)[word] & tree.partnered[word];
    one = mix(one, kept);
    two = mix(two, ~kept);
  }
  for (int64_t row = 0; row < part.rows; ++row) {
    int64_t count = 0;
    for (int64_t word = 0; word < part.words; ++word) {
      count += std::popcount(part.row_mask(row)[word] & free[word]);
    }
    const bool is_open = count > 0 && (!part.is_plain[row] || room[row] < count);
    const uint64_t left = is_open ? static_cast<uint64_t>(room[row]) : ~uint64_t{0};
    one = mix(one, left);
    two = mix(two, left + 0x632BE59BD9B4E019U);
  }
  return tree.open.met(one, two, tree.value[depth]);
}

// Prices that suit what is left at a depth.
template <class Number>
const PriceSet<Number>& reprice(SearchTree<Number>& tree, int64_t depth, const PriceSet<Number>& given) {
  while (static_cast<int64_t>(tree.prices.size()) <= depth) {
    tree.prices.push_back(std::make_unique<PriceSet<Number>>());
  }
  PriceSet<Number>& prices = *tree.prices[depth];
  prices = given;
  descend_prices(tree.part, tree.free_at(depth), tree.room_at(depth), 1, prices, tree.work);
  sharpen_prices(tree.part, tree.free_at(depth), tree.room_at(depth), prices, tree.work);
  return prices;
}

// Decides what is free at a depth, one item after the other.
template <class Number>
void visit(SearchTree<Number>& tree, int64_t depth, const PriceSet<Number>& given) {
  const Part<Number>& part = tree.part;
  const PriceSet<Number>* prices = &given;
  if (!narrow(tree, depth, *prices) || met_before(tree, depth)) return;
  if (tree.nodes >= tree.next_prices) {
    prices = &reprice(tree, depth, given);
    const bool is_open = narrow(tree, depth, *prices);
    tree.stride = is_open ? std::min(MOST_STRIDE, tree.stride * 2) : std::max<int64_t>(1, tree.stride / 2);
    tree.nodes += NODES_OF_PRICES;
    tree.next_prices = tree.nodes + tree.stride;
    if (!is_open) return;
  }
  for (;;) {
    const int64_t item = first_item(tree.free_at(depth), part.words);
    if (item < 0) break;
    // Deeper than there is room for: what is known by now is the answer, and is not called proven.
    if (depth + 1 == tree.depths()) tree.nodes = tree.budget;
    if (++tree.nodes > tree.budget) return;
    std::copy_n(tree.free_at(depth), part.words, tree.free_at(depth + 1));
    std::copy_n(tree.taken_at(depth), part.words, tree.taken_at(depth + 1));
    std::copy_n(tree.room_at(depth), part.rows, tree.room_at(depth + 1));
    tree.value[depth + 1] = tree.value[depth];
    take_at(tree, depth + 1, item);
    visit(tree, depth + 1, *prices);
    drop_item(tree.free_at(depth), item);
    if (!narrow(tree, depth, *prices)) return;
  }
  if (tree.value[depth] > tree.best) tree.is_found = true;
  keep_better(tree, depth);
}

// Decides at the root what every set as good as the best one has in common.
template <class Number>
bool narrow_first(SearchTree<Number>& tree, const PriceSet<Number>& prices) {
  // Equal sets stay: the target is one unit less.
  tree.best -= tree.unit;
  const bool is_open = narrow(tree, 0, prices);
  tree.best += tree.unit;
  return is_open;
}

template <class Number>
void sort_by_worth(SearchTree<Number>& tree, const PriceSet<Number>& prices) {
  std::sort(tree.sequence.begin(), tree.sequence.end(), [&prices](int32_t one, int32_t other) {
    const Number mine = prices.worth[one], theirs = prices.worth[other];
    return mine != theirs ? mine > theirs : one < other;
  });
}

// Makes room for a search, and sets it to its start.
template <class Number>
void begin_search(SearchTree<Number>& tree, int64_t budget) {
  const Part<Number>& part = tree.part;
  const int64_t depths = std::min(part.groups, DEEPEST) + 3;
  tree.free.resize(depths * part.words);
  tree.taken.resize(depths * part.words);
  tree.room.resize(depths * part.rows);
  tree.value.resize(depths);
  tree.best_set.assign(part.words, 0);
  tree.unit = Number{1} << part.shift;
  tree.best = 0;
  tree.is_found = false;
  tree.nodes = 0;
  tree.stride = FIRST_STRIDE;
  tree.next_prices = PATIENCE;
  tree.budget = std::min(budget, std::max<int64_t>(1, budget * MANY_ITEMS / part.size));
  tree.partnered.assign(part.words, 0);
  for (int64_t clause = 0; clause < part.clauses; ++clause) {
    add_item(tree.partnered.data(), part.clause_item[clause]);
    for (int64_t word = 0; word < part.words; ++word) tree.partnered[word] |= part.partner_mask(clause)[word];
  }
  tree.sequence.resize(part.size);
  for (int64_t item = 0; item < part.size; ++item) tree.sequence[item] = static_cast<int32_t>(item);
}

// Finds the first prices, and by them some good sets; what no set exceeds. What the root has in common with
// every set as good as the best one is decided there.
template <class Number>
Number bound_first(SearchTree<Number>& tree, PriceSet<Number>& prices) {
  const Part<Number>& part = tree.part;
  start_at(tree, 0);
  prices.price.assign(part.rows, 0);
  set_worths(part, prices);
  descend_prices(part, tree.free_at(0), tree.room_at(0), SWEEPS, prices, tree.work);
  Number bound = bound_at(part, prices, tree.free_at(0), tree.room_at(0));
  if (bound >= tree.best + tree.unit) {
    sort_by_worth(tree, prices);
    dive(tree, 1);
    keep_better(tree, 1);
  }
  for (int64_t turn = 0; turn < RETRIES && bound >= tree.best + tree.unit; ++turn) {
    const Number before = bound;
    if (turn > 0 && !narrow_first(tree, prices)) break;
    if (!sharpen_prices(part, tree.free_at(0), tree.room_at(0), prices, tree.work)) break;
    bound = std::min(bound, tree.value[0] + bound_at(part, prices, tree.free_at(0), tree.room_at(0)));
    if (bound < tree.best + tree.unit) break;
    dive_by_relaxation(tree, 1);
    keep_better(tree, 1);
    if (turn > 0 && bound >= before) break;
  }
  return bound;
}

// Searches the part; the best set is left in the tree, and its value. Returns what no set exceeds.
template <class Number>
Number search_part(SearchTree<Number>& tree, int64_t budget) {
  begin_search(tree, budget);
  dive(tree, 0);
  int64_t count = 0;
  for (int64_t word = 0; word < tree.part.words; ++word) count += std::popcount(tree.taken_at(0)[word]);
  keep_better(tree, 0);
  const Number bound = bound_first(tree, tree.first_prices);
  if (count > DEEPEST) {
    tree.nodes = tree.budget + 1;
    return std::max(bound, tree.best);
  }
  // Of sets as good as the best one known the first is looked for; of those worth nothing it is the empty
  // one.
  const Number known = tree.best;
  const Bits known_set = tree.best_set;
  tree.best = known > 0 ? known - tree.unit : 0;
  tree.open.clear();
  visit(tree, 0, tree.first_prices);
  const bool is_spent = tree.nodes > tree.budget;
  if (!tree.is_found) {
    tree.best = known;
    tree.best_set = known_set;
  }
  return is_spent ? std::max(bound, tree.best) : tree.best;
}

}  // namespace journeykit
