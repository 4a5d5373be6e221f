// Eligibility and candidates: who may get what, and why not, as `journeykit.eligibility` says it.

#pragma once

#include "interface.hpp"

namespace journeykit {

// The rule of the first thing that forbids a channel at a local time; -1 where it may go. The channel -1 is
// no channel.
int64_t closed_by(const HourTables& hours, int64_t channel, int64_t day, int64_t time);

// The first instant from `since` on that no hours or holidays forbid; FOREVER if none comes within some days.
int64_t hours_open(const HourTables& hours, const Zones& zones, int64_t zone, int64_t channel, int64_t since,
                   int64_t days);

// The rule by which a campaign is closed on a local date; -1 where it is open.
int64_t closed_on(const Rules& rules, int64_t opening, int64_t day);

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
                int64_t reason, int64_t at);

// The next rule of a reason for which an opening fails at an instant, after so many others; -1 if there is
// none.
int64_t further_rule(const Rules& rules, int64_t opening, const Contacts& contacts, int64_t contact,
                     int64_t reason, int64_t at, int64_t after);

// Whether the rule of a reason depends on the opening alone; it is counted with the openings then.
constexpr bool is_by_opening(int64_t reason) {
  return reason < NO_CONSENT || (NOT_IN_AUDIENCE <= reason && reason <= WRONG_ROLE);
}

// By zone and opening, the checks that fail at the instant of the decision whoever the contact is.
void barred_now(const Rules& rules, Array2<int64_t> found);

// One candidate for each opening that a contact may get in a plan, or could get in time; the others are
// counted. Ends with the contact before whom the candidates run out; the number of the next one.
int64_t collect_derived(const Rules& rules, const Contacts& contacts, const SlotTimes& slots,
                        Array1<const int64_t> asks, const ScoreArrays& scores, int64_t start, int64_t stop,
                        int64_t everything, int64_t sign, const CandidateArrays& candidates,
                        Array1<int64_t> candidate_first, const DecisionCounts& counts);

// What `collect_derived` does where there is one instant only, with openings as bits.
int64_t collect_derived_now(const Rules& rules, const Barred& barred, const Contacts& contacts,
                            Array1<const int64_t> asks, const ScoreArrays& scores, int64_t start,
                            int64_t stop, int64_t everything, int64_t sign, const CandidateArrays& candidates,
                            Array1<int64_t> candidate_first, const DecisionCounts& counts);

// One candidate for each opening for which a claim of a contact stands. Ends as `collect_derived` does.
int64_t collect_claims(const Rules& rules, const Contacts& contacts, const SlotTimes& slots,
                       Array1<const int64_t> asks, const ScoreArrays& scores, const ClaimArrays& claims,
                       int64_t start, int64_t stop, int64_t sign, const CandidateArrays& candidates,
                       Array1<int64_t> candidate_first, const DecisionCounts& counts);

}  // namespace journeykit
