"""Defaults of teams: what a file says once for all campaigns of a team."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from journeykit import Arbiter, Contact, Playbook, PlaybookError
from journeykit.cli import main
from journeykit.model.holdout import Holdout
from journeykit.rule.named_rules import NamedRules

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
NOBODY = "no campaign takes this default"
FILE = """\
teams:
  - name: events
    defaults:
      content: [note]
      tier: 1
      repeat: null
      ends: 2026-12-31
      holdout: {share: 0.1}
      tags: [event]
      audience: country == 'MK'
  - name: care
content:
  - {id: note, channel: email}
  - {id: letter, channel: post}
campaigns:
  - {id: meetup, team: events}
  - {id: gala, team: events, tier: 0, repeat: 3, content: letter, audience: vip or score > 9, ends: null}
  - {id: hello, team: care, content: note}
"""


def load(tmp_path, text: str = FILE) -> Playbook:
    path = tmp_path / "playbook.yaml"
    path.write_text(text)
    return Playbook.load(path)


def faults(tmp_path, text: str) -> list[tuple[str, int | None, str]]:
    """Path, line and message of what is wrong."""
    with pytest.raises(PlaybookError) as caught:
        load(tmp_path, text)
    return [(own.path, own.line, own.message) for own in caught.value.problems]


def test_campaigns_have_what_their_team_says(tmp_path):
    """Their own value wins, null too; audiences must both hold; other teams' campaigns are not touched."""
    meetup, gala, hello = load(tmp_path).campaigns
    assert (meetup.tier, meetup.repeat, meetup.content) == (1, None, ("note",))
    assert (meetup.ends, meetup.holdout, meetup.tags) == (date(2026, 12, 31), Holdout(share=0.1), ("event",))
    assert str(meetup.audience) == "country == 'MK'"
    assert (gala.tier, gala.repeat, gala.content, gala.ends) == (0, 3, ("letter",), None)
    assert str(gala.audience) == "(country == 'MK') and (vip or score > 9)"
    assert (hello.tier, hello.audience, hello.tags) == (0, None, ())


def test_what_is_written_again_is_complete(tmp_path):
    """Without defaults, and with the fingerprint of a playbook that says everything itself."""
    playbook = load(tmp_path)
    written = playbook.to_dict()
    assert "defaults" not in written["teams"][0]
    again = Playbook.from_dict(json.loads(json.dumps(written)))
    assert again == playbook
    assert again.to_dict() == written
    assert again.fingerprint == playbook.fingerprint


def test_plain_data_have_defaults_too():
    """`from_dict` fills them in, and leaves what it was given alone."""
    data = {"teams": [{"name": "a", "defaults": {"weight": 3}}], "campaigns": [{"id": "x", "team": "a"}]}
    before = json.dumps(data)
    assert Playbook.from_dict(data).campaigns[0].weight == 3
    assert json.dumps(data) == before


def test_named_rules_are_joined():
    """The team's come first; a rule without a name is named by its text."""
    team = {"name": "a", "defaults": {"audience": {"of age": "age >= 18", "awake": "active"}}}
    campaigns = [
        {"id": "x", "team": "a", "audience": "score > 3"},
        {"id": "y", "team": "a", "audience": {"awake": "seen"}},
        {"id": "z", "team": "a", "audience": None},
    ]
    playbook = Playbook.from_dict({"teams": [team], "campaigns": campaigns})
    one, two, three = (campaign.audience for campaign in playbook.campaigns)
    assert one == NamedRules.of({"of age": "age >= 18", "awake": "active", "score > 3": "score > 3"})
    assert two == NamedRules.of({"of age": "age >= 18", "awake": "(active) and (seen)"})
    assert three == NamedRules.of({"of age": "age >= 18", "awake": "active"})
    assert Playbook.from_dict(playbook.to_dict()) == playbook


def test_a_team_excludes_whom_it_must_not_meet(tmp_path):
    """The joined audience decides."""
    text = FILE.replace("audience: country == 'MK'", "audience: {at home: country == 'MK'}")
    contact = Contact(id="anna", consent=["email", "post"], attributes={"country": "RS", "vip": True})
    rows = Arbiter(load(tmp_path, text)).decide(contact, at=AT).rows
    assert {row.campaign: row.rule for row in rows if str(row.reason) == "not_in_audience"} == {
        "meetup": "audience: at home",
        "gala": "audience: at home",
    }


def test_errors_are_where_the_file_says_it(tmp_path):
    """Once, with the line of the default, however many campaigns take it."""
    text = FILE.replace("tier: 1", "tier: soon").replace("content: [note]", "content: [nothing]")
    text = text.replace("tags: [event]", "stages: [a]\n      weigth: 2\n      id: x\n      tags: {a: 1}")
    text = "journey: {stages: [b]}\n" + text + "  - {id: third, team: events}\n"
    found = faults(tmp_path, text)
    assert [(path, line) for path, line, _ in found] == [
        ("teams[0].defaults.content[0]", 5),
        ("teams[0].defaults.tier", 6),
        ("teams[0].defaults.stages[0]", 10),
        ("teams[0].defaults.weigth", 11),
        ("teams[0].defaults.id", 12),
        ("teams[0].defaults.tags", 13),
    ]
    assert "unknown content 'nothing'" in found[0][2]
    assert "unknown key 'weigth'" in found[3][2]


