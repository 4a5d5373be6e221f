"""Learning from tables: what messages brought, to the chance that the next one is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from journeykit.basics.clock import micros
from journeykit.basics.validation import names
from journeykit.errors import DataError, ModelError, closest
from journeykit.learning.learn_extra import need_learn
from journeykit.learning.learned_model import LearnedModel
from journeykit.learning.message_examples import MOST_EXAMPLES, examples_of
from journeykit.learning.message_history import MessageHistory
from journeykit.learning.pressure_curve import PressureCurve
from journeykit.learning.response_fit import fit_response
from journeykit.learning.uplift_learning import with_uplift
from journeykit.model.response import WELL_KNOWN
from journeykit.placing.funnel import repeatable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from journeykit.learning.examples import Examples
    from journeykit.playbook.playbook import Playbook
    from journeykit.tables import TableSource

OPT_OUT = WELL_KNOWN[0].name
PRESSURE = ("touches", "touches_7d", "touches_30d")
"""What the risk of an opt-out is learned from."""


def learn(
    playbook: Playbook,
    touches: TableSource,
    events: TableSource,
    *,
    until: datetime,
    contacts: TableSource | None = None,
    since: datetime | None = None,
    static: str | Iterable[str] = (),
    responses: str | Iterable[str] | None = None,
    candidates: Mapping[str, Any] | None = None,
    zone: str | None = None,
    max_bad: int | str | None = None,
    seed: int = 0,
    most: int = MOST_EXAMPLES,
    log: TableSource | None = None,
) -> LearnedModel:
    """Learn the chance that a message is answered, and what it risks, as ``journeykit learn`` does.

    For each response of the playbook, and for ``opt_out`` where there are such events, the messages that were sent are
    examples: what was known before each of them, and whether it was answered. Nothing that happened at the instant of
    a message or later is known of it. The stage comes from the events, by the transitions of the journey; an attribute
    of contacts is used where the table says by ``valid_from`` since when it holds, or where it is named in `static`.

    Args:
        playbook: the rule set, with its ``responses``.
        touches: the table of touches: whatever `Arbiter.decide_table` takes.
        events: the table of events.
        until: what was sent and done before this instant. A message whose response's ``within`` is not over then is no
            example.
        contacts: the table of contacts, whose attributes may be features; of a contact it may have several rows, each
            with the instant from which it holds (``valid_from``).
        since: messages from this instant on are examples; None for all. Those before it count as touches.
        static: the attributes that are taken as they are, whenever a message was sent: what never changes, such as a
            year of birth. What changes with what contacts do must not be here.
        responses: the names of the responses that are learned; None for all of the playbook.
        candidates: by name, estimators of your own that compete; see `fit_response`.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        max_bad: how many bad rows are tolerated, as a number or as a share such as ``"1%"``.
        seed: of everything that is drawn; the same seed gives the same model.
        most: so many messages at most are examples; of more, those of some contacts are drawn.
        log: a table of decisions with all rows, also those of contacts held out. What messages add to the chance of a
            response is learned from it besides: see `fit_uplift`.

    Raises:
        DataError: for a table that cannot be used, too many bad rows, an attribute that contacts do not have, or where
            there are no examples.
        MissingExtraError: without the extra ``learn``.
        ModelError: for what cannot be asked.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Playbook, Response
        >>> playbook = Playbook(responses=[Response(name="sale", event="purchase", within="7d")])
        >>> sent = [
        ...     {"contact_id": name, "sent_at": "2026-11-02T09:00Z", "campaign_id": "news"} for name in ("anna", "ben")
        ... ]
        >>> bought = [{"contact_id": "anna", "event": "purchase", "at": "2026-11-03T10:00Z"}]
        >>> model = learn(playbook, sent, bought, until=datetime(2026, 12, 1, tzinfo=UTC))
        >>> model.cards["sale"].chosen, model.cards["sale"].parts[0].messages
        ('rates', 2)
    """
    events = events if log is None else repeatable(events)
    history = MessageHistory.read(
        playbook, touches, events, until=until, contacts=contacts, static=static, zone=zone, max_bad=max_bad
    )
    model = learn_from(
        playbook,
        history,
        until=until,
        since=since,
        static=static,
        responses=responses,
        candidates=candidates,
        seed=seed,
        most=most,
    )
    if log is None:
        return model
    return with_uplift(
        model,
        playbook,
        history,
        log,
        events,
        until=until,
        candidates=candidates,
        zone=zone,
        max_bad=max_bad,
        seed=seed,
    )


def learn_from(
    playbook: Playbook,
    history: MessageHistory,
    *,
    until: datetime,
    since: datetime | None = None,
    static: str | Iterable[str] = (),
    responses: str | Iterable[str] | None = None,
    candidates: Mapping[str, Any] | None = None,
    seed: int = 0,
    most: int = MOST_EXAMPLES,
) -> LearnedModel:
    """The same from a past that was read."""
    need_learn("learn")
    if since is not None and micros(since, what="since") >= micros(until, what="until"):
        raise ModelError(
            f"since must be before until, found {since.isoformat()} and {until.isoformat()}", field="since"
        )
    asked = asked_responses(playbook, responses)
    examples = examples_of(history, until=until, since=since, most=most, seed=seed)
    found = {name: examples[name] for name in asked if len(examples[name])}
    if not found:
        raise DataError(_no_examples(asked, examples), source="touches")
    risk = None
    if OPT_OUT in examples and len(examples[OPT_OUT]):
        own = examples[OPT_OUT]
        own = evolve(own, matrix=own.matrix.only(PRESSURE))
        risk = fit_response(OPT_OUT, own, candidates=candidates, seed=seed)
        risk = evolve(risk, card=evolve(risk.card, pressure=PressureCurve.of(own, *risk.chances(own.matrix))))
    return LearnedModel(
        responses={name: fit_response(name, own, candidates=candidates, seed=seed) for name, own in found.items()},
        opt_out=risk,
        playbook=playbook.fingerprint,
        playbook_name=playbook.name,
        until=micros(until),
        static=names(static),
    )


def asked_responses(playbook: Playbook, given: str | Iterable[str] | None) -> tuple[str, ...]:
    """The responses that are learned: those that are named, else all of the playbook but opt-outs and complaints.

    Raises:
        ModelError: for one that the playbook does not have, and where there is none.
    """
    there = [own.name for own in playbook.responses]
    if given is None:
        harms = {own.name for own in WELL_KNOWN}
        found = tuple(name for name in there if name not in harms)
        if not found:
            raise ModelError("the playbook has no responses: there is nothing to learn", field="responses")
        return found
    found = names(given)
    for name in found:
        if name not in there:
            hint = closest(name, there)
            more = f"did you mean {hint!r}?" if hint else f"there is {', '.join(there) or 'none'}"
            raise ModelError(f"the playbook has no response {name!r}; {more}", field="responses")
    return found


def _no_examples(asked: Iterable[str], examples: Mapping[str, Examples]) -> str:
    """Why there is nothing to learn from."""
    told = []
    for name in asked:
        why = ", ".join(f"{count:,} {reason}" for reason, count in examples[name].left_out.items())
        told.append(f"{name}: {why or 'there are no messages'}")
    return f"there are no messages to learn from ({'; '.join(told)})"
