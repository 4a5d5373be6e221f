"""Eligibility over columns: who may get what, and why not, as `journeykit.engine.eligibility` says it."""

from __future__ import annotations

import numpy as np

from journeykit.kernels.interface.codes import (
    AGREED,
    BAD,
    CLOSED,
    DATED,
    DENY_CONSENT,
    DENY_ROLE,
    DENY_STAGE,
    DENY_ZONE,
    HOLDOUT,
    IS_OPTED_OUT,
    IS_SUPPRESSED,
    LOCAL,
    MISSING,
    NEEDS_CONSENT,
    NO_CONSENT,
    NO_ZONE,
    NONE,
    NOT_IN_AUDIENCE,
    OBEYS_HOURS,
    OPTED_OUT,
    PAUSED,
    QUIET,
    ROLED,
    RULE_DATES,
    RULE_HOLDOUT,
    RULE_OPTED_OUT,
    RULE_PAUSED,
    RULE_ROLE,
    RULE_SCORE,
    RULE_STAGE,
    RULE_SUPPRESSED,
    RULE_ZONE,
    SCORED,
    STAGED,
    SUPPRESSED,
    TIMED,
    UNKNOWN,
    WITHDRAWN,
    WRONG_OWNER,
    WRONG_ROLE,
    WRONG_STAGE,
)
from journeykit.kernels.interface.rules import FOREVER
from journeykit.kernels.native.jit import entry_point, inlined, kernel, trailing_zeros
from journeykit.kernels.native.local_time import offset_at, offset_place

_LASTING = (
    SUPPRESSED,
    OPTED_OUT,
    NO_CONSENT,
    CLOSED,
    NOT_IN_AUDIENCE,
    WRONG_STAGE,
    WRONG_ROLE,
    WRONG_OWNER,
    HOLDOUT,
    MISSING,
)


@kernel
def _first_from(days, day):
    low, high = 0, len(days)
    while low < high:
        middle = (low + high) >> 1
        if days[middle] < day:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def closed_by(hours, channel, day, time):
    """The rule of the first thing that forbids a channel at a local time; -1 where it may go."""
    weekday = (day + 3) % 7
    sends = covered = False
    outside = -1
    for period in range(len(hours.periods)):
        if not hours.applies[period, channel]:
            continue
        start, end = hours.periods.start[period], hours.periods.end[period]
        begins = hours.periods.days[period] >> weekday & 1
        if start < end:
            covers = begins and start <= time < end
        elif start == end:
            covers = begins
        else:
            covers = (time >= start and begins) or (
                time < end and hours.periods.days[period] >> ((weekday + 6) % 7) & 1
            )
        if hours.periods.is_send[period]:
            sends = True
            covered = covered or covers
            if outside < 0:
                outside = hours.periods.rule[period]
        elif covers:
            return hours.periods.rule[period]
    if sends and not covered:
        return outside
    if len(hours.holidays):
        days = hours.holidays.day
        place = _first_from(days, day)
        if place < len(hours.holidays) and hours.holidays.day[place] == day:
            return hours.holidays.rule[place]
    return -1


@kernel
def open_at(hours, channel, wall):
    """Whether nothing forbids a channel when clocks show a local instant."""
    day = wall // 86_400_000_000
    return closed_by(hours, channel, day, wall - day * 86_400_000_000) < 0


