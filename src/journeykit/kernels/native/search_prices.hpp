// Prices of the rows: what they leave of each item's value bounds what any set is worth (Geoffrion 1974).

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "arithmetic.hpp"
#include "search_part.hpp"
#include "search_relaxation.hpp"

namespace journeykit {

// By row its price, by item what it is worth at the prices, and the items of each group by that worth.
template <class Number>
struct PriceSet {
  std::vector<Number> price, worth;
  std::vector<int32_t> ranked;
};

// Room in which prices are worked out.
template <class Number>
struct PriceRoom {
  std::vector<Number> gain, outside, offer;
  std::vector<int64_t> use, stamp, offer_use;
  std::vector<int32_t> touched, sorted;
  PriceSet<Number> other;
  Relaxation relaxation;
};

// What the items are worth at the prices, and their order within the groups.
template <class Number>
void set_worths(const Part<Number>& part, PriceSet<Number>& prices) {
  prices.worth.resize(part.size);
  for (int64_t item = 0; item < part.size; ++item) {
    Number worth = part.value[item];
    for (int64_t at = part.item_first[item]; at < part.item_first[item + 1]; ++at) {
      worth -= prices.price[part.item_row[at]] * part.item_use[at];
    }
    prices.worth[item] = worth;
  }
  prices.ranked = part.group_item;
  for (int64_t group = 0; group < part.groups; ++group) {
    std::sort(prices.ranked.begin() + part.group_first[group],
              prices.ranked.begin() + part.group_first[group + 1], [&prices](int32_t one, int32_t other) {
                const Number mine = prices.worth[one], theirs = prices.worth[other];
                return mine != theirs ? mine > theirs : one < other;
              });
  }
}

// The free item of a group that is worth most, where that is more than nothing; else -1.
template <class Number>
int64_t best_of_group(const Part<Number>& part, const PriceSet<Number>& prices, int64_t group,
                      const uint64_t* free) {
  for (int64_t at = part.group_first[group]; at < part.group_first[group + 1]; ++at) {
    const int64_t item = prices.ranked[at];
    if (prices.worth[item] <= 0) return -1;
    if (has_item(free, item)) return item;
  }
  return -1;
}

// What the free items can add at most.
template <class Number>
Number bound_at(const Part<Number>& part, const PriceSet<Number>& prices, const uint64_t* free,
                const int64_t* room) {
  Number total = 0;
  for (int64_t row = 0; row < part.rows; ++row) {
    if (prices.price[row] != 0) total += prices.price[row] * room[row];
  }
  for (int64_t group = 0; group < part.groups; ++group) {
    const int64_t best = best_of_group(part, prices, group, free);
    if (best >= 0) total += prices.worth[best];
  }
  return total;
}

// What each group offers for a row, over what it does without it; the offers are left in the room.
template <class Number>
void list_offers(const Part<Number>& part, const PriceSet<Number>& prices, int64_t row, const uint64_t* free,
                 PriceRoom<Number>& work) {
  const Number old = prices.price[row];
  work.touched.clear();
  for (int64_t at = part.row_first[row]; at < part.row_first[row + 1]; ++at) {
    const int64_t item = part.row_item[at], group = part.group[item];
    if (!has_item(free, item)) continue;
    if (work.stamp[group] != row) {
      work.stamp[group] = row;
      work.gain[group] = 0;
      work.use[group] = 0;
      work.touched.push_back(static_cast<int32_t>(group));
    }
    const Number gain = prices.worth[item] + old * part.row_use[at];
    if (gain > work.gain[group]) {
      work.gain[group] = gain;
      work.use[group] = part.row_use[at];
    }
  }
  work.offer.clear();
  work.offer_use.clear();
  for (const int32_t group : work.touched) {
    if (work.use[group] == 0) continue;
    Number outside = 0;
    for (int64_t at = part.group_first[group]; at < part.group_first[group + 1]; ++at) {
      const int64_t item = part.group_item[at];
      if (prices.worth[item] > outside && has_item(free, item) && !has_item(part.row_mask(row), item)) {
        outside = prices.worth[item];
      }
    }
    if (work.gain[group] <= outside) continue;
    work.offer.push_back(work.gain[group] - outside);
    work.offer_use.push_back(work.use[group]);
  }
}

// The price per unit at which the offers worth more than it just fill the room.
template <class Number>
Number best_price(PriceRoom<Number>& work, int64_t room) {
  int64_t total = 0;
  for (size_t offer = 0; offer < work.offer.size(); ++offer) {
    total = saturating_add(total, work.offer_use[offer]);
    if (work.offer_use[offer] > 1) work.offer[offer] /= work.offer_use[offer];
  }
  if (total <= room) return 0;
  work.sorted.resize(work.offer.size());
  for (size_t offer = 0; offer < work.offer.size(); ++offer) work.sorted[offer] = static_cast<int32_t>(offer);
  std::sort(work.sorted.begin(), work.sorted.end(), [&work](int32_t one, int32_t other) {
    return work.offer[one] != work.offer[other] ? work.offer[one] > work.offer[other] : one < other;
  });
  int64_t taken = 0;
  for (const int32_t offer : work.sorted) {
    taken = saturating_add(taken, work.offer_use[offer]);
    if (taken > room) return work.offer[offer];
  }
  return 0;
}

// Moves prices by coordinate descent on the dual, at most so many times over all rows.
template <class Number>
void descend_prices(const Part<Number>& part, const uint64_t* free, const int64_t* room, int64_t sweeps,
                    PriceSet<Number>& prices, PriceRoom<Number>& work) {
  work.gain.resize(part.groups);
  work.use.resize(part.groups);
  for (int64_t sweep = 0; sweep < sweeps; ++sweep) {
    bool has_moved = false;
    work.stamp.assign(part.groups, -1);
    for (int64_t row = 0; row < part.rows; ++row) {
      list_offers(part, prices, row, free, work);
      const Number old = prices.price[row], price = best_price(work, room[row]);
      if (price == old) continue;
      has_moved = true;
      prices.price[row] = price;
      for (int64_t at = part.row_first[row]; at < part.row_first[row + 1]; ++at) {
        prices.worth[part.row_item[at]] += (old - price) * part.row_use[at];
      }
    }
    if (!has_moved) break;
  }
  set_worths(part, prices);
}

// Of whole units a price is most often a half, a quarter or so: so many parts of one are told apart exactly.
inline constexpr int64_t UNIT_PARTS = 64;
inline constexpr double ROUGH = 1e-4;

// A share of a level's largest value as a price: where it is surely some parts of the level's unit, these
// exactly, since what is rounded off here may be more than all that the levels after it are worth.
template <class Number>
Number price_at(const Part<Number>& part, int64_t level, double share) {
  const Number most = part.level_most[level], unit = part.level_unit[level];
  if (part.level_most.size() > 1 && unit % UNIT_PARTS == 0) {
    const double units = share * static_cast<double>(most / unit) * static_cast<double>(UNIT_PARTS);
    const double whole = std::nearbyint(units);
    if (std::abs(units - whole) < ROUGH && std::abs(whole) < 0x1p53) {
      return static_cast<Number>(whole) * (unit / UNIT_PARTS);
    }
  }
  return static_cast<Number>(share * static_cast<double>(most));
}

// The relaxation of no more than so many entries is worth its time.
inline constexpr int64_t MOST_ENTRIES = 300'000;

// Lists the columns of what is free, and the lines of the rows and groups that can stand in its way; false
// where there is no such row, or there would be too many entries.
template <class Number>
bool list_lines(const Part<Number>& part, const uint64_t* free, const int64_t* room, Relaxation& lp) {
  each_item(free, part.words, [&](int64_t item) { lp.add_column(item); });
  for (int64_t row = 0; row < part.rows; ++row) {
    int64_t used = 0;
    for (int64_t at = part.row_first[row]; at < part.row_first[row + 1]; ++at) {
      if (has_item(free, part.row_item[at])) used = saturating_add(used, part.row_use[at]);
    }
    if (used > room[row]) lp.add_line(row, static_cast<double>(room[row]));
  }
  lp.row_lines = lp.lines();
  if (lp.row_lines == 0) return false;
  for (int64_t group = 0; group < part.groups; ++group) {
    for (int64_t at = part.group_first[group]; at < part.group_first[group + 1]; ++at) {
      if (!has_item(free, part.group_item[at])) continue;
      lp.add_line(part.rows + group, 1);
      break;
    }
  }
  return lp.lines() * lp.columns() <= MOST_ENTRIES;
}

// Solves the linear relaxation of what is free; false where it has too many entries, or nothing stands in the
// way.
template <class Number>
bool relax(const Part<Number>& part, const uint64_t* free, const int64_t* room, Relaxation& lp) {
  const auto levels = static_cast<int64_t>(part.level_most.size());
  lp.begin(levels);
  if (!list_lines(part, free, room, lp)) return false;
  lp.lay_out();
  each_item(free, part.words, [&](int64_t item) {
    const int64_t level = part.level[item];
    // The last level of the part has the largest values.
    const double worth = static_cast<double>(part.value[item]) / static_cast<double>(part.level_most[level]);
    lp.set_profit(levels - 1 - level, item, worth);
  });
  for (int64_t line = 0; line < lp.row_lines; ++line) {
    const int64_t row = lp.name[line];
    for (int64_t at = part.row_first[row]; at < part.row_first[row + 1]; ++at) {
      if (has_item(free, part.row_item[at])) {
        lp.put(line, part.row_item[at], static_cast<double>(part.row_use[at]));
      }
    }
  }
  for (int64_t line = lp.row_lines; line < lp.lines(); ++line) {
    const int64_t group = lp.name[line] - part.rows;
    for (int64_t at = part.group_first[group]; at < part.group_first[group + 1]; ++at) {
      if (has_item(free, part.group_item[at])) lp.put(line, part.group_item[at], 1);
    }
  }
  lp.solve();
  return true;
}

// Takes the prices of the linear relaxation of what is free, where they bound it better.
//
// They may be rough, as floats are: the bound is worked out on whole numbers, and so is true at any prices.
template <class Number>
bool take_prices(const Part<Number>& part, const uint64_t* free, const int64_t* room,
                 PriceSet<Number>& prices, PriceRoom<Number>& work) {
  const Relaxation& lp = work.relaxation;
  const auto levels = static_cast<int64_t>(part.level_most.size());
  PriceSet<Number>& found = work.other;
  found.price.assign(part.rows, 0);
  double total = 0, most = 0;
  for (const Number value : part.value) most += std::max(0.0, static_cast<double>(value));
  for (int64_t line = 0; line < lp.row_lines; ++line) {
    Number price = 0;
    for (int64_t level = 0; level < levels; ++level) {
      // No row is worth more than the best item.
      price += price_at(part, level, std::clamp(lp.price(line, levels - 1 - level), -1.0, 1.0));
    }
    price = std::max<Number>(0, price);
    total += static_cast<double>(price) * lp.space_of(line);
    found.price[lp.name[line]] = price;
  }
  // Prices that bound nothing: all items together are worth less. They could make sums too large.
  if (total > most) return false;
  set_worths(part, found);
  if (bound_at(part, found, free, room) >= bound_at(part, prices, free, room)) return false;
  std::swap(prices, found);
  return true;
}

// Prices that suit what is free, from the linear relaxation; whether it was solved.
template <class Number>
bool sharpen_prices(const Part<Number>& part, const uint64_t* free, const int64_t* room,
                    PriceSet<Number>& prices, PriceRoom<Number>& work) {
  if (!relax(part, free, room, work.relaxation)) return false;
  take_prices(part, free, room, prices, work);
  return true;
}

}  // namespace journeykit
