// Expiry: until when a claim may go.

#pragma once

#include "interface.hpp"

namespace journeykit {

// The last instant at which a brought claim may go: its own, or that to which its campaign lets it wait;
// FOREVER where there is none.
int64_t expiry_of(const Rules& rules, int64_t zone, int64_t opening, const ClaimExtra& extra);

// The rule by which a claim that has such an instant is over after it.
int64_t expiry_rule(const Rules& rules, int64_t zone, const Claim& claim);

}  // namespace journeykit
