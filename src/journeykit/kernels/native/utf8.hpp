// What UTF-8 allows, byte by byte, and bytes eight at a time.

#pragma once

#include <cstdint>

namespace journeykit {

// The highest, and the lowest, bit of each of eight bytes.
inline constexpr uint64_t HIGH_BITS = 0x8080808080808080, LOW_BITS = 0x0101010101010101;

// Between which the bytes of a character lie that come after its second one.
inline constexpr uint8_t LEAST_TAIL = 0x80, MOST_TAIL = 0xBF;

// What comes after the first byte of a character.
struct CharacterTail {
  int64_t size;         // how many bytes, or -1 where no character begins like this
  uint8_t least, most;  // between which the first of them lies
};

inline CharacterTail tail_of(uint8_t first) {
  if (first < 0x80) return {0, 0, 0};
  if (first < 0xC2 || first > 0xF4) return {-1, 0, 0};
  uint8_t least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : LEAST_TAIL;
  uint8_t most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : MOST_TAIL;
  return {first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1, least, most};
}

}  // namespace journeykit
