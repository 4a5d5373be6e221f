"""The command line of estimation: ``journeykit funnel``."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import evolve

from journeykit.cli.arguments import UsageError, add_playbook_command, as_json, check_unharmed, zone_of
from journeykit.cli.place_command import add_events, journey_of, placed
from journeykit.errors import DataError, closest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

    from journeykit.journey import Estimates
    from journeykit.playbook.playbook import Playbook
    from journeykit.tables import BadRows

SEGMENTS = "segments"
FUNNEL = {
    "segment": "text",
    "stage": "text",
    "to": "text",
    "reached": "number",
    "in_order": "number",
    "converted": "number",
    "conversion": "number",
    "low": "number",
    "high": "number",
    "drop_off": "number",
    "skipped": "number",
    "waiting": "number",
    "left": "number",
    "between_days": "number",
}
"""The columns of a table of the funnel, with the kind of each; the segment of all contacts is empty."""
_OWN = {"contact_id": "id", "account_id": "account"}


def add_funnel(commands: Any) -> None:
    """Add the command."""
    words = "measure the journey: how far contacts come, how they move, how long they stay and what they buy"
    parser = add_playbook_command(commands, "funnel", _funnel, words)
    add_events(parser)
    parser.add_argument(
        "--by", metavar="COLUMN", help="tell contacts apart by a column of theirs, or by all segments: --by segments"
    )
    parser.add_argument("--won", metavar="EVENT", help="the event of a sale that was won")
    parser.add_argument("--lost", metavar="EVENT", help="the event of a sale that was lost")
    parser.add_argument("--amount", metavar="PROPERTY", help="what of the event says what was paid")
    parser.add_argument("--out", metavar="F", help="write the funnel as a table too: .csv, .jsonl or .parquet")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def _funnel(arguments: argparse.Namespace) -> int:
    from journeykit.journey import estimate
    from journeykit.playbook.playbook import Playbook
    from journeykit.tables import BadRows

    _check(arguments)
    playbook = Playbook.load(arguments.playbook)
    journey = journey_of(playbook, arguments.playbook)
    placements = placed(arguments, playbook)
    zone = zone_of(arguments)
    bad = BadRows()
    segments = None if arguments.by is None else _segments(arguments, playbook, zone, bad)
    sales = None if arguments.won is None else SalesTable(arguments, zone, _known(arguments, placements))
    found = estimate(journey, placements.stays(), arguments.at, segments=segments, sales=sales)
    more = {"contact_bad_row": bad.total} | ({} if sales is None else sales.ignored)
    found = evolve(found, ignored={**found.ignored, **{why: count for why, count in more.items() if count}})
    if sales is not None:
        for event in sales.missing():
            print(f"there is no event {event!r}: no sale is taken from it", file=sys.stderr)
    if arguments.out is not None:
        write_funnel(arguments.out, found)
    if arguments.json:
        print(as_json(found.to_dict() | {"placed": placements.summary.to_dict()}))
    else:
        print(found)
        print(placements.summary, file=sys.stderr)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """What can be said of the command line before any work is done."""
    from journeykit.tables import ENDINGS, format_of

    if arguments.by is not None and arguments.contacts is None:
        raise UsageError("--by needs --contacts, which says who is what")
    if arguments.won is not None and arguments.won == arguments.lost:
        raise UsageError("--won and --lost are one event: a sale is won or lost")
    if arguments.won is None and (arguments.lost is not None or arguments.amount is not None):
        raise UsageError("--lost and --amount need --won, the event of a sale that was won")
    out = arguments.out
    if out is None:
        return
    if format_of(out) is None:
        raise UsageError(f"--out {out}: the ending of a table is one of {', '.join(ENDINGS)}")
    check_unharmed(out, {f"the {name}": getattr(arguments, name) for name in ("playbook", "events", "contacts")})


def _segments(arguments: argparse.Namespace, playbook: Playbook, zone: tzinfo | None, bad: BadRows) -> dict[str, Any]:
    """By contact, what the column says that tells contacts apart."""
    from journeykit.tables import ContactTable, Spellings

    by = arguments.by.strip().casefold()
    spellings = Spellings.of(playbook)
    if by != SEGMENTS:
        spellings = evolve(spellings, attributes={by: (by,)})
    found: dict[str, Any] = {}
    met: set[str] = set()
    table = ContactTable(arguments.contacts, spellings=spellings, zone=zone, bad=bad)
    for _, contact in table:
        if by == SEGMENTS:
            found[contact.id] = playbook.segments_of(contact, arguments.at)
        else:
            values = contact.values()
            met.update(values)
            found[contact.id] = values.get(_OWN.get(by, by))
    if found and by != SEGMENTS and _OWN.get(by, by) not in met:
        hint = closest(by, sorted(met))
        said = f"; did you mean {hint!r}?" if hint else f"; there is {', '.join(sorted(met))}"
        raise DataError(f"no contact has {arguments.by!r}{said}", source=table.source)
    return found


def _known(arguments: argparse.Namespace, placements: Any) -> frozenset[str] | None:
    """The contacts whose events count; None for everybody's."""
    if arguments.contacts is None:
        return None
    table = getattr(placements, "table", None)
    if table is not None:
        return frozenset(map(str, table["contact_id"].to_pylist()))
    return frozenset(row[0] for row in placements.stages())


