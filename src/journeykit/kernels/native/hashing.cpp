// Hashes of ids, the index of contacts, holdouts.

#include "hashing.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "stir.hpp"
#include "utf8.hpp"

namespace journeykit {
namespace {

constexpr uint64_t ADD_FIRST = 0x52DCE729, ADD_SECOND = 0x38495AB5;
// The start of an FNV-1a hash of 32 bits, and what each step multiplies with.
constexpr int64_t FNV_START = 0x811C9DC5, FNV_FACTOR = 0x01000193;

constexpr uint64_t LOWER = 0xFFFFFFFF;
// So many looks into the index are on their way at once.
constexpr int64_t AHEAD = 32;

struct Hash {
  uint64_t first, second;
};

// Up to eight bytes as one number, the first the lowest.
uint64_t word(Array1<const uint8_t> data, int64_t low, int64_t high) {
  uint64_t found = 0;
  if (std::endian::native == std::endian::little && high > low && low + 8 <= data.size) {
    std::memcpy(&found, &data[low], 8);
    return found << 8 * (8 - (high - low)) >> 8 * (8 - (high - low));
  }
  for (int64_t at = high - 1; at >= low; --at) found = found << 8 | data[at];
  return found;
}

// Whether a character of several bytes begins here, as UTF-8 allows it; how many bytes it has, or 0.
int64_t character_at(const uint8_t* at, const uint8_t* end) {
  auto [more, least, most] = tail_of(*at);
  if (more < 1 || end - at <= more || at[1] < least || at[1] > most) return 0;
  for (int64_t place = 2; place <= more; ++place) {
    if (at[place] < LEAST_TAIL || at[place] > MOST_TAIL) return 0;
  }
  return more + 1;
}

// Whether bytes are UTF-8 without NUL.
bool is_text(const uint8_t* at, const uint8_t* end) {
  while (at < end) {
    uint64_t eight = HIGH_BITS;
    if (end - at >= 8) std::memcpy(&eight, at, 8);
    // None of eight bytes is 0 or above 127.
    if (((eight | (eight - LOW_BITS)) & HIGH_BITS) == 0) {
      at += 8;
      continue;
    }
    int64_t size = *at < 0x80 ? *at != 0 : character_at(at, end);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

Hash hash_of(Array1<const uint8_t> data, int64_t low, int64_t high) {
  uint64_t first = 0, second = 0;
  int64_t at = low;
  for (; at + 16 <= high; at += 16) {
    first ^= std::rotl(word(data, at, at + 8) * FIRST, 31) * SECOND;
    first = (std::rotl(first, 27) + second) * 5 + ADD_FIRST;
    second ^= std::rotl(word(data, at + 8, at + 16) * SECOND, 33) * FIRST;
    second = (std::rotl(second, 31) + first) * 5 + ADD_SECOND;
  }
  if (high - at > 8) second ^= std::rotl(word(data, at + 8, high) * SECOND, 33) * FIRST;
  first ^= std::rotl(word(data, at, std::min(high, at + 8)) * FIRST, 31) * SECOND;
  uint64_t size = static_cast<uint64_t>(high - low);
  first ^= size;
  second ^= size;
  first += second;
  second += first;
  first = stir(first);
  second = stir(second);
  first += second;
  return {first, second + first};
}

// Writes a number of 32 bits as 8 hexadecimal digits, all at once: each half byte becomes a byte of its own.
void write_digits(uint64_t number, uint8_t* text) {
  number = (number << 16 & 0x0000FFFF00000000) | (number & 0xFFFF);
  number = (number << 8 & 0x00FF000000FF0000) | (number & 0x000000FF000000FF);
  number = (number << 4 & 0x0F000F000F000F00) | (number & 0x000F000F000F000F);
  uint64_t letters = (number + 0x0606060606060606) >> 4 & 0x0101010101010101;
  number += 0x3030303030303030 + letters * ('a' - '0' - 10);
  for (int place = 0; place < 8; ++place) text[place] = static_cast<uint8_t>(number >> (56 - 8 * place));
}

// Waits for nothing: what is read soon is fetched meanwhile.
void fetch(const void* address) {
#if defined(__GNUC__)
  __builtin_prefetch(address);
#else
  static_cast<void>(address);
#endif
}

// The slot in which a key is, or could be put.
int64_t slot_of(Array1<const uint64_t> slots, Array2<const uint64_t> keys, uint64_t one, uint64_t two) {
  uint64_t mask = static_cast<uint64_t>(slots.size - 1);
  for (uint64_t place = one & mask;; place = (place + 1) & mask) {
    uint64_t slot = slots[static_cast<int64_t>(place)];
    if (slot == 0) return static_cast<int64_t>(place);
    if ((slot ^ two) > LOWER) continue;
    int64_t row = static_cast<int64_t>(slot & LOWER) - 1;
    if (keys(row, 0) == one && keys(row, 1) == two) return static_cast<int64_t>(place);
  }
}

int32_t row_in(uint64_t slot) {
  return static_cast<int32_t>(slot & LOWER) - 1;
}

// Fetches the slots of some keys, then the keys that these slots are likely to name.
void fetch_slots(Array1<const uint64_t> one, Array1<const uint64_t> two, int64_t low, int64_t high,
                 Array1<const uint64_t> slots, Array2<const uint64_t> keys) {
  uint64_t mask = static_cast<uint64_t>(slots.size - 1);
  for (int64_t row = low; row < high; ++row) fetch(&slots[static_cast<int64_t>(one[row] & mask)]);
  for (int64_t row = low; row < high; ++row) {
    uint64_t slot = slots[static_cast<int64_t>(one[row] & mask)];
    if (slot != 0 && (slot ^ two[row]) <= LOWER) fetch(&keys(row_in(slot), 0));
  }
}

int64_t fnv_step(int64_t found, int64_t point) {
  return ((found ^ point) * FNV_FACTOR) & 0xFFFFFFFF;
}

// The hash of a text's code points, going on from that of the seed.
int64_t fnv_of(int64_t found, Array1<const uint8_t> data, int64_t at, int64_t high) {
  while (at < high) {
    int64_t byte = data[at], point = byte & 0x07, more = 3;
    if (byte < 0x80) {
      point = byte, more = 0;
    } else if (byte < 0xE0) {
      point = byte & 0x1F, more = 1;
    } else if (byte < 0xF0) {
      point = byte & 0x0F, more = 2;
    }
    for (int64_t step = 1; step <= more && at + step < data.size; ++step) {
      point = point << 6 | (data[at + step] & 0x3F);
    }
    at += 1 + more;
    found = fnv_step(found, point);
  }
  return found;
}

// The hash of the decimal digits of a number, the highest first.
int64_t fnv_of_digits(int64_t number) {
  int64_t unit = 1;
  while (number / unit >= 10) unit *= 10;
  int64_t found = FNV_START;
  for (; unit > 0; unit /= 10) found = fnv_step(found, number / unit % 10 + '0');
  return found;
}

}  // namespace

template <typename Offset>
void hash_ids(Array1<const Offset> offsets, Array1<const uint8_t> data, Array1<uint64_t> one,
              Array1<uint64_t> two, Array1<bool> bad) {
  for (int64_t row = 0; row < offsets.size - 1; ++row) {
    int64_t low = offsets[row], high = offsets[row + 1];
    if (low < 0 || high <= low || high > data.size) {
      // An empty text, or offsets that a broken file brings.
      low = high = 0;
    }
    Hash found = hash_of(data, low, high);
    one[row] = found.first;
    two[row] = found.second;
    bad[row] = high == low || !is_text(data.data + low, data.data + high);
  }
}

template void hash_ids(Array1<const int32_t>, Array1<const uint8_t>, Array1<uint64_t>, Array1<uint64_t>,
                       Array1<bool>);
template void hash_ids(Array1<const int64_t>, Array1<const uint8_t>, Array1<uint64_t>, Array1<uint64_t>,
                       Array1<bool>);

void write_ids(Array1<const uint64_t> one, Array1<const uint64_t> two, Array1<const uint64_t> claim_one,
               Array1<const uint64_t> claim_two, Array1<const int32_t> label, Array1<const int32_t> contact,
               Array1<uint8_t> out) {
  for (int64_t row = 0; row < label.size; ++row) {
    uint64_t first = stir(one[contact[row]] ^ claim_one[label[row]]);
    uint64_t second = stir(two[contact[row]] ^ claim_two[label[row]] ^ first);
    uint8_t* text = &out[row * 32];
    write_digits(first >> 32, text);
    write_digits(first & 0xFFFFFFFF, text + 8);
    write_digits(second >> 32, text + 16);
    write_digits(second & 0xFFFFFFFF, text + 24);
  }
}

int64_t index_add(Array1<const uint64_t> one, Array1<const uint64_t> two, int64_t start,
                  Array1<const bool> skip, Array1<uint64_t> slots, Array2<uint64_t> keys,
                  Array1<bool> again) {
  int64_t count = 0;
  Array2<const uint64_t> known{keys.data, keys.rows, keys.columns};
  for (int64_t row = 0; row < one.size; ++row) {
    if (row % AHEAD == 0) {
      fetch_slots(one, two, row, std::min(one.size, row + AHEAD), read_only(slots), known);
    }
    if (skip[row]) continue;
    int64_t place = slot_of(read_only(slots), known, one[row], two[row]);
    if (slots[place] != 0) {
      again[row] = true;
      continue;
    }
    keys(start + row, 0) = one[row];
    keys(start + row, 1) = two[row];
    slots[place] = (two[row] & ~LOWER) | static_cast<uint64_t>(start + row + 1);
    ++count;
  }
  return count;
}

void index_move(Array1<const uint64_t> old_slots, Array2<const uint64_t> keys, Array1<uint64_t> slots) {
  uint64_t mask = static_cast<uint64_t>(slots.size - 1);
  for (uint64_t slot : old_slots) {
    if (slot == 0) continue;
    uint64_t place = keys(row_in(slot), 0) & mask;
    while (slots[static_cast<int64_t>(place)] != 0) place = (place + 1) & mask;
    slots[static_cast<int64_t>(place)] = slot;
  }
}

void index_find(Array1<const uint64_t> one, Array1<const uint64_t> two, Array1<const uint64_t> slots,
                Array2<const uint64_t> keys, Array1<int32_t> found) {
  for (int64_t row = 0; row < one.size; ++row) {
    if (row % AHEAD == 0) fetch_slots(one, two, row, std::min(one.size, row + AHEAD), slots, keys);
    found[row] = row_in(slots[slot_of(slots, keys, one[row], two[row])]);
  }
}

void in_holdout(Array1<const int64_t> seed, Array1<const int64_t> offsets, Array1<const uint8_t> data,
                double share, Array1<bool> out) {
  int64_t start = FNV_START;
  for (int64_t point : seed) start = fnv_step(start, point);
  for (int64_t row = 0; row < offsets.size - 1; ++row) {
    int64_t found = fnv_of_digits(fnv_of(start, data, offsets[row], offsets[row + 1]));
    out[row] = static_cast<double>(found % 10'000) / 10'000 < share;
  }
}

void set_bits(Array2<int64_t> out, int64_t word, int64_t bits, Array1<const bool> where) {
  for (int64_t row = 0; row < where.size; ++row) {
    // No branch: which rows are meant is as good as random.
    out(row, word) |= bits & -static_cast<int64_t>(where[row]);
  }
}

}  // namespace journeykit
