// Rows as lines of text, a column at a time: first how long each line is, then what is in it.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Adds the lengths of a column's cells to those of the lines: the text of its code, or without codes of its
// row, and so many bytes around it.
void measure_cells(Array1<const int32_t> codes, Array1<const int64_t> first, int64_t around,
                   Array1<int64_t> lengths);

// Writes a column's cells, each between two texts, where the lines have come to.
void copy_cells(Array1<const int32_t> codes, Array1<const int64_t> first, Array1<const uint8_t> data,
                Array1<const uint8_t> before, Array1<const uint8_t> after, Array1<int64_t> ends,
                Array1<uint8_t> out);

// The same for lists of texts, given where each list begins among the codes, and with a text between their
// members.
void measure_lists(Array1<const int32_t> lists, Array1<const int32_t> codes, Array1<const int64_t> first,
                   int64_t around, int64_t between, Array1<int64_t> lengths);

void copy_lists(Array1<const int32_t> lists, Array1<const int32_t> codes, Array1<const int64_t> first,
                Array1<const uint8_t> data, Array1<const uint8_t> before, Array1<const uint8_t> between,
                Array1<const uint8_t> after, Array1<int64_t> ends, Array1<uint8_t> out);

}  // namespace journeykit
