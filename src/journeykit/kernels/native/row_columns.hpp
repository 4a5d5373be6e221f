// Decision rows as the columns of a table.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Adds the rows of a block to the columns, for which there must be room; the names of labels are given as
// codes.
void add_rows(const DecisionRows& rows, Array2<const int32_t> names, const RowColumns& columns);

}  // namespace journeykit
