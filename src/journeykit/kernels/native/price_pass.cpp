// Passes: what all contacts choose at given prices. Only prices go in, only usage and value come out.
//
// At prices of the quotas every unit of a pool is solved on its own, exactly, with its values less the prices
// of what it uses. So a pass can be split into pieces of any kind, and what the pieces give is added up in
// whole numbers: it does not depend on how they were cut, or on who worked on them.

#include "price_pass.hpp"

#include <algorithm>

#include "exact_search.hpp"

namespace journeykit {
namespace {

// So many steps the quick search may take before the one with the better bound goes to work.
constexpr int64_t STEPS = 2'000;
// The best few of all are kept in order while the items are read; of more than so many all are sorted.
constexpr int64_t FEW = 6;

// What an item is worth

// A float rounded down to a whole number, as NumPy casts it on x86: the lowest number where there is none.
int64_t floor_to_whole(double number) {
  const int64_t whole = to_whole(number);
  return whole - (number >= -0x1p63 && static_cast<double>(whole) > number);
}

// What an item is worth once a price is paid; never less than that, so that sums bound what is possible.
int64_t worth_of(const ProblemPool& pool, const Charges& charges, int64_t price, int64_t item) {
  const PoolItem& own = pool.item[item];
  int64_t worth = wrapping_subtract(own.value << charges.shift, charges.kind(price, own.kind));
  for (int64_t column = 0; column < pool.column.columns; ++column) {
    const double slope = charges.slope(price, own.kind, column);
    if (slope == 0) continue;
    const double taken = slope * static_cast<double>(pool.column(item, column));
    const int64_t charge = wrapping_subtract(floor_to_whole(taken), 1);
    // What takes nothing away adds nothing: a claim that is worth nothing stays so.
    worth = wrapping_subtract(worth, taken >= 0 ? std::max(charge, int64_t{0}) : charge);
  }
  return worth;
}

// Choices without a search

// The few best items, where nothing else matters.
int64_t choose_few(const ProblemPool& pool, const Charges& charges, int64_t price, int64_t unit,
                   const PriceWorkspace& workspace) {
  const Array1<PriceStep> by = workspace.by;
  const int64_t first = pool.first[unit], last = pool.first[unit + 1], top = pool.unit[unit].top;
  int64_t count = 0, least = 0;
  for (int64_t item = first; item < last; ++item) {
    const int64_t worth = worth_of(pool, charges, price, item);
    if (worth <= least) continue;
    int64_t at = count < top ? count : top - 1;
    for (; at > 0 && by[by[at - 1].order].worth < worth; --at) by[at].order = by[at - 1].order;
    by[at].order = item - first;
    by[item - first].worth = worth;
    if (count < top) ++count;
    if (count == top) least = by[by[top - 1].order].worth;
  }
  int64_t total = 0;
  for (int64_t at = 0; at < count; ++at) {
    total = wrapping_add(total, by[by[at].order].worth);
    by[by[at].order].chosen = 1;
  }
  workspace.found[0] = count;
  return total;
}

// The items that are worth something in their order: the best first; of equal ones the first in the order of
// claims. How many there are.
int64_t sort_items(const ProblemPool& pool, const Charges& charges, int64_t price, int64_t unit,
                   Array1<PriceStep> by) {
  const int64_t first = pool.first[unit], last = pool.first[unit + 1];
  int64_t count = 0;
  for (int64_t item = first; item < last; ++item) {
    const int64_t worth = worth_of(pool, charges, price, item);
    by[item - first].worth = worth;
    if (worth <= 0) continue;
    int64_t at = count++;
    for (; at > 0 && by[by[at - 1].order].worth < worth; --at) by[at].order = by[at - 1].order;
    by[at].order = item - first;
  }
  return count;
}

int64_t take_best_first(const ProblemPool& pool, int64_t unit, int64_t count,
                        const PriceWorkspace& workspace) {
  const Array1<PriceStep> by = workspace.by;
  const Unit& own = pool.unit[unit];
  const int64_t items = pool.first[unit + 1] - pool.first[unit];
  const bool has_links = link_rows(pool, own.row_from, own.row_to, by, items) != 0;
  int64_t total = 0, taken = 0;
  for (int64_t at = 0; at < count && taken != own.top; ++at) {
    const int64_t item = by[at].order;
    if (has_links && !fits(by, item)) continue;
    take(by, item, 1);
    by[item].chosen = 1;
    total = wrapping_add(total, by[item].worth);
    ++taken;
  }
  workspace.found[0] = taken;
  return total;
}

// The quick search

struct Choice {
  int64_t worth, size;
  bool is_best;
};

// Depth first, the best item first; the bound is what the next best items are worth, whatever the rows say.
// The choice is left in `best`; it is the best where the steps were enough.
Choice search_quickly(const ProblemPool& pool, int64_t unit, int64_t count, Array1<PriceStep> by) {
  const int64_t top = pool.unit[unit].top;
  link_rows(pool, pool.unit[unit].row_from, pool.unit[unit].row_to, by,
            pool.first[unit + 1] - pool.first[unit]);
  by[0].prefix = 0;
  for (int64_t at = 0; at < count; ++at) {
    by[at + 1].prefix = wrapping_add(by[at].prefix, by[by[at].order].worth);
  }
  int64_t best = -1, size = 0, value = 0, taken = 0, at = 0;
  for (int64_t step = 0; step < STEPS; ++step) {
    const int64_t reach = std::min(count, at + top - taken);
    if (at < count && taken < top &&
        wrapping_add(value, wrapping_subtract(by[reach].prefix, by[at].prefix)) > best) {
      const int64_t item = by[at].order;
      if (fits(by, item)) {
        take(by, item, 1);
        by[taken++].part = at;
        value = wrapping_add(value, by[item].worth);
      }
      ++at;
      continue;
    }
    if (value > best) {
      best = value;
      size = taken;
      for (int64_t place = 0; place < taken; ++place) by[place].best = by[by[place].part].order;
    }
    if (taken == 0) return {best, size, true};
    at = by[--taken].part;
    take(by, by[at].order, -1);
    value = wrapping_subtract(value, by[by[at].order].worth);
    ++at;
  }
  return {best, size, false};
}

// Whether some claim has several items: then what the next best items are worth says little.
bool has_slots(const ProblemPool& pool, int64_t unit) {
  if (pool.group.size == 0) return false;
  const int64_t first = pool.first[unit], last = pool.first[unit + 1];
  for (int64_t item = first; item < last; ++item) {
    if (pool.group[item] != item - first) return true;
  }
  return false;
}

bool has_clauses(const ProblemPool& pool, int64_t unit) {
  return pool.unit[unit].clause_from != pool.unit[unit].clause_to;
}

// Whether another item needs an item as its partner.
bool is_partner(const ProblemPool& pool, int64_t unit, int64_t item) {
  for (int64_t clause = pool.unit[unit].clause_from; clause < pool.unit[unit].clause_to; ++clause) {
    for (int64_t place = pool.clause[clause].start; place < pool.clause[clause].stop; ++place) {
      if (pool.partner[place] == item) return true;
    }
  }
  return false;
}

// The exact search

// Copies the items of a unit, with what they are worth at the prices.
void put_items(const ProblemPool& pool, int64_t unit, const PriceWorkspace& workspace) {
  const Array1<SearchItem> items = workspace.problem->items;
  const int64_t first = pool.first[unit], count = pool.first[unit + 1] - first;
  for (int64_t item = 0; item < count; ++item) {
    SearchItem& own = items[item];
    const int64_t worth = workspace.by[item].worth;
    own.order = item;
    // Worth nothing it may still be a partner: one fine unit more keeps it in the game, and the sums a bound.
    // What is nobody's partner is not granted for nothing.
    own.value = worth == 0 && is_partner(pool, unit, item) ? 1 : worth;
    own.level = 0;
    own.group = group_at(pool, first, item);
    own.shut = 0;
  }
  workspace.problem->size[ITEMS] = count;
}

// Copies the rows of a unit, and how many of its items go in all; false where there are too many.
bool put_rows(const ProblemPool& pool, int64_t unit, const SearchProblem& problem) {
  const Unit& own = pool.unit[unit];
  const int64_t items = pool.first[unit + 1] - pool.first[unit];
  int64_t members = 0, lines = 0;
  if (own.top < items) {
    problem.rows[0] = {0, items, own.top};
    for (int64_t item = 0; item < items; ++item) problem.members[item] = {item, 1};
    members = items;
    lines = 1;
  }
  for (int64_t number = own.row_from; number < own.row_to; ++number) {
    if (members + items > problem.members.size) return false;
    const PoolLine row = pool.line[number];
    const int64_t start = members;
    for (int64_t place = row.start; place < row.stop; ++place) {
      problem.members[members++] = {pool.member[place].pick, pool.member[place].use};
    }
    problem.rows[lines++] = {start, members, row.room};
  }
  problem.size[LINES] = lines;
  problem.size[MEMBERS] = members;
  return true;
}

// Copies the clauses of a unit; false where there are too many.
bool put_clauses(const ProblemPool& pool, int64_t unit, const SearchProblem& problem) {
  const Unit& own = pool.unit[unit];
  const int64_t items = pool.first[unit + 1] - pool.first[unit];
  int64_t partners = 0, clauses = 0;
  for (int64_t number = own.clause_from; number < own.clause_to; ++number) {
    if (clauses >= problem.clauses.size || partners + items > problem.partners.size) return false;
    const PoolClause clause = pool.clause[number];
    const int64_t start = partners;
    for (int64_t place = clause.start; place < clause.stop; ++place) {
      problem.partners[partners++] = pool.partner[place];
    }
    problem.clauses[clauses++] = {clause.pick, start, partners};
  }
  problem.size[CLAUSES] = clauses;
  problem.size[PARTNERS] = partners;
  return true;
}

// Whether an item needs a partner.
bool needs_partner(const ProblemPool& pool, int64_t unit, int64_t item) {
  for (int64_t clause = pool.unit[unit].clause_from; clause < pool.unit[unit].clause_to; ++clause) {
    if (pool.clause[clause].pick == item) return true;
  }
  return false;
}

// A greedy choice, without the items that need a partner.
void choose_greedily(const ProblemPool& pool, int64_t unit, int64_t count, const PriceWorkspace& workspace) {
  const Array1<PriceStep> by = workspace.by;
  const Unit& own = pool.unit[unit];
  link_rows(pool, own.row_from, own.row_to, by, pool.first[unit + 1] - pool.first[unit]);
  int64_t taken = 0;
  for (int64_t at = 0; at < count; ++at) {
    const int64_t item = by[at].order;
    if (taken >= own.top || !fits(by, item) || needs_partner(pool, unit, item)) continue;
    take(by, item, 1);
    by[item].chosen = 1;
    ++taken;
  }
  workspace.found[0] = taken;
}

// A plain bound: no more than the best item of each claim, and of these no more than may go in all.
int64_t plain_bound(const ProblemPool& pool, int64_t unit, int64_t count, Array1<PriceStep> by) {
  const int64_t first = pool.first[unit], items = pool.first[unit + 1] - first;
  int64_t total = 0, taken = 0;
  for (int64_t item = 0; item < items; ++item) by[item].spare = 0;
  for (int64_t at = 0; at < count; ++at) {
    const int64_t group = group_at(pool, first, by[at].order);
    if (by[group].spare != 0 || taken >= pool.unit[unit].top) continue;
    by[group].spare = 1;
    total = wrapping_add(total, by[by[at].order].worth);
    ++taken;
  }
  return total;
}

// Whether a chosen item of a unit has an item as its partner.
bool has_chosen(const ProblemPool& pool, int64_t unit, Array1<PriceStep> by, int64_t item) {
  for (int64_t clause = pool.unit[unit].clause_from; clause < pool.unit[unit].clause_to; ++clause) {
    if (by[pool.clause[clause].pick].chosen == 0) continue;
    for (int64_t place = pool.clause[clause].start; place < pool.clause[clause].stop; ++place) {
      if (pool.partner[place] == item) return true;
    }
  }
  return false;
}

// The search with a bound from prices of the rows; where that is given up, a greedy choice and a plain bound.
int64_t search_well(const ProblemPool& pool, int64_t unit, int64_t count, const PriceWorkspace& workspace) {
  const Array1<PriceStep> by = workspace.by;
  const SearchProblem& problem = *workspace.problem;
  const Unit& own = pool.unit[unit];
  const int64_t items = pool.first[unit + 1] - pool.first[unit];
  for (int64_t item = 0; item < items; ++item) by[item].chosen = 0;
  int64_t& gap = workspace.work->terms[2];
  gap = 0;
  if (items <= problem.items.size && own.row_to - own.row_from < MOST_ROWS) {
    put_items(pool, unit, workspace);
    if (put_rows(pool, unit, problem) && put_clauses(pool, unit, problem) &&
        solve(problem, *workspace.work, workspace.taken)) {
      int64_t total = 0, size = 0;
      for (int64_t item = 0; item < items; ++item) {
        if (!workspace.taken[item]) continue;
        by[item].chosen = 1;
        total = wrapping_add(total, problem.items[item].value);
        ++size;
      }
      for (int64_t item = 0; item < items; ++item) {
        // A partner that is worth nothing goes where nothing came of it; the sum bounds still.
        if (by[item].chosen == 0 || by[item].worth != 0 || has_chosen(pool, unit, by, item)) continue;
        by[item].chosen = 0;
        --size;
      }
      workspace.found[0] = size;
      workspace.found[1] += gap > 0;
      return wrapping_add(total, gap);
    }
  }
  ++workspace.found[1];
  choose_greedily(pool, unit, count, workspace);
  return plain_bound(pool, unit, count, by);
}

int64_t search(const ProblemPool& pool, int64_t unit, int64_t count, const PriceWorkspace& workspace) {
  const Array1<PriceStep> by = workspace.by;
  if (has_clauses(pool, unit) || has_slots(pool, unit)) return search_well(pool, unit, count, workspace);
  const Choice choice = search_quickly(pool, unit, count, by);
  if (!choice.is_best) return search_well(pool, unit, count, workspace);
  for (int64_t place = 0; place < choice.size; ++place) by[by[place].best].chosen = 1;
  workspace.found[0] = choice.size;
  return choice.worth;
}

// The best choice of a unit at prices: marked in `chosen`; what it is worth, or a bound of that.
int64_t choose(const ProblemPool& pool, const Charges& charges, int64_t price, int64_t unit,
               const PriceWorkspace& workspace) {
  const Array1<PriceStep> by = workspace.by;
  const Unit& own = pool.unit[unit];
  const int64_t items = pool.first[unit + 1] - pool.first[unit];
  for (int64_t item = 0; item < items; ++item) by[item].chosen = 0;
  workspace.found[0] = 0;
  if (own.top <= 0) return 0;
  if (own.form == TOP && own.top < FEW) return choose_few(pool, charges, price, unit, workspace);
  const int64_t count = sort_items(pool, charges, price, unit, by);
  if (own.form <= LAMINAR) return take_best_first(pool, unit, count, workspace);
  return search(pool, unit, count, workspace);
}

// Offers

// A hash of two numbers: Murmur's finalizer over their sum.
uint64_t mix(uint64_t one, uint64_t two) {
  uint64_t value = one * 0x9E3779B97F4A7C15U + two;
  value ^= value >> 33;
  value *= 0xFF51AFD7ED558CCDU;
  value ^= value >> 33;
  value *= 0xC4CEB9FE1A85EC53U;
  return value ^ (value >> 33);
}

// What all items of a choice are together: their value, and two hashes of all that matters about them.
struct Blend {
  int64_t value = 0;
  uint64_t one = 17, two = 71;
};

void add_item(Blend& blend, const ProblemPool& pool, int64_t item) {
  const PoolItem& own = pool.item[item];
  blend.value = wrapping_add(blend.value, own.value);
  blend.one = mix(blend.one, static_cast<uint64_t>(own.kind));
  blend.two = mix(blend.two, static_cast<uint64_t>(own.value));
  for (int64_t column = 0; column < pool.column.columns; ++column) {
    blend.two = mix(blend.two, static_cast<uint64_t>(pool.column(item, column)));
  }
}

// Ends an offer, the items of which lie up to `stop`.
void put_offer(int64_t unit, int64_t worth, const Blend& blend, int64_t stop, Array1<Offer> offers,
               Array1<int64_t> used) {
  offers[used[0]++] = {unit,
                       worth,
                       blend.value,
                       used[1],
                       stop,
                       static_cast<int64_t>(blend.one),
                       static_cast<int64_t>(blend.two)};
  used[1] = stop;
}

bool keeps_clauses(const ProblemPool& pool, int64_t unit, Array1<PriceStep> by) {
  for (int64_t number = pool.unit[unit].clause_from; number < pool.unit[unit].clause_to; ++number) {
    const PoolClause clause = pool.clause[number];
    if (by[clause.pick].chosen == 0) continue;
    bool is_met = false;
    for (int64_t place = clause.start; place < clause.stop && !is_met; ++place) {
      is_met = by[pool.partner[place]].chosen != 0;
    }
    if (!is_met) return false;
  }
  return true;
}

// Every choice that a unit has, but those with idle items that are nobody's partner; false where there is no
// room for all of them.
bool list_choices(const ProblemPool& pool, int64_t unit, Array1<const bool> idle, Array1<PriceStep> by,
                  Array1<Offer> offers, Array1<int32_t> items, Array1<int64_t> used) {
  const int64_t first = pool.first[unit], count = pool.first[unit + 1] - first, top = pool.unit[unit].top;
  link_rows(pool, pool.unit[unit].row_from, pool.unit[unit].row_to, by, count);
  for (int64_t item = 0; item < count; ++item) by[item].chosen = 0;
  int64_t taken = 0, at = 0;
  for (int64_t steps = 1; steps <= 64 * offers.size; ++steps) {
    if (at < count) {
      if (taken < top && fits(by, at) && (!idle[first + at] || is_partner(pool, unit, at))) {
        take(by, at, 1);
        by[at].chosen = 1;
        by[taken++].part = at;
      }
      ++at;
      continue;
    }
    bool is_listed = keeps_clauses(pool, unit, by);
    for (int64_t place = 0; place < taken && is_listed; ++place) {
      is_listed = !idle[first + by[place].part] || has_chosen(pool, unit, by, by[place].part);
    }
    if (is_listed) {
      if (used[0] >= offers.size || used[1] + taken > items.size) return false;
      Blend blend;
      for (int64_t place = 0; place < taken; ++place) {
        items[used[1] + place] = static_cast<int32_t>(by[place].part);
        add_item(blend, pool, first + by[place].part);
      }
      put_offer(unit, 0, blend, used[1] + taken, offers, used);
    }
    if (taken == 0) return true;
    at = by[--taken].part;
    take(by, at, -1);
    by[at].chosen = 0;
    ++at;
  }
  return false;
}

// Whether the items from `low` to `stop` are those of an offer of the unit, of which the first is `own`.
bool is_known(Array1<Offer> offers, Array1<int32_t> items, int64_t own, int64_t offer, int64_t low,
              int64_t stop) {
  for (int64_t other = own; other < offer; ++other) {
    const Offer& rival = offers[other];
    if (rival.item_to - rival.item_from == stop - low &&
        std::equal(items.data + low, items.data + stop, items.data + rival.item_from)) {
      return true;
    }
  }
  return false;
}

// The choice of a unit at one of several prices, unless it is one of those from the offer `own` on.
void collect_choice(const ProblemPool& pool, const Charges& charges, int64_t price, int64_t unit,
                    const PriceWorkspace& workspace, int64_t own, Array1<Offer> offers, Array1<int32_t> items,
                    Array1<int64_t> used) {
  choose(pool, charges, price, unit, workspace);
  const int64_t first = pool.first[unit], last = pool.first[unit + 1];
  int64_t stop = used[1], worth = 0;
  Blend blend;
  for (int64_t item = first; item < last; ++item) {
    if (workspace.by[item - first].chosen == 0) continue;
    items[stop++] = static_cast<int32_t>(item - first);
    worth = wrapping_add(worth, worth_of(pool, charges, 0, item));
    add_item(blend, pool, item);
  }
  if (!is_known(offers, items, own, used[0], used[1], stop))
    put_offer(unit, worth, blend, stop, offers, used);
}

// Adds up what a unit chooses at prices.
void count_choice(const ProblemPool& pool, const Charges& charges, int64_t unit,
                  const PriceWorkspace& workspace, Array2<int64_t> counts, Array3<int64_t> sums,
                  Array2<int64_t> totals) {
  const int64_t worth = choose(pool, charges, 0, unit, workspace);
  const int64_t block = static_cast<int64_t>(pool.key[unit] % uint64_t{BLOCKS});
  totals(block, 0) += worth >> 32;
  totals(block, 1) += worth & 0xFFFFFFFF;
  if (workspace.found[0] == 0) return;
  const int64_t first = pool.first[unit], last = pool.first[unit + 1];
  for (int64_t item = first; item < last; ++item) {
    if (workspace.by[item - first].chosen == 0) continue;
    const int64_t kind = pool.item[item].kind;
    ++counts(block, kind);
    for (int64_t column = 0; column < pool.column.columns; ++column) {
      int64_t& sum = sums(block, kind, column);
      sum = wrapping_add(sum, pool.column(item, column));
    }
  }
}

}  // namespace

int64_t link_rows(const ProblemPool& pool, int64_t low, int64_t high, Array1<PriceStep> by, int64_t items) {
  for (int64_t item = 0; item < items; ++item) by[item].head = -1;
  int64_t links = 0;
  for (int64_t number = low; number < high; ++number) {
    const PoolLine row = pool.line[number];
    by[number - low].room = row.room;
    for (int64_t place = row.start; place < row.stop; ++place) {
      const PoolMember member = pool.member[place];
      by[links].link = by[member.pick].head;
      by[links].line = number - low;
      by[links].use = member.use;
      by[member.pick].head = links++;
    }
  }
  return links;
}

void price_pass(const ProblemPool& pool, const Charges& charges, Array1<const int64_t> units, int64_t start,
                int64_t stop, const PriceWorkspace& workspace, Array2<int64_t> counts, Array3<int64_t> sums,
                Array2<int64_t> totals) {
  for (int64_t place = start; place < stop; ++place) {
    const int64_t unit = units.size != 0 ? units[place] : place;
    count_choice(pool, charges, unit, workspace, counts, sums, totals);
  }
}

void price_pass_kept(const ProblemPool& pool, const Charges& charges, int64_t start, int64_t stop,
                     const PriceWorkspace& workspace, Array2<int64_t> counts, Array3<int64_t> sums,
                     Array2<int64_t> totals, Array1<Offer> offers, Array1<int32_t> items,
                     Array1<int64_t> used) {
  for (int64_t unit = start; unit < stop; ++unit) {
    count_choice(pool, charges, unit, workspace, counts, sums, totals);
    const int64_t first = pool.first[unit], last = pool.first[unit + 1];
    if (used[0] >= offers.size || used[1] + workspace.found[0] > items.size) return;
    int64_t end = used[1];
    Blend blend;
    for (int64_t item = first; item < last && workspace.found[0] != 0; ++item) {
      if (workspace.by[item - first].chosen == 0) continue;
      items[end++] = static_cast<int32_t>(item - first);
      add_item(blend, pool, item);
    }
    put_offer(unit, 0, blend, end, offers, used);
  }
}

bool list_all(const ProblemPool& pool, Array1<const bool> idle, const PriceWorkspace& workspace,
              Array1<Offer> offers, Array1<int32_t> items, Array1<int64_t> used) {
  for (int64_t unit = 0; unit < pool.unit.size; ++unit) {
    if (!list_choices(pool, unit, idle, workspace.by, offers, items, used)) return false;
  }
  return true;
}

int64_t hard_items(const ProblemPool& pool) {
  int64_t total = 0;
  for (int64_t unit = 0; unit < pool.unit.size; ++unit) {
    if (pool.unit[unit].form > LAMINAR && (has_clauses(pool, unit) || has_slots(pool, unit))) {
      total += pool.first[unit + 1] - pool.first[unit];
    }
  }
  return total;
}

void sizes_by_kind(const ProblemPool& pool, Array1<int64_t> counts, Array2<int64_t> values,
                   Array2<int64_t> columns) {
  // Sums of worth are in two parts, the first in units of 2**20, so that no order of items changes them.
  for (int64_t item = 0; item < pool.item.size; ++item) {
    const int64_t kind = pool.item[item].kind, value = wrapping_abs(pool.item[item].value);
    ++counts[kind];
    values(kind, 0) += value >> 20;
    values(kind, 1) += value & 0xFFFFF;
    for (int64_t column = 0; column < pool.column.columns; ++column) {
      int64_t& sum = columns(kind, column);
      sum = wrapping_add(sum, wrapping_abs(pool.column(item, column)));
    }
  }
}

void add_up(const ProblemPool& pool, Array1<const int64_t> items, Array1<int64_t> counts,
            Array2<int64_t> sums) {
  for (const int64_t item : items) {
    const int64_t kind = pool.item[item].kind;
    ++counts[kind];
    for (int64_t column = 0; column < pool.column.columns; ++column) {
      int64_t& sum = sums(kind, column);
      sum = wrapping_add(sum, pool.column(item, column));
    }
  }
}

int64_t collect_offers_of(const ProblemPool& pool, const Charges& charges, Array1<const int64_t> units,
                          int64_t start, int64_t stop, const PriceWorkspace& workspace, Array1<Offer> offers,
                          Array1<int32_t> items, Array1<int64_t> used) {
  const int64_t prices = charges.kind.rows;
  for (int64_t place = start; place < stop; ++place) {
    const int64_t unit = units.size != 0 ? units[place] : place;
    const int64_t count = pool.first[unit + 1] - pool.first[unit];
    if (used[0] + prices > offers.size || used[1] + prices * count > items.size) return place;
    const int64_t own = used[0];
    for (int64_t price = 0; price < prices; ++price) {
      collect_choice(pool, charges, price, unit, workspace, own, offers, items, used);
    }
  }
  return stop;
}

}  // namespace journeykit
