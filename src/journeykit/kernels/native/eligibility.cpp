// Eligibility: who may get what, and why not, as `journeykit.engine.eligibility` says it.

#include "eligibility.hpp"

#include <algorithm>

#include "local_time.hpp"

namespace journeykit {
namespace {

// Where consent keeps what is about a channel: what is about no channel comes last.
int64_t channel_place(int64_t channel, int64_t size) {
  return channel < 0 ? size - 1 : channel;
}

// 0 for a Monday.
int64_t weekday_of(int64_t day) {
  return floor_mod(day + 3, 7);
}

// The first holiday from a day on.
int64_t first_from(Array1<Holiday> holidays, int64_t day) {
  auto is_before = [](const Holiday& holiday, int64_t wanted) { return holiday.day < wanted; };
  return std::lower_bound(holidays.begin(), holidays.end(), day, is_before) - holidays.begin();
}

// Whether a period covers a local time.
bool covers(const Period& period, int64_t weekday, int64_t time) {
  bool begins = has_bit(period.days, weekday);
  if (period.start < period.end) return begins && period.start <= time && time < period.end;
  if (period.start == period.end) return begins;
  return (time >= period.start && begins) || (time < period.end && has_bit(period.days, (weekday + 6) % 7));
}

// Whether send hours of some state hold a local time.
bool are_open(const OwnHours& hours, int8_t state, int64_t weekday, int64_t time) {
  Array1<Period> periods = hours.tables.periods;
  for (int64_t period = 0; period < periods.size; ++period) {
    const Period& own = periods[period];
    if (own.is_send && hours.state(period) == state && covers(own, weekday, time)) return true;
  }
  return false;
}

// The rule of what comes after so many others that forbid a local time; -1 if there is none.
int64_t closed_further(const OwnHours& hours, int64_t day, int64_t time, int64_t after) {
  Array1<Period> periods = hours.tables.periods;
  int64_t weekday = weekday_of(day), count = 0;
  bool sends = false;
  for (int64_t period = 0; period < periods.size; ++period) {
    const Period& own = periods[period];
    if (hours.state(period) != 1) continue;
    sends = sends || own.is_send;
    if (!own.is_send && covers(own, weekday, time) && count++ == after) return own.rule;
  }
  for (int64_t period = 0; period < periods.size; ++period) {
    const Period& own = periods[period];
    int8_t state = hours.state(period);
    // Those of which it is unknown whether they hold forbid as much as they can, and allow nothing.
    if (!own.is_send || (sends ? state != 1 : state < 2) || are_open(hours, state, weekday, time)) continue;
    if (count++ == after) return own.rule;
  }
  Array1<Holiday> holidays = hours.tables.holidays;
  for (int64_t own = first_from(holidays, day); own < holidays.size && holidays[own].day == day; ++own) {
    if (hours.state(periods.size + holidays[own].number) && count++ == after) return holidays[own].rule;
  }
  return -1;
}

// Whether nothing forbids a message when clocks show a local instant.
bool is_open_at(const OwnHours& hours, int64_t wall) {
  int64_t day = floor_div(wall, DAY);
  return closed_by(hours, day, wall - day * DAY) < 0;
}

// The first instant of a stretch of a UTC day, all of one offset, that is after `since` and that nothing
// forbids.
int64_t open_between(const OwnHours& hours, int64_t day, int64_t ahead, int64_t begin, int64_t until,
                     int64_t since) {
  if (since < begin && is_open_at(hours, begin + ahead)) return begin;
  int64_t best = FOREVER;
  for (int64_t edge : hours.tables.edges) {
    int64_t at = day * DAY + floor_mod(edge - ahead, DAY);
    if (begin <= at && at < until && since < at && at < best && is_open_at(hours, at + ahead)) best = at;
  }
  return best;
}

// Whether an audience must be asked at each slot.
bool asks_slot(const Rules& rules, int64_t opening, const Contacts& contacts) {
  return rules.openings[opening].timely >= 0 && contacts.timely.columns > 0;
}

// Whether a holdout of its own keeps an opening back.
bool is_held_by_own(const Opening& opening, const Contacts& contacts, int64_t contact) {
  return opening.holdout >= 0 && contacts.holdout(contact, opening.holdout);
}

bool lacks_stage(const Rules& rules, const Opening& opening, const Person& person) {
  return rules.denies & DENY_STAGE && opening.traits & STAGED && person.stage == rules.stage_fit.columns - 1;
}

bool lacks_role(const Rules& rules, const Opening& opening, const Person& person) {
  return rules.denies & DENY_ROLE && opening.traits & ROLED && person.role == rules.role_fit.columns - 1;
}

bool lacks_zone(const Rules& rules, const Opening& opening, const Person& person) {
  return rules.denies & DENY_ZONE && opening.traits & LOCAL && person.traits & NO_ZONE;
}

bool lacks_consent(const Rules& rules, const Opening& opening, const Contacts& contacts, int64_t contact) {
  if (!(rules.denies & DENY_CONSENT && opening.traits & NEEDS_CONSENT)) return false;
  return opening.channel < 0 || contacts.consent(contact, opening.channel) == UNKNOWN;
}

int64_t consent_rule_of(const Rules& rules, const Opening& opening) {
  return rules.consent_rule[channel_place(opening.channel, rules.consent_rule.size)];
}

// What consent is withdrawn or expired: -1 for none, 0 for the channel's, else 1 and the number of the topic.
int64_t withdrawn_by(const Rules& rules, const Opening& opening, const Contacts& contacts, int64_t contact,
                     int64_t at) {
  if (opening.channel >= 0) {
    int64_t state = contacts.consent(contact, opening.channel);
    if (state == WITHDRAWN) return 0;
    if (state == AGREED && contacts.consent_until.columns &&
        at >= contacts.consent_until(contact, opening.channel)) {
      return 0;
    }
  }
  for (int64_t place = opening.topic_from; place < opening.topic_to; ++place) {
    if (contacts.topic(contact, rules.topics[place]) == WITHDRAWN) return 1 + rules.topics[place];
  }
  return -1;
}

// The rule of the consent that is withdrawn after so many others: the channel's, if it is; then the topics'.
int64_t withdrawn_further(const Rules& rules, const Opening& opening, const Contacts& contacts,
                          int64_t contact, int64_t at, int64_t after) {
  int64_t count = withdrawn_by(rules, opening, contacts, contact, at) == 0;
  for (int64_t place = opening.topic_from; place < opening.topic_to; ++place) {
    int64_t topic = rules.topics[place];
    if (contacts.topic(contact, topic) == WITHDRAWN && count++ == after) return rules.topic_rule[topic];
  }
  return -1;
}

// The rule of the data that is missing after so many others.
int64_t missing_further(const Rules& rules, const Opening& opening, const Contacts& contacts, int64_t contact,
                        int64_t after) {
  const Person& person = contacts.person[contact];
  int64_t count = 0;
  if (lacks_consent(rules, opening, contacts, contact) && consent_rule_of(rules, opening) >= 0 &&
      count++ == after) {
    return consent_rule_of(rules, opening);
  }
  if (lacks_stage(rules, opening, person) && count++ == after) return RULE_STAGE;
  if (lacks_role(rules, opening, person) && count++ == after) return RULE_ROLE;
  if (lacks_zone(rules, opening, person) && count++ == after) return RULE_ZONE;
  return -1;
}

// A local date and time.
struct LocalTime {
  int64_t day, time;
};

LocalTime local_time_of(const Rules& rules, const Contacts& contacts, int64_t contact, int64_t at) {
  int64_t wall = at + offset_at(*rules.zones, contacts.person[contact].zone, at);
  int64_t day = floor_div(wall, DAY);
  return {day, wall - day * DAY};
}

// The next rule of an audience that is not true of a contact, after so many others; -1 if there is none.
int64_t audience_rule(const Rules& rules, const Opening& opening, const Contacts& contacts, int64_t contact,
                      SlotPlace slot, int64_t after) {
  if (opening.part_from == opening.part_to) return after == 0 ? opening.rule_audience : -1;
  for (int64_t place = opening.part_from; place < opening.part_to; ++place) {
    const AudiencePart& part = rules.parts[place];
    bool is_timed = slot.kind >= 0 && part.timely >= 0 && contacts.timely.columns > 0;
    bool holds =
        is_timed ? has_bit(contacts.timely(contact, slot.kind, part.timely, slot.slot >> 6), slot.slot & 63)
                 : is_true(contacts, contact, part.audience);
    if (!holds && after-- == 0) return part.rule;
  }
  return -1;
}

}  // namespace

bool is_date(const Rules& rules, const Opening& opening, int64_t day) {
  const int64_t* dates = rules.dates.data;
  return std::find(dates + opening.date_from, dates + opening.date_to, day) != dates + opening.date_to;
}

bool is_true(const Contacts& contacts, int64_t contact, int64_t rule) {
  return has_bit(contacts.audience(contact, rule >> 6), rule & 63);
}

OwnHours hours_of(const Rules& rules, int64_t zone, const Opening& opening) {
  return {*rules.hours, rules.hours->first[zone], opening.hours};
}

int64_t closed_by(const OwnHours& hours, int64_t day, int64_t time) {
  return closed_further(hours, day, time, 0);
}

int64_t hours_open(const OwnHours& hours, const Zones& zones, int64_t zone, int64_t since, int64_t days) {
  if (is_open_at(hours, since + offset_at(zones, zone, since))) return since;
  // Hours begin and end at their edges, and where clocks change: set back, they show again what was over.
  int64_t today = floor_div(since, DAY);
  for (int64_t day = today; day < today + days; ++day) {
    int64_t begin = day * DAY, end = begin + DAY;
    for (int64_t place = offset_place(zones, zone, begin); begin < end; ++place) {
      int64_t until = place + 1 < zones.first[zone + 1] ? std::min(end, zones.since[place + 1]) : end;
      int64_t found = open_between(hours, day, zones.offset[place], begin, until, since);
      if (found < FOREVER) return found;
      begin = until;
    }
  }
  return FOREVER;
}

int64_t closed_on(const Rules& rules, int64_t opening, int64_t day) {
  const Opening& own = rules.openings[opening];
  if (own.traits & PAUSED) return own.rule_paused;
  if (day < own.starts) return own.rule_starts;
  if (day > own.ends) return own.rule_ends;
  return own.traits & DATED && !is_date(rules, own, day) ? RULE_DATES : -1;
}

int64_t outside_then(const Rules& rules, int64_t opening, const Contacts& contacts, int64_t contact,
                     int64_t kind, int64_t slot) {
  if (!asks_slot(rules, opening, contacts)) return 0;
  const Opening& own = rules.openings[opening];
  bool is_inside = kind < 0 ? is_true(contacts, contact, own.audience)
                            : has_bit(contacts.timely(contact, kind, own.timely, slot >> 6), slot & 63);
  return is_inside ? 0 : 1 << NOT_IN_AUDIENCE;
}

int64_t lasting_faults(const Rules& rules, int64_t opening, const Contacts& contacts, int64_t contact) {
  const Person& person = contacts.person[contact];
  const Opening& own = rules.openings[opening];
  bool needs_consent = own.traits & NEEDS_CONSENT;
  int64_t found = 0;
  if (person.traits & IS_SUPPRESSED) found |= 1 << SUPPRESSED;
  if (needs_consent && person.traits & IS_OPTED_OUT) found |= 1 << OPTED_OUT;
  if (own.audience >= 0 && !asks_slot(rules, opening, contacts) &&
      !is_true(contacts, contact, own.audience)) {
    found |= 1 << NOT_IN_AUDIENCE;
  }
  if (rules.stage_fit(opening, person.stage) <= 0) found |= 1 << WRONG_STAGE;
  if (rules.role_fit(opening, person.role) <= 0) found |= 1 << WRONG_ROLE;
  if (rules.owner(opening, person.stage) >= 0) found |= 1 << WRONG_OWNER;
  if (needs_consent && (contacts.holdout(contact, 0) || is_held_by_own(own, contacts, contact))) {
    found |= 1 << HOLDOUT;
  }
  if (rules.denies && missing_rule(rules, opening, contacts, contact) >= 0) found |= 1 << MISSING;
  return found;
}

int64_t missing_rule(const Rules& rules, int64_t opening, const Contacts& contacts, int64_t contact) {
  const Person& person = contacts.person[contact];
  const Opening& own = rules.openings[opening];
  if (lacks_consent(rules, own, contacts, contact)) return MISSING_CONSENT;
  if (lacks_stage(rules, own, person)) return RULE_STAGE;
  if (lacks_role(rules, own, person)) return RULE_ROLE;
  return lacks_zone(rules, own, person) ? RULE_ZONE : -1;
}

int64_t timely_faults(const Rules& rules, int64_t opening, const Contacts& contacts, int64_t contact,
                      int64_t at) {
  const Opening& own = rules.openings[opening];
  int64_t found = 0;
  if (own.traits & NEEDS_CONSENT && withdrawn_by(rules, own, contacts, contact, at) >= 0)
    found |= 1 << NO_CONSENT;
  LocalTime local = local_time_of(rules, contacts, contact, at);
  if (closed_on(rules, opening, local.day) >= 0) found |= 1 << CLOSED;
  OwnHours hours = hours_of(rules, contacts.person[contact].zone, own);
  if (own.traits & OBEYS_HOURS && closed_by(hours, local.day, local.time) >= 0) found |= 1 << QUIET;
  return found;
}

int64_t rule_of(const Rules& rules, int64_t opening, const Contacts& contacts, int64_t contact,
                int64_t reason, int64_t at, SlotPlace slot) {
  const Opening& own = rules.openings[opening];
  LocalTime local;
  int64_t found;
  switch (reason) {
    case SUPPRESSED:
      return RULE_SUPPRESSED;
    case OPTED_OUT:
      return RULE_OPTED_OUT;
    case NO_CONSENT:
      found = withdrawn_by(rules, own, contacts, contact, at);
      return found == 0 ? consent_rule_of(rules, own) : rules.topic_rule[found - 1];
    case NOT_IN_AUDIENCE:
      return audience_rule(rules, own, contacts, contact, slot, 0);
    case WRONG_STAGE:
      return own.rule_stage;
    case WRONG_ROLE:
      return own.rule_role;
    case WRONG_OWNER:
      return rules.owner(opening, contacts.person[contact].stage);
    case HOLDOUT:
      return contacts.holdout(contact, 0) ? RULE_HOLDOUT : own.rule_holdout;
    case MISSING:
      found = missing_rule(rules, opening, contacts, contact);
      if (found < 0) return RULE_SCORE;
      return found == MISSING_CONSENT ? consent_rule_of(rules, own) : found;
    case CLOSED:
      return closed_on(rules, opening, local_time_of(rules, contacts, contact, at).day);
    default:
      local = local_time_of(rules, contacts, contact, at);
      return closed_by(hours_of(rules, contacts.person[contact].zone, own), local.day, local.time);
  }
}

int64_t further_rule(const Rules& rules, int64_t opening, const Contacts& contacts, int64_t contact,
                     int64_t reason, int64_t at, SlotPlace slot, int64_t after) {
  const Opening& own = rules.openings[opening];
  if (after == 0) return rule_of(rules, opening, contacts, contact, reason, at, slot);
  if (reason == NOT_IN_AUDIENCE) return audience_rule(rules, own, contacts, contact, slot, after);
  if (reason == NO_CONSENT) return withdrawn_further(rules, own, contacts, contact, at, after);
  if (reason == MISSING) return missing_further(rules, own, contacts, contact, after);
  if (reason == HOLDOUT) {
    bool both = contacts.holdout(contact, 0) && is_held_by_own(own, contacts, contact);
    return after == 1 && both ? own.rule_holdout : -1;
  }
  if (reason == QUIET) {
    LocalTime local = local_time_of(rules, contacts, contact, at);
    return closed_further(hours_of(rules, contacts.person[contact].zone, own), local.day, local.time, after);
  }
  return -1;
}

}  // namespace journeykit
