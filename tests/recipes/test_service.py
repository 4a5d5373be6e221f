"""The web service of the cookbook: one answer for a request id, whatever happens, and nothing that fails open."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx2
import pytest
import service
from fastapi.testclient import TestClient
from ledgers import DURABLE, database
from test_live_playbook import replace

from journeykit.ledger import Ledger

PLAYBOOK = """
name: service
timezone: Europe/Skopje
content: [{id: outlook, channel: email}, {id: news, channel: email}]
campaigns:
  - {id: nurture, content: [outlook], repeat: null}
  - {id: launch, content: [news], weight: 8, repeat: null}
caps: [{name: one a day, max: 1, window: {calendar: day}}]
"""
KNOWN = {"consent": {"email": True}}


def ask(client, contact="anna", request_id="request-1", known=KNOWN):
    return client.post(f"/contacts/{contact}/decide", json=known, headers={"Idempotency-Key": request_id})


@pytest.fixture(params=DURABLE)
def app(request, tmp_path, monkeypatch):
    """The service with a ledger of its own."""
    path = tmp_path / "playbook.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    with database(request.param, tmp_path) as url:
        with Ledger(url) as ledger:
            ledger.upgrade()
        monkeypatch.setenv("PLAYBOOK", str(path))
        monkeypatch.setenv("LEDGER", url)
        monkeypatch.setattr(service, "PATIENCE", 60)
        monkeypatch.setattr(service, "DEADLINE", 60)
        yield service.create_app()


def held(app, contact="anna"):
    """The campaigns that the ledger holds of a contact."""
    return [own.campaign for own in app.state.service.ledger.reservations(contact)]


def test_two_hundred_requests_at_once(app):
    """Ten contacts, five ids each, each sent four times: four equal answers, and one message for each contact."""

    async def all_of_them():
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://messages") as client:
            asked = [(f"p{n % 10}", f"request-{n // 10 % 5}") for n in range(200)]
            return asked, await asyncio.gather(*(ask(client, *own) for own in asked))

    with TestClient(app):
        # In a thread of their own: a browser's tests leave a running loop in this one.
        with ThreadPoolExecutor(1) as thread:
            asked, found = thread.submit(lambda: asyncio.run(all_of_them())).result()
        assert {answer.status_code for answer in found} == {200}
        texts = {}
        for own, answer in zip(asked, found, strict=True):
            texts.setdefault(own, set()).add(answer.text)
        assert [len(own) for own in texts.values()] == [1] * 50
        assert [held(app, f"p{n}") for n in range(10)] == [["launch"]] * 10
        ids = {message["decision_id"] for answer in found for message in answer.json()["messages"]}
        assert len(ids) == 10


def test_who_complained_rests(app):
    """An event that the service keeps is in the next answer; sent again it is one; a wrong one is refused."""
    live = app.state.service.live
    replace(live.path, PLAYBOOK + "rests: [{name: peace, event: complaint, for: 90d}]\n")
    assert live.refresh()
    told = {"event": "complaint", "at": datetime.now(UTC).isoformat(), "event_id": "c-1"}
    with TestClient(app) as client:
        assert [client.post("/contacts/anna/events", json=[told]).json() for _ in range(2)] == [{"new": 1}, {"new": 0}]
        assert {row["reason"] for row in ask(client).json()["others"]} == {"resting"}
        assert ask(client, "ben").json()["messages"]
        naive = told | {"at": "2026-11-05T10:00"}
        assert client.post("/contacts/anna/events", json=[naive]).status_code == 422


def test_an_answer_outlives_its_playbook(app):
    """Asked again when playbook and contact have changed, the answer is that of the first time, reasons and all."""
    with TestClient(app) as client:
        first = ask(client)
        live = app.state.service.live
        replace(live.path, PLAYBOOK.replace("launch", "offer").replace("max: 1", "max: 3"))
        assert live.refresh()
        changed = KNOWN | {"stage": "decision", "attributes": {"score": 5}}
        assert [ask(client, known=own).text for own in (KNOWN, changed)] == [first.text] * 2
        assert {row["campaign"] for row in ask(client, "ben").json()["messages"]} == {"nurture", "offer"}


def test_a_request_id_is_of_one_contact(app):
    """The same id for another contact is another request."""
    with TestClient(app) as client:
        assert [ask(client, name).json()["contact"] for name in ("anna", "ben")] == ["anna", "ben"]


def test_what_is_meant_wrongly_is_the_callers_mistake(app):
    """It is named, and nothing is reserved."""
    with TestClient(app) as client:
        wrong = ask(client, known=KNOWN | {"tme_zone": "Europe/Skopje"})
        assert wrong.status_code == 422
        assert "no field 'tme_zone' (did you mean 'timezone'?)" in wrong.json()["detail"]
        assert ask(client, "berta", known=KNOWN | {"id": "ben"}).json()["contact"] == "berta"
        assert ask(client, known=[KNOWN]).status_code == 422
        nowhere = ask(client, known=KNOWN | {"timezone": "Mars/Base"})
        assert nowhere.status_code == 422
        assert "Mars/Base" in nowhere.json()["detail"]
        assert client.post("/contacts/anna/decide", json=KNOWN).status_code == 422
        assert client.post("/messages/nothing/sent").status_code == 404
        assert held(app) == []


def test_a_message_is_sent_or_refused_once(app):
    """What was sent is not released any more."""
    with TestClient(app) as client:
        (message,) = ask(client).json()["messages"]
        path = f"/messages/{message['decision_id']}"
        assert [client.post(f"{path}/sent").json() for _ in range(2)] == [{"moved": True}, {"moved": False}]
        assert client.post(f"{path}/refused").status_code == 409


def test_a_contact_that_another_holds(app, monkeypatch):
    """The caller gets 503, and nothing is granted; asked again with the same id, the answer is there."""
    ledger = app.state.service.ledger
    with TestClient(app) as client, Ledger(ledger.url) as other:
        ledger.patience = 0.2
        with other.transaction(["anna"]):
            busy = ask(client)
        assert (busy.status_code, busy.headers["retry-after"]) == (503, "1")
        assert held(app) == []
        assert len(ask(client).json()["messages"]) == 1


def test_a_ledger_that_hangs(app, monkeypatch):
    """At the deadline callers get 503; what no thread has begun is never done, the rest is found by its request id."""
    own = app.state.service
    begun, goes_on, decide, asked = threading.Event(), threading.Event(), own.decide, []

    def hangs(contact, request_id):
        asked.append(contact.id)
        begun.set()
        assert goes_on.wait(60)
        return decide(contact, request_id)

    monkeypatch.setattr(own, "decide", hangs)
    monkeypatch.setattr(own, "threads", service.ThreadPoolExecutor(1))
    with TestClient(app) as client:
        monkeypatch.setattr(service, "DEADLINE", 0.3)
        assert ask(client).status_code == 503
        assert begun.is_set()
        assert ask(client, "ben").status_code == 503
        assert client.get("/ready").status_code == 503
        assert client.get("/alive").json() == {"alive": True}
        monkeypatch.setattr(service, "DEADLINE", 60)
        goes_on.set()
        assert len(ask(client).json()["messages"]) == 1
        assert (asked, held(app), held(app, "ben")) == (["anna", "anna"], ["launch"], [])


def test_a_ledger_that_is_away(app, monkeypatch):
    """The service starts without it, grants nothing, and says so; its process is well."""
    monkeypatch.setenv("LEDGER", "postgresql+psycopg://nobody@127.0.0.1:1/none")
    with TestClient(service.create_app()) as client:
        assert [ask(client).status_code, client.get("/ready").status_code] == [503, 503]
        assert client.get("/alive").status_code == 200


def test_a_new_playbook_is_taken_up_and_a_broken_one_is_named(app, monkeypatch):
    """By the task that looks at the file while requests come."""
    monkeypatch.setattr(service, "REFRESH", 0.01)
    live = app.state.service.live
    with TestClient(app) as client:
        before = client.get("/ready").json()
        assert before == {"playbook": live.arbiter.fingerprint, "problem": None}
        replace(live.path, "campaigns: [{idd: launch}]")
        wait_for(lambda: client.get("/ready").json()["problem"])
        assert "idd" in client.get("/ready").json()["problem"]
        assert client.get("/ready").json()["playbook"] == before["playbook"]
        replace(live.path, PLAYBOOK.replace("max: 1", "max: 2"))
        wait_for(lambda: client.get("/ready").json()["playbook"] != before["playbook"])
        assert len(ask(client).json()["messages"]) == 2


def wait_for(happens):
    """Until it happens, for a minute at most."""
    end = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.01)
