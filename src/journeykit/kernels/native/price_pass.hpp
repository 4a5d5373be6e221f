// Passes: what all contacts choose at given prices.

#pragma once

#include "interface.hpp"

namespace journeykit {

// For each item, a chain of the rows that it is in; the capacities of the rows. How many links there are.
int64_t link_rows(const ProblemPool& pool, int64_t low, int64_t high, Array1<PriceStep> by, int64_t items);

// The group of an item of the unit that starts at `first`, by its place in the unit.
inline int64_t group_at(const ProblemPool& pool, int64_t first, int64_t place) {
  return pool.group.size != 0 ? pool.group[first + place] : place;
}

// Whether the rows of an item have room for it.
inline bool fits(Array1<PriceStep> by, int64_t item) {
  for (int64_t link = by[item].head; link >= 0; link = by[link].link) {
    if (by[link].use > by[by[link].line].room) return false;
  }
  return true;
}

// Takes what an item uses from its rows; with -1 for `times`, gives it back.
inline void take(Array1<PriceStep> by, int64_t item, int64_t times) {
  for (int64_t link = by[item].head; link >= 0; link = by[link].link) {
    by[by[link].line].room -= times * by[link].use;
  }
}

// What the units chosen by number, or all from `start` to `stop` where there are no numbers, choose at
// prices: added up by block and kind, by block, kind and column, and by block (what the choices are worth, in
// two parts).
void price_pass(const ProblemPool& pool, const Charges& charges, Array1<const int64_t> units, int64_t start,
                int64_t stop, const PriceWorkspace& workspace, Array2<int64_t> counts, Array3<int64_t> sums,
                Array2<int64_t> totals);

// The same of all units from `start` to `stop`, which keeps what each of them chooses as an offer. Ends early
// where the room for offers does.
void price_pass_kept(const ProblemPool& pool, const Charges& charges, int64_t start, int64_t stop,
                     const PriceWorkspace& workspace, Array2<int64_t> counts, Array3<int64_t> sums,
                     Array2<int64_t> totals, Array1<Offer> offers, Array1<int32_t> items,
                     Array1<int64_t> used);

// Every choice that the units have, but those with idle items that are no chosen item's partner; false where
// there is no room for all of them.
bool list_all(const ProblemPool& pool, Array1<const bool> idle, const PriceWorkspace& workspace,
              Array1<Offer> offers, Array1<int32_t> items, Array1<int64_t> used);

// How many items the units have that take a search with a good bound: claims with slots, or partners.
int64_t hard_items(const ProblemPool& pool);

// By kind: how many items there are; how much they are worth in all, without sign, in two parts; and what
// they have of columns.
void sizes_by_kind(const ProblemPool& pool, Array1<int64_t> counts, Array2<int64_t> values,
                   Array2<int64_t> columns);

// By kind, how many of some items there are; and by kind and column, what they have of it; added up.
void add_up(const ProblemPool& pool, Array1<const int64_t> items, Array1<int64_t> counts,
            Array2<int64_t> sums);

// The distinct choices of units at several prices, those at the first prices first. Ends with the unit before
// which the room runs out; the place of the next one.
int64_t collect_offers_of(const ProblemPool& pool, const Charges& charges, Array1<const int64_t> units,
                          int64_t start, int64_t stop, const PriceWorkspace& workspace, Array1<Offer> offers,
                          Array1<int32_t> items, Array1<int64_t> used);

}  // namespace journeykit
