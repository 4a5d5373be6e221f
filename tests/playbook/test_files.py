"""Playbook files: one schema for YAML, TOML and JSON, and errors that teach."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit.errors import JourneykitError, MissingExtraError, PlaybookError
from journeykit.model.campaign import Campaign, Team
from journeykit.model.cap import Cap, Limit, Scope
from journeykit.model.content import Content
from journeykit.model.holdout import Holdout
from journeykit.model.quiet_hours import Holiday, Hours
from journeykit.model.quota import Quota
from journeykit.model.window import Window
from journeykit.playbook import read
from journeykit.playbook.playbook import Playbook
from journeykit.playbook.positions import json_lines, toml_lines
from journeykit.playbook.write import to_dict

DATA = Path(__file__).parents[1] / "data"
HARMONY = DATA / "harmony.yaml"
FILES = [HARMONY, *sorted((DATA / "playbooks").iterdir())]
SETTINGS = settings(deadline=None, max_examples=150)


def loads(text, form):
    """A playbook from the text of a file."""
    return read.loads(text, form, Playbook)


def faults(text, form="yaml"):
    """The problems of a text as (path, line, suggestion)."""
    with pytest.raises(PlaybookError) as caught:
        loads(text, form)
    return [(problem.path, problem.line, problem.suggestion) for problem in caught.value.problems]


def fault(text, form="yaml"):
    """The one problem of a text."""
    with pytest.raises(PlaybookError) as caught:
        loads(text, form)
    (problem,) = caught.value.problems
    return problem


def toml(value):
    """Plain data as a TOML value, on one line; what is null is left out where that says the same."""
    if isinstance(value, dict):
        unlimited = ("repeat", "max" if "window" in value else "")
        pairs = ((key, "null" if key in unlimited and item is None else item) for key, item in value.items())
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in pairs if item is not None) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def as_toml(data):
    return "\n".join(f"{key} = {toml(value)}" for key, value in data.items() if value is not None)


# Reading


def test_smallest_yaml():
    """A cap in four words is a whole playbook, and a gatekeeper of any campaign."""
    playbook = loads("caps: [{name: one a day, max: 1, window: {calendar: day}}]", "yaml")
    assert playbook.caps == (Cap(name="one a day", max=1, window=Window.calendar("day")),)
    assert playbook.campaigns is None


def test_the_example_of_the_design_is_accepted():
    """The example playbook is read whole: journey, campaigns, caps, quotas, hours."""
    playbook = Playbook.load(HARMONY)
    assert playbook.name == "harmony"
    assert playbook.journey.transitions[2].after.days == 90
    assert playbook.campaigns[1].ends == date(2026, 12, 1)
    assert playbook.campaigns[2].repeat is None
    assert playbook.quotas[1].of == "share"
    assert playbook.quiet_hours[0].channel == ("email", "sms")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_there_and_back(path):
    """Every file comes back the same, with the same fingerprint, through data, JSON and TOML."""
    playbook = Playbook.load(path)
    data = playbook.to_dict()
    for again in (Playbook.from_dict(data), loads(json.dumps(data), "json"), loads(as_toml(data), "toml")):
        assert again == playbook
        assert again.fingerprint == playbook.fingerprint


def test_windows_in_every_form():
    """Each form of a window means what the Python maker of that name makes."""
    playbook = Playbook.load(DATA / "playbooks" / "windows.yaml")
    assert [cap.window for cap in playbook.caps] == [
        Window.rolling(hours=24),
        Window.days(3),
        Window.days(14, stretch="month", zone="playbook"),
        Window.calendar("week", every=2, zone="UTC", week_start="sunday"),
        Window.between(date(2026, 11, 1), date(2026, 11, 30)),
        Window.running(),
        Window.running(zone="Asia/Tokyo"),
        Window.ever(),
        Window.ever(),
    ]
    assert playbook.caps[5].where == Scope({"goal": "launch"}, {"channel": ("phone", "visit")})
    assert playbook.caps[7].max == Limit("max_ever", 3)


def test_the_schema_decides_what_a_word_is():
    """Words that YAML 1.1 takes for booleans, times, numbers and dates stay texts where a text is wanted."""
    playbook = Playbook.load(DATA / "playbooks" / "words.yaml")
    assert playbook.name == "no"
    assert playbook.teams == (Team(name="on", goal="off"),)
    (content,) = playbook.content
    assert (content.id, content.channel, content.theme) == ("007", "no", "null")
    assert content.topics == ("on", "1_000", "2026-10-01")
    (campaign,) = playbook.campaigns
    assert (campaign.id, campaign.weight, campaign.repeat) == ("0x10", 100, None)
    assert (campaign.starts, campaign.ends) == (date(2026, 10, 1), date(2026, 12, 31))
    (cap,) = playbook.caps
    assert (cap.name, cap.max, cap.points) == ("21:00", None, {"no": 2, "on": 0.5})
    assert playbook.quiet_hours[0].start == "21:00"


@pytest.mark.parametrize(
    ("text", "number"),
    [("1_0", None), ("0x10", 16), ("0o17", 15), ("017", 17), ("+1.5e0", 1.5), ('"1"', None)],
)
def test_numbers_are_those_of_yaml_1_2(text, number):
    """Where a number is wanted, YAML 1.2's numbers count, and a quoted one is a text."""
    if number is None:
        assert "expected a number, found the text" in fault(f"reserve: {text}").message
    else:
        assert loads(f"reserve: {text}", "yaml").reserve == number


