// Whole numbers as Python and NumPy reckon with them.

#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace journeykit {

inline constexpr double NO_NUMBER = std::numeric_limits<double>::quiet_NaN();

// The sum of two numbers, of which only the lowest 64 bits are kept.
constexpr int64_t wrapping_add(int64_t one, int64_t other) {
  return static_cast<int64_t>(static_cast<uint64_t>(one) + static_cast<uint64_t>(other));
}

constexpr int64_t wrapping_subtract(int64_t one, int64_t other) {
  return static_cast<int64_t>(static_cast<uint64_t>(one) - static_cast<uint64_t>(other));
}

constexpr int64_t wrapping_multiply(int64_t one, int64_t other) {
  return static_cast<int64_t>(static_cast<uint64_t>(one) * static_cast<uint64_t>(other));
}

// The sum of two numbers, or the highest or lowest number where it lies beyond it. Sums of points are added
// so: a sum that no number holds is more than any limit, where one that wraps would be less.
constexpr int64_t saturating_add(int64_t one, int64_t other) {
  const int64_t sum = wrapping_add(one, other);
  if ((one < 0) != (other < 0) || (sum < 0) == (one < 0)) return sum;
  return one < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

// Adds a number to a sum in two parts, of its lowest 32 bits and of the rest: neither overflows.
constexpr void add_in_parts(int64_t number, int64_t& low, int64_t& high) {
  low += number & 0xFFFF'FFFF;
  high += number >> 32;
}

// The number without its sign; the lowest number is its own.
constexpr int64_t wrapping_abs(int64_t number) {
  return number < 0 ? wrapping_subtract(0, number) : number;
}

// The quotient rounded down, as Python's `//`; 0 where the divisor is 0.
constexpr int64_t floor_div(int64_t number, int64_t divisor) {
  if (divisor == 0) return 0;
  if (divisor == -1) return wrapping_subtract(0, number);
  int64_t quotient = number / divisor;
  return quotient - (number % divisor != 0 && (number < 0) != (divisor < 0));
}

// What floor_div leaves, as Python's `%`: it has the sign of the divisor; 0 where the divisor is 0.
constexpr int64_t floor_mod(int64_t number, int64_t divisor) {
  if (divisor == 0 || divisor == -1) return 0;
  int64_t rest = number % divisor;
  return rest != 0 && (rest < 0) != (divisor < 0) ? rest + divisor : rest;
}

// How many zeros a number that is not 0 ends with, in binary.
constexpr int64_t trailing_zeros(int64_t number) {
  return std::countr_zero(static_cast<uint64_t>(number));
}

// Whether a bit is set.
constexpr bool has_bit(int64_t bits, int64_t bit) {
  return bits >> bit & 1;
}

// A whole number from a float, as NumPy casts it on x86: the lowest number where there is none.
inline int64_t to_whole(double number) {
  if (!(number >= -9223372036854775808.0 && number < 9223372036854775808.0)) {
    return std::numeric_limits<int64_t>::min();
  }
  return static_cast<int64_t>(number);
}

}  // namespace journeykit
