// Counts of openings that are denied for good, 64 at a time.
//
// A bit of a word is added to a counter of 16 bits of its own, four counters to a number: no bit is looked at
// until a counter could be full.

#include "denied_counts.hpp"

#include <bit>

#include "barred_word.hpp"
#include "eligibility.hpp"

namespace journeykit {
namespace {

constexpr int64_t FULL = 65'535;
constexpr uint64_t FIRST_BITS = 0x0001'0001'0001'0001;

// What is counted apart, since its rule is another; owners come after them, by stage.
enum FaultKind : int64_t {
  SUPPRESSED_FAULT,
  OPTED_OUT_FAULT,
  CHANNEL_FAULT,
  TOPIC_FAULT,
  CLOSED_FAULT,
  AUDIENCE_FAULT,
  STAGE_FAULT,
  ROLE_FAULT,
  HOLDOUT_FAULT,
  OWN_HOLDOUT_FAULT,
  NO_CONSENT_FAULT,
  NO_STAGE_FAULT,
  NO_ROLE_FAULT,
  NO_ZONE_FAULT,
  NO_SCORE_FAULT,
  NO_VALUE_FAULT,
  OWNER_FAULT = FAULT_KINDS,
};

int64_t reason_of(int64_t kind) {
  constexpr int64_t REASONS[] = {SUPPRESSED,  OPTED_OUT,  NO_CONSENT, NO_CONSENT, CLOSED,  NOT_IN_AUDIENCE,
                                 WRONG_STAGE, WRONG_ROLE, HOLDOUT,    HOLDOUT,    MISSING, MISSING,
                                 MISSING,     MISSING,    MISSING,    MISSING};
  return kind >= OWNER_FAULT ? WRONG_OWNER : REASONS[kind];
}

// The rule of a kind of fault of an opening; -1 where it was counted with the contact, or is not counted.
int64_t rule_of_kind(const Rules& rules, int64_t kind, int64_t opening) {
  const Opening& own = rules.openings[opening];
  switch (kind) {
    case CHANNEL_FAULT:
      return rules.consent_rule[own.channel];
    case NO_CONSENT_FAULT:
      return rules.consent_rule[own.channel < 0 ? rules.consent_rule.size - 1 : own.channel];
    case HOLDOUT_FAULT:
      return RULE_HOLDOUT;
    case OWN_HOLDOUT_FAULT:
      return own.rule_holdout;
    case NO_STAGE_FAULT:
      return RULE_STAGE;
    case NO_ROLE_FAULT:
      return RULE_ROLE;
    case NO_ZONE_FAULT:
      return RULE_ZONE;
    case NO_SCORE_FAULT:
      return RULE_SCORE;
    case NO_VALUE_FAULT:
      return RULE_STAGE_VALUE;
    default:
      return kind >= OWNER_FAULT ? rules.owner(opening, kind - OWNER_FAULT) : -1;
  }
}

// What is left of the openings of a word, and where they are counted.
struct DeniedWord {
  const PlainWorkspace& work;
  int64_t word, left;