@pytest.mark.parametrize(
    ("word", "meant"), [("yes", "true"), ("on", "true"), ("No", "false"), ("off", "false"), ("1", None)]
)
def test_only_true_and_false_are_booleans(word, meant):
    """Yes and no are refused where a boolean is wanted, with what was meant."""
    problem = fault(f"campaigns: [{{id: a, paused: {word}}}]")
    assert problem.path == "campaigns[0].paused"
    assert problem.suggestion == meant


def test_toml_and_json_have_their_own_types():
    """A TOML date is a date, a TOML instant is none, and a number is no text."""
    assert loads('[[campaigns]]\nid = "a"\nstarts = 2026-10-01', "toml").campaigns[0].starts == date(2026, 10, 1)
    problem = fault('[[campaigns]]\nid = "a"\nstarts = 2026-10-01T00:00:00', "toml")
    assert (problem.path, problem.line) == ("campaigns[0].starts", 3)
    assert "expected a text, found the number 5" in fault('{"name": 5}', "json").message


def test_no_limit_in_toml():
    """TOML has no null: the text stands for it where a number is expected, and is a text elsewhere."""
    playbook = loads('[[campaigns]]\nid = "null"\nrepeat = "null"', "toml")
    assert playbook.campaigns == (Campaign(id="null", repeat=None),)


def test_a_byte_order_mark_and_crlf_do_no_harm():
    """Windows editors write a mark before the text and other line ends; the lines still count."""
    assert loads(b"\xef\xbb\xbfname: x\r\n", "yaml").name == "x"
    assert fault("\ufeffname: x\r\nfoo: 1\r\n").line == 2
    assert fault("name = 'x'\r\nfoo = 1\r\n", "toml").line == 2


# Faults


MANY = """\
name: x
campagns: []
teams:
  - {name: a, gaol: nurture}
content:
  - {id: c, channel: email, stages: {awareness: 2, decision: x}}
campaigns:
  - id: one
    team: b
    content: [c, d]
    weight: "heavy *"
    tier: -1
    starts: 2026-13-01
  - {id: two, team: a, content: c, audience: "x ="}
  - {id: three, team: a, content: c, ends: 2020-01-01, starts: 2021-01-01}
caps:
  - {name: k, window: {calender: week}}
  - {name: l, max: 1, window: {days: 0, zone: Moon/Base}, by: [team, chanel]}
  - {name: m, max: 1, window: ever, where: {campaign: [one, two, thre], not: {tema: x}}}
  - {name: n, max: 1, window: ever, where: {campaign: [one, two, thre]}}
  - {name: n, max: {attribute: z, default: -1}, window: 24h}
quiet_hours: [{from: 21:00, to: 25:00}]
holidays: [2026-02-30, {rrule: FREQ=HOURLY}]
reserve: .nan
journey:
  transitions: [{source: awareness, to: b, event: c}]
"""


