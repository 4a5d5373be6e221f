// The exact search as the row engine calls it: with the lists, tuples and dictionaries that it has.

#pragma once

#include <nanobind/nanobind.h>

namespace journeykit {

// The best feasible set of a `SelectionProblem`: the items; and by how much more another set could be worth,
// as multiples of 2**62 and a rest; None where the numbers are too large.
nanobind::object find_best_set(nanobind::tuple rows, nanobind::tuple groups, nanobind::tuple pairs,
                               nanobind::tuple clauses, nanobind::list values, nanobind::list order,
                               int64_t budget);

}  // namespace journeykit