  // Counts those of a kind of fault, of which no other comes first; gives them.
  int64_t take(int64_t kind, int64_t faults) {
    int64_t found = faults & left;
    if (found == 0) return 0;
    left &= ~found;
    uint64_t bits = static_cast<uint64_t>(found);
    uint64_t* lanes = &work.lane(kind, word, 0);
    for (int64_t lane = 0; lane < LANES; ++lane) lanes[lane] += bits >> lane & FIRST_BITS;
    return found;
  }
};

// Counts rules that depend on more than the opening, one by one.
void count_rules(const Rules& rules, const Contacts& contacts, const BarredWord& faults,
                 const DecisionCounts& counts, int64_t contact, int64_t word, int64_t found, int64_t reason) {
  for (; found; found = without_lowest(found)) {
    int64_t opening = word * 64 + trailing_zeros(found);
    counts.rules[rule_now(rules, contacts, faults, contact, opening, reason)] += 1;
  }
}

void count_closed(const Rules& rules, const PlainRules& plain, const Contacts& contacts,
                  const BarredWord& faults, const DecisionCounts& counts, int64_t contact, int64_t word,
                  int64_t found) {
  for (; found; found = without_lowest(found)) {
    int64_t opening = word * 64 + trailing_zeros(found);
    int64_t rule = plain.closed_rule[opening];
    if (rule < 0) rule = rule_now(rules, contacts, faults, contact, opening, CLOSED);
    counts.rules[rule] += 1;
  }
}

// Counts what misses data, by what it misses first.
void take_missing(const Rules& rules, const Barred& barred, const Person& person, const BarredWord& faults,
                  DeniedWord& denied) {
  int64_t word = denied.word;
  if ((faults.missing & denied.left) == 0) return;
  denied.take(NO_CONSENT_FAULT, faults.unknown);
  if (person.stage == rules.stage_fit.columns - 1) denied.take(NO_STAGE_FAULT, barred.no_stage[word]);
  if (person.role == rules.role_fit.columns - 1) denied.take(NO_ROLE_FAULT, barred.no_role[word]);
  if (person.traits & NO_ZONE) denied.take(NO_ZONE_FAULT, barred.no_zone[word]);
  denied.take(NO_SCORE_FAULT, faults.missing & ~faults.unvalued);
  denied.take(NO_VALUE_FAULT, faults.unvalued);
}

// Counts the openings of a word that are denied for good.
void count_word(const Rules& rules, const Barred& barred, const PlainRules& plain, const Contacts& contacts,
                const PlainWorkspace& work, const DecisionCounts& counts, int64_t contact, int64_t word) {
  const Person& person = contacts.person[contact];
  const BarredWord& faults = work.word[word];
  DeniedWord denied{work, word, faults.lasting()};
  if (denied.left == 0) return;
  counts.stages(person.stage, DENIED_OUTCOME) += std::popcount(static_cast<uint64_t>(denied.left));
  denied.take(SUPPRESSED_FAULT, faults.suppressed);
  denied.take(OPTED_OUT_FAULT, faults.opted_out);
  denied.take(CHANNEL_FAULT, faults.by_channel);
  int64_t of_topics = denied.take(TOPIC_FAULT, faults.withdrawn);
  if (of_topics) count_rules(rules, contacts, faults, counts, contact, word, of_topics, NO_CONSENT);
  int64_t closed = denied.take(CLOSED_FAULT, faults.closed);
  if (closed) count_closed(rules, plain, contacts, faults, counts, contact, word, closed);
  int64_t parted = denied.take(AUDIENCE_FAULT, faults.outside) & barred.parted[word];
  if (parted) count_rules(rules, contacts, faults, counts, contact, word, parted, NOT_IN_AUDIENCE);
  denied.take(STAGE_FAULT, faults.unfit);
  denied.take(ROLE_FAULT, faults.miscast);
  denied.take(OWNER_FAULT + person.stage, faults.foreign);
  denied.take(contacts.holdout(contact, 0) ? HOLDOUT_FAULT : OWN_HOLDOUT_FAULT, faults.held);
  take_missing(rules, barred, person, faults, denied);
}

// Adds a counter to the counts of its opening.
void add_count(const Rules& rules, const DecisionCounts& counts, int64_t kind, int64_t opening,
               int64_t count) {
  int64_t rule = rule_of_kind(rules, kind, opening);
  counts.labels(opening, reason_of(kind), DENIED_OUTCOME) += count;
  if (rule >= 0) counts.rules[rule] += count;
  count_lacking(counts, rule, count);
}

}  // namespace

void count_denied(const Rules& rules, const Barred& barred, const PlainRules& plain, const Contacts& contacts,
                  const PlainWorkspace& work, const DecisionCounts& counts, int64_t contact) {
  for (int64_t word = 0; word < work.word.size; ++word) {
    count_word(rules, barred, plain, contacts, work, counts, contact, word);
  }
  work.used[1] += 1;
  if (work.used[1] == FULL) flush_lanes(rules, work, counts);
}

void flush_lanes(const Rules& rules, const PlainWorkspace& work, const DecisionCounts& counts) {
  for (int64_t kind = 0; kind < work.lane.planes; ++kind) {
    for (int64_t word = 0; word < work.lane.rows; ++word) {
      for (int64_t lane = 0; lane < LANES; ++lane) {
        uint64_t left = work.lane(kind, word, lane);
        if (left == 0) continue;
        work.lane(kind, word, lane) = 0;
        for (int64_t part = 0; part < 4; ++part) {
          int64_t count = static_cast<int64_t>(left >> part * 16 & 0xFFFF);
          if (count) add_count(rules, counts, kind, word * 64 + part * 16 + lane, count);
        }
      }
    }
  }
  work.used[1] = 0;
}

}  // namespace journeykit