class SalesTable:
    """The sales of a table of events: rows of contact, instant, amount and whether it was won.

    As in placing, an event is there once, by its ``event_id`` or else by all that its row says, and events of contacts
    who are not known are not used. Both are counted in ``ignored``.

    Args:
        arguments: the command line.
        zone: in which instants without an offset are meant.
        known: the contacts who are known; None for everybody.
    """

    def __init__(self, arguments: argparse.Namespace, zone: tzinfo | None, known: frozenset[str] | None = None) -> None:
        self.ignored: Counter[str] = Counter()
        self._arguments = arguments
        self._zone = zone
        self._known = known
        self._there: set[str] = set()

    def missing(self) -> list[str]:
        """The events of sales that were asked for and not met, once all were looked at."""
        return [event for event in (self._arguments.won, self._arguments.lost) if event and event not in self._there]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        from journeykit.tables.bad_row_list import BadRows
        from journeykit.tables.cells import is_missing
        from journeykit.tables.event_log import is_property
        from journeykit.tables.header import RowLayout, cell_of, fold_name
        from journeykit.tables.read_rows import open_table

        given = self._arguments
        amount = None if given.amount is None else fold_name(given.amount)
        file = open_table(given.events, "events", typed=is_property, zone=self._zone)
        read = RowLayout(file, ("contact_id", "event", "at"), BadRows())
        met: set[Any] = set()
        for _, columns, places, values in read.rows():
            event = cell_of(places, "event", values)
            if event not in (given.won, given.lost) or is_missing(event):
                continue
            self._there.add(event)
            contact = cell_of(places, "contact_id", values)
            sale = self._sale(contact, places, values, amount, event == given.won)
            key = _same(event, sale, columns, places, values)
            if key is not None and key in met:
                self.ignored["sale_duplicate"] += 1
                continue
            met.add(key)
            if self._known is not None and sale[0] not in self._known:
                self.ignored["sale_unknown_contact"] += 1
            else:
                yield sale

    def _sale(self, contact: Any, places: Any, values: Sequence[Any], amount: str | None, won: bool) -> tuple[Any, ...]:
        from journeykit.tables.cells import BadCellError, instant_reader, read_id
        from journeykit.tables.header import cell_of

        try:
            key: str | None = read_id(contact)
        except BadCellError:
            key = None
        try:
            at: Any = instant_reader(self._zone, bounded=True)(cell_of(places, "at", values))
        except BadCellError:
            at = None
        return key, at, None if amount is None else _amount(cell_of(places, amount, values)), won


def _same(
    event: str, sale: tuple[Any, ...], columns: Sequence[str], places: Mapping[str, int], values: Sequence[Any]
) -> Any:
    """What tells a sale from others, as in placing; None for a row that cannot be used, which is no other's twin."""
    from journeykit.journey import Event
    from journeykit.journey.walk import identity
    from journeykit.tables.cells import BadCellError, is_missing, read_id
    from journeykit.tables.event_log import flat_properties, read_properties, spelt_by
    from journeykit.tables.header import cell_of

    contact, at = sale[:2]
    if contact is None or at is None:
        return None
    own = cell_of(places, "event_id", values)
    try:
        parts = read_properties(cell_of(places, "properties", values))
        name = None if is_missing(own) else read_id(own)
    except BadCellError:
        return None
    parts |= {label: value for label, value in flat_properties(columns, values, spelt_by(())) if not is_missing(value)}
    return contact, identity(Event(event, at, parts, name))


def _amount(cell: Any) -> Any:
    """A cell as a number or None; what is neither stays what it is, to be counted."""
    from journeykit.tables.cells import BadCellError, is_missing, read_number

    try:
        return None if is_missing(cell) else read_number(cell)
    except BadCellError:
        return cell


def write_funnel(path: str, estimates: Estimates) -> None:
    """Write the funnel, of all contacts and of each segment, as a table with the columns of `FUNNEL`."""
    from journeykit.tables import table_writer

    with table_writer(path, FUNNEL) as write:
        for segment, own in ((None, estimates), *estimates.by_segment.items()):
            for step in own.funnel:
                data = step.to_dict()
                share = data["converted"] or dict.fromkeys(("part", "rate", "low", "high"))
                more = {"segment": segment, "converted": share["part"], "conversion": share["rate"]}
                cells = {**data, **share, **more}
                write([cells[name] for name in FUNNEL])
