"""Proposals: what a run over tables wants to reserve, and the pieces in which it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from journeykit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from journeykit.ledger.reservation import Reservation
    from journeykit.ledger.saved_decisions import (
        DecisionInputs,
    )
    from journeykit.ledger.transaction import News
    from journeykit.model.decision import Decision


Again = Mapping[str, "tuple[Decision, list[Reservation]]"]
"""By contact id, a decision that was made again, and what it grants."""
Together = Callable[[Mapping[str, "DecisionInputs"], Callable[[str, "Decision"], bool]], Again]
"""Decides contacts again, by id, with what they are asked with; those that it cannot decide are left out, and so is
each whose decision the function refuses."""


class Proposal:
    """What a run wants to reserve for contacts that were decided together.

    Args:
        names: their ids.
        account: their account, where caps per account hold; else None.
        reservations: what was granted.
        group: gives them as the row engine takes them, if they must be decided again.
    """

    __slots__ = ("account", "group", "names", "reservations")

    def __init__(
        self, names: tuple[str, ...], account: str | None, reservations: list[Reservation], group: Callable[[], Any]
    ) -> None:
        self.names = names
        self.account = account
        self.reservations = reservations
        self.group = group


def has_news(proposal: Proposal, news: News, persons: dict[str, str]) -> bool:
    """Whether others have added to the history of a proposal's contacts, or to their words of consent."""
    return (
        proposal.account in news.accounts
        or any(name in news.contacts for name in proposal.names)
        or any(persons[name] in news.persons for name in proposal.names)
    )


def check_same(run_id: str, proposal: Proposal, held: dict[str, set[str]]) -> None:
    """What a run has reserved is what it would reserve now."""
    wanted = {own.id for own in proposal.reservations}
    found = set().union(*(held.get(name, set()) for name in proposal.names))
    if wanted != found:
        raise changed(run_id, proposal.names[0])


def changed(run_id: str, contact: str) -> DataError:
    """The error of a run that would reserve other messages than before."""
    return DataError(
        f"the run {run_id!r} has reserved other messages for contact {contact!r} before: the tables or the policy "
        f"have changed since it was begun. Give those of then; or free what it has reserved with "
        f"`journeykit ledger release URL --run {run_id}`, and begin a run of another name",
        source="ledger",
    )


def pieces_of(proposals: Iterable[Proposal], size_of_piece: int) -> Iterator[list[Proposal]]:
    """Proposals in pieces of so many contacts."""
    piece: list[Proposal] = []
    size = 0
    for proposal in proposals:
        piece.append(proposal)
        size += len(proposal.names)
        if size >= size_of_piece:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece
