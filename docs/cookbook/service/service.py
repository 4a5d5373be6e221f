"""A web service that decides and reserves; asked again with the same request id, it gives the same answer.

Start it by ``uvicorn --factory service:create_app``, with the environment variables ``PLAYBOOK`` (a file) and
``LEDGER`` (an address).
"""

from __future__ import annotations

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import FastAPI, Header, Path, Request
from fastapi.responses import JSONResponse
from live_playbook import LivePlaybook
from pydantic import AwareDatetime, BaseModel, ConfigDict

from journeykit import Contact, DataError, Decision, LedgerError, ModelError
from journeykit.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

THREADS = 8
"""As many requests use the ledger at once, in each worker process; each of them holds one connection."""
PATIENCE = 1.0
"""For how many seconds a request waits for another that decides the same contact."""
DEADLINE = 2.0
"""After so many seconds the caller gets an answer, whatever the ledger does."""
REFRESH = 5.0
"""How often, in seconds, the file of the playbook is looked at."""
STATUS = {"unknown": 404, "move": 409}
"""By kind of `LedgerError`, what is the caller's mistake; all else is 503, and worth another try."""
MESSAGE = ("decision_id", "campaign", "content", "channel", "weight", "send_at")

log = logging.getLogger(__name__)
Found = TypeVar("Found")
ContactId = Annotated[str, Path(max_length=200)]
RequestId = Annotated[str, Header(alias="Idempotency-Key", min_length=8, max_length=200)]


class Happened(BaseModel):
    """What a contact did: an event that rests, or rules of audiences, ask for."""

    model_config = ConfigDict(extra="forbid")

    event: str
    at: AwareDatetime
    event_id: str | None = None
    campaign_id: str | None = None
    properties: dict[str, Any] = {}


class Service:
    """What the requests of one process share: the playbook, the ledger and the threads that wait for it."""

    def __init__(self, playbook: str, ledger: str) -> None:
        self.live = LivePlaybook(playbook)
        self.ledger = Ledger(ledger, connections=THREADS, patience=PATIENCE)
        self.threads = ThreadPoolExecutor(THREADS, "ledger")

    def decide(self, contact: Contact, request_id: str) -> dict[str, Any]:
        """Decide, reserve and remember the answer, in one transaction."""
        arbiter = self.live.arbiter  # once: what is loaded from here on is for other requests
        # A request id is the contact's own: that of another contact is another key.
        key = f"{contact.id} {request_id}"
        # What contacts did is in the ledger, and only there: a contact of whom it knows nothing did nothing.
        found = arbiter.decide(contact, events=(), at=datetime.now(UTC), ledger=self.ledger, key=key)
        return answer(found)

    def happened(self, contact: str, events: list[Happened]) -> int:
        """Keep what a contact did; how many of the events are new."""
        rows = [{"contact_id": contact, **event.model_dump(exclude_none=True)} for event in events]
        return self.ledger.record_events(rows, max_bad=0).new

    async def in_thread(self, work: Callable[..., Found], *given: Any) -> Found:
        """Do what waits for the ledger in a thread, so that the event loop goes on.

        Work that no thread has begun by the deadline is never done. Work that was begun goes on to its end: asked
        again with the same request id, the caller gets its answer.
        """
        found = asyncio.get_running_loop().run_in_executor(self.threads, work, *given)
        return await asyncio.wait_for(found, DEADLINE)

    async def keep_fresh(self) -> None:
        """Look at the playbook's file for ever."""
        while True:
            await asyncio.sleep(REFRESH)
            # Not in the threads of the ledger: rules change also while those wait for it.
            if await asyncio.to_thread(self.live.refresh):
                log.info("decides by playbook %s", self.live.arbiter.fingerprint)
            elif self.live.problem:
                log.error("keeps playbook %s: %s", self.live.arbiter.fingerprint, self.live.problem)


def answer(decision: Decision) -> dict[str, Any]:
    """A decision as JSON: what goes out, and why the rest does not."""
    granted = [row.to_dict() for row in decision.rows if row.outcome == "granted"]
    others = [row for row in decision.rows if row.outcome != "granted"]
    return {
        "contact": decision.contact,
        "at": decision.at.isoformat(),
        "messages": [{name: row[name] for name in MESSAGE} for row in granted],
        "others": [{"campaign": row.campaign, "content": row.content, "reason": row.reason.value} for row in others],
    }


def create_app() -> FastAPI:
    """The service, as the environment says."""
    service = Service(os.environ["PLAYBOOK"], os.environ["LEDGER"])

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(service.keep_fresh())
        yield
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        service.threads.shutdown()
        service.ledger.close()

    app = FastAPI(title="messages", lifespan=lifespan)
    app.state.service = service

    @app.post("/contacts/{contact}/decide")
    async def decide(contact: ContactId, known: dict[str, Any], request_id: RequestId) -> dict[str, Any]:
        """What may go to this contact now; it is reserved. The body has what the caller knows of the contact."""
        # A key that is no field of a contact is an error that names it; the id is that of the address.
        return await service.in_thread(service.decide, Contact.from_dict({**known, "id": contact}), request_id)

    @app.post("/contacts/{contact}/events")
    async def happened(contact: ContactId, events: list[Happened]) -> dict[str, int]:
        """What this contact did. Sent again, an event is the same one."""
        return {"new": await service.in_thread(service.happened, contact, events)}

    @app.post("/messages/{decision_id}/sent")
    async def sent(decision_id: str) -> dict[str, bool]:
        """The sender has accepted a message."""
        return {"moved": bool(await service.in_thread(service.ledger.confirm, decision_id))}

    @app.post("/messages/{decision_id}/refused")
    async def refused(decision_id: str) -> dict[str, bool]:
        """The sender has not accepted a message: what it used up is free again."""
        return {"moved": bool(await service.in_thread(service.ledger.release, decision_id))}

    @app.get("/alive")
    async def alive() -> dict[str, bool]:
        """Whether the process answers. Where it does not, start it anew."""
        return {"alive": True}

    @app.get("/ready")
    async def ready() -> dict[str, str | None]:
        """Whether decisions can be made. Where not, send requests elsewhere; to start anew helps nobody."""
        await service.in_thread(service.ledger.reservations, "ready")
        return {"playbook": service.live.arbiter.fingerprint, "problem": service.live.problem}

    @app.exception_handler(LedgerError)
    async def ledger_away(_: Request, error: LedgerError) -> JSONResponse:
        log.warning("%s", error)
        status = STATUS.get(error.kind, 503)
        return said(status, "the ledger does not answer, and without it nothing is granted" if status == 503 else error)

    @app.exception_handler(TimeoutError)
    async def too_late(_: Request, __: TimeoutError) -> JSONResponse:
        return said(503, f"no answer within {DEADLINE:g} s; nothing is granted that you know of")

    @app.exception_handler(ModelError)
    @app.exception_handler(DataError)
    async def wrong(_: Request, error: ModelError | DataError) -> JSONResponse:
        return said(422, error)

    return app


def said(status: int, why: object) -> JSONResponse:
    """An answer that grants nothing."""
    again = {"Retry-After": "1"} if status == 503 else {}
    return JSONResponse({"detail": str(why)}, status, again)
