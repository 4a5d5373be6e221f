"""Pictures of a journey: nothing overlaps, everything is told, and any text may stand in them."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit import Journey, ModelError, Stage, Transition, cli
from journeykit.cli import main
from journeykit.journey import Drawing, Event, Volumes
from journeykit.journey.picture.diagram import diagram_of
from journeykit.journey.picture.layout import Box
from journeykit.journey.picture.text_metrics import width_of, wrapped

SVG = "{http://www.w3.org/2000/svg}"
AT = datetime(2026, 11, 5, tzinfo=UTC)
ODD = [
    'say "hi"',
    "<b>&amp;</b>",
    "a\nb\x00c",
    "c:\\new\\N",
    "{x} [y]; #z %%",
    "👩‍💻 fans 🎉",
    "東京",
    "]]>",
    "--> end",
    "`'",
]


def five(**more: object) -> Journey:
    stages = [
        Stage("awareness", "marketing"),
        Stage("consideration", "marketing"),
        Stage("decision", "sales"),
        Stage("retention", "service"),
        Stage("advocacy"),
    ]
    ways = [
        Transition(source="awareness", to="consideration", when="whitepapers >= 2 or webinars >= 1"),
        Transition(source="consideration", to="decision", event="demo_requested"),
        Transition(source="consideration", to="awareness", after="90d"),
        Transition(source="decision", to="retention", event="purchase"),
        Transition(source="retention", to="advocacy", when="nps >= 9"),
    ]
    return Journey(stages, ways)


def test_a_label_is_shown_rather_than_the_rule():
    """All pictures show the label of a transition; one without a label shows what takes it."""
    rule, label = "days_since('basket') > 28", "no basket for weeks"
    ways = [Transition(source="active", to="cooling", when=rule, label=label)]
    journey = Journey(["active", "cooling"], [*ways, Transition(source="cooling", to="active", event="basket")])
    for picture in (str(journey.draw()), journey.to_mermaid(), journey.to_dot()):
        assert label in picture
        assert "basket" in picture.replace(label, "")
        assert "days_since" not in picture


VOLUMES = Volumes({"awareness": 8210, "decision": 412}, {0: 5200, 1: 1490, 2: 0, 3: 1078})


@st.composite
def journeys(draw):
    """Journeys of up to 20 stages and 40 transitions of any kind, loops and parallel ones included."""
    count = draw(st.integers(1, 20))
    word = st.text("abcdefgh_mwW ", min_size=1, max_size=30).filter(str.strip)
    names = draw(st.lists(word, min_size=count, max_size=count, unique=True))
    owners = draw(st.lists(st.none() | st.sampled_from(["sales", "marketing"]), min_size=count, max_size=count))
    stages = [Stage(name, owner, final=draw(st.booleans())) for name, owner in zip(names, owners, strict=True)]
    kind = st.sampled_from([{"after": "30d"}, {"when": "score >= 60 and role == 'decision_maker' or visits > 30"}])
    way = st.builds(
        lambda one, other, how: Transition(source=names[one], to=names[other], **how),
        st.integers(0, count - 1),
        st.integers(0, count - 1),
        kind | st.builds(lambda name: {"event": name}, word),
    )
    return Journey(stages, draw(st.lists(way, max_size=40)))


def lines(placed) -> list[tuple[bool, Box]]:
    """The parts of a line with their widths, each with whether it is level."""
    half = placed.width / 2
    found = []
    for (x, y), (to_x, to_y) in zip(placed.points, placed.points[1:], strict=False):
        assert x == to_x or y == to_y
        level = y == to_y
        left, right, top, bottom = min(x, to_x), max(x, to_x), min(y, to_y), max(y, to_y)
        if level:
            found.append((level, Box(left, top - half, right - left, placed.width)))
        else:
            found.append((level, Box(left - half, top, placed.width, bottom - top)))
    return found


def overlaps(one: Box, other: Box) -> bool:
    """Whether two boxes share more than what rounding makes."""
    return one.overlaps(Box(other.x + 1e-6, other.y + 1e-6, other.width - 2e-6, other.height - 2e-6))


def check(layout) -> None:
    """Nothing lies on anything else, and nothing beyond the page."""
    nodes = [stage.box for stage in layout.nodes]
    labels = [way.label for way in layout.arrows]
    legend = [box for _, _, box in layout.legend]
    for one, other in combinations([*nodes, *labels, *legend], 2):
        assert not overlaps(one, other), (one, other)
    for box in [*nodes, *labels, *legend]:
        assert box.x >= 0
        assert box.y >= 0
        assert box.right <= layout.width
        assert box.bottom <= layout.height
    drawn = [(place, *part) for place, way in enumerate(layout.arrows) for part in lines(way)]
    for _, _, part in drawn:
        for box in [*nodes, *labels]:
            assert not overlaps(part, box), (part, box)
    for (one, level, part), (other, other_level, rest) in combinations(drawn, 2):
        # Lines may cross; along each other they would look like one.
        assert one == other or level != other_level or not overlaps(part, rest), (part, rest)


@settings(max_examples=60, deadline=None)
@given(journeys(), st.data())
def test_nothing_overlaps(journey, data) -> None:
    """No line crosses a stage or a label, no label another one, and no line runs along another one."""
    columns = data.draw(st.none() | st.integers(1, 6))
    moves = st.dictionaries(st.integers(0, 39), st.integers(0, 10**6))
    counts = data.draw(st.none() | moves)
    known = range(len(journey.transitions))
    volumes = (
        None if counts is None else Volumes({}, {place: moves for place, moves in counts.items() if place in known})
    )
    check(journey.draw(volumes, title="Any journey", columns=columns).layout)


@pytest.mark.parametrize("stages", [0, 1, 2, 20])
def test_a_journey_without_transitions_is_drawn(stages: int) -> None:
    """Even one without any stage is a picture, which says so."""
    drawing = Journey([f"stage {place}" for place in range(stages)]).draw()
    check(drawing.layout)
    assert ET.fromstring(str(drawing)).tag == f"{SVG}svg"
    assert ("no stages" in str(drawing)) == (stages == 0)
    assert not any(stage.node.final for stage in drawing.layout.nodes)


@given(st.lists(st.sampled_from(ODD) | st.text(min_size=1), min_size=1, max_size=6, unique=True))
@settings(max_examples=50, deadline=None)
def test_any_text_may_stand_in_an_svg(names: list[str]) -> None:
    """Whatever stages, owners and events are called, the picture is XML, and tells what is not on it."""
    journey = Journey(
        [Stage(name, name) for name in names],
        [Transition(source=name, to=names[0], event=name) for name in names],
    )
    page = ET.fromstring(str(journey.draw(title=names[0])))
    titles = [title.text or "" for title in page.iter(f"{SVG}title")]
    for name in names:
        if name in ODD[:2]:
            assert f"{name} ({name})" in titles
            assert name in titles
    check(journey.draw().layout)


def test_every_stage_and_way_is_told() -> None:
    """Names, owners and labels are on the picture; the description says the same for who cannot see it."""
    page = ET.fromstring(str(five().draw(VOLUMES, title="From a stranger to an advocate")))
    shown = " ".join(text.text for text in page.iter(f"{SVG}text"))
    for words in (
        "awareness",
        "marketing",
        "8,210 contacts",
        "demo_requested",
        "1,490",
        "whitepapers >= 2",
        "after 90d",
    ):
        assert words in shown
    for words in ("From a stranger", "first stage", "final stage", "by time", "way back", "no owner"):
        assert words in shown
    assert page.get("role") == "img"
    title, description = page.find(f"{SVG}title"), page.find(f"{SVG}desc")
    assert title.text == "From a stranger to an advocate"
    assert title.get("id") == page.get("aria-labelledby")
    assert description.get("id") == page.get("aria-describedby")
    assert "From consideration to awareness: after 90d, 0 moves." in description.text
    assert "decision: owned by sales, 412 contacts." in description.text


def test_lines_are_as_wide_as_they_are_busy() -> None:
    """The busiest way is the widest, widths grow in proportion, and without numbers all are alike."""
    widths = [way.width for way in five().draw(VOLUMES).layout.arrows]
    assert widths[0] > widths[1] > widths[3] > widths[2] == widths[4]
    assert (widths[1] - widths[2]) / (widths[0] - widths[2]) == pytest.approx(1490 / 5200, abs=0.01)
    assert len({way.width for way in five().draw().layout.arrows}) == 1


def test_marks() -> None:
    """The first stage and the final ones are marked; where no stage says so, those that no way leaves are final."""
    nodes = diagram_of(five()).nodes
    assert [node.first for node in nodes] == [True, False, False, False, False]
    assert [node.name for node in nodes if node.final] == ["advocacy"]
    said = Journey(["a", Stage("b", final=True), "c"], [Transition(source="a", to="b", event="x")])
    assert [node.name for node in diagram_of(said).nodes if node.final] == ["b"]


def test_a_stage_that_only_a_way_knows_is_drawn() -> None:
    """A journey that is not finished yet can be looked at all the same."""
    journey = Journey(["a"], [Transition(source="a", to="b", event="x")])
    assert [stage.node.name for stage in journey.draw().layout.nodes] == ["a", "b"]
    assert "s0 --> s1: x" in journey.to_mermaid()
    assert "s0 -> s1" in journey.to_dot()


def test_counts_of_another_journey_are_refused() -> None:
    """A misspelt stage or a transition that is not there is an error, and so is what is no count."""
    with pytest.raises(ModelError, match="no stage 'awarenes'; there is awareness"):
        five().draw(Volumes({"awarenes": 1}))
    with pytest.raises(ModelError, match="no transition 5; it has 5, from 0"):
        five().to_dot(Volumes({}, {5: 1}))
    with pytest.raises(ModelError, match="whole numbers from 0"):
        Volumes({"awareness": -1})
    with pytest.raises(ModelError, match="counted of Placements"):
        five().draw([1])
    with pytest.raises(ModelError, match="columns"):
        five().draw(columns=0)


def test_volumes_are_counted_of_placements_and_of_tables() -> None:
    """One by one and over columns the numbers are the same; who has not entered the journey counts nowhere."""
    pytest.importorskip("pyarrow")
    journey = Journey(
        ["new", "lead", "buyer"],
        [
            Transition(source="new", to="lead", event="form"),
            Transition(source="lead", to="buyer", event="purchase"),
            Transition(source="lead", to="new", after="10d"),
        ],
    )
    log = [("anna", "form", 1), ("anna", "purchase", 2), ("ben", "form", 1), ("cora", "visit", 1), ("anna", "form", 3)]
    rows = [{"contact_id": who, "event": what, "at": f"2026-10-0{day}T09:00Z"} for who, what, day in log]
    placed = journey.place_table(rows, at=AT)
    found = Volumes.of(placed, journey)
    assert found == Volumes({"buyer": 1, "new": 2}, {0: 2, 1: 1, 2: 1})
    assert Volumes.of(placed.paths, journey) == found
    ones = [
        journey.place(
            [Event(what, datetime(2026, 10, day, 9, tzinfo=UTC)) for who, what, day in log if who == name], at=AT
        )
        for name in ("anna", "ben", "cora", "nobody")
    ]
    assert Volumes.of(ones, journey) == found
    assert str(journey.draw(ones)) == str(journey.draw(placed))
    with pytest.raises(ModelError, match="no transition 'form' to 'lead'"):
        Volumes.of(ones, five())


def test_the_same_journey_is_the_same_text() -> None:
    """Byte for byte, whatever the seed of hashes; another journey has other ids."""
    code = (
        "from journeykit import Journey, Stage, Transition\n"
        "j = Journey([Stage('a', 'x'), Stage('b', 'y')], [Transition(source='a', to='b', event='e')])\n"
        "print(j.draw(title='t'), j.to_dot(), j.to_mermaid())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    ids = {re.search(r'id="(\w+)t"', str(journey.draw()))[1] for journey in (five(), Journey(), Journey(["a"]))}
    assert len(ids) == 3


def test_light_and_dark() -> None:
    """The picture brings its own paper, and other colours for readers who prefer it dark."""
    page = str(five().draw())
    assert '<rect class="paper"' in page
    assert "prefers-color-scheme:dark" in page
    classes = set(re.findall(r'class="([\w-]+)"', page)) - {"journeykit"}
    styled = set(re.findall(r"\.journeykit \.([\w-]+)\{", page))
    assert classes <= styled


def test_notebooks_and_files(tmp_path) -> None:
    """A drawing and a journey show themselves; a file holds the same."""
    drawing = five().draw()
    assert isinstance(drawing, Drawing)
    assert drawing._repr_svg_() == drawing.svg == str(drawing) == five()._repr_svg_()
    assert str(drawing) in drawing._repr_html_() == five()._repr_html_()
    assert repr(drawing) == "Drawing(5 stages, 5 transitions)"
    drawing.save(tmp_path / "j.svg")
    assert (tmp_path / "j.svg").read_text("utf-8") == str(drawing)
    assert [path.name for path in tmp_path.iterdir()] == ["j.svg"]


def test_long_texts_are_cut() -> None:
    """What does not fit is cut on the picture and whole in its title."""
    rule = " or ".join(f"attribute_{place} >= {place}" for place in range(20))
    page = ET.fromstring(str(Journey(["a", "b"], [Transition(source="a", to="b", when=rule)]).draw()))
    shown = [text.text for text in page.iter(f"{SVG}text")]
    assert any(text.endswith("…") for text in shown)
    assert rule in [title.text for title in page.iter(f"{SVG}title")]


@settings(deadline=None)
@given(st.text(min_size=1), st.integers(20, 200), st.integers(1, 5))
def test_wrapped_text_fits(text: str, widest: int, most: int) -> None:
    """No line is too long, unless it is one letter, and there are not too many."""
    found = wrapped(text, widest, 12, most=most)
    assert 1 <= len(found) <= most
    assert all(width_of(line, 12) <= widest or len(line) <= 2 for line in found)


# Mermaid and DOT


def test_mermaid_takes_any_text() -> None:
    """What Mermaid might read as its own is written as a code; numbers are shown."""
    journey = Journey(
        [Stage(name, name) for name in ODD], [Transition(source=ODD[0], to=name, event=name) for name in ODD]
    )
    text = journey.to_mermaid(Volumes({}, {0: 12_000}))
    assert len(text.splitlines()) == 2 + 10 + 1 + 10 + 9 + 2 * 10
    for line in text.splitlines()[2:]:
        assert re.fullmatch(
            r'    (state "[^"<>{}\[\]`\\]+" as s\d|(s\d|\[\*\]) --> (s\d|\[\*\])(: [^"<>{}\[\]`\\:]+)?'
            r"|classDef o\d fill:#\w+,stroke:#\w+,color:#\w+|class s\d o\d)",
            line,
        ), line
    assert "s0 --> s0: say #34;hi#34; (12,000 moves)" in text


QUOTED = r'"(?:[^"\\\n]|\\["\\n])*"'
VALUE = rf"(?:{QUOTED}|[\w.]+)"
ATTRIBUTES = rf"\[\w+={VALUE}(?:, \w+={VALUE})*\]"
STATEMENT = re.compile(rf"    (?:rankdir=LR|label={QUOTED}; labelloc=t|(?:\w+ -> )?\w+(?: {ATTRIBUTES})?);")


@pytest.mark.parametrize("counts", [None, VOLUMES])
def test_dot_takes_any_text(counts: Volumes | None) -> None:
    """Every line is a statement of Graphviz's language: texts are quoted, and what it reads in them is escaped."""
    odd = Journey([Stage(name, name) for name in ODD], [Transition(source=ODD[0], to=name, event=name) for name in ODD])
    for journey in (five(), odd) if counts is None else (five(),):
        first, *statements, last = journey.to_dot(counts, title='any "title" \\').splitlines()
        assert (first, last) == ("digraph journey {", "}")
        for statement in statements:
            assert all(STATEMENT.fullmatch(f"    {part};") for part in [statement.strip().rstrip(";")]), statement
    assert "&amp;amp;" in odd.to_dot()


