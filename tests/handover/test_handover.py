"""Hand-overs: who leaves a contact to whom, with what brief, and who may speak to them then."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from journeykit import Arbiter, Contact, DataError, Journey, ModelError, Playbook, Segment, Stage, Touch, Transition
from journeykit.journey import HANDOVERS, Event, Evidence, Placement, Step, handover_rows, handovers
from journeykit.journey.placing_results import Placements


def day(number: float) -> datetime:
    return datetime(2026, 11, 1, 9, tzinfo=UTC) + timedelta(days=number - 1)


PLAYBOOK = Playbook.from_dict(
    {
        "journey": {
            "stages": [
                {"name": "awareness", "owner": "marketing"},
                {"name": "consideration", "owner": "marketing"},
                {"name": "decision", "owner": "sales", "qualified": "score >= 60 and role == 'decision_maker'"},
                {"name": "retention", "owner": "service"},
            ],
            "transitions": [
                {"from": "awareness", "to": "consideration", "event": "webinar"},
                {"from": "consideration", "to": "decision", "event": "demo_requested"},
                {"from": "decision", "to": "consideration", "event": "returned"},
                {"from": "decision", "to": "retention", "event": "purchase"},
            ],
        },
        "teams": [{"name": "demand_gen", "goal": "nurture"}, {"name": "events", "goal": "event"}],
        "content": [
            {"id": "outlook", "channel": "email", "topics": ["trends"], "solutions": ["advice"]},
            {"id": "deep-dive", "channel": "email", "solutions": ["platform"]},
        ],
        "campaigns": [
            {"id": "nurture", "team": "demand_gen", "content": ["outlook"]},
            {"id": "meetup", "team": "events", "content": ["deep-dive"], "stages": ["decision"]},
        ],
    }
)
JOURNEY = PLAYBOOK.journey
ANNA = Contact(
    id="anna",
    account="acme",
    role="decision_maker",
    persona="builder",
    segments=["enterprise"],
    interests=["trends"],
    consent=["email"],
    attributes={"score": 70},
)
WEBINAR, DEMO = Event("webinar", day(2)), Event("demo_requested", day(5))


def handed(events, contact=ANNA, at=None, **given):
    """The hand-overs of a contact who entered the journey on the first day."""
    events = list(events)
    placement = JOURNEY.place(events, at or day(30), contact, start=day(1))
    return handovers(placement, JOURNEY, playbook=PLAYBOOK, contact=contact, events=events, **given)


# Who hands over to whom


def test_a_stage_of_another_owner_is_a_hand_over() -> None:
    """Marketing's contact asks for a demo and goes to sales: from, to, when, by what, on what evidence."""
    (found,) = handed([WEBINAR, DEMO])
    assert (found.contact, found.source, found.target) == ("anna", "consideration", "decision")
    assert (found.from_owner, found.to_owner, found.at) == ("marketing", "sales", day(5))
    assert found.transition.event == "demo_requested"
    assert found.evidence == Evidence(day(5), "demo_requested")
    assert not found.is_return


def test_entering_the_journey_hands_nothing_over() -> None:
    """Who enters on a stage of sales was nobody's before: that is an arrival, not a hand-over."""
    placement = JOURNEY.place([], day(9), ANNA, stage="decision", start=day(1))
    assert handovers(placement, JOURNEY, contact=ANNA) == ()
    assert handovers(JOURNEY.place([], day(9)), JOURNEY) == ()


def test_the_same_owner_hands_nothing_over() -> None:
    """From awareness to consideration the contact stays with marketing."""
    assert handed([WEBINAR]) == ()


def test_a_lead_that_does_not_qualify_stays() -> None:
    """A user who asks for a demo does not pass to sales: the rule of the stage says so."""
    user = Contact(id="ben", role="user", attributes={"score": 90})
    assert handed([WEBINAR, DEMO], user) == ()


def test_sales_hands_back_too() -> None:
    """What sales returns is a hand-over to marketing, and says that it is a return; asked for again, it is none."""
    found = handed([WEBINAR, DEMO, Event("returned", day(8)), Event("demo_requested", day(12))])
    assert [(one.from_owner, one.to_owner, one.is_return) for one in found] == [
        ("marketing", "sales", False),
        ("sales", "marketing", True),
        ("marketing", "sales", False),
    ]


