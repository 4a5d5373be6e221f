// A part of a problem: items that rows or clauses connect, numbered in the order of claims.

#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

namespace journeykit {

using Bits = std::vector<uint64_t>;

inline bool has_item(const uint64_t* bits, int64_t item) {
  return bits[item >> 6] >> (item & 63) & 1;
}

inline void add_item(uint64_t* bits, int64_t item) {
  bits[item >> 6] |= uint64_t{1} << (item & 63);
}

inline void drop_item(uint64_t* bits, int64_t item) {
  bits[item >> 6] &= ~(uint64_t{1} << (item & 63));
}

// Calls for each item of a set, in order.
template <class Call>
void each_item(const uint64_t* bits, int64_t words, Call call) {
  for (int64_t word = 0; word < words; ++word) {
    for (uint64_t left = bits[word]; left != 0; left &= left - 1) call(word * 64 + std::countr_zero(left));
  }
}

// The first item of a set; -1 where it is empty.
inline int64_t first_item(const uint64_t* bits, int64_t words) {
  for (int64_t word = 0; word < words; ++word) {
    if (bits[word] != 0) return word * 64 + std::countr_zero(bits[word]);
  }
  return -1;
}

// Items with what they use of rows, both ways; groups, of each of which one item goes, that cover all items;
// and clauses. Values are shifted to the left, so that prices can be finer than they. Where some values are
// larger than all much smaller ones together, they are of a level before theirs: by level, the largest value,
// and what its values are multiples of.
template <class Number>
struct Part {
  int64_t size = 0, rows = 0, groups = 0, clauses = 0, words = 0, shift = 0;
  std::vector<int32_t> place;
  std::vector<Number> value;
  std::vector<int64_t> room;
  std::vector<uint8_t> is_plain;
  std::vector<int32_t> row_first, row_item, item_first, item_row;
  std::vector<int64_t> row_use, item_use;
  std::vector<int32_t> group, group_first, group_item;
  Bits mask, partners;
  std::vector<int32_t> clause_item;
  std::vector<int32_t> level;
  std::vector<Number> level_most, level_unit;

  const uint64_t* row_mask(int64_t row) const { return mask.data() + row * words; }
  const uint64_t* partner_mask(int64_t clause) const { return partners.data() + clause * words; }
};

// A value that is larger by so many bits than the next one, and than all smaller ones together, begins a
// level.
inline constexpr int64_t LEVEL_BITS = 16;

// Finds the levels of the values.
template <class Number>
void set_levels(Part<Number>& part, std::vector<int32_t>& sorted) {
  sorted.resize(part.size);
  for (int64_t item = 0; item < part.size; ++item) sorted[item] = static_cast<int32_t>(item);
  const auto size = [&part](int64_t item) {
    return part.value[item] < 0 ? -part.value[item] : part.value[item];
  };
  std::sort(sorted.begin(), sorted.end(),
            [&size](int32_t one, int32_t other) { return size(one) < size(other); });
  part.level.resize(part.size);
  part.level_most.assign(1, 0);
  part.level_unit.assign(1, 0);
  Number total = 0;
  for (const int32_t item : sorted) {
    const Number own = size(item);
    if (total > 0 && own > total && (own >> LEVEL_BITS) > part.level_most.back()) {
      part.level_most.push_back(0);
      part.level_unit.push_back(0);
    }
    total += own;
    part.level[item] = static_cast<int32_t>(part.level_most.size()) - 1;
    part.level_most.back() = own;
    Number& unit = part.level_unit.back();
    for (Number rest = own; rest != 0;) {
      const Number before = std::exchange(unit, rest);
      rest = before % rest;
    }
  }
}

// Whether an item fits beside what was taken.
template <class Number>
bool fits(const Part<Number>& part, const int64_t* room, int64_t item) {
  for (int64_t at = part.item_first[item]; at < part.item_first[item + 1]; ++at) {
    if (part.item_use[at] > room[part.item_row[at]]) return false;
  }
  return true;
}

// Takes what an item uses.
template <class Number>
void use_rooms(const Part<Number>& part, int64_t* room, int64_t item) {
  for (int64_t at = part.item_first[item]; at < part.item_first[item + 1]; ++at) {
    room[part.item_row[at]] -= part.item_use[at];
  }
}

// Drops the free items that no longer fit beside one that was taken.
template <class Number>
void drop_unfit(const Part<Number>& part, const int64_t* room, uint64_t* free, int64_t item) {
  for (int64_t at = part.item_first[item]; at < part.item_first[item + 1]; ++at) {
    const int64_t row = part.item_row[at], left = room[row];
    if (part.is_plain[row]) {
      if (left > 0) continue;
      for (int64_t word = 0; word < part.words; ++word) free[word] &= ~part.row_mask(row)[word];
      continue;
    }
    for (int64_t place = part.row_first[row]; place < part.row_first[row + 1]; ++place) {
      if (part.row_use[place] > left) drop_item(free, part.row_item[place]);
    }
  }
}

// Drops the free items that can have no partner any more; whether every item taken still can.
template <class Number>
bool keep_partnered(const Part<Number>& part, uint64_t* free, const uint64_t* taken) {
  bool has_changed = true;
  while (has_changed) {
    has_changed = false;
    for (int64_t clause = 0; clause < part.clauses; ++clause) {
      const int64_t item = part.clause_item[clause];
      const bool is_free = has_item(free, item), is_taken = has_item(taken, item);
      if (!is_free && !is_taken) continue;
      uint64_t hope = 0;
      const uint64_t* partners = part.partner_mask(clause);
      for (int64_t word = 0; word < part.words; ++word) hope |= partners[word] & (free[word] | taken[word]);
      if (hope != 0) continue;
      if (is_taken) return false;
      drop_item(free, item);
      has_changed = true;
    }
  }
  return true;
}

}  // namespace journeykit
