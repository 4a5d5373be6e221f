// The problems of many contacts, collected into a pool.

#include "collect_problems.hpp"

#include <utility>

#include "chances.hpp"
#include "choose.hpp"
#include "exploration.hpp"
#include "history.hpp"
#include "pool_shapes.hpp"
#include "problem.hpp"
#include "quota_charges.hpp"
#include "workspace.hpp"

namespace journeykit {
namespace {

bool has_room(const PoolPart& part, const SearchProblem& problem) {
  const ProblemPool& pool = *part.pool;
  const Array1<int64_t> used = part.used;
  int64_t members = 0, partners = 0;
  for (int64_t row = 0; row < problem.size[LINES]; ++row) {
    members += problem.rows[row].stop - problem.rows[row].start;
  }
  for (int64_t clause = 0; clause < problem.size[CLAUSES]; ++clause) {
    partners += problem.clauses[clause].stop - problem.clauses[clause].start;
  }
  return used[UNITS] < pool.unit.size && used[ITEMS_] + problem.size[ITEMS] <= pool.item.size &&
         used[LINES_] + problem.size[LINES] <= pool.line.size &&
         used[MEMBERS_] + members <= pool.member.size &&
         used[CLAUSES_] + problem.size[CLAUSES] <= pool.clause.size &&
         used[PARTNERS_] + partners <= pool.partner.size;
}

// The first item of the unit that is of the same claim as the item in a place of the order of claims, or
// itself.
int64_t group_of(const ProblemPool& pool, const SearchProblem& problem, int64_t first, int64_t count,
                 int64_t at) {
  const Array1<SearchItem> items = problem.items;
  const int64_t group = items[items[at].order].group;
  for (int64_t other = 0; other < count; ++other) {
    const PoolItem& rival = pool.item[first + other];
    if (items[items[rival.number].order].group == group) return pool.group[first + other];
  }
  return count;
}

// Adds the items in the order of claims, but those that the history rules out; how many there are. Where each
// of them is among those of the unit, or -1, goes to `place`.
int64_t add_items(const Rules& rules, Array1<Claim> claims, const SearchProblem& problem,
                  const PoolPart& part, Array1<SearchNumbers> place) {
  const ProblemPool& pool = *part.pool;
  const int64_t first = part.used[ITEMS_];
  int64_t count = 0;
  for (int64_t at = 0; at < problem.size[ITEMS]; ++at) {
    const int64_t item = problem.items[at].order;
    place[item].place = -1;
    if (problem.items[item].shut != 0) continue;
    const int64_t own = first + count, candidate = problem.items[item].entry;
    place[item].place = count;
    pool.item[own].value = claims[candidate].weight - rules.reserve;
    pool.item[own].kind = static_cast<int32_t>(problem.items[item].kind);
    pool.item[own].number = static_cast<int32_t>(at);
    pool.group[own] = static_cast<int32_t>(group_of(pool, problem, first, count, at));
    for (int64_t column = 0; column < pool.column.columns; ++column) {
      pool.column(own, column) = amount_of(*rules.quotas, claims, candidate, column);
    }
    if (pool.level.size != 0) pool.level[own] = claims[candidate].rank;
    ++count;
  }
  return count;
}

// Adds the rows that the items could overfill, in smallest whole numbers.
void add_rows(const SearchProblem& problem, const PoolPart& part, Array1<SearchNumbers> place) {
  const ProblemPool& pool = *part.pool;
  const Array1<int64_t> used = part.used;
  for (int64_t number = 0; number < problem.size[LINES]; ++number) {
    const SearchRow row = problem.rows[number];
    const int64_t start = used[MEMBERS_];
    int64_t unit = 0, total = 0;
    for (int64_t at = row.start; at < row.stop; ++at) {
      const int64_t item = place[problem.members[at].pick].place;
      int64_t use = problem.members[at].use;
      if (item < 0 || use == 0) continue;
      PoolMember& member = pool.member[used[MEMBERS_]++];
      member.pick = static_cast<int32_t>(item);
      member.use = use;
      total = wrapping_add(total, use);
      while (use != 0) use = floor_mod(std::exchange(unit, use), use);
    }
    if (total <= row.room) {
      used[MEMBERS_] = start;
      continue;
    }
    for (int64_t at = start; at < used[MEMBERS_]; ++at)
      pool.member[at].use = floor_div(pool.member[at].use, unit);
    pool.line[used[LINES_]++] = {start, used[MEMBERS_], floor_div(row.room, unit)};
  }
}

// Moves the members of the rows that were kept of a unit together, in the order in which they lie; where they
// end.
int64_t gather_members(const ProblemPool& pool, const Unit& unit, int64_t start) {
  for (int64_t turn = unit.row_from; turn < unit.row_to; ++turn) {
    int64_t next = -1;
    for (int64_t row = unit.row_from; row < unit.row_to; ++row) {
      const bool is_left = pool.line[row].start >= start;
      if (is_left && (next < 0 || pool.line[row].start < pool.line[next].start)) next = row;
    }
    PoolLine& row = pool.line[next];
    const int64_t size = row.stop - row.start;
    for (int64_t at = 0; at < size; ++at) pool.member[start + at] = pool.member[row.start + at];
    row.start = start;
    row.stop = start += size;
  }
  return start;
}

void add_clauses(const SearchProblem& problem, const PoolPart& part, Array1<SearchNumbers> place) {
  const ProblemPool& pool = *part.pool;
  const Array1<int64_t> used = part.used;
  for (int64_t number = 0; number < problem.size[CLAUSES]; ++number) {
    const SearchClause clause = problem.clauses[number];
    const int64_t item = place[clause.pick].place, start = used[PARTNERS_];
    if (item < 0) continue;
    for (int64_t at = clause.start; at < clause.stop; ++at) {
      const int64_t partner = place[problem.partners[at]].place;
      if (partner >= 0) pool.partner[used[PARTNERS_]++] = static_cast<int32_t>(partner);
    }
    pool.clause[used[CLAUSES_]++] = {item, start, used[PARTNERS_]};
  }
}

// Adds a contact's problem, if any of its items is left.
void add_problem(const Rules& rules, Array1<Claim> claims, const DecisionWorkspace& workspace,
                 const SearchProblem& problem, const PoolPart& part, int64_t contact, uint64_t key) {
  const ProblemPool& pool = *part.pool;
  const Array1<int64_t> used = part.used;
  const Array1<SearchNumbers> place = workspace.work->by;
  const int64_t unit = used[UNITS], first = used[ITEMS_], members = used[MEMBERS_];
  pool.first[unit] = first;
  const int64_t count = add_items(rules, claims, problem, part, place);
  if (count == 0) return;
  Unit& own = pool.unit[unit];
  own.row_from = used[LINES_];
  add_rows(problem, part, place);
  own.row_to = used[LINES_];
  own.clause_from = used[CLAUSES_];
  add_clauses(problem, part, place);
  own.clause_to = used[CLAUSES_];
  shape_of(pool, unit, count, part.mark);
  if (own.row_to < used[LINES_]) {
    used[MEMBERS_] = gather_members(pool, own, members);
    used[LINES_] = own.row_to;
  }
  pool.key[unit] = key;
  part.contact[unit] = contact;
  used[UNITS] = unit + 1;
  used[ITEMS_] = first + count;
  pool.first[unit + 1] = first + count;
}

// How many claims of a contact are eligible, of those that need not obey caps and of the others.
struct ClaimCounts {
  int64_t exempt, others;
};

ClaimCounts count_claims(Array1<Opening> openings, Array1<Claim> claims, int64_t low, int64_t high) {
  ClaimCounts counts{0, 0};
  for (int64_t candidate = low; candidate < high; ++candidate) {
    const Claim& claim = claims[candidate];
    if (claim.state != 0) continue;
    ++((openings[claim.opening].traits & OBEYS_CAPS) != 0 ? counts.others : counts.exempt);
  }
  return counts;
}

}  // namespace

int64_t collect_problems(const Rules& rules, const Contacts& contacts, const TouchArrays& touches,
                         const DecisionWorkspace& workspace, const CandidateArrays& candidates,
                         Array1<const int64_t> candidate_first, int64_t base, int64_t start, int64_t stop,
                         int64_t obeys, int64_t derived, const QuotaChoiceArrays& chosen,
                         Array1<const uint64_t> keys, Array1<const bool> doubt, const PoolPart& part,
                         Array1<int64_t> fallback) {
  const Array1<Claim> claims = candidates.claim;
  const SearchProblem &exempt = *workspace.exempt, &main = *workspace.main;
  const SearchProblem& found = obeys != 0 ? main : exempt;
  for (int64_t contact = start; contact < stop; ++contact) {
    const int64_t low = candidate_first[contact - base], high = candidate_first[contact - base + 1];
    if (low == high) continue;
    if (doubt[contact - base]) {
      fallback[++fallback[0]] = contact;
      continue;
    }
    const ClaimCounts counts = count_claims(rules.openings, claims, low, high);
    if ((obeys != 0 ? counts.others : counts.exempt) == 0) continue;
    clear_workspace(rules, workspace);
    const int64_t zone = contacts.person[contact].zone;
    read_history(rules, touches, contact, zone, workspace, candidates, low, high, derived);
    exempt.size[ITEMS] = main.size[ITEMS] = 0;
    bool is_good = true;
    if (counts.exempt != 0) {
      is_good = contest(rules, contacts, contact, workspace, candidates, low, high, 0, exempt);
      if (is_good && obeys != 0) {
        is_good = pick_given(rules, workspace, claims, exempt, chosen, contact, 0);
        if (is_good) grant(rules, contacts, contact, workspace, candidates, exempt, workspace.chosen, 0);
      }
    }
    if (is_good && obeys != 0) {
      is_good = contest(rules, contacts, contact, workspace, candidates, low, high, 1, found);
    }
    if (!is_good || workspace.sizes[LEFT] != 0) {
      fallback[++fallback[0]] = contact;
      continue;
    }
    if (!has_room(part, found)) return contact;
    if (obeys != 0 && explores(rules)) draw_candidates(rules, contacts, contact, candidates, low, high);
    put_values(rules.openings, rules.reserve, claims, found, NOBODY, NOBODY);
    add_problem(rules, claims, workspace, found, part, contact, keys[contact]);
  }
  return stop;
}

}  // namespace journeykit