@kernel
def hours_open(hours, zones, zone, channel, since, days):
    """The first instant from `since` on that nothing forbids; `FOREVER` if none comes within some days."""
    ahead = offset_at(zones, zone, since)
    today = (since + ahead) // 86_400_000_000
    if closed_by(hours, channel, today, since + ahead - today * 86_400_000_000) < 0:
        return since
    # Hours begin and end at their edges, and where clocks change: set back, they show again what was over.
    for day in range(since // 86_400_000_000, since // 86_400_000_000 + days):
        begin, end = day * 86_400_000_000, (day + 1) * 86_400_000_000
        place = offset_place(zones, zone, begin)
        while begin < end:
            ahead = zones.offset[place]
            until = end
            if place + 1 < zones.first[zone + 1]:
                until = min(end, zones.since[place + 1])
            best = FOREVER
            for edge in hours.edges:
                at = day * 86_400_000_000 + (edge - ahead) % 86_400_000_000
                if begin <= at < until and since < at < best and open_at(hours, channel, at + ahead):
                    best = at
            if since < begin and open_at(hours, channel, begin + ahead):
                best = begin
            if best < FOREVER:
                return best
            begin = until
            place += 1
    return FOREVER


@kernel
def is_date(rules, opening, day):
    """Whether a day is one of a campaign's own."""
    openings, dates = rules.openings, rules.dates
    for place in range(openings.date_from[opening], openings.date_to[opening]):  # noqa: SIM110  (a kernel)
        if dates[place] == day:
            return True
    return False


@kernel
def closed_on(rules, opening, day):
    """The rule by which a campaign is closed on a local date; -1 where it is open."""
    openings = rules.openings
    if openings.traits[opening] & PAUSED:
        return RULE_PAUSED
    if day < openings.starts[opening]:
        return openings.rule_starts[opening]
    if day > openings.ends[opening]:
        return openings.rule_ends[opening]
    if openings.traits[opening] & DATED and not is_date(rules, opening, day):
        return RULE_DATES
    return -1


@kernel
def is_true(people, contact, rule):
    """Whether a rule is true of a contact at the instant of the decision."""
    return people.audience[contact, rule >> 6] >> (rule & 63) & 1 == 1


@kernel
def asks_slot(rules, opening, people):
    """Whether an audience must be asked at each slot."""
    return rules.openings.timely[opening] >= 0 and people.timely.shape[3] > 0


@kernel
def outside_then(rules, opening, people, contact, kind, slot):
    """Whether an audience leaves a contact out at a slot of a kind of opening, as a bit; without a kind, now."""
    if not asks_slot(rules, opening, people):
        return 0
    rule = rules.openings.timely[opening]
    if kind < 0:
        inside = is_true(people, contact, rules.openings.audience[opening])
    else:
        inside = people.timely[contact, kind, rule, slot >> 6] >> (slot & 63) & 1 == 1
    return 0 if inside else 1 << NOT_IN_AUDIENCE


@kernel
def lasting_faults(rules, opening, people, contact):
    """The checks that fail whatever the instant, as bits of their reasons."""
    person = people.person
    holdout_of = people.holdout
    openings = rules.openings
    flags, is_ = openings.traits[opening], person.traits[contact]
    stage, role = person.stage[contact], person.role[contact]
    found = 0
    if is_ & IS_SUPPRESSED:
        found |= 1 << SUPPRESSED
    needs = flags & NEEDS_CONSENT
    if needs and is_ & IS_OPTED_OUT:
        found |= 1 << OPTED_OUT
    rule = openings.audience[opening]
    if rule >= 0 and not asks_slot(rules, opening, people) and not is_true(people, contact, rule):
        found |= 1 << NOT_IN_AUDIENCE
    if rules.stage_fit[opening, stage] <= 0:
        found |= 1 << WRONG_STAGE
    if rules.role_fit[opening, role] <= 0:
        found |= 1 << WRONG_ROLE
    if rules.owner[opening, stage] >= 0:
        found |= 1 << WRONG_OWNER
    if needs:
        own = openings.holdout[opening]
        if holdout_of[contact, 0] or (own >= 0 and holdout_of[contact, own]):
            found |= 1 << HOLDOUT
    if rules.denies and missing_rule(rules, opening, people, contact) >= 0:
        found |= 1 << MISSING
    return found


@kernel
def missing_rule(rules, opening, people, contact):
    """What data is missing and not excused: a rule, 10,000 for consent, or -1 for nothing."""
    person = people.person
    consent = people.consent
    openings, denies = rules.openings, rules.denies
    flags = openings.traits[opening]
    if denies & DENY_CONSENT and flags & NEEDS_CONSENT:
        channel = openings.channel[opening]
        if channel < 0 or consent[contact, channel] == UNKNOWN:
            return 1_000_000
    if denies & DENY_STAGE and flags & STAGED and person.stage[contact] == rules.stage_fit.shape[1] - 1:
        return RULE_STAGE
    if denies & DENY_ROLE and flags & ROLED and person.role[contact] == rules.role_fit.shape[1] - 1:
        return RULE_ROLE
    if denies & DENY_ZONE and flags & LOCAL and person.traits[contact] & NO_ZONE:
        return RULE_ZONE
    return -1


@kernel
def withdrawn_by(rules, opening, people, contact, at):
    """What consent is withdrawn or expired: -1 for none, 0 for the channel's, else 1 and the number of the topic."""
    consent = people.consent
    topic_of = people.topic
    openings = rules.openings
    channel = openings.channel[opening]
    if channel >= 0:
        state = consent[contact, channel]
        if state == WITHDRAWN:
            return 0
        if state == AGREED and people.consent_until.shape[1] and at >= people.consent_until[contact, channel]:
            return 0
    for place in range(openings.topic_from[opening], openings.topic_to[opening]):
        topic = rules.topics[place]
        if topic_of[contact, topic] == WITHDRAWN:
            return 1 + topic
    return -1


@kernel
def timely_faults(rules, opening, people, contact, at):
    """The checks that fail at an instant and might not at another, as bits of their reasons."""
    person = people.person
    openings = rules.openings
    hours = rules.hours
    flags = openings.traits[opening]
    found = 0
    if flags & NEEDS_CONSENT and withdrawn_by(rules, opening, people, contact, at) >= 0:
        found |= 1 << NO_CONSENT
    ahead = offset_at(rules.zones, person.zone[contact], at)
    day = (at + ahead) // 86_400_000_000
    if closed_on(rules, opening, day) >= 0:
        found |= 1 << CLOSED
    if flags & OBEYS_HOURS and (len(hours.periods) or len(hours.holidays)):
        time = at + ahead - day * 86_400_000_000
        if closed_by(hours, openings.channel[opening], day, time) >= 0:
            found |= 1 << QUIET
    return found


@kernel
def rule_of(rules, opening, people, contact, reason, at):
    """The first rule of a reason for which an opening fails at an instant."""
    person = people.person
    holdout_of = people.holdout
    openings, hours = rules.openings, rules.hours
    if reason == SUPPRESSED:
        return RULE_SUPPRESSED
    if reason == OPTED_OUT:
        return RULE_OPTED_OUT
    if reason == NO_CONSENT:
        found = withdrawn_by(rules, opening, people, contact, at)
        return rules.consent_rule[openings.channel[opening]] if found == 0 else rules.topic_rule[found - 1]
    if reason == NOT_IN_AUDIENCE:
        return openings.rule_audience[opening]
    if reason == WRONG_STAGE:
        return openings.rule_stage[opening]
    if reason == WRONG_ROLE:
        return openings.rule_role[opening]
    if reason == WRONG_OWNER:
        return rules.owner[opening, person.stage[contact]]
    if reason == HOLDOUT:
        return RULE_HOLDOUT if holdout_of[contact, 0] else openings.rule_holdout[opening]
    if reason == MISSING:
        found = missing_rule(rules, opening, people, contact)
        if found < 0:
            return RULE_SCORE
        return rules.consent_rule[openings.channel[opening]] if found == 1_000_000 else found
    ahead = offset_at(rules.zones, person.zone[contact], at)
    day = (at + ahead) // 86_400_000_000
    if reason == CLOSED:
        return closed_on(rules, opening, day)
    return closed_by(hours, openings.channel[opening], day, at + ahead - day * 86_400_000_000)


@kernel
def further_rule(rules, opening, people, contact, reason, at, after):
    """The next rule of a reason for which an opening fails at an instant; -1 if there is none.

    Args:
        rules: what holds for every contact; and so are the next five.
        opening: what is asked for.
        people: the contacts.
        contact: which.
        reason: the number of the reason, for which it fails at the instant.
        at: the instant.
        after: how many rules of the reason came before.
    """
    person, openings, hours = people.person, rules.openings, rules.hours
    if after == 0:
        return rule_of(rules, opening, people, contact, reason, at)
    count = 0
    if reason == NO_CONSENT:
        # The channel's consent comes first, if it is withdrawn; then the topics.
        first = withdrawn_by(rules, opening, people, contact, at)
        count = np.int64(first == 0)
        for place in range(openings.topic_from[opening], openings.topic_to[opening]):
            topic = rules.topics[place]
            if people.topic[contact, topic] == WITHDRAWN:
                if count == after:
                    return rules.topic_rule[topic]
                count += 1
        return -1
    if reason == HOLDOUT:
        own = openings.holdout[opening]
        if after == 1 and people.holdout[contact, 0] and own >= 0 and people.holdout[contact, own]:
            return openings.rule_holdout[opening]
        return -1
    if reason == MISSING:
        flags, denies = openings.traits[opening], rules.denies
        for kind in range(4):
            rule = np.int64(-1)
            if kind == 0 and denies & DENY_CONSENT and flags & NEEDS_CONSENT:
                channel = openings.channel[opening]
                if channel < 0 or people.consent[contact, channel] == UNKNOWN:
                    rule = rules.consent_rule[channel]
            elif kind == 1 and denies & DENY_STAGE and flags & STAGED:
                rule = RULE_STAGE if person.stage[contact] == rules.stage_fit.shape[1] - 1 else -1
            elif kind == 2 and denies & DENY_ROLE and flags & ROLED:
                rule = RULE_ROLE if person.role[contact] == rules.role_fit.shape[1] - 1 else -1
            elif kind == 3 and denies & DENY_ZONE and flags & LOCAL:
                rule = RULE_ZONE if person.traits[contact] & NO_ZONE else -1
            if rule >= 0:
                if count == after:
                    return rule
                count += 1
        return -1
    if reason == QUIET:
        ahead = offset_at(rules.zones, person.zone[contact], at)
        day = (at + ahead) // 86_400_000_000
        return _closed_further(hours, openings.channel[opening], day, at + ahead - day * 86_400_000_000, after)
    return -1


@kernel
def _covers(hours, period, weekday, time):
    """Whether a period covers a local time."""
    start, end, days = hours.periods.start[period], hours.periods.end[period], hours.periods.days[period]
    begins = days >> weekday & 1 != 0
    if start < end:
        return begins and start <= time < end
    if start == end:
        return begins
    return (time >= start and begins) or (time < end and days >> ((weekday + 6) % 7) & 1 != 0)


@kernel
def _closed_further(hours, channel, day, time, after):
    """The rule of what comes after so many others that forbid a channel at a local time; -1 if there is none."""
    weekday = (day + 3) % 7
    count = 0
    sends = covered = False
    for period in range(len(hours.periods)):
        if hours.applies[period, channel]:
            covers = _covers(hours, period, weekday, time)
            if hours.periods.is_send[period]:
                sends = True
                covered = covered or covers
            elif covers:
                if count == after:
                    return hours.periods.rule[period]
                count += 1
    if sends and not covered:
        for period in range(len(hours.periods)):
            if hours.applies[period, channel] and hours.periods.is_send[period]:
                if count == after:
                    return hours.periods.rule[period]
                count += 1
    for place in range(_first_from(hours.holidays.day, day), len(hours.holidays)):
        if hours.holidays.day[place] != day:
            break
        if count == after:
            return hours.holidays.rule[place]
        count += 1
    return -1


@kernel
def is_by_opening(reason):
    """Whether the rule of a reason depends on the opening alone; it is counted with the openings then."""
    return reason < NO_CONSENT or NOT_IN_AUDIENCE <= reason <= WRONG_ROLE


@kernel
def lowest(mask):
    """The number of the lowest bit that is set."""
    number = 0
    while not mask >> number & 1:
        number += 1
    return number


@entry_point
def barred_now(rules, found):
    """By zone and opening, the checks that fail at the instant of the decision for every contact."""
    openings, hours, zones, moment = rules.openings, rules.hours, rules.zones, rules.now
    for zone in range(len(found)):
        ahead = offset_at(zones, zone, moment)
        day = (moment + ahead) // 86_400_000_000
        for opening in range(len(openings)):
            if closed_on(rules, opening, day) >= 0:
                found[zone, opening] |= 1 << CLOSED
            if openings.traits[opening] & OBEYS_HOURS and (len(hours.periods) or len(hours.holidays)):
                time = moment + ahead - day * 86_400_000_000
                if closed_by(hours, openings.channel[opening], day, time) >= 0:
                    found[zone, opening] |= 1 << QUIET
    return found


@inlined
def count_missing(rules, opening, people, contact, asks, tally, sign):
    """Count the data that an opening asks for and a contact lacks."""
    person = people.person
    consent = people.consent
    openings = rules.openings
    if asks & 1 and person.traits[contact] & NO_ZONE:
        tally.missing[0] += sign
    if asks & 2 and person.stage[contact] == rules.stage_fit.shape[1] - 1:
        tally.missing[1] += sign
    if asks & 4 and person.role[contact] == rules.role_fit.shape[1] - 1:
        tally.missing[2] += sign
    if asks & 8:
        channel = openings.channel[opening]
        if channel < 0 or consent[contact, channel] == UNKNOWN:
            tally.missing[3] += sign
    if asks & 16 and np.isnan(rules.stage_gain[opening, person.stage[contact]]):
        tally.missing[4] += sign


@inlined
def judge(rules, people, contact, entries, entry, lasting, kind):
    """Set state, rule and timed of an entry whose instants are known: the slots of a kind, or -1 for no kind."""
    claim = entries.claim
    time = entries.time
    opening = claim.opening[entry]
    union = lasting
    reason = np.int64(0)
    fits = False
    low, high = claim.at_from[entry], claim.at_to[entry]
    outside = claim.rule[entry]
    for place in range(low, high):
        timely = timely_faults(rules, opening, people, contact, time.at[place])
        timely |= outside_then(rules, opening, people, contact, kind, place - low)
        if outside >= 0:
            timely |= 1 << CLOSED
        found = lasting | timely
        union |= found
        time.fits[place] = found == 0
        fits = fits or found == 0
        if found:
            reason = max(reason, lowest(found))
    claim.timed[entry] = 0
    claim.kind[entry] = kind
    claim.rule[entry] = -1
    if fits:
        claim.state[entry] = 0
        return
    claim.state[entry] = reason
    claim.timed[entry] = union & ~TIMED == 0
    for place in range(low, high):
        at = time.at[place]
        timely = timely_faults(rules, opening, people, contact, at)
        timely |= outside_then(rules, opening, people, contact, kind, place - low)
        if (lasting | timely) >> reason & 1:
            rule = rule_of(rules, opening, people, contact, reason, at)
            claim.rule[entry] = outside if rule < 0 else rule
            return
        if outside >= 0 and reason == CLOSED:
            claim.rule[entry] = outside
            return


@inlined
def weigh(rules, opening, people, contact, score, value, entries, entry):
    """What the policy `weighted` makes of an entry, and its factors."""
    person = people.person
    claim = entries.claim
    openings = rules.openings
    weight = openings.scale[opening] * rules.stage_fit[opening, person.stage[contact]]
    weight = weight * rules.role_fit[opening, person.role[contact]]
    preference = interest = 1.0
    channel = openings.channel[opening]
    if channel >= 0 and people.preference.shape[1]:
        preference = people.preference[contact, channel]
    if people.interested.shape[1]:
        interest = people.interested[person.interest[contact], opening]
    claim.preference[entry] = preference
    claim.interest[entry] = interest
    claim.propensity[entry] = score
    claim.value[entry] = value
    weight = weight * preference * interest
    if score == score:
        weight = weight * score
    if value == value:
        weight = weight * value
    elif rules.stage_gain.shape[1]:
        gain = rules.stage_gain[opening, person.stage[contact]]
        if gain == gain:
            weight = weight * gain
    claim.product[entry] = weight


@entry_point
def collect_derived(rules, people, slots, asks, scores, start, stop, everything, sign, entries, entry_first, tally):
    """One entry for each opening that a contact may get in a plan, or could get in time; the others are counted.

    Ends with the contact before whom the entries run out; the number of the next one.
    """
    person = people.person
    claim = entries.claim
    time = entries.time
    labels = tally.labels
    stages = tally.stages
    stopped = tally.rules
    score_first = scores.first
    openings = rules.openings
    count = len(openings)
    kinds, longest = slots.kinds, slots.longest
    used = places = np.int64(0)
    entry_first[0] = 0
    score, worth = scores.chance, scores.worth
    asked = False
    for opening in range(count):
        asked = asked or asks[opening] != 0
    for contact in range(start, stop):
        if used + count > len(entries.claim) or places + count * longest > len(entries.time):
            entries.used[0], entries.used[1] = used, places
            return contact
        if person.traits[contact] & BAD:
            entry_first[contact - start + 1] = used
            continue
        zone, stage = person.zone[contact], person.stage[contact]
        for place in range(score_first[contact], score_first[contact + 1]):
            score[scores.score.opening[place]] = scores.score.propensity[place]
            worth[scores.score.opening[place]] = scores.score.value[place]
        for opening in range(count):
            if asked:
                count_missing(rules, opening, people, contact, asks[opening], tally, sign)
            lasting = lasting_faults(rules, opening, people, contact)
            if openings.traits[opening] & SCORED and score[opening] != score[opening]:
                lasting |= 1 << MISSING
            campaign = openings.campaign[opening]
            claim.opening[used] = opening
            claim.at_from[used] = places
            claim.label[used] = opening
            claim.group[used] = campaign
            claim.own[used] = 0
            claim.id[used] = 0
            claim.outside[used] = -1
            claim.dated[used] = 0
            claim.rank[used] = 0
            claim.from_[used] = NONE
            claim.rule[used] = -1
            claim.asked[used] = NONE
            claim.given[used] = np.nan
            claim.claim_row[used] = -1
            kind = zone * kinds + slots.kind[opening]
            slotted = slots.kind[opening]
            for place in range(slots.first[kind], slots.first[kind + 1]):
                time.at[places] = slots.at[place]
                places += 1
            if slots.first[kind] == slots.first[kind + 1]:
                time.at[places] = rules.now
                slotted = -1
                places += 1
            claim.at_to[used] = places
            judge(rules, people, contact, entries, used, lasting, slotted)
            if claim.state[used] == MISSING and claim.rule[used] == RULE_SCORE:
                tally.missing[5] += sign
            if claim.state[used] and not claim.timed[used] and not everything:
                labels[opening, claim.state[used], 2] += sign
                stages[stage, 2] += sign
                if not is_by_opening(claim.state[used]):
                    stopped[claim.rule[used]] += sign
                places = claim.at_from[used]
                continue
            weigh(rules, opening, people, contact, score[opening], worth[opening], entries, used)
            used += 1
        for place in range(score_first[contact], score_first[contact + 1]):
            score[scores.score.opening[place]] = np.nan
            worth[scores.score.opening[place]] = np.nan
        entry_first[contact - start + 1] = used
    entries.used[0], entries.used[1] = used, places
    return stop


@entry_point
def collect_derived_now(rules, bars, people, asks, scores, start, stop, everything, sign, entries, entry_first, tally):
    """What `derive` does where there is one instant only, with openings as bits."""
    person = people.person
    consent = people.consent
    outsiders = people.outside
    holdout_of = people.holdout
    topic_of = people.topic
    claim = entries.claim
    time = entries.time
    labels = tally.labels
    stages = tally.stages
    stopped = tally.rules
    by_channels = bars.channel
    every = bars.every
    score_first = scores.first
    closed_in = bars.closed
    quiet_in = bars.quiet
    unfit_for = bars.stage
    miscast_for = bars.role
    foreign_to = bars.owner
    openings = rules.openings
    count, words = len(openings), len(bars.every)
    used = np.int64(0)
    entry_first[0] = 0
    score, worth = scores.chance, scores.worth
    asked = False
    for opening in range(count):
        asked = asked or asks[opening] != 0
    no_stage, no_role = rules.stage_fit.shape[1] - 1, rules.role_fit.shape[1] - 1
    channels, topics, holdouts = consent.shape[1], topic_of.shape[1], holdout_of.shape[1]
    expires = people.consent_until.shape[1] > 0
    for contact in range(start, stop):
        if used + count > len(entries.claim):
            entries.used[0], entries.used[1] = used, used
            return contact
        traits = person.traits[contact]
        if traits & BAD:
            entry_first[contact - start + 1] = used
            continue
        zone, stage, role = person.zone[contact], person.stage[contact], person.role[contact]
        for place in range(score_first[contact], score_first[contact + 1]):
            score[scores.score.opening[place]] = scores.score.propensity[place]
            worth[scores.score.opening[place]] = scores.score.value[place]
        for word in range(words):
            suppressed = every[word] if traits & IS_SUPPRESSED else 0
            opted_out = bars.needs[word] if traits & IS_OPTED_OUT else 0
            withdrawn, unknown = np.int64(0), bars.no_channel[word]
            for channel in range(channels):
                state = consent[contact, channel]
                if state == UNKNOWN:
                    unknown |= by_channels[channel, word]
                elif state == WITHDRAWN or (expires and people.consent_until[contact, channel] <= rules.now):
                    withdrawn |= by_channels[channel, word]
            by_channel = withdrawn
            for topic in range(topics):
                if topic_of[contact, topic] == WITHDRAWN:
                    withdrawn |= bars.topic[topic, word]
            closed, quiet = closed_in[zone, word], quiet_in[zone, word]
            outside = outsiders[contact, word]
            unfit, miscast, foreign = unfit_for[stage, word], miscast_for[role, word], foreign_to[stage, word]
            held = np.int64(0)
            for holdout in range(holdouts):
                if holdout_of[contact, holdout]:
                    held |= bars.holdout[holdout, word]
            missing = unknown & bars.deny_unknown[word]
            if traits & NO_ZONE:
                missing |= bars.no_zone[word]
            if stage == no_stage:
                missing |= bars.no_stage[word]
            if role == no_role:
                missing |= bars.no_role[word]
            needy = bars.scored[word]
            while needy:
                bit = trailing_zeros(needy)
                needy &= needy - 1
                opening = word * 64 + bit
                if score[opening] != score[opening]:
                    missing |= np.int64(1) << np.int64(bit)
            lasting = suppressed | opted_out | withdrawn | outside | unfit | miscast | foreign | held | missing
            timed = (closed | quiet) & ~lasting
            wanted = every[word]
            if not everything:
                # What lasts is only counted: by reason, the first that holds for an opening.
                wanted &= ~lasting
                left = lasting
                for reason in _LASTING:
                    if reason == SUPPRESSED:
                        found = suppressed
                    elif reason == OPTED_OUT:
                        found = opted_out
                    elif reason == NO_CONSENT:
                        found = withdrawn
                    elif reason == CLOSED:
                        found = closed
                    elif reason == NOT_IN_AUDIENCE:
                        found = outside
                    elif reason == WRONG_STAGE:
                        found = unfit
                    elif reason == WRONG_ROLE:
                        found = miscast
                    elif reason == WRONG_OWNER:
                        found = foreign
                    elif reason == HOLDOUT:
                        found = held
                    else:
                        found = missing
                    found &= left
                    left &= ~found
                    by_opening = reason < NO_CONSENT or NOT_IN_AUDIENCE <= reason <= WRONG_ROLE
                    while found:
                        bit = trailing_zeros(found)
                        found &= found - 1
                        opening = word * 64 + bit
                        labels[opening, reason, 2] += sign
                        stages[stage, 2] += sign
                        if reason == NO_CONSENT and by_channel >> bit & 1:
                            stopped[rules.consent_rule[openings.channel[opening]]] += sign
                        elif not by_opening:
                            rule = rule_of(rules, opening, people, contact, reason, rules.now)
                            stopped[rule] += sign
                            if rule == RULE_SCORE:
                                tally.missing[5] += sign
            if asked:
                for opening in range(word * 64, min(count, word * 64 + 64)):
                    count_missing(rules, opening, people, contact, asks[opening], tally, sign)
            while wanted:
                bit = trailing_zeros(wanted)
                wanted &= wanted - 1
                opening = word * 64 + bit
                reason, rule = np.int64(0), np.int64(-1)
                if lasting >> bit & 1:
                    if suppressed >> bit & 1:
                        reason, rule = SUPPRESSED, RULE_SUPPRESSED
                    elif opted_out >> bit & 1:
                        reason, rule = OPTED_OUT, RULE_OPTED_OUT
                    elif by_channel >> bit & 1:
                        reason, rule = NO_CONSENT, rules.consent_rule[openings.channel[opening]]
                    elif withdrawn >> bit & 1:
                        reason = NO_CONSENT
                        rule = rule_of(rules, opening, people, contact, NO_CONSENT, rules.now)
                    elif closed >> bit & 1:
                        reason, rule = CLOSED, rule_of(rules, opening, people, contact, CLOSED, rules.now)
                    elif outside >> bit & 1:
                        reason, rule = NOT_IN_AUDIENCE, openings.rule_audience[opening]
                    elif unfit >> bit & 1:
                        reason, rule = WRONG_STAGE, openings.rule_stage[opening]
                    elif miscast >> bit & 1:
                        reason, rule = WRONG_ROLE, openings.rule_role[opening]
                    elif foreign >> bit & 1:
                        reason, rule = WRONG_OWNER, rules.owner[opening, stage]
                    elif held >> bit & 1:
                        reason = HOLDOUT
                        rule = RULE_HOLDOUT if holdout_of[contact, 0] else openings.rule_holdout[opening]
                    else:
                        reason, rule = MISSING, rule_of(rules, opening, people, contact, MISSING, rules.now)
                        if rule == RULE_SCORE:
                            tally.missing[5] += sign
                elif timed >> bit & 1:
                    reason = CLOSED if closed >> bit & 1 else QUIET
                    rule = rule_of(rules, opening, people, contact, reason, rules.now)
                campaign = openings.campaign[opening]
                claim.opening[used] = opening
                claim.label[used] = opening
                claim.group[used] = campaign
                claim.own[used] = 0
                claim.id[used] = 0
                claim.outside[used] = claim.kind[used] = -1
                claim.dated[used] = 0
                claim.rank[used] = 0
                claim.from_[used] = NONE
                claim.asked[used] = NONE
                claim.given[used] = np.nan
                claim.claim_row[used] = -1
                claim.at_from[used] = used
                claim.at_to[used] = used + 1
                claim.state[used] = reason
                claim.rule[used] = rule
                claim.timed[used] = timed >> bit & 1
                time.at[used] = rules.now
                time.fits[used] = reason == 0
                weigh(rules, opening, people, contact, score[opening], worth[opening], entries, used)
                used += 1
        for place in range(score_first[contact], score_first[contact + 1]):
            score[scores.score.opening[place]] = np.nan
            worth[scores.score.opening[place]] = np.nan
        entry_first[contact - start + 1] = used
    entries.used[0], entries.used[1] = used, used
    return stop


@entry_point
def collect_claims(rules, people, slots, asks, scores, claims, start, stop, sign, entries, entry_first, tally):
    """One entry for each opening that a claim of a contact covers.

    Ends with the contact before whom the entries run out; the number of the next one.
    """
    person = people.person
    claim = entries.claim
    time = entries.time
    score_first = scores.first
    openings = rules.openings
    kinds, longest = slots.kinds, slots.longest
    used = places = np.int64(0)
    entry_first[0] = 0
    score, worth = scores.chance, scores.worth
    for contact in range(start, stop):
        if person.traits[contact] & BAD:
            # There is no room here for those who have too many claims.
            entry_first[contact - start + 1] = used
            continue
        low, high = claims.first[contact], claims.first[contact + 1]
        if used + high - low > len(entries.claim) or places + (high - low) * longest > len(entries.time):
            entries.used[0], entries.used[1] = used, places
            return contact
        zone = person.zone[contact]
        for place in range(score_first[contact], score_first[contact + 1]):
            score[scores.score.opening[place]] = scores.score.propensity[place]
            worth[scores.score.opening[place]] = scores.score.value[place]
        for claim_row in range(low, high):
            opening, own = claims.asked.opening[claim_row], claims.asked.own[claim_row]
            count_missing(rules, opening, people, contact, asks[opening], tally, sign)
            claim.opening[used] = opening
            claim.at_from[used] = places
            claim.label[used] = claims.asked.label[claim_row]
            claim.group[used] = claims.asked.group[claim_row]
            claim.rank[used] = 0
            claim.from_[used] = NONE
            claim.rule[used] = -1
            claim.asked[used] = claims.asked.asked[claim_row]
            claim.given[used] = claims.asked.weight[claim_row]
            claim.claim_row[used] = claim_row
            claim.own[used] = claim.id[used] = 0
            claim.outside[used] = -1
            claim.dated[used] = 0
            kind = zone * kinds + slots.kind[opening]
            slotted = np.int64(-1)
            if own >= 0:
                claim.own[used], claim.id[used] = claims.own.rank[own], claims.own.id[own]
            if own >= 0 and (claims.own.at[own] != NONE or claims.own.date[own] >= 0):
                at = claims.own.at[own]
                if at == NONE:
                    at = slots.dated[zone, slots.kind[opening], claims.own.date[own]]
                if not rules.now <= at <= rules.last:
                    claim.from_[used] = at
                    claim.rule[used] = claim.outside[used] = claims.own.rule[own]
                claim.dated[used] = 1
                time.at[places] = at
                places += 1
            elif slots.single or slots.first[kind] == slots.first[kind + 1]:
                time.at[places] = rules.now
                places += 1
            else:
                slotted = slots.kind[opening]
                for place in range(slots.first[kind], slots.first[kind + 1]):
                    time.at[places] = slots.at[place]
                    places += 1
            claim.at_to[used] = places
            chance, value = claims.asked.propensity[claim_row], claims.asked.value[claim_row]
            chance = score[opening] if chance != chance else chance
            value = worth[opening] if value != value else value
            lasting = lasting_faults(rules, opening, people, contact)
            given = claims.asked.weight[claim_row]
            if openings.traits[opening] & SCORED and chance != chance and given != given:
                lasting |= 1 << MISSING
            judge(rules, people, contact, entries, used, lasting, slotted)
            if claim.state[used] == MISSING and claim.rule[used] == RULE_SCORE:
                tally.missing[5] += sign
            weigh(rules, opening, people, contact, chance, value, entries, used)
            used += 1
        for place in range(score_first[contact], score_first[contact + 1]):
            score[scores.score.opening[place]] = np.nan
            worth[scores.score.opening[place]] = np.nan
        entry_first[contact - start + 1] = used
    entries.used[0], entries.used[1] = used, places
    return stop
