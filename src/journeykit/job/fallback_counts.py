"""Why contacts of a columnar job were decided by the row engine, and how many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

from journeykit.columns.row_causes import asked_by_rows, cause_notes

if TYPE_CHECKING:
    from collections.abc import Iterator


@define
class FallbackCounts:
    """Why contacts were decided by the row engine, and how many.

    Attributes:
        causes: why it decides all of them; none where it does not.
        policies: the names of the policies that are asked claim by claim.
        contacts: by `journeykit.columns.row_causes.RowCause`, how many contacts fall back for it.
    """

    causes: list[str]
    policies: list[str]
    contacts: list[int]

    def none(self) -> FallbackCounts:
        """The same with nothing counted."""
        return FallbackCounts([], [], [0] * len(self.contacts))

    def merge(self, other: FallbackCounts) -> None:
        """Count what was counted elsewhere, under the same playbook."""
        self.causes = list(dict.fromkeys([*self.causes, *other.causes]))
        self.policies = list(dict.fromkeys([*self.policies, *other.policies]))
        self.contacts = [own + more for own, more in zip(self.contacts, other.contacts, strict=True)]

    def notes(self) -> Iterator[str]:
        """What a person should know of it."""
        yield from (note for note in map(asked_by_rows, self.policies) if note not in self.causes)
        yield from cause_notes(self.causes, self.contacts)
