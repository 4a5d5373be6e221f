"""The answer: outcomes, reasons, and the decision for one contact."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen

from journeykit.model.outcome import Grant, Row

if TYPE_CHECKING:
    from journeykit.model.explanation import Explanation


@frozen(kw_only=True)
class Decision:
    """The answer for one contact: an outcome and a reason for every claim.

    Reading `granted` costs nothing more. The rows are worked out when they are first read.

    Attributes:
        contact: the contact's id.
        at: the instant of the decision.
        until: the last instant of the plan, or None.
        timezone: the contact's time zone, or the playbook's for a contact without one: for people to read instants in.
        granted: what goes out, in the order of claims.
        total: the sum of weight less reserve over what was granted.
        optimal: False where the node budget, or the size of an account, ended the search before the proof.
        bound: no set of claims is worth more than this. Where an account was decided together, the sum over its
            contacts is the bound: each has his own total, and the first in the text order of ids what is above.
        notes: what a person should know of it, such as quotas that a single decision does not enforce.
        replayed: whether it is an answer that the ledger kept under the key or run, given once more.
        together: the ids of the contacts that were decided together, his own among them; none where he was alone.
    """

    contact: str
    at: datetime
    until: datetime | None
    timezone: str
    granted: tuple[Grant, ...]
    total: float
    optimal: bool = True
    bound: float
    together: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    replayed: bool = field(default=False, eq=False)
    _write: Callable[[bool], tuple[Row, ...]] = field(repr=False, eq=False)
    _explain: bool = field(default=False, repr=False, eq=False)
    _rows: dict[bool, tuple[Row, ...]] = field(init=False, factory=dict, repr=False, eq=False)

    @property
    def rows(self) -> tuple[Row, ...]:
        """One row for each claim, in the order of claims; with ``explain=True`` also what displaced whom."""
        return self._read(explain=self._explain)

    def _read(self, *, explain: bool) -> tuple[Row, ...]:
        if explain not in self._rows:
            self._rows[explain] = self._write(explain)
        return self._rows[explain]

    def row(self, campaign: str, content: str | None = None) -> Row:
        """The row of a campaign (and content).

        Raises:
            KeyError: if no claim of it was made.
        """
        for row in self.rows:
            if row.campaign == campaign and content in (None, row.content):
                return row
        raise KeyError(f"no claim of campaign {campaign!r}; there are {sorted({row.campaign for row in self.rows})}")

    def explain(self) -> Explanation:
        """Everything about the decision, for people: print it, show it in a notebook, or take it as JSON."""
        from journeykit.model.explanation import Explanation

        return Explanation(decision=self, rows=self._read(explain=True))

    def _shown(self) -> Explanation:
        """What is shown unasked: without what weight would have won, which costs a search for each row."""
        from journeykit.model.explanation import Explanation

        return Explanation(decision=self, rows=self.rows)

    def __str__(self) -> str:
        return str(self._shown())

    def _repr_html_(self) -> str:
        return self._shown()._repr_html_()

    def __getstate__(self) -> dict[str, Any]:
        # What writes the rows holds the whole case; what travels are the rows.
        state = asdict(self, recurse=False)
        state["_rows"] = {explain: self._read(explain=explain) for explain in (False, True)}
        state["_write"] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state["_write"] = state["_rows"].__getitem__
        for name, value in state.items():
            object.__setattr__(self, name, value)
