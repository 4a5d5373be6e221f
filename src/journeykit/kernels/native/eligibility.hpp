// Eligibility: who may get what, and why not, as `journeykit.engine.eligibility` says it.

#pragma once

#include "interface.hpp"

namespace journeykit {

// Whether a local date is one of the dates of an opening.
bool is_date(const Rules& rules, const Opening& opening, int64_t day);

// The hours and holidays that an opening obeys and that protect a contact.
struct OwnHours {
  const HourTables& tables;
  int64_t first, place;

  // 0 for what does not hold; 1 for what does. Send hours of which that is unknown have the number of their
  // audience, from 2.
  int8_t state(int64_t own) const { return tables.applies(first + own, place); }
};

// The hours of an opening for contacts of a zone.
OwnHours hours_of(const Rules& rules, int64_t zone, const Opening& opening);

// The rule of the first thing that forbids a local time; -1 where it may go.
int64_t closed_by(const OwnHours& hours, int64_t day, int64_t time);

// The first instant from `since` on that no hours or holidays forbid; FOREVER if none comes within some days.
int64_t hours_open(const OwnHours& hours, const Zones& zones, int64_t zone, int64_t since, int64_t days);

// Whether a rule is true of a contact at the instant of the decision.
bool is_true(const Contacts& contacts, int64_t contact, int64_t rule);

// The rule by which a campaign is closed on a local date; -1 where it is open.
int64_t closed_on(const Rules& rules, int64_t opening, int64_t day);

// An instant as a slot of a kind of opening; without a kind (-1), now.
struct SlotPlace {
  int64_t kind = -1, slot = 0;
};

// Whether an audience leaves a contact out at a slot of a kind of opening, as a bit; without a kind (-1),
// now.
int64_t outside_then(const Rules& rules, int64_t opening, const Contacts& contacts, int64_t contact,
                     int64_t kind, int64_t slot);

// The checks that fail whatever the instant, as bits of their reasons.
int64_t lasting_faults(const Rules& rules, int64_t opening, const Contacts& contacts, int64_t contact);

// The checks that fail at an instant and might not at another, as bits of their reasons.
int64_t timely_faults(const Rules& rules, int64_t opening, const Contacts& contacts, int64_t contact,
                      int64_t at);

// The first rule of a reason for which an opening fails at an instant.
int64_t rule_of(const Rules& rules, int64_t opening, const Contacts& contacts, int64_t contact,
                int64_t reason, int64_t at, SlotPlace slot = {});

// The next rule of a reason for which an opening fails at an instant, after so many others; -1 if there is
// none.
int64_t further_rule(const Rules& rules, int64_t opening, const Contacts& contacts, int64_t contact,
                     int64_t reason, int64_t at, SlotPlace slot, int64_t after);

// Whether the rule of a reason depends on the opening alone; it is counted with the openings then.
inline bool is_by_opening(const Opening& opening, int64_t reason) {
  if (reason == NOT_IN_AUDIENCE) return opening.part_from == opening.part_to;
  return reason < NO_CONSENT || (NOT_IN_AUDIENCE < reason && reason <= WRONG_ROLE);
}

// What data is missing and not excused: a rule, MISSING_CONSENT, or -1 for nothing.
int64_t missing_rule(const Rules& rules, int64_t opening, const Contacts& contacts, int64_t contact);
inline constexpr int64_t MISSING_CONSENT = 1'000'000;

// Places of `DecisionCounts.missing`: what is counted by the rule that denies for it.
inline constexpr int64_t MISSING_SCORES = 5, MISSING_LOSSES = 6;

// Counts claims that are denied by a rule, where it says that a score or the cost of an opt-out is missing.
inline void count_lacking(const DecisionCounts& counts, int64_t rule, int64_t count) {
  if (rule == RULE_SCORE) counts.missing[MISSING_SCORES] += count;
  if (rule == RULE_STAGE_VALUE) counts.missing[MISSING_LOSSES] += count;
}

}  // namespace journeykit
