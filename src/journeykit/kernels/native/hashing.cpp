// Hashes of ids, the index of contacts, holdouts.

#include "hashing.hpp"

namespace journeykit {

// Not ported yet.

void hash_ids(Array1<const int64_t>, Array1<const uint8_t>, Array1<uint64_t>, Array1<uint64_t>,
              Array1<bool>) {}

void write_ids(Array1<const uint64_t>, Array1<const uint64_t>, Array1<const uint64_t>, Array1<const uint64_t>,
               Array1<const int64_t>, Array1<const int64_t>, Array1<uint8_t>) {}

int64_t index_add(Array1<const uint64_t>, Array1<const uint64_t>, int64_t, Array1<const bool>,
                  Array1<uint64_t>, Array1<uint64_t>, Array1<int32_t>, Array1<bool>) {
  return 0;
}

void index_move(Array1<const uint64_t>, Array1<const uint64_t>, Array1<const int32_t>, Array1<uint64_t>,
                Array1<uint64_t>, Array1<int32_t>) {}

void index_find(Array1<const uint64_t>, Array1<const uint64_t>, Array1<const uint64_t>,
                Array1<const uint64_t>, Array1<const int32_t>, Array1<int32_t>) {}

void in_holdout(Array1<const int64_t>, Array1<const int64_t>, Array1<const uint8_t>, double, Array1<bool>) {}

void set_bits(Array2<int64_t>, int64_t, int64_t, Array1<const bool>) {}

}  // namespace journeykit
