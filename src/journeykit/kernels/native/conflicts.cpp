// Conflicts and requirements.

#include "conflicts.hpp"

#include "history.hpp"
#include "local_time.hpp"
#include "window_spans.hpp"

namespace journeykit {
namespace {

// Whether one touch will do for a requirement with a window at an instant.
bool meets(const Window& window, const Zones& zones, int64_t zone, const Shape& shape, int64_t when,
           int64_t at) {
  if (window.kind == RUNNING) {
    int64_t end = end_of(window, zones, zone, shape.ends);
    return shape.campaign != -1 && when < end && when <= at && at < end;
  }
  WindowPlace touch = place_of(window, zones, zone, when);
  WindowPlace asked = place_of(window, zones, zone, at);
  return touch.counts && asked.counts && back(window, asked.start) <= touch.start &&
         touch.start <= asked.start;
}

// Whether a touch will do for a requirement at an instant.
bool met_by_history(const Rules& rules, const DecisionWorkspace& workspace, int64_t zone, int64_t need,
                    int64_t at) {
  if (rules.within[need] < 0) return false;
  const Window& window = rules.windows[rules.within[need]];
  for (int64_t place = 0; place < workspace.sizes[TOUCHES]; ++place) {
    auto [when, kind] = workspace.touch[place];
    const Shape& shape = rules.shapes[kind];
    if (has_bit(shape.partner, need) && when <= at && meets(window, *rules.zones, zone, shape, when, at)) {
      return true;
    }
  }
  return false;
}

}  // namespace

InstantSpan barred(const Rules& rules, int64_t zone, int64_t conflict, const Opening& opening, int64_t first,
                   int64_t then, int64_t at) {
  const Conflict& rule = rules.conflicts[conflict];
  bool behind = false, ahead = false;
  if (has_bit(opening.then & first, conflict)) {
    ahead = true;
    behind = rule.both_ways;
  }
  if (has_bit(opening.first & then, conflict)) {
    behind = true;
    ahead = ahead || rule.both_ways;
  }
  if (!ahead && !behind) return {1, 0};
  if (rule.lag_days < 0) {
    return {at - (behind ? rule.lag_length : 0), at + (ahead ? rule.lag_length : 0)};
  }
  int64_t day = day_of(*rules.zones, zone, at);
  int64_t low = day_start(*rules.zones, zone, day - (behind ? rule.lag_days : 0));
  return {low, day_start(*rules.zones, zone, day + (ahead ? rule.lag_days : 0) + 1) - 1};
}

bool clashes(const Rules& rules, int64_t zone, const Opening& opening, int64_t at, int64_t first,
             int64_t then, int64_t when) {
  if (!(opening.then & first) && !(opening.first & then)) return false;
  for (int64_t conflict = 0; conflict < rules.conflicts.size; ++conflict) {
    if (barred(rules, zone, conflict, opening, first, then, when).contains(at)) return true;
  }
  return false;
}

bool met_before(const Rules& rules, const DecisionWorkspace& workspace, int64_t zone,
                const CandidateArrays& candidates, int64_t need, int64_t at, bool obeys) {
  if (met_by_history(rules, workspace, zone, need, at)) return true;
  if (!obeys) return false;
  for (int64_t winner = 0; winner < workspace.sizes[EXEMPTS]; ++winner) {
    const Grant& grant = workspace.winner[winner];
    const Opening& opening = rules.openings[candidates.claim[grant.entry].opening];
    if (has_bit(opening.partner, need) && grant.at <= at) return true;
  }
  return false;
}

bool met_after(const Rules& rules, const DecisionWorkspace& workspace, int64_t zone,
               const CandidateArrays& candidates, int64_t candidate, int64_t need, int64_t at) {
  const Opening& own = rules.openings[candidates.claim[candidate].opening];
  bool obeys = own.traits & OBEYS_CAPS;
  if (met_before(rules, workspace, zone, candidates, need, at, obeys)) return true;
  for (int64_t winner = 0; winner < workspace.sizes[WINNERS]; ++winner) {
    const Grant& grant = workspace.winner[winner];
    const Opening& opening = rules.openings[candidates.claim[grant.entry].opening];
    bool is_exempt = !(opening.traits & OBEYS_CAPS);
    bool is_early = opening.tier <= own.tier;
    if (grant.entry != candidate && has_bit(opening.partner, need) && grant.at <= at &&
        (obeys ? is_exempt || is_early : is_exempt && is_early)) {
      return true;
    }
  }
  return false;
}

}  // namespace journeykit