def test_sales_closes_it() -> None:
    """A purchase hands the contact on to service: no return."""
    *_, last = handed([WEBINAR, DEMO, Event("purchase", day(9))])
    assert (last.from_owner, last.to_owner, last.is_return) == ("sales", "service", False)


def chain(*owners: str | None) -> tuple[Journey, Placement]:
    """A journey of stages with these owners, and one who went through all of them at one instant."""
    stages = [Stage(f"s{place}", owner) for place, owner in enumerate(owners)]
    ways = [Transition(source=a.name, to=b.name, event="on") for a, b in pairwise(stages)]
    steps = [
        Step(stage.name, day(1), way, Evidence(day(1), "on")) for stage, way in zip(stages, [None, *ways], strict=True)
    ]
    return Journey(stages, ways), Placement("anna", stages[-1].name, tuple(steps))


def owners_of(*owners: str | None) -> list[tuple[str | None, str]]:
    journey, placement = chain(*owners)
    return [(one.from_owner, one.to_owner) for one in handovers(placement, journey)]


def test_a_stage_without_owner_hands_nothing_over() -> None:
    """The last owner stays responsible: they get the contact back without a hand-over, or hand them to a third."""
    assert owners_of("marketing", None, "marketing") == []
    assert owners_of("marketing", None, "sales") == [("marketing", "sales")]
    assert owners_of("marketing", None) == []


def test_the_first_owner_takes_over_from_nobody() -> None:
    """Where the contact entered on a stage without owner, the first department that owns them must learn of it."""
    assert owners_of(None, "sales", "marketing") == [(None, "sales"), ("sales", "marketing")]


def test_several_at_one_instant_come_in_order() -> None:
    """One instant may lead through stages of several owners; each hand-over is told, in the order of the path."""
    assert owners_of("marketing", "sales", "service") == [("marketing", "sales"), ("sales", "service")]


def test_a_nightly_job_gets_each_once() -> None:
    """Placement knows what happens at its instant, so `since`, the instant of the last run, is left out."""
    log = [WEBINAR, DEMO, Event("returned", day(8))]
    nights = [day(number) for number in range(1, 12)]
    found = [one for last, at in pairwise(nights) for one in handed(log, at=at, since=last)]
    assert [one.at for one in found] == [one.at for one in handed(log)] == [day(5), day(8)]


def test_another_contact_is_refused() -> None:
    """A placement, a contact and a decision of different people do not go together."""
    placement = JOURNEY.place([WEBINAR, DEMO], day(9), ANNA, start=day(1))
    with pytest.raises(ModelError, match="the placement is that of 'anna', the contact is 'ben'"):
        handovers(placement, JOURNEY, contact=Contact(id="ben"))
    with pytest.raises(ModelError, match="the decision is that of 'ben'"):
        handovers(placement, JOURNEY, contact=ANNA, decision=Arbiter(PLAYBOOK).decide(Contact(id="ben"), at=day(9)))
    with pytest.raises(ModelError, match="the placement is that of 'anna'"):
        placement.applied_to(Contact(id="ben"))


def test_another_journey_is_refused() -> None:
    """A path over stages that the journey does not have is that of another journey."""
    with pytest.raises(ModelError, match="'awareness', the journey has lead"):
        handovers(JOURNEY.place([WEBINAR], day(9), start=day(1)), Journey(["lead"]))


@given(st.lists(st.sampled_from([None, "marketing", "sales", "service"]), min_size=1, max_size=8))
def test_owners_follow_each_other(owners: list[str | None]) -> None:
    """Each begins with the owner of the one before, and there are as many as changes of owner; rows say the same."""
    journey, placement = chain(*owners)
    found = handovers(placement, journey)
    known = [owner for owner in owners[1:] if owner is not None]
    sequence = [owners[0], *known]
    changes = [pair for pair in pairwise(sequence) if pair[0] != pair[1]]
    assert [(one.from_owner, one.to_owner) for one in found] == changes
    for before, after in pairwise(found):
        assert before.to_owner == after.from_owner
    assert list(handover_rows(rows_of(placement), journey)) == [row_of(one) for one in found]


