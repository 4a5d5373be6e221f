"""The numbers that kernels use are those of the enums and constants of the rest."""

from __future__ import annotations

import pytest

from journeykit import Outcome, Reason
from journeykit.basics import clock, ids
from journeykit.columns.ruleset_arrays import RULES
from journeykit.kernels.interface import codes, rules

REASONS = {
    "GRANTED": Reason.GRANTED,
    "INVALID": Reason.INVALID,
    "SUPPRESSED": Reason.SUPPRESSED,
    "OPTED_OUT": Reason.OPTED_OUT,
    "NO_CONSENT": Reason.NO_CONSENT,
    "CLOSED": Reason.CAMPAIGN_CLOSED,
    "EXPIRED": Reason.EXPIRED,
    "NOT_IN_AUDIENCE": Reason.NOT_IN_AUDIENCE,
    "WRONG_STAGE": Reason.WRONG_STAGE,
    "WRONG_ROLE": Reason.WRONG_ROLE,
    "WRONG_OWNER": Reason.WRONG_OWNER,
    "HOLDOUT": Reason.HOLDOUT,
    "MISSING": Reason.MISSING_DATA,
    "REFUSED": Reason.REFUSED,
    "QUIET": Reason.QUIET_HOURS,
    "RESTING": Reason.RESTING,
    "NOT_WORTH_IT": Reason.NOT_WORTH_IT,
    "CAPPED": Reason.CAPPED,
    "CONFLICT": Reason.CONFLICT,
    "REQUIRES": Reason.REQUIRES,
    "QUOTA_FULL": Reason.QUOTA_FULL,
    "OUTBID": Reason.OUTBID,
}
OUTCOMES = {
    "GRANTED_OUTCOME": Outcome.GRANTED,
    "DEFERRED_OUTCOME": Outcome.DEFERRED,
    "DENIED_OUTCOME": Outcome.DENIED,
}
RULE_NAMES = {
    "RULE_SUPPRESSED": "suppressed",
    "RULE_OPTED_OUT": "opted_out",
    "RULE_DATES": "dates",
    "RULE_STAGE": "stage",
    "RULE_ROLE": "role",
    "RULE_ZONE": "timezone",
    "RULE_HOLDOUT": "holdout",
    "RULE_RESERVE": "reserve",
    "RULE_SCORE": "score",
    "RULE_EXPIRES": "expires",
    "RULE_WAIT": "wait",
    "RULE_STAGE_VALUE": "stage_value",
    "RULE_MIN_UPLIFT": "min_uplift",
}


@pytest.mark.parametrize(
    ("names", "values"),
    [(REASONS, list(Reason)), (OUTCOMES, list(Outcome)), (RULE_NAMES, list(RULES))],
    ids=["reasons", "outcomes", "rules"],
)
def test_a_number_is_the_place_of_its_name(names, values):
    """Each number is the place of what it stands for, so that a new or moved member cannot shift the others."""
    assert {name: getattr(codes, name) for name in names} == {name: values.index(own) for name, own in names.items()}
    assert len(names) == len(values)


def test_what_makes_a_claim_ineligible_comes_first():
    """The reasons up to the last of eligibility are those for which a claim is not considered."""
    assert list(Reason)[codes.LAST_REASON] is Reason.QUIET_HOURS


def test_instants_and_hashes_are_those_of_the_rest():
    """Kernels know no other module, so their constants are copies."""
    assert clock.LAST == codes.LAST_INSTANT
    assert clock.FOREVER == rules.FOREVER
    assert (ids.FIRST, ids.SECOND) == (codes.FIRST, codes.SECOND)
    assert (ids.STIR_FIRST, ids.STIR_SECOND) == (codes.STIR_FIRST, codes.STIR_SECOND)
