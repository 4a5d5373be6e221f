"""Draw the pictures of the README and the documentation, from what the library really answers.

    python docs/pictures.py

writes ``decision.svg``, ``circle.svg``, ``demo.svg``, ``demo-curve.svg``, ``relationship/remaining.svg`` and
``year/year.svg`` beside this file; tests compare them with what is drawn anew. Each picture holds its text as text, so
that it can be searched and read aloud, and has a background of its own, so that it can be read on a light page and on a
dark one.
"""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, date, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from journeykit import Arbiter, Campaign, Cap, Claim, Contact, Content, Outcome, Playbook, Team, Window
from journeykit.model.decision import why

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from journeykit import Decision, Row

HERE = Path(__file__).parent
_LINE = 17
_CHARACTER = 7.83
_MARGIN = 16
_MONO = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
_SANS = "system-ui, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif"


def _svg(width: int, height: int, title: str, style: str, parts: Iterable[str], back: str = "#ffffff") -> str:
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        f' role="img">\n<title>{escape(title)}</title>\n<style>{style}</style>\n'
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" fill="{back}" stroke="#c9d1d9"/>\n'
        f"{inside}\n</svg>\n"
    )


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "") -> str:
    end = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:g}" y="{y:g}"{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}{end}>{escape(text)}</text>'


# What a command prints


def terminal(text: str) -> str:
    """A text as a terminal would show it."""
    lines = text.rstrip("\n").split("\n")
    width = round(max(len(line) for line in lines) * _CHARACTER) + 2 * _MARGIN
    style = (
        f"text {{ font: 13px {_MONO}; fill: #d8dee9; white-space: pre }} .head {{ fill: #8fbcbb; font-weight: bold }}"
    )
    parts = [
        _text(_MARGIN, _MARGIN + (place + 1) * _LINE - 4, line, "head" if _is_heading(line) else "")
        for place, line in enumerate(lines)
    ]
    return _svg(width, len(lines) * _LINE + 2 * _MARGIN, lines[0], style, parts, back="#1f2430")


def _is_heading(line: str) -> bool:
    letters = [char for char in line if char.isalpha()]
    return bool(letters) and all(char.isupper() for char in letters)


# A decision


def example() -> Decision:
    """The decision of the picture: four teams want to write to Anna on the same morning."""
    playbook = Playbook(
        teams=[Team(name=name) for name in ("product", "events", "demand gen", "sales")],
        content=[
            Content(id="launch mail", channel="email", stages={"consideration": 1, "decision": 1}),
            Content(id="invitation", channel="email", stages={"awareness": 0.5, "consideration": 1}),
            Content(id="newsletter", channel="email"),
            Content(id="trial offer", channel="email", stages={"decision": 1}),
        ],
        campaigns=[
            Campaign(id="product launch", team="product", content="launch mail", weight=8),
            Campaign(id="webinar", team="events", content="invitation", weight=5, ends=date(2026, 11, 12)),
            Campaign(id="nurture", team="demand gen", content="newsletter", weight=0.5),
            Campaign(id="upsell", team="sales", content="trial offer", weight=6),
        ],
        caps=[Cap(name="one message in two days", max=1, window=Window.days(2))],
        reserve=1,
    )
    anna = Contact(id="anna", stage="consideration", timezone="Europe/Skopje", consent=["email"])
    claims = [Claim(campaign=campaign.id) for campaign in playbook.campaigns]
    return Arbiter(playbook).decide(anna, claims=claims, at=datetime(2026, 11, 5, 9, tzinfo=UTC), explain=True)


_COLOURS = {"granted": "#1a7f37", "deferred": "#9a6700", "denied": "#cf222e"}
_ROW, _TOP, _WIDE = 66, 84, 960


