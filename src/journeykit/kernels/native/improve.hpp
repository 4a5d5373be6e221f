// Local search over chosen items under quotas.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Lets items come, go or change places, unit by unit in the given order, as long as it pays; how many moves
// were made.
int64_t improve(const ProblemPool& pool, const QuotaBudget& budget, Array1<const int64_t> units,
                Array1<bool> taken, const PriceWorkspace& workspace);

}  // namespace journeykit
