// Why a claim lost.

#include "reasons.hpp"

#include "arithmetic.hpp"
#include "bind_rules.hpp"
#include "conflicts.hpp"
#include "counterfactual.hpp"
#include "expiry.hpp"
#include "history.hpp"
#include "problem.hpp"
#include "retry.hpp"
#include "steps.hpp"
#include "window_spans.hpp"

namespace journeykit {
namespace {

// What stops a claim at an instant, as bits: the history's use of a cap, a conflict with the past, any
// conflict, a requirement, anything else, and a rest.
constexpr int64_t PAST_CAP = 1, PAST_CONFLICT = 2, ANY_CONFLICT = 4, ANY_NEED = 8, ANYTHING = 16,
                  PAST_REST = 32;

// What the caps say, of this decision or a later one; marks the winners that take the room.
int64_t cap_stops(const Rules& rules, const Contacts& contacts, int64_t contact,
                  const DecisionWorkspace& workspace, const Opening& opening, int64_t at, bool later) {
  const Zones& zones = *rules.zones;
  Array1<Span> spans = workspace.spans;
  int64_t zone = contacts.person[contact].zone;
  int64_t found = 0;
  for (int64_t place = opening.cell_from; place < opening.cell_to; ++place) {
    auto [cell, points] = rules.cells[place];
    int64_t cap = rules.cell_cap[cell];
    int64_t limit = limit_of(rules.caps[cap], contacts, contact);
    if (limit == NO_LIMIT) continue;
    const Window& window = rules.windows[cap];
    if (later && window.kind == DECISION && points <= limit) continue;
    auto [counts, own] = place_of(window, zones, zone, at);
    int64_t end = own;
    if (window.kind == RUNNING) {
      end = end_of(window, zones, zone, opening.ends);
      counts = at < end;
    }
    if (!counts) continue;
    bool is_past = points != 0 && saturating_add(points, load(window, spans, cell, BEFORE, own, end)) > limit;
    if (cap >= rules.rests) {
      // Nothing but the history fills a rest: no winner takes its room.
      if (!is_past) continue;
      found |= PAST_REST | ANYTHING;
      note(rules, workspace, BY_REST, true, rules.rule[0] + cap);
      continue;
    }
    if (!crowd(window, spans, cell, own, end, points, limit, workspace.winner)) continue;
    found |= is_past ? PAST_CAP | ANYTHING : ANYTHING;
    note(rules, workspace, is_past ? BY_CAP : BY_ROOM, is_past, rules.rule[0] + cap);
  }
  return found;
}

// What a campaign's limit on repeats says, and the winners of the claim's own group.
int64_t sibling_stops(const Rules& rules, const DecisionWorkspace& workspace, Array1<Claim> claims,
                      const Claim& claim) {
  const Opening& opening = rules.openings[claim.opening];
  int64_t same = 0, siblings = 0;
  for (int64_t winner = 0; winner < workspace.sizes[WINNERS]; ++winner) {
    const Claim& other = claims[workspace.winner[winner].entry];
    same += is_same(rules.openings, other, claim);
    siblings += other.group == claim.group;
  }
  int64_t found = 0;
  int64_t before = opening.repeats >= 0 ? repeated(rules, workspace, opening, claim.id) : 0;
  if (opening.repeats >= 0 && before + same >= opening.repeats) {
    bool is_past = before >= opening.repeats;
    found |= is_past ? PAST_CAP | ANYTHING : ANYTHING;
    note(rules, workspace, is_past ? BY_CAP : BY_ROOM, is_past, rules.rule[1] + opening.campaign);
    for (int64_t winner = 0; winner < workspace.sizes[WINNERS]; ++winner) {
      Grant& grant = workspace.winner[winner];
      if (is_same(rules.openings, claims[grant.entry], claim)) grant.crowded = 1;
    }
  }
  if (siblings) {
    found |= ANYTHING;
    note(rules, workspace, BY_ROOM, false, rules.rule[2] + opening.campaign);
    for (int64_t winner = 0; winner < workspace.sizes[WINNERS]; ++winner) {
      Grant& grant = workspace.winner[winner];
      if (claims[grant.entry].group == claim.group) grant.crowded = 1;
    }
  }
  return found;
}

// What conflicts with the history say.
int64_t past_conflicts(const Rules& rules, const DecisionWorkspace& workspace, int64_t zone,
                       const Opening& opening, int64_t at) {
  int64_t found = 0;
  for (int64_t conflict = 0; conflict < rules.conflicts.size; ++conflict) {
    for (int64_t place = 0; place < workspace.sizes[TOUCHES]; ++place) {
      const CountedTouch& touch = workspace.touch[place];
      const Shape& shape = rules.shapes[touch.kind];
      if (!barred(rules, zone, conflict, opening, shape.first, shape.then, touch.at).contains(at)) continue;
      found |= PAST_CONFLICT | ANY_CONFLICT;
      note(rules, workspace, BY_CONFLICT, true, rules.rule[3] + conflict);
      break;
    }
  }
  return found;
}

// What conflicts with winners say, in the order of claims; marks them.
int64_t rival_conflicts(const Rules& rules, const DecisionWorkspace& workspace, int64_t zone,
                        Array1<Claim> claims, const Opening& opening, int64_t at) {
  int64_t found = 0;
  int64_t winners = workspace.sizes[WINNERS];
  for (int64_t number = 0; number < winners; ++number) {
    for (int64_t winner = 0; winner < winners; ++winner) {
      Grant& grant = workspace.winner[winner];
      if (grant.number != number) continue;
      const Opening& other = rules.openings[claims[grant.entry].opening];
      for (int64_t conflict = 0; conflict < rules.conflicts.size; ++conflict) {
        InstantSpan span = barred(rules, zone, conflict, opening, other.first, other.then, grant.at);
        if (!span.contains(at)) continue;
        bool is_past = opening.traits & OBEYS_CAPS && !(other.traits & OBEYS_CAPS);
        found |= is_past ? PAST_CONFLICT | ANY_CONFLICT : ANY_CONFLICT;
        note(rules, workspace, BY_CONFLICT, is_past, rules.rule[3] + conflict);
        grant.crowded = 1;
      }
    }
  }
  return found;
}

// What stops a claim at an instant, of this decision or a later one; marks the winners that do so as crowded,
// and notes the rules.
int64_t find_stops(const Rules& rules, const Contacts& contacts, int64_t contact,
                   const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t candidate,
                   int64_t at, bool later) {
  const Claim& claim = candidates.claim[candidate];
  const Opening& opening = rules.openings[claim.opening];
  int64_t zone = contacts.person[contact].zone;
  int64_t found = 0;
  if (opening.traits & OBEYS_CAPS)
    found |= cap_stops(rules, contacts, contact, workspace, opening, at, later);
  found |= sibling_stops(rules, workspace, candidates.claim, claim);
  if (opening.first || opening.then) {
    found |= past_conflicts(rules, workspace, zone, opening, at);
    found |= rival_conflicts(rules, workspace, zone, candidates.claim, opening, at);
  }
  if (waits(claim) && turn_from(rules, zone, workspace, candidates.claim, claim, true) > at) {
    found |= ANY_NEED;
    note(rules, workspace, BY_NEED, false, step_rule(rules, claim));
  }
  for (int64_t need = 0; opening.needy && need < rules.within.size; ++need) {
    if (!has_bit(opening.needy, need)) continue;
    if (met_after(rules, workspace, zone, candidates, candidate, need, at)) continue;
    found |= ANY_NEED;
    note(rules, workspace, BY_NEED, false, rules.rule[4] + need);
  }
  return found;
}

}  // namespace

int64_t why(const Rules& rules, const Contacts& contacts, int64_t contact, const DecisionWorkspace& workspace,
            const CandidateArrays& candidates, int64_t candidate, const DecisionRows& rows) {
  const Claim& claim = candidates.claim[candidate];
  const Quotas& quotas = *rules.quotas;
  workspace.sizes[FOUND] = 0;
  for (int64_t winner = 0; winner < workspace.sizes[WINNERS]; ++winner) workspace.winner[winner].crowded = 0;
  bool all_rest = true, all_capped = true, all_past = true, all_conflict = true, all_stopped = true,
       all_barred = true;
  for (int64_t place = claim.at_from; place < claim.at_to; ++place) {
    const ClaimTime& time = candidates.time[place];
    if (!time.fits) continue;
    int64_t stops = find_stops(rules, contacts, contact, workspace, candidates, candidate, time.at, false);
    constexpr int64_t CAPS = PAST_REST | PAST_CAP, PAST = CAPS | PAST_CONFLICT;
    all_rest = all_rest && stops & PAST_REST;
    all_capped = all_capped && stops & CAPS;
    all_past = all_past && stops & PAST;
    all_conflict = all_conflict && stops & (PAST | ANY_CONFLICT);
    all_stopped = all_stopped && stops & (PAST | ANY_CONFLICT | ANY_NEED);
    all_barred = all_barred && stops;
  }
  int64_t reason = OUTBID;
  StopKind by = BY_ROOM;
  if (all_rest) {
    reason = RESTING;
    by = BY_REST;
  } else if (all_capped) {
    reason = CAPPED;
    by = BY_CAP;
  } else if (all_past) {
    reason = CONFLICT;
    by = BY_CONFLICT;
  } else if ((rules.openings[claim.opening].needy || waits(claim)) &&
             !is_possible(rules, workspace, candidates.claim, candidate)) {
    reason = REQUIRES;
    by = BY_NEED;
  } else if (quotas.charged &&
             ((quotas.run && !all_barred) || wins_freely(rules, workspace, candidates.claim, candidate))) {
    // Its price took it; or nothing stood in its way but a quota that was full in whole numbers. None of the
    // other stops is of this kind.
    bind_quotas(rules, workspace, contacts.person[contact].zone, candidates, candidate, rows);
    reason = QUOTA_FULL;
    by = BY_QUOTA;
  } else if (all_conflict) {
    reason = CONFLICT;
    by = BY_CONFLICT;
  } else if (all_stopped) {
    reason = REQUIRES;
    by = BY_NEED;
  }
  bind_stops(rules, workspace, rows, by);
  return reason;
}

void bind_rest(const Rules& rules, const Contacts& contacts, int64_t contact,
               const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t candidate,
               const DecisionRows& rows) {
  const Claim& claim = candidates.claim[candidate];
  const Opening& opening = rules.openings[claim.opening];
  int64_t zone = contacts.person[contact].zone;
  int64_t since = since_of(rules, candidates, candidate);
  if (since == FOREVER) return;
  int64_t at = open_at(rules, zone, opening, since);
  if (at == FOREVER) return;
  if (at > claim.expires) {
    bind(rules, rows, expiry_rule(rules, zone, claim));
    return;
  }
  if (at > rules.zones->high) {
    workspace.sizes[LEFT] = at < LAST_INSTANT;
    return;
  }
  workspace.sizes[FOUND] = 0;
  find_stops(rules, contacts, contact, workspace, candidates, candidate, at, true);
  bind_stops(rules, workspace, rows, BY_CAP);
}

}  // namespace journeykit
