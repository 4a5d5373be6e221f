// Rows grouped by contact.

#include "group_by_contact.hpp"

namespace journeykit {

// Not ported yet.

void spread_claims(Array1<const TableClaim>, Array1<const int64_t>, Array1<const int64_t>,
                   Array1<const int64_t>, Array1<AskedClaim>) {}

void duplicate_claims(Array1<const int64_t>, Array1<const AskedClaim>, Array1<const int64_t>,
                      Array1<const int64_t>, Array1<bool>) {}

void add_counts(Array1<const int32_t>, Array1<int64_t>) {}

void fill_touches(Array1<const int32_t>, Array1<const int64_t>, Array1<const int32_t>, Array1<int64_t>,
                  Array1<int64_t>, Array1<int32_t>) {}

}  // namespace journeykit
