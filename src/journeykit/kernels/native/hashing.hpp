// Hashes of ids, the index of contacts, holdouts.

#pragma once

#include "interface.hpp"

namespace journeykit {

// MurmurHash3 (x64, 128 bits, seed 0) of texts; marks those that are empty or hold a NUL.
void hash_ids(Array1<const int64_t> offsets, Array1<const uint8_t> data, Array1<uint64_t> one,
              Array1<uint64_t> two, Array1<bool> bad);

// The ids of decisions, 32 hexadecimal digits each.
void write_ids(Array1<const uint64_t> one, Array1<const uint64_t> two, Array1<const uint64_t> claim_one,
               Array1<const uint64_t> claim_two, Array1<const int64_t> label, Array1<const int64_t> contact,
               Array1<uint8_t> out);

// Adds keys as rows numbered from `start`, and marks those that are there already; how many are new.
int64_t index_add(Array1<const uint64_t> one, Array1<const uint64_t> two, int64_t start,
                  Array1<const bool> skip, Array1<uint64_t> table_one, Array1<uint64_t> table_two,
                  Array1<int32_t> table_row, Array1<bool> again);

// Copies an index into larger tables.
void index_move(Array1<const uint64_t> old_one, Array1<const uint64_t> old_two, Array1<const int32_t> old_row,
                Array1<uint64_t> table_one, Array1<uint64_t> table_two, Array1<int32_t> table_row);

// The row of each key, -1 where it has none.
void index_find(Array1<const uint64_t> one, Array1<const uint64_t> two, Array1<const uint64_t> table_one,
                Array1<const uint64_t> table_two, Array1<const int32_t> table_row, Array1<int32_t> found);

// Who is in a holdout: `journeykit.model.holdout.Holdout` over texts in UTF-8, given the seed's code points.
void in_holdout(Array1<const int64_t> seed, Array1<const int64_t> offsets, Array1<const uint8_t> data,
                double share, Array1<bool> out);

// Sets bits of whole numbers in some rows.
void set_bits(Array2<int64_t> out, int64_t word, int64_t bits, Array1<const bool> where);

}  // namespace journeykit
