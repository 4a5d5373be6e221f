// Conflicts and requirements.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Instants from the first to the last; an empty one ends before it starts.
struct InstantSpan {
  int64_t first, last;

  bool contains(int64_t at) const { return first <= at && at <= last; }
};

// The instants at which a touch, or winner, of an instant bars an opening by one conflict. The bits `first`
// and `then` say on which side of which conflicts the touch is.
InstantSpan barred(const Rules& rules, int64_t zone, int64_t conflict, const Opening& opening, int64_t first,
                   int64_t then, int64_t at);

// Whether a touch, or winner, of the instant `when` bars an opening at the instant `at`.
bool clashes(const Rules& rules, int64_t zone, const Opening& opening, int64_t at, int64_t first,
             int64_t then, int64_t when);

// Whether the history, or a winner that came before the contest, will do for a requirement.
bool met_before(const Rules& rules, const DecisionWorkspace& workspace, int64_t zone,
                const CandidateArrays& candidates, int64_t need, int64_t at, bool obeys);

// Whether a requirement of a claim is met by the history or by any winner that may be its partner.
bool met_after(const Rules& rules, const DecisionWorkspace& workspace, int64_t zone,
               const CandidateArrays& candidates, int64_t candidate, int64_t need, int64_t at);

}  // namespace journeykit
