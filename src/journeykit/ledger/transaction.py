"""What a store must be able to do within one transaction; everything else a ledger does is built on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen

from journeykit.basics.validation import shown
from journeykit.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from journeykit.ledger.consent_word import ConsentWord
    from journeykit.ledger.reservation import Reservation


AnswerRow = tuple[str, str, int, str, "Sequence[str]"]
"""An answer as it is kept: its key, its contact, until when it tells of something, its text, and who else is in it."""

LONGEST = 1_000
"""The most bytes of an id that a ledger keeps: the index of a database has no room for much longer ones."""


def check_lengths(**ids: str | None) -> None:
    """Refuse ids that some ledger could not keep, so that all of them refuse the same.

    Raises:
        LedgerError: naming the first that is too long.
    """
    for name, own in ids.items():
        fault = length_fault(own)
        if fault is not None:
            raise LedgerError(f"the {name.replace('_', ' ')} {shown(own)} {fault}")


def length_fault(own: str | None) -> str | None:
    """What is wrong with an id that is too long for a ledger; None where nothing is."""
    if own is None or len(own) * 4 <= LONGEST:
        return None
    size = len(own.encode())
    return None if size <= LONGEST else f"has {size:,} bytes; a ledger keeps ids of at most {LONGEST:,} bytes"


def check_touch(touch: Reservation) -> None:
    """Refuse a touch with an id that is too long.

    Raises:
        LedgerError: naming the first of them.
    """
    check_lengths(contact_id=touch.contact, account_id=touch.account, id=touch.id, message=touch.message)


@frozen(kw_only=True)
class RunMark:
    """A run over tables: what it decides, and up to where it looks back.

    Attributes:
        run_id: its name.
        playbook: the playbook's fingerprint; and, after a blank, a hash of what guards pause, if anything.
        at: the instant of its decisions, microseconds.
        until: the last instant of a plan, or None.
        touches: the last touch that it knows, by the number that each gets when it is written.
        moves: the last move of a status that it knows.
        opt_outs: the last word of consent that it knows.
        alone: whether it is no run over tables: its contacts are decided one by one, by `Arbiter.decide`.
        waiting: the last change of what waits that it knows.
        used: what was used of quotas with a window when it began, by key.
        events: the last event that it knows.
    """

    run_id: str
    playbook: str
    at: int
    until: int | None
    touches: int = 0
    moves: int = 0
    opt_outs: int = 0
    alone: bool = False
    waiting: int = 0
    used: Mapping[str, int] = field(factory=dict, hash=False)
    events: int = 0


@frozen(kw_only=True)
class WaitingRow:
    """A change of what waits: a claim begins to, or it does not any more. Of one key the last row holds.

    Attributes:
        key: a hash of contact and what the claim asks for.
        contact: the contact's id.
        claim: the claim, as JSON; None for one that does not wait any more.
        since: the instant of the decision since which it waits, microseconds.
        until: the last instant at which it may go, or None.
        at: the instant of the decision that changed it.
        run_id: the run that did.
    """

    key: str
    contact: str
    claim: str | None
    since: int
    until: int | None
    at: int
    run_id: str


@frozen(kw_only=True)
class EventRow:
    """Something that a contact did, as a ledger keeps it.

    Attributes:
        key: a hash of what tells it from all others; of one key a ledger keeps the first.
        contact: the contact's id.
        event: its name.
        at: when, microseconds.
        id: its own id, or None.
        properties: what else is known of it, as JSON.
    """

    key: str
    contact: str
    event: str
    at: int
    id: str | None
    properties: str


@frozen(kw_only=True)
class GuardRow:
    """A guard that tripped for a campaign, as a ledger keeps it; of both together the last row holds.

    Attributes:
        guard: its name.
        campaign: the campaign's id.
        paused: whether it pauses the campaign.
        until: the instant at which the observation ended by which it tripped, microseconds.
        messages: how many messages of the campaign were in its window then.
        answered: how many of them had a response.
        lifted: when a person last lifted it, microseconds; None for never.
    """

    guard: str
    campaign: str
    paused: bool
    until: int
    messages: int
    answered: int
    lifted: int | None

    @property
    def key(self) -> tuple[str, str]:
        """Guard and campaign."""
        return self.guard, self.campaign


class Transaction(Protocol):
    """One transaction: all of it is kept, or nothing."""

    def counting(self, contacts: Sequence[str], accounts: Sequence[str] = ()) -> list[Reservation]:
        """The touches that count, of contacts and of accounts, in any order."""

    def held(self, ids: Sequence[str]) -> dict[str, Reservation]:
        """Touches by id, held until the end of the transaction."""

    def ids_of(self, messages: Sequence[str]) -> dict[str, str]:
        """The ids of touches by what a send log calls them."""

    def of_contacts(self, contacts: Sequence[str]) -> list[Reservation]:
        """All touches of contacts, whatever became of them, by instant."""

    def of_run(self, run_id: str, contacts: Sequence[str]) -> list[Reservation]:
        """What a run has reserved for contacts, whatever became of it."""

    def contacts_of(self, mark: RunMark) -> frozenset[str]:
        """The contacts for whom a run has reserved anything since its mark."""

    def in_status(self, status: str, before: int | None, run_id: str | None, count: int) -> list[Reservation]:
        """So many touches of a status, of a run, that lie before an instant."""

    def used(self, quotas: Sequence[str], keys: Sequence[str]) -> dict[str, int]:
        """What is used of quotas, by key; a key that was never used, nor counted, is left out.

        Nobody else decides by quotas of these names until the end of the transaction. Ask once in a transaction, for
        all of them, after contacts and accounts are held: so no two wait for each other.

        Args:
            quotas: the names of the quotas.
            keys: the keys of quotas and periods.
        """

    def decided(self) -> Iterator[Reservation]:
        """All touches that count and that a run or decision reserved, held until the end of the transaction, by id."""

    def count_uses(self, marks: Sequence[str], uses: Iterable[tuple[Reservation, Mapping[str, int]]]) -> None:
        """Begin to count quotas: what touches that it holds use of them comes on top of what they use.

        Args:
            marks: the keys by which it is known that the quotas are counted.
            uses: touches, each with what it uses, by key.
        """

    def add(self, touches: Iterable[Reservation]) -> None:
        """Write touches; what they use of quotas is used from then on.

        Raises:
            LedgerError: for an id that it holds already; nothing of the transaction may be kept then.
        """

    def move(self, touches: Iterable[tuple[Reservation, str]]) -> None:
        """Give touches a new status; what they were is written down.

        What a touch uses of quotas is free when it ceases to count, and used again when it counts again.
        """

    def tell_message(self, told: Iterable[tuple[str, str]]) -> None:
        """Give touches, by id, what a send log calls them."""

    def tell_parts(self, told: Iterable[tuple[str, Mapping[str, str]]]) -> None:
        """Give touches, by id, what became of their parts."""

    def answer(self, key: str) -> tuple[str, str] | None:
        """Whose answer is kept under a key, and the answer; None where there is none."""

    def answers_of(self, keys: Sequence[str]) -> dict[str, str]:
        """Several answers by key."""

    def keep_answer(self, key: str, contact: str, at: int, answer: str, others: Sequence[str]) -> None:
        """Keep an answer, which is gone when its contact, or another one that it tells of, is forgotten."""

    def keep_answers(self, answers: Sequence[AnswerRow]) -> None:
        """Keep several answers, each as for `keep_answer`."""

    def keep_new_answers(self, answers: Iterable[tuple[str, str, int, str]]) -> None:
        """Keep answers, each as key, contact, instant and answer; one whose key is known stays as it is."""

    def playbook(self, fingerprint: str) -> str | None:
        """The playbook of a fingerprint, as JSON; None where it is not known."""

    def keep_playbook(self, fingerprint: str, playbook: str) -> None:
        """Keep a playbook; one that is known stays as it is."""

    def said(self, persons: Sequence[str] | None = None, until: int | None = None) -> list[ConsentWord]:
        """The words of consent of persons, or of all, in any order; up to a number."""

    def say(self, word: ConsentWord) -> None:
        """Write a word of consent."""

    def waiting(self, contacts: Sequence[str] | None = None, until: int | None = None) -> list[WaitingRow]:
        """The claims that wait, of contacts or of all, in the order in which they were written; up to a number."""

    def waiting_contacts(self, until: int | None = None) -> list[str]:
        """The contacts of whom anything waits, each once, in any order; up to a number."""

    def change_waiting(self, changes: Iterable[WaitingRow]) -> None:
        """Write changes of what waits."""

    def keep_events(self, rows: Sequence[EventRow]) -> int:
        """Write events, but those whose key is known; how many were new."""

    def events(self, contacts: Sequence[str] | None = None, until: int | None = None) -> Iterator[EventRow]:
        """The events of contacts, or of all, each contact's in the order in which they were written; up to a number."""

    def has_events(self, until: int | None = None) -> bool:
        """Whether there is any event, up to a number."""

    def guards(self) -> list[GuardRow]:
        """The guards that tripped, with those that were lifted, by name and campaign."""

    def keep_guards(self, rows: Iterable[GuardRow]) -> None:
        """Write guards that tripped, or were lifted; of a guard and campaign the last word holds."""

    def run(self, run_id: str) -> RunMark | None:
        """A run that was begun."""

    def marked(self, mark: RunMark) -> RunMark:
        """A run with the last touch, move and opt-out that there are; it is not written down."""

    def begin_run(self, mark: RunMark) -> RunMark:
        """Write a run down, with the last touch, move and word of consent; one of its name stays as it is."""

    def news(self, mark: RunMark, contacts: Sequence[str], accounts: Sequence[str], persons: Sequence[str]) -> News:
        """Whose history others have added to since a run began.

        What has come to count again since is an addition too. Of an account also what the run itself has reserved for
        contacts who are not among these: they are in other tables.
        """

    def leave_traces(self, traces: Iterable[tuple[str, int]]) -> None:
        """Keep hashes of the ids of reservations that are to be forgotten, each with the instant of its message."""

    def forgotten(self, traces: Sequence[str]) -> frozenset[str]:
        """Which of some hashes are those of reservations that were forgotten."""

    def forget(self, contact: str, person: str, *, keep_opt_outs: bool) -> dict[str, int]:
        """Remove a contact; how many touches, answers and events there were, and opt-outs kept."""

    def answers_about(self, contact: str) -> list[tuple[str, str]]:
        """All kept answers about a contact, with their keys."""

    def answers_telling(self, contact: str) -> list[str]:
        """The keys of kept answers about others that tell of a contact."""

    def moves_of(self, contact: str) -> list[tuple[str, str, str]]:
        """The moves of a contact's touches: id, what it was, what it became."""

    def prune(self, before: int) -> dict[str, int]:
        """Remove what lies before an instant; how much of what."""

    def contacts(self) -> Iterator[str]:
        """All contacts of whom anything is held, by id."""

    def all_touches(self) -> Iterator[Reservation]:
        """All touches, whatever became of them, in the order in which they were written."""

    def all_answers(self) -> Iterator[tuple[str, str, str]]:
        """All kept answers, each as key, contact and answer, by key."""

    def all_runs(self) -> Iterator[RunMark]:
        """All runs, by name."""

    def stats(self) -> dict[str, Any]:
        """How much of what there is."""

    def as_of(
        self, mark: RunMark, contacts: Sequence[str] | None = None, accounts: Sequence[str] = ()
    ) -> Iterator[Reservation]:
        """The touches that counted when a run began, of all or some, in the order in which they were written."""


@frozen
class News:
    """Whose history others have added to since a run began.

    Attributes:
        contacts: ids of contacts.
        accounts: accounts.
        persons: hashes of those of whom a no to being written to was recorded since, whatever its instant.
    """

    contacts: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    persons: frozenset[str] = frozenset()