def test_everything_that_is_wrong_is_said_at_once():
    """Each fault has its path, its line and what was probably meant; in the order of the file."""
    assert faults(MANY) == [
        ("campagns", 2, "campaigns"),
        ("teams[0].gaol", 4, "goal"),
        ("content[0].stages.awareness", 6, None),
        ("content[0].stages.decision", 6, None),
        ("campaigns[0].team", 9, None),
        ("campaigns[0].content[1]", 10, None),
        ("campaigns[0].weight", 11, None),
        ("campaigns[0].tier", 12, None),
        ("campaigns[0].starts", 13, None),
        ("campaigns[1].audience", 14, None),
        ("campaigns[2].ends", 15, None),
        ("caps[0].window.calender", 17, "calendar"),
        ("caps[0].max", 17, None),
        ("caps[1].window.days", 18, None),
        ("caps[1].window.zone", 18, None),
        ("caps[1].by[1]", 18, None),
        ("caps[2].where.not.tema", 19, "team"),
        ("caps[3].where.campaign", 20, "three"),
        ("caps[4].max.default", 21, None),
        ("caps[4].window", 21, "{rolling: 24h}"),
        ("quiet_hours[0].to", 22, None),
        ("holidays[0]", 23, None),
        ("holidays[1].rrule", 23, None),
        ("reserve", 24, None),
        ("journey.transitions[0].source", 26, "from"),
        ("journey.transitions[0].from", 26, None),
    ]


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("name:", "name", "null is not allowed"),
        ("campaigns:", "campaigns", "expected a list, found null"),
        ("teams: 5", "teams", "expected a list, found the number 5"),
        (
            "teams: [a]",
            "teams[0]",
            "expected a mapping of name, goal, lever, department, speaks, defaults, found the text 'a'",
        ),
        ("- a", "", "expected a mapping of version"),
        ("hello", "", "found the text 'hello'"),
        ("version: 2", "version", "from 1 to 1, found 2"),
        ("timezone: Mars/Olympus", "timezone", "unknown time zone"),
        ("journey: {stages: []}", "journey.stages", "at least one stage"),
        ("journey: 5", "journey", "expected a mapping of stages, transitions"),
        ("holdout: 0.1", "holdout", "expected a mapping of share, seed"),
        ("policy: ''", "policy", "not empty"),
        (
            "caps: [{name: a, max: yes, window: ever}]",
            "caps[0].max",
            "expected a number, found the text 'yes'",
        ),
        ("caps: [{name: a, max: true, window: ever}]", "caps[0].max", "expected a number, found true"),
        ("caps: [{name: a, max: .inf, window: ever}]", "caps[0].max", "found inf"),
        ("caps: [{name: a, max: 1, window: {days: 1, ever: true}}]", "caps[0].window", "days and ever"),
        ("caps: [{name: a, max: 1, window: {ever: false}}]", "caps[0].window.ever", "ever is true"),
        (
            "caps: [{name: a, max: 1, window: {rolling: 1h, zone: UTC}}]",
            "caps[0].window.zone",
            "unknown key 'zone'",
        ),
        (
            "caps: [{name: a, max: 1, window: ever, where: email}]",
            "caps[0].where",
            "expected a mapping of channel",
        ),
        ("caps: [{name: a, max: 1, window: ever, points: [1]}]", "caps[0].points", "found a list"),
        ("quotas: [{name: a, max: 1, during: [2026-11-01]}]", "quotas[0].during", "a first and a last date"),
        ("quotas: [{name: a}]", "quotas[0].max", "needs a max, a min, or both"),
        ("conflicts: [{name: a, first: {}, then: {}, lag: soon}]", "conflicts[0].lag", "no length of time"),
        ("campaigns: [{id: a, dates: 2026-11-01}]", "campaigns[0].dates", "expected a list of dates"),
        (
            "campaigns: [{id: a, content: [b, null]}]",
            "campaigns[0].content[1]",
            "expected a text, found null",
        ),
    ],
)
def test_what_is_wrong_is_said_with_what_is_allowed(text, path, words):
    """One fault, its path, what was found and what is allowed."""
    problem = fault(text)
    assert problem.path == path
    assert words in problem.message


