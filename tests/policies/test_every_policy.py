"""Every policy, ours and others', keeps what the engine relies on."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from journeykit import Arbiter, Campaign, Contact, Content, Playbook, PolicyError, Reason, testing
from journeykit.columns import has_columns
from journeykit.playbook.sections import POLICIES
from journeykit.policies import BUILT_IN, Weighted
from journeykit.testing import check_policy

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
OUTSIDER = Path(__file__).parents[1] / "outsider"


def test_a_playbook_knows_the_policies_that_come_with_the_library():
    """The names that the playbook's warnings know are those of the policies."""
    assert tuple(BUILT_IN) == POLICIES


@pytest.fixture(scope="session")
def outsider(tmp_path_factory):
    """The foreign package, installed as its users would install it."""
    home = tmp_path_factory.mktemp("site")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "-t",
            str(home),
            str(OUTSIDER),
        ],
        check=True,
        capture_output=True,
    )
    sys.path.insert(0, str(home))
    yield home
    sys.path.remove(str(home))


def playbook(**settings) -> Playbook:
    return Playbook(
        content=[Content(id="note", channel="email")],
        campaigns=[
            Campaign(id="late", content=["note"], weight=2),
            Campaign(id="soon", content=["note"], weight=1, ends=date(2026, 11, 6)),
        ],
        **settings,
    )


@pytest.fixture(autouse=True)
def fewer_contacts(request, monkeypatch):
    """What the check finds it finds with fewer contacts; policies that come with the library are shown all of them."""
    if "name" not in request.fixturenames:
        monkeypatch.setattr(testing, "_MANY", 100)


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_built_in_policy_passes_the_check(name: str) -> None:
    """What we ask of others we keep ourselves."""
    check_policy(BUILT_IN[name])


def test_an_outsiders_policy_is_first_class(outsider) -> None:
    """A policy from a foreign package passes the check and decides like a built-in one."""
    import outsider as foreign

    check_policy(foreign.scarce)
    check_policy(foreign.CareFirst())
    arbiter = Arbiter(playbook(policy="mine"), {"mine": foreign.scarce})
    decision = arbiter.decide(Contact(id="a", consent=["email"]), at=AT)
    assert decision.row("soon").weight == 6.0
    assert decision.row("late").weight == 2.0


class Broken:
    """Fails in the way it is told to, for one campaign."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def weigh(self, claim, contact, context):
        if claim.campaign != "soon":
            return 1.0
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [float("nan"), float("inf"), -float("inf"), 1e10, None, "3", True, ZeroDivisionError("by nothing"), KeyError("x")],
    ids=repr,
)
def test_a_policy_that_fails_costs_its_claim_alone(answer: object) -> None:
    """A policy that raises, or gives no usable number, makes that claim invalid, by name, and the rest go on."""
    arbiter = Arbiter(playbook(policy="broken"), {"broken": Broken(answer)})
    decision = arbiter.decide(Contact(id="a", consent=["email"]), at=AT)
    assert decision.row("soon").reason is Reason.INVALID
    assert "broken" in decision.row("soon").note
    assert decision.row("late").reason is Reason.GRANTED


@pytest.mark.parametrize("answer", [float("nan"), ZeroDivisionError("by nothing")], ids=repr)
def test_the_check_finds_a_policy_that_fails(answer: object) -> None:
    """`check_policy` says which claim a policy fails on."""

    class Fails(Broken):
        def weigh(self, claim, contact, context):
            claim = type("Claim", (), {"campaign": "soon" if claim.campaign == "meetup" else "late"})
            return super().weigh(claim, contact, context)

    with pytest.raises(AssertionError, match="meetup"):
        check_policy(Fails(answer))


class Moody:
    """Says something else each time."""

    def __init__(self) -> None:
        self.calls = 0

    def weigh(self, claim, contact, context):
        self.calls += 1
        return float(self.calls)


def test_the_check_finds_a_policy_that_changes_its_mind() -> None:
    """A policy whose answers depend on what it was asked before is found out."""
    with pytest.raises(AssertionError, match="must say the same"):
        check_policy(Moody())


class Locked:
    """Cannot be pickled."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def weigh(self, claim, contact, context):
        return context.base


def test_the_check_finds_a_policy_that_cannot_travel() -> None:
    """A policy that does not survive pickling is found out."""
    with pytest.raises(AssertionError, match="pickling"):
        check_policy(Locked())


def test_an_unknown_policy_is_refused_with_a_suggestion() -> None:
    """A playbook that names a policy nobody gave is refused, with what is known."""
    with pytest.raises(PolicyError, match=r"known are first_come, ranked, weighted; did you mean 'weighted'\?"):
        Arbiter(playbook(policy="weighed"))


def test_a_class_is_no_policy() -> None:
    """A policy is an object; its class is refused."""
    with pytest.raises(PolicyError, match="must be an object"):
        Arbiter(playbook(policy="mine"), {"mine": Moody})


class Meddler:
    """Writes on what it is shown."""

    def weigh(self, claim, contact, context):
        contact.attributes["seen"] = True
        return context.base


