"""Learning from tables, and scoring: the whole way, on little data."""

from __future__ import annotations

import csv
import json
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from letters import AT, on, playbook, tables

import journeykit
from journeykit import Campaign, DataError, ModelError, Response, Scope
from journeykit.basics.clock import micros
from journeykit.learning import (
    Feature,
    FeatureMaker,
    FeatureMatrix,
    LearnedModel,
    MessageHistory,
    PossibleMessages,
    examples_of,
    features_of,
    score,
)
from journeykit.learning.level_encoder import LevelEncoder
from journeykit.learning.scored_campaigns import scored_campaigns
from journeykit.tables import ScoreTable


@pytest.fixture(scope="module")
def learned() -> LearnedModel:
    return journeykit.learn(playbook(), **tables(), until=AT, static="born")


def scored(model: LearnedModel, **more: object) -> pa.Table:
    own = tables() | {name: more.pop(name) for name in ("touches", "events", "contacts") if name in more}
    rules = more.pop("playbook", playbook())
    return score(rules, model, own["contacts"], own["touches"], own["events"], at=AT, **more).table()


def test_every_contact_is_scored_for_every_campaign(learned):
    """Contact by contact, in the order of the table, campaigns in the playbook's; chances are those of its messages."""
    found = scored(learned)
    assert found.column_names == ["contact_id", "campaign_id", "propensity", "spread", "opt_out"]
    assert found["contact_id"].to_pylist()[:4] == ["c000", "c000", "c001", "c001"]
    assert found["campaign_id"].to_pylist()[:2] == ["meetup", "flash"]
    own = np.array(found["propensity"]).reshape(-1, 2)
    assert own[:, 0].mean() > own[:, 1].mean()
    assert all(0 <= value <= 1 for name in ("propensity", "opt_out") for value in found[name].to_pylist())
    assert min(found["spread"].to_pylist()) > 0


def test_a_scored_message_has_the_features_of_the_same_message_as_an_example():
    """Both come from one function; had it been sent at the instant, the model would have learned from the same row."""
    own, rules = tables(), playbook()
    past = MessageHistory.read(rules, own["touches"], own["events"], until=on(50), contacts=own["contacts"])
    features = features_of(past)
    kinds = scored_campaigns(rules, on(50))
    asked = PossibleMessages(
        contact=np.arange(40), at=np.full(40, micros(on(50))), moment=np.arange(40), kind=np.arange(40) % 2,
        kinds=tuple(kind.facets for kind in kinds),
    )  # fmt: skip
    might = FeatureMaker(past, features).matrix(asked)
    sent = [
        {"contact_id": f"c{number:03}", "sent_at": on(50), "campaign_id": kinds[number % 2].campaign}
        for number in range(40)
    ]
    before = [touch for touch in own["touches"] if touch["sent_at"] < on(50)]
    whole = MessageHistory.read(rules, [*before, *sent], own["events"], until=AT, contacts=own["contacts"])
    examples = examples_of(whole, until=AT, since=on(50), features=features)["sale"]
    assert len(examples) == 40
    np.testing.assert_array_equal(examples.matrix.values, might.values)


def test_a_model_keeps_its_scores_in_its_file(learned, tmp_path):
    """The model of a file gives the scores that it gave before."""
    learned.save(tmp_path / "model.skops")
    assert scored(LearnedModel.load(tmp_path / "model.skops", playbook())).equals(scored(learned))


def test_a_contact_whose_message_is_not_known_yet_is_scored(learned):
    """Without any past, by the campaign alone; contacts of touches who are in no table of contacts are counted."""
    people = [{"contact_id": "nobody", "born": 1990}]
    own = tables()
    scores = score(playbook(), learned, people, own["touches"], own["events"], at=AT)
    assert scores.table()["contact_id"].to_pylist() == ["nobody", "nobody"]
    assert any("not scored: 40" in note for note in scores.notes)


def test_without_contacts_all_who_have_a_past_are_scored():
    """Those of touches and of events."""
    model = journeykit.learn(playbook(), tables()["touches"], tables()["events"], until=AT)
    events = [*tables()["events"], {"contact_id": "visitor", "event": "purchase", "at": on(1)}]
    assert "visitor" in scored(model, contacts=None, events=events)["contact_id"].to_pylist()


