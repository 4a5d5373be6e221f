"""Comparing playbooks, or tables of decisions: from what is given to the comparison."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from journeykit.arbiter import Arbiter
from journeykit.basics.clock import clock, moment
from journeykit.basics.validation import names as names_of
from journeykit.comparing.compared_pairs import ComparedPairs
from journeykit.comparing.comparison_report import Comparison
from journeykit.comparing.decided_blocks import blocks_of_jobs
from journeykit.comparing.decided_rows import READ, RowReader
from journeykit.comparing.decision_tables import DecisionTables
from journeykit.errors import ModelError
from journeykit.job import TablesByRows
from journeykit.journey.measure.intervals import normal_quantile
from journeykit.kernels import has_kernels
from journeykit.placing.funnel import repeatable
from journeykit.playbook.playbook import Playbook
from journeykit.segments.contact_facets import ContactGroups
from journeykit.tables.arrow.decision_log import DecisionLog

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from journeykit.job.inputs import Progress
    from journeykit.job.run import Run
    from journeykit.ledger import BaseLedger
    from journeykit.policies.policy import Policy

PLAYBOOKS = (".yaml", ".yml", ".toml", ".json")
"""The endings of playbooks; what ends otherwise is a table of decisions."""
_BY = ("segment", "stage")
_INPUTS = ("contacts", "touches", "scores", "claims", "events")


def compare(
    *sides: Any,
    contacts: Any = None,
    touches: Any = None,
    scores: Any = None,
    claims: Any = None,
    events: Any = None,
    at: datetime | None = None,
    until: datetime | None = None,
    by: str | Iterable[str] = (),
    names: Iterable[str] | None = None,
    playbook: Playbook | None = None,
    policies: Mapping[str, Policy] | None = None,
    zone: str | None = None,
    level: float = 0.95,
    max_bad: int | str | None = None,
    threads: int | None = None,
    ledger: BaseLedger | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare playbooks, or tables of decisions of the same runs, with the first of them: `journeykit compare`.

    Playbooks decide the same tables at the same instant, in step, and nothing is reserved or written. Claims are the
    same where contact, campaign, content, channel and the claim's own id are; several that nothing else tells apart
    are taken in their order. Names of rules, and all else that changes no answer, make no difference.

    Args:
        sides: two or more of one kind; with ``by`` one will do. Playbooks, arbiters, or the paths of playbooks; or
            tables of decisions, as `Arbiter.decide_table` takes tables. A table tells as much as it holds: denied
            claims that were not written (``decide --all``) are no claims of its.
        contacts: the table of contacts. Tables of decisions need it only to be told apart by segment and stage.
        touches: the history; and so on as for `Arbiter.decide_table`: for playbooks alone.
        scores: what models say.
        claims: what is asked for.
        events: what contacts did.
        at: the instant of the decisions, aware; for playbooks.
        until: the last instant of a plan, aware, or None.
        by: columns of the contacts, or ``segment``, ``stage``, ``role``: what their groups get is compared with what
            all other contacts get, with intervals by contact: a test of whether a policy treats groups alike.
        names: what the sides are called; by default the paths, or the names of the playbooks.
        playbook: whose segments tell contacts apart; by default those of the first playbook.
        policies: your own policies by name, for playbooks that name them.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        level: the level of confidence of the intervals of ``by``.
        max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``).
        threads: how many chunks of contacts are decided at once, as for `Arbiter.decide_table`.
        ledger: where playbooks read the history too; a rehearsal each: nothing is reserved, and no mark is left.
        progress: called every now and then with the number of contacts that are done, and of all where known.

    Raises:
        DataError: for a table that cannot be used, tables of different runs, or too many bad rows.
        MissingExtraError: without the extra ``columns``.
        ModelError: for fewer than two sides, sides of both kinds, playbooks without contacts or ``at``, ``by`` without
            contacts, or a level that is not between 0 and 1.
        PlaybookError: for a playbook that is not valid.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Playbook, compare
        >>> def playbook(weight):
        ...     campaigns = [{"id": "news", "content": ["note"], "weight": 2}]
        ...     campaigns += [{"id": "sale", "content": ["ad"], "weight": weight}]
        ...     content = [{"id": name, "channel": "email"} for name in ("note", "ad")]
        ...     cap = {"name": "one a day", "max": 1, "window": {"calendar": "day"}}
        ...     return Playbook.from_dict({"content": content, "campaigns": campaigns, "caps": [cap]})
        >>> people = [{"contact_id": name, "consent_email": True} for name in ("anna", "boris")]
        >>> found = compare(playbook(1), playbook(3), contacts=people, at=datetime(2026, 11, 5, 10, tzinfo=UTC))
        >>> [(own.lost, own.gained, own.contacts) for own in found.pairs[0].swaps]
        [('news', 'sale', 2)]
    """
    compared = names_of(by)
    normal_quantile(level)
    if len(sides) < 1 + (not compared):
        raise ModelError("a comparison is of at least two playbooks, or tables of decisions", field="sides")
    kinds = {is_playbook(side) for side in sides}
    if len(kinds) > 1:
        raise ModelError("compare playbooks with playbooks, or tables of decisions with such", field="sides")
    called = _names(sides, names)
    tables = dict(zip(_INPUTS, map(repeatable, (contacts, touches, scores, claims, events)), strict=True))
    if compared and tables["contacts"] is None:
        raise ModelError("by tells contacts apart: give contacts", field="by")
    how: dict[str, Any] = {"zone": zone, "max_bad": max_bad}
    if not kinds.pop():
        if ledger is not None:
            raise ModelError("tables of decisions are decided already: leave out ledger", field="ledger")
        return _of_tables(sides, called, tables, playbook, (compared, level), how)
    arbiters = [_arbiter(side, policies or {}) for side in sides]
    if at is None or (tables["contacts"] is None and tables["claims"] is None):
        raise ModelError("playbooks decide contacts at an instant: give contacts (or claims) and at", field="contacts")
    how |= {"at": at, "until": until, "threads": threads, "ledger": ledger, "dry_run": ledger is not None}
    return _of_playbooks(arbiters, called, tables, playbook, progress, (compared, level), how)