def test_a_broken_part_does_not_break_what_refers_to_it():
    """A campaign, team or stage that is broken still exists; one without a readable name may be anything."""
    text = """\
teams: [{name: a, lever: x}]
campaigns: [{id: c, team: a, tier: x}, {id: d, team: b}]
caps: [{name: m, max: 1, window: ever, where: {campaign: [c, e]}}]
journey: {stages: [{name: s, owner: []}]}
content: [{id: x, channel: email, stages: {s: 1, t: 1}}]
"""
    assert [path for path, *_ in faults(text)] == [
        "teams[0].lever",
        "campaigns[0].tier",
        "campaigns[1].team",
        "caps[0].where.campaign",
        "journey.stages[0].owner",
        "content[0].stages.t",
    ]
    assert [path for path, *_ in faults("teams: [{nam: a}]\ncampaigns: [{id: c, team: b}]")] == [
        "teams[0].nam",
        "teams[0].name",
    ]


def test_places_are_those_of_the_file():
    """Parts after one that cannot be made keep their own numbers."""
    text = "teams: []\ncampaigns:\n- {team: a}\n- {id: b, team: c}\n- {id: b}\n"
    assert faults(text) == [
        ("campaigns[0].id", 3, None),
        ("campaigns[1].team", 4, None),
        ("campaigns[2].id", 5, None),
    ]


def test_lines_in_json_and_toml():
    """The parsers of JSON and TOML tell no lines; the faults have them all the same."""
    text = '{\n "teams": [\n  {"name": "a\\"}]"},\n  {"name": "b",\n   "gaol": "x"}\n ]\n}'
    assert faults(text, "json") == [("teams[1].gaol", 5, "goal")]
    text = 'name = "x" # [no]\n[[teams]]\nname = "a"\n\n[[teams]]\nname = """b\nc"""\n[teams.gaol]\n'
    assert faults(text, "toml") == [("teams[1].gaol", 8, "goal")]
    text = "teams = [\n {name = 'a'},\n\n {name = 'b',   gaol = 1}, # last\n]\nreserve = 1e400\n"
    assert faults(text, "toml") == [("teams[1].gaol", 4, "goal"), ("reserve", 6, None)]


def test_line_finders_find_every_key():
    """Nested containers, dotted and quoted keys, strings with brackets in them."""
    assert json_lines('[\n1, {"a": [2,\n 3], "b": {}}]')[1, "a", 1] == 3
    found = toml_lines(
        "a.'b.c' = [\n[1,\n2], {x = {y = 1}}]\n[t.\"u\"]\nz = 2026-01-01 07:00:00\n[[t.v]]\n[[t.v]]\nw=1.5\n"
    )
    assert found["a", "b.c", 0, 1] == 3
    assert found["a", "b.c", 1, "x", "y"] == 3
    assert found["t", "u", "z"] == 5
    assert found["t", "v", 1, "w"] == 8


@pytest.mark.parametrize(
    ("form", "text", "line"),
    [
        ("yaml", "name: a\nname: b\n", 2),
        ("json", '{"name": "a",\n"name": "b"}', 2),
        ("toml", "name = 'a'\nname = 'b'\n", 2),
    ],
)
def test_a_key_given_twice_is_a_fault(form, text, line):
    """Which of the two was meant, nobody knows."""
    assert fault(text, form).line == line