def test_what_contradicts_a_default_is_the_campaigns_fault(tmp_path):
    """With the team that the value comes from."""
    text = FILE + "  - {id: late, team: events, starts: 2027-02-01}\n"
    ((path, line, message),) = faults(tmp_path, text)
    assert (path, line) == ("campaigns[3]", 19)
    assert message.startswith("the campaign ends (2026-12-31) before it starts (2027-02-01)")
    assert message.endswith("; 'ends' comes from the defaults of the team 'events'")


def test_a_rule_that_is_wrong_is_told_in_its_place(tmp_path):
    """Of the default, of the campaign, and of the two together."""
    assert [own[:2] for own in faults(tmp_path, FILE.replace("country == 'MK'", "country = 'MK'"))] == [
        ("teams[0].defaults.audience", 10)
    ]
    assert [own[:2] for own in faults(tmp_path, FILE.replace("vip or score", "vip or or score"))] == [
        ("campaigns[1].audience", 17)
    ]
    long = " or ".join(f"a == {number}" for number in range(300))
    ((path, line, message),) = faults(
        tmp_path, FILE.replace("country == 'MK'", long).replace("vip or score > 9", long.replace("a", "b"))
    )
    assert (path, line) == ("campaigns[1].audience", 17)
    assert "together with the audience that is the default of its team" in message
    named = FILE.replace("country == 'MK'", "{far: stage_at_least('x')}").replace("vip or score > 9", "{vip: vip}")
    assert [own[:2] for own in faults(tmp_path, named)] == [("teams[0].defaults.audience.far", 10)]


@pytest.mark.parametrize("value", ["[]", "null", "soon"])
def test_defaults_are_a_mapping(tmp_path, value):
    """Anything else is an error."""
    ((path, line, message),) = faults(tmp_path, f"teams:\n  - {{name: a, defaults: {value}}}\n")
    assert (path, line) == ("teams[0].defaults", 2)
    assert "expected a mapping of keys of campaigns" in message


@pytest.mark.parametrize("key", ["id", "team"])
def test_what_each_campaign_says_itself_has_no_default(tmp_path, key):
    """The error says so, and does not ask whether the same key was meant."""
    text = f"teams:\n  - {{name: a, defaults: {{{key}: x}}}}\n"
    assert faults(tmp_path, text) == [
        (f"teams[0].defaults.{key}", 2, f"a team has no default for '{key}': each campaign says its own")
    ]
    with pytest.raises(PlaybookError) as caught:
        Playbook.from_dict({"teams": [{"name": "a", "defaults": {key: "x"}}]})
    assert caught.value.problems[0].suggestion is None


def test_a_misspelt_key_of_a_team_is_told():
    """With the one that was meant."""
    with pytest.raises(PlaybookError) as caught:
        Playbook.from_dict({"teams": [{"name": "a", "default": {}}]})
    assert caught.value.problems[0].suggestion == "defaults"


def test_check_warns_of_defaults_that_no_campaign_takes(tmp_path, capsys):
    """A team without campaigns, and a key that all of them have themselves."""
    text = FILE.replace("- name: care", "- {name: care, defaults: {weight: 2}}\n  - {name: idle, defaults: {tier: 2}}")
    text = text.replace("team: care,", "team: care, weight: 1,")
    playbook = load(tmp_path, text)
    told = [(own.path, own.message) for own in playbook.check() if "default" in own.path]
    assert told == [
        (
            "teams[1].defaults.weight",
            "no campaign takes this default: all of the team 'care' have a weight of their own",
        ),
        ("teams[2].defaults.tier", "no campaign takes this default: the team 'idle' has none"),
    ]
    assert main(["check", str(tmp_path / "playbook.yaml")]) == 0
    assert "no campaign takes this default" in "".join(capsys.readouterr())


@pytest.mark.parametrize("ending", ["json", "toml"])
def test_other_formats_have_defaults(tmp_path, ending):
    """TOML's word for no limit works there too."""
    path = tmp_path / f"playbook.{ending}"
    if ending == "json":
        data = {"teams": [{"name": "a", "defaults": {"repeat": None}}], "campaigns": [{"id": "x", "team": "a"}]}
        path.write_text(json.dumps(data))
    else:
        path.write_text(
            '[[teams]]\nname = "a"\n[teams.defaults]\nrepeat = "null"\n[[campaigns]]\nid = "x"\nteam = "a"\n'
        )
    assert Playbook.load(path).campaigns[0].repeat is None
