// Counts of openings that are denied for good, 64 at a time.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Adds what is in the way of a contact, word by word (`PlainWorkspace.word`): by opening, the first reason.
void count_denied(const Rules& rules, const Barred& barred, const PlainRules& plain, const Contacts& contacts,
                  const PlainWorkspace& work, const DecisionCounts& counts, int64_t contact);

// Adds to the counts what the lanes have counted, and clears them.
void flush_lanes(const Rules& rules, const PlainWorkspace& work, const DecisionCounts& counts);

}  // namespace journeykit