def test_dot_shows_volumes() -> None:
    """Busy ways are wide, ways by time are dashed, final stages have two borders."""
    text = five().to_dot(VOLUMES)
    widths = [float(found) for found in re.findall(r"penwidth=([\d.]+)", text)]
    assert widths[0] > widths[1] > widths[3] > widths[2]
    assert text.count("style=dashed") == text.count("peripheries=2") == 1
    assert r"\n5,200" in text


# The command


@pytest.fixture
def playbook(tmp_path, monkeypatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "e.csv").write_text(
        "contact_id,event,at\nanna,demo,2026-11-02T09:00Z\nben,visit,2026-11-02T09:00Z\nben,visit,never\n"
    )
    (tmp_path / "c.csv").write_text("contact_id\nanna\n")
    ways = [{"from": "awareness", "to": "decision", "event": "demo"}]
    stages = [{"name": "awareness", "owner": "marketing"}, {"name": "decision", "owner": "sales"}]
    (tmp_path / "p.json").write_text(
        json.dumps({"name": "harmony", "journey": {"stages": stages, "transitions": ways}})
    )
    return "p.json"


@pytest.mark.parametrize(
    ("out", "begins"),
    [("j.svg", "<svg"), ("j.dot", "digraph"), ("j.GV", "digraph"), ("j.mmd", "stateD"), ("j.md", "```mermaid\nstateD")],
)
def test_the_ending_says_the_form(playbook, tmp_path, out: str, begins: str) -> None:
    """The command writes what the ending of the file asks for; the picture bears the playbook's name."""
    assert main(["graph", playbook, "--out", out]) == cli.DONE
    text = (tmp_path / out).read_text("utf-8")
    assert text.startswith(begins)
    assert ("harmony" in text) == ("m" not in out.split(".")[1])


