// When a claim may go after all.

#pragma once

#include "interface.hpp"

namespace journeykit {

// A claim is dated so where its date is one of the campaign's own that nobody asked for.
constexpr int64_t OCCASION = 2;

// How often an instant is moved on before it counts as never.
inline constexpr int64_t STEPS = 10'000;

// The first instant for which a claim was not considered; FOREVER where its own has passed.
//
// Of a claim with a date or instant of its own only that was; of others the whole span was, but for its end
// where they have no slot there.
int64_t since_of(const Rules& rules, const CandidateArrays& candidates, int64_t candidate);

// The first instant from `since` on at which a campaign is open, and from there the first that no hours
// forbid; FOREVER if never.
int64_t next_open(const Rules& rules, int64_t zone, const Opening& opening, int64_t since);

// The first instant from `since` on at which a campaign is open, and no hours forbid it; FOREVER if never.
int64_t open_at(const Rules& rules, int64_t zone, const Opening& opening, int64_t since);

// The earliest instant after the span at which a claim alone fits all that is known; NONE if never, and where
// the contact must fall back to the row engine.
int64_t retry(const Rules& rules, const Contacts& contacts, int64_t contact,
              const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t candidate);

}  // namespace journeykit
