// Spreads a number of 64 bits: a change of any bit of it changes about half of them.

#pragma once

#include "interface.hpp"

namespace journeykit {

inline uint64_t stir(uint64_t value) {
  value ^= value >> 33;
  value *= STIR_FIRST;
  value ^= value >> 33;
  value *= STIR_SECOND;
  return value ^ value >> 33;
}

}  // namespace journeykit
