"""Guards that tripped: their campaigns are paused, as if the playbook did it, in both engines."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import tabled
from attrs import evolve
from generate import lively

from journeykit import (
    Arbiter,
    Cap,
    Claim,
    Contact,
    DataError,
    Guard,
    GuardTrip,
    Playbook,
    TrippedGuards,
    Window,
)
from journeykit.job import Inputs, Job

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
GUARDS = [
    Guard(name="complaints", response="complaint", max=0.001, window="30d"),
    Guard(name="opt-outs", response="opt_out", max=0.01, window="30d"),
]
RULES = evolve(
    Playbook.from_dict({
        "content": [{"id": "note", "channel": "email"}],
        "campaigns": [{"id": "launch", "content": ["note"], "weight": 8}, {"id": "news", "content": ["note"]}],
        "caps": [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}],
    }),
    guards=GUARDS,
)  # fmt: skip
ANNA = Contact(id="anna", consent=["email"])


def tripped(*trips, playbook=RULES, asked=("complaints", "opt-outs")):
    own = [
        GuardTrip(guard=guard, campaign=name, messages=900, answered=9, responses=9, third_last_at=AT)
        for guard, name in trips
    ]
    return TrippedGuards(playbook=playbook.fingerprint, until=AT, asked=asked, trips=own)


def told(arbiter, contact=ANNA, **more):
    decision = arbiter.decide(contact, at=AT, **more)
    assert arbiter.audit(decision, contact, claims=more.get("claims")) == ()
    return {row.campaign: (str(row.outcome), str(row.reason), row.rule, row.retry_at) for row in decision.rows}


def test_a_campaign_is_paused_by_the_guard_that_tripped():
    """Its claims are denied with the guard's name, no time helps, and others get its place."""
    assert told(Arbiter(RULES))["launch"][0] == "granted"
    assert told(Arbiter(RULES, guards=tripped(("complaints", "launch")))) == {
        "launch": ("denied", "campaign_closed", "complaints", None),
        "news": ("granted", "granted", None, None),
    }


def test_of_several_guards_the_first_of_the_playbook_is_told():
    """In whatever order they tripped; a guard that the playbook does not know comes last, and holds."""
    both = tripped(("gone", "launch"), ("opt-outs", "launch"), ("complaints", "launch"), ("gone", "news"))
    assert {name: own[2] for name, own in told(Arbiter(RULES, guards=both)).items()} == {
        "launch": "complaints",
        "news": "gone",
    }


def test_what_the_playbook_pauses_itself_stays_so():
    """The rule is the playbook's."""
    paused = evolve(RULES, campaigns=[evolve(RULES.campaigns[0], paused=True), RULES.campaigns[1]])
    assert told(Arbiter(paused, guards=tripped(("complaints", "launch"))))["launch"][2] == "paused"


def test_campaigns_that_no_playbook_lists_are_paused_too():
    """A gatekeeper takes any campaign, and pauses what its guards tripped for."""
    gate = Playbook(caps=[Cap(name="two a day", max=2, window=Window.calendar("day"))], guards=GUARDS)
    claims = [Claim(campaign=name, channel="email", weight=1) for name in ("launch", "news")]
    found = told(Arbiter(gate, guards=tripped(("complaints", "launch"), playbook=gate)), claims=claims)
    assert {name: own[1:3] for name, own in found.items()} == {
        "launch": ("campaign_closed", "complaints"),
        "news": ("granted", None),
    }


def test_a_campaign_is_found_whatever_its_spelling():
    """Case and blanks aside, as everywhere."""
    assert told(Arbiter(RULES, guards=tripped(("complaints", " Launch"))))["launch"][2] == "complaints"


def test_the_audit_finds_what_was_granted_all_the_same():
    """It reads the tripped guards itself."""
    decision = Arbiter(RULES).decide(ANNA, at=AT)
    (broken,) = Arbiter(RULES, guards=tripped(("complaints", " Launch"))).audit(decision, ANNA)
    assert str(broken) == "campaign_closed: launch: the guard 'complaints' pauses it"


