// Rows grouped by contact.

#include "group_by_contact.hpp"

namespace journeykit {

void spread_claims(Array1<const TableClaim> claims, Array1<const ClaimExtra> extras,
                   Array1<const int32_t> order, Array1<const int64_t> starts, Array1<const int64_t> openings,
                   Array1<AskedClaim> asked, Array1<ClaimExtra> extra) {
  int64_t place = 0;
  for (int64_t group = 0; group < order.size; ++group) {
    const TableClaim& claim = claims[order[group]];
    for (int64_t own = starts[claim.kind]; own < starts[claim.kind + 1]; ++own) {
      const int32_t opening = static_cast<int32_t>(openings[own]);
      asked[place] = {opening, opening, static_cast<int32_t>(group), claim.own, claim.weight};
      if (extra.size != 0) extra[place] = extras[order[group]];
      ++place;
    }
  }
}

void duplicate_claims(Array1<const int64_t> first, Array1<const AskedClaim> asked, Array1<const int64_t> rank,
                      Array1<const int64_t> tie, Array1<bool> irregular) {
  for (int64_t contact = 0; contact < irregular.size; ++contact) {
    if (irregular[contact]) continue;
    for (int64_t one = first[contact]; one < first[contact + 1]; ++one) {
      for (int64_t other = first[contact]; other < one; ++other) {
        if (tie[asked[one].opening] == tie[asked[other].opening] &&
            (rank.size == 0 || rank[one] == rank[other])) {
          irregular[contact] = true;
        }
      }
    }
  }
}

void add_counts(Array1<const int32_t> rows, Array1<int64_t> first) {
  for (int32_t row : rows) ++first[row + 1];
}

std::pair<int64_t, int64_t> take_touches(Array1<const int32_t> contact, Array1<const int64_t> at,
                                         Array1<const int64_t> codes, Array1<const int32_t> shapes,
                                         Array1<const bool> bad, int64_t oldest, Array1<const bool> counts,
                                         Array1<int32_t> out_contact, Array1<int64_t> out_at,
                                         Array1<int32_t> out_shape) {
  int64_t known = 0, taken = 0;
  for (int64_t row = 0; row < contact.size; ++row) {
    if (contact[row] < 0 || bad[row]) continue;
    ++known;
    int32_t shape = shapes[codes[row]];
    if (at[row] < oldest && !counts[shape]) continue;
    out_contact[taken] = contact[row];
    out_at[taken] = at[row];
    out_shape[taken] = shape;
    ++taken;
  }
  return {known, taken};
}

void fill_touches(Array1<const int32_t> rows, Array1<const int64_t> at, Array1<const int32_t> shapes,
                  Array1<int64_t> place, Array1<int64_t> out_at, Array1<int32_t> out_shape) {
  for (int64_t touch = 0; touch < rows.size; ++touch) {
    int64_t own = place[rows[touch]]++;
    out_at[own] = at[touch];
    out_shape[own] = shapes[touch];
  }
}

}  // namespace journeykit
