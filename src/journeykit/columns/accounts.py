"""Accounts in chunks of contacts: gathered wherever they stand, and decided together by the one-contact engine."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.account_groups import decided_by_account
from journeykit.columns.chunk import Chunk
from journeykit.tables.cells import is_missing, read_text
from journeykit.tables.columns import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from journeykit.columns.table_job import TableJob
    from journeykit.engine.contact_group import QuotaChoice
    from journeykit.engine.decider import Decided
    from journeykit.model.contact import Contact
    from journeykit.model.decision import Decision
    from journeykit.prices import Tariff

_COLUMNS = ("contact_id", "account_id")


class Accounts:
    """Where accounts end in a table of contacts, and what was decided of its rows.

    Args:
        job: whose contacts they are; it reads and counts them.

    Attributes:
        chosen: by contact id, what a run with quotas chose for his account, and what its prices take.
    """

    def __init__(self, job: TableJob) -> None:
        self.job = job
        self.last = self._survey()
        self._chunk: dict[str, tuple[Any, int]] = {}
        self._found: dict[int, Decision | None] = {}
        self.chosen: dict[str, tuple[QuotaChoice, Tariff]] = {}

    def _survey(self) -> dict[str, int]:
        """By account, the last row that names it."""
        last: dict[str, int] = {}
        start = 0
        for part in self.job.contact_parts(lambda name: fold_name(name) in _COLUMNS):
            chunk = Chunk(self.job.plan(part[1]), part[2], part[0])
            place = next((place for place, name, _ in chunk.plan.fields if name == "account"), None)
            if place is not None:
                codes, values = chunk.columns[place].read(lambda value: None if is_missing(value) else read_text(value))
                rows = np.full(len(values), -1, np.int64)
                np.maximum.at(rows, codes, np.arange(start, start + chunk.rows))
                last.update(
                    (value, row)
                    for value, row in zip(values, rows.tolist(), strict=True)
                    if isinstance(value, str) and row >= 0
                )
            start += chunk.rows
        return last

    def settled(self, chunks: Iterable[Any]) -> Iterator[Any]:
        """The chunks in their order, each once all that stands in it is decided."""
        held: deque[Any] = deque()

        def people() -> Iterator[tuple[int, Contact]]:
            for done in chunks:
                held.append(done)
                for row in range(done.chunk.rows):
                    contact = self.job.read_contact(done, row)
                    if contact is None:
                        self._found[done.start + row] = None
                    else:
                        self._chunk[contact.id] = done, row
                        yield done.start + row, contact

        for number, contact, (decision, counted) in decided_by_account(people(), self.last, self._decide):
            while number >= held[0].start + held[0].chunk.rows:
                yield held.popleft()
            self._found[number] = self.job.counted(held[0], number - held[0].start, contact, decision, counted)
        yield from held

    def _decide(self, contacts: list[Contact]) -> list[Decided]:
        job = self.job
        inputs = {own.id: job.inputs_of(*self._chunk.pop(own.id), own.id) for own in contacts}
        group = job.group(contacts, inputs)
        chosen = self.chosen.get(contacts[0].id)
        if job.ledger is None:
            choice, charges = chosen or (None, None)
            found = job.decider.decide_group(
                group, explain=job.explain, run_id=job.run_id, choice=choice, charges=charges
            )
        else:
            (found,) = job.ledger.decided([group], [chosen])
        job.count_used(found)
        return found.decided

    def decision(self, row: int) -> Decision | None:
        """What was decided of a row, which is then let go; None where it could not be decided."""
        return self._found.pop(row)
