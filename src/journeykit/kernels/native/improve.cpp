// Local search over chosen items under quotas.

#include "improve.hpp"

#include <algorithm>

#include "price_pass.hpp"

namespace journeykit {
namespace {

constexpr int64_t MOVES = 8, NO_ITEM = -1;
constexpr double NEVER = -1e300;
// A move must gain more than this; the gain of one that only makes a claim earlier.
constexpr double LEAST = 0.5, EARLIER = 0.6;

// What an item uses of a row.
int64_t use_of(const ProblemPool& pool, const QuotaBudget& budget, int64_t item, int64_t row) {
  const int64_t kind = pool.item[item].kind, column = budget.column[row];
  const int64_t fixed = budget.fixed(kind, row);
  if (column < 0) return fixed;
  return wrapping_add(fixed, wrapping_multiply(budget.factor(kind, row), pool.column(item, column)));
}

// Takes what an item uses, so many times, from the amounts of its rows: of what is left, or of the change.
void count_use(const ProblemPool& pool, const QuotaBudget& budget, int64_t item, int64_t times,
               Array1<int64_t> amounts) {
  const int64_t kind = pool.item[item].kind;
  for (int64_t place = budget.touched[kind]; place < budget.touched[kind + 1]; ++place) {
    int64_t& amount = amounts[budget.rows[place]];
    amount = wrapping_add(amount, wrapping_multiply(times, use_of(pool, budget, item, budget.rows[place])));
  }
}

// What the change costs in the rows of an item, which are cleared: a gain, or never.
double judge(const ProblemPool& pool, const QuotaBudget& budget, int64_t item) {
  const int64_t kind = pool.item[item].kind;
  double gain = 0;
  for (int64_t place = budget.touched[kind]; place < budget.touched[kind + 1]; ++place) {
    const int64_t row = budget.rows[place], change = budget.change[row], left = budget.left[row];
    budget.change[row] = 0;
    if (change == 0) continue;
    const int64_t after = wrapping_subtract(left, change);
    if (budget.hard[row] && change > 0 && after < 0) gain = NEVER;
    const int64_t broken = wrapping_subtract(std::min(after, int64_t{0}), std::min(left, int64_t{0}));
    gain += budget.fine[row] * static_cast<double>(broken);
  }
  return gain;
}

// What it is worth that one item comes and another goes, NO_ITEM for none.
double gain_of(const ProblemPool& pool, const QuotaBudget& budget, int64_t comes, int64_t goes) {
  double gain = 0;
  if (comes >= 0) {
    gain += static_cast<double>(pool.item[comes].value);
    count_use(pool, budget, comes, 1, budget.change);
  }
  if (goes >= 0) {
    gain -= static_cast<double>(pool.item[goes].value);
    count_use(pool, budget, goes, -1, budget.change);
  }
  if (comes >= 0) gain += judge(pool, budget, comes);
  if (goes >= 0) gain += judge(pool, budget, goes);
  return gain;
}

// Whether two items are slots of one claim; the first in the order of claims is the earlier one.
bool are_slots_of_one(const ProblemPool& pool, int64_t item, int64_t other) {
  return pool.group.size != 0 && pool.group[item] == pool.group[other] &&
         pool.item[item].value == pool.item[other].value;
}

struct Move {
  double gain;
  int64_t comes, goes;
};

// A contact, or account, the items of which may move.
struct Mover {
  const ProblemPool& pool;
  const QuotaBudget& budget;
  Array1<PriceStep> by;
  Array1<bool> taken;
  int64_t first, last;
};

// The better of a move and those in which an item takes the place of another.
Move best_exchange(const Mover& mover, int64_t item, Move best) {
  const auto& [pool, budget, by, taken, first, last] = mover;
  for (int64_t other = first; other < last; ++other) {
    if (!taken[other]) continue;
    take(by, other - first, -1);
    if (fits(by, item - first)) {
      double gain = gain_of(pool, budget, item, other);
      if (item < other && -LEAST < gain && gain <= LEAST && are_slots_of_one(pool, item, other)) {
        // Another slot of the same claim: the earlier one, where it makes no difference.
        gain = EARLIER;
      }
      if (gain > best.gain) best = {gain, item, other};
    }
    take(by, other - first, 1);
  }
  return best;
}

// The best move of a unit, of which so many items are chosen.
Move best_move(const Mover& mover, int64_t size, int64_t top) {
  const auto& [pool, budget, by, taken, first, last] = mover;
  Move best{LEAST, NO_ITEM, NO_ITEM};
  for (int64_t item = first; item < last; ++item) {
    if (taken[item]) {
      const double gain = gain_of(pool, budget, NO_ITEM, item);
      if (gain > best.gain) best = {gain, NO_ITEM, item};
    } else if (size < top && fits(by, item - first)) {
      const double gain = gain_of(pool, budget, item, NO_ITEM);
      if (gain > best.gain) best = {gain, item, NO_ITEM};
    } else {
      best = best_exchange(mover, item, best);
    }
  }
  return best;
}

// Lets an item come, or go with -1 for `times`.
void move_item(const Mover& mover, int64_t item, int64_t times) {
  mover.taken[item] = times > 0;
  count_use(mover.pool, mover.budget, item, -times, mover.budget.left);
  take(mover.by, item - mover.first, times);
}

// Improves one unit; how many moves were made.
int64_t improve_unit(const Mover& mover, int64_t unit) {
  const Unit& own = mover.pool.unit[unit];
  link_rows(mover.pool, own.row_from, own.row_to, mover.by, mover.last - mover.first);
  int64_t size = 0;
  for (int64_t item = mover.first; item < mover.last; ++item) {
    if (!mover.taken[item]) continue;
    take(mover.by, item - mover.first, 1);
    ++size;
  }
  for (int64_t moves = 0; moves < MOVES; ++moves) {
    const Move move = best_move(mover, size, own.top);
    if (move.gain <= LEAST) return moves;
    if (move.goes >= 0) move_item(mover, move.goes, -1);
    if (move.comes >= 0) move_item(mover, move.comes, 1);
    size += (move.comes >= 0) - (move.goes >= 0);
  }
  return MOVES;
}

}  // namespace

int64_t improve(const ProblemPool& pool, const QuotaBudget& budget, Array1<const int64_t> units,
                Array1<bool> taken, const PriceWorkspace& workspace) {
  int64_t moves = 0;
  for (const int64_t unit : units) {
    if (pool.unit[unit].clause_from != pool.unit[unit].clause_to) continue;
    moves += improve_unit({pool, budget, workspace.by, taken, pool.first[unit], pool.first[unit + 1]}, unit);
  }
  return moves;
}

}  // namespace journeykit
