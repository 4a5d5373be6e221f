// Which problems of a pool can be solved without a search.

#include "pool_shapes.hpp"

namespace journeykit {

// Not ported yet.

void shape_of(const ProblemPool&, int64_t, int64_t, Array1<int64_t>) {}

void classify_problems(const ProblemPool&, Array1<int64_t>) {}

void reduce_problems(const ProblemPool&, Array1<const bool>, int64_t, const ProblemPool&, Array1<int64_t>,
                     Array1<int64_t>, Array1<int64_t>) {}

}  // namespace journeykit
