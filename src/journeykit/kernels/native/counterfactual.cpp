// What it would have taken: sets that were not chosen.

#include "counterfactual.hpp"

#include <algorithm>
#include <utility>

#include "choose.hpp"
#include "workspace.hpp"

namespace journeykit {
namespace {

constexpr int64_t LARGEST_WEIGHT = 1'000'000'000'000'000;

// The contest that a claim was in.
const SearchProblem& problem_of(const Rules& rules, const DecisionWorkspace& workspace, const Claim& claim) {
  return rules.openings[claim.opening].traits & OBEYS_CAPS ? *workspace.main : *workspace.exempt;
}

// Whether a claim is among the best set, with a claim forced in. Where the search is given up, the contact
// falls back.
bool wins(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims, int64_t candidate,
          const SearchProblem& problem, Array1<bool> chosen, int64_t force) {
  if (!answer(rules, workspace, claims, problem, chosen, force, NOBODY)) workspace.sizes[LEFT] = 1;
  for (int64_t item = 0; item < problem.size[ITEMS]; ++item) {
    if (chosen[item] && problem.items[item].entry == candidate) return true;
  }
  return false;
}

// The first level, among those not done, of what was chosen now or with the claim forced in: a candidate of
// it; -1 where all are done. Levels after the claim's own are left out.
int64_t first_level(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
                    int64_t candidate, const SearchProblem& problem) {
  int64_t first = -1;
  for (int64_t item = 0; item < problem.size[ITEMS]; ++item) {
    int64_t rival = problem.items[item].entry;
    if ((workspace.chosen[item] || workspace.forced[item]) && rival != candidate && !workspace.done[item] &&
        !level_before(rules.openings, claims[candidate], claims[rival]) &&
        (first < 0 || level_before(rules.openings, claims[rival], claims[first]))) {
      first = rival;
    }
  }
  return first;
}

// How much less the others of a level reach once the claim is forced in; marks the level as done.
int64_t shortfall(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
                  int64_t candidate, const SearchProblem& problem, int64_t level) {
  int64_t short_by = 0;
  for (int64_t number = 0; number < problem.size[ITEMS]; ++number) {
    const SearchItem& item = problem.items[number];
    const Claim& rival = claims[item.entry];
    if (level_before(rules.openings, rival, claims[level]) ||
        level_before(rules.openings, claims[level], rival)) {
      continue;
    }
    workspace.done[number] = true;
    if (item.entry == candidate) continue;
    int64_t times = int64_t{workspace.chosen[number]} - int64_t{workspace.forced[number]};
    short_by = wrapping_add(short_by, wrapping_multiply(worth_of(rules, claims, item), times));
  }
  return short_by;
}

}  // namespace

bool is_possible(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
                 int64_t candidate) {
  const SearchProblem& problem = problem_of(rules, workspace, claims[candidate]);
  return wins(rules, workspace, claims, candidate, problem, workspace.chosen, candidate);
}

bool choose_freely(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
                   const SearchProblem& problem) {
  Array1<SearchItem> items = problem.items;
  int64_t count = problem.size[ITEMS];
  bool is_taken = false;
  for (int64_t item = 0; item < count; ++item) {
    is_taken = is_taken || items[item].charge != items[item].free;
  }
  if (!is_taken) return true;
  for (int64_t item = 0; item < count; ++item) std::swap(items[item].charge, items[item].free);
  bool is_done = answer(rules, workspace, claims, problem, workspace.chosen, NOBODY, NOBODY);
  for (int64_t item = 0; item < count; ++item) {
    std::swap(items[item].charge, items[item].free);
    items[item].wins = workspace.chosen[item];
  }
  return is_done;
}

bool wins_freely(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
                 int64_t candidate) {
  const SearchProblem& problem = problem_of(rules, workspace, claims[candidate]);
  for (int64_t item = 0; item < problem.size[ITEMS]; ++item) {
    if (problem.items[item].entry == candidate && problem.items[item].wins) return true;
  }
  return false;
}

int64_t displaced(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
                  int64_t candidate, int64_t total) {
  const SearchProblem& problem = *workspace.main;
  if (!answer(rules, workspace, claims, problem, workspace.chosen, NOBODY, candidate)) {
    workspace.sizes[LEFT] = 1;
    return NONE;
  }
  int64_t without = 0;
  for (int64_t item = 0; item < problem.size[ITEMS]; ++item) {
    if (workspace.chosen[item]) without = wrapping_add(without, worth_of(rules, claims, problem.items[item]));
  }
  for (int64_t winner = 0; winner < workspace.sizes[EXEMPTS]; ++winner) {
    const Grant& grant = workspace.winner[winner];
    without = wrapping_add(without, worth_of(rules, claims, grant));
  }
  return wrapping_subtract(without, total);
}

int64_t needs(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims, int64_t candidate,
              const SearchProblem& problem) {
  Array1<bool> now = workspace.chosen, forced = workspace.forced;
  if (!wins(rules, workspace, claims, candidate, problem, forced, candidate)) return NONE;
  wins(rules, workspace, claims, candidate, problem, now, NOBODY);
  int64_t count = problem.size[ITEMS];
  for (int64_t item = 0; item < count; ++item) workspace.done[item] = false;
  Claim& claim = claims[candidate];
  int64_t short_by = 0;
  for (;;) {
    int64_t level = first_level(rules, workspace, claims, candidate, problem);
    short_by = 0;
    if (level < 0) break;
    short_by = shortfall(rules, workspace, claims, candidate, problem, level);
    if (!level_before(rules.openings, claims[level], claim)) break;
    if (short_by > 0) return NONE;
    if (short_by < 0) break;
  }
  int64_t least = wrapping_add(rules.reserve, std::max<int64_t>(1, short_by));
  for (int64_t item = 0; item < count; ++item) {
    if (forced[item] && problem.items[item].entry == candidate) {
      least = wrapping_add(least, problem.items[item].charge);
    }
  }
  int64_t own = claim.weight;
  int64_t best = NONE;
  for (int64_t weight : {least, wrapping_add(least, 1)}) {
    if (weight > LARGEST_WEIGHT || best != NONE) continue;
    claim.weight = weight;
    if (wins(rules, workspace, claims, candidate, problem, forced, NOBODY)) best = weight;
  }
  claim.weight = own;
  return best;
}

}  // namespace journeykit
