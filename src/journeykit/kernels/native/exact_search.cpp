// The exact choice among one contact's claims, as `journeykit.selection` makes it.

#include "exact_search.hpp"

namespace journeykit {

// Not ported yet.

bool solve(const SearchProblem&, const SearchWorkspace&, Array1<bool>) {
  return false;
}

}  // namespace journeykit