def test_the_check_finds_a_policy_that_changes_contacts() -> None:
    """A policy that writes on the contacts it is shown is found out, on one's own contacts too."""
    mine = [Contact(id="a", consent=["email"], attributes={}), Contact(id="b", consent=["email"])]
    with pytest.raises(AssertionError, match="must not change the contacts"):
        check_policy(Meddler(), contacts=mine)


class Divides:
    """Fails on a propensity of a half."""

    def weigh(self, claim, contact, context):
        return context.base / (0.5 - (claim.propensity or 0))


def test_the_check_shows_scores() -> None:
    """A policy that fails on some propensity is found out."""
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        check_policy(Divides())


def test_a_check_in_which_nothing_is_weighed_is_none() -> None:
    """A playbook or contacts for which the policy is never asked do not pass."""
    for parts in ({"contacts": []}, {"playbook": Playbook()}, {"at": datetime(1999, 1, 1, tzinfo=UTC), "contacts": []}):
        with pytest.raises(AssertionError, match="no claim was weighed"):
            check_policy(Broken(1.0), **parts)


class Plain:
    """A policy without anything more."""

    def weigh(self, claim, contact, context):
        return 2.0 * context.base


class Told(Plain):
    """One that says what its weight is made of."""

    def factors(self, claim, contact, context):
        return {"base": context.base, "twice": 2}


class Mute(Plain):
    """One that fails to say it."""

    def factors(self, claim, contact, context):
        raise KeyError("no")


class Inherited(Told):
    """One whose factors are those of another weight."""

    def weigh(self, claim, contact, context):
        return 5.0


def test_a_policy_shows_its_own_factors():
    """Those of the built-in policy would be false beside a weight that they do not give."""

    def factors(policy):
        decision = Arbiter(playbook(policy="mine"), {"mine": policy}).decide(Contact(id="b", consent=["email"]), at=AT)
        return dict(decision.row("soon").factors)

    assert factors(Plain()) == {"mine": 2.0}
    assert factors(Told()) == {"base": 1.0, "twice": 2.0}

    assert factors(Mute()) == {"mine": 2.0}
    assert factors(Inherited()) == {"mine": 5.0}
    check_policy(Told())
    with pytest.raises(AssertionError, match="factors must give a mapping of names to numbers"):
        check_policy(Mute())


class Columned:
    """A policy with a method for columns, which may be wrong."""

    def __init__(self, how="right"):
        self.how = how

    def weigh(self, claim, contact, context):
        return context.base

    def weigh_columns(self, columns):
        if self.how == "error":
            raise ValueError("no")
        return {"scale": columns.base * 3, "length": columns.base[1:]}.get(self.how, columns.base)


class RankColumned(Columned):
    """One that ranks too."""

    def rank(self, claim, contact, context):
        return context.campaign.priority

    def rank_columns(self, columns):
        return {"rank": columns.priority + 1, "ranks": columns.priority[:0]}.get(self.how, columns.priority)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (Columned("scale"), "weigh_columns gives .* for campaign .* and contact .*, where weigh gives"),
        (Columned("length"), "weigh_columns must give one number for each claim: .* of them, found"),
        (Columned("error"), "weigh_columns raises ValueError: no"),
        (RankColumned("rank"), "rank_columns gives .* for campaign .*, where rank gives"),
        (RankColumned("ranks"), "rank_columns must give one number for each claim"),
    ],
)
def test_methods_for_columns_must_say_what_those_for_one_claim_say(policy, said):
    """A wrong scale, a wrong length and an error are told, with the claim."""
    if not has_columns():
        pytest.skip("the columnar engine is not installed")
    with pytest.raises(AssertionError, match=said):
        check_policy(policy)


@pytest.mark.parametrize("policy", [Columned(), RankColumned()])
def test_methods_for_columns_that_say_the_same_pass(policy):
    """Over many contacts, with scores and without."""
    if not has_columns():
        pytest.skip("the columnar engine is not installed")
    check_policy(policy)


def test_claims_and_touches_are_columns_of_one_kind():
    """Ids and names mean the same of both; the number of a campaign has a name of its own."""
    pytest.importorskip("pyarrow")
    seen = []

    class Looks(Weighted):
        def weigh_columns(self, columns):
            touches = columns.touches
            seen.append([[getattr(own, name).tolist() for name in names] for own in (columns, touches)])
            seen.append([columns.campaigns[number] for number in columns.campaign_number])
            return columns.product

    names = ("contact", "campaign", "content", "channel", "team", "goal")
    playbook = Playbook.from_dict(
        {
            "policy": "looks",
            "teams": [{"name": "events", "goal": "event"}],
            "content": [{"id": "note", "channel": "email"}],
            "campaigns": [{"id": "news", "team": "events", "content": ["note"], "repeat": None}],
        }
    )
    at = datetime(2026, 11, 5, tzinfo=UTC)
    sent = [{"contact_id": "anna", "sent_at": "2026-11-02T09:00Z", "channel": "email", "campaign_id": "news"}]
    people = [{"contact_id": "anna", "consent": "email"}]
    Arbiter(playbook, {"looks": Looks()}).decide_table(people, sent, at=at)
    (claims, touches), campaigns = seen
    assert claims == touches == [[0], ["news"], ["note"], ["email"], ["events"], ["event"]]
    assert campaigns == ["news"]
