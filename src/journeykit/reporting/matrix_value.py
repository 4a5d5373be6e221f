"""The messaging matrix: which content speaks to whom through which channel, who hears nobody, and what clashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.reporting.matrix_parts import MatrixFacts
from journeykit.reporting.matrix_text import matrix_page, matrix_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from journeykit.reporting.matrix_parts import MatrixCell

MATRIX: Mapping[str, str] = {
    "segment": "text",
    "stage": "text",
    "role": "text",
    "contacts": "number",
    "channel": "text",
    "by": "text",
    "value": "text",
    "campaign_id": "text",
    "content_id": "text",
    "team": "text",
    "live": "text",
    "fit_low": "number",
    "fit_high": "number",
    "fit_mean": "number",
    "eligible": "number",
    "cell_eligible": "number",
    "granted": "number",
    "lost": "number",
}
"""The columns of the table of a matrix, with the kind of each. A cell in which nobody speaks has no campaign."""


@frozen(kw_only=True, repr=False)
class MessagingMatrix(MatrixFacts):
    """Which content speaks to whom through which channel.

    Attributes:
        playbook: the name of the playbook.
        fingerprint: its fingerprint.
        at: the instant at which campaigns are live and rules are asked; None for no instant.
        audience: what the rows are: ``stage``, ``stage*role`` or ``segment``.
        by: what the columns are told apart by, below the channel: ``theme``, ``topic``, ...
        groups: the rows: those that the playbook knows, then those that contacts alone have.
        columns: the columns: channel, and theme (or what ``by`` says), None for messages without one.
        cells: every cell, row by row.
        everybody: all contacts as one row; None without contacts.
        has_decisions: whether decisions were counted.
        until: the last instant for which free slots were counted; None where they were not.
        crowded: where several messages ask for the attention of the same contacts, those with most first.
        pairs: the campaigns that a conflict keeps apart, those that met most contacts first.
        threads: the themes along the journey; none where the journey has no stages or content no themes.
        notes: what is to be said: contents that no campaign sends, rows of the table that could not be used, ...
    """

    def cell(self, channel: str, value: str | None = None, **row: str | None) -> MatrixCell:
        """One cell, by channel, theme (or what ``by`` says) and the names of its row.

        Raises:
            KeyError: for one that there is not.

        Example:
            >>> from journeykit import Campaign, Content, Playbook
            >>> from journeykit.reporting import messaging_matrix
            >>> news = Content(id="outlook", channel="email", theme="leadership", stages={"awareness": 0.5})
            >>> matrix = messaging_matrix(
            ...     Playbook(content=[news], campaigns=[Campaign(id="nurture", content=["outlook"])])
            ... )
            >>> [own.fit_high for own in matrix.cell("email", "leadership", stage="awareness").messages]
            [0.5]
        """
        for own in self.cells:
            if own.channel == channel and own.value == value and own.group.names == row:
                return own
        raise KeyError((channel, value, row))

    @property
    def holes(self) -> Iterator[MatrixCell]:
        """The cells in which nobody speaks."""
        return (own for own in self.cells if own.is_hole)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of the table of a matrix, with the columns of `MATRIX`: one for each message of each cell."""
        for cell in self.cells:
            group = cell.group
            shared = {
                **dict.fromkeys(MATRIX),
                **group.names,
                "contacts": group.contacts,
                "channel": cell.channel,
                "by": self.by,
                "value": cell.value,
                "cell_eligible": cell.eligible,
            }
            for own in cell.messages:
                cells = own.to_dict()
                ids = {f"{name}_id": cells.pop(name) for name in ("campaign", "content")}
                yield shared | cells | ids | {"live": "yes" if own.live else "no"}
            if not cell.messages:
                yield shared

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "playbook": self.playbook,
            "fingerprint": self.fingerprint,
            "at": None if self.at is None else self.at.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
            "audience": self.audience,
            "by": self.by,
            "contacts": None if self.everybody is None else self.everybody.to_dict(),
            "columns": [{"channel": channel, "value": value} for channel, value in self.columns],
            "rows": [own.to_dict() for own in self.groups],
            "cells": [own.to_dict() for own in self.cells],
            "crowded": [own.to_dict() for own in self.crowded],
            "conflicts": [own.to_dict() for own in self.pairs],
            "themes": [own.to_dict() for own in self.threads],
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        return matrix_text(self)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return matrix_page(self)