# The brief

MONDAY = Touch(at=day(2), campaign="nurture")
BOUNCED = Touch(at=day(3), channel="email", campaign="meetup", content="deep-dive", status="bounced")
LATER = Touch(at=day(20), channel="email", campaign="nurture", content="outlook")


def brief_of(**given):
    events = [WEBINAR, DEMO, *given.pop("events", ())]
    return handed(events, given.pop("contact", ANNA), **given)[0].brief


def test_a_brief_says_who_he_is() -> None:
    """Segments, role, account, persona and interests come from the contact."""
    brief = brief_of()
    assert (brief.role, brief.account, brief.persona) == ("decision_maker", "acme", "builder")
    assert (brief.segments, brief.interests) == (("enterprise",), ("trends",))


def test_segments_of_the_playbook_are_told() -> None:
    """Those with rules that are true at the hand-over, on the stage entered, beside those that the contact brings."""
    named = [
        Segment(name="hot", rule="score >= 60"),
        Segment(name="in talks", rule="stage == 'decision'"),
        Segment(name="cold", rule="score < 60"),
    ]
    placement = JOURNEY.place([WEBINAR, DEMO], day(9), ANNA, start=day(1))
    (found,) = handovers(placement, JOURNEY, playbook=evolve(PLAYBOOK, segments=named), contact=ANNA)
    assert found.brief.segments == ("enterprise", "hot", "in talks")


def test_a_brief_says_what_was_sent_newest_first() -> None:
    """Touches up to the hand-over with what they lack filled in; later ones do not belong to it."""
    brief = brief_of(touches=[MONDAY, LATER, BOUNCED, Touch(at=day(1), contact="ben", channel="email")])
    assert [(sent.at, sent.content, sent.channel, sent.team, sent.status) for sent in brief.sent] == [
        (day(3), "deep-dive", "email", "events", "bounced"),
        (day(2), "outlook", "email", "demand_gen", "sent"),
    ]


def test_a_brief_says_what_was_answered() -> None:
    """An answer belongs to the last message before it that it names; one that names none belongs to none."""
    clicks = [
        Event("clicked", day(2.5), {"campaign_id": "nurture"}),
        Event("opened", day(1.5), {"content": "outlook"}),
        Event("replied", day(4)),
        Event("clicked", day(6), {"content": "outlook"}),
    ]
    brief = brief_of(events=clicks, touches=[MONDAY, BOUNCED])
    assert [(answer.what, answer.content) for answer in brief.answers] == [
        ("replied", None),
        ("clicked", "outlook"),
        ("opened", "outlook"),
    ]
    assert [[answer.at for answer in sent.answers] for sent in brief.sent] == [[], [day(2.5)]]
    assert [event.event for event in brief.events] == ["demo_requested", "webinar"]


def test_answers_have_names_of_their_own() -> None:
    """A mapping says which events are answers, and in which words."""
    brief = brief_of(events=[Event("mail_click", day(3), {"content": "outlook"})], answers={"mail_click": "clicked"})
    assert [answer.what for answer in brief.answers] == ["clicked"]
    assert "mail_click" not in {event.event for event in brief.events}


def test_solutions_of_interest_are_derived() -> None:
    """What an event names comes first, then what the contact answered, then interests, then what they only got."""
    asked = Event("form", day(3), {"solution": "training; platform"})
    brief = brief_of(
        events=[asked, Event("clicked", day(4), {"content": "deep-dive"})],
        touches=[MONDAY, Touch(at=day(3), campaign="meetup")],
    )
    assert {one.name: one.why for one in brief.solutions} == {
        "training": ("named in form",),
        "platform": ("named in form", "clicked deep-dive", "was sent deep-dive"),
        "advice": ("interest in trends", "was sent outlook"),
    }
    assert [one.name for one in brief.solutions] == ["training", "platform", "advice"]


def test_what_bounced_speaks_for_nothing() -> None:
    """A message that did not arrive is no reason to think of a solution."""
    brief = brief_of(contact=Contact(id="anna", role="decision_maker", attributes={"score": 70}), touches=[BOUNCED])
    assert brief.solutions == ()


