// Series: when it is the turn of a step, as in `journeykit.engine.steps`.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Nothing must go before a step; below that, -2 less the later step that has gone.
constexpr int64_t NO_STEP = -1;

// Notes what must go before each step among the candidates, once the history is read.
void set_steps(const Rules& rules, const DecisionWorkspace& workspace, const CandidateArrays& candidates,
               int64_t low, int64_t high);

// Whether a claim is a step that waits for another, or was passed over.
inline bool waits(const Claim& claim) {
  return claim.before != NO_STEP;
}

// The rule that a step breaks before its turn: the step that must go first, or that has passed it over.
int64_t step_rule(const Rules& rules, const Claim& claim);

// Whether a claim is for the step that must go before another, and of the same id.
bool is_step_before(const Rules& rules, const Claim& claim, const Claim& other);

// From when on a step may go, where the one before it goes at an instant; FOREVER where zones are not known
// so far.
int64_t gap_end(const Rules& rules, int64_t zone, const Opening& opening, int64_t when);

// From when on it is the turn of a step by the history, and by the winners where they count; FOREVER for
// never.
int64_t turn_from(const Rules& rules, int64_t zone, const DecisionWorkspace& workspace, Array1<Claim> claims,
                  const Claim& claim, bool with_winners);

}  // namespace journeykit
