// Local search over chosen items under quotas.

#include "improve.hpp"

namespace journeykit {

// Not ported yet.

int64_t improve(const ProblemPool&, const QuotaBudget&, Array1<const int64_t>, Array1<bool>,
                const PriceWorkspace&) {
  return 0;
}

}  // namespace journeykit
