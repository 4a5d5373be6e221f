// The exact choice among one contact's claims, as `journeykit.engine.selection` makes it.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Marks the best feasible set in `chosen`; false where the search was given up.
bool solve(const SearchProblem& problem, const SearchWorkspace& workspace, Array1<bool> chosen);

}  // namespace journeykit
