"""Answers that the ledger keeps: what was asked, as plain data, so that the same rows can be given again.

An answer holds what was granted, and all that the decision was made from: the contact of then, the history,
the claims and scores. While playbook and policy are the same, deciding that again gives the same decision, row for
row, without keeping rows that hardly anybody reads. Where they are not, the rows are those
of what was granted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from attrs import evolve, field, fields, frozen

from journeykit.basics.clock import micros, moment
from journeykit.basics.validation import shown
from journeykit.engine.contact_group import ContactGroup
from journeykit.engine.decider import Decider
from journeykit.errors import DataError, JourneykitError
from journeykit.journey.event_history import EventHistory
from journeykit.ledger.kept_rows import kept_decision
from journeykit.ledger.quota_recheck import still_allowed
from journeykit.ledger.quota_usage import keep_to
from journeykit.model.claim import Claim, Score, Scores
from journeykit.model.contact import Consent, Contact
from journeykit.model.decision import Decision
from journeykit.model.outcome import Grant, Outcome, Reason, Row
from journeykit.model.prices import Prices
from journeykit.model.touch import Touch
from journeykit.playbook.playbook import Playbook

if TYPE_CHECKING:
    from collections.abc import Iterable

    from journeykit.engine.arbitration import Arbitration, TwoRounds
    from journeykit.engine.quota_charges import QuotaCharges

_KINDS: dict[str, type[Any]] = {
    "contact": Contact,
    "touch": Touch,
    "claim": Claim,
    "score": Score,
    "consent": Consent,
    "events": EventHistory,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_SPELLED: dict[str, tuple[type[Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "decimal": (Decimal, str, Decimal),
    "time": (time, time.isoformat, time.fromisoformat),
    "span": (timedelta, lambda span: [span.days, span.seconds, span.microseconds], lambda parts: timedelta(*parts)),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
    "uuid": (UUID, str, UUID),
}
"""What else a table may hold: its kind, how it is written, and read."""
_ATOMS = frozenset({type(None), str, bool, int, float})
_encode = json.JSONEncoder(separators=(",", ":")).encode
_WORDS = {kind: word for word, (kind, _, _) in _SPELLED.items()}


@frozen(kw_only=True)
class DecisionInputs:
    """What a decision is made from: of one contact, or of several of one account that are decided together.

    Attributes:
        contacts: who, their opt-outs of the ledger included.
        touches: their history, the ledger's and the caller's.
        claims: by contact id, what is asked for; None makes one claim of every campaign's every content.
        scores: by contact id and campaign id.
        at: the instant of the decision.
        until: the last instant of a plan, or None.
        run_id: the name under which it is decided.
        chosen: by the id of its row, each claim that a run with quotas had chosen for them, and when it was to go:
            nothing else may be granted. None where anything may.
        scored: the ids of campaigns whose claims need a score, besides those that say so.
        waiting: by contact id, claims of earlier decisions that compete again, beside those that are asked for.
        used: what was used, by key, of the quotas that are counted over time and may bind; None where there are none.
        over: by contact id, the keys of claims that waited when a run began, and were decided by others since: they do
            not compete.
    """

    contacts: tuple[Contact, ...]
    touches: tuple[Touch, ...]
    claims: Mapping[str, tuple[Claim, ...]] | None
    scores: Mapping[str, Scores]
    at: datetime
    until: datetime | None
    run_id: str
    chosen: Mapping[str, datetime] | None = None
    scored: tuple[str | tuple[str, str], ...] = ()
    waiting: Mapping[str, tuple[Claim, ...]] = field(factory=dict)
    used: Mapping[str, int] | None = None
    over: Mapping[str, tuple[str, ...]] = field(factory=dict)

    def rounds(self, decider: Decider, charges: QuotaCharges | None = None) -> TwoRounds:
        """The rounds of the contacts, not laid out yet."""
        group = ContactGroup.of(
            self.contacts, self.touches, self.competing, self.scores, at=self.at, until=self.until, scored=self.scored
        )
        return decider.rounds(group, None, charges)

    def arbitrations(self, decider: Decider, charges: QuotaCharges | None = None) -> Mapping[str, Arbitration]:
        """By contact id, the settled claims."""
        return self.settled(self.rounds(decider, charges), decider)

    def settled(self, rounds: TwoRounds, decider: Decider) -> Mapping[str, Arbitration]:
        """By contact id, the settled claims of the rounds."""
        rounds = keep_to(decider, rounds, self.used)
        if self.chosen is not None:
            rounds = still_allowed(rounds, self.chosen, self.run_id)
        return rounds.arbitrations

    @property
    def competing(self) -> Mapping[str, tuple[Claim, ...]] | None:
        """By contact id, what is asked for and what waits."""
        if self.claims is None or not (self.waiting or self.over):
            return self.claims
        names = dict.fromkeys((*self.claims, *self.waiting))
        found = {name: (*self.claims.get(name, ()), *self.waiting.get(name, ())) for name in names}
        for name, over in self.over.items():
            found[name] = tuple(own for own in found.get(name, ()) if key_of_claim(name, own) not in over)
        return found

    def claims_of(self, contact: str) -> tuple[Claim, ...] | None:
        """The claims of a contact."""
        return None if self.claims is None else self.claims.get(contact, ())


def claims_fingerprint(claims: Iterable[Claim] | None) -> str:
    """A hash of what is asked for, which tells a repeated question from another one with the same key."""
    if claims is None:
        return "all"
    return sha256("\n".join(sorted(map(_asked_text, claims))).encode()).hexdigest()[:16]


def _asked_text(claim: Claim) -> str:
    parts = [claim.campaign, claim.content, claim.channel, _instant(claim.at)]
    return json.dumps(parts if claim.id is None else [*parts, claim.id])


def _instant(at: date | datetime | None) -> Any:
    """An instant, whatever the zone that it is written in, or a day."""
    return micros(at) if isinstance(at, datetime) and at.tzinfo is not None else _plain(at)


def answer_text(asked: DecisionInputs, decision: Decision, decider: Decider) -> str:
    """The answer about one contact as the ledger keeps it: JSON.

    Raises:
        DataError: for an attribute of a kind that cannot be written down.
    """
    return _encode(
        {
            "contact": decision.contact,
            "playbook": decider.fingerprint,
            **({} if decider.prices is None else {"prices": decider.prices.to_dict()}),
            **({"paused": decider.ruleset.pauses} if decider.ruleset.pauses else {}),
            "granted": [
                [grant.campaign, grant.content, grant.channel, grant.send_at.isoformat(), grant.weight, grant.claim]
                for grant in decision.granted
            ],
            **({"notes": list(decision.notes)} if decision.notes else {}),
            "timezone": decision.timezone,
            "total": decision.total,
            "bound": decision.bound,
            "optimal": decision.optimal,
            **({} if decision.arm is None else {"arm": decision.arm}),
            "asked": {name: _plain(getattr(asked, name)) for name in _FIELDS[DecisionInputs]},
        }
    )


def answered(
    text: str,
    decider: Decider | None,
    *,
    explain: bool,
    playbook: str | None = None,
    charges: QuotaCharges | None = None,
) -> Decision:
    """The decision that an answer holds.

    Args:
        text: the answer.
        decider: is asked now; its policies and prices decide again. None for those that the library has.
        explain: whether the rows tell also what was displaced and what weight would have won.
        playbook: the playbook of then, as JSON, where the ledger has it.
        charges: what prices of a run's quotas take.
    """
    found = json.loads(text)
    contact = found["contact"]
    if "rows" in found:
        return kept_decision(found, explain=explain)
    asked = DecisionInputs(**{name: _unplain(value) for name, value in found["asked"].items()})
    grants = _grants(found)
    then = _decider_of(found, decider, playbook)
    if then is not None:
        again = then.decision(asked.arbitrations(then, charges)[contact], explain=explain, run_id=asked.run_id)
        if again.granted == grants:
            return again
    return Decision(
        contact=contact,
        at=asked.at,
        until=asked.until,
        timezone=found["timezone"],
        granted=grants,
        total=found["total"],
        optimal=found["optimal"],
        bound=found["bound"],
        arm=found.get("arm"),
        write=lambda _: tuple(
            evolve(_row(asked, contact, grant, found["playbook"]), arm=found.get("arm")) for grant in grants
        ),
        explain=explain,
    )


def asked_in(text: str) -> DecisionInputs:
    """What an answer was made from."""
    return DecisionInputs(**{name: _unplain(value) for name, value in json.loads(text)["asked"].items()})


def granted_in(text: str) -> tuple[Grant, ...]:
    """What an answer grants."""
    return _grants(json.loads(text))


def _grants(found: Mapping[str, Any]) -> tuple[Grant, ...]:
    return tuple(
        Grant(campaign, content, channel, datetime.fromisoformat(at), weight, *claim)
        for campaign, content, channel, at, weight, *claim in found["granted"]
    )


def _decider_of(found: Mapping[str, Any], decider: Decider | None, playbook: str | None) -> Decider | None:
    """A decider with the playbook of then; None where that is not known."""
    pauses = found.get("paused", {})
    if decider is not None and found["playbook"] == decider.fingerprint:
        return decider.with_pauses(pauses)
    if playbook is None:
        return None
    try:
        prices = Prices.from_dict(found["prices"]) if "prices" in found else None
        policies = {} if decider is None else decider.policies
        checks = () if decider is None else decider.checks
        return Decider(Playbook.from_dict(json.loads(playbook)), policies, prices, checks=checks, pauses=pauses)
    except JourneykitError:
        # A policy that is not at hand, or a playbook that this version does not take.
        return None


def contact_in(text: str) -> str:
    """The contact of an answer."""
    return str(json.loads(text)["contact"])


def saved_fingerprint(text: str, contact: str) -> str:
    """The hash of what was asked for, of an answer about a contact."""
    claims = _unplain(json.loads(text)["asked"]["claims"])
    return claims_fingerprint(None if claims is None else claims.get(contact, ()))


def _row(asked: DecisionInputs, contact: str, grant: Grant, fingerprint: str) -> Row:
    """What is still known of a granted claim once playbook or policy have changed."""
    who = next(one for one in asked.contacts if one.id == contact)
    own = [
        claim.at
        for claim in (asked.competing or {}).get(contact, ())
        if (claim.campaign, claim.content or grant.content, claim.id) == (grant.campaign, grant.content, grant.claim)
    ]
    return Row(
        run_id=asked.run_id,
        contact=contact,
        account=who.account,
        campaign=grant.campaign,
        content=grant.content,
        channel=grant.channel,
        team=None,
        date=own[0] if own else None,
        outcome=Outcome.GRANTED,
        reason=Reason.GRANTED,
        binding=(),
        lost_to=(),
        weight=grant.weight,
        factors={},
        price=None,
        send_at=grant.send_at,
        retry_at=None,
        displaced=None,
        needs=None,
        failed=(),
        note="granted then; the playbook or the policy has changed since, and what lost is not known any more",
        twin=0,
        playbook=fingerprint,
        decided_at=moment(micros(asked.at)),
        claim=grant.claim,
    )


Identity = tuple[str, str | None, str | None, str | None, str | None]
"""What tells the claims of one contact apart: campaign, content, channel, own date or instant, and id."""


def identity_of(claim: Claim) -> Identity:
    """What a claim of one contact is known by."""
    return claim.campaign, claim.content, claim.channel, own_text(claim.at), claim.id


def own_text(at: datetime | date | None) -> str | None:
    """The text of a claim's own instant or date, whatever the zone that it is written in."""
    if at is None:
        return None
    return str(micros(at)) if isinstance(at, datetime) else at.isoformat()