def test_a_log_of_events_gives_volumes(playbook, tmp_path, capsys) -> None:
    """The contacts are placed at the instant, and what became of every row is said."""
    log = ["--events", "e.csv", "--at", "2026-11-05T00:00Z"]
    assert main(["graph", playbook, *log, "--out", "j.svg", "--title", "In November"]) == cli.DONE
    assert "row 3, field 'at'" in capsys.readouterr().err
    text = (tmp_path / "j.svg").read_text("utf-8")
    assert "In November" in text
    assert text.count(">1 contact<") == 2
    assert main(["graph", playbook, *log, "--contacts", "c.csv"]) == cli.DONE
    assert 'state "awareness (marketing), 0 contacts"' in capsys.readouterr().out


def test_both_engines_count_the_same(playbook, capsys) -> None:
    """Without the extra the contacts are placed one by one, with the same numbers."""
    log = ["--events", "e.csv", "--at", "2026-11-05T00:00Z", "--zone", "Europe/Skopje"]
    assert main(["graph", playbook, *log, "--engine", "columns"]) == cli.DONE
    quick = capsys.readouterr()
    assert main(["graph", playbook, *log, "--engine", "one"]) == cli.DONE
    assert capsys.readouterr() == quick
    assert main(["graph", playbook, *log, "--max-bad", "0"]) == cli.DATA


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--out", "j.png"], "the ending of a picture is one of .svg"),
        (["--out", "j"], "the ending of a picture is one of .svg"),
        (["--events", "e.csv"], "--events needs --at"),
        (["--at", "2026-11-05T00:00Z"], "--at goes with --events"),
        (["--max-bad", "3"], "--max-bad goes with --events"),
        (["--events", "e.md", "--at", "2026-11-05T00:00Z", "--out", "./e.md"], "would overwrite the events"),
        (["--events", "e.csv", "--at", "2026-11-05T00:00Z", "--zone", "Nowhere"], "--zone"),
    ],
)
def test_wrong_usage_of_graph(playbook, capsys, arguments: list[str], says: str) -> None:
    """What does not go together is refused before any work is done."""
    assert main(["graph", playbook, *arguments]) == cli.USAGE
    assert says in capsys.readouterr().err


def test_pictures_load_when_they_are_touched() -> None:
    """Who decides claims draws nothing, and does not wait for the pictures."""
    code = (
        "import sys, journeykit.journey as j\n"
        "assert 'journeykit.journey.picture.diagram' not in sys.modules\n"
        "j.Journey().draw(), j.Volumes\n"
        "assert 'networkx' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'Picture'"):
        getattr(importlib.import_module("journeykit.journey"), "Picture")  # noqa: B009  (mypy would see it)
