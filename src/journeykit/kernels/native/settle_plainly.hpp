// Settling contacts where rules are plain: one instant, caps that only get emptier, and no conflicts,
// requirements or quotas.

#pragma once

#include "interface.hpp"

namespace journeykit {

// What all contacts of a block share.
struct PlainBlock {
  const Rules& rules;
  const Barred& barred;
  const PlainRules& plain;
  const Contacts& contacts;
  const TouchArrays& touches;
  const ScoreArrays& scores;
  // By opening, the data that it asks for, as bits.
  Array1<const int64_t> asks;
  const PlainWorkspace& work;
  // Whether what is denied for good has rows, and the last outcome of which rows are wanted.
  int64_t everything, last_outcome;
  const DecisionRows& rows;
  const DecisionCounts& counts;
};

// How a contact was settled: plainly; not at all, since it is not plain; not yet, since rows ran out.
enum class Settled { PLAINLY, NOT_PLAIN, NO_SPACE };

// Adds the rows and counts of a contact, whose scores are put; nothing is added where it is not settled.
Settled settle_plainly(const PlainBlock& block, int64_t contact);

}  // namespace journeykit
