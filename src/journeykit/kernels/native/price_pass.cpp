// Passes: what all contacts choose at given prices.

#include "price_pass.hpp"

namespace journeykit {

// Not ported yet.

int64_t link_rows(const ProblemPool&, int64_t, int64_t, Array1<PriceStep>, int64_t) {
  return 0;
}

void price_pass(const ProblemPool&, const Charges&, Array1<const int64_t>, int64_t, int64_t,
                const PriceWorkspace&, Array2<int64_t>, Array3<int64_t>, Array2<int64_t>) {}

bool list_all(const ProblemPool&, const PriceWorkspace&, Array1<Offer>, Array1<int32_t>, Array1<int64_t>) {
  return false;
}

int64_t hard_items(const ProblemPool&) {
  return 0;
}

void sizes_by_kind(const ProblemPool&, Array1<int64_t>, Array2<int64_t>, Array2<int64_t>) {}

void add_up(const ProblemPool&, Array1<const int64_t>, Array1<int64_t>, Array2<int64_t>) {}

int64_t collect_offers_of(const ProblemPool&, const Charges&, Array1<const int64_t>, int64_t, int64_t,
                          const PriceWorkspace&, Array1<Offer>, Array1<int32_t>, Array1<int64_t>) {
  return 0;
}

}  // namespace journeykit
