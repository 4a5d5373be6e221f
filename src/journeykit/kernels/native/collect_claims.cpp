// Candidates: what contacts may get, or could get in time.

#include "collect_claims.hpp"

#include <algorithm>
#include <cmath>

#include "attention.hpp"
#include "barred_word.hpp"
#include "eligibility.hpp"
#include "expiry.hpp"
#include "local_time.hpp"
#include "retry.hpp"
#include "weights.hpp"

namespace journeykit {
namespace {

// What is asked for and may be missing: bits of `asks`, and places of `DecisionCounts.missing`.
constexpr int64_t ASKS_ZONE = 1, ASKS_STAGE = 2, ASKS_ROLE = 4, ASKS_CONSENT = 8, ASKS_GAIN = 16;
constexpr int64_t ASKS_LOSS = 64;

bool is_nan(double number) {
  return number != number;
}

// What candidates are collected from, and where they and the counts go.
struct Collection {
  const Rules& rules;
  const Contacts& contacts;
  const ScoreArrays& scores;
  const CandidateArrays& candidates;
  const DecisionCounts& counts;
  int64_t sign;
};

// The checks that fail for a candidate at one of its instants, and might not at another.
int64_t faults_at(const Collection& all, int64_t contact, const Claim& claim, int64_t place, int64_t kind) {
  int64_t found =
      timely_faults(all.rules, claim.opening, all.contacts, contact, all.candidates.time[place].at);
  found |= outside_then(all.rules, claim.opening, all.contacts, contact, kind, place - claim.at_from);
  if (all.candidates.time[place].at > claim.expires) found |= 1 << EXPIRED;
  return claim.outside >= 0 ? found | 1 << CLOSED : found;
}

// The first rule of the reason for which a candidate is not eligible, at the first instant at which it is
// that.
int64_t rule_against(const Collection& all, int64_t contact, const Claim& claim, int64_t lasting,
                     int64_t kind) {
  for (int64_t place = claim.at_from; place < claim.at_to; ++place) {
    int64_t at = all.candidates.time[place].at;
    int64_t timely = timely_faults(all.rules, claim.opening, all.contacts, contact, at);
    timely |= outside_then(all.rules, claim.opening, all.contacts, contact, kind, place - claim.at_from);
    if (has_bit(lasting | timely, claim.state)) {
      SlotPlace slot{kind, place - claim.at_from};
      int64_t rule = rule_of(all.rules, claim.opening, all.contacts, contact, claim.state, at, slot);
      return rule < 0 ? claim.outside : rule;
    }
    if (claim.outside >= 0 && claim.state == CLOSED) return claim.outside;
    if (claim.state == EXPIRED && at > claim.expires) {
      return expiry_rule(all.rules, all.contacts.person[contact].zone, claim);
    }
  }
  return -1;
}

// The rule of missing data: where scores are there, it is the weight that is not known, or the value of the
// stage.
int64_t data_rule(const Collection& all, int64_t contact, int64_t opening, int64_t rule, const Told& told) {
  const Opening& own = all.rules.openings[opening];
  if (rule != RULE_SCORE || lacks_score(own, told)) return rule;
  bool is_unknown =
      !told.is_given && lacks_weight(all.rules, all.contacts, contact, opening, told.propensity, told.value);
  return is_unknown ? own.rule_weight : int64_t{RULE_STAGE_VALUE};
}

// Sets state, rule and timed of a candidate whose instants are known: the slots of a kind, or one that is
// none (-1).
void judge(const Collection& all, int64_t contact, int64_t candidate, int64_t lasting, int64_t kind,
           const Told& told) {
  Claim& claim = all.candidates.claim[candidate];
  int64_t failed = lasting, reason = 0;
  bool fits = false;
  for (int64_t place = claim.at_from; place < claim.at_to; ++place) {
    int64_t found = lasting | faults_at(all, contact, claim, place, kind);
    failed |= found;
    all.candidates.time[place].fits = found == 0;
    fits = fits || found == 0;
    if (found) reason = std::max(reason, trailing_zeros(found));
  }
  claim.timed = 0;
  claim.kind = kind;
  claim.rule = -1;
  claim.state = fits ? 0 : reason;
  if (fits) return;
  claim.timed = (failed & ~TIMED) == 0;
  int64_t rule = rule_against(all, contact, claim, lasting, kind);
  claim.rule = data_rule(all, contact, claim.opening, rule, told);
}

// Denies a candidate that changes less than its campaign asks for, whatever its weight.
void reject_small(const Collection& all, Claim& claim, const Told& told) {
  if (!is_below(all.rules.openings[claim.opening], told.estimate)) return;
  for (int64_t place = claim.at_from; place < claim.at_to; ++place) all.candidates.time[place].fits = 0;
  claim.timed = 0;
  if (claim.state != 0) return;
  claim.state = NOT_WORTH_IT;
  claim.rule = RULE_MIN_UPLIFT;
}

double first_of(double own, double other) {
  return is_nan(own) ? other : own;
}

// What is said of a claim that is brought: by itself, else by the scores.
Told told_of(const Collection& all, const ClaimArrays& claims, int64_t claim_row, const ClaimExtra& extra) {
  const AskedClaim& asked = claims.asked[claim_row];
  Told found = told_of(all.scores, asked.opening);
  found.propensity = first_of(extra.propensity, found.propensity);
  found.value = first_of(extra.value, found.value);
  found.is_given = !is_nan(asked.weight);
  if (claims.estimate.size == 0) return found;
  const Estimate& own = claims.estimate[claim_row];
  found.estimate = {first_of(own.spread, found.estimate.spread),
                    first_of(own.opt_out, found.estimate.opt_out),
                    first_of(own.uplift, found.estimate.uplift)};
  return found;
}

// What the policy `weighted` makes of a candidate, and its factors.
void weigh(const Collection& all, int64_t contact, int64_t candidate, const Told& told) {
  const CandidateArrays& candidates = all.candidates;
  Claim& claim = candidates.claim[candidate];
  if (candidates.estimate.size != 0) candidates.estimate[candidate] = told.estimate;
  if (candidates.risk.size != 0) {
    candidates.risk[candidate] =
        risk_of(all.rules, all.contacts.person[contact], all.rules.openings[claim.opening], told);
  }
  Factors found =
      factors_of(all.rules, all.contacts, contact, claim.opening, told.propensity, told.value, claim.asked);
  claim.product = found.product;
  claim.lead = found.lead;
  claim.patience = found.patience;
  if (claim.given > 0) {
    // A weight of the claim's own is multiplied by patience alone.
    claim.given *= patience_of(all.rules, all.contacts, contact, claim.opening, claim.asked);
  }
  claim.preference = found.preference;
  claim.interest = found.interest;
  claim.propensity = told.propensity;
  claim.value = told.value;
}

// A candidate that no claim was brought for.
void put_derived(Claim& claim, int64_t opening, int64_t group, int64_t at_from) {
  claim.opening = claim.label = opening;
  claim.group = group;
  claim.own = claim.id = claim.dated = claim.rank = 0;
  claim.outside = claim.rule = claim.claim_row = claim.before = -1;
  claim.refused = 0;
  claim.from_ = claim.asked = NONE;
  claim.expires = FOREVER;
  claim.given = NO_NUMBER;
  claim.at_from = at_from;
}

// Adds to the counts that a contact cannot get an opening for a reason that does not pass.
void count_denied(const Collection& all, int64_t opening, int64_t stage, int64_t reason) {
  all.counts.labels(opening, reason, DENIED_OUTCOME) += all.sign;
  all.counts.stages(stage, DENIED_OUTCOME) += all.sign;
}

bool asks_anything(Array1<const int64_t> asks) {
  return std::any_of(asks.begin(), asks.end(), [](int64_t own) { return own != 0; });
}

// In a plan

// Puts the slots of a kind, or now where there are none; the kind, or -1.
int64_t put_slots(const Collection& all, const SlotTimes& slots, int64_t zone, int64_t opening,
                  int64_t& places) {
  int64_t kind = zone * slots.kinds + slots.kind[opening];
  if (slots.first[kind] == slots.first[kind + 1]) {
    all.candidates.time[places++].at = all.rules.now;
    return -1;
  }
  for (int64_t place = slots.first[kind]; place < slots.first[kind + 1]; ++place) {
    all.candidates.time[places++].at = slots.at[place];
  }
  return slots.kind[opening];
}

// Makes an occasion of a claim of an opening that is for a date; whether it is one.
bool put_occasion(const Opening& opening, Claim& claim) {
  if (opening.own_date < 0) return false;
  claim.dated = OCCASION;
  claim.own = opening.own_rank;
  return true;
}

// Puts the slot of an occasion.
int64_t put_own_date(const Collection& all, const SlotTimes& slots, int64_t zone, Claim& claim,
                     int64_t& places) {
  int64_t at = slots.dated(zone, slots.kind[claim.opening], all.rules.openings[claim.opening].own_date);
  if (at < all.rules.now || at > all.rules.last) {
    claim.from_ = at;
    claim.outside = RULE_DATES;
  }
  all.candidates.time[places++].at = at;
  return -1;
}

// Whether a contact is refused an opening whatever the time.
bool is_refused_ever(const Collection& all, int64_t contact, int64_t opening) {
  return lasting_faults(all.rules, opening, all.contacts, contact) != 0 ||
         lacks_data(all.rules, all.contacts, contact, opening, told_of(all.scores, opening));
}

// Whether a contact is refused an opening at an instant for more than its hour or day.
bool is_refused_at(const Collection& all, int64_t contact, int64_t opening, int64_t at, int64_t kind,
                   int64_t slot) {
  int64_t found = timely_faults(all.rules, opening, all.contacts, contact, at) |
                  outside_then(all.rules, opening, all.contacts, contact, kind, slot);
  return (found & ~TIMED) != 0;
}

// Whether a contact is refused an opening at all its slots.
bool is_refused(const Collection& all, const SlotTimes& slots, int64_t contact, int64_t opening) {
  if (is_refused_ever(all, contact, opening)) return true;
  int64_t own = slots.kind[opening], kind = all.contacts.person[contact].zone * slots.kinds + own;
  int64_t low = slots.first[kind], high = slots.first[kind + 1];
  if (low == high) return is_refused_at(all, contact, opening, all.rules.now, -1, 0);
  for (int64_t place = low; place < high; ++place) {
    if (!is_refused_at(all, contact, opening, slots.at[place], own, place - low)) return false;
  }
  return true;
}

// The steps before one that the contact is refused, as bits.
int64_t refused_steps(const Collection& all, const SlotTimes& slots, int64_t contact, int64_t opening) {
  const Opening& own = all.rules.openings[opening];
  int64_t found = 0;
  for (int64_t step = 0; step < own.step; ++step) {
    if (is_refused(all, slots, contact, own.series + step)) found |= int64_t{1} << step;
  }
  return found;
}

// Makes a candidate of an opening; whether it stays one, or is counted and forgotten.
bool derive(const Collection& all, const SlotTimes& slots, int64_t contact, int64_t opening,
            int64_t everything, int64_t used, int64_t& places) {
  const Person& person = all.contacts.person[contact];
  Told told = told_of(all.scores, opening);
  int64_t lasting = lasting_faults(all.rules, opening, all.contacts, contact);
  const Opening& own = all.rules.openings[opening];
  if (lacks_data(all.rules, all.contacts, contact, opening, told)) lasting |= 1 << MISSING;
  Claim& claim = all.candidates.claim[used];
  put_derived(claim, opening, own.group, places);
  int64_t kind = put_occasion(own, claim) ? put_own_date(all, slots, person.zone, claim, places)
                                          : put_slots(all, slots, person.zone, opening, places);
  claim.at_to = places;
  judge(all, contact, used, lasting, kind, told);
  reject_small(all, claim, told);
  if (own.traits & SKIPS) claim.refused = refused_steps(all, slots, contact, opening);
  if (claim.state == MISSING) count_lacking(all.counts, claim.rule, all.sign);
  if (claim.state && !claim.timed && !everything) {
    count_denied(all, opening, person.stage, claim.state);
    if (!is_by_opening(own, claim.state)) all.counts.rules[claim.rule] += all.sign;
    places = claim.at_from;
    return false;
  }
  weigh(all, contact, used, told);
  return true;
}

// At one instant, with openings as bits

// Counts what lasts: by reason, the first that holds for an opening.
void count_lasting(const Collection& all, const BarredWord& barred, int64_t contact, int64_t word) {
  int64_t left = barred.lasting(), stage = all.contacts.person[contact].stage;
  for (int64_t reason : LASTING) {
    int64_t found = faults_of(barred, reason) & left;
    left &= ~found;
    for (; found; found = without_lowest(found)) {
      int64_t bit = trailing_zeros(found), opening = word * 64 + bit;
      count_denied(all, opening, stage, reason);
      if (is_by_opening(all.rules.openings[opening], reason)) continue;
      int64_t rule = data_rule(all, contact, opening,
                               rule_now(all.rules, all.contacts, barred, contact, opening, reason),
                               told_of(all.scores, opening));
      all.counts.rules[rule] += all.sign;
      count_lacking(all.counts, rule, all.sign);
    }
  }
}

// The steps before one that the contact is refused at one instant, as bits.
int64_t refused_now(const Collection& all, int64_t contact, int64_t opening) {
  const Opening& own = all.rules.openings[opening];
  int64_t found = 0;
  for (int64_t step = 0; step < own.step; ++step) {
    // The words of bits say nothing of a step whose claims are for dates.
    int64_t other = own.series + step;
    if (is_refused_ever(all, contact, other) || is_refused_at(all, contact, other, all.rules.now, -1, 0)) {
      found |= int64_t{1} << step;
    }
  }
  return found;
}

// Makes a candidate of an opening.
void put_now(const Collection& all, const BarredWord& barred, int64_t contact, int64_t word, int64_t bit,
             int64_t used) {
  int64_t opening = word * 64 + bit, reason = reason_now(barred, bit);
  Told told = told_of(all.scores, opening);
  Claim& claim = all.candidates.claim[used];
  put_derived(claim, opening, all.rules.openings[opening].group, used);
  put_occasion(all.rules.openings[opening], claim);
  if (all.rules.openings[opening].traits & SKIPS) claim.refused = refused_now(all, contact, opening);
  claim.kind = -1;
  claim.at_to = used + 1;
  claim.state = reason;
  if (reason) {
    claim.rule = data_rule(all, contact, opening,
                           rule_now(all.rules, all.contacts, barred, contact, opening, reason), told);
  }
  count_lacking(all.counts, claim.rule, all.sign);
  claim.timed = has_bit((barred.closed | barred.quiet) & ~barred.lasting(), bit);
  all.candidates.time[used] = {all.rules.now, reason == 0};
  reject_small(all, claim, told);
  weigh(all, contact, used, told);
}

// Claims that are brought

// Puts the claim's own instant; whether it has one.
bool put_own_instant(const Collection& all, const SlotTimes& slots, const OwnDate& own, int64_t zone,
                     Claim& claim, int64_t& places) {
  if (own.at == NONE && own.date < 0) return false;
  int64_t at = own.at == NONE ? slots.dated(zone, slots.kind[claim.opening], own.date) : own.at;
  if (at < all.rules.now || at > all.rules.last) {
    claim.from_ = at;
    claim.outside = own.rule;
  }
  claim.dated = 1;
  all.candidates.time[places++].at = at;
  return true;
}

// Puts the instants of a brought claim: its own, now, or the slots of its kind; the kind, or -1.
int64_t put_instants(const Collection& all, const SlotTimes& slots, const ClaimArrays& claims, int64_t own,
                     int64_t zone, Claim& claim, int64_t& places) {
  if (own >= 0) {
    claim.own = claims.own[own].rank;
    claim.id = claims.own[own].id;
    if (put_own_instant(all, slots, claims.own[own], zone, claim, places)) return -1;
  }
  if (slots.single) {
    all.candidates.time[places++].at = all.rules.now;
    return -1;
  }
  return put_slots(all, slots, zone, claim.opening, places);
}

// Makes a candidate of a brought claim.
void put_brought(const Collection& all, const SlotTimes& slots, const ClaimArrays& claims, int64_t contact,
                 int64_t claim_row, int64_t used, int64_t& places) {
  const AskedClaim& asked = claims.asked[claim_row];
  const ClaimExtra extra =
      claims.extra.size != 0 ? claims.extra[claim_row] : ClaimExtra{NONE, NONE, NONE, NAN, NAN};
  const Opening& opening = all.rules.openings[asked.opening];
  Claim& claim = all.candidates.claim[used];
  // The steps of a series do not exclude each other.
  int64_t group =
      opening.series < 0 ? asked.group : -1 - asked.group * all.rules.openings.size - asked.opening;
  put_derived(claim, asked.opening, group, places);
  claim.label = asked.label;
  claim.asked = extra.asked;
  claim.expires = expiry_of(all.rules, all.contacts.person[contact].zone, asked.opening, extra);
  claim.given = asked.weight;
  claim.claim_row = claim_row;
  int64_t kind =
      put_instants(all, slots, claims, asked.own, all.contacts.person[contact].zone, claim, places);
  claim.at_to = places;
  Told told = told_of(all, claims, claim_row, extra);
  int64_t lasting = lasting_faults(all.rules, asked.opening, all.contacts, contact);
  if (lacks_data(all.rules, all.contacts, contact, asked.opening, told)) lasting |= 1 << MISSING;
  judge(all, contact, used, lasting, kind, told);
  reject_small(all, claim, told);
  if (claim.state == MISSING) count_lacking(all.counts, claim.rule, all.sign);
  weigh(all, contact, used, told);
}

// Whether there is no such claim for a contact.
bool is_absent(const Contacts& contacts, int64_t contact, int64_t opening) {
  return contacts.absent.columns && has_bit(contacts.absent(contact, opening >> 6), opening & 63);
}

}  // namespace

void count_missing(const Rules& rules, const Contacts& contacts, const DecisionCounts& counts, int64_t sign,
                   int64_t opening, int64_t contact, int64_t asks) {
  if (asks == 0) return;
  const Person& person = contacts.person[contact];
  Array1<int64_t> missing = counts.missing;
  if (asks & ASKS_ZONE && person.traits & NO_ZONE) missing[0] += sign;
  if (asks & ASKS_STAGE && person.stage == rules.stage_fit.columns - 1) missing[1] += sign;
  if (asks & ASKS_ROLE && person.role == rules.role_fit.columns - 1) missing[2] += sign;
  if (asks & ASKS_CONSENT) {
    int64_t channel = rules.openings[opening].channel;
    if (channel < 0 || contacts.consent(contact, channel) == UNKNOWN) missing[3] += sign;
  }
  if (asks & ASKS_GAIN && is_nan(rules.stage_gain(opening, person.stage))) missing[4] += sign;
  if (asks & ASKS_LOSS && is_nan(rules.loss[person.stage])) missing[MISSING_LOSSES] += sign;
}

void barred_now(const Rules& rules, Array2<int64_t> found) {
  for (int64_t zone = 0; zone < found.rows; ++zone) {
    int64_t wall = rules.now + offset_at(*rules.zones, zone, rules.now);
    int64_t day = floor_div(wall, DAY), time = wall - day * DAY;
    for (int64_t opening = 0; opening < rules.openings.size; ++opening) {
      const Opening& own = rules.openings[opening];
      if (closed_on(rules, opening, day) >= 0) found(zone, opening) |= 1 << CLOSED;
      if (own.traits & OBEYS_HOURS && closed_by(hours_of(rules, zone, own), day, time) >= 0) {
        found(zone, opening) |= 1 << QUIET;
      }
    }
  }
}

int64_t collect_derived(const Rules& rules, const Contacts& contacts, const SlotTimes& slots,
                        Array1<const int64_t> asks, const ScoreArrays& scores, int64_t start, int64_t stop,
                        int64_t everything, int64_t sign, const CandidateArrays& candidates,
                        Array1<int64_t> candidate_first, const DecisionCounts& counts) {
  Collection all{rules, contacts, scores, candidates, counts, sign};
  int64_t count = rules.openings.size, used = 0, places = 0, contact = start;
  candidate_first[0] = 0;
  for (; contact < stop; ++contact) {
    if (used + count > candidates.claim.size || places + count * slots.longest > candidates.time.size) break;
    if (!(contacts.person[contact].traits & BAD)) {
      put_scores(scores, contact);
      for (int64_t opening = 0; opening < count; ++opening) {
        if (is_absent(contacts, contact, opening)) continue;
        count_missing(rules, contacts, counts, sign, opening, contact, asks[opening]);
        used += derive(all, slots, contact, opening, everything, used, places);
      }
      clear_scores(scores, contact);
    }
    candidate_first[contact - start + 1] = used;
  }
  candidates.used[0] = used;
  candidates.used[1] = places;
  return contact;
}

int64_t collect_derived_now(const Rules& rules, const Barred& barred, const Contacts& contacts,
                            Array1<const int64_t> asks, const ScoreArrays& scores, int64_t start,
                            int64_t stop, int64_t everything, int64_t sign, const CandidateArrays& candidates,
                            Array1<int64_t> candidate_first, const DecisionCounts& counts) {
  Collection all{rules, contacts, scores, candidates, counts, sign};
  int64_t count = rules.openings.size, used = 0, contact = start;
  bool is_asked = asks_anything(asks);
  candidate_first[0] = 0;
  for (; contact < stop; ++contact) {
    if (used + count > candidates.claim.size) break;
    if (!(contacts.person[contact].traits & BAD)) {
      put_scores(scores, contact);
      for (int64_t opening = 0; is_asked && opening < count; ++opening) {
        if (is_absent(contacts, contact, opening)) continue;
        count_missing(rules, contacts, counts, sign, opening, contact, asks[opening]);
      }
      for (int64_t word = 0; word < barred.every.size; ++word) {
        BarredWord faults = barred_word(rules, barred, contacts, scores, contact, word);
        int64_t wanted = barred.every[word] & ~faults.absent;
        if (!everything) {
          count_lasting(all, faults, contact, word);
          wanted &= ~faults.lasting();
        }
        for (; wanted; wanted = without_lowest(wanted)) {
          put_now(all, faults, contact, word, trailing_zeros(wanted), used++);
        }
      }
      clear_scores(scores, contact);
    }
    candidate_first[contact - start + 1] = used;
  }
  candidates.used[0] = candidates.used[1] = used;
  return contact;
}

int64_t collect_claims(const Rules& rules, const Contacts& contacts, const SlotTimes& slots,
                       Array1<const int64_t> asks, const ScoreArrays& scores, const ClaimArrays& claims,
                       int64_t start, int64_t stop, int64_t sign, const CandidateArrays& candidates,
                       Array1<int64_t> candidate_first, const DecisionCounts& counts) {
  Collection all{rules, contacts, scores, candidates, counts, sign};
  int64_t used = 0, places = 0, contact = start;
  candidate_first[0] = 0;
  for (; contact < stop; ++contact) {
    // There is no room here for those who have too many claims: they are BAD.
    if (!(contacts.person[contact].traits & BAD)) {
      int64_t low = claims.first[contact], high = claims.first[contact + 1];
      bool is_full = used + high - low > candidates.claim.size ||
                     places + (high - low) * slots.longest > candidates.time.size;
      if (is_full) break;
      put_scores(scores, contact);
      for (int64_t claim_row = low; claim_row < high; ++claim_row) {
        int64_t opening = claims.asked[claim_row].opening;
        count_missing(rules, contacts, counts, sign, opening, contact, asks[opening]);
        put_brought(all, slots, claims, contact, claim_row, used++, places);
      }
      clear_scores(scores, contact);
    }
    candidate_first[contact - start + 1] = used;
  }
  candidates.used[0] = used;
  candidates.used[1] = places;
  return contact;
}

}  // namespace journeykit