def test_contents_that_differ_are_scored_apart(learned):
    """A campaign whose contents have different channels has a row for each of them."""
    rules = playbook(campaigns=[Campaign(id="meetup", content=["letter", "text"]), Campaign(id="flash", paused=True)])
    model = LearnedModel(responses=learned.responses, static=("born",))
    found = scored(model, playbook=rules)
    assert found.column_names == ["contact_id", "campaign_id", "content_id", "propensity", "spread"]
    assert found["content_id"].to_pylist()[:2] == ["letter", "text"]
    assert set(found["campaign_id"].to_pylist()) == {"meetup"}


def test_the_propensity_is_that_of_the_response_that_is_about_the_message():
    """The first of the playbook in whose scope the message is; none where no response is about it."""
    near = Response(name="near", event="purchase", within="3d", where=Scope.of(campaign="meetup"))
    rules = playbook(responses=[near])
    found = scored(journeykit.learn(rules, **tables(), until=AT, static=["born"]), playbook=rules)
    own = found["propensity"].to_pylist()
    assert own[1] is None
    assert 0 < own[0] < 1


def test_a_table_of_scores_is_what_decisions_read(learned, tmp_path):
    """Parquet, CSV and JSON lines hold the same, and are read as scores."""
    own = tables()
    scores = score(playbook(), learned, own["contacts"], own["touches"], own["events"], at=AT)
    for ending in ("parquet", "csv", "jsonl"):
        scores.write(tmp_path / f"scores.{ending}")
    rows = scores.table().to_pylist()
    assert pq.read_table(tmp_path / "scores.parquet").to_pylist() == rows
    with (tmp_path / "scores.csv").open(encoding="utf-8") as file:
        assert [float(row["propensity"]) for row in csv.DictReader(file)] == [row["propensity"] for row in rows]
    assert [json.loads(line) for line in (tmp_path / "scores.jsonl").read_text("utf-8").splitlines()] == rows
    read = ScoreTable.read(str(tmp_path / "scores.parquet"), playbook=playbook())
    assert read.take("c000")["flash"].opt_out == rows[1]["opt_out"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"until": on(2)}, "there are no messages to learn from"),
        ({"responses": ["sales"]}, r"no response 'sales'; did you mean 'sale'\?"),
        ({"since": AT}, "since must be before until"),
        ({"playbook": playbook(responses=[])}, "there is nothing to learn"),
        ({"contacts": None, "static": "born"}, "give the table"),
        ({"contacts": [{"contact_id": "c000", "valid_from": "once"}]}, "contacts: its only row cannot be used"),
        ({"contacts": [*tables()["contacts"], {"contact_id": "c000"}], "max_bad": "1%"}, "1 of 41 rows are bad"),
        ({"until": datetime(2026, 11, 30)}, "until must be an aware datetime"),
    ],
)
def test_what_cannot_be_learned_is_said(more, said):
    """Too young messages, a response that there is not, no time, nothing to learn, no contacts, no offset."""
    given = {"playbook": playbook(), "until": AT} | tables() | more
    with pytest.raises((DataError, ModelError), match=said):
        journeykit.learn(given.pop("playbook"), given.pop("touches"), given.pop("events"), **given)


@pytest.mark.parametrize(
    ("contacts", "said"),
    [
        ([{"contact_id": "c000"}], "the model asks for 'born', which the contacts do not have"),
        ([{"contact_id": "c000", "born": "long ago"}], "'born' is text, and in what the model learned from a number"),
        (None, "the model asks for 'born', an attribute of contacts: give the table of contacts"),
        ([], "the model asks for 'born', and the table has no rows"),
    ],
)
def test_contacts_that_lack_what_a_model_asks_for_are_refused(learned, contacts, said):
    """It names the attribute."""
    with pytest.raises(DataError, match=said):
        scored(learned, contacts=contacts)


def test_touches_of_campaigns_that_are_gone_are_learned_from(learned):
    """They are pressure, and examples of a campaign that nobody scores."""
    own = tables()
    touches = [{**touch, "campaign_id": "gone"} for touch in own["touches"][:50]] + own["touches"][50:]
    model = journeykit.learn(playbook(), touches, own["events"], until=AT)
    assert model.cards["sale"].parts[0].messages == learned.cards["sale"].parts[0].messages
    assert set(scored(model, touches=touches)["campaign_id"].to_pylist()) == {"meetup", "flash"}


