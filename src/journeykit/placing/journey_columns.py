"""What a journey asks of tables: the columns of contacts, and the properties of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.tables.column_names import Spellings, texts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from journeykit.journey import Journey

ENTRY_STAGE, ENTERED_AT = "entry_stage", "entered_at"
"""The columns of contacts that say on which stage one enters the journey, and when."""


def spellings_of(journey: Journey) -> Spellings:
    """How a journey writes the names of the attributes that its rules read."""
    rules = [way.when for way in journey.transitions] + [stage.qualified for stage in journey.stages]
    paths = {path for rule in rules if rule is not None for path in rule.names}
    names = {*paths, *(path.partition(".")[0] for path in paths), ENTRY_STAGE, ENTERED_AT}
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(name.casefold(), []).append(name)
    texts = texts_of(rule for rule in rules if rule is not None)
    return Spellings(attributes={fold: tuple(own) for fold, own in found.items()}, texts=texts)


def asked_properties(journey: Journey) -> tuple[str, ...]:
    """The properties of events that a journey's rules ask for."""
    asked = (*journey.compiled_transitions.sums.values(), *journey.compiled_transitions.lasts.values())
    return tuple(dict.fromkeys(part for parts in asked for part in parts))


def property_notes(journey: Journey, there: Container[str]) -> tuple[str, ...]:
    """What is to be said of properties that a journey asks for and no event has."""
    missing = sorted(part for part in asked_properties(journey) if part not in there)
    return tuple(f"no event has the property {part!r}, which a rule of the journey asks for" for part in missing)


def wanted_of(spellings: Spellings) -> Callable[[str], bool]:
    """Which columns of contacts a placement looks at, by folded name: a fault in another one does not matter here."""
    names = {*spellings.attributes, "contact_id", "timezone"}
    if "account" in names:
        names.add("account_id")
    return names.__contains__
