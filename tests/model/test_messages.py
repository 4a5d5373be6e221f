"""Values in messages: written as people write them, not as Python does."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from journeykit import Arbiter, Claim, Contact, ModelError, Playbook, Rule
from journeykit.basics.clock import micros
from journeykit.basics.validation import shown

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
ODD = {
    "2026-01-05": date(2026, 1, 5),
    "2026-11-05T10:00:00+00:00": AT,
    "09:15:00": time(9, 15),
    "1.50": Decimal("1.50"),
    "1/3": Fraction(1, 3),
    "2.5": np.float64(2.5),
    "3 days, 0:00:00": timedelta(days=3),
    "Europe/Skopje": ZoneInfo("Europe/Skopje"),
    f"'{UUID(int=5)}'": UUID(int=5),
    "[2026-01-05, 'x']": [date(2026, 1, 5), "x"],
    "(1.5,)": (Decimal("1.5"),),
    "{'a': 2026-01-05}": {"a": date(2026, 1, 5)},
    "{2, 7}": {np.int64(7), 2},
}


@pytest.mark.parametrize(("text", "value"), ODD.items())
def test_a_value_is_shown_in_plain_words(text, value):
    """Dates, instants and numbers as they are written; texts in quotes; so within lists and mappings."""
    assert shown(value) == text


@pytest.mark.parametrize("value", [date(2026, 1, 5), Decimal("1.50"), AT])
def test_messages_show_plain_words(value):
    """Refusals of the model, faults of claims and explanations of rules."""
    told = [str(Claim(campaign="k", **{name: value}).fault()) for name in ("channel", "weight", "tags", "numbers")]
    makers = (
        lambda: Contact(id="anna", consent={"email": value}),
        lambda: Contact(id="anna", consent=value),
        lambda: Contact(id="anna", topic_consent=value),
        lambda: Contact(id="anna", preferences={"email": value}),
        lambda: Contact(id="anna", attributes=value),
        lambda: micros(value if value is not AT else Decimal(1)),
        lambda: Playbook(content=[value]),
        lambda: Playbook(content=value),
        lambda: Playbook(name=value),
        lambda: Arbiter(Playbook()).decide(Contact(id="anna"), at=AT, claims=[value]),
    )
    for make in makers:
        with pytest.raises((ModelError, TypeError)) as refused:
            make()
        told.append(str(refused.value))
    told.append(str(Rule("born > 1").explain({"born": value}, AT)))
    assert [text for text in told if any(odd in text for odd in ("datetime.", "Decimal("))] == []


def test_explanations_show_dates_plainly():
    """The value of an attribute in an explanation."""
    found = Rule("since >= '2026-02-01'").explain({"since": date(2026, 1, 5)}, AT)
    assert "since = 2026-01-05" in str(found)
