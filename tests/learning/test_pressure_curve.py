"""What one more message risks or brings, by how many there were before: fatigue, learned and seen."""

import csv
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from journeykit.journey.measure.intervals import Share
from journeykit.learning import Examples, Feature, FeatureMatrix
from journeykit.learning.pressure_curve import PressureCurve
from journeykit.learning.response_fit import fit_response

BANK = Path(__file__).parents[1] / "data" / "fatigue" / "bank_contacts.csv"
PRESSURE = ("touches", "touches_7d", "touches_30d")


def bank():
    """The calls of the bank, by the number of the call: contacts, and those who agreed."""
    with BANK.open() as file:
        rows = [{name: int(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
    return {row["contact_number"] - 1: (row["contacts"], row["responses"]) for row in rows}


def spaced(calls, part):
    """So many answers among so many calls, evenly spaced."""
    number = np.arange(1, calls + 1)
    return number * part // calls > (number - 1) * part // calls


def examples_of(counts, names=PRESSURE):
    """Messages with as many before as each has, so many of them answered at every time alike."""
    before = np.repeat(list(counts), [whole for whole, _ in counts.values()])
    label = np.concatenate([spaced(whole, part) for whole, part in counts.values()])
    when = np.concatenate([np.arange(whole) / whole for whole, _ in counts.values()])
    count = len(before)
    return Examples(
        matrix=FeatureMatrix(tuple(map(Feature, names)), np.column_stack([before] * len(names))),
        label=label,
        value=np.full(count, np.nan),
        at=(when * 1e9).astype(np.int64),
        contact=np.arange(count),
        campaign=np.zeros(count, np.int64),
        campaigns=("calls",),
    )


def test_fatigue_of_a_bank_s_clients():
    """The learned curve is within the published rates' intervals: 14.6 % of the first calls, 5.3 % of the tenth."""
    counts = bank()
    examples = examples_of(counts)
    model = fit_response("opt_out", examples)
    assert model.card.chosen != "rates"
    curve = PressureCurve.of(examples, *model.chances(examples.matrix))
    assert [step.before for step in curve.steps] == list(range(10))
    published = [0.146, 0.112, 0.112, 0.090, 0.079, 0.071, 0.064, 0.059, 0.064, 0.053]
    assert [step.seen.rate for step in curve.steps] == pytest.approx(published, abs=5e-4)
    for step in curve.steps:
        assert step.seen == Share.of(*counts[step.before][::-1])
        assert step.seen.low < step.chance < step.seen.high
        assert step.low < step.seen.rate < step.high


def test_risk_that_rises_is_learned():
    """Where each message more makes an opt-out likelier, the curve rises as the rates do."""
    counts = {before: (4_000, 20 + 30 * before) for before in range(8)}
    examples = examples_of(counts)
    found = fit_response("opt_out", examples).chances(examples.matrix)
    steps = PressureCurve.of(examples, *found, feature="touches_30d").steps
    chances = [step.chance for step in steps]
    assert chances == sorted(chances)
    for step in steps:
        assert step.chance == pytest.approx(step.seen.rate, rel=0.25)


def test_many_messages_before_are_one_step():
    """Ten messages before or more are shown as one step, and the table has a row for each."""
    examples = examples_of({0: (2_000, 40), 3: (1_000, 30), 12: (300, 12), 15: (300, 20)}, ("touches_7d",))
    curve = PressureCurve.of(examples, *fit_response("opt_out", examples).chances(examples.matrix))
    (table,) = curve.tables()
    assert table.title == "Opt-outs after a message, by how many others the contact had in the 7 days before"
    assert [row[:4] for row in table.rows] == [
        ("0", "2,000", "40", "2.00 %"),
        ("3", "1,000", "30", "3.00 %"),
        ("10 or more", "600", "32", "5.33 %"),
    ]
    assert [own["messages"] for own in curve.to_dict()["steps"]] == [2_000, 1_000, 600]
