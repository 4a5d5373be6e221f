// A contact's history: the touches that count, and the contents of the caps' windows.

#include "history.hpp"

#include "eligibility.hpp"
#include "local_time.hpp"
#include "steps.hpp"
#include "window_spans.hpp"

namespace journeykit {
namespace {

// Whether a planned touch is one of the claims, and so replaced by it.
bool is_asked_again(Array1<Opening> openings, const Shape& shape, Array1<Claim> claims, int64_t low,
                    int64_t high) {
  for (int64_t candidate = low; candidate < high; ++candidate) {
    const Claim& claim = claims[candidate];
    const Opening& opening = openings[claim.opening];
    if (opening.campaign == shape.campaign && (shape.content == -1 || shape.content == opening.content) &&
        (shape.channel == -1 || shape.channel == opening.channel) &&
        (shape.id == 0 || shape.id == claim.id)) {
      return true;
    }
  }
  return false;
}

// Whether a planned touch is of a derived claim: of a campaign with dates, where its own is one of the span.
bool is_decided_again(const Rules& rules, int64_t zone, const Shape& shape, int64_t at) {
  if (!shape.replaced || shape.dated < 0) return shape.replaced != 0;
  if (at > rules.zones->high) return false;
  int64_t day = day_of(*rules.zones, zone, at);
  return day_of(*rules.zones, zone, rules.now) <= day && day <= day_of(*rules.zones, zone, rules.last) &&
         is_date(rules, rules.openings[shape.dated], day);
}

// Adds a touch to the window of one cell in which it counts.
void add_touch(const Rules& rules, int64_t zone, const DecisionWorkspace& workspace, const Cell& cell,
               int64_t at, int64_t ends) {
  const Window& window = rules.windows[rules.cell_cap[cell.cell]];
  const Zones& zones = *rules.zones;
  if (window.kind == ROLLING) {
    if (at + window.span > rules.now) {
      add_span(workspace.spans, cell.cell, at, at, cell.points, -1, HISTORY);
    }
    return;
  }
  if (window.kind != EVER && window.kind != RUNNING) {
    // What is older than all that the zones are known for is too old for any window of days.
    if (at > zones.high) workspace.sizes[LEFT] = 1;
    if (at < zones.low || at > zones.high) return;
  }
  stand(window, zones, zone, workspace.spans, cell, at, ends, -1, HISTORY);
}

}  // namespace

void read_history(const Rules& rules, const TouchArrays& touches, int64_t contact, int64_t zone,
                  const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t low,
                  int64_t high, int64_t derived) {
  int64_t count = 0;
  for (int64_t place = touches.first[contact]; place < touches.first[contact + 1]; ++place) {
    int64_t at = touches.at[place];
    const Shape& shape = rules.shapes[touches.shape[place]];
    if (shape.status == COUNTS_NEVER) continue;
    if (shape.status == COUNTS_UNLESS_PAST) {
      if (at < rules.now) continue;
      if (shape.campaign >= 0) {
        bool is_replaced = derived ? is_decided_again(rules, zone, shape, at)
                                   : is_asked_again(rules.openings, shape, candidates.claim, low, high);
        if (is_replaced) continue;
      }
    }
    workspace.touch[count] = {at, touches.shape[place]};
    ++count;
    if (shape.campaign >= 0) workspace.counts[shape.campaign] += 1;
    for (int64_t cell = shape.cell_from; cell < shape.cell_to; ++cell) {
      add_touch(rules, zone, workspace, rules.shape_cells[cell], at, shape.ends);
    }
  }
  workspace.sizes[TOUCHES] = count;
  if (rules.series) set_steps(rules, workspace, candidates, low, high);
}

int64_t end_of(const Window& window, const Zones& zones, int64_t zone, int64_t ends) {
  if (window.kind != RUNNING || ends <= NONE || ends >= 1'000'000'000) return FOREVER;
  return day_start(zones, window.zone < 0 ? zone : window.zone, ends + 1);
}

void stand(const Window& window, const Zones& zones, int64_t zone, Array1<Span> spans, const Cell& cell,
           int64_t at, int64_t ends, int64_t who, int64_t layer) {
  auto [counts, place] = place_of(window, zones, zone, at);
  int64_t end = place;
  if (window.kind == RUNNING) {
    end = end_of(window, zones, zone, ends);
    counts = at < end;
  }
  if (counts) add_span(spans, cell.cell, place, end, cell.points, who, layer);
}

int64_t limit_of(const Cap& cap, const Contacts& contacts, int64_t contact) {
  if (cap.audience >= 0 && !has_bit(contacts.audience(contact, cap.audience >> 6), cap.audience & 63)) {
    return NO_LIMIT;
  }
  return cap.own < 0 ? cap.limit : contacts.limit(contact, cap.own);
}

}  // namespace journeykit