def test_an_attribute_that_is_the_answer_is_harmless():
    """Dated, it is known only after the message; undated, it is left out."""
    own = tables(80)
    dated = [
        {"contact_id": name, "valid_from": at, "bought": bought}
        for name in {touch["contact_id"] for touch in own["touches"]}
        for at, bought in [(on(-1), "no"), *((e["at"], "yes") for e in own["events"] if e["contact_id"] == name)]
    ]
    past = MessageHistory.read(playbook(), own["touches"], own["events"], until=AT, contacts=dated)
    found = examples_of(past, until=AT)["sale"]
    first = found.matrix.column("touches") == 0
    assert {*np.array(found.matrix.texts("bought"))[first]} == {"no"}
    undated = [{"contact_id": row["contact_id"], "bought": row["bought"]} for row in dated[::3]]
    past = MessageHistory.read(playbook(), own["touches"], own["events"], until=AT, contacts=undated)
    assert "bought" not in {feature.name for feature in features_of(past)}


def test_what_is_new_is_not_what_is_missing():
    """A campaign that the model never saw is no message without one, and a new city is not the lack of one."""
    features = (Feature("campaign", "category", ("meetup",)), Feature("city", "category", ("Ohrid",)))
    new = [{"contact_id": "new", "city": "Bitola"}, {"contact_id": "lacking", "city": None}]
    past = MessageHistory.read(playbook(), [], [], until=AT, contacts=new)
    asked = PossibleMessages(
        contact=past.contacts.given, at=np.full(2, micros(AT)), moment=np.arange(2), kind=np.arange(2),
        kinds=({"campaign": ("brand-new",)}, {}),
    )  # fmt: skip
    found = FeatureMaker(past, features).matrix(asked)
    assert (found.texts("campaign"), found.texts("city")) == (["brand-new", None], ["Bitola", None])
    levels = LevelEncoder.of(FeatureMatrix(features, [[0.0, 0.0]] * 10)).levels(found)
    assert levels.tolist() == [[2, 1], [2, 1]]


def test_a_score_is_for_an_hour_at_which_messages_go(learned):
    """By night, when nothing was ever sent, the score is that of the usual hour, and this is said."""
    own = tables()
    found = []
    for hour in (2, 9):
        at = AT.replace(hour=hour)
        found.append(score(playbook(), learned, own["contacts"], own["touches"], own["events"], at=at))
    made = [FeatureMaker(each.history, (Feature("hour"),), hour=each.hour) for each in found]
    asked = [
        PossibleMessages(contact=[0], at=np.array([each.at]), moment=np.array([0]), kind=np.array([0]), kinds=({},))
        for each in found
    ]
    assert [maker.matrix(one).values.item() for maker, one in zip(made, asked, strict=True)] == [9, 9]
    told = ["hardly a message went at this hour of the day: scores are for 09:00, when most went"]
    assert [[note for note in each.notes if "hour" in note] for each in found] == [told, []]


def test_what_is_left_out_is_told():
    """Attributes without their time, touches of unknown campaigns, and events that are no response."""
    own = tables()
    people = [{**row, "since": on(1), "vip": True} for row in own["contacts"]]
    touches = [*own["touches"], {"contact_id": "c000", "sent_at": on(1), "campaign_id": "meetups"}]
    events = [*own["events"], {"contact_id": "c000", "event": "purchased", "at": on(1)}]
    past = MessageHistory.read(playbook(), touches, events, until=AT, contacts=people, static=["born"])
    told = "\n".join(past.notes)
    assert "as the table does not say since when they hold: vip; give it a column valid_from" in told
    assert "the attribute 'since' is left out: it is neither a number, nor true or false, nor text" in told
    assert "messages of campaign 'meetups', which the playbook does not have: 1; did you mean 'meetup'?" in told
    assert "events that are no response: 1; 'purchased' 1 (did you mean 'purchase'?)" in told


def test_a_class_that_was_never_seen_is_told():
    """How many contacts are of it when they are scored; what they were before, or will be, does not count."""
    own = tables()
    people = [{"contact_id": row["contact_id"], "industry": "bank"} for row in own["contacts"]]
    model = journeykit.learn(playbook(), **own | {"contacts": people}, until=AT, static="industry")
    others = [{**row, "industry": "aero"} if number < 13 else row for number, row in enumerate(people)]
    found = score(playbook(), model, others, own["touches"], own["events"], at=AT)
    told = (
        "industry: the model never saw 'aero'; contacts of whom that is so: 13 of 40, who are scored as those of rare"
    )
    assert [note for note in found.notes if "never saw" in note] == [f"{told} classes"]
    same = score(playbook(), model, people, own["touches"], own["events"], at=AT)
    assert not [note for note in same.notes if "never saw" in note]


