// Room to work on one contact, which is made once and used for every contact.

#pragma once

#include "interface.hpp"

namespace journeykit {

// No candidate, where one could be forced in or left out.
inline constexpr int64_t NOBODY = -1;

// Forgets the contact before.
void clear_workspace(const Rules& rules, const DecisionWorkspace& workspace);

}  // namespace journeykit