def test_keys_given_twice_are_reported_beside_other_faults():
    """A repeated key does not hide what else is wrong."""
    text = "teams:\n- {name: a, name: b}\nfoo: 1\n"
    assert faults(text) == [("teams[0].name", 2, None), ("foo", 3, None)]


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("a: 1\nname: !!python/object/apply:os.system [ls]\n", "tags are not read", 2),
        ("name: !x y\n", "tags are not read", 1),
        ("name: &x y\n", "anchors are not read", 1),
        ("name: x\n---\nname: y\n", "one document", 2),
        ("<<: {name: x}\n", "merge keys are not read", 1),
        ("[a]: b\n", "a key is a text", 1),
        ("name: [\n", "this is not YAML", 2),
        ("name: x\n bad: y\n", "this is not YAML", 2),
        ("\tname: x\n", "this is not YAML", 1),
    ],
)
def test_what_yaml_can_do_and_a_playbook_may_not(text, words, line):
    """Tags, anchors, aliases, merge keys, several documents: each is refused with its line."""
    problem = fault(text)
    assert words in problem.message
    assert problem.line == line


def test_an_alias_bomb_does_not_go_off():
    """Aliases are refused, not expanded."""
    text = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    with pytest.raises(PlaybookError, match="aliases are not read"):
        loads(text, "yaml")


@pytest.mark.parametrize("text", ["", "  \n", "\ufeff"])
@pytest.mark.parametrize("form", ["yaml", "json", "toml"])
def test_an_empty_file_is_no_playbook(form, text):
    """Nothing at all is said to be nothing, in every format."""
    assert fault(text, form).message == "the file is empty"


def test_a_file_of_comments_is_empty():
    """What only comments hold is empty too."""
    assert fault("# nothing\n").message == "the file is empty"
    assert fault("# nothing\n", "toml").message == "the file is empty"


@pytest.mark.parametrize("form", ["yaml", "json", "toml"])
@pytest.mark.parametrize("depth", [60, 300, 5_000, 100_000])
def test_deep_nesting_is_refused(form, depth):
    """However deep, it is a fault and no crash."""
    text = "[" * depth + "]" * depth
    with pytest.raises(PlaybookError, match="nested more than 50 deep"):
        loads({"yaml": f"a: {text}", "json": f'{{"a": {text}}}', "toml": f"a = {text}"}[form], form)


@pytest.mark.parametrize("form", ["yaml", "json", "toml"])
def test_values_without_end_are_refused(form):
    """Hundreds of thousands of values are no playbook, and are not looked through one by one."""
    text = "[" + "0," * 300_000 + "0]"
    with pytest.raises(PlaybookError, match="more than 200,000 values"):
        loads({"yaml": f"a: {text}", "json": f'{{"a": {text}}}', "toml": f"a = {text}"}[form], form)


def test_dotted_keys_without_end_are_refused():
    """A dotted TOML key of a million parts is refused at once."""
    assert "dots" in fault("a." * 1_000_000 + "a = 1", "toml").message


@pytest.mark.parametrize("form", ["yaml", "json", "toml"])
def test_numbers_without_end_are_refused(form):
    """A number of ten thousand digits is out of bounds, not an accident."""
    digits = "1" * 10_000
    with pytest.raises(PlaybookError):
        loads(
            {"yaml": f"reserve: {digits}", "json": f'{{"reserve": {digits}}}', "toml": f"reserve = {digits}"}[form],
            form,
        )
    with pytest.raises(PlaybookError, match="reserve"):
        Playbook.from_dict({"reserve": 10**10_000})


def test_odd_texts_are_refused():
    """Bytes that are no UTF-8, and halves of surrogate pairs, are no text."""
    assert "not UTF-8" in fault(b"name: \xff").message
    assert "not UTF-8" in fault("name: \ud800").message
    assert "surrogate" in fault('{"name": "\\ud800"}', "json").message
    assert "a key is a text" in fault('{"\\ud800": 1}', "json").message
    assert "not YAML" in fault("name: \x00").message


