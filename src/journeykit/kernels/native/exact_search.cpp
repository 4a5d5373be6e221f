// The exact choice among one contact's claims, as `journeykit.engine.selection` makes it: the problem as
// kernels lay it out, given to the search that both engines share.

#include "exact_search.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

#include "arithmetic.hpp"
#include "search_problem.hpp"

namespace journeykit {
namespace {

// Room in which a problem is copied.
template <class Number>
struct SearchRoom {
  Selection<Number> selection;
  Found<Number> found;
};

std::vector<int64_t>& level_room() {
  thread_local std::vector<int64_t> levels;
  return levels;
}

// Marks what is worth something, less what uses more of a row than there is; whether any row could be
// overfilled by it.
bool open_items(const SearchProblem& problem, const SearchWorkspace& workspace, Array1<bool> chosen) {
  const Array1<bool> live = workspace.live;
  for (int64_t item = 0; item < problem.size[ITEMS]; ++item) {
    chosen[item] = false;
    live[item] = problem.items[item].value > 0;
  }
  for (int64_t number = 0; number < problem.size[LINES]; ++number) {
    const SearchRow row = problem.rows[number];
    for (int64_t place = row.start; place < row.stop; ++place) {
      const SearchMember member = problem.members[place];
      if (member.use > row.room) live[member.pick] = false;
    }
  }
  for (int64_t number = 0; number < problem.size[LINES]; ++number) {
    const SearchRow row = problem.rows[number];
    int64_t used = 0;
    for (int64_t place = row.start; place < row.stop; ++place) {
      const SearchMember member = problem.members[place];
      if (live[member.pick]) used = saturating_add(used, member.use);
    }
    if (used > row.room) return true;
  }
  return false;
}

// The levels of what is worth something, the last first, each once.
void list_levels(const SearchProblem& problem, std::vector<int64_t>& levels) {
  levels.clear();
  for (int64_t item = 0; item < problem.size[ITEMS]; ++item) {
    if (problem.items[item].value == 0) continue;
    const int64_t level = problem.items[item].level;
    if (levels.empty() || levels.back() != level) levels.push_back(level);
  }
  std::sort(levels.begin(), levels.end(), std::greater<>());
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
}

// One whole value for each item, so that sums compare level by level; false where they would be too large.
template <class Number>
bool combine_levels(const SearchProblem& problem, const std::vector<int64_t>& levels,
                    std::vector<Number>& value) {
  constexpr Number LARGE = Number{1} << (sizeof(Number) * 8 - 3);
  const int64_t count = problem.size[ITEMS];
  value.assign(count, 0);
  Number unit = 1;
  for (const int64_t level : levels) {
    Number total = 0;
    for (int64_t at = 0; at < count; ++at) {
      const SearchItem& item = problem.items[at];
      if (item.level != level) continue;
      const Number own = item.value, size = own < 0 ? -own : own;
      if (size > LARGE / unit || total > LARGE - size) return false;
      value[at] = own * unit;
      if (own > 0) total += own;
    }
    if (total >= LARGE / unit) return false;
    unit *= total + 1;
  }
  return true;
}

// By item its place, the best last: enough where taking the best first is optimal. False where something is
// worth less than nothing.
bool rank_items(const SearchProblem& problem, Selection<int64_t>& selection) {
  const int64_t count = problem.size[ITEMS];
  std::vector<int32_t>& by = selection.order;
  by.resize(count);
  std::iota(by.begin(), by.end(), 0);
  std::sort(by.begin(), by.end(), [&problem](int32_t one, int32_t other) {
    const SearchItem &mine = problem.items[one], &theirs = problem.items[other];
    return mine.level != theirs.level ? mine.level > theirs.level : mine.value < theirs.value;
  });
  selection.value.assign(count, 0);
  int64_t rank = 0;
  for (int64_t at = 0; at < count; ++at) {
    const SearchItem& item = problem.items[by[at]];
    if (item.value < 0) return false;
    if (item.value == 0) continue;
    const bool is_same = rank > 0 && problem.items[by[at - 1]].level == item.level &&
                         problem.items[by[at - 1]].value == item.value;
    selection.value[by[at]] = is_same ? rank : ++rank;
  }
  return true;
}

// Copies what goes together; values are there already.
template <class Number>
void copy_rules(const SearchProblem& problem, Selection<Number>& selection) {
  const int64_t count = problem.size[ITEMS];
  selection.order.resize(count);
  selection.group.resize(count);
  for (int64_t item = 0; item < count; ++item) {
    selection.order[item] = static_cast<int32_t>(problem.items[item].order);
    selection.group[item] = static_cast<int32_t>(item);
  }
  selection.rows.clear();
  for (int64_t number = 0; number < problem.size[LINES]; ++number) {
    const SearchRow row = problem.rows[number];
    for (int64_t place = row.start; place < row.stop; ++place) {
      selection.rows.add(problem.members[place].pick, problem.members[place].use);
    }
    selection.rows.end(row.room);
  }
  selection.clauses.clear();
  for (int64_t number = 0; number < problem.size[CLAUSES]; ++number) {
    const SearchClause clause = problem.clauses[number];
    for (int64_t place = clause.start; place < clause.stop; ++place) {
      selection.clauses.partner.push_back(static_cast<int32_t>(problem.partners[place]));
    }
    selection.clauses.end(clause.pick);
  }
}

// Items of one group, as numbers of its first item.
template <class Number>
void copy_groups(const SearchProblem& problem, Selection<Number>& selection) {
  thread_local std::vector<std::pair<int64_t, int32_t>> firsts;
  firsts.clear();
  for (int64_t item = 0; item < problem.size[ITEMS]; ++item) {
    firsts.emplace_back(problem.items[item].group, static_cast<int32_t>(item));
  }
  std::sort(firsts.begin(), firsts.end());
  for (size_t at = 0; at < firsts.size(); ++at) {
    const bool is_same = at > 0 && firsts[at - 1].first == firsts[at].first;
    selection.group[firsts[at].second] = is_same ? selection.group[firsts[at - 1].second] : firsts[at].second;
  }
}

// Ends a search: whether it came to its end, or settles for what it has, the worth of which may then fall
// short of the best by so much.
template <class Number>
bool settle(const SearchWorkspace& workspace, const Found<Number>& found) {
  const Array1<int64_t> terms = workspace.terms;
  if (found.is_done) return true;
  if (terms[1] == 0) return false;
  const Number gap = std::min<Number>(found.bound - found.value, Number{1} << 60);
  terms[2] = wrapping_add(terms[2], static_cast<int64_t>(gap));
  return true;
}

// Whether the search was made; false where the numbers are too large.
template <class Number>
bool search(const SearchProblem& problem, const SearchWorkspace& workspace, SearchRoom<Number>& room) {
  copy_rules(problem, room.selection);
  copy_groups(problem, room.selection);
  return find_best(room.selection, workspace.terms[0], room.found);
}

template <class Number>
void mark_chosen(const Found<Number>& found, Array1<bool> chosen) {
  for (size_t item = 0; item < found.taken.size(); ++item) chosen[item] = found.taken[item] != 0;
}

}  // namespace

bool solve(const SearchProblem& problem, const SearchWorkspace& workspace, Array1<bool> chosen) {
  if (!open_items(problem, workspace, chosen) && problem.size[CLAUSES] == 0) {
    for (int64_t item = 0; item < problem.size[ITEMS]; ++item) chosen[item] = workspace.live[item];
    return true;
  }
  std::vector<int64_t>& levels = level_room();
  list_levels(problem, levels);
  thread_local SearchRoom<int64_t> narrow;
  narrow.selection.is_ranked = false;
  if (combine_levels(problem, levels, narrow.selection.value) && search(problem, workspace, narrow)) {
    mark_chosen(narrow.found, chosen);
    return settle(workspace, narrow.found);
  }
  thread_local SearchRoom<Wide> wide;
  if (combine_levels(problem, levels, wide.selection.value) && search(problem, workspace, wide)) {
    mark_chosen(wide.found, chosen);
    return settle(workspace, wide.found);
  }
  narrow.selection.is_ranked = true;
  if (!rank_items(problem, narrow.selection) || !search(problem, workspace, narrow)) return false;
  mark_chosen(narrow.found, chosen);
  return true;
}

}  // namespace journeykit