def test_a_campaign_that_was_never_sent_is_told(learned):
    """The model has no message of it; of those that it has nothing is said."""
    own = tables()
    more = playbook(campaigns=[*playbook().campaigns, Campaign(id="winter", content=["letter"])])
    model = journeykit.learn(more, own["touches"], own["events"], until=AT)
    found = score(more, model, None, own["touches"], own["events"], at=AT)
    told = "the model never saw a message of winter: scored as a campaign of which nothing is known"
    assert [note for note in found.notes if "never saw" in note] == [told]
    assert not [note for note in score(playbook(), learned, **own, at=AT).notes if "never saw" in note]


def test_a_model_that_has_seen_the_time_of_its_scores_says_so(learned):
    """Scores for an instant before its end look better than they are."""
    own = tables()
    told = [
        [note for note in score(playbook(), learned, **own, at=at).notes if "it has seen" in note]
        for at in (on(40), AT)
    ]
    assert told[1] == []
    assert "from what happened until 2026-11-30 00:00 (UTC), and scores are for 2026-10-17 09:00" in told[0][0]


def test_scores_do_not_depend_on_how_the_work_is_cut(learned, monkeypatch):
    """A few contacts at a time, a few messages at a time, and with one thread: the same."""
    whole = scored(learned)
    for name in ("campaign_scoring", "history_features"):
        monkeypatch.setattr(f"journeykit.learning.{name}._ROWS", 7)
    assert scored(learned, threads=1).equals(whole)
    features = features_of(history_of(tables()))
    few = examples_of(history_of(tables()), until=AT, features=features)["sale"]
    monkeypatch.undo()
    many = examples_of(history_of(tables()), until=AT, features=features)["sale"]
    np.testing.assert_array_equal(few.matrix.values, many.matrix.values)


def history_of(own: dict[str, list[dict[str, object]]]) -> MessageHistory:
    return MessageHistory.read(playbook(), own["touches"], own["events"], until=AT, contacts=own["contacts"])


def test_kernels_are_not_needed(learned, monkeypatch, tmp_path):
    """Without the extension module scores and their files are the same."""
    own = tables()
    score(playbook(), learned, own["contacts"], own["touches"], own["events"], at=AT).write(tmp_path / "with.csv")
    whole = scored(learned)
    for name in ("cell_columns", "contact_numbers", "credits", "event_parts", "rows_by_contact"):
        monkeypatch.setattr(f"journeykit.measuring.{name}.has_kernels", lambda: False)
    for name in ("message_history", "campaign_scoring"):
        monkeypatch.setattr(f"journeykit.learning.{name}.has_kernels", lambda: False)
    assert scored(learned).equals(whole)
    score(playbook(), learned, own["contacts"], own["touches"], own["events"], at=AT).write(tmp_path / "without.csv")
    assert (tmp_path / "with.csv").read_bytes() == (tmp_path / "without.csv").read_bytes()


def test_of_very_many_messages_those_of_some_contacts_are_learned_from():
    """All messages of a contact or none; the others are counted."""
    past = history_of(tables())
    found = examples_of(past, until=AT, most=80)["sale"]
    whole = np.bincount(examples_of(past, until=AT)["sale"].contact, minlength=40)
    counts = np.bincount(found.contact, minlength=40)
    assert counts[counts > 0].tolist() == whole[counts > 0].tolist()
    assert 40 < len(found) < 120
    assert found.left_out["of contacts that were not drawn"] == 4 * np.count_nonzero(counts == 0)
    assert len(examples_of(past, until=AT, most=80, seed=1)["sale"]) != len(found)


def test_without_transitions_the_stage_is_an_attribute():
    """As of each message where the table is dated; scored by what the table says, dated or not."""
    own, rules = tables(), playbook(journey=None)
    dated = [
        {"contact_id": row["contact_id"], "valid_from": at, "stage": stage}
        for row in own["contacts"]
        for at, stage in ((on(-1), "new"), (on(40), "loyal"), (on(200), "lost"))
    ]
    past = MessageHistory.read(rules, own["touches"], own["events"], until=AT, contacts=dated)
    found = examples_of(past, until=AT)["sale"]
    assert [*zip(found.matrix.texts("stage"), found.at > micros(on(40)), strict=True)].count(("new", False)) > 40
    assert {*found.matrix.select(found.at > micros(on(40))).texts("stage")} == {"loyal"}
    model = journeykit.learn(rules, own["touches"], own["events"], contacts=dated, until=AT)
    today = [{"contact_id": row["contact_id"], "stage": "loyal"} for row in own["contacts"]]
    assert scored(model, playbook=rules, contacts=dated).equals(scored(model, playbook=rules, contacts=today))
