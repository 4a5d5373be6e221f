"""Claims over columns, by contact: each for every opening that it covers, as kernels take them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from journeykit.basics.clock import day_number, micros
from journeykit.columns.quota_arrays import cost_of
from journeykit.kernels import duplicate_claims, spread_claims
from journeykit.kernels.interface.codes import NONE
from journeykit.kernels.interface.contact_arrays import ASKED, CLAIM_EXTRA, OWNS, ClaimArrays
from journeykit.kernels.interface.problem_arrays import MOST_ITEMS
from journeykit.model.claim import Claim
from journeykit.tables.claim_table import CLAIM_FACETS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from journeykit.columns.claim_columns import ClaimEncoder
    from journeykit.columns.contact_index import ContactIndex
    from journeykit.columns.ruleset_arrays import RulesetArrays
    from journeykit.engine.message import Message
    from journeykit.engine.ruleset import Ruleset


def openings_asked(compiled: Ruleset, asks: Sequence[tuple[Any, ...]]) -> tuple[list[Message], list[list[int]]]:
    """All openings, those that only claims name too; and by what is asked for, the numbers of its openings."""
    openings = list(compiled.messages)
    number = {opening: place for place, opening in enumerate(openings)}
    lists = []
    for campaign, content, channel, *facets in asks:
        own_facets = {name: value for name, value in zip(CLAIM_FACETS, facets, strict=True) if value is not None}
        found: tuple[Message, ...] | str = ""
        if campaign:
            found = compiled.messages_for(Claim(campaign=campaign, content=content, channel=channel, **own_facets))
        own = []
        for opening in () if isinstance(found, str) else found:
            own.append(number.setdefault(opening, len(openings)))
            if own[-1] == len(openings):
                openings.append(opening)
        lists.append(own)
    return openings, lists


def claim_arrays_at(claims: ClaimArrays, contacts: np.ndarray) -> ClaimArrays:
    """The claims of some contacts."""
    first, places = gathered(claims.first, contacts)
    return ClaimArrays(
        first=first,
        asked=claims.asked[places],
        extra=claims.extra[places if len(claims.extra) else []],
        own=claims.own,
        number=claims.number[places if len(claims.number) else []],
        estimate=claims.estimate[places if len(claims.estimate) else []],
    )


def gathered(first: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of lists that follow each other, the places of some: where each of these starts, and one more; and the places."""
    sizes = first[rows + 1] - first[rows]
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    return starts, np.repeat(first[rows] - starts[:-1], sizes) + np.arange(int(starts[-1]))


Label = tuple[int, "datetime | date | None", "str | None"]
"""A name under which claims are written: an opening, an own date or instant, and an own id."""


class ClaimBlockInputs(NamedTuple):
    """A table of claims, by contact.

    Attributes:
        claims: the claims for the kernels.
        apart: by contact, whether the row engine must decide their claims.
        labels: the names under which claims are written: an opening, and an own date or instant and id, or neither.
        ids: the numbers of the claims' ids, from 1.
        dates: the dates that claims ask for, as day numbers.
        order: by the number of a claim's group, its row in the table.
    """

    claims: ClaimArrays
    apart: np.ndarray
    labels: list[Label]
    ids: Mapping[str, int]
    dates: list[int]
    order: np.ndarray