def key_of_claim(contact: str, claim: Claim) -> str:
    """A hash of what a claim asks for."""
    return sha256(json.dumps([contact, *identity_of(claim)]).encode()).hexdigest()[:32]


def claim_text(claim: Claim) -> str:
    """A claim as the ledger keeps it: JSON.

    Example:
        >>> claim_in(claim_text(Claim(campaign="launch", weight=8))) == Claim(campaign="launch", weight=8)
        True
    """
    return _encode(_plain(claim))


def claim_in(text: str) -> Claim:
    """The claim that a text holds."""
    found: Claim = _unplain(json.loads(text))
    return found


def _plain(value: Any) -> Any:
    """A value as JSON can hold it; what JSON has no word for is written as a pair of a word and the value."""
    if type(value) in _ATOMS:
        return value
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        # A word or number of a kind of its own, such as of an enumeration, equals this one.
        return str.__str__(value) if isinstance(value, str) else int(value)
    word = _WORDS.get(type(value))
    if word is not None:
        return {"$": word, "of": _SPELLED[word][1](value)}
    kind = _NAMES.get(type(value))
    if kind is not None:
        own: dict[str, Any] = {}
        for name, part in zip(_FIELDS[type(value)], _PARTS[type(value)](value), strict=True):
            # What is as it is by default needs no words.
            if type(part) in _ATOMS:
                if part is not None:
                    own[name] = part
            elif part not in ((), {}):
                own[name] = _plain(part)
        return {"$": kind, "of": own}
    if isinstance(value, datetime):
        return {"$": "instant", "of": value.isoformat()}
    if isinstance(value, date):
        return {"$": "date", "of": value.isoformat()}
    if isinstance(value, tuple):
        return {"$": "tuple", "of": [_plain(part) for part in value]}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, (set, frozenset)):
        return {"$": "set", "of": sorted((_plain(part) for part in value), key=repr)}
    if hasattr(value, "items"):
        return {"$": "mapping", "of": [[_plain(name), _plain(part)] for name, part in value.items()]}
    plain = getattr(value, "tolist", None)
    if plain is not None:
        # A number of NumPy is one of Python's.
        return _plain(plain())
    raise DataError(
        f"an answer that is kept is made of texts, numbers, truths, instants, dates, times, bytes, lists and mappings; "
        f"found {type(value).__name__}: {shown(value)}",
        source="ledger",
    )


_WRITTEN: tuple[type[Any], ...] = (DecisionInputs, *_NAMES)
_FIELDS = {
    kind: tuple(own.name for own in fields(kind) if own.init and not own.name.startswith("_")) for kind in _WRITTEN
}

_PARTS = {kind: attrgetter(*names) for kind, names in _FIELDS.items()}
"""What takes an object's fields all at once: that is what keeping answers takes its time for."""


def _unplain(value: Any) -> Any:
    if isinstance(value, list):
        return [_unplain(part) for part in value]
    if not isinstance(value, dict):
        return value
    kind, of = value["$"], value["of"]
    if kind in _KINDS:
        return _KINDS[kind](**{name: _unplain(part) for name, part in of.items()})
    if kind in _SPELLED:
        return _SPELLED[kind][2](of)
    if kind == "instant":
        return datetime.fromisoformat(of)
    if kind == "date":
        return date.fromisoformat(of)
    if kind == "mapping":
        return {_unplain(name): _unplain(part) for name, part in of}
    return {"tuple": tuple, "set": set}[kind](_unplain(part) for part in of)
