"""Numbers that both sides of the kernels know: reasons, rules, outcomes, flags. A test compares them with the enums."""

from __future__ import annotations

(
    NEEDS_CONSENT,
    OBEYS_CAPS,
    COUNTS,
    OBEYS_HOURS,
    PAUSED,
    DEFERS,
    LOCAL,
    STAGED,
    ROLED,
    DATED,
    SCORED,
    RECURS,
    SKIPS,
    OPT_OUT_SCORED,
    UPLIFT_SCORED,
) = (1 << bit for bit in range(15))
"""What is true of an opening."""
NONE = -(2**62)
"""No day, no weight, no instant."""
NO_LIMIT, OWN_LIMIT, BAD_LIMIT = -1, -2, -3
(
    RULE_SUPPRESSED,
    RULE_OPTED_OUT,
    RULE_DATES,
    RULE_STAGE,
    RULE_ROLE,
    RULE_ZONE,
    RULE_HOLDOUT,
    RULE_RESERVE,
    RULE_SCORE,
    RULE_EXPIRES,
    RULE_WAIT,
    RULE_STAGE_VALUE,
    RULE_MIN_UPLIFT,
) = range(13)
"""The rules that no playbook names, numbered."""
(
    OP_NUMBER,
    OP_ATTRIBUTE,
    OP_PROPENSITY,
    OP_VALUE,
    OP_COST,
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_MIN,
    OP_MAX,
    OP_COALESCE,
) = range(12)
"""The steps of a weight expression."""
NAMES_PROPENSITY, NAMES_VALUE = 1, 2
"""What a weight expression names, which is no factor then."""
MOST_CONFLICTS = 62
"""Conflicts and requirements are bits of one number."""
LAST_INSTANT = 253_402_041_600_000_000
"""From here on nothing is sent: the last day of the calendar, in microseconds since 1970."""
FIRST, SECOND = 9782798678568883157, 5545529020109919103
"""The keys of the two hashes of an id."""
STIR_FIRST, STIR_SECOND = 18397679294719823053, 14181476777654086739
"""The factors that mix the bits of a hash."""

(
    GRANTED,
    INVALID,
    SUPPRESSED,
    OPTED_OUT,
    NO_CONSENT,
    CLOSED,
    EXPIRED,
    NOT_IN_AUDIENCE,
    WRONG_STAGE,
    WRONG_ROLE,
    WRONG_OWNER,
    HOLDOUT,
    MISSING,
    REFUSED,
    QUIET,
    NOT_WORTH_IT,
    RESTING,
    CAPPED,
    CONFLICT,
    REQUIRES,
    QUOTA_FULL,
    OUTBID,
) = range(22)
"""The reasons, numbered in their order."""
LAST_REASON = QUIET
"""The last of those for which a claim is not eligible."""
TIMED = 1 << CLOSED | 1 << QUIET
UNKNOWN, AGREED, WITHDRAWN = 0, 1, 2
IS_SUPPRESSED, IS_OPTED_OUT, NO_ZONE, BAD = 1, 2, 4, 8
"""What is true of a contact; `BAD` ones fall back to the row engine."""
DENY_ZONE, DENY_STAGE, DENY_ROLE, DENY_CONSENT = 1, 2, 4, 8
"""What the playbook denies where data is missing."""

GRANTED_OUTCOME, DEFERRED_OUTCOME, DENIED_OUTCOME = range(3)

(
    KNOWN_RULE,
    KNOWN_WEIGHT,
    KNOWN_PRICE,
    KNOWN_DISPLACED,
    KNOWN_NEEDS,
    KNOWN_SEND_AT,
    KNOWN_RETRY_AT,
    KNOWN_CHANCE,
    KNOWN_NAMES,
) = range(9)
"""The validity bitmaps of the columns of decisions; from `KNOWN_NAMES` on those of the names of claims."""