def test_arbiters_and_deciders_with_guards_are_pickled():
    """Whole, guards included."""
    arbiter = Arbiter(RULES, guards=tripped(("complaints", "launch")))
    for own in (arbiter, arbiter.decider):
        assert pickle.loads(pickle.dumps(own)).decider.ruleset.pauses == {"launch": "complaints"}


def test_what_is_paused_makes_another_run():
    """A run that is begun again after something tripped is not the same; without trips it is."""
    ids = {Arbiter(RULES, guards=own).run_id(AT) for own in (None, tripped(), tripped(("complaints", "launch")))}
    assert len(ids) == 2


def test_runs_tell_of_guards_that_were_not_asked_and_strict_ones_refuse():
    """Nothing fails open without a word."""
    rows = [{"contact_id": "anna", "consent_email": True}]

    def notes(guards):
        job = Job(Arbiter(RULES, guards=guards), Inputs(contacts=rows), at=AT)
        list(job.decisions())
        return [note for note in job.summary().notes if "guards" in note]

    assert notes(tripped()) == []
    assert len(notes(None)) == len(notes(tripped(asked=["complaints"]))) == 1
    for guards, said in ((None, "not known what tripped"), (tripped(asked=["complaints"]), "'opt-outs' was not asked")):
        with pytest.raises(DataError, match=said):
            Arbiter(RULES, guards=guards).decide_table(rows, at=AT, strict=True)
        with pytest.raises(DataError, match=said):
            Job(Arbiter(RULES, guards=guards), Inputs(contacts=rows), at=AT, strict=True)
    assert Arbiter(RULES, guards=tripped()).decide_table(rows, at=AT, strict=True).num_rows == 2


def test_single_decisions_tell_of_guards_that_were_not_asked():
    """Among their notes."""
    assert Arbiter(RULES, guards=tripped()).decide(ANNA, at=AT).notes == ()
    (note,) = Arbiter(RULES).decide(ANNA, at=AT).notes
    assert "it is not known what tripped" in note


@pytest.mark.parametrize("start", range(6000, 6018, 6))
def test_it_is_as_if_the_playbook_paused_the_campaigns_in_both_engines(start):
    """Random playbooks of every kind, plans, accounts and quotas among them: only the rule has another name."""
    for seed in range(start, start + 6):
        found, rng = lively(seed), Random(seed)
        playbook = found.playbook
        names = [own.id for own in playbook.campaigns or () if rng.random() < 0.4]
        if not names:
            continue
        pausing = [evolve(own, paused=own.paused or own.id in names) for own in playbook.campaigns]
        by_hand = evolve(playbook, campaigns=pausing)
        guarded = Arbiter(playbook, guards=tripped(*(("too much", name) for name in names), playbook=playbook))
        rows, history = tabled.contacts(rng, found.at, 6), tabled.touches(rng, playbook, found.at, 6)
        how = {"at": found.at, "until": found.until, "run_id": "r", "everything": True}
        wanted = Arbiter(by_hand).decide_table(rows, history, **how).drop(["playbook"]).to_pylist()
        got = guarded.decide_table(rows, history, **how)
        assert renamed(got.drop(["playbook"]).to_pylist(), playbook) == wanted
        job = Job(guarded, Inputs(contacts=rows, touches=history), at=found.at, until=found.until, run_id="r")
        one = [row.rule for _, decision in job.decisions() for row in decision.rows]
        assert one == got["rule"].to_pylist()


def renamed(rows, playbook):
    """Rows in which campaigns that a guard pauses name what a campaign names that is paused by hand."""
    change = {"too much": "paused"}
    return [
        {
            **row,
            "rule": change.get(row["rule"], row["rule"]),
            "binding": [change.get(own, own) for own in row["binding"] or ()] if row["binding"] is not None else None,
        }
        for row in rows
    ]


def test_plans_leave_out_what_is_paused():
    """On every day of the plan."""
    arbiter = Arbiter(RULES, guards=tripped(("complaints", "launch")))
    decision = arbiter.decide(ANNA, at=AT, until=AT + timedelta(days=3))
    assert {grant.campaign for grant in decision.granted} == {"news"}