@pytest.mark.parametrize(
    "data", [None, 5, "x", [], b"x", {5: 1}, {"teams": {}}, {"name": object()}, {"teams": [{"name": {1}}]}]
)
def test_odd_data_are_refused(data):
    """Whatever is given as data, a playbook error comes out."""
    with pytest.raises(PlaybookError):
        Playbook.from_dict(data)


def test_data_that_hold_themselves_are_refused():
    """A list inside itself is nested without end."""
    data = {"teams": []}
    data["teams"].append(data)
    with pytest.raises(PlaybookError, match="deep"):
        Playbook.from_dict(data)


def test_files_that_cannot_be_read(tmp_path):
    """A missing file, a directory, another ending and a giant: each says what it is."""
    for name, words in (
        ("missing.yaml", "cannot be read"),
        ("p.txt", r"\.yaml, \.yml, \.toml, \.json"),
        ("x\0.json", "cannot be read"),
    ):
        with pytest.raises(PlaybookError, match=words):
            Playbook.load(tmp_path / name)
    (tmp_path / "d.json").mkdir()
    with pytest.raises(PlaybookError, match="cannot be read"):
        Playbook.load(tmp_path / "d.json")
    (tmp_path / "big.toml").write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    with pytest.raises(PlaybookError, match="at most 4 MB"):
        Playbook.load(tmp_path / "big.toml")
    with pytest.raises(PlaybookError, match="one of yaml, toml, json"):
        loads("", "xml")


def test_a_fault_names_its_file(tmp_path):
    """The error says which file it was."""
    path = tmp_path / "mine.json"
    path.write_text('{"nam": "x"}')
    with pytest.raises(PlaybookError, match=r"mine\.json: 1 problem\n  line 1: nam: unknown key 'nam'") as caught:
        Playbook.load(path)
    assert caught.value.source == str(path)


