// At one instant: what is in the way of openings, 64 at a time, as bits.

#include "barred_word.hpp"

#include <cmath>
#include <initializer_list>

#include "attention.hpp"
#include "eligibility.hpp"

namespace journeykit {
namespace {

// Sets what consent is withdrawn, and what is missing where it is unknown.
void read_consent(const Rules& rules, const Barred& barred, const Contacts& contacts, int64_t contact,
                  int64_t word, BarredWord& found) {
  int64_t unknown = barred.no_channel[word];
  bool expires = contacts.consent_until.columns > 0;
  for (int64_t channel = 0; channel < contacts.consent.columns; ++channel) {
    int64_t state = contacts.consent(contact, channel);
    if (state == UNKNOWN) {
      unknown |= barred.channel(channel, word);
    } else if (state == WITHDRAWN || (expires && contacts.consent_until(contact, channel) <= rules.now)) {
      found.by_channel |= barred.channel(channel, word);
    }
  }
  found.withdrawn = found.by_channel;
  for (int64_t topic = 0; topic < contacts.topic.columns; ++topic) {
    if (contacts.topic(contact, topic) == WITHDRAWN) found.withdrawn |= barred.topic(topic, word);
  }
  found.missing = found.unknown = unknown & barred.deny_unknown[word];
}

// Adds what misses data: time zone, stage, role, score or weight.
void read_missing(const Rules& rules, const Barred& barred, const Contacts& contacts,
                  const ScoreArrays& scores, int64_t contact, int64_t word, BarredWord& found) {
  const Person& person = contacts.person[contact];
  if (person.traits & NO_ZONE) found.missing |= barred.no_zone[word];
  if (person.stage == rules.stage_fit.columns - 1) found.missing |= barred.no_stage[word];
  if (person.role == rules.role_fit.columns - 1) found.missing |= barred.no_role[word];
  for (int64_t needy = barred.scored[word]; needy; needy = without_lowest(needy)) {
    int64_t bit = trailing_zeros(needy);
    const Opening& opening = rules.openings[word * 64 + bit];
    Told told = told_of(scores, word * 64 + bit);
    if (lacks_score(opening, told)) {
      found.missing |= int64_t{1} << bit;
    } else if (std::isnan(risk_of(rules, person, opening, told))) {
      found.missing |= int64_t{1} << bit;
      found.unvalued |= int64_t{1} << bit;
    }
  }
  for (int64_t needy = barred.expressed[word]; needy; needy = without_lowest(needy)) {
    int64_t bit = trailing_zeros(needy), opening = word * 64 + bit;
    if (lacks_weight(rules, contacts, contact, opening, scores.chance[opening], scores.worth[opening])) {
      found.missing |= int64_t{1} << bit;
    }
  }
}

// Takes back what is in the way of claims that there are not.
void leave_out(int64_t absent, BarredWord& found) {
  for (int64_t BarredWord::* part :
       {&BarredWord::suppressed, &BarredWord::opted_out, &BarredWord::by_channel, &BarredWord::withdrawn,
        &BarredWord::closed, &BarredWord::quiet, &BarredWord::outside, &BarredWord::unfit,
        &BarredWord::miscast, &BarredWord::foreign, &BarredWord::held, &BarredWord::missing,
        &BarredWord::unknown, &BarredWord::unvalued}) {
    found.*part &= ~absent;
  }
  found.absent = absent;
}

}  // namespace

BarredWord barred_word(const Rules& rules, const Barred& barred, const Contacts& contacts,
                       const ScoreArrays& scores, int64_t contact, int64_t word) {
  const Person& person = contacts.person[contact];
  BarredWord found{};
  if (person.traits & IS_SUPPRESSED) found.suppressed = barred.every[word];
  if (person.traits & IS_OPTED_OUT) found.opted_out = barred.needs[word];
  read_consent(rules, barred, contacts, contact, word, found);
  found.closed = barred.closed(person.zone, word);
  found.quiet = barred.quiet(person.zone, word);
  found.outside = contacts.outside(contact, word);
  found.unfit = barred.stage(person.stage, word);
  found.miscast = barred.role(person.role, word);
  found.foreign = barred.owner(person.stage, word);
  for (int64_t holdout = 0; holdout < contacts.holdout.columns; ++holdout) {
    if (contacts.holdout(contact, holdout)) found.held |= barred.holdout(holdout, word);
  }
  read_missing(rules, barred, contacts, scores, contact, word, found);
  if (contacts.absent.columns) leave_out(contacts.absent(contact, word), found);
  return found;
}

int64_t faults_of(const BarredWord& word, int64_t reason) {
  switch (reason) {
    case SUPPRESSED:
      return word.suppressed;
    case OPTED_OUT:
      return word.opted_out;
    case NO_CONSENT:
      return word.withdrawn;
    case CLOSED:
      return word.closed;
    case NOT_IN_AUDIENCE:
      return word.outside;
    case WRONG_STAGE:
      return word.unfit;
    case WRONG_ROLE:
      return word.miscast;
    case WRONG_OWNER:
      return word.foreign;
    case HOLDOUT:
      return word.held;
    default:
      return word.missing;
  }
}

int64_t reason_now(const BarredWord& word, int64_t bit) {
  if (has_bit(word.lasting(), bit)) {
    for (int64_t reason : LASTING) {
      if (has_bit(faults_of(word, reason), bit)) return reason;
    }
  }
  if (has_bit(word.closed, bit)) return CLOSED;
  return has_bit(word.quiet, bit) ? int64_t{QUIET} : 0;
}

int64_t rule_now(const Rules& rules, const Contacts& contacts, const BarredWord& word, int64_t contact,
                 int64_t opening, int64_t reason) {
  int64_t channel = rules.openings[opening].channel;
  // Consent that a channel lacks is that of a channel that there is.
  if (reason == NO_CONSENT && has_bit(word.by_channel, opening & 63)) return rules.consent_rule[channel];
  return rule_of(rules, opening, contacts, contact, reason, rules.now);
}

}  // namespace journeykit