def is_playbook(side: Any) -> bool:
    """Whether a side is a playbook, and not a table of decisions."""
    if isinstance(side, str | os.PathLike):
        return os.fspath(side).lower().endswith(PLAYBOOKS)
    return isinstance(side, Playbook | Arbiter)


def _arbiter(side: Any, policies: Mapping[str, Policy]) -> Arbiter:
    if isinstance(side, Arbiter):
        return side
    playbook = side if isinstance(side, Playbook) else Playbook.load(side)
    return Arbiter(playbook, policies=policies)


def _names(sides: Sequence[Any], names: Iterable[str] | None) -> list[str]:
    """What the sides are called, no two alike."""
    if names is not None:
        found = list(names)
        if len(found) != len(sides):
            raise ModelError(f"there are {len(sides)} sides and {len(found)} names", field="names")
    else:
        found = [_name(side) or f"side {place}" for place, side in enumerate(sides, 1)]
    return [
        name if name not in found[:place] else f"{name} ({place + 1})" for place, name in enumerate(found)
    ]  # fmt: skip


def _name(side: Any) -> str | None:
    if isinstance(side, str | os.PathLike):
        return os.fspath(side)
    playbook = side.playbook if isinstance(side, Arbiter) else side
    return playbook.name if isinstance(playbook, Playbook) else None


