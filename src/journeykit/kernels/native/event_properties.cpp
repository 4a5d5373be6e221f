// The properties of events, as texts of JSON objects hold them, and what tells events apart.

#include "event_properties.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <string_view>
#include <vector>

#include "hashing.hpp"
#include "stir.hpp"

namespace journeykit {
namespace {

using namespace journeys;

// Objects may be nested so deep; deeper ones are the caller's.
constexpr int DEEPEST = 64;
// Whole numbers of so many digits fit into 64 bits.
constexpr int64_t MOST_DIGITS = 18;

// Whether floats can be read without a look at the locale; else the caller reads them.
#ifdef __cpp_lib_to_chars
constexpr bool READS_FLOATS = true;
#else
constexpr bool READS_FLOATS = false;
#endif

struct Cursor {
  const uint8_t *at, *end;

  bool is_at(uint8_t byte) const { return at < end && *at == byte; }
  bool take(uint8_t byte) {
    if (!is_at(byte)) return false;
    ++at;
    return true;
  }
  void skip_blanks() {
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) ++at;
  }
};

// A value of an object: what it is, and the number, or where its text lies.
struct Value {
  int8_t kind = NULL_VALUE;
  int64_t word = 0, end = 0;
};

bool is_digit(const Cursor& cursor) {
  return cursor.at < cursor.end && *cursor.at >= '0' && *cursor.at <= '9';
}

bool skip_digits(Cursor& cursor) {
  if (!is_digit(cursor)) return false;
  while (is_digit(cursor)) ++cursor.at;
  return true;
}

// The whole part of a number: 0, or digits of which the first is not 0.
bool skip_whole(Cursor& cursor) {
  cursor.take('-');
  return cursor.take('0') || skip_digits(cursor);
}

// The rest of a number that is not whole; false where it is none.
bool skip_fraction(Cursor& cursor) {
  if (cursor.take('.') && !skip_digits(cursor)) return false;
  if (cursor.take('e') || cursor.take('E')) {
    if (!cursor.take('+')) cursor.take('-');
    return skip_digits(cursor);
  }
  return true;
}

bool skip_word(Cursor& cursor, std::string_view word) {
  if (cursor.end - cursor.at < static_cast<int64_t>(word.size())) return false;
  if (std::memcmp(cursor.at, word.data(), word.size()) != 0) return false;
  cursor.at += word.size();
  return true;
}

// Four hexadecimal digits, or -1.
int64_t code_unit(const uint8_t* at, const uint8_t* end) {
  if (end - at < 4) return -1;
  auto from = reinterpret_cast<const char*>(at);
  uint16_t found = 0;
  auto [stop, error] = std::from_chars(from, from + 4, found, 16);
  return error == std::errc{} && stop == from + 4 ? found : -1;
}

constexpr std::string_view ESCAPES = "\"\\/bfnrt", MEANT = "\"\\/\b\f\n\r\t";

// Goes behind a text, from behind its first quote; false where it does not end, or is none of JSON.
bool skip_text(Cursor& cursor, bool& has_escapes) {
  has_escapes = false;
  for (; cursor.at < cursor.end && *cursor.at >= ' '; ++cursor.at) {
    if (*cursor.at == '"') return ++cursor.at, true;
    if (*cursor.at != '\\') continue;
    has_escapes = true;
    if (++cursor.at == cursor.end) return false;
    bool is_unit = *cursor.at == 'u';
    if (is_unit && code_unit(cursor.at + 1, cursor.end) < 0) return false;
    if (!is_unit && ESCAPES.find(static_cast<char>(*cursor.at)) == std::string_view::npos) return false;
  }
  return false;
}

// Writes a character in UTF-8, and goes behind it.
void put_character(uint32_t point, uint8_t*& to) {
  auto put = [&to](uint32_t byte) { *to++ = static_cast<uint8_t>(byte); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xC0 | point >> 6);
  } else {
    if (point < 0x10000) {
      put(0xE0 | point >> 12);
    } else {
      put(0xF0 | point >> 18);
      put(0x80 | (point >> 12 & 0x3F));
    }
    put(0x80 | (point >> 6 & 0x3F));
  }
  put(0x80 | (point & 0x3F));
}

// Reads what stands behind `\u`, of two halves where it is one; false where it is no character.
bool take_character(const uint8_t*& from, const uint8_t* end, uint8_t*& to) {
  int64_t point = code_unit(from, end);
  from += 4;
  if (point >= 0xD800 && point < 0xDC00) {
    if (end - from < 6 || from[0] != '\\' || from[1] != 'u') return false;
    int64_t low = code_unit(from + 2, end);
    if (low < 0xDC00 || low > 0xDFFF) return false;
    point = 0x10000 + ((point - 0xD800) << 10 | (low - 0xDC00));
    from += 6;
  }
  if (point < 0 || (point >= 0xDC00 && point < 0xE000)) return false;
  put_character(static_cast<uint32_t>(point), to);
  return true;
}