def decision(made: Decision) -> str:
    """A decision: each claim with its weight, and the arbiter's answer to it."""
    explained = made.explain()
    head = explained.heading()
    most = max(row.weight or 0 for row in explained.rows)
    parts = [
        _text(_MARGIN, 32, head[0], "head"),
        _text(_MARGIN, 54, head[1], "small"),
        _text(_MARGIN, _TOP, "CLAIM, AND WHAT IT IS WORTH", "column"),
        _text(376, _TOP, "ANSWER, AND WHY", "column"),
    ]
    for place, (row, cells) in enumerate(zip(explained.rows, explained.cells(), strict=True)):
        parts += _claim(row, cells, _TOP + 12 + place * _ROW, most)
    style = (
        f"text {{ font: 13px {_SANS}; fill: #1f2328 }} .head {{ font-size: 17px; font-weight: 600 }}"
        " .small { fill: #59636e } .column { font-size: 11px; fill: #59636e; letter-spacing: 0.06em }"
        " .name { font-weight: 600 } .pill { fill: #ffffff; font-weight: 600; font-size: 12px }"
    )
    return _svg(_WIDE, _TOP + 20 + len(explained.rows) * _ROW, " ".join(head), style, parts)


def _claim(row: Row, cells: Sequence[str], top: float, most: float) -> Iterator[str]:
    """One claim at the left, its answer at the right."""
    colour = _COLOURS[row.outcome]
    yield f'<rect x="{_MARGIN}" y="{top}" width="310" height="{_ROW - 10}" rx="6" fill="#f6f8fa" stroke="#d1d9e0"/>'
    yield _text(_MARGIN + 12, top + 22, row.campaign, "name")
    yield _text(_MARGIN + 12, top + 42, f"{row.team}, by {row.channel}", "small")
    if row.weight is not None:
        bar = 100 * row.weight / most
        yield f'<rect x="{_MARGIN + 190}" y="{top + 22}" width="{bar:g}" height="12" rx="3" fill="#8fa3b8"/>'
        yield _text(_MARGIN + 190, top + 17, f"weight {cells[3]}", "small")
    y = top + (_ROW - 10) / 2
    yield f'<path d="M332 {y:g}h26m-6 -5l6 5l-6 5" fill="none" stroke="{colour}" stroke-width="2"/>'
    yield f'<rect x="372" y="{top + 6}" width="82" height="20" rx="10" fill="{colour}"/>'
    yield _text(413, top + 20, str(row.outcome), "pill", anchor="middle")
    reason = "" if row.outcome is Outcome.GRANTED else row.reason.replace("_", " ")
    lost_to = f"lost to {cells[5]}" if cells[5] else ""
    yield _text(464, top + 20, _joined(reason, cells[6]), "name")
    for number, line in enumerate(filter(None, (why(row), _joined(lost_to, cells[7])))):
        yield _text(376, top + 41 + 15 * number, line, "small")


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))


# The demo's curve

_LINES = {
    "first_come": ("#cf222e", "in order of arrival: one mailing in 2, 4, 6, 8, 10 weeks"),
    "choice_alone": ("#0969da", "journeykit, the choice alone: the same caps"),
    "reserve": ("#1a7f37", "journeykit, choice and reserve: one mailing in 4 weeks, worth more than 0.03 to 0.08"),
}
_PLOT = (64, 24, 640, 330)
_MOST_SAVED, _LEAST_KEPT, _MOST_KEPT = 2500, 400, 800


def curve(points: Sequence[Mapping[str, Any]]) -> str:
    """Redeemed mailings kept against mailings saved, of each replay."""
    left, top, width, height = _PLOT
    parts = list(_axes())
    whole, all_of_them = _whole(points)
    parts.append(_path([(0, all_of_them), (_MOST_SAVED, all_of_them * (1 - _MOST_SAVED / whole))], "#6e7781", "6 5"))
    for line, (colour, _) in _LINES.items():
        own = [(point["saved"], point["redeemed_mailings"]) for point in points if point["line"] == line]
        parts.append(_path(own, colour))
        parts += [f'<circle cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="3.5" fill="{colour}"/>' for x, y in own]
    legend = [*_LINES.values(), ("#6e7781", "left out by lot, none delayed")]
    for number, (colour, words) in enumerate(legend):
        y = top + height + 62 + 20 * number
        dash = ' stroke-dasharray="6 5"' if number == len(_LINES) else ""
        parts.append(f'<path d="M{left} {y - 4}h28" stroke="{colour}" stroke-width="2.5"{dash}/>')
        parts.append(_text(left + 38, y, words))
    style = f"text {{ font: 13px {_SANS}; fill: #1f2328 }} .small {{ fill: #59636e; font-size: 12px }}"
    title = "Redeemed mailings kept against mailings saved"
    return _svg(left + width + 40, top + height + 62 + 20 * len(legend), title, style, parts)


