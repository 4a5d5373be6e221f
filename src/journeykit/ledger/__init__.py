"""The ledger: what was promised, what was sent, and nothing twice.

A ledger is the durable store of touches and reservations that makes caps hold between jobs, processes and machines.
`Ledger` keeps it in SQLite or PostgreSQL (extra ``ledger``); `MemoryLedger` does the same in one process, for tests
and small jobs, and needs no extra. `StoreLedger` keeps it in a `Store` of your own.

A reservation is a touch in a state::

    reserved ──confirm──> sent ──a send log──> bounced, failed
       ├─────release────> released
       └─────expire─────> expired ──a late confirm──> sent

``reserved`` and ``sent`` count against caps, all others do not. To repeat a move changes nothing and is no error.
`confirm` and `release` of several move what may be moved, and tell the state of the rest.

**The promise of delivery is the caller's, by the order of two calls.** Send first and confirm then: at least once,
since a process that dies between the two
finds the reservation ``reserved`` and sends again. Confirm first, and send only
what `confirm` says it has moved: at most once, since a process that dies between
the two has lost that message. A sender
that itself remembers the reservation's id makes the first order exactly once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.basics.lazy import lazy_names

if TYPE_CHECKING:
    from journeykit.ledger.base import BaseLedger as BaseLedger
    from journeykit.ledger.consent_word import ConsentWord as ConsentWord
    from journeykit.ledger.consent_word import ConsentWord as OptOut
    from journeykit.ledger.event_keeping import KeptEvents as KeptEvents
    from journeykit.ledger.guard_keeping import KeptGuard as KeptGuard
    from journeykit.ledger.memory import MemoryLedger as MemoryLedger
    from journeykit.ledger.moved import Moved as Moved
    from journeykit.ledger.quota_state import QuotaState as QuotaState
    from journeykit.ledger.reservation import ReleaseCheck as ReleaseCheck
    from journeykit.ledger.reservation import Reservation as Reservation
    from journeykit.ledger.send_log import Imported as Imported
    from journeykit.ledger.send_log import SendLog as SendLog
    from journeykit.ledger.sql_ledger import Ledger as Ledger
    from journeykit.ledger.store import Store as Store
    from journeykit.ledger.store import StoreLedger as StoreLedger
    from journeykit.ledger.transaction import EventRow as EventRow
    from journeykit.ledger.transaction import GuardRow as GuardRow
    from journeykit.ledger.transaction import News as News
    from journeykit.ledger.transaction import RunMark as RunMark
    from journeykit.ledger.transaction import Transaction as Transaction
    from journeykit.ledger.transaction import WaitingRow as WaitingRow
    from journeykit.ledger.waiting_claim import WaitingClaim as WaitingClaim

_HOMES = {
    "BaseLedger": "ledger.base",
    "ConsentWord": "ledger.consent_word",
    "EventRow": "ledger.transaction",
    "GuardRow": "ledger.transaction",
    "Imported": "ledger.send_log",
    "KeptEvents": "ledger.event_keeping",
    "KeptGuard": "ledger.guard_keeping",
    "Ledger": "ledger.sql_ledger",
    "MemoryLedger": "ledger.memory",
    "Moved": "ledger.moved",
    "News": "ledger.transaction",
    "ReleaseCheck": "ledger.reservation",
    "Reservation": "ledger.reservation",
    "RunMark": "ledger.transaction",
    "SEND_LOGS": "ledger.send_log_presets",
    "SendLog": "ledger.send_log",
    "QuotaState": "ledger.quota_state",
    "WaitingClaim": "ledger.waiting_claim",
    "WaitingRow": "ledger.transaction",
    "Store": "ledger.store",
    "StoreLedger": "ledger.store",
    "Transaction": "ledger.transaction",
}

# What a word of consent was called before it could also be a yes, or about a topic.
_FORMER = {"OptOut": "ledger.consent_word:ConsentWord"}

__all__ = ["OptOut", *_HOMES]  # noqa: PLE0604  (the keys are texts; loaded when touched)
__getattr__, __dir__ = lazy_names(__name__, _HOMES | _FORMER, {"sqlalchemy": "ledger"})
