// Which problems of a pool can be solved without a search.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Sorts out the rows of a unit: drops those that follow from one over all items, and says what form is left.
// Rows must be in smallest whole numbers; `mark` is one number by item, all 0.
void shape_of(const ProblemPool& pool, int64_t unit, int64_t items, Array1<int64_t> mark);

// Says of all units what form they are of.
void classify_problems(const ProblemPool& pool, Array1<int64_t> mark);

// Reduces problems to the items of one level, with what those taken before leave.
void reduce_problems(const ProblemPool& pool, Array1<const bool> taken, int64_t level,
                     const ProblemPool& found, Array1<int64_t> which, Array1<int64_t> place,
                     Array1<int64_t> used);

}  // namespace journeykit