def _whole(points: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """How many mailings there were, and how many of them were redeemed (the lot's line starts there)."""
    mailings = points[0]["mailings"] + points[0]["saved"]
    return mailings, round(points[0]["at_random"] * mailings / points[0]["mailings"])


def _x(saved: float) -> float:
    return _PLOT[0] + _PLOT[2] * saved / _MOST_SAVED


def _y(kept: float) -> float:
    return _PLOT[1] + _PLOT[3] * (_MOST_KEPT - kept) / (_MOST_KEPT - _LEAST_KEPT)


def _path(points: Sequence[tuple[float, float]], colour: str, dash: str = "") -> str:
    way = "L".join(f"{_x(x):.1f} {_y(y):.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="M{way}" fill="none" stroke="{colour}" stroke-width="2.5"{dashed}/>'


def _axes() -> Iterator[str]:
    left, top, width, height = _PLOT
    for kept in range(_LEAST_KEPT, _MOST_KEPT + 1, 100):
        yield f'<path d="M{left} {_y(kept):g}h{width}" stroke="#d8dee4"/>'
        yield _text(left - 8, _y(kept) + 4, str(kept), "small", anchor="end")
    for saved in range(0, _MOST_SAVED + 1, 500):
        yield _text(_x(saved), top + height + 18, f"{saved:,}", "small", anchor="middle")
    yield _text(left + width / 2, top + height + 38, "mailings saved, of 6,589", anchor="middle")
    middle = top + height / 2
    yield (
        f'<text transform="translate(18 {middle:g}) rotate(-90)" text-anchor="middle">'
        "redeemed mailings kept, of 792 (the axis starts at 400)</text>"
    )


# The story of the relationship

_ARMS = {"asked": ("#1a7f37", "the community asks how they are"), "not asked": ("#cf222e", "it does not: the holdout")}
_LEAST_LEFT = 0.4


def remaining(curves: Mapping[str, Any], truths: Mapping[str, Sequence[float]]) -> str:
    """The shares of contacts who remain after each month, by arm, with intervals and the truth.

    Args:
        curves: by arm, the `SurvivalCurve` of its contacts, over months of 30 days.
        truths: by arm, the true shares.
    """
    left, top, width, height = _PLOT
    months = max(map(len, truths.values()))

    def place(month: float, share: float) -> str:
        y = top + height * (1 - share) / (1 - _LEAST_LEFT)
        return f"{left + width * month / months:.1f} {y:.1f}"

    parts = []
    for tenth in range(round(_LEAST_LEFT * 10), 11):
        y = top + height * (1 - tenth / 10) / (1 - _LEAST_LEFT)
        parts += [f'<path d="M{left} {y:.1f}h{width}" stroke="#d8dee4"/>']
        parts.append(_text(left - 8, y + 4, f"{10 * tenth} %", "small", anchor="end"))
    for month in range(months + 1):
        parts.append(_text(left + width * month / months, top + height + 18, str(month), "small", anchor="middle"))
    parts.append(
        _text(
            left + width / 2,
            top + height + 38,
            "months of 30 days since January (the other axis starts at 40 %)",
            anchor="middle",
        )
    )
    for arm, (colour, _) in _ARMS.items():
        curve, number = curves[arm], range(1, months + 1)
        ends = [[place(0, 1), *map(place, number, own)] for own in (curve.low, curve.high)]
        band = "L".join([*ends[0], *reversed(ends[1])])
        parts.append(f'<path d="M{band}Z" fill="{colour}" fill-opacity="0.15"/>')
        for shares, dash in ((curve.share, ""), (truths[arm], ' stroke-dasharray="2 4"')):
            line = "L".join([place(0, 1), *map(place, number, shares)])
            wide = 'stroke="#1f2328" stroke-width="1.5"' if dash else f'stroke="{colour}" stroke-width="2.5"'
            parts.append(f'<path d="M{line}" fill="none" {wide}{dash}/>')
    words = [*_ARMS.values(), ("#1f2328", "the truth")]
    for number, (colour, said) in enumerate(words):
        y = top + height + 62 + 20 * number
        dash = ' stroke-dasharray="2 4"' if number == len(_ARMS) else ""
        parts.append(f'<path d="M{left} {y - 4}h28" stroke="{colour}" stroke-width="2.5"{dash}/>')
        parts.append(_text(left + 38, y, said))
    style = f"text {{ font: 13px {_SANS}; fill: #1f2328 }} .small {{ fill: #59636e; font-size: 12px }}"
    title = "Contacts of January who remain after each month, asked and not asked"
    return _svg(left + width + 40, top + height + 62 + 20 * len(words), title, style, parts)


def story() -> str:
    """The picture of the page on the relationship, measured anew."""
    from journeykit.measuring import measure_relation

    sys.path.insert(0, str(HERE / "relationship"))
    import base

    sys.path.remove(str(HERE / "relationship"))
    _, events = base.tables(seed=2026)
    playbook = Playbook.load(HERE / "relationship" / "playbook.yaml")
    found = measure_relation(playbook, events, contacts=base.contacts(), by="kind", since=base.START, until=base.END)
    curves = {arm: own.curve for arm, own in found.block("churn").by_segment.items()}
    return remaining(curves, {arm: base.remaining(arm) for arm in _ARMS})


# A year of four ways to send

_WAYS = ("#cf222e", "#9a6700", "#0969da", "#1a7f37")
_PANELS = (
    ("value", "value of answers so far, in euros"),
    ("opt_outs", "opt-outs so far"),
    ("base", "contacts in the base"),
)
_PANEL = 250, 220


def year(kept: Mapping[str, Any]) -> str:
    """What four ways to send do to value, opt-outs and the base, week by week.

    Args:
        kept: what ``year/world.py`` keeps of the year.
    """
    (width, height), top, parts = _PANEL, 56, list[str]()
    days = [date.fromisoformat(text).toordinal() for text in kept["dates"]]
    first, last = days[0] - 6, days[-1]
    for number, (measure, said) in enumerate(_PANELS):
        left = 64 + number * (width + 76)
        lines = [own["weeks"][measure] for own in kept["ways"]]
        most = max(map(max, lines)) if measure != "base" else kept["contacts"]
        step = next(size for size in (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000) if most / size <= 6)
        highest = -(-most // step) * step
        parts.append(_text(left, top - 22, said, "head"))
        for mark in range(0, int(highest) + 1, step):
            y = top + height * (1 - mark / highest)
            parts.append(f'<path d="M{left} {y:.1f}h{width}" stroke="#d8dee4"/>')
            parts.append(_text(left - 8, y + 4, f"{mark:,}", "small", anchor="end"))
        for month in (1, 4, 7, 10):
            x = left + width * (date(2027, month, 4).toordinal() - first) / (last - first)
            parts.append(_text(x, top + height + 18, f"{date(2027, month, 1):%b}", "small", anchor="middle"))
        start = kept["contacts"] if measure == "base" else 0
        for colour, line in zip(_WAYS, lines, strict=True):
            points = zip([first, *days], [start, *line], strict=True)
            drawn = "L".join(
                f"{left + width * (day - first) / (last - first):.1f} {top + height * (1 - own / highest):.1f}"
                for day, own in points
            )
            parts.append(f'<path d="M{drawn}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
    for number, (colour, own) in enumerate(zip(_WAYS, kept["ways"], strict=True)):
        x, y = 64 + 235 * number, top + height + 52
        parts.append(f'<path d="M{x} {y - 4}h28" stroke="{colour}" stroke-width="2.5"/>')
        parts.append(_text(x + 38, y, own["name"]))
    style = (
        f"text {{ font: 13px {_SANS}; fill: #1f2328 }} .small {{ fill: #59636e; font-size: 12px }} "
        ".head { font-weight: 600 }"
    )
    title = "A year of four ways to send: value, opt-outs and the base"
    return _svg(64 + 3 * width + 2 * 76 + 30, top + height + 76, title, style, parts)


# The circle


_STEPS = (
    (250, 30, "decide", "who gets what, by chance for a few"),
    (500, 110, "send", "each message with its decision_id"),
    (500, 210, "credit", "which event answers which message"),
    (500, 310, "measure", "rates with intervals; guards"),
    (250, 390, "learn", "what a message brings and risks"),
    (0, 310, "evaluate", "what new scores would have brought"),
    (0, 160, "ship", "only where they are no worse"),
)
"""The steps, clockwise: where the box begins, its name, and what it does."""
_BOX = 230, 54
_ARROWS = (
    ((480, 57), (545, 106)),
    ((615, 164), (615, 206)),
    ((615, 264), (615, 306)),
    ((545, 364), (484, 413)),
    ((250, 417), (185, 368)),
    ((115, 310), (115, 218)),
    ((150, 160), (246, 70)),
)
_BACK = (500, 325), (365, 88)
"""Guards pause campaigns."""


def circle() -> str:
    """The circle from decisions to better scores, step by step."""
    style = (
        f"text {{ font: 12px {_SANS}; fill: #57606a }} .name {{ font-size: 15px; font-weight: 600; fill: #1f2328 }} "
        ".box { fill: #f6f8fa; stroke: #8c959f } .arrow { stroke: #57606a; stroke-width: 1.5; marker-end: url(#tip) } "
        ".pause { stroke-dasharray: 5 4; stroke: #cf222e; marker-end: url(#stop) }"
    )
    parts = ["<defs>", _tip("tip", "#57606a"), _tip("stop", "#cf222e"), "</defs>"]
    for (x, y, name, does), number in zip(_STEPS, range(1, len(_STEPS) + 1), strict=True):
        left, top = x + 20, y
        parts.append(f'<rect class="box" x="{left}" y="{top}" width="{_BOX[0]}" height="{_BOX[1]}" rx="6"/>')
        parts.append(_text(left + _BOX[0] / 2, top + 22, f"{number} {name}", "name", "middle"))
        parts.append(_text(left + _BOX[0] / 2, top + 41, does, "", "middle"))
    parts += [_arrow(start, end, "arrow") for start, end in _ARROWS]
    parts.append(_arrow(*_BACK, "arrow pause"))
    parts.append(_text(452, 225, "guards pause campaigns", "", "end"))
    return _svg(770, 474, "The circle: decide, send, credit, measure, learn, evaluate, ship", style, parts)


def _arrow(start: tuple[int, int], end: tuple[int, int], kind: str) -> str:
    return f'<line class="{kind}" x1="{start[0] + 20}" y1="{start[1]}" x2="{end[0] + 20}" y2="{end[1]}"/>'


def _tip(name: str, color: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{color}"/></marker>'
    )


def main() -> None:
    """Write all pictures."""
    from journeykit import demo

    out = io.StringIO()
    demo.main([], out)
    pictures = {
        "decision.svg": decision(example()),
        "circle.svg": circle(),
        "demo.svg": terminal(out.getvalue()),
        "demo-curve.svg": curve(demo.curve(demo.load(), demo.playbook())),
        "relationship/remaining.svg": story(),
        "year/year.svg": year(json.loads((HERE / "year" / "year.json").read_text("utf-8"))["year"]),
    }
    for name, text in pictures.items():
        (HERE / name).write_text(text, encoding="utf-8")
        sys.stderr.write(f"{name} is written\n")


if __name__ == "__main__":
    main()
