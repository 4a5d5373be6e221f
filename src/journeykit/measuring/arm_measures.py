"""What messages change: contacts in a holdout, or in an arm, against the others, messaged or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from journeykit.measuring.arm_comparison import ArmComparison, compare_arms
from journeykit.measuring.assignment import assignments, is_dealt_out
from journeykit.measuring.contact_outcomes import contact_outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from journeykit.journey.measure.funnel_report import ReportTable
    from journeykit.measuring.measured_tables import MeasuredTables

_NO_CONTACTS = "holdout and arms: not compared; give contacts or decisions, which say who was assigned, messaged or not"


@frozen(kw_only=True)
class ArmMeasures:
    """Differences between contacts assigned: the part ``arms`` of the report.

    Attributes:
        comparisons: by what was dealt out and by response.
        said: what is to be said of it.
    """

    comparisons: tuple[tuple[str, str, ArmComparison], ...]
    said: tuple[str, ...] = ()

    name = "arms"

    def notes(self) -> Iterator[str]:
        """What is to be said of it, a line each."""
        yield from self.said
        found: dict[str, dict[str, list[str]]] = {}
        for dealt, response, own in self.comparisons:
            for note in own.notes():
                found.setdefault(dealt, {}).setdefault(note, []).append(response)
        for dealt, notes in found.items():
            every = sum(own == dealt for own, _, _ in self.comparisons)
            for note, responses in notes.items():
                of = "" if len(responses) == every else f", {', '.join(responses)}"
                yield f"{dealt}{of}: {note}"

    def tables(self) -> Iterator[ReportTable]:
        """Each comparison as a table; those of responses to the same events, which are the same, as one."""
        found: dict[tuple[Any, ...], tuple[list[str], ArmComparison]] = {}
        for dealt, response, own in self.comparisons:
            key = (dealt, own.arms, own.differences, own.left_out)
            found.setdefault(key, ([], own))[0].append(response)
        for (dealt, *_), (responses, own) in found.items():
            yield from evolve(own, of=f"{dealt}, {', '.join(responses)}").tables()

    def to_dict(self) -> list[dict[str, Any]]:
        """Each comparison as plain data."""
        return [{"dealt_by": dealt, "response": name, **own.to_dict()} for dealt, name, own in self.comparisons]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of the table of measures: each arm, and each difference with both intervals."""
        for dealt, response, own in self.comparisons:
            for arm in own.arms:
                counts: dict[str, Any] = {
                    "contacts": arm.contacts,
                    "responded": arm.responding,
                    "rate": arm.mean,
                    "value": arm.total,
                }
                counts["is_small"] = str(arm.is_small).lower()
                yield {"by": dealt, "group": arm.name, "measure": response, **counts}
            for one in own.differences:
                for method, ends in (("one look", one.fixed), ("every look", one.always)):
                    low, high = ends or (None, None)
                    span = {"rate": one.difference, "low": low, "high": high, "method": method}
                    span["is_small"] = str(one.arm.is_small or one.against.is_small).lower()
                    yield {"by": dealt, "group": f"{one.arm.name} - {one.against.name}", "measure": response, **span}


def arm_measures(tables: MeasuredTables) -> ArmMeasures | None:
    """Differences between contacts assigned to holdouts and arms; None where nothing was dealt out."""
    if not is_dealt_out(tables.playbook):
        return None
    if tables.messages.known is None:
        return ArmMeasures(comparisons=(), said=(_NO_CONTACTS,))
    dealt = list(assignments(tables))
    outcomes = contact_outcomes(tables)
    found = []
    for own in filter(lambda one: one.is_comparable, dealt):
        for outcome in outcomes:
            values: Mapping[str, Any] = {outcome.name: outcome.events > 0}
            if outcome.value is not None:
                values = {**values, f"value of {outcome.name}": outcome.value}
            for name, value in values.items():
                compared = compare_arms(
                    own.arms,
                    own.place,
                    value,
                    of=f"{own.name}, {name}",
                    against=own.against,
                    shares=own.shares,
                    accounts=own.account,
                    stretch=own.stretch,
                    progress=own.progress,
                    level=tables.draws.level,
                )
                found.append((own.name, name, compared))
    said = tuple(note for own in dealt for note in own.notes)
    return ArmMeasures(comparisons=tuple(found), said=said)
