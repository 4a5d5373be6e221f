// Rows as lines of text, a column at a time.

#include "text_lines.hpp"

#include <cstring>

namespace journeykit {
namespace {

// Texts one after the other.
struct Texts {
  Array1<const int64_t> first;
  Array1<const uint8_t> data;

  int64_t length(int64_t number) const { return first[number + 1] - first[number]; }
};

int64_t put(const uint8_t* text, int64_t length, Array1<uint8_t> out, int64_t end) {
  if (length > 0) {
    checked(end + length - 1, out.size);
    std::memcpy(out.data + end, text, static_cast<size_t>(length));
  }
  return end + length;
}

int64_t put(const Texts& texts, int64_t number, Array1<uint8_t> out, int64_t end) {
  return put(texts.data.data + texts.first[number], texts.length(number), out, end);
}

}  // namespace

void measure_cells(Array1<const int32_t> codes, Array1<const int64_t> first, int64_t around,
                   Array1<int64_t> lengths) {
  Texts texts{first, {nullptr, 0}};
  for (int64_t row = 0; row < lengths.size; ++row) {
    lengths[row] += around + texts.length(codes.size ? codes[row] : row);
  }
}

void copy_cells(Array1<const int32_t> codes, Array1<const int64_t> first, Array1<const uint8_t> data,
                Array1<const uint8_t> before, Array1<const uint8_t> after, Array1<int64_t> ends,
                Array1<uint8_t> out) {
  Texts texts{first, data};
  for (int64_t row = 0; row < ends.size; ++row) {
    int64_t end = put(before.data, before.size, out, ends[row]);
    end = put(texts, codes.size ? codes[row] : row, out, end);
    ends[row] = put(after.data, after.size, out, end);
  }
}

void measure_lists(Array1<const int32_t> lists, Array1<const int32_t> codes, Array1<const int64_t> first,
                   int64_t around, int64_t between, Array1<int64_t> lengths) {
  Texts texts{first, {nullptr, 0}};
  for (int64_t row = 0; row < lengths.size; ++row) {
    int64_t length = around;
    for (int64_t place = lists[row]; place < lists[row + 1]; ++place) {
      length += texts.length(codes[place]) + (place > lists[row] ? between : 0);
    }
    lengths[row] += length;
  }
}

void copy_lists(Array1<const int32_t> lists, Array1<const int32_t> codes, Array1<const int64_t> first,
                Array1<const uint8_t> data, Array1<const uint8_t> before, Array1<const uint8_t> between,
                Array1<const uint8_t> after, Array1<int64_t> ends, Array1<uint8_t> out) {
  Texts texts{first, data};
  for (int64_t row = 0; row < ends.size; ++row) {
    int64_t end = put(before.data, before.size, out, ends[row]);
    for (int64_t place = lists[row]; place < lists[row + 1]; ++place) {
      if (place > lists[row]) end = put(between.data, between.size, out, end);
      end = put(texts, codes[place], out, end);
    }
    ends[row] = put(after.data, after.size, out, end);
  }
}

}  // namespace journeykit
