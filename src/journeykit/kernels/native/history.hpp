// A contact's history: the touches that count, and the contents of the caps' windows.

#pragma once

#include "interface.hpp"

namespace journeykit {

// What the status of a shape says.
enum ShapeStatus : int64_t { COUNTS_NEVER, COUNTS_ALWAYS, COUNTS_UNLESS_PAST };

// The touches that count, as spans in the caps' windows. The contact's candidates lie from `low` to `high`.
void read_history(const Rules& rules, const TouchArrays& touches, int64_t contact, int64_t zone,
                  const DecisionWorkspace& workspace, const CandidateArrays& candidates, int64_t low,
                  int64_t high, int64_t derived);

// For a `running` window, when a campaign that ends on a local date is over.
int64_t end_of(const Window& window, const Zones& zones, int64_t zone, int64_t ends);

// Adds what is sent at an instant, of a campaign that ends on a local date, to the window of a cell, where
// that can count it; `who` is the winner's number, or -1 for the history.
void stand(const Window& window, const Zones& zones, int64_t zone, Array1<Span> spans, const Cell& cell,
           int64_t at, int64_t ends, int64_t who, int64_t layer);

// The limit of a cap for a contact; NO_LIMIT where the cap does not bind it.
int64_t limit_of(const Cap& cap, const Contacts& contacts, int64_t contact);

}  // namespace journeykit
