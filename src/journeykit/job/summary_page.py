"""The summary of a run as a page for notebooks: what was decided for whom, why not, and what to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.basics.html_table import html_page, html_table
from journeykit.job.claim_counts import NOTHING
from journeykit.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_SHOWN = 50


def summary_page(heading: Iterable[str], told: Mapping[str, Any], notes: Iterable[str]) -> str:
    """The summary as HTML.

    Args:
        heading: lines that say which run it was, and what it is worth.
        told: the summary as plain data.
        notes: what a person should look at.
    """
    return html_page(heading, _tables(told), notes)


def _tables(told: Mapping[str, Any]) -> Iterator[str]:
    yield _by_outcome("arm", told.get("arms", {}), ("contacts", "value"))
    yield _by_outcome("team", told["teams"])
    yield _by_outcome("stage", told["stages"])
    yield _by_outcome("channel", told["channels"])
    # The reason of what is granted says nothing more.
    yield _counts("Why not", "reason", {name: n for name, n in told["reasons"].items() if name != Outcome.GRANTED})
    yield _counts("What stops claims", "rule", told["rules"])
    yield _quotas(told["quotas"])
    missing = {f"{name} ({own['setting']})": own["claims"] for name, own in told["missing"].items()}
    yield _counts("Missing", "what, and what the playbook says to do then", missing)
    yield _counts("Contacts of whom an audience is not known", "audience", told["unknown"], "contacts")
    bad = {f"{own['source']}: {own['field']}: {own['allowed']}": own["count"] for own in told["bad_rows"]["kinds"]}
    yield _counts("Rows that could not be used", "table, column, and what is allowed", bad, "rows")


def _by_outcome(what: str, groups: Mapping[str, Mapping[str, float]], first: Sequence[str] = ()) -> str:
    """A row for each group; none where nothing belongs to a group."""
    if not set(groups) - {NOTHING}:
        return ""
    columns = [*first, *(str(outcome) for outcome in Outcome)]
    rows = [[name, *(f"{counts.get(own, 0):,.6g}" for own in columns)] for name, counts in groups.items()]
    return _table(f"By {what}", [what, *columns], rows)


def _counts(title: str, what: str, counts: Mapping[str, int], of: str = "claims") -> str:
    return _table(title, [what, of], [[str(name), f"{count:,}"] for name, count in counts.items()])


def _quotas(quotas: Iterable[Mapping[str, Any]]) -> str:
    numbers = ("min", "max", "usage", "price", "shortfall", "excess")
    rows = [
        [
            own["name"],
            own["of"],
            own.get("period") or "",
            *("" if own.get(name) is None else f"{own[name]:,.6g}" for name in numbers),
        ]
        for own in quotas
    ]
    return _table("Quotas", ["quota", "of", "period", *numbers], rows, names=3)


def _table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], names: int = 1) -> str:
    if not rows:
        return ""
    page = html_table(headings, rows[:_SHOWN], title=title, right=range(names, len(headings)))
    return page + (f"<p>and {len(rows) - _SHOWN:,} more</p>" if len(rows) > _SHOWN else "")