def claim_block_inputs(
    table: ClaimEncoder, index: ContactIndex, contacts: int, layout: RulesetArrays, lists: Sequence[Sequence[int]]
) -> ClaimBlockInputs:
    """The claims of a table by contact, each for every opening that it covers.

    Args:
        table: the claims.
        index: the contacts.
        contacts: how many there are.
        layout: the playbook as arrays.
        lists: by what is asked for, the numbers of the openings.
    """
    _, order = table.join(index, contacts)
    sizes = np.array([len(own) for own in lists], np.int64)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    flat = np.array([opening for own in lists for opening in own], np.int64)
    # By claim, its place in the order and its contact; where each covers one opening there is nothing to repeat.
    claim: np.ndarray | slice = slice(None)
    owner = table.contact[order]
    if (sizes != 1).any():
        claim = np.repeat(np.arange(len(order), dtype=np.int32), sizes[table.rows["kind"][order]])
        owner = owner[claim]
    asked = np.empty(len(owner), ASKED)
    extra = np.empty(len(owner) if len(table.extra) else 0, CLAIM_EXTRA)
    spread_claims(table.rows, table.extra, order, starts, flat, asked, extra)
    estimate = table.estimate[order][claim] if len(table.estimate) else table.estimate
    dates = table.dates
    owns = _owns(table.owns, table.ids, dates, layout)
    rank = np.where(asked["own"] < 0, 0, owns["rank"][asked["own"]]) if len(owns) else np.zeros(0, np.int64)
    unreadable = np.zeros(contacts, np.bool_)
    unreadable[table.contact[table.suspect & (table.contact >= 0)]] = True
    # They are by contact from here on.
    table.drop_rows()
    # The same claim twice: which one counts is for the row engine to say.
    by_contact = np.zeros(contacts + 1, np.int64)
    by_contact[1:] = np.cumsum(np.bincount(owner, minlength=contacts))
    # What the kernels take grows with the square of a contact's claims: a contact with too many is decided alone.
    unreadable |= np.diff(by_contact) > MOST_ITEMS
    duplicate_claims(by_contact, asked, rank, layout.parts["openings"]["tie"], unreadable)
    labels: list[Label] = [(opening, None, None) for opening in range(len(layout.list))]
    dated = np.flatnonzero(asked["own"] >= 0)
    pairs = asked["opening"][dated].astype(np.int64) * max(1, len(table.owns)) + asked["own"][dated]
    distinct, inverse = np.unique(pairs, return_inverse=True)
    asked["label"][dated] = len(labels) + inverse.reshape(-1)
    for pair in distinct.tolist():
        opening, own = divmod(pair, max(1, len(table.owns)))
        labels.append((opening, *table.owns[own]))
    quotas = layout.quotas
    number = np.zeros((len(asked) if quotas.numbers else 0, len(quotas.numbers)), np.int64)
    values = {name: table.numbers[name][order][claim] for name in quotas.numbers}
    if quotas.numbers:
        costs = np.array([cost_of(opening) for opening in layout.list], np.float64)[asked["opening"]]
        number = quotas.numbers_of(values, costs)
    for name in quotas.numbers:
        if name != "cost":
            # What a quota adds up and a claim lacks is for the row engine to refuse.
            unreadable[owner[np.isnan(values[name]) & quotas.needs(name)[asked["opening"]]]] = True
    return ClaimBlockInputs(
        ClaimArrays(first=by_contact, asked=asked, extra=extra, own=owns, number=number, estimate=estimate),
        unreadable,
        labels,
        table.ids,
        dates,
        order,
    )


def _owns(
    owns: Sequence[tuple[datetime | date | None, str | None]],
    ids: Mapping[str, int],
    dates: list[int],
    layout: RulesetArrays,
) -> np.ndarray:
    keys = [(own_text(at), own or "") for at, own in owns]
    ranks = {key: place for place, key in enumerate(sorted(set(keys)), 1)}
    found = np.zeros(len(owns), OWNS)
    numbers = {day: number for number, day in enumerate(dates)}
    for place, (at, own) in enumerate(owns):
        is_date = at is not None and not isinstance(at, datetime)
        found[place] = (
            ranks[keys[place]],
            micros(at) if isinstance(at, datetime) else NONE,
            numbers[day_number(at)] if at is not None and is_date else -1,
            -1 if at is None else layout.rules.add(f"asked for {at.isoformat()}"),
            0 if own is None else ids[own],
        )
    return found


def own_text(own: datetime | date | None) -> str:
    """The text by which claims are told apart."""
    if own is None:
        return ""
    return str(micros(own)) if isinstance(own, datetime) else own.isoformat()