def test_a_brief_says_what_is_missing() -> None:
    """Not known is not the same as nothing."""
    bare = Contact(id="anna", role="decision_maker", attributes={"score": 70})
    placement = JOURNEY.place([WEBINAR, DEMO], day(9), bare, start=day(1))
    (found,) = handovers(placement, JOURNEY, contact=bare)
    assert found.brief.missing == (
        "account unknown",
        "persona unknown",
        "in no segment",
        "the contents are not known, so that nothing is known of their solutions",
        "no solution of interest is known",
        "what was sent is not known",
        "events and answers unknown",
        "open claims are not known: no decision was given",
    )
    assert {"nothing was sent", "no answers"} < set(brief_of(touches=[]).missing)
    (unknown,) = handovers(placement, JOURNEY)
    assert unknown.brief.missing[0] == "no contact record"


def test_later_news_does_not_change_a_brief() -> None:
    """What is known at the hand-over is the brief, whenever it is asked for."""
    early = handed([WEBINAR, DEMO], at=day(5), touches=[MONDAY])
    late = handed(
        [WEBINAR, DEMO, Event("clicked", day(20), {"content": "outlook"})], at=day(30), touches=[LATER, MONDAY]
    )
    assert early == late


def test_events_given_twice_count_once() -> None:
    """A repeated event is one, as in placement; and only so many are told."""
    many = [Event("visit", day(1 + number / 10)) for number in range(20)]
    brief = brief_of(events=[WEBINAR, *many, *many], recent=3)
    assert [event.event for event in brief.events] == ["demo_requested", "visit", "visit"]


# Open claims


def open_claims(**given):
    return [(claim.campaign, claim.outcome, claim.at) for claim in brief_of(**given).claims]


def test_open_claims_come_from_a_decision() -> None:
    """What is granted and not sent yet, put off or refused because of the hand-over is open; what went is not."""
    decide = lambda contact, at: Arbiter(PLAYBOOK).decide(contact, [MONDAY], at=at)  # noqa: E731
    assert open_claims(decision=decide) == [("meetup", "granted", day(5)), ("nurture", "denied", None)]
    decided = Arbiter(PLAYBOOK).decide(evolve(ANNA, stage="consideration"), at=day(4))
    went = [Touch(at=day(4), campaign="meetup", content="deep-dive", channel="email")]
    assert ("meetup", "granted", day(4)) in open_claims(decision=decided)
    assert "meetup" not in {campaign for campaign, *_ in open_claims(decision=decided, touches=went)}


def test_what_is_reserved_is_open() -> None:
    """A planned or reserved touch after the hand-over is on its way, and is told once."""
    ahead = Touch(at=day(7), campaign="meetup", status="reserved")
    decide = lambda contact, at: Arbiter(PLAYBOOK).decide(contact, at=at)  # noqa: E731
    found = open_claims(touches=[ahead], decision=decide)
    assert found == [("meetup", "granted", day(7)), ("nurture", "denied", None)]


def test_a_decision_made_later_says_nothing_of_an_old_hand_over() -> None:
    """Once the contact was handed on, a decision tells of the new state alone."""
    decision = Arbiter(PLAYBOOK).decide(ANNA, at=day(10))
    old, new = handed([WEBINAR, DEMO, Event("returned", day(8))], decision=decision)
    assert old.brief.claims == ()
    assert "open claims are not known: the decision was made after a later hand-over" in old.brief.missing
    assert not any("open claims" in line for line in new.brief.missing)


# Marketing is silent until sales returns or closes

LOG = [WEBINAR, DEMO, Event("returned", day(8))]