def _of_playbooks(
    arbiters: Sequence[Arbiter],
    names: Sequence[str],
    tables: Mapping[str, Any],
    playbook: Playbook | None,
    progress: Progress | None,
    compared: tuple[Sequence[str], float],
    how: Mapping[str, Any],
) -> Comparison:
    """Decide the tables by each playbook, in step."""
    reader = RowReader()
    groups, by = _groups(playbook or arbiters[0].playbook, tables["contacts"], how["at"], compared[0], how)
    pairs = ComparedPairs(reader, names, groups, by, *compared)
    columns = _columns(arbiters, tables, how["until"])
    options = [
        {**tables, **how, "outcomes": "all", "columns": columns, "progress": None if place else progress}
        for place in range(len(arbiters))
    ]
    jobs: Sequence[Run]
    if has_kernels():
        from journeykit.job import TableJob

        jobs = table_jobs = [TableJob(arbiter, **own) for arbiter, own in zip(arbiters, options, strict=True)]
        pairs.add(blocks_of_jobs(table_jobs, reader))
    else:
        jobs = row_jobs = [TablesByRows(arbiter, **own) for arbiter, own in zip(arbiters, options, strict=True)]
        pairs.add(DecisionTables([DecisionLog(job.table()) for job in row_jobs], reader).blocks())
    notes = [job.summary().notes for job in jobs]
    if compared[0] and any(arbiter.decider.by_account for arbiter in arbiters):
        groups_note = "contacts of an account are decided together: intervals by contact are a little too narrow"
        notes = [(*own, groups_note) for own in notes]
    shared = [note for note in notes[0] if all(note in own for own in notes)]
    return Comparison(
        at=how["at"],
        until=how["until"],
        sides=tuple(
            pairs.side(place, [arbiter.fingerprint], [note for note in notes[place] if note not in shared])
            for place, arbiter in enumerate(arbiters)
        ),
        pairs=pairs.pairs([arbiter.playbook for arbiter in arbiters]),
        groups=pairs.groups(),
        notes=(*shared, *pairs.notes()),
    )


def _columns(arbiters: Sequence[Arbiter], tables: Mapping[str, Any], until: datetime | None) -> tuple[str, ...]:
    """The columns of decisions that are made."""
    if not has_kernels():
        return ("contact_id", "decided_at", *READ)
    left_out = set()
    if tables["claims"] is None:
        # Only claims that are brought have ids of their own; without times of sending all others go out at once.
        left_out.add("claim_id")
        if until is None and not any(_has_send_times(arbiter.playbook) for arbiter in arbiters):
            left_out.add("send_at")
    return tuple(name for name in READ if name not in left_out)


def _has_send_times(playbook: Playbook) -> bool:
    by_campaign = any(own.send_at is not None for own in playbook.campaigns or ())
    return by_campaign or any(own.send_at is not None for own in playbook.channels)


def _of_tables(
    sides: Sequence[Any],
    names: Sequence[str],
    tables: Mapping[str, Any],
    playbook: Playbook | None,
    compared: tuple[Sequence[str], float],
    how: Mapping[str, Any],
) -> Comparison:
    """Lay tables of decisions side by side."""
    for name in _INPUTS[1:]:
        if tables[name] is not None:
            raise ModelError(f"tables of decisions are decided already: leave out {name}", field=name)
    reader = RowReader()
    where = None if how["zone"] is None else clock(how["zone"]).zone
    logs = [DecisionLog(side, name=name, zone=where) for side, name in zip(sides, names, strict=True)]
    joined = DecisionTables(logs, reader)
    at = moment(int(joined.instants[0])) if len(joined.instants) else None
    groups: ContactGroups | None = None
    by: Sequence[str] = ()
    if at is not None:
        groups, by = _groups(playbook or Playbook(), tables["contacts"], at, compared[0], how)
    pairs = ComparedPairs(reader, names, groups, by, *compared)
    pairs.add(joined.blocks())
    return Comparison(
        at=at if len(joined.instants) == 1 else None,
        until=None,
        sides=tuple(pairs.side(place, own, ()) for place, own in enumerate(joined.playbooks)),
        pairs=pairs.pairs(),
        groups=pairs.groups(),
        notes=(*dict.fromkeys(joined.left_out), *pairs.notes()),
    )


def _groups(
    playbook: Playbook, contacts: Any, at: datetime, more: Sequence[str], how: Mapping[str, Any]
) -> tuple[ContactGroups | None, Sequence[str]]:
    """The contacts by segment, stage and the columns that are asked for, and the names of these."""
    if contacts is None:
        return None, ()
    by = tuple(dict.fromkeys((*_BY, *more)))
    return ContactGroups.read(playbook, contacts, at=at, by=by, zone=how["zone"], max_bad=how["max_bad"]), by
