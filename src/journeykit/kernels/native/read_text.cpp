// Cells and files of text: instants, and whether a file is of the plain kind that Arrow's readers take as
// ours do.

#include "read_text.hpp"

#include <bit>
#include <cstring>

#include "local_time.hpp"
#include "utf8.hpp"

namespace journeykit {
namespace {

constexpr int64_t SECOND_LONG = 1'000'000, MINUTE = 60 * SECOND_LONG, HOUR = 60 * MINUTE;
// What the last byte of a block of CSV was part of.
constexpr int64_t BEGIN = 0, PLAIN = 1, QUOTED = 2, CLOSED = 3, RETURNED = 4;

// A text that is read from left to right; once something is not as expected nothing is.
struct Reading {
  const uint8_t *at, *end;
  bool good = true;

  bool has(uint8_t byte) {
    if (at == end || *at != byte) return false;
    ++at;
    return true;
  }

  void need(uint8_t byte) { good = has(byte) && good; }

  int64_t number(int digits) {
    int64_t found = 0;
    for (int place = 0; place < digits; ++place, ++at) {
      if (at == end || *at < '0' || *at > '9') {
        good = false;
        return 0;
      }
      found = found * 10 + (*at - '0');
    }
    return found;
  }

  int64_t within(int digits, int64_t most) {
    int64_t found = number(digits);
    good = good && found <= most;
    return found;
  }
};

// The number of a date, from 1970-01-01.
int64_t day_number(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2;
  int64_t era = year / 400, of_era = year - era * 400;
  int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

int64_t days_in(int64_t year, int64_t month) {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

int64_t date(Reading& text) {
  int64_t year = text.number(4);
  text.need('-');
  int64_t month = text.within(2, 12);
  text.need('-');
  int64_t day = text.number(2);
  // The edges of the years that the engine takes are left to the readers of cells.
  text.good =
      text.good && year > 1000 && year < 9000 && month >= 1 && day >= 1 && day <= days_in(year, month);
  return text.good ? day_number(year, month, day) : 0;
}

// The time of a day, with seconds and their fractions or without.
int64_t time_of_day(Reading& text) {
  int64_t found = text.within(2, 23) * HOUR;
  text.need(':');
  found += text.within(2, 59) * MINUTE;
  if (!text.has(':')) return found;
  found += text.within(2, 59) * SECOND_LONG;
  if (!text.has('.')) return found;
  int64_t unit = SECOND_LONG / 10;
  found += text.number(1) * unit;
  while (text.good && text.at < text.end && *text.at >= '0' && *text.at <= '9' && unit > 1) {
    unit /= 10;
    found += text.number(1) * unit;
  }
  return found;
}

// By how much local time is ahead.
int64_t offset_of(Reading& text) {
  if (text.has('Z')) return 0;
  int64_t sign = text.has('-') ? -1 : 1;
  if (sign > 0) text.need('+');
  int64_t found = text.within(2, 23) * HOUR;
  text.need(':');
  return sign * (found + text.within(2, 59) * MINUTE);
}

// Goes on with a character of several bytes; whether it is still UTF-8.
bool goes_on(TextScan& scan, uint8_t byte) {
  if (scan.open > 0) {
    if (byte < scan.least || byte > scan.most) return false;
    --scan.open;
    scan.least = LEAST_TAIL;
    scan.most = MOST_TAIL;
    return true;
  }
  if (byte < 0x80) return byte != 0;
  auto [more, least, most] = tail_of(byte);
  if (more < 0) return false;
  scan.open = more;
  scan.least = least;
  scan.most = most;
  return true;
}

// Marks the bytes of eight that are 0, or may be.
uint64_t zeros(uint64_t eight) {
  return (eight - LOW_BITS) & ~eight & HIGH_BITS;
}

// How many bytes from here on are of no interest, in steps of eight: none is above 127, a control character
// or the mark.
int64_t dull(const uint8_t* at, const uint8_t* end, uint8_t mark) {
  int64_t found = 0;
  for (uint64_t eight; end - at >= 8; at += 8, found += 8) {
    std::memcpy(&eight, at, 8);
    uint64_t marks = zeros(eight ^ LOW_BITS * mark),
             controls = (eight - LOW_BITS * 0x20) & ~eight & HIGH_BITS;
    if (((eight & HIGH_BITS) | marks | controls) != 0) break;
  }
  return found;
}

// The next place in CSV, or -1 where the byte does not belong there.
int64_t next_place(int64_t place, uint8_t byte) {
  if (place == RETURNED) return byte == '\n' ? BEGIN : -1;
  if (place == QUOTED) return byte == '"' ? CLOSED : QUOTED;
  if (byte == '"') return place == BEGIN || place == CLOSED ? QUOTED : -1;
  if (byte == ',' || byte == '\n') return BEGIN;
  if (byte == '\r') return RETURNED;
  return place == CLOSED ? -1 : PLAIN;
}

bool is_blank(uint8_t byte) {
  return byte == ' ' || byte == '\t' || byte == '\r';
}

}  // namespace

template <typename Offset>
void read_instants(Array1<const Offset> offsets, Array1<const uint8_t> data, Array1<int64_t> at,
                   Array1<bool> known) {
  for (int64_t row = 0; row < at.size; ++row) {
    int64_t low = offsets[row], high = offsets[row + 1];
    known[row] = false;
    at[row] = 0;
    if (low < 0 || high <= low || high > data.size) continue;
    Reading text{data.data + low, data.data + high};
    int64_t found = date(text) * DAY;
    if (!text.has('T')) text.need(' ');
    found += time_of_day(text);
    found -= offset_of(text);
    if (!text.good || text.at != text.end) continue;
    known[row] = true;
    at[row] = found;
  }
}

template void read_instants(Array1<const int32_t>, Array1<const uint8_t>, Array1<int64_t>, Array1<bool>);
template void read_instants(Array1<const int64_t>, Array1<const uint8_t>, Array1<int64_t>, Array1<bool>);

bool is_plain_csv(Array1<const uint8_t> block, Array1<TextScan> scans) {
  TextScan& scan = scans[0];
  const uint8_t *at = block.begin(), *end = block.end();
  while (at < end) {
    if (scan.open == 0 && scan.place <= QUOTED) {
      int64_t steps = dull(at, end, '"');
      if (steps > 0) {
        at += steps;
        scan.length += steps;
        if (scan.length > scan.longest) return false;
        if (scan.place != QUOTED) scan.place = at[-1] == ',' ? BEGIN : PLAIN;
      }
      if (at == end) break;
    }
    scan.place = next_place(scan.place, *at);
    if (scan.place < 0 || !goes_on(scan, *at)) return false;
    scan.length = *at == '\n' && scan.place == BEGIN ? 0 : scan.length + 1;
    if (scan.length > scan.longest) return false;
    ++at;
  }
  return scan.length <= scan.longest;
}

bool is_plain_jsonl(Array1<const uint8_t> block, Array1<TextScan> scans) {
  TextScan& scan = scans[0];
  const uint8_t *at = block.begin(), *end = block.end();
  while (at < end) {
    if (scan.open == 0 && scan.place != 0) {
      // Within a line its last byte alone matters; what it may end with is looked at.
      int64_t steps = dull(at, end, '}');
      if (steps > 0) {
        at += steps;
        scan.length += steps;
        if (scan.length > scan.longest) return false;
        scan.last = 0;
      }
      if (at == end) break;
    }
    uint8_t byte = *at++;
    if (!goes_on(scan, byte)) return false;
    ++scan.length;
    if (byte == '\n') {
      if (scan.place != 0 && scan.last != '}') return false;
      scan.place = scan.length = 0;
      continue;
    }
    if (is_blank(byte)) {
      // Some take a return for the end of a line.
      if (byte == '\r' && scan.place != 0 && scan.last != '}') return false;
      continue;
    }
    if (scan.place == 0) {
      if (byte != '{') return false;
      scan.place = 1;
      ++scan.rows;
    }
    scan.last = byte;
    if (scan.length > scan.longest) return false;
  }
  return scan.length <= scan.longest;
}

}  // namespace journeykit
