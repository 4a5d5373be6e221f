"""An account: what its contacts share, because caps per account count the touches of them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.basics.once import once
from journeykit.engine.history import TouchHistory
from journeykit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from journeykit.engine.candidate import Winner
    from journeykit.engine.contact_facts import ContactFacts, Touched
    from journeykit.engine.history import Cell
    from journeykit.model.touch import Touch


class Account:
    """The contacts of one account, and what caps per account ask of them all.

    Attributes:
        facts: by contact id, in text order, what is known of each.
        first: the first of them; what windows of caps per account ask of it is the same for all.
        shared: the caps per account, by their numbers.
    """

    def __init__(self, facts: Iterable[ContactFacts], colleagues: Sequence[Touch]) -> None:
        """Bring the contacts together.

        Args:
            facts: what is known of each contact, in the text order of ids.
            colleagues: the touches of contacts of the account that are not decided now.
        """
        self.facts = {own.contact.id: own for own in facts}
        self.first = next(iter(self.facts.values()))
        self.shared = self.first.ruleset.per_account
        self._colleagues = colleagues
        self._limits: dict[int, int | None] = {}

    def limit(self, cap: int) -> int | None:
        """The limit of a cap per account: the smallest of the contacts that it protects; None for none."""
        if cap not in self._limits:
            own = [facts.limit(cap) for facts in self.facts.values() if _has_limit(facts, cap)]
            self._limits[cap] = min((limit for limit in own if limit is not None), default=None)
        return self._limits[cap]

    def protected(self, cap: int, winners: Sequence[Winner]) -> Sequence[Winner]:
        """The winners whose contacts are in a cap's audience."""
        if self.first.ruleset.audiences[cap] is None:
            return winners
        return [winner for winner in winners if self.facts[winner.candidate.contact].is_protected_by(cap)]

    def touched(self, cap: int, key: tuple[str, ...]) -> Sequence[Touched]:
        """The account's touches that count in the windows of a cap per account."""
        return self._history.get((cap, key), ())

    @once
    def _history(self) -> dict[Cell, list[Touched]]:
        """By cap per account and group, the touches of the whole account."""
        first = self.first
        others = TouchHistory(first.ruleset, None, self._colleagues, first.now, lambda _: False)
        found: dict[Cell, list[Touched]] = {}
        for history in (*(own.history for own in self.facts.values()), others):
            for cell, spans in history.spans.items():
                if cell[0] in self.shared:
                    found.setdefault(cell, []).extend(spans)
        return found


def _has_limit(facts: ContactFacts, cap: int) -> bool:
    """Whether a limit of the contact's own can be read; an invalid one makes the contact's own claims invalid, only."""
    try:
        facts.limit(cap)
    except ModelError:
        return False
    return True
