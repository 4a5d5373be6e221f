// Hashes of ids, the index of contacts, holdouts.

#pragma once

#include "interface.hpp"

namespace journeykit {

// MurmurHash3 (x64, 128 bits, seed 0) of texts; marks those that are empty, hold a NUL or are not UTF-8.
// Offsets come as Arrow has them, for strings (32 bits) and large strings (64 bits).
template <typename Offset>
void hash_ids(Array1<const Offset> offsets, Array1<const uint8_t> data, Array1<uint64_t> one,
              Array1<uint64_t> two, Array1<bool> bad);

// The ids of decisions, 32 hexadecimal digits each.
void write_ids(Array1<const uint64_t> one, Array1<const uint64_t> two, Array1<const uint64_t> claim_one,
               Array1<const uint64_t> claim_two, Array1<const int32_t> label, Array1<const int32_t> contact,
               Array1<uint8_t> out);

// The index of contacts is a table of slots with open addressing, and their keys by row. A slot holds the
// number of a row and one more in its lower half (0 is an empty slot), and the upper half of the second key
// in its upper half: eight bytes for each, so that a look takes one line of the cache, and a second one only
// where a key is there.

// Adds keys as rows numbered from `start`, and marks those that are there already; how many are new.
int64_t index_add(Array1<const uint64_t> one, Array1<const uint64_t> two, int64_t start,
                  Array1<const bool> skip, Array1<uint64_t> slots, Array2<uint64_t> keys, Array1<bool> again);

// Copies an index into more slots.
void index_move(Array1<const uint64_t> old_slots, Array2<const uint64_t> keys, Array1<uint64_t> slots);

// The row of each key, -1 where it has none.
void index_find(Array1<const uint64_t> one, Array1<const uint64_t> two, Array1<const uint64_t> slots,
                Array2<const uint64_t> keys, Array1<int32_t> found);

// Who is in a holdout: `journeykit.model.holdout.Holdout` over texts in UTF-8, given the seed's code points.
void in_holdout(Array1<const int64_t> seed, Array1<const int64_t> offsets, Array1<const uint8_t> data,
                double share, Array1<bool> out);

// Sets bits of whole numbers in some rows.
void set_bits(Array2<int64_t> out, int64_t word, int64_t bits, Array1<const bool> where);

}  // namespace journeykit
