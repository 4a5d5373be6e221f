// Deciding derived claims at one instant, weighed by `weighted`.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Decides contacts one after the other: plainly where that is possible, else as `collect_derived_now` and
// `decide_block` do. Ends before the first contact for whom there is no space for rows; its number.
// `fallback` gets the number of contacts that fall back to the row engine, and then these.
int64_t decide_now(const Rules& rules, const Barred& barred, const PlainRules& plain,
                   const Contacts& contacts, const TouchArrays& touches, Array1<const int64_t> asks,
                   const ScoreArrays& scores, const PlainWorkspace& work, const DecisionWorkspace& workspace,
                   const CandidateArrays& candidates, Array1<const int64_t> label_when,
                   const QuotaChoiceArrays& given, int64_t everything, int64_t last_outcome, int64_t start,
                   int64_t stop, const DecisionRows& rows, const DecisionCounts& counts,
                   Array1<int64_t> fallback);

}  // namespace journeykit
