"""Points and weights that are as large as they may be, or nearly alike: as the one-contact engine decides them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from journeykit import Arbiter, Campaign, Cap, Conflict, Content, Lag, OnMissing, Playbook, Scope, Window
from journeykit.basics.validation import LARGEST
from journeykit.job import Inputs, Job, TableJob
from journeykit.tables import decision_cells

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)


def campaigns(weights, channels=(), **options):
    """A content and a campaign for each weight, by email where no channel is said."""
    channels = channels or ["email"] * len(weights)
    return {
        "content": [Content(id=f"c{n}", channel=channel) for n, channel in enumerate(channels)],
        "campaigns": [
            Campaign(id=f"k{n}", content=[f"c{n}"], weight=weight, **options) for n, weight in enumerate(weights)
        ],
        "on_missing": OnMissing(consent="allow"),
    }


def assert_alike(playbook, history=None):
    """Both engines give the same rows; the outcomes and when what has to wait may go."""
    rows, arbiter = [{"contact_id": "p"}], Arbiter(playbook)
    job = Job(arbiter, Inputs(contacts=rows, touches=history), at=AT, run_id="run")
    wanted = [decision_cells(row) for _, decision in job.decisions() for row in decision.rows]
    found = TableJob(arbiter, rows, history, at=AT, run_id="run", everything=True).table()
    cells = zip(*(column.to_pylist() for column in found.columns), strict=True)
    assert [tuple(tuple(c) if isinstance(c, list) else c for c in row) for row in cells] == [
        tuple(tuple(c) if isinstance(c, list) else c for c in row) for row in wanted
    ]
    return found["outcome"].to_pylist(), found["retry_at"].to_pylist()


def test_points_that_are_nearly_alike_are_not_alike():
    """One email of a little more than a point leaves room for no sms of one point, and two of these weigh more."""
    cap = Cap(name="x", max=2, window=Window.rolling(days=1), points={"email": 1.00000001, "sms": 1})
    playbook = Playbook(**campaigns([10, 9, 9], ["email", "sms", "sms"]), caps=[cap])
    assert assert_alike(playbook)[0] == ["deferred", "granted", "granted"]


@pytest.mark.parametrize("tied", ["by nothing", "by caps", "by a conflict"])
@pytest.mark.parametrize("count", [9, 10, 19, 40])
def test_points_of_claims_do_not_overflow(count, tied):
    """However many claims of the most points there are, one takes all the room; where they are tied together, too."""
    caps = [Cap(name="x", max=LARGEST, window=Window.rolling(days=10), points=LARGEST)]
    channels = ["email" if n % 3 else "sms" for n in range(count)]
    conflicts = []
    if tied == "by caps":
        caps.append(Cap(name="y", max=2, window=Window.rolling(days=1), where=Scope({"campaign": ["k0", "k1"]})))
        caps.append(Cap(name="z", max=2, window=Window.rolling(days=1), by=("channel",)))
    if tied == "by a conflict":
        first, then = Scope({"campaign": ["k0"]}), Scope({"campaign": ["k1"]})
        conflicts.append(Conflict(name="c", first=first, then=then, lag=Lag(days=1)))
    weights = [10 + n for n in range(count)]
    playbook = Playbook(**campaigns(weights, channels), caps=caps, conflicts=conflicts)
    assert assert_alike(playbook)[0].count("granted") == 1


@pytest.mark.parametrize("most", [LARGEST, LARGEST / 2])
@pytest.mark.parametrize("count", [8, 9, 10, 18, 19, 20, 40])
def test_points_of_touches_do_not_overflow(count, most):
    """However many touches of the most points there are, there is room again when the last of them leaves."""
    cap = Cap(name="x", max=LARGEST, window=Window.rolling(days=10), points=most)
    playbook = Playbook(**campaigns([10], repeat=None), caps=[cap])
    history = [
        {"contact_id": "p", "sent_at": AT - timedelta(hours=n + 1), "channel": "email", "campaign_id": "k0"}
        for n in range(count)
    ]
    outcomes, again = assert_alike(playbook, history)
    assert outcomes == ["deferred"]
    # With half as many points, one touch may still count.
    assert again == [AT - timedelta(hours=1 if most == LARGEST else 2) + timedelta(days=10)]


@pytest.mark.parametrize("tied", [False, True])
def test_values_of_many_contacts_do_not_overflow(tied):
    """Ten thousand contacts, each of whom gets what weighs most, are worth ten thousand times as much."""
    given = campaigns([LARGEST, 1, 1], repeat=None)
    if tied:
        first, then = Scope({"campaign": ["k1"]}), Scope({"campaign": ["k2"]})
        given["conflicts"] = [Conflict(name="c", first=first, then=then, lag=Lag(days=1))]
    cap = Cap(name="x", max=1, window=Window.rolling(days=1))
    job = TableJob(Arbiter(Playbook(**given, caps=[cap])), [{"contact_id": str(n)} for n in range(10_000)], at=AT)
    job.table()
    summary = job.summary()
    assert summary.value == summary.bound == 10_000 * LARGEST
