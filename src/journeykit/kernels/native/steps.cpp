// Series: when it is the turn of a step.

#include "steps.hpp"

#include <algorithm>

#include "local_time.hpp"

namespace journeykit {
namespace {

constexpr int64_t LONG_AGO = -FOREVER;

// Whether a touch is of a step of a claim's series, and of its id.
bool is_touch_of(const Rules& rules, const Claim& claim, int64_t step, const Shape& shape) {
  return shape.campaign == rules.openings[claim.opening].campaign && shape.step == step &&
         (claim.id == 0 || shape.id == claim.id);
}

bool has_gone(const Rules& rules, const DecisionWorkspace& workspace, const Claim& claim, int64_t step) {
  for (int64_t place = 0; place < workspace.sizes[TOUCHES]; ++place) {
    if (is_touch_of(rules, claim, step, rules.shapes[workspace.touch[place].kind])) return true;
  }
  return false;
}

// What must go before a step where steps that are refused are passed over.
int64_t find_before(const Rules& rules, const DecisionWorkspace& workspace, const Claim& claim) {
  const Opening& opening = rules.openings[claim.opening];
  if (!(opening.traits & SKIPS)) return opening.step - 1;
  if (!has_gone(rules, workspace, claim, opening.step)) {
    for (int64_t later = opening.step + 1; later < opening.steps; ++later) {
      if (has_gone(rules, workspace, claim, later)) return -2 - later;
    }
  }
  int64_t step = opening.step;
  while (step > 0 && !has_gone(rules, workspace, claim, step - 1) && has_bit(claim.refused, step - 1)) --step;
  return step - 1;
}

}  // namespace

void set_steps(const Rules& rules, const DecisionWorkspace& workspace, const CandidateArrays& candidates,
               int64_t low, int64_t high) {
  for (int64_t candidate = low; candidate < high; ++candidate) {
    Claim& claim = candidates.claim[candidate];
    bool is_step = rules.openings[claim.opening].series >= 0;
    claim.before = is_step ? find_before(rules, workspace, claim) : NO_STEP;
  }
}

int64_t step_rule(const Rules& rules, const Claim& claim) {
  int64_t step = claim.before >= 0 ? claim.before : -2 - claim.before;
  return rules.openings[rules.openings[claim.opening].series + step].rule_step;
}

bool is_step_before(const Rules& rules, const Claim& claim, const Claim& other) {
  const Opening& own = rules.openings[claim.opening];
  const Opening& rival = rules.openings[other.opening];
  return own.campaign == rival.campaign && rival.step == claim.before && claim.id == other.id;
}

int64_t gap_end(const Rules& rules, int64_t zone, const Opening& opening, int64_t when) {
  if (opening.gap_days < 0) return when + opening.gap_length;
  const Zones& zones = *rules.zones;
  // What is older than all that the zones are known for is longer ago than any gap.
  if (when < zones.low) return LONG_AGO;
  if (when > zones.high) return FOREVER;
  return day_start(zones, zone, day_of(zones, zone, when) + opening.gap_days);
}

int64_t turn_from(const Rules& rules, int64_t zone, const DecisionWorkspace& workspace, Array1<Claim> claims,
                  const Claim& claim, bool with_winners) {
  if (claim.before == NO_STEP) return LONG_AGO;
  if (claim.before < 0) return FOREVER;
  const Opening& opening = rules.openings[claim.opening];
  int64_t found = FOREVER;
  for (int64_t place = 0; place < workspace.sizes[TOUCHES]; ++place) {
    const CountedTouch& touch = workspace.touch[place];
    if (!is_touch_of(rules, claim, claim.before, rules.shapes[touch.kind])) continue;
    if (touch.at > rules.zones->high) workspace.sizes[LEFT] = 1;
    found = std::min(found, gap_end(rules, zone, opening, touch.at));
  }
  for (int64_t winner = 0; with_winners && winner < workspace.sizes[WINNERS]; ++winner) {
    const Grant& grant = workspace.winner[winner];
    if (!is_step_before(rules, claim, claims[grant.entry])) continue;
    found = std::min(found, gap_end(rules, zone, opening, grant.at));
  }
  return found;
}

}  // namespace journeykit
