// Cells and files of text: instants, and whether a file is of the plain kind that Arrow's readers take as
// ours do.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Reads texts such as 2026-11-05T10:00:00.123Z or 2026-11-05 10:00+01:00; `known` is false for all others.
template <typename Offset>
void read_instants(Array1<const Offset> offsets, Array1<const uint8_t> data, Array1<int64_t> at,
                   Array1<bool> known);

// Whether the next block of a CSV file is plain: UTF-8 without NUL, quotes around whole fields only, lines
// that end with LF or CRLF, no record too long.
bool is_plain_csv(Array1<const uint8_t> block, Array1<TextScan> scan);

// Whether the next block of a file of JSON lines is plain: UTF-8 without NUL, each line in braces, none too
// long.
bool is_plain_jsonl(Array1<const uint8_t> block, Array1<TextScan> scan);

}  // namespace journeykit
