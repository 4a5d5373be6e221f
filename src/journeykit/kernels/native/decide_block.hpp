// Deciding over columns: one contact's rounds, and the reason of each claim, as in `journeykit.engine.round`
// and `journeykit.engine.reasons`.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Settles contacts of a block, and gives their rows of the outcomes up to the last that is asked for; the
// numbers of those that fall back to the row engine go to `fallback`; how many there are.
int64_t decide_block(const Rules& rules, const Contacts& contacts, const TouchArrays& touches,
                     const DecisionWorkspace& workspace, const CandidateArrays& candidates,
                     Array1<const int64_t> candidate_first, int64_t start, int64_t stop, int64_t last_outcome,
                     int64_t derived, const QuotaChoiceArrays& given, Array1<const int64_t> label_when,
                     const DecisionRows& rows, const DecisionCounts& counts, Array1<const bool> doubt,
                     Array1<int64_t> fallback);

}  // namespace journeykit