@pytest.mark.parametrize(
    ("at", "nurture", "meetup"),
    [
        (4, "granted", "granted"),
        (5, "wrong_owner", "granted"),
        (7, "wrong_owner", "granted"),
        (8, "granted", "granted"),
    ],
)
@pytest.mark.parametrize("engine", ["one", "columns"])
def test_marketing_waits_until_sales_returns(at: int, nurture: str, meetup: str, engine: str) -> None:
    """Meanwhile its claims are refused, but for the campaign that names the stage. Both engines say so."""
    arbiter = Arbiter(PLAYBOOK)
    if engine == "one":
        contact = JOURNEY.place(LOG, day(at), ANNA, start=day(1)).applied_to(ANNA)
        found = {row.campaign: str(row.reason) for row in arbiter.decide(contact, at=day(at)).rows}
    else:
        log = [{"contact_id": "anna", "event": event.event, "at": event.at} for event in LOG]
        people = [{"contact_id": "anna", "role": ANNA.role, "score": 70, "consent_email": True, "entered_at": day(1)}]
        placed = JOURNEY.place_table(log, people, at=day(at)).table
        stages = dict(zip(placed["contact_id"].to_pylist(), placed["stage"].to_pylist(), strict=True))
        contacts = [row | {"stage": stages[row["contact_id"]]} for row in people]
        table = arbiter.decide_table(contacts, at=day(at), everything=True)
        found = dict(zip(table["campaign_id"].to_pylist(), table["reason"].to_pylist(), strict=True))
    assert found == {"nurture": nurture, "meetup": meetup}


# How it is shown


def test_a_hand_over_is_readable() -> None:
    """Text and page have the same lines, and none of what comes from outside can break them."""
    nasty = Contact(id="a<b>\n", role="decision_maker", account="<script>", attributes={"score": 70})
    (found,) = handed([WEBINAR, DEMO], nasty, touches=[MONDAY])
    text, page = str(found), found._repr_html_()
    assert text.startswith("a<b>\\u000a goes from marketing to sales, Thu 2026-11-05 09:00 (UTC)\n")
    assert "  Mon 2026-11-02 09:00 nurture / outlook (email): sent" in text.splitlines()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_hand_over_is_plain_data() -> None:
    """Everything can be written as JSON."""
    odd = Event("form", day(3), {"size": 2.5, "on": day(2).date(), "tags": ["a"]})
    (found,) = handed([WEBINAR, odd, DEMO], touches=[MONDAY], decision=Arbiter(PLAYBOOK).decide(ANNA, at=day(4)))
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["to_owner"] == "sales"
    assert data["brief"]["sent"][0]["at"] == "2026-11-02T09:00:00+00:00"
    assert data["brief"]["events"][1]["properties"]["on"] == "2026-11-02"


def test_long_parts_are_cut_when_printed() -> None:
    """The text has the newest lines and says how many more there are; the value has all."""
    brief = brief_of(touches=[Touch(at=day(1 + number / 10), channel="email") for number in range(15)])
    assert len(brief.sent) == 15
    assert "  and 5 more" in str(brief).splitlines()


def test_answers_stand_with_what_they_answer() -> None:
    """The text tells an answer once: with the message, or apart where none is known; long values are cut."""
    events = [Event("clicked", day(2.5), {"content": "outlook"}), Event("replied", day(4), {})]
    text = str(brief_of(events=[*events, Event("form", day(3), {"text": "x" * 99})], touches=[MONDAY]))
    assert text.count("clicked Mon 2026-11-02 21:00") == 1
    assert "Answered too\n  Wed 2026-11-04 09:00 replied something\n" in text
    assert f"form (text {'x' * 57}...)" in text


# Tables


def rows_of(*placements: Placement) -> list[dict]:
    """Paths as a table of paths has them."""
    return [
        {
            "contact_id": placement.contact,
            "step": number,
            "stage": step.stage,
            "since": step.since,
            "label": step.transition.label if step.transition else None,
            "evidence_at": step.evidence.at,
        }
        for placement in placements
        for number, step in enumerate(placement.path)
    ]


def row_of(one) -> tuple:
    return (
        one.contact,
        one.at,
        one.source,
        one.target,
        one.from_owner,
        one.to_owner,
        one.transition.label,
        one.evidence.at,
    )


def placements() -> list[Placement]:
    logs = [LOG, [WEBINAR], [WEBINAR, DEMO, Event("purchase", day(9))], []]
    people = [Contact(id=name, role="decision_maker", attributes={"score": 70}) for name in "abcd"]
    return [JOURNEY.place(log, day(30), who, start=day(1)) for log, who in zip(logs, people, strict=True)]


