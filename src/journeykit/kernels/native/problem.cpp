// A contest: the problem that the claims of one contact make.

#include "problem.hpp"

#include <algorithm>

#include "arithmetic.hpp"
#include "conflicts.hpp"
#include "history.hpp"
#include "quota_charges.hpp"
#include "steps.hpp"
#include "window_spans.hpp"

namespace journeykit {
namespace {

// Adds an item to the row that is being made.
void add_member(const SearchProblem& problem, int64_t item, int64_t use) {
  problem.members[problem.size[MEMBERS]] = {item, use};
  problem.size[MEMBERS] += 1;
}

// Ends the row that is being made, and forgets it where it can stop nothing.
void end_row(const SearchProblem& problem, int64_t start, int64_t total, int64_t room) {
  if (total <= room) {
    problem.size[MEMBERS] = start;
    return;
  }
  problem.rows[problem.size[LINES]] = {start, problem.size[MEMBERS], std::max<int64_t>(0, room)};
  problem.size[LINES] += 1;
}

// Whether there might be no room for one more row.
bool is_full(const SearchProblem& problem, int64_t count) {
  return problem.size[LINES] >= MOST_ROWS || problem.size[MEMBERS] + count > problem.members.size;
}

// Rows of the items of one campaign, history and this decision together.
bool repeat_rows(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
                 const SearchProblem& problem) {
  Array1<SearchItem> items = problem.items;
  int64_t count = problem.size[ITEMS];
  for (int64_t item = 0; item < count; ++item) {
    const Claim& claim = claims[items[item].entry];
    const Opening& opening = rules.openings[claim.opening];
    if (opening.repeats < 0) continue;
    bool is_first = true;
    for (int64_t other = item - 1; is_first && other >= 0; --other) {
      is_first = !is_same(rules.openings, claims[items[other].entry], claim);
    }
    if (!is_first) continue;
    int64_t left = opening.repeats - repeated(rules, workspace, opening, claim.id);
    int64_t start = problem.size[MEMBERS];
    if (is_full(problem, count)) return false;
    for (int64_t other = item; other < count; ++other) {
      if (!is_same(rules.openings, claims[items[other].entry], claim)) continue;
      if (left <= 0) {
        items[other].shut = 1;
      } else {
        add_member(problem, other, 1);
      }
    }
    end_row(problem, start, problem.size[MEMBERS] - start, left);
  }
  return true;
}

// Rows of the items of one group, of which one goes.
bool group_rows(const SearchProblem& problem) {
  Array1<SearchItem> items = problem.items;
  int64_t count = problem.size[ITEMS];
  for (int64_t item = 0; item < count; ++item) {
    bool is_first = true;
    for (int64_t other = item - 1; is_first && other >= 0; --other) {
      is_first = items[other].group != items[item].group;
    }
    if (!is_first) continue;
    int64_t start = problem.size[MEMBERS];
    if (is_full(problem, count)) return false;
    for (int64_t other = item; other < count; ++other) {
      if (items[other].group == items[item].group) add_member(problem, other, 1);
    }
    end_row(problem, start, problem.size[MEMBERS] - start, 1);
  }
  return true;
}

// How much an opening weighs in a cell; -1 where it does not count there.
int64_t points_in(const Opening& opening, Array1<Cell> cells, int64_t cell) {
  for (int64_t place = opening.cell_from; place < opening.cell_to; ++place) {
    if (cells[place].cell == cell) return cells[place].points;
  }
  return -1;
}

// The row of a cell where all items are of one instant; none before `first` counts in the cell.
bool row_at_once(const Rules& rules, int64_t zone, const DecisionWorkspace& workspace, Array1<Claim> claims,
                 const SearchProblem& problem, int64_t first, int64_t cell, int64_t limit) {
  Array1<SearchItem> items = problem.items;
  int64_t count = problem.size[ITEMS];
  const Window& window = rules.windows[rules.cell_cap[cell]];
  auto [counts, own] = place_of(window, *rules.zones, zone, items[0].at);
  if (!counts) return true;
  int64_t left = std::max<int64_t>(0, limit - load(window, workspace.spans, cell, BEFORE, own, own));
  int64_t start = problem.size[MEMBERS];
  if (is_full(problem, count)) return false;
  int64_t total = 0;
  for (int64_t item = first; item < count; ++item) {
    const Opening& opening = rules.openings[claims[items[item].entry].opening];
    int64_t points = points_in(opening, rules.cells, cell);
    if (points < 0) continue;
    if (points > left) items[item].shut = 1;
    add_member(problem, item, points);
    total = saturating_add(total, points);
  }
  end_row(problem, start, total, left);
  return true;
}

// The edges of a cell's windows: where its touches and the items from `first` on start, in order; how many
// there are, or -1 where there is no room for them. Places the items that fit the history, and shuts the
// others.
int64_t place_items(const Rules& rules, int64_t zone, const DecisionWorkspace& workspace,
                    Array1<Claim> claims, const SearchProblem& problem, int64_t first, int64_t cell,
                    int64_t limit) {
  Array1<SearchItem> items = problem.items;
  Array1<Placed> placed = workspace.placed;
  Array1<Span> spans = workspace.spans;
  const Window& window = rules.windows[rules.cell_cap[cell]];
  int64_t count = problem.size[ITEMS];
  int64_t size = 0;
  for (int64_t span = spans[cell].head; span >= 0; span = spans[span].before) {
    if (size >= placed.size) return -1;
    placed[size].edge = spans[span].start;
    ++size;
  }
  for (int64_t item = 0; item < count; ++item) placed[item].points = -1;
  for (int64_t item = first; item < count; ++item) {
    const Opening& opening = rules.openings[claims[items[item].entry].opening];
    int64_t points = points_in(opening, rules.cells, cell);
    if (points < 0) continue;
    auto [counts, own] = place_of(window, *rules.zones, zone, items[item].at);
    int64_t end = own;
    if (window.kind == RUNNING) {
      end = end_of(window, *rules.zones, zone, opening.ends);
      counts = items[item].at < end;
    }
    if (!counts) continue;
    if (saturating_add(load(window, spans, cell, BEFORE, own, end), points) > limit) {
      items[item].shut = 1;
      continue;
    }
    if (size >= placed.size) return -1;
    placed[item].start = own;
    placed[item].end = end;
    placed[item].points = points;
    placed[size].edge = own;
    ++size;
  }
  for (int64_t at = 1; at < size; ++at) {
    int64_t edge = placed[at].edge;
    int64_t before = at - 1;
    for (; before >= 0 && placed[before].edge > edge; --before) placed[before + 1].edge = placed[before].edge;
    placed[before + 1].edge = edge;
  }
  return size;
}

// A row for each window of a cell that ends with one of the items or touches.
bool rows_over_time(const Rules& rules, int64_t zone, const DecisionWorkspace& workspace,
                    Array1<Claim> claims, const SearchProblem& problem, int64_t first, int64_t cell,
                    int64_t limit) {
  Array1<Placed> placed = workspace.placed;
  Array1<Span> spans = workspace.spans;
  const Window& window = rules.windows[rules.cell_cap[cell]];
  bool is_running = window.kind == RUNNING;
  int64_t count = problem.size[ITEMS];
  int64_t size = place_items(rules, zone, workspace, claims, problem, first, cell, limit);
  if (size < 0) return false;
  for (int64_t at = 0; at < size; ++at) {
    int64_t edge = placed[at].edge;
    bool is_last = at + 1 == size;
    if (!is_last && placed[at + 1].edge == edge) continue;
    int64_t low = is_running ? edge : back(window, edge);
    // Of windows that start together, the one that ends last holds what the others hold.
    if (!is_running && !is_last && back(window, placed[at + 1].edge) == low) continue;
    if (is_full(problem, count)) return false;
    auto holds = [&](int64_t start, int64_t end) {
      return is_running ? start <= edge && edge < end : low <= start && start <= edge;
    };
    int64_t start = problem.size[MEMBERS];
    int64_t total = 0;
    for (int64_t item = first; item < count; ++item) {
      if (placed[item].points < 0 || !holds(placed[item].start, placed[item].end)) continue;
      add_member(problem, item, placed[item].points);
      total = saturating_add(total, placed[item].points);
    }
    int64_t used = 0;
    for (int64_t span = spans[cell].head; span >= 0; span = spans[span].before) {
      if (holds(spans[span].start, spans[span].end)) used = saturating_add(used, spans[span].points);
    }
    end_row(problem, start, total, limit - used);
  }
  return true;
}

// Rows of what some window of some cap holds together. `is_single` says whether all items are of one instant.
bool cap_rows(const Rules& rules, const Contacts& contacts, int64_t contact,
              const DecisionWorkspace& workspace, Array1<Claim> claims, const SearchProblem& problem,
              bool is_single) {
  int64_t count = problem.size[ITEMS];
  int64_t zone = contacts.person[contact].zone;
  Array1<int64_t> mark = workspace.mark;
  bool has_room = true;
  for (int64_t item = 0; has_room && item < count; ++item) {
    const Opening& opening = rules.openings[claims[problem.items[item].entry].opening];
    for (int64_t place = opening.cell_from; has_room && place < opening.cell_to; ++place) {
      int64_t cell = rules.cells[place].cell;
      if (mark[cell]) continue;
      mark[cell] = 1;
      int64_t cap = rules.cell_cap[cell];
      int64_t limit = limit_of(rules.caps[cap], contacts, contact);
      if (limit == NO_LIMIT) continue;
      bool is_at_once = is_single && rules.windows[cap].kind != RUNNING;
      has_room = is_at_once ? row_at_once(rules, zone, workspace, claims, problem, item, cell, limit)
                            : rows_over_time(rules, zone, workspace, claims, problem, item, cell, limit);
    }
  }
  for (int64_t item = 0; item < count; ++item) {
    const Opening& opening = rules.openings[claims[problem.items[item].entry].opening];
    for (int64_t place = opening.cell_from; place < opening.cell_to; ++place) {
      mark[rules.cells[place].cell] = 0;
    }
  }
  return has_room;
}

// Shuts the items that conflict with the history, or with winners that came before the contest.
void shut_conflicting(const Rules& rules, int64_t zone, const DecisionWorkspace& workspace,
                      Array1<Claim> claims, const SearchProblem& problem, int64_t obeys) {
  for (int64_t number = 0; number < problem.size[ITEMS]; ++number) {
    SearchItem& item = problem.items[number];
    const Opening& opening = rules.openings[claims[item.entry].opening];
    if (!opening.first && !opening.then) continue;
    for (int64_t place = 0; place < workspace.sizes[TOUCHES]; ++place) {
      const CountedTouch& touch = workspace.touch[place];
      const Shape& shape = rules.shapes[touch.kind];
      if (clashes(rules, zone, opening, item.at, shape.first, shape.then, touch.at)) item.shut = 1;
    }
    int64_t exempts = obeys ? workspace.sizes[EXEMPTS] : 0;
    for (int64_t winner = 0; winner < exempts; ++winner) {
      const Grant& grant = workspace.winner[winner];
      const Opening& other = rules.openings[claims[grant.entry].opening];
      if (clashes(rules, zone, opening, item.at, other.first, other.then, grant.at)) item.shut = 1;
    }
  }
}

// Conflicts: with the history they shut an item, of two items that conflict one goes.
bool conflict_rows(const Rules& rules, int64_t zone, const DecisionWorkspace& workspace, Array1<Claim> claims,
                   const SearchProblem& problem, int64_t obeys) {
  shut_conflicting(rules, zone, workspace, claims, problem, obeys);
  int64_t count = problem.size[ITEMS];
  for (int64_t number = 0; number < count; ++number) {
    const SearchItem& item = problem.items[number];
    const Opening& opening = rules.openings[claims[item.entry].opening];
    if (item.shut || (!opening.first && !opening.then)) continue;
    for (int64_t place = number + 1; place < count; ++place) {
      const SearchItem& rival = problem.items[place];
      const Opening& other = rules.openings[claims[rival.entry].opening];
      if (rival.shut || rival.entry == item.entry) continue;
      if (!clashes(rules, zone, opening, item.at, other.first, other.then, rival.at)) continue;
      if (is_full(problem, 2)) return false;
      int64_t start = problem.size[MEMBERS];
      add_member(problem, number, 1);
      add_member(problem, place, 1);
      end_row(problem, start, 2, 1);
    }
  }
  return true;
}

// Adds an item that needs a partner, and its partners; false where there is no room for them.
bool add_clause(const Rules& rules, Array1<Claim> claims, const SearchProblem& problem, int64_t need,
                int64_t number) {
  const SearchItem& item = problem.items[number];
  int64_t tier = rules.openings[claims[item.entry].opening].tier;
  int64_t count = problem.size[ITEMS], clause = problem.size[CLAUSES], start = problem.size[PARTNERS];
  if (clause >= problem.clauses.size || start + count > problem.partners.size) return false;
  int64_t partners = start;
  for (int64_t place = 0; place < count; ++place) {
    const SearchItem& rival = problem.items[place];
    const Opening& other = rules.openings[claims[rival.entry].opening];
    if (!rival.shut && rival.entry != item.entry && has_bit(other.partner, need) && rival.at <= item.at &&
        other.tier <= tier) {
      problem.partners[partners] = place;
      ++partners;
    }
  }
  problem.clauses[clause] = {number, start, partners};
  problem.size[CLAUSES] = clause + 1;
  problem.size[PARTNERS] = partners;
  return true;
}

// Requirements: an item, and those of which one must be granted with it.
bool add_clauses(const Rules& rules, int64_t zone, const DecisionWorkspace& workspace,
                 const CandidateArrays& candidates, const SearchProblem& problem, int64_t obeys) {
  for (int64_t need = 0; need < rules.within.size; ++need) {
    for (int64_t number = 0; number < problem.size[ITEMS]; ++number) {
      const SearchItem& item = problem.items[number];
      const Opening& opening = rules.openings[candidates.claim[item.entry].opening];
      if (item.shut || !has_bit(opening.needy, need) ||
          met_before(rules, workspace, zone, candidates, need, item.at, obeys)) {
        continue;
      }
      if (!add_clause(rules, candidates.claim, problem, need, number)) return false;
    }
  }
  return true;
}

// Steps of series: an item, and those of the step before, of which one must be granted in time.
bool add_turns(const Rules& rules, int64_t zone, const DecisionWorkspace& workspace, Array1<Claim> claims,
               const SearchProblem& problem) {
  for (int64_t number = 0; number < problem.size[ITEMS]; ++number) {
    const SearchItem& item = problem.items[number];
    const Claim& claim = claims[item.entry];
    if (item.shut || !waits(claim)) continue;
    if (turn_from(rules, zone, workspace, claims, claim, false) <= item.at) continue;
    int64_t count = problem.size[ITEMS], clause = problem.size[CLAUSES], start = problem.size[PARTNERS];
    if (clause >= problem.clauses.size || start + count > problem.partners.size) return false;
    int64_t partners = start;
    for (int64_t place = 0; claim.before >= 0 && place < count; ++place) {
      const SearchItem& rival = problem.items[place];
      if (rival.shut || !is_step_before(rules, claim, claims[rival.entry])) continue;
      if (gap_end(rules, zone, rules.openings[claim.opening], rival.at) <= item.at) {
        problem.partners[partners++] = place;
      }
    }
    problem.clauses[clause] = {number, start, partners};
    problem.size[CLAUSES] = clause + 1;
    problem.size[PARTNERS] = partners;
  }
  return true;
}

// What an item is among quotas: its kind, and what their prices take from it and add to it.
void charge(const Rules& rules, int64_t zone, Array1<Claim> claims, SearchItem& item) {
  const Quotas& quotas = *rules.quotas;
  item.charge = item.free = item.wins = 0;
  if (quotas.unit.size == 0) return;
  item.kind = kind_of(rules, zone, claims[item.entry].opening, item.at);
  if (!quotas.charged) return;
  item.charge = charge_of(quotas, claims, item.entry, item.kind);
  item.free = addition_of(quotas, claims, item.entry, item.kind);
}

// How many touches a step repeats.
int64_t repeated_step(const Rules& rules, const DecisionWorkspace& workspace, const Opening& opening,
                      int64_t id) {
  int64_t count = 0;
  for (int64_t place = 0; place < workspace.sizes[TOUCHES]; ++place) {
    const Shape& shape = rules.shapes[workspace.touch[place].kind];
    count += shape.campaign == opening.campaign && shape.step == opening.step &&
             (id == 0 || shape.id == 0 || shape.id == id);
  }
  return count;
}

}  // namespace

bool contest(const Rules& rules, const Contacts& contacts, int64_t contact,
             const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t low, int64_t high,
             int64_t obeys, const SearchProblem& problem) {
  Array1<SearchItem> items = problem.items;
  int64_t zone = contacts.person[contact].zone;
  for (int64_t& size : problem.size) size = 0;
  int64_t count = 0;
  bool is_single = true;
  for (int64_t candidate = low; candidate < high; ++candidate) {
    const Claim& claim = candidates.claim[candidate];
    bool is_obedient = rules.openings[claim.opening].traits & OBEYS_CAPS;
    if (claim.state || is_obedient != (obeys != 0)) continue;
    for (int64_t place = claim.at_from; place < claim.at_to; ++place) {
      const ClaimTime& time = candidates.time[place];
      if (!time.fits) continue;
      if (count >= items.size) return false;
      SearchItem& item = items[count];
      item.entry = candidate;
      item.at = time.at;
      item.shut = 0;
      item.group = claim.group;
      charge(rules, zone, candidates.claim, item);
      is_single = is_single && time.at == items[0].at;
      ++count;
    }
  }
  problem.size[ITEMS] = count;
  if (!repeat_rows(rules, workspace, candidates.claim, problem) || !group_rows(problem)) return false;
  if (obeys && !cap_rows(rules, contacts, contact, workspace, candidates.claim, problem, is_single)) {
    return false;
  }
  if (rules.conflicts.size > 0 && !conflict_rows(rules, zone, workspace, candidates.claim, problem, obeys)) {
    return false;
  }
  if (rules.within.size != 0 && !add_clauses(rules, zone, workspace, candidates, problem, obeys))
    return false;
  return !rules.series || add_turns(rules, zone, workspace, candidates.claim, problem);
}

void charge_items(const Rules& rules, int64_t zone, Array1<Claim> claims, const SearchProblem& problem) {
  for (int64_t item = 0; item < problem.size[ITEMS]; ++item) charge(rules, zone, claims, problem.items[item]);
}

int64_t repeated(const Rules& rules, const DecisionWorkspace& workspace, const Opening& opening, int64_t id) {
  if (opening.series >= 0) return repeated_step(rules, workspace, opening, id);
  int64_t campaign = opening.campaign, count = workspace.counts[campaign];
  if (id == 0 || count == 0) return count;
  for (int64_t place = 0; place < workspace.sizes[TOUCHES]; ++place) {
    const Shape& shape = rules.shapes[workspace.touch[place].kind];
    count -= shape.campaign == campaign && shape.id != 0 && shape.id != id;
  }
  return count;
}

}  // namespace journeykit
