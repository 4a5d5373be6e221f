// Choosing and granting: what the best set of a contest is, and the places of its winners.

#include "choose.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "arithmetic.hpp"
#include "exact_search.hpp"
#include "history.hpp"
#include "problem.hpp"
#include "workspace.hpp"

namespace journeykit {
namespace {

// The level of a claim that is forced in: before all others.
constexpr int64_t FORCED = -(int64_t{1} << 61);

// Levels as whole numbers: how many items come before, level by level.
void number_levels(Array1<Opening> openings, Array1<Claim> claims, const SearchProblem& problem) {
  int64_t count = problem.size[ITEMS];
  for (int64_t item = 0; item < count; ++item) {
    SearchItem& own = problem.items[item];
    for (int64_t place = 0; place < count; ++place) {
      const SearchItem& other = problem.items[place];
      if (other.value > 0) own.level += level_before(openings, claims[other.entry], claims[own.entry]);
    }
  }
}

// Puts the items in the order of claims.
void sort_items(Array1<Opening> openings, Array1<Claim> claims, const SearchProblem& problem) {
  thread_local std::vector<int64_t> order;
  const Array1<SearchItem> items = problem.items;
  order.resize(problem.size[ITEMS]);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int64_t one, int64_t other) {
    const Claim &mine = claims[items[one].entry], &theirs = claims[items[other].entry];
    if (goes_before(openings, mine, items[one].at, theirs, items[other].at)) return true;
    if (goes_before(openings, theirs, items[other].at, mine, items[one].at)) return false;
    return one < other;
  });
  for (int64_t place = 0; place < problem.size[ITEMS]; ++place) items[place].order = order[place];
}

// Whether a choice keeps every rule of a contest.
bool holds(const SearchProblem& problem, Array1<bool> chosen) {
  for (int64_t item = 0; item < problem.size[ITEMS]; ++item) {
    if (chosen[item] && problem.items[item].shut) return false;
  }
  for (int64_t number = 0; number < problem.size[LINES]; ++number) {
    const SearchRow& row = problem.rows[number];
    int64_t used = 0;
    for (int64_t place = row.start; place < row.stop; ++place) {
      const SearchMember& member = problem.members[place];
      if (chosen[member.pick]) used = saturating_add(used, member.use);
    }
    if (used > row.room) return false;
  }
  for (int64_t number = 0; number < problem.size[CLAUSES]; ++number) {
    const SearchClause& clause = problem.clauses[number];
    if (!chosen[clause.pick]) continue;
    bool is_met = false;
    for (int64_t place = clause.start; place < clause.stop; ++place) {
      is_met = is_met || chosen[problem.partners[place]];
    }
    if (!is_met) return false;
  }
  return true;
}

// Marks the items whose places in the order of claims were chosen for a contact.
void mark_given(const SearchProblem& problem, Array1<int64_t> first, Array1<int32_t> given, int64_t contact,
                Array1<bool> chosen) {
  for (int64_t item = 0; item < problem.size[ITEMS]; ++item) chosen[item] = false;
  for (int64_t place = first[contact]; place < first[contact + 1]; ++place) {
    chosen[problem.items[given[place]].order] = true;
  }
}

}  // namespace

void put_values(Array1<Opening> openings, int64_t reserve, Array1<Claim> claims, const SearchProblem& problem,
                int64_t force, int64_t without) {
  Array1<SearchItem> items = problem.items;
  int64_t count = problem.size[ITEMS];
  bool is_plain = true;
  for (int64_t number = 0; number < count; ++number) {
    SearchItem& item = items[number];
    const Claim& claim = claims[item.entry];
    int64_t value = wrapping_subtract(claim.weight - reserve, item.charge);
    if (item.entry == force) {
      value = 1;
    } else if (claim.weight <= reserve && item.charge >= 0) {
      value = 0;
    }
    item.value = item.shut || item.entry == without ? 0 : value;
    item.level = 0;
    const Claim& first = claims[items[0].entry];
    is_plain = is_plain && !level_before(openings, first, claim) && !level_before(openings, claim, first);
  }
  sort_items(openings, claims, problem);
  if (!is_plain) number_levels(openings, claims, problem);
  if (force >= 0) {
    for (int64_t item = 0; item < count; ++item) {
      if (items[item].entry == force) items[item].level = FORCED;
    }
  }
}

bool answer(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
            const SearchProblem& problem, Array1<bool> chosen, int64_t force, int64_t without) {
  put_values(rules.openings, rules.reserve, claims, problem, force, without);
  return solve(problem, *workspace.work, chosen);
}

bool pick_given(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
                const SearchProblem& problem, const QuotaChoiceArrays& given, int64_t contact,
                int64_t obeys) {
  Array1<bool> chosen = workspace.chosen;
  if (given.known <= obeys) return answer(rules, workspace, claims, problem, chosen, NOBODY, NOBODY);
  put_values(rules.openings, rules.reserve, claims, problem, NOBODY, NOBODY);
  if (obeys) {
    mark_given(problem, given.main_first, given.main, contact, chosen);
  } else {
    mark_given(problem, given.exempt_first, given.exempt, contact, chosen);
  }
  return holds(problem, chosen);
}

void grant(const Rules& rules, const Contacts& contacts, int64_t contact, const DecisionWorkspace& workspace,
           const CandidateArrays& candidates, const SearchProblem& problem, Array1<bool> chosen,
           int64_t obeys) {
  int64_t zone = contacts.person[contact].zone;
  for (int64_t number = 0; number < problem.size[ITEMS]; ++number) {
    if (!chosen[number]) continue;
    const SearchItem& item = problem.items[number];
    const Opening& opening = rules.openings[candidates.claim[item.entry].opening];
    int64_t winner = workspace.sizes[WINNERS];
    Grant& grant = workspace.winner[winner];
    grant.entry = item.entry;
    grant.at = item.at;
    grant.charge = item.charge;
    workspace.sizes[WINNERS] += 1;
    if (!obeys) workspace.sizes[EXEMPTS] += 1;
    bool counts = opening.traits & COUNTS;
    if (!obeys && !counts) continue;
    int64_t layer = !obeys ? EXEMPT : counts ? WINNER : RIVAL;
    for (int64_t place = opening.cell_from; place < opening.cell_to; ++place) {
      const Cell& cell = rules.cells[place];
      const Window& window = rules.windows[rules.cell_cap[cell.cell]];
      stand(window, *rules.zones, zone, workspace.spans, cell, item.at, opening.ends, winner, layer);
    }
  }
}

void number_winners(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims) {
  for (int64_t winner = 0; winner < workspace.sizes[WINNERS]; ++winner) {
    Grant& own = workspace.winner[winner];
    own.number = 0;
    for (int64_t other = 0; other < workspace.sizes[WINNERS]; ++other) {
      const Grant& rival = workspace.winner[other];
      own.number += goes_before(rules.openings, claims[rival.entry], rival.at, claims[own.entry], own.at);
    }
  }
}

}  // namespace journeykit
