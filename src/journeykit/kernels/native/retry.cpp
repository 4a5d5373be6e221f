// When a claim may go after all.

#include "retry.hpp"

#include <algorithm>

#include "conflicts.hpp"
#include "eligibility.hpp"
#include "history.hpp"
#include "local_time.hpp"
#include "problem.hpp"
#include "steps.hpp"
#include "window_spans.hpp"

namespace journeykit {
namespace {

// The first instant from `since` on at which a campaign is open; FOREVER if never.
int64_t open_from(const Rules& rules, int64_t zone, const Opening& opening, int64_t since) {
  if (opening.traits & PAUSED) return FOREVER;
  int64_t today = day_of(*rules.zones, zone, since);
  int64_t day = std::max(today, opening.starts);
  if (opening.traits & DATED) {
    int64_t found = FOREVER;
    for (int64_t place = opening.date_from; place < opening.date_to; ++place) {
      int64_t date = rules.dates[place];
      if (day <= date && date < found) found = date;
    }
    // What recurs is listed as far as zones are known.
    if (found == FOREVER) return opening.traits & RECURS ? rules.zones->high + 1 : FOREVER;
    day = found;
  }
  if (day > opening.ends) return FOREVER;
  return today == day ? since : std::max(since, day_start(*rules.zones, zone, day));
}

// The first instant from `since` on that no hours or holidays forbid; FOREVER if never.
int64_t hours_from(const Rules& rules, int64_t zone, const Opening& opening, int64_t since) {
  const HourTables& hours = *rules.hours;
  if (!(opening.traits & OBEYS_HOURS) || (hours.periods.size == 0 && hours.holidays.size == 0)) return since;
  return hours_open(hours_of(rules, zone, opening), *rules.zones, zone, since, rules.horizon);
}

// The first instant from `since` on at which the caps of a claim that obeys them have room, one after the
// other; FOREVER if never.
int64_t room_from(const Rules& rules, const Contacts& contacts, int64_t contact,
                  const DecisionWorkspace& workspace, const Opening& opening, int64_t since) {
  if (!(opening.traits & OBEYS_CAPS)) return since;
  const Zones& zones = *rules.zones;
  int64_t zone = contacts.person[contact].zone;
  int64_t at = since;
  for (int64_t place = opening.cell_from; at != FOREVER && place < opening.cell_to; ++place) {
    const Cell& cell = rules.cells[place];
    int64_t cap = rules.cell_cap[cell.cell];
    int64_t limit = limit_of(rules.caps[cap], contacts, contact);
    if (limit == NO_LIMIT) continue;
    const Window& window = rules.windows[cap];
    int64_t end = end_of(window, zones, zone, opening.ends);
    at = first_fit(window, zones, zone, workspace.spans, cell.cell, at, end, cell.points, limit);
  }
  return at;
}

// The first instant from `since` on that no conflict bars.
int64_t clear_from(const Rules& rules, const DecisionWorkspace& workspace, int64_t zone, Array1<Claim> claims,
                   const Opening& opening, int64_t since) {
  int64_t at = since;
  bool has_moved = true;
  auto leave = [&](InstantSpan span) {
    if (!span.contains(at)) return;
    at = span.last + 1;
    has_moved = true;
  };
  while (has_moved) {
    has_moved = false;
    for (int64_t conflict = 0; conflict < rules.conflicts.size; ++conflict) {
      for (int64_t place = 0; place < workspace.sizes[TOUCHES]; ++place) {
        const CountedTouch& touch = workspace.touch[place];
        const Shape& shape = rules.shapes[touch.kind];
        leave(barred(rules, zone, conflict, opening, shape.first, shape.then, touch.at));
      }
      for (int64_t winner = 0; winner < workspace.sizes[WINNERS]; ++winner) {
        const Grant& grant = workspace.winner[winner];
        const Opening& other = rules.openings[claims[grant.entry].opening];
        leave(barred(rules, zone, conflict, opening, other.first, other.then, grant.at));
      }
    }
  }
  return at;
}

// The first instant from `since` on at which a requirement is met; FOREVER if never.
int64_t met_from(const Rules& rules, const DecisionWorkspace& workspace, int64_t zone,
                 const CandidateArrays& candidates, int64_t candidate, int64_t need, int64_t since) {
  int64_t at = since;
  while (at != FOREVER && !met_after(rules, workspace, zone, candidates, candidate, need, at)) {
    int64_t later = FOREVER;
    for (int64_t place = 0; place < workspace.sizes[TOUCHES]; ++place) {
      int64_t touch = workspace.touch[place].at;
      if (at < touch && touch < later) later = touch;
    }
    for (int64_t winner = 0; winner < workspace.sizes[WINNERS]; ++winner) {
      int64_t granted = workspace.winner[winner].at;
      if (at < granted && granted < later) later = granted;
    }
    at = later;
  }
  return at;
}

// The first instant from `since` on that each check alone allows, one check after the other; FOREVER if
// never.
int64_t next_instant(const Rules& rules, const Contacts& contacts, int64_t contact,
                     const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t candidate,
                     int64_t since) {
  const Opening& opening = rules.openings[candidates.claim[candidate].opening];
  int64_t zone = contacts.person[contact].zone;
  int64_t at = next_open(rules, zone, opening, since);
  if (at != FOREVER) at = room_from(rules, contacts, contact, workspace, opening, at);
  if (at == FOREVER) return FOREVER;
  if (opening.first || opening.then) {
    at = clear_from(rules, workspace, zone, candidates.claim, opening, at);
  }
  const Claim& claim = candidates.claim[candidate];
  if (waits(claim)) {
    at = std::max(at, turn_from(rules, zone, workspace, candidates.claim, claim, true));
    if (at == FOREVER) return FOREVER;
  }
  for (int64_t need = 0; opening.needy && need < rules.within.size; ++need) {
    if (!has_bit(opening.needy, need)) continue;
    at = met_from(rules, workspace, zone, candidates, candidate, need, at);
    if (at == FOREVER) return FOREVER;
  }
  return at;
}

// Whether no later instant helps: what excludes a claim for good was granted, or it has gone out too often.
bool is_over(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
             int64_t candidate) {
  const Claim& claim = claims[candidate];
  const Opening& opening = rules.openings[claim.opening];
  int64_t same = 0;
  for (int64_t winner = 0; winner < workspace.sizes[WINNERS]; ++winner) {
    const Claim& other = claims[workspace.winner[winner].entry];
    if (other.group == claim.group) return true;
    same += is_same(rules.openings, other, claim);
  }
  return opening.repeats >= 0 && repeated(rules, workspace, opening, claim.id) + same >= opening.repeats;
}

}  // namespace

int64_t since_of(const Rules& rules, const CandidateArrays& candidates, int64_t candidate) {
  const Claim& claim = candidates.claim[candidate];
  int64_t asked = candidates.time[claim.at_to - 1].at;
  if (claim.from_ != NONE) return claim.from_ < rules.now ? FOREVER : std::max(rules.last + 1, claim.from_);
  // Each date of the span has a claim of its own.
  if (claim.dated == OCCASION) return rules.last + 1;
  if (claim.dated || asked > rules.last) return asked + 1;
  return asked == rules.last ? rules.last + 1 : rules.last;
}

int64_t next_open(const Rules& rules, int64_t zone, const Opening& opening, int64_t since) {
  int64_t at = open_from(rules, zone, opening, since);
  if (at != FOREVER) at = hours_from(rules, zone, opening, at);
  int64_t time = rules.hours->times(zone, opening.hours);
  return at == FOREVER || time == NONE ? at : first_shown(*rules.zones, zone, time, at);
}

int64_t open_at(const Rules& rules, int64_t zone, const Opening& opening, int64_t since) {
  int64_t at = since;
  for (int64_t step = 0; step < STEPS; ++step) {
    int64_t later = next_open(rules, zone, opening, at);
    if (later == at || later == FOREVER) return later;
    at = later;
  }
  return FOREVER;
}

int64_t retry(const Rules& rules, const Contacts& contacts, int64_t contact,
              const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t candidate) {
  if (is_over(rules, workspace, candidates.claim, candidate)) return NONE;
  int64_t at = since_of(rules, candidates, candidate);
  if (at == FOREVER) return NONE;
  for (int64_t step = 0; step < STEPS; ++step) {
    int64_t later = next_instant(rules, contacts, contact, workspace, candidates, candidate, at);
    if (later == FOREVER || later > candidates.claim[candidate].expires) return NONE;
    if (later > rules.zones->high) {
      // Beyond what the zones are known for the row engine decides.
      if (later < LAST_INSTANT) workspace.sizes[LEFT] = 1;
      return NONE;
    }
    if (later == at) return at;
    at = later;
  }
  return NONE;
}

}  // namespace journeykit
