"""An older ledger becomes a newer one, with all that it holds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from ledgers import DURABLE, database
from sqlalchemy import inspect, text

from journeykit import Arbiter, Campaign, Cap, Claim, Contact, Content, LedgerError, Playbook, Scope, Team, Window
from journeykit.ledger import Ledger
from journeykit.ledger.reservation import person_of
from journeykit.ledger.sql_schema import VERSION

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
MICROS = int(AT.timestamp()) * 1_000_000
ANNA = Contact(id="anna", consent=["email"])
GATE = Arbiter(Playbook(caps=[Cap(name="two", max=2, window=Window.ever())]))
CLAIM = [Claim(campaign="launch", channel="email", weight=1)]
SALT = "00112233445566778899aabbccddeeff"

# As journeykit made them when the schema had version 1.
FIRST = """
CREATE TABLE jk_answer_contacts (key TEXT NOT NULL, contact_id TEXT NOT NULL, PRIMARY KEY (key, contact_id));
CREATE INDEX ix_jk_answer_contacts_contact_id ON jk_answer_contacts (contact_id);
CREATE TABLE jk_answers (
    key TEXT NOT NULL, contact_id TEXT NOT NULL, at BIGINT NOT NULL, answer TEXT NOT NULL, PRIMARY KEY (key)
);
CREATE INDEX ix_jk_answers_contact_id ON jk_answers (contact_id);
CREATE TABLE jk_moves ({seq}, touch {number} NOT NULL, was TEXT NOT NULL, became TEXT NOT NULL);
CREATE INDEX ix_jk_moves_touch ON jk_moves (touch);
CREATE TABLE jk_opt_outs (
    {seq}, person TEXT NOT NULL, contact_id TEXT, channel TEXT, suppressed BOOLEAN NOT NULL, at BIGINT NOT NULL
);
CREATE INDEX jk_opt_outs_person ON jk_opt_outs (person);
CREATE TABLE jk_runs (
    run_id TEXT NOT NULL, playbook TEXT NOT NULL, at BIGINT NOT NULL, until BIGINT, touches BIGINT NOT NULL,
    moves BIGINT NOT NULL, opt_outs BIGINT NOT NULL, PRIMARY KEY (run_id)
);
CREATE TABLE jk_settings (name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name));
CREATE TABLE jk_touches (
    {seq}, id TEXT NOT NULL, contact_id TEXT NOT NULL, account_id TEXT, at BIGINT NOT NULL, channel TEXT,
    campaign_id TEXT, content_id TEXT, team TEXT, goal TEXT, topics TEXT, status TEXT NOT NULL, run_id TEXT,
    decided_at BIGINT, message TEXT, UNIQUE (id)
);
CREATE INDEX jk_touches_account ON jk_touches (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX jk_touches_contact ON jk_touches (contact_id);
CREATE UNIQUE INDEX jk_touches_message ON jk_touches (message) WHERE message IS NOT NULL;
CREATE INDEX jk_touches_reserved ON jk_touches (at) WHERE status = 'reserved';
INSERT INTO jk_settings VALUES ('salt', '{salt}'), ('version', '1');
INSERT INTO jk_touches (id, contact_id, at, channel, campaign_id, status, run_id)
    VALUES ('r1', 'anna', {at}, 'email', 'old', 'reserved', 'x');
INSERT INTO jk_opt_outs (person, contact_id, channel, suppressed, at)
    VALUES ('{person}', 'ben', NULL, false, {at});
INSERT INTO jk_runs VALUES ('night', '{playbook}', {at}, NULL, 0, 0, 0);
INSERT INTO jk_answers VALUES ('key k', 'anna', {at}, '{answer}');
"""
NUMBERS = {
    "sqlite": {"seq": "seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", "number": "INTEGER"},
    "postgresql": {"seq": "seq BIGSERIAL NOT NULL PRIMARY KEY", "number": "BIGINT"},
}
# An answer as it was kept then, of a decision that granted nothing.
ANSWER = (
    '{"wish":"56e1f9a5a0ea4bb9","contact":"anna","playbook":"gone","granted":[],"timezone":"UTC","total":0.0,'
    '"bound":0.0,"optimal":true,"asked":{"contacts":{"$":"tuple","of":[{"$":"contact","of":{"id":"anna"}}]},'
    '"touches":{"$":"tuple","of":[]},"claims":{"$":"mapping","of":[["anna",{"$":"tuple","of":[{"$":"claim","of":'
    '{"campaign":"launch","channel":"email","weight":1.0}}]}]]},"scores":{"$":"mapping","of":[]},'
    '"at":{"$":"instant","of":"2026-11-05T10:00:00+00:00"},"until":null,"run_id":"abc","chosen":null}}'
)


def make_first(kind, ledger):
    """A ledger as the first version made it, with rows in it."""
    ben = person_of(SALT, "ben")
    own = {"salt": SALT, "at": MICROS, "person": ben, "playbook": GATE.fingerprint, "answer": ANSWER}
    with ledger.engine.begin() as connection:
        for statement in FIRST.format(**NUMBERS[kind], **own).split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)


# What the second version added to the first.
SECOND = """
ALTER TABLE jk_opt_outs ADD COLUMN taken_back BOOLEAN DEFAULT false NOT NULL;
ALTER TABLE jk_runs ADD COLUMN alone BOOLEAN DEFAULT false NOT NULL;
UPDATE jk_settings SET value = '2' WHERE name = 'version';
INSERT INTO jk_touches (id, contact_id, at, channel, campaign_id, content_id, status, run_id)
    VALUES ('r2', 'cara', {at}, 'email', 'october', 'leaflet', 'sent', 'x');
INSERT INTO jk_touches (id, contact_id, at, channel, campaign_id, content_id, team, topics, status)
    VALUES ('r3', 'dora', {at}, 'email', 'october', 'leaflet', 'sales', 'golf;tennis', 'sent')
"""


def described(ledger):
    """The columns and indices of all tables."""
    found = inspect(ledger.engine)
    return {
        table: (
            {own["name"]: (str(own["type"]), own["nullable"], own["default"]) for own in found.get_columns(table)},
            sorted((own["name"], tuple(own["column_names"]), own["unique"]) for own in found.get_indexes(table)),
        )
        for table in found.get_table_names()
        if table.startswith("jk_")
    }


@pytest.mark.parametrize("kind", DURABLE)
def test_a_ledger_of_the_first_version_goes_on(kind, tmp_path):
    """Its reservations count, its answers and opt-outs hold, its runs may be begun again."""
    with database(kind, tmp_path) as url, database(kind, tmp_path) as new:
        ledger = Ledger(url)
        make_first(kind, ledger)
        with pytest.raises(LedgerError, match=f"version 1, not {VERSION}: run `journeykit ledger upgrade URL`"):
            ledger.stats()
        assert ledger.upgrade() == ledger.upgrade() == VERSION
        with Ledger(new) as fresh:
            fresh.upgrade()
            assert described(ledger) == described(fresh)
        assert [held.id for held in ledger.reservations("anna")] == ["r1"]
        assert [wish.taken_back for wish in ledger.opt_outs("ben")] == [False]
        assert GATE.decide(ANNA, claims=CLAIM, at=AT, ledger=ledger, key="k").granted == ()
        with ledger.reading() as transaction:
            assert not transaction.run("night").alone
        assert len(GATE.decide(ANNA, claims=CLAIM, at=AT, ledger=ledger).granted) == 1
        assert GATE.decide(ANNA, claims=CLAIM, at=AT, ledger=ledger).granted == ()
        assert ledger.opt_in("ben")
        assert GATE.decide(Contact(id="ben", consent=["email"]), claims=CLAIM, at=AT, ledger=ledger).granted
        with ledger.engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM jk_opt_outs")).scalar() == 2
        ledger.close()


@pytest.mark.parametrize("kind", DURABLE)
def test_rows_of_the_second_version_take_what_they_lack_from_the_playbook(kind, tmp_path):
    """Rows of before know little of what they were: the rest comes from the playbook, one by one."""
    content = Content(id="leaflet", channel="email", topics=["promo"])
    campaigns = [Campaign(id=name, team="events", content=["leaflet"], repeat=None) for name in ("october", "november")]
    where = {"promo": Scope.of(topic="promo"), "golf": Scope.of(topic="golf"), "events": Scope.of(team="events")}
    teams = [Team(name="events"), Team(name="sales")]

    def decided(contact, cap):
        caps = [Cap(name=cap, max=1, window=Window.ever(), where=where[cap])]
        playbook = Playbook(teams=teams, content=[content], campaigns=campaigns, caps=caps)
        claims = [Claim(campaign="november")]
        touches = ledger.touches(contact)
        return Arbiter(playbook).decide(Contact(id=contact, consent=["email"]), touches, claims, at=AT).rows[0].reason

    with database(kind, tmp_path) as url, database(kind, tmp_path) as new:
        ledger = Ledger(url)
        make_first(kind, ledger)
        with ledger.engine.begin() as connection:
            for statement in SECOND.format(at=MICROS).split(";\n"):
                connection.exec_driver_sql(statement)
        with pytest.raises(LedgerError, match=f"version 2, not {VERSION}"):
            ledger.stats()
        assert ledger.upgrade() == VERSION
        with Ledger(new) as fresh:
            fresh.upgrade()
            assert described(ledger) == described(fresh)
        cara, dora = (ledger.reservations(name)[0] for name in ("cara", "dora"))
        assert (cara.topics, cara.without, cara.counts_toward_caps, cara.weight) == ((), (), None, None)
        assert dora.topics == ("golf", "tennis")
        assert decided("cara", "promo") == decided("cara", "events") == "capped"
        assert decided("dora", "promo") == decided("dora", "events") == "granted"
        assert decided("dora", "golf") == "granted"
        ledger.close()
