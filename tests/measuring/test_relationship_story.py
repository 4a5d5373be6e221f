"""The story of the documentation: a world whose truth is known, and measures that find it."""

from __future__ import annotations

import sys
from pathlib import Path

from journeykit import Playbook
from journeykit.measuring import measure_relation

DOCS = Path(__file__).parents[2] / "docs"


def test_measures_find_the_truth_and_the_picture_is_current(monkeypatch) -> None:
    """What is kept, what remains, what is worth and who recommends: of some 40 intervals, nearly all hold the truth."""
    monkeypatch.syspath_prepend(DOCS)
    monkeypatch.syspath_prepend(DOCS / "relationship")
    try:
        import base
        import pictures
    finally:
        sys.modules.pop("base", None)
    touches, events = base.tables(seed=2026)
    book = Playbook.load(DOCS / "relationship" / "playbook.yaml")
    asked = {"contacts": base.contacts(), "touches": touches, "by": "kind", "since": base.START, "until": base.END}
    found = measure_relation(book, events, **asked)
    known, values = base.truth(), found.block("base_value").values
    scores = found.block("nps").by_arm["holdout of how-are-you"].scores
    kept = found.block("returns").kept[0].kept
    pairs = [
        (known["kept per contact"], kept),
        (known["value of a reader"], values.worth_of("reader")),
        (known["value of a customer"], values.worth_of("customer")),
        (known["score of those asked"], scores["messaged"]),
        (known["score of those not asked"], scores["holdout"]),
        *((known[f"value per cost of {own.team}"], own.value_per_cost) for own in found.block("returns").money[1:]),
    ]
    months = found.block("churn").everything.months[1:]
    pairs += [(known[f"churn of month {month}"], own.share) for month, own in enumerate(months, 1)]
    curves = {arm: found.block("churn").by_segment[arm].curve for arm in ("asked", "not asked")}
    truths = {arm: base.remaining(arm) for arm in curves}
    ends = [(own.low, own.high, truth) for truth, own in pairs]
    ends += [own for arm, curve in curves.items() for own in zip(curve.low, curve.high, truths[arm], strict=True)]
    assert len(ends) == 40
    assert sum(low <= truth <= high for low, high, truth in ends) >= 38
    assert kept.low > 0
    drawn = (DOCS / "relationship" / "remaining.svg").read_text(encoding="utf-8")
    assert drawn == pictures.remaining(curves, truths)
