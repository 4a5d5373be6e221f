"""Evaluating decisions by a log: from tables to the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.basics.clock import clock, moment
from journeykit.basics.validation import shown
from journeykit.errors import DataError, ModelError, closest
from journeykit.evaluating.campaign_means import campaign_means
from journeykit.evaluating.claim_log import ClaimReader
from journeykit.evaluating.claim_pairs import ClaimPairs
from journeykit.evaluating.evaluation_report import EvaluationReport, ResponseEvaluation
from journeykit.evaluating.log_answers import LogAnswers, sent_claims
from journeykit.evaluating.mean_estimate import AMOUNT, NUMBER, RATE
from journeykit.evaluating.policy_estimates import estimate_policy
from journeykit.journey.measure.intervals import normal_quantile
from journeykit.placing.funnel import repeatable
from journeykit.tables.bad_row_list import BadRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from journeykit.evaluating.claim_log import ClaimLog
    from journeykit.evaluating.model_expectations import ModelExpectations
    from journeykit.evaluating.policy_estimates import PolicyEstimates
    from journeykit.learning.learned_model import LearnedModel
    from journeykit.model.response import Response
    from journeykit.playbook.playbook import Playbook


def evaluate(
    playbook: Playbook,
    log: Any,
    decisions: Any,
    events: Any,
    *,
    until: datetime | None = None,
    responses: str | Iterable[str] | None = None,
    model: LearnedModel | None = None,
    contacts: Any = None,
    touches: Any = None,
    zone: str | None = None,
    level: float = 0.95,
    max_bad: int | str | None = None,
) -> EvaluationReport:
    """Evaluate decisions by a log, as ``journeykit evaluate`` does.

    The log is a table of decisions whose playbook has ``explore``, written whole (``decide --all``), so that every
    claim which could be granted is there with its chance. The decisions are those of another playbook on the same
    inputs, at the instants of the log's runs. A message that both send represents as many messages of the decisions as
    its chance says (`estimate_policy`).

    Args:
        playbook: the rule set, whose ``responses`` say which events are credited to which messages.
        log: the log: whatever `Arbiter.decide_table` takes.
        decisions: the decisions, likewise.
        events: what contacts did.
        until: the instant at which observation ended; None for that of the last event. Runs whose messages are younger
            than a response's `within` are not evaluated by it.
        responses: the names of the responses to evaluate; None for all.
        model: what was learned of messages (`journeykit.learn`): what the doubly robust estimate expects of each. If it
            may have seen the log's answers, its kind of model is fitted anew to the log, for each fifth of the contacts
            without their own. None to expect of each message what its campaign brought with other contacts.
        contacts: the table of contacts, where the model asks for attributes.
        touches: what contacts got until the last run, the log's own messages included, which the model asks for; None
            for the log's messages alone.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        level: the level of confidence of intervals.
        max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``).

    Raises:
        DataError: for a table that cannot be used, a log without chances, decisions of other runs, or too many bad
            rows.
        MissingExtraError: without the extra ``columns``; with a model, without the extra ``learn``.
        ModelError: for a response that there is not, or a level that is not between 0 and 1.

    Example:
        >>> from journeykit import Playbook, Response, evaluate
        >>> playbook = Playbook(responses=[Response(name="sale", event="purchase", within="7d")])
        >>> run = {"decided_at": "2026-11-02T09:00Z", "chance": 0.5}
        >>> claims = [{**run, "contact_id": who, "campaign_id": what} for who in "abcd" for what in ("news", "call")]
        >>> log = [{**own, "outcome": "granted" if row in (0, 3, 4, 7) else "denied"} for row, own in enumerate(claims)]
        >>> calls = [{**own, "chance": None, "outcome": "granted"} for own in claims if own["campaign_id"] == "call"]
        >>> bought = [{"contact_id": "b", "event": "purchase", "at": "2026-11-03T10:00Z"}]
        >>> bought += [{"contact_id": "b", "event": "visit", "at": "2026-12-01T10:00Z"}]
        >>> found = evaluate(playbook, log, calls, bought)
        >>> found.of("sale").rate.log.mean, found.of("sale").rate.by("self_normalised").found.mean
        (0.25, 0.5)
    """
    normal_quantile(level)
    bad = BadRows(max_bad)
    reader = ClaimReader(playbook, zone=None if zone is None else clock(zone).zone, bad=bad)
    others = reader.read(decisions, "decisions")
    tables = reader.read(log, "log", beside=others), others
    bad.check()
    for own, what in zip(tables, ("log has", "decisions have"), strict=True):
        if not own.rows:
            raise DataError(f"the {what} no rows", source=own.source)
    _refuse_without_chances(tables[0])
    pairs = ClaimPairs.of(*tables, np.array(reader.kinds.keys or [0]))
    if not len(pairs):
        why = "; ".join(f"{reason}: {count:,}" for reason, count in pairs.left_out.items())
        more = f"; left out: {why}" if why else ""
        raise DataError(f"no claim is left that could be evaluated{more}", source=tables[0].source)
    events, ids = repeatable(events), reader.contacts.ids
    answers = LogAnswers.of(playbook, tables[0], reader.kinds, ids, events, until=until, zone=zone, max_bad=max_bad)
    chosen = _chosen(answers.credits.responses, responses)
    expectations = None
    if model is not None:
        from journeykit.evaluating.model_expectations import ModelExpectations, PossibleClaims

        kinds = reader.kinds
        expectations = ModelExpectations.read(
            model,
            playbook,
            PossibleClaims(contact=pairs.contact, at=pairs.at, kind=pairs.kind, kinds=kinds.facets, ids=ids),
            touches=sent_claims(tables[0], kinds, ids) if touches is None else touches,
            events=events,
            contacts=contacts,
            zone=zone,
            max_bad=max_bad,
        )
    evaluating = _Evaluating(playbook, reader, tables, pairs, answers, level, expectations, is_told=until is not None)
    return evaluating.report(chosen, bad)


def _refuse_without_chances(log: ClaimLog) -> None:
    """Refuse a log that says nothing of what else it could have sent."""
    if not log.has_chances:
        raise DataError(
            "the log has no chances, so it does not say what else could have been sent; decide with a playbook that "
            "has explore, and keep the column chance",
            source=log.source,
            field="chance",
        )


def _chosen(known: Iterable[Response], asked: str | Iterable[str] | None) -> tuple[Response, ...]:
    """The responses that are evaluated."""
    own = {response.name: response for response in known}
    if not own:
        raise ModelError(
            "the playbook has no responses, and the events have no opt_out and no complaint: nothing can be evaluated",
            field="responses",
        )
    names = list(own) if asked is None else [asked] if isinstance(asked, str) else list(asked)
    for name in names:
        if name not in own:
            hint = closest(name, own)
            more = f"; did you mean {hint!r}?" if hint else f"; there are {', '.join(own)}"
            raise ModelError(f"no response {shown(name)}{more}", field="responses")
    return tuple(own[name] for name in dict.fromkeys(names))


class _Evaluating:
    """What the report is made from."""

    def __init__(
        self,
        playbook: Playbook,
        reader: ClaimReader,
        tables: tuple[ClaimLog, ClaimLog],
        pairs: ClaimPairs,
        answers: LogAnswers,
        level: float,
        expectations: ModelExpectations | None,
        *,
        is_told: bool,
    ) -> None:
        self.playbook, self.reader, self.tables = playbook, reader, tables
        self.pairs, self.answers, self.level, self.expectations = pairs, answers, level, expectations
        self._is_told = is_told

    def report(self, responses: Sequence[Response], bad: BadRows) -> EvaluationReport:
        pairs = self.pairs
        unit = self.unit()
        found = tuple(self._evaluated(response, unit) for response in responses)
        return EvaluationReport(
            since=moment(int(pairs.runs[0])),
            last=moment(int(pairs.runs[-1])),
            until=moment(self.answers.until),
            unit="account" if self._is_by_account else "contact",
            level=self.level,
            runs=len(pairs.runs),
            contacts=len(np.unique(pairs.contact)),
            claims=self.tables[0].chances,
            sent=int(np.count_nonzero(pairs.is_sent)),
            wanted=float(pairs.wanted.sum()),
            unsupported=float(pairs.wanted[pairs.chance == 0].sum()),
            responses=found,
            left_out=pairs.left_out,
            counts=self._counts(bad),
            notes=(*self._notes(bad, responses), *self._notes_on_end(found)),
        )

    @property
    def _is_by_account(self) -> bool:
        return any(cap.per == "account" for cap in self.playbook.caps)

    def unit(self) -> NDArray[np.int64]:
        """By pair, the number of the contact, or of the account where contacts are decided together."""
        contact = self.pairs.contact
        if not self._is_by_account:
            return contact
        account = np.full(self.reader.contacts.count, -1, np.int64)
        for table in reversed(self.tables):
            known = np.flatnonzero(table.account >= 0)
            account[known] = table.account[known]
        alone = account < 0
        account[alone] = self.reader.accounts.count + np.flatnonzero(alone)
        return account[contact]

    def _evaluated(self, response: Response, unit: NDArray[np.int64]) -> ResponseEvaluation:
        pairs, log = self.pairs, self.tables[0]
        scope = np.array([response.where.surely_matches(facets) for facets in self.reader.kinds.facets], np.bool_)
        in_scope, is_old = scope[pairs.kind], self._last_of_run() + response.length <= self.answers.until
        rows = np.flatnonzero(in_scope & is_old)
        own, is_sent = unit[rows], pairs.is_sent[rows]
        answered, worth = (
            np.append(found, 0)[pairs.row[rows]] for found in self.answers.of_response(response, len(log))
        )
        answered = (answered > 0) & is_sent
        chances = self._chances(response, rows, own, is_sent, answered)

        def by_campaign(are: NDArray[np.bool_], outcome: NDArray[np.float64]) -> NDArray[np.float64]:
            return campaign_means(group=self._campaign()[rows], unit=own, is_sent=are, outcome=outcome)

        rate = self._estimates(
            rows,
            own,
            answered.astype(np.float64),
            by_campaign(is_sent, answered.astype(np.float64)) if chances is None else chances,
            RATE,
        )
        value = None
        if response.value is not None:
            expected = by_campaign(is_sent, worth) if chances is None else chances * by_campaign(answered, worth)
            value = self._estimates(rows, own, worth, expected, NUMBER if (worth < 0).any() else AMOUNT)
        young = int(np.count_nonzero(in_scope & ~is_old & pairs.is_sent))
        return ResponseEvaluation(response=response.name, young=young, rate=rate, value=value)

    def _chances(
        self,
        response: Response,
        rows: NDArray[np.int64],
        unit: NDArray[np.int64],
        is_sent: NDArray[np.bool_],
        answered: NDArray[np.bool_],
    ) -> NDArray[np.float64] | None:
        """What was learned of claims; None where nothing was."""
        own = None if self.expectations is None else self.expectations.model_of(response.name)
        if own is None or self.expectations is None or not len(rows):
            return None
        return self.expectations.chances(own, rows, unit=unit, is_sent=is_sent, answered=answered)

    def _estimates(
        self,
        rows: NDArray[np.int64],
        unit: NDArray[np.int64],
        outcome: NDArray[np.float64],
        expected: NDArray[np.float64],
        kind: str,
    ) -> PolicyEstimates:
        pairs = self.pairs
        return estimate_policy(
            sent=pairs.is_sent[rows],
            chance=pairs.chance[rows],
            wanted=pairs.wanted[rows],
            outcome=outcome,
            unit=unit,
            expected=expected,
            kind=kind,
            level=self.level,
        )

    def _campaign(self) -> NDArray[np.int64]:
        """By pair, the number of its campaign; that of its content or channel where it has none."""
        touches = self.reader.kinds.touches
        number: dict[tuple[str | None, ...], int] = {}
        named = [(own.campaign,) if own.campaign else (None, own.content, own.channel) for own in touches]
        found: NDArray[np.int64] = np.array([number.setdefault(own, len(number)) for own in named], np.int64)
        return found[self.pairs.kind]

    def _last_of_run(self) -> NDArray[np.int64]:
        """By pair, when the last message of its run goes out."""
        log, pairs = self.tables[0], self.pairs
        runs, place = np.unique(np.concatenate([pairs.at, log.at]), return_inverse=True)
        last = runs.copy()
        np.maximum.at(last, place[len(pairs) :], log.send_at)
        return last[place[: len(pairs)]]

    def _counts(self, bad: BadRows) -> dict[str, Any]:
        credits_ = self.answers.credits
        return {
            "decisions": {"bad_rows": bad.total, "bad": [str(row) for row in bad.first[:10]]},
            "events": {
                "responses": [own.to_dict() for own in credits_.counts],
                "others": credits_.others,
                "bad_rows": credits_.bad_rows,
                "bad": [str(row) for row in credits_.bad[:10]],
            },
        }

    def _notes(self, bad: BadRows, responses: Iterable[Response]) -> Iterator[str]:
        log, others = self.tables
        yield from bad.lines()
        yield from self.answers.credits.bad_lines
        if not log.has_denied:
            yield (
                "no row of the log is denied: unless it was written whole (decide --all), claims that it could have "
                "sent are missing, and count as if it could not"
            )
        if others.has_chances and not others.has_denied:
            yield (
                "no row of the decisions is denied: unless they were written whole (decide --all), claims that chance "
                "did not choose are missing"
            )
        yield from self.answers.credits.lines
        yield from self._notes_on_model(responses)

    def _notes_on_end(self, found: Iterable[ResponseEvaluation]) -> Iterator[str]:
        """What is to be said where the last event came too early for an end of observation."""
        young = [own.response for own in found if own.young and not own.rate.log.messages]
        if young and not self._is_told:
            yield (
                f"all messages are too young for {', '.join(young)}: observation is taken to end with the last event, "
                f"at {moment(self.answers.until):%Y-%m-%d %H:%M} (UTC); if it went on, give its end (until in Python, "
                "--until on the command line)"
            )

    def _notes_on_model(self, responses: Iterable[Response]) -> Iterator[str]:
        own = self.expectations
        if own is None:
            return
        yield from own.history.notes
        lacking = [response.name for response in responses if own.model_of(response.name) is None]
        if lacking:
            yield f"{', '.join(lacking)}: not in the model; what campaigns brought is expected"
        if own.is_seen:
            yield (
                "the model may have seen the log's answers: its kind of model is fitted anew to the log, for each "
                "fifth of the contacts without their own"
            )