def test_without_pyyaml_the_extra_is_named(monkeypatch):
    """YAML is an extra; who lacks it is told which."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtraError, match="yaml"):
        loads("name: x", "yaml")
    assert loads('{"name": "x"}', "json").name == "x"


def test_many_faults_are_listed_up_to_a_thousand():
    """A file of nothing but faults gives a list that ends."""
    with pytest.raises(PlaybookError) as caught:
        loads(json.dumps({"campaigns": [{"id": 5}] * 3_000}), "json")
    assert len(caught.value.problems) == 1_001
    assert "first 1000" in caught.value.problems[-1].message


# Fingerprints


def test_a_fingerprint_sees_the_meaning_only():
    """The order of keys, the layout, defaults written out and 1 for 1.0 change nothing."""
    texts = [
        "teams: [{name: a, lever: 2}]\nname: x\n",
        "name: 'x'\nreserve: 0.0\nteams:\n# who\n- lever: 2.0\n  name: a\n  department: marketing\n",
    ]
    assert len({loads(text, "yaml").fingerprint for text in texts}) == 1


def test_a_fingerprint_sees_every_difference():
    """Any value that differs, anywhere, gives another fingerprint."""
    base = Playbook.load(DATA / "playbooks" / "everything.toml").to_dict()
    changes = [
        ("name", "other"),
        ("reserve", 0.000001),
        ("teams", None),
        ("teams", []),
        ("caps", [{"name": "a", "max": None, "window": "ever"}]),
        ("caps", [{"name": "a", "max": 1, "window": "ever"}]),
        ("caps", [{"name": "a", "max": 1, "window": {"calendar": "day", "zone": "UTC"}}]),
        ("caps", [{"name": "a", "max": 1, "window": {"calendar": "day"}}]),
        ("holidays", ["2026-12-25"]),
        ("holidays", ["2026-12-26"]),
    ]
    seen = {Playbook.from_dict(base).fingerprint}
    for key, value in changes:
        data = {**base, key: value, "campaigns": [], "conflicts": [], "requirements": []}
        seen.add(Playbook.from_dict({name: part for name, part in data.items() if part is not None}).fingerprint)
    assert len(seen) == len(changes) + 1


def test_a_label_is_written_only_where_it_is_given():
    """Playbooks without labels keep their fingerprint; a label is read back, and makes a difference."""
    way = {"from": "lead", "to": "customer", "event": "purchase"}
    plain, told = (
        Playbook.from_dict({"journey": {"stages": ["lead", "customer"], "transitions": [{**way, **more}]}})
        for more in ({}, {"label": "buys"})
    )
    assert "label" not in plain.to_dict()["journey"]["transitions"][0]
    assert plain.fingerprint == "ae65f9acabedc50d2a742dec02785a4a30ba93d68ac52f4d0ba0b76200705444"
    assert told.to_dict()["journey"]["transitions"][0]["label"] == "buys"
    assert Playbook.from_dict(told.to_dict()) == told != plain
    assert told.fingerprint != plain.fingerprint


# Properties

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
numbers = st.one_of(st.integers(0, 10**9), st.floats(0, 1e9))
signed = st.one_of(st.integers(-(10**9), 10**9), st.floats(-1e9, 1e9))
days = st.dates(date(1970, 1, 2), date(2100, 1, 1))
zones = st.sampled_from(["contact", "playbook", "UTC", "Asia/Tokyo"])
week_starts = st.sampled_from(["monday", "sunday"])
periods = st.sampled_from(["day", "week", "month", "quarter", "year"])
counts = st.integers(1, 100_000)
windows = st.one_of(
    st.builds(Window.rolling, minutes=st.integers(1, 144_000_000)),
    st.builds(Window.days, counts, stretch=st.none() | periods, zone=zones, week_start=week_starts),
    st.builds(Window.calendar, periods, every=counts, zone=zones, week_start=week_starts),
    st.tuples(days, days, zones).map(lambda w: Window.between(min(w[:2]), max(w[:2]), zone=w[2])),
    st.builds(Window.running, zone=zones),
    st.just(Window.ever()),
)
facets = st.dictionaries(
    st.sampled_from(["channel", "goal", "topic", "theme"]), st.lists(words, max_size=2), max_size=2
)
scopes = st.builds(Scope, facets, facets)
times = st.times().map(lambda time: f"{time:%H:%M}")


def named(strategy, key="name"):
    return st.lists(strategy, max_size=3, unique_by=lambda part: getattr(part, key))


@st.composite
def playbooks(draw):
    speaks = st.lists(words.filter(lambda word: word != "everywhere"), max_size=2) | st.just("everywhere")
    team = st.builds(Team, name=words, goal=st.none() | words, lever=numbers, department=words, speaks=speaks)
    teams, tags = draw(named(team)), st.lists(words, max_size=2)
    rules = st.sampled_from(["score > 3", "'no' in segments", "days_in_stage() < 3"])
    audiences = st.none() | rules | st.dictionaries(words, rules, min_size=1, max_size=3)
    degrees = st.none() | st.dictionaries(words, st.floats(0, 1), max_size=3)
    contents = draw(
        named(
            st.builds(
                Content,
                id=words,
                channel=words,
                stages=degrees,
                roles=degrees,
                topics=st.lists(words, max_size=2),
                tags=tags,
            ),
            "id",
        )
    )
    campaigns = named(
        st.builds(
            Campaign,
            id=words,
            team=st.sampled_from([None, *(team.name for team in teams)]),
            content=st.lists(st.sampled_from([content.id for content in contents]), max_size=2)
            if contents
            else st.just([]),
            weight=signed,
            audience=audiences,
            tags=tags,
            starts=st.none() | st.just(date(1970, 1, 1)),
            ends=st.none() | days,
            tier=st.integers(0, 1000),
            repeat=st.none() | st.integers(1, 1_000_000),
            paused=st.booleans(),
            holdout=st.none() | st.builds(Holdout, share=st.floats(0, 1), seed=words),
        ),
        "id",
    )
    limits = st.none() | numbers | st.builds(Limit, words, st.none() | numbers)
    caps = st.builds(
        Cap,
        name=words,
        max=limits,
        window=windows,
        where=scopes,
        by=st.lists(st.sampled_from(["channel", "topic", "tag"]), max_size=2),
        audience=audiences,
        points=numbers | st.dictionaries(words, numbers, max_size=2),
    )
    return Playbook(
        name=draw(words),
        teams=teams,
        content=contents,
        campaigns=draw(st.none() | campaigns),
        caps=draw(named(caps)),
        quotas=draw(
            named(
                st.builds(
                    Quota,
                    name=words,
                    where=scopes,
                    max=signed,
                    during=st.none() | st.tuples(days, st.just(date(2200, 1, 1))),
                )
            )
        ),
        quiet_hours=draw(
            st.lists(st.builds(Hours, start=times, end=times, channel=st.lists(words, max_size=2)), max_size=2)
        ),
        holidays=draw(st.lists(st.builds(Holiday, date=days, name=st.none() | words), max_size=2)),
        reserve=draw(signed),
    )


@settings(deadline=None, max_examples=60)
@given(playbooks())
def test_any_playbook_comes_back_the_same(playbook):
    """To data and back, through JSON and YAML, nothing is lost and nothing added."""
    data = to_dict(playbook)
    text = json.dumps(data)
    for again in (Playbook.from_dict(data), loads(text, "json")):
        assert again == playbook
        assert again.fingerprint == playbook.fingerprint
    if r"\ud" not in text:  # JSON writes a character beyond U+FFFF in two halves, which YAML does not join
        assert loads(text, "yaml") == playbook


def only_our_errors(content, form):
    with suppress(JourneykitError):
        loads(content, form)


@SETTINGS
@given(st.binary(max_size=300) | st.text(max_size=300), st.sampled_from(["yaml", "toml", "json"]))
def test_any_junk_gives_only_our_errors(content, form):
    """Random bytes and random text."""
    only_our_errors(content, form)


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.dates()
    | st.datetimes()
    | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(data, path=()):
    yield path
    steps = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, value in steps:
        yield from places(value, (*path, step))


@settings(deadline=None, max_examples=400)
@given(st.data())
def test_a_value_replaced_by_junk_gives_only_our_errors(data):
    """Any value of a valid playbook replaced by anything: a playbook comes out, or a playbook error."""
    plain = Playbook.load(data.draw(st.sampled_from(FILES))).to_dict()
    spots = [path for path in places(plain) if path]
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(spots))
        target = plain
        try:
            for step in path[:-1]:
                target = target[step]
            target[path[-1]] = data.draw(junk)
        except (TypeError, KeyError, IndexError):
            continue  # an earlier change has taken the place away
    with suppress(PlaybookError):
        playbook = Playbook.from_dict(plain)
        assert Playbook.from_dict(playbook.to_dict()) == playbook


@SETTINGS
@given(st.data())
def test_a_mutated_file_gives_only_our_errors(data):
    """Bytes of a valid file cut out, doubled or replaced."""
    path = data.draw(st.sampled_from(FILES))
    content = path.read_bytes()
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 20)))
        content = content[:start] + data.draw(st.binary(max_size=4) | st.just(content[start:end] * 2)) + content[end:]
    only_our_errors(content, {".yml": "yaml"}.get(path.suffix, path.suffix[1:]))


def test_two_hundred_campaigns():
    """A large playbook is read whole and right."""
    lines = ["teams: [{name: t}]", "content: [{id: c, channel: email}]", "campaigns:"]
    lines += [
        f"- {{id: k{n}, team: t, content: [c], weight: {n}, audience: 'score >= {n}', repeat: null}}"
        for n in range(200)
    ]
    playbook = loads("\n".join(lines), "yaml")
    assert [campaign.weight for campaign in playbook.campaigns] == list(range(200))
    assert str(playbook.campaigns[150].audience) == "score >= 150"
    assert playbook.campaigns[199].repeat is None
