// Exploration: whom a run draws, and what its numbered vectors make of a contact's weights, as in
// `journeykit.engine.exploring`.

#pragma once

#include <cstdint>
#include <vector>

#include "interface.hpp"

namespace journeykit {

// A claim that takes part: its key, what it weighs undrawn, its place among the candidates of a block, and
// what its weight is made anew from.
struct DrawnClaim {
  uint64_t key;
  int64_t weight, place, opening, asked;
  double propensity, spread, value, risk;
};

// What a vector makes of a claim: the number by which it is drawn, and the weight.
struct DrawnWeight {
  uint64_t number;
  int64_t weight;
};

// The claims of one contact that take part, and their weights under the vector that was drawn last.
struct Draws {
  std::vector<DrawnClaim> claim;
  std::vector<DrawnWeight> drawn;
  // The weights that are dealt anew, the largest first and no two equal, and room to deal them.
  std::vector<int64_t> dealt;
  std::vector<int64_t> order;
  uint64_t start;

  void clear() { claim.clear(); }
  int64_t size() const { return static_cast<int64_t>(claim.size()); }
};

inline bool explores(const Rules& rules) {
  return rules.explore->draws > 0;
}

// Whether weights are drawn anew from propensities; else they are dealt anew.
inline bool draws_propensities(const Rules& rules) {
  return rules.explore->normal.size > 0;
}

// Whether the propensity of a claim is drawn at all.
bool has_spread(const DrawnClaim& claim);

// The propensity of a claim that has one and a spread, as the number draws it.
double propensity_drawn(const Rules& rules, const DrawnClaim& claim, uint64_t number);

// Whether a contact is drawn.
bool is_drawn(const ExploreArrays& explore, int64_t contact);

// The number of the vector of a contact that is drawn.
int64_t vector_of(const ExploreArrays& explore, int64_t contact);

// With what chance a claim is granted: whether it is granted undrawn, and by how many of the vectors.
double chance_of(const ExploreArrays& explore, bool is_granted, int64_t times);

// Makes the claims that take part ready to be drawn.
void ready(const Rules& rules, int64_t contact, Draws& draws);

// Whether a vector draws any weight: of one claim alone nothing is dealt, and without a spread nothing
// varies.
bool draws_any(const Rules& rules, const Draws& draws);

// The numbers of the claims under a vector; weights are not drawn yet.
void draw_numbers(const Rules& rules, int64_t vector, Draws& draws);

// The numbers and weights of the claims under a vector.
void draw_weights(const Rules& rules, const Contacts& contacts, int64_t contact, int64_t vector,
                  Draws& draws);

// Items that compete where taking the best first is optimal, whatever they weigh: the rows that may bind lie
// one inside the other, or apart, and count their items alike. Items are bits, in the order of claims that
// weigh the same.
struct NestedItem {
  // Its claim among those that take part, -1 for one that keeps its weight; its weight and level, and what
  // prices of quotas take from it; and where its count is.
  int64_t drawn, weight, level, charge, place;
  uint64_t rows;
};

struct NestedRow {
  uint64_t members;
  int64_t capacity;
};

inline constexpr int64_t MOST_NESTED = 64;

struct NestedItems {
  std::vector<NestedItem> item;
  std::vector<NestedRow> row;

  void clear() {
    item.clear();
    row.clear();
  }
};

// Adds a row, if it may bind; false where it is not nested with those before, or there are too many.
bool add_nested_row(NestedItems& items, uint64_t members, int64_t capacity);

// Adds up, by place, how many of the vectors grant each item.
void count_nested(const Rules& rules, const Contacts& contacts, int64_t contact, NestedItems& items,
                  Draws& draws, std::vector<int64_t>& times);

}  // namespace journeykit
