// Rows grouped by contact.

#pragma once

#include <utility>

#include "interface.hpp"

namespace journeykit {

// Makes a record for each opening that each claim covers.
void spread_claims(Array1<const TableClaim> claims, Array1<const ClaimExtra> extras,
                   Array1<const int32_t> order, Array1<const int64_t> starts, Array1<const int64_t> openings,
                   Array1<AskedClaim> asked, Array1<ClaimExtra> extra);

// Marks the contacts with two claims that ask for the same thing at the same time, whatever they bring
// besides.
void duplicate_claims(Array1<const int64_t> first, Array1<const AskedClaim> asked, Array1<const int64_t> rank,
                      Array1<const int64_t> tie, Array1<bool> irregular);

// Counts the touches of each contact, one place ahead.
void add_counts(Array1<const int32_t> rows, Array1<int64_t> first);

// Takes the touches of contacts who were met, but for those that are bad, and those before `oldest` unless
// their shape counts whatever its age; codes are places in `shapes`. How many belong to such contacts, and
// how many were taken.
std::pair<int64_t, int64_t> take_touches(Array1<const int32_t> contact, Array1<const int64_t> at,
                                         Array1<const int64_t> codes, Array1<const int32_t> shapes,
                                         Array1<const bool> bad, int64_t oldest, Array1<const bool> counts,
                                         Array1<int32_t> out_contact, Array1<int64_t> out_at,
                                         Array1<int32_t> out_shape);

// Writes each touch to the next free place of its contact.
void fill_touches(Array1<const int32_t> rows, Array1<const int64_t> at, Array1<const int32_t> shapes,
                  Array1<int64_t> place, Array1<int64_t> out_at, Array1<int32_t> out_shape);

}  // namespace journeykit
