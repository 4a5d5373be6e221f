// Arrays of one to four dimensions, as Python lays them out: contiguous, the last dimension the closest.

#pragma once

#include <cstdint>
#include <cstdlib>

namespace journeykit {

// Whether every index is checked, as in builds with sanitizers: one that lies outside ends the process.
#ifdef JOURNEYKIT_CHECKED
inline constexpr bool CHECKED = true;
#else
inline constexpr bool CHECKED = false;
#endif

inline int64_t checked(int64_t index, int64_t size) {
  if constexpr (CHECKED) {
    if (index < 0 || index >= size) std::abort();
  }
  return index;
}

template <typename T>
struct Array1 {
  T* data;
  int64_t size;

  T& operator[](int64_t index) const { return data[checked(index, size)]; }
  T* begin() const { return data; }
  T* end() const { return data + size; }
};

// The same array, for one who only reads it.
template <typename T>
Array1<const T> read_only(Array1<T> array) {
  return {array.data, array.size};
}

template <typename T>
struct Array2 {
  T* data;
  int64_t rows, columns;

  T& operator()(int64_t row, int64_t column) const {
    return data[checked(row, rows) * columns + checked(column, columns)];
  }
};

template <typename T>
struct Array3 {
  T* data;
  int64_t planes, rows, columns;

  T& operator()(int64_t plane, int64_t row, int64_t column) const {
    return data[(checked(plane, planes) * rows + checked(row, rows)) * columns + checked(column, columns)];
  }
};

template <typename T>
struct Array4 {
  T* data;
  int64_t blocks, planes, rows, columns;

  T& operator()(int64_t block, int64_t plane, int64_t row, int64_t column) const {
    return data[((checked(block, blocks) * planes + checked(plane, planes)) * rows + checked(row, rows)) *
                    columns +
                checked(column, columns)];
  }
};

}  // namespace journeykit
