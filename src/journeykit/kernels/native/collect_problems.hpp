// The problems of many contacts, collected into a pool.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Puts the problems of contacts into a part of the pool. Ends with the contact before whom the room runs out.
// The contacts that the row engine must look at go to `fallback`, the first place of which says how
// many there are.
//
// `candidate_first` says where the candidates of each contact lie, from the contact `base` on; `obeys` is 0
// for the claims that need not obey caps, 1 for the others; `chosen` is what was chosen among the exempt
// claims; `keys` is by contact the hash of its id; `doubt` by contact from `base` on whether the row
// engine must look at it.
int64_t collect_problems(const Rules& rules, const Contacts& contacts, const TouchArrays& touches,
                         const DecisionWorkspace& workspace, const CandidateArrays& candidates,
                         Array1<const int64_t> candidate_first, int64_t base, int64_t start, int64_t stop,
                         int64_t obeys, int64_t derived, const QuotaChoiceArrays& chosen,
                         Array1<const uint64_t> keys, Array1<const bool> doubt, const PoolPart& part,
                         Array1<int64_t> fallback);

}  // namespace journeykit