@pytest.mark.parametrize("form", ["rows", "columns", "table", "batches", "placements", "tables"])
def test_tables_say_the_same(form: str) -> None:
    """Whatever holds the paths, its hand-overs are those of the contacts one by one, in order."""
    rows = rows_of(*placements())
    table = pa.Table.from_pylist(rows)
    paths = {
        "rows": rows,
        "columns": table.to_pydict(),
        "table": table,
        "batches": table.to_batches(max_chunksize=2),
        "placements": type("Placed", (Placements,), dict.fromkeys(Placements.__abstractmethods__) | {"paths": table})(),
        "tables": iter([table.slice(0, 3), table.slice(3)]),
    }[form]
    expected = [row_of(one) for placement in placements() for one in handovers(placement, JOURNEY)]
    found = list(handover_rows(paths, JOURNEY))
    assert found == expected
    assert len(found) == 4
    assert all(len(row) == len(HANDOVERS) for row in found)
    assert list(handover_rows(rows, JOURNEY, since=day(5))) == [row for row in expected if row[1] > day(5)]


def test_instants_may_be_whole_numbers() -> None:
    """Microseconds are instants too, and `since` knows them."""
    rows = [{**row, "since": int(row["since"].timestamp() * 1_000_000)} for row in rows_of(*placements())]
    assert [row[:2] for row in handover_rows(rows, JOURNEY, since=day(5))] == [("a", day(8)), ("c", day(9))]


def test_coded_columns_are_read() -> None:
    """Columns of Arrow's that hold each value once say the same, what is missing included."""
    table = pa.Table.from_pylist(rows_of(*placements()))
    for name in ("contact_id", "stage", "label"):
        table = table.set_column(table.schema.get_field_index(name), name, table[name].dictionary_encode())
    expected = [row_of(one) for placement in placements() for one in handovers(placement, JOURNEY)]
    assert list(handover_rows(table, JOURNEY)) == expected
    assert {row[6] for row in handover_rows(table.drop_columns(["label"]), JOURNEY)} == {None}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stage": "nowhere"}, "the stage 'nowhere', the journey has awareness"),
        ({"step": 7}, "step 7 follows step 0"),
    ],
)
@pytest.mark.parametrize("form", [list, pa.Table.from_pylist])
def test_bad_paths_are_refused(change: dict, message: str, form) -> None:
    """A stage of another journey and rows out of order are errors: nothing is dropped."""
    rows = rows_of(*placements())
    rows[1] |= change
    with pytest.raises(DataError, match=message):
        list(handover_rows(form(rows), JOURNEY))


def test_a_missing_column_is_named() -> None:
    """What is no table of paths is refused, with what is missing."""
    for paths in ([{"contact_id": "a"}], pa.table({"contact_id": ["a"]}), {"contact_id": ["a"]}):
        with pytest.raises(DataError, match="the column 'step' is missing; there is contact_id"):
            list(handover_rows(paths, JOURNEY))
    for paths in (7, "paths.csv", [7]):
        with pytest.raises(DataError, match=r"paths\b.*found|a row of a path is .* found 7"):
            list(handover_rows(paths, JOURNEY))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"since": "2026-11-05"}, "field 'since': found '2026-11-05'; allowed are an aware datetime"),
        ({"since": datetime(2026, 11, 5)}, "field 'since'"),
        ({"since": None}, "field 'since'"),
        ({"contact_id": None}, "field 'contact_id': a row has no contact"),
        ({"step": "1"}, "field 'step': a step is a whole number"),
        ({"step": None}, "field 'step'"),
        ({"stage": 3}, "a path has the stage 3"),
        ({"label": 3}, "field 'label': a label is a text, found 3"),
        ({"evidence_at": "x"}, "field 'evidence_at'"),
    ],
)
def test_rows_of_wrong_types_are_told(wrong, words):
    """A cell that cannot be is an error with its column, whether hand-overs are wanted since an instant or not."""
    journey = Journey([Stage("lead", "marketing"), Stage("deal", "sales")])
    day = datetime(2026, 11, 5, tzinfo=UTC)
    rows = [{"contact_id": "anna", "step": 0, "stage": "lead", "since": day}]
    rows += [{"contact_id": "anna", "step": 1, "stage": "deal", "since": day, "label": "demo"} | wrong]
    for since in (None, day - timedelta(days=1)):
        with pytest.raises(DataError, match=re.escape(words)):
            list(handover_rows(rows, journey, since))