// Writes a text without its escapes, and goes behind it; false where one is half a character. What is written
// is never longer than what is read.
bool unescape(const uint8_t* from, const uint8_t* end, uint8_t*& to) {
  while (from < end) {
    if (*from != '\\') {
      *to++ = *from++;
      continue;
    }
    char escape = static_cast<char>(from[1]);
    from += 2;
    if (escape == 'u') {
      if (!take_character(from, end, to)) return false;
    } else {
      *to++ = static_cast<uint8_t>(MEANT[ESCAPES.find(escape)]);
    }
  }
  return true;
}

// How many bytes a blank at the start of a text has, as Python's `str.strip` sees blanks; 0 for no blank.
int64_t blank_size(const uint8_t* at, const uint8_t* end) {
  if (*at == ' ' || (*at >= 0x09 && *at <= 0x0D) || (*at >= 0x1C && *at <= 0x1F)) return 1;
  if (*at == 0xC2 && end - at >= 2) return at[1] == 0x85 || at[1] == 0xA0 ? 2 : 0;
  if ((*at != 0xE1 && *at != 0xE2 && *at != 0xE3) || end - at < 3) return 0;
  uint32_t point = (at[0] & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
  bool is_blank = point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 ||
                  point == 0x2029 || point == 0x202F || point == 0x205F || point == 0x3000;
  return is_blank ? 3 : 0;
}

bool is_blank(const uint8_t* at, const uint8_t* end) {
  while (at < end) {
    int64_t size = blank_size(at, end);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

// Goes behind any value; false where it is none, or too deep.
bool skip_value(Cursor& cursor, int depth);

// Goes behind the rest of a list or an object, from behind its bracket.
bool skip_parts(Cursor& cursor, bool is_object, int depth) {
  uint8_t bracket = is_object ? '}' : ']';
  cursor.skip_blanks();
  if (cursor.take(bracket)) return true;
  do {
    cursor.skip_blanks();
    bool has_escapes;
    if (is_object) {
      if (!cursor.take('"') || !skip_text(cursor, has_escapes)) return false;
      cursor.skip_blanks();
      if (!cursor.take(':')) return false;
    }
    if (!skip_value(cursor, depth)) return false;
    cursor.skip_blanks();
  } while (cursor.take(','));
  return cursor.take(bracket);
}

bool skip_value(Cursor& cursor, int depth) {
  if (depth > DEEPEST) return false;
  cursor.skip_blanks();
  if (cursor.take('{')) return skip_parts(cursor, true, depth + 1);
  if (cursor.take('[')) return skip_parts(cursor, false, depth + 1);
  bool has_escapes;
  if (cursor.take('"')) return skip_text(cursor, has_escapes);
  if (skip_word(cursor, "true") || skip_word(cursor, "false") || skip_word(cursor, "null")) return true;
  return skip_whole(cursor) && skip_fraction(cursor);
}

// Texts to numbers: the names of members, each with what salts the marks of its values.
class NameTable {
 public:
  NameTable(Array1<const uint8_t> data, const Members& members)
      : data_(data), members_(members), slots_(1024, -1) {}

  int64_t size() const { return size_; }

  bool is(int64_t name, std::string_view text) const {
    int64_t low = members_.name_start[name];
    return members_.name_end[name] - low == static_cast<int64_t>(text.size()) &&
           std::memcmp(data_.data + low, text.data(), text.size()) == 0;
  }

  // The number of a name, -1 where there is no room for one more.
  int64_t number(std::string_view text) {
    uint64_t hash = hash_of(text);
    uint64_t slot = slot_of(hash, text);
    if (slots_[slot] >= 0) return slots_[slot];
    if (size_ == members_.name_start.size) return -1;
    int64_t low = reinterpret_cast<const uint8_t*>(text.data()) - data_.data;
    members_.name_start[size_] = low;
    members_.name_end[size_] = low + static_cast<int64_t>(text.size());
    members_.salt[size_] = hash;
    slots_[slot] = static_cast<int32_t>(size_);
    if (++size_ * 2 > static_cast<int64_t>(slots_.size())) grow();
    return size_ - 1;
  }

 private:
  static uint64_t hash_of(std::string_view text) {
    int64_t offsets[2] = {0, static_cast<int64_t>(text.size())};
    uint64_t one = 0, two = 0;
    bool bad = false;
    hash_ids<int64_t>({offsets, 2}, {reinterpret_cast<const uint8_t*>(text.data()), offsets[1]}, {&one, 1},
                      {&two, 1}, {&bad, 1});
    return one;
  }

  uint64_t slot_of(uint64_t hash, std::string_view text) const {
    uint64_t slot = hash & (slots_.size() - 1);
    while (slots_[slot] >= 0 && !is(slots_[slot], text)) slot = (slot + 1) & (slots_.size() - 1);
    return slot;
  }

  void grow() {
    slots_.assign(slots_.size() * 2, -1);
    for (int64_t name = 0; name < size_; ++name) {
      uint64_t slot = members_.salt[name] & (slots_.size() - 1);
      while (slots_[slot] >= 0) slot = (slot + 1) & (slots_.size() - 1);
      slots_[slot] = static_cast<int32_t>(name);
    }
  }

  Array1<const uint8_t> data_;
  const Members& members_;
  std::vector<int32_t> slots_;
  int64_t size_ = 0;
};

// Reads objects, row after row.
class MemberReader {
 public:
  MemberReader(Array1<const uint8_t> data, const Members& members)
      : data_(data), members_(members), names_(data, members), spill_(members.text.data) {}

  MemberCount count() const { return {used_, names_.size()}; }

  // Whether a row could be read; of one that could not nothing is kept.
  bool read(int64_t row, int64_t low, int64_t high) {
    int64_t used = used_;
    Cursor cursor{data_.data + low, data_.data + high};
    cursor.skip_blanks();
    if (cursor.at == cursor.end || read_object(cursor, row)) return true;
    used_ = used;
    return false;
  }

 private:
  bool read_object(Cursor& cursor, int64_t row) {
    if (!cursor.take('{')) return false;
    cursor.skip_blanks();
    if (!cursor.is_at('}')) {
      int64_t place = 0;
      do {
        if (!read_member(cursor, row, place++)) return false;
        cursor.skip_blanks();
      } while (cursor.take(','));
    }
    if (!cursor.take('}')) return false;
    cursor.skip_blanks();
    return cursor.at == cursor.end;
  }

  bool read_member(Cursor& cursor, int64_t row, int64_t place) {
    cursor.skip_blanks();
    if (!cursor.take('"')) return false;
    const uint8_t* from = cursor.at;
    bool has_escapes;
    if (!skip_text(cursor, has_escapes) || has_escapes) return false;
    int64_t name =
        name_at(place, {reinterpret_cast<const char*>(from), static_cast<size_t>(cursor.at - 1 - from)});
    cursor.skip_blanks();
    if (name < 0 || met_[name] == row || !cursor.take(':')) return false;
    met_[name] = row;
    cursor.skip_blanks();
    Value value;
    if (!read_value(cursor, value)) return false;
    return value.kind == NULL_VALUE || put(row, name, value);
  }

  // The number of a name: mostly that of the same place in the row before.
  int64_t name_at(int64_t place, std::string_view text) {
    if (place < static_cast<int64_t>(likely_.size()) && names_.is(likely_[place], text))
      return likely_[place];
    int64_t name = names_.number(text);
    if (name < 0) return -1;
    met_.resize(std::max<size_t>(met_.size(), names_.size()), -1);
    if (place == static_cast<int64_t>(likely_.size())) likely_.push_back(name);
    likely_[place] = name;
    return name;
  }

  bool put(int64_t row, int64_t name, const Value& value) {
    if (used_ == members_.row.size) return false;
    members_.row[used_] = static_cast<int32_t>(row);
    members_.name[used_] = static_cast<int32_t>(name);
    members_.kind[used_] = value.kind;
    members_.word[used_] = value.word;
    members_.end[used_] = value.end;
    ++used_;
    return true;
  }

  bool read_value(Cursor& cursor, Value& value) {
    if (cursor.at == cursor.end) return false;
    switch (*cursor.at) {
      case '"':
        return read_text(cursor, value);
      case '{':
      case '[':
        value = {NESTED, cursor.at - data_.data, 0};
        if (!skip_value(cursor, 0)) return false;
        value.end = cursor.at - data_.data;
        return true;
      case 't':
        value.kind = TRUE_VALUE;
        return skip_word(cursor, "true");
      case 'f':
        value.kind = FALSE_VALUE;
        return skip_word(cursor, "false");
      case 'n':
        return skip_word(cursor, "null");
      default:
        return read_number(cursor, value);
    }
  }

  bool read_text(Cursor& cursor, Value& value) {
    const uint8_t* from = ++cursor.at;
    bool has_escapes;
    if (!skip_text(cursor, has_escapes)) return false;
    const uint8_t* to = cursor.at - 1;
    int64_t start = from - data_.data;
    if (has_escapes) {
      uint8_t* begin = spill_;
      if (to - from > members_.text.end() - begin || !unescape(from, to, spill_)) return false;
      start = data_.size + (begin - members_.text.data);
      from = begin, to = spill_;
    }
    if (!is_blank(from, to)) value = {TEXT, start, start + (to - from)};
    return true;
  }

  bool read_number(Cursor& cursor, Value& value) {
    auto from = reinterpret_cast<const char*>(cursor.at);
    if (!skip_whole(cursor)) return false;
    auto to = reinterpret_cast<const char*>(cursor.at);
    if (!cursor.is_at('.') && !cursor.is_at('e') && !cursor.is_at('E')) {
      value.kind = WHOLE;
      return to - from <= MOST_DIGITS && std::from_chars(from, to, value.word).ec == std::errc{};
    }
    if (!READS_FLOATS || !skip_fraction(cursor)) return false;
    return read_float(from, reinterpret_cast<const char*>(cursor.at), value);
  }

  static bool read_float([[maybe_unused]] const char* from, [[maybe_unused]] const char* to, Value& value) {
    double found = 0;
    value.kind = FLOAT;
#ifdef __cpp_lib_to_chars
    if (std::from_chars(from, to, found).ec != std::errc{}) return false;
#endif
    value.word = std::bit_cast<int64_t>(found);
    return true;
  }

  Array1<const uint8_t> data_;
  const Members& members_;
  NameTable names_;
  // Where the next text without its escapes goes.
  uint8_t* spill_;
  int64_t used_ = 0;
  // By name, the last row that has it; by place in an object, the name that was there last.
  std::vector<int64_t> met_, likely_;
};

// Marks of values: equal numbers have the same one, whole or not.
class Marker {
 public:
  uint64_t of_word(std::string_view kind, const uint8_t* text, int64_t size) {
    words_.assign(kind.begin(), kind.end());
    words_.insert(words_.end(), text, text + size);
    int64_t offsets[2] = {0, static_cast<int64_t>(words_.size())};
    uint64_t one = 0, two = 0;
    bool bad = false;
    hash_ids<int64_t>({offsets, 2}, {words_.data(), offsets[1]}, {&one, 1}, {&two, 1}, {&bad, 1});
    return one ^ stir(two);
  }

  static uint64_t of_float(double number) { return std::bit_cast<uint64_t>(number + 0.0); }

  static uint64_t of_whole(int64_t number) {
    double close = static_cast<double>(number);
    return of_float(close) + static_cast<uint64_t>(number - static_cast<int64_t>(close));
  }

 private:
  std::vector<uint8_t> words_;
};

// Where the text of a member lies.
const uint8_t* text_of(Array1<const uint8_t> data, const Members& members, int64_t member) {
  int64_t start = members.word[member];
  return start < data.size ? data.data + start : members.text.data + (start - data.size);
}

uint64_t mark_of(Array1<const uint8_t> data, const Members& members, int64_t member, Marker& marker) {
  int64_t word = members.word[member];
  switch (members.kind[member]) {
    case WHOLE:
      return Marker::of_whole(word);
    case FLOAT:
      return Marker::of_float(std::bit_cast<double>(word));
    case TRUE_VALUE:
      return marker.of_word("boolean:True", nullptr, 0);
    case FALSE_VALUE:
      return marker.of_word("boolean:False", nullptr, 0);
    default:
      return marker.of_word("text:", text_of(data, members, member), members.end[member] - word);
  }
}

}  // namespace

MemberCount read_members(Array1<const int64_t> offsets, Array1<const uint8_t> data, const Members& members,
                         Array1<bool> odd) {
  MemberReader reader(data, members);
  for (int64_t row = 0; row < offsets.size - 1; ++row) {
    odd[row] = !reader.read(row, offsets[row], offsets[row + 1]);
  }
  return reader.count();
}

void mark_members(Array1<const uint8_t> data, const Members& members, int64_t count,
                  Array1<const bool> wanted, Array1<uint64_t> mark) {
  Marker marker;
  for (int64_t member = 0; member < count; ++member) {
    int64_t name = members.name[member];
    if (!wanted[name] || members.kind[member] == NESTED) continue;
    mark[members.row[member]] += stir(mark_of(data, members, member, marker) ^ members.salt[name]);
  }
}

void put_texts(Array1<const uint8_t> data, const Members& members, Array1<const int64_t> places,
               Array1<const int64_t> offsets, Array1<uint8_t> out) {
  for (int64_t place = 0; place < places.size; ++place) {
    int64_t size = offsets[place + 1] - offsets[place];
    if (size > 0) std::memcpy(out.data + offsets[place], text_of(data, members, places[place]), size);
  }
}

void mark_texts(Array1<const int64_t> offsets, Array1<const uint8_t> data, uint64_t salt,
                Array1<uint64_t> mark) {
  Marker marker;
  for (int64_t row = 0; row < offsets.size - 1; ++row) {
    const uint8_t *from = data.data + offsets[row], *to = data.data + offsets[row + 1];
    if (!is_blank(from, to)) mark[row] += stir(marker.of_word("text:", from, to - from) ^ salt);
  }
}

}  // namespace journeykit
