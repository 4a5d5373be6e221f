// Exploration: whom a run draws, and what its numbered vectors make of a contact's weights.

#include "exploration.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

#include "stir.hpp"
#include "weights.hpp"

namespace journeykit {
namespace {

// A number's highest bits say into which of 4,096 equal parts of all chances it falls.
constexpr int PART_SHIFT = 52;

uint64_t start_of(const ExploreArrays& explore, int64_t contact) {
  return stir(explore.contact[contact] ^ static_cast<uint64_t>(explore.start));
}

// Deals the weights anew: the claims, ascending by their numbers, get the largest first.
void deal(Draws& draws) {
  std::vector<int64_t>& order = draws.order;
  std::sort(order.begin(), order.end(), [&draws](int64_t one, int64_t other) {
    const uint64_t mine = draws.drawn[one].number, theirs = draws.drawn[other].number;
    return mine != theirs ? mine < theirs : one < other;
  });
  for (int64_t place = 0; place < draws.size(); ++place) {
    draws.drawn[order[place]].weight = draws.dealt[place];
  }
}

// The weight of a claim whose propensity is drawn.
int64_t weight_drawn(const Rules& rules, const Contacts& contacts, int64_t contact, int64_t vector,
                     const DrawnClaim& claim, uint64_t number) {
  if (!has_spread(claim)) return claim.weight;
  const Array2<int64_t> given = rules.explore->weight;
  int64_t weight = NONE;
  if (given.rows != 0) {
    weight = given(vector, claim.place);
  } else {
    const double drawn = propensity_drawn(rules, claim, number);
    const Factors factors =
        factors_of(rules, contacts, contact, claim.opening, drawn, claim.value, claim.asked);
    weight = millionths_of(factors.product - claim.risk);
  }
  // Where the policy fails with a drawn propensity, the weight stays as it was.
  return weight == NONE ? claim.weight : weight;
}

// What items are compared by: those that are worth more go first, and of those that are worth the same
// those that weigh more.
struct NestedValues {
  uint64_t open;
  uint64_t value[MOST_NESTED];
  int64_t weight[MOST_NESTED];
};

// The first of some items, in the order in which they are taken.
int64_t first_of(const NestedValues& values, uint64_t among) {
  int64_t first = std::countr_zero(among);
  for (uint64_t left = among & (among - 1); left; left &= left - 1) {
    const int64_t item = std::countr_zero(left);
    const bool is_before =
        values.value[item] > values.value[first] ||
        (values.value[item] == values.value[first] && values.weight[item] > values.weight[first]);
    if (is_before) first = item;
  }
  return first;
}

// Takes the best first, level by level; what is taken, as bits.
uint64_t take_best_first(const NestedItems& items, const std::vector<uint64_t>& levels,
                         const NestedValues& values) {
  int64_t left_in[MOST_NESTED];
  const int64_t rows = static_cast<int64_t>(items.row.size());
  uint64_t open = values.open, taken = 0;
  for (int64_t row = 0; row < rows; ++row) left_in[row] = items.row[row].capacity;
  for (const uint64_t level : levels) {
    while (const uint64_t among = level & open) {
      const int64_t item = first_of(values, among);
      taken |= uint64_t{1} << item;
      open &= ~(uint64_t{1} << item);
      for (uint64_t own = items.item[item].rows; own; own &= own - 1) {
        const int64_t row = std::countr_zero(own);
        if (--left_in[row] == 0) open &= ~items.row[row].members;
      }
    }
  }
  return taken;
}

// The items of each level, the first level first.
std::vector<uint64_t>& list_levels(const NestedItems& items) {
  thread_local std::vector<int64_t> levels;
  thread_local std::vector<uint64_t> found;
  levels.clear();
  for (const NestedItem& item : items.item) {
    if (levels.empty() || levels.back() != item.level) levels.push_back(item.level);
  }
  std::sort(levels.begin(), levels.end());
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
  found.assign(levels.size(), 0);
  for (size_t item = 0; item < items.item.size(); ++item) {
    const auto at = std::lower_bound(levels.begin(), levels.end(), items.item[item].level);
    found[at - levels.begin()] |= uint64_t{1} << item;
  }
  return found;
}

// Sets what the items are worth under the vector that was drawn.
void set_values(const Rules& rules, const NestedItems& items, const Draws& draws, NestedValues& values) {
  values.open = 0;
  for (size_t at = 0; at < items.item.size(); ++at) {
    const NestedItem& item = items.item[at];
    const int64_t weight = item.drawn < 0 ? item.weight : draws.drawn[item.drawn].weight;
    const int64_t worth = wrapping_subtract(weight - rules.reserve, item.charge);
    values.weight[at] = weight;
    values.value[at] = static_cast<uint64_t>(std::max<int64_t>(worth, 0));
    const bool is_open = worth > 0 && (weight > rules.reserve || item.charge < 0);
    values.open |= uint64_t{is_open} << at;
  }
}

// Whether the numbers alone say in which order items go: weights, of which no two are equal, are dealt among
// all of them.
bool goes_by_numbers(const Rules& rules, const NestedItems& items) {
  if (draws_propensities(rules)) return false;
  return std::all_of(items.item.begin(), items.item.end(),
                     [](const NestedItem& item) { return item.drawn >= 0 && item.charge == 0; });
}

}  // namespace

bool has_spread(const DrawnClaim& claim) {
  return !std::isnan(claim.propensity) && claim.spread > 0.0;
}

double propensity_drawn(const Rules& rules, const DrawnClaim& claim, uint64_t number) {
  const double drawn = claim.propensity + claim.spread * rules.explore->normal[number >> PART_SHIFT];
  return drawn < 0.0 ? 0.0 : drawn > 1.0 ? 1.0 : drawn;
}

bool is_drawn(const ExploreArrays& explore, int64_t contact) {
  return static_cast<double>(start_of(explore, contact) >> 11) / 9007199254740992.0 < explore.share[0];
}

int64_t vector_of(const ExploreArrays& explore, int64_t contact) {
  return static_cast<int64_t>(stir(start_of(explore, contact) + 1) % static_cast<uint64_t>(explore.draws));
}

double chance_of(const ExploreArrays& explore, bool is_granted, int64_t times) {
  const double share = explore.share[0];
  return (1.0 - share) * (is_granted ? 1.0 : 0.0) +
         share * (static_cast<double>(times) / static_cast<double>(explore.draws));
}

void ready(const Rules& rules, int64_t contact, Draws& draws) {
  draws.start = start_of(*rules.explore, contact);
  const int64_t count = draws.size();
  draws.drawn.resize(count);
  draws.dealt.resize(count);
  draws.order.resize(count);
  for (int64_t place = 0; place < count; ++place) {
    draws.dealt[place] = draws.claim[place].weight;
    draws.order[place] = place;
  }
  std::sort(draws.dealt.begin(), draws.dealt.end(), std::greater<>());
  // Each is at least one millionth more than the next: vectors decide among claims of equal weight too.
  for (int64_t place = count - 1; place > 0; --place) {
    draws.dealt[place - 1] = std::max(draws.dealt[place - 1], draws.dealt[place] + 1);
  }
}

bool draws_any(const Rules& rules, const Draws& draws) {
  if (!draws_propensities(rules)) return draws.size() > 1;
  return std::any_of(draws.claim.begin(), draws.claim.end(), has_spread);
}

void draw_numbers(const Rules& rules, int64_t vector, Draws& draws) {
  static_cast<void>(rules);
  const uint64_t salt = stir(draws.start + 2 + static_cast<uint64_t>(vector));
  for (int64_t place = 0; place < draws.size(); ++place) {
    draws.drawn[place].number = stir(salt ^ draws.claim[place].key);
  }
}

void draw_weights(const Rules& rules, const Contacts& contacts, int64_t contact, int64_t vector,
                  Draws& draws) {
  draw_numbers(rules, vector, draws);
  if (!draws_propensities(rules)) {
    deal(draws);
    return;
  }
  for (int64_t place = 0; place < draws.size(); ++place) {
    DrawnWeight& drawn = draws.drawn[place];
    drawn.weight = weight_drawn(rules, contacts, contact, vector, draws.claim[place], drawn.number);
  }
}

bool add_nested_row(NestedItems& items, uint64_t members, int64_t capacity) {
  if (std::popcount(members) <= capacity) return true;
  for (const NestedRow& row : items.row) {
    const uint64_t both = members & row.members;
    if (both && both != members && both != row.members) return false;
  }
  if (static_cast<int64_t>(items.row.size()) == MOST_NESTED) return false;
  for (uint64_t left = members; left; left &= left - 1) {
    items.item[std::countr_zero(left)].rows |= uint64_t{1} << items.row.size();
  }
  items.row.push_back({members, capacity});
  return true;
}

void count_nested(const Rules& rules, const Contacts& contacts, int64_t contact, NestedItems& items,
                  Draws& draws, std::vector<int64_t>& times) {
  const std::vector<uint64_t>& levels = list_levels(items);
  const bool by_numbers = goes_by_numbers(rules, items);
  const size_t count = items.item.size();
  NestedValues values;
  values.open = count == MOST_NESTED ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
  std::fill_n(values.weight, count, 0);
  for (int64_t vector = 0; vector < rules.explore->draws; ++vector) {
    if (by_numbers) {
      draw_numbers(rules, vector, draws);
      for (size_t at = 0; at < count; ++at) values.value[at] = ~draws.drawn[items.item[at].drawn].number;
    } else {
      draw_weights(rules, contacts, contact, vector, draws);
      set_values(rules, items, draws, values);
    }
    for (uint64_t left = take_best_first(items, levels, values); left; left &= left - 1) {
      times[items.item[std::countr_zero(left)].place] += 1;
    }
  }
}

}  // namespace journeykit
