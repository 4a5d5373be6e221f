// The problems of many contacts, collected into a pool.

#include "collect_problems.hpp"

namespace journeykit {

// Not ported yet.

int64_t collect_problems(const Rules&, const Contacts&, const TouchArrays&, const DecisionWorkspace&,
                         const CandidateArrays&, Array1<const int64_t>, int64_t, int64_t, int64_t, int64_t,
                         int64_t, const QuotaChoiceArrays&, Array1<const uint64_t>, Array1<const bool>,
                         const PoolPart&, Array1<int64_t>) {
  return 0;
}

}  // namespace journeykit
