// Rows grouped by contact.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Makes a record for each opening that each claim covers.
void spread_claims(Array1<const TableClaim> claims, Array1<const int64_t> order, Array1<const int64_t> starts,
                   Array1<const int64_t> openings, Array1<AskedClaim> asked);

// Marks the contacts with two claims that ask for the same thing at the same time, whatever they bring
// besides.
void duplicate_claims(Array1<const int64_t> first, Array1<const AskedClaim> asked, Array1<const int64_t> rank,
                      Array1<const int64_t> tie, Array1<bool> irregular);

// Counts the touches of each contact, one place ahead.
void add_counts(Array1<const int32_t> rows, Array1<int64_t> first);

// Writes each touch to the next free place of its contact.
void fill_touches(Array1<const int32_t> rows, Array1<const int64_t> at, Array1<const int32_t> shapes,
                  Array1<int64_t> place, Array1<int64_t> out_at, Array1<int32_t> out_shape);

}  // namespace journeykit
