"""One world: one playbook, night after night, with what chance decides by one seed."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from attrs import frozen
from numpy.typing import NDArray

from journeykit.arbiter import Arbiter
from journeykit.basics.clock import DAY, HOUR, micros
from journeykit.basics.validation import MILLIONTH
from journeykit.columns.kept_scores import KeptScores
from journeykit.job.summary import Summary
from journeykit.kernels import has_kernels
from journeykit.model.response import WELL_KNOWN, Response
from journeykit.model.touch import Touch
from journeykit.simulating.contact_base import INSTANT, BaseState, ContactBase
from journeykit.simulating.message_chances import MessageChances
from journeykit.simulating.sent_messages import SentMessages
from journeykit.simulating.stage_moves import StageWalk, move_events
from journeykit.tables.arrow.arrays import as_numpy, coded, numbers, one_piece, texts
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.kept_table import KeptTable
from journeykit.tables.arrow.score_numbers import numbers_of_scores
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from journeykit.playbook.playbook import Playbook
    from journeykit.simulating.message_chances import Chances

ALL, CHANNEL, TOPIC = "all", "channel", "topic"
WITHDRAWN = (ALL, CHANNEL, TOPIC)
"""What an opt-out may take back."""
FLOWS = ("messages", "responses", "value", "opt_outs")
"""What is added up over the days."""
LEVELS = ("base", "lifetime")
"""What is so at the end of a day."""
OPT_OUT, ANSWER = "opt_out", "response"
_MANY, _LARGE = 10, 10_000
WEEK = 7
"""Over so many days pressure is counted."""
LATER = HOUR
"""So long after a message its answer comes, or half of the time in which it counts, if that is shorter."""
_ASKED = ("contact_id", "campaign_id", "content_id", "channel", "send_at")


@frozen
class MessageKind:
    """What messages of one content of one campaign are.

    Attributes:
        campaign: the campaign's id.
        content: the content's id, or None.
        channel: the channel.
        topics: the topics that the content is about.
        response: the response that an answer is; None where none of the playbook's is about such messages.
    """

    campaign: str
    content: str | None
    channel: str | None
    topics: tuple[str, ...] = ()
    response: Response | None = None

    @property
    def event(self) -> str:
        """The name of the event of an answer."""
        return ANSWER if self.response is None else self.response.event

    @property
    def delay(self) -> int:
        """How long after the message an answer comes, in microseconds."""
        return LATER if self.response is None else min(LATER, self.response.length // 2)


@frozen(eq=False, kw_only=True)
class WorldSetting:
    """What all worlds of one playbook share.

    Attributes:
        arbiter: the playbook, compiled.
        base: the contacts at the beginning.
        touches: the history; None where none is given.
        scores: what models say; None where nothing is given.
        events: what contacts did until the beginning, and a place for what they do then.
        has_events: whether events are given to decisions: some were given, or the playbook asks for them.
        chances: the chances of messages.
        walk: places contacts.
        group: by contact, the number of the arm.
        groups: how many arms there are.
        nights: the instants of the decisions.
        end: the instant at which the last day ends.
        opt_outs: what an opt-out takes back: one of `WITHDRAWN`.
        response: the name of the response that an answer is; None for the first that is about the message.
        pressure: by how much each message of seven days multiplies the chance that the next one makes its contact opt
            out.
        before: by contact, how many messages came in the seven days before the first night.
        history: the messages that came before.
        zone: the zone in which instants without an offset are meant.
        max_bad: how many bad rows are tolerated.
        threads: how many chunks are decided at once.
    """

    arbiter: Arbiter
    base: ContactBase
    touches: KeptTable | None
    scores: KeptScores | None
    events: KeptTable
    has_events: bool
    chances: MessageChances
    walk: StageWalk
    group: NDArray[np.int64]
    groups: int
    nights: Sequence[datetime]
    end: datetime
    opt_outs: str
    response: str | None
    pressure: float
    before: NDArray[np.int64]
    history: SentMessages
    zone: str | None
    max_bad: int | str | None
    threads: int | None

    @property
    def playbook(self) -> Playbook:
        """The playbook."""
        return self.arbiter.playbook

    def kind(self, campaign: str, content: str | None, channel: str | None) -> MessageKind:
        """What messages of one content of one campaign are."""
        touch = Touch(at=self.nights[0], channel=channel, campaign=campaign, content=content)
        facets = self.arbiter.decider.ruleset.facets(touch)
        responses = [own for own in self.playbook.responses if self.response in (None, own.name)]
        names = {own.name for own in WELL_KNOWN}
        answer = next((r for r in responses if r.name not in names and r.where.surely_matches(facets)), None)
        about = next((own.topics for own in self.playbook.content or () if own.id == content), ())
        return MessageKind(campaign, content, channel, tuple(about), answer)


@frozen(eq=False, kw_only=True)
class WorldResult:
    """What came to pass in one world.

    Attributes:
        days: by night, arm and measure of `FLOWS` and `LEVELS`, the amount of the day, or the level at its end.
        stages: by night and stage, how many contacts who can be reached are there at the end of the day.
        campaigns: by campaign, the sums of `FLOWS`.
        unscored: by campaign, how many messages had no propensity.
        riskless: by campaign, how many messages had no opt_out.
        unasked: the campaigns with messages about which no response of the playbook is.
        summary: of the first night.
    """

    days: NDArray[np.float64]
    stages: NDArray[np.int64]
    campaigns: Mapping[str, NDArray[np.float64]]
    unscored: Mapping[str, int]
    riskless: Mapping[str, int]
    unasked: Collection[str]
    summary: Summary


class SimulatedWorld:
    """Lets one playbook decide night after night, and chance answer.

    Args:
        setting: what all worlds of the playbook share.
        seed: which world.
    """

    def __init__(self, setting: WorldSetting, seed: int) -> None:
        self._setting, self._seed = setting, seed
        self._state = BaseState.of(setting.base, setting.walk.stages)
        self._touches, self._events, self._moves = setting.touches, setting.events, setting.events
        self._kinds: dict[tuple[str, str | None, str | None], MessageKind] = {}
        self._summaries: list[Summary] = []
        self._campaigns: dict[str, NDArray[np.float64]] = {}
        self._unscored: dict[str, int] = {}
        self._riskless: dict[str, int] = {}
        # By night of the last seven days, how many messages each contact got.
        self._lately: deque[NDArray[np.int64]] = deque(maxlen=WEEK - 1)
        journey = setting.playbook.journey
        worth = [] if journey is None else [stage.value or 0.0 for stage in journey.stages]
        lost = [] if journey is None else [stage.lost for stage in journey.stages]
        # The last place is that of contacts on no stage.
        self._worth, self._lost = np.array([*worth, 0.0]), np.array([*lost, False], np.bool_)

    def run(self, progress: Callable[[], object]) -> WorldResult:
        """All nights.

        Args:
            progress: called after each.
        """
        setting = self._setting
        days = np.zeros((len(setting.nights), setting.groups, len(FLOWS) + len(LEVELS)))
        stages = np.zeros((len(setting.nights), len(setting.walk.stages)), np.int64)
        self._place(setting.nights[0])
        ends = (*setting.nights[1:], setting.end)
        for night, (at, end) in enumerate(zip(setting.nights, ends, strict=True)):
            days[night, :, : len(FLOWS)] = self._night(night, at)
            self._place(end)
            here = self._here(end)
            for place, own in enumerate((here.astype(np.float64), here * self._worth_now()), len(FLOWS)):
                days[night, :, place] = exact_sums(setting.group, own, setting.groups)
            stage = setting.walk.stage(self._state)
            stages[night] = np.bincount(stage[here & (stage >= 0)], minlength=stages.shape[1])
            progress()
            if setting.base.count >= _LARGE and night % _MANY == _MANY - 1:
                # Nights leave large arrays in circles of references.
                gc.collect()
        return WorldResult(
            days=days,
            stages=stages,
            campaigns=dict(self._campaigns),
            unscored=dict(self._unscored),
            riskless=dict(self._riskless),
            unasked={kind.campaign for kind in self._kinds.values() if kind.response is None},
            summary=self._summaries[0],
        )

    def _place(self, at: datetime) -> None:
        self._setting.walk.place(self._state, self._moves, micros(at))

    def _here(self, at: datetime) -> NDArray[np.bool_]:
        """Who is in the base at an instant: can be reached, and is not lost."""
        reachable = self._state.reachable(micros(at))
        found: NDArray[np.bool_] = reachable & ~self._lost[self._setting.walk.stage(self._state)]
        return found

    def _worth_now(self) -> NDArray[np.float64]:
        worth: NDArray[np.float64] = self._worth[self._setting.walk.stage(self._state)]
        return worth

    def _night(self, night: int, at: datetime) -> NDArray[np.float64]:
        """Decide, and let chance answer: by arm, the sums of `FLOWS`."""
        setting = self._setting
        risk = self._risk(at)
        sent = self._decided(at, risk)
        contact = setting.base.known.find(Column(sent["contact_id"]), len(sent["contact_id"]), {}).astype(np.int64)
        code, kinds = self._coded(sent)
        pairs = [(kind.campaign, kind.content) for kind in kinds]
        chances = setting.chances.of_messages(contact, code, pairs)
        self._note(chances, code, kinds)
        keys = setting.base.keys.take(contact)
        answers = keys.draws_by_kind(code, pairs, self._seed, "response", night) < chances.propensity
        leaves = keys.draws_by_kind(code, pairs, self._seed, "opt_out", night) < chances.opt_out * risk[contact]
        leaves = self._withdraw(contact, code, kinds, as_numpy(sent["send_at"]), leaves)
        worth = np.where(np.isnan(chances.value), 1.0, chances.value)
        self._tell(sent, code, kinds, worth, answers, leaves)
        self._move(night, at, contact)
        flows = np.stack([np.ones(len(contact)), answers, np.where(answers, worth, 0.0), leaves])
        self._count(code, kinds, flows)
        self._lately.append(np.bincount(contact, minlength=setting.base.count))
        return np.stack([exact_sums(setting.group[contact], own, setting.groups) for own in flows], axis=1)

    def _risk(self, at: datetime) -> NDArray[np.float64]:
        """By contact, by what the chance of an opt-out is multiplied, by how many messages came in seven days.

        Scores are about the history at the beginning: what differs from it counts.
        """
        setting = self._setting
        if setting.pressure == 1:
            return np.ones(setting.base.count)
        now = micros(at)
        recent = setting.history.counts(now - WEEK * DAY, now, setting.base.count) + sum(self._lately)
        found: NDArray[np.float64] = setting.pressure ** (recent - setting.before).astype(np.float64)
        return found

    def _decided(self, at: datetime, risk: NDArray[np.float64]) -> dict[str, pa.Array]:
        """The messages of a night."""
        setting = self._setting
        found = setting.arbiter.decide_table(
            self._state.table(tells_since=True),
            self._touches,
            self._scores(risk),
            events=self._events if setting.has_events else None,
            at=at,
            outcomes="granted",
            columns=_ASKED,
            zone=setting.zone,
            max_bad=setting.max_bad,
            threads=setting.threads,
            summary=None if self._summaries else self._summaries.append,
        )
        return {name: one_piece(found[name]) for name in _ASKED}

    def _scores(self, risk: NDArray[np.float64]) -> KeptTable | None:
        """The scores of a night."""
        setting = self._setting
        scores = setting.scores
        if scores is None or setting.pressure == 1:
            return scores
        if has_kernels():
            scores.pressed(np.append(risk, 1.0)[setting.base.row])
            return scores
        # Rows are read as they are: the column is another one.
        ids = [
            array
            for _, names, arrays in scores.chunks()
            for name, array in zip(names, arrays, strict=True)
            if fold_name(name) == "contact_id"
        ]
        contact = np.concatenate([setting.base.known.find(Column(own), len(own), {}) for own in ids])
        factors = np.append(risk, 1.0)[contact]

        def pressed(array: Any, start: int, stop: int) -> Any:
            if array is None:
                return None
            known, refused = numbers_of_scores("opt_out", Column(array))
            found = np.minimum(known * factors[start:stop], 1.0)
            cells = zip(refused.tolist(), Column(array).cells(), found.tolist(), strict=True)
            return [cell if is_bad else own for is_bad, cell, own in cells]

        return KeptTable(scores.source, scores.kept, scores.columns, scores).changed({"opt_out": pressed})

    def _coded(self, sent: Mapping[str, pa.Array]) -> tuple[NDArray[np.int64], list[MessageKind]]:
        """By message, the place of its kind; and the kinds."""
        code = np.zeros(len(sent["contact_id"]), np.int64)
        values: list[list[Any]] = []
        for name in _ASKED[1:4]:
            column = Column(sent[name])
            code = code * len(column.values) + column.codes
            values.append(column.values)
        met, code = np.unique(code, return_inverse=True)
        found = []
        for own in met.tolist():
            rest, channel = divmod(own, len(values[2]))
            campaign, content = divmod(rest, len(values[1]))
            key = values[0][campaign], values[1][content], values[2][channel]
            if key not in self._kinds:
                self._kinds[key] = self._setting.kind(*key)
            found.append(self._kinds[key])
        return code.reshape(-1).astype(np.int64), found

    def _withdraw(
        self,
        contact: NDArray[np.int64],
        code: NDArray[np.int64],
        kinds: Sequence[MessageKind],
        at: NDArray[np.int64],
        leaves: NDArray[np.bool_],
    ) -> NDArray[np.bool_]:
        """Take consent back; which messages have made somebody opt out who had not yet: the first of each contact."""
        found = np.zeros(len(leaves), np.bool_)
        rows = np.flatnonzero(leaves)
        rows = rows[np.lexsort((rows, at[rows], contact[rows]))]
        done: set[tuple[int, str | None, str | None]] = set()
        state = self._state
        for row in rows.tolist():
            kind, who = kinds[code[row]], int(contact[row])
            told = self._scopes(kind)
            fresh = [own for own in told if (who, *own) not in done and not state.is_withdrawn(who, *own)]
            done.update((who, *own) for own in fresh)
            found[row] = bool(fresh)
        for channel, topic in dict.fromkeys((channel, topic) for _, channel, topic in done):
            own = [who for who, *scope in done if scope == [channel, topic]]
            state.withdraw(np.array(own, np.int64), channel, topic)
        return found

    def _scopes(self, kind: MessageKind) -> list[tuple[str | None, str | None]]:
        """Of which channel and topic an opt-out is; of everything where it is of neither."""
        if self._setting.opt_outs == CHANNEL and kind.channel is not None:
            return [(kind.channel, None)]
        if self._setting.opt_outs == TOPIC and kind.topics:
            return [(None, topic) for topic in kind.topics]
        return [(None, None)]

    def _tell(
        self,
        sent: Mapping[str, pa.Array],
        code: NDArray[np.int64],
        kinds: Sequence[MessageKind],
        worth: NDArray[np.float64],
        answers: NDArray[np.bool_],
        leaves: NDArray[np.bool_],
    ) -> None:
        """Add what was sent to the touches, and what contacts did to the events."""
        if len(code):
            columns = {name: sent[name] for name in ("contact_id", "channel", "campaign_id", "content_id")}
            batch = pa.record_batch({**columns, "sent_at": sent["send_at"]})
            self._touches = _table("touches", self._touches).followed_by([batch])
        batches = [*self._answers(sent, code, kinds, worth, np.flatnonzero(answers))]
        if leaves.any():
            batches.append(_events(sent, np.flatnonzero(leaves), [OPT_OUT] * len(kinds), code, LATER))
        events = self._events.followed_by(batches)
        self._moves = events if self._moves is self._events else self._moves.followed_by(batches)
        self._events = events

    @staticmethod
    def _answers(
        sent: Mapping[str, pa.Array],
        code: NDArray[np.int64],
        kinds: Sequence[MessageKind],
        worth: NDArray[np.float64],
        rows: NDArray[np.int64],
    ) -> list[pa.RecordBatch]:
        """The events of answers, by the property that says what they are worth."""
        found = []
        names = [kind.event for kind in kinds]
        delays = np.array([kind.delay for kind in kinds] or [0], np.int64)
        about = [None if kind.response is None else kind.response.value for kind in kinds]
        for value in dict.fromkeys(about):
            own = rows[np.array([other == value for other in about] or [False], np.bool_)[code[rows]]]
            if len(own):
                more = {} if value is None else {value: pa.array(worth[own])}
                found.append(_events(sent, own, names, code, delays[code[own]], **more))
        return found

    def _move(self, night: int, at: datetime, contact: NDArray[np.int64]) -> None:
        """Move contacts to whom no message came."""
        setting, walk = self._setting, self._setting.walk
        silent = np.ones(setting.base.count, np.bool_)
        silent[contact] = False
        who, where = walk.drawn(walk.stage(self._state), silent, setting.base.keys, self._seed, night)
        if len(who):
            ids = setting.base.known.ids.take(numbers(who, pa.int64()))
            batch = move_events(ids, where, walk.events, micros(at) + LATER)
            self._moves = self._moves.followed_by([batch])

    def _note(self, chances: Chances, code: NDArray[np.int64], kinds: Sequence[MessageKind]) -> None:
        """Count messages of which the scores say nothing."""
        for counts, known in ((self._unscored, chances.propensity), (self._riskless, chances.opt_out)):
            missing = np.bincount(code[np.isnan(known)], minlength=len(kinds))
            for kind, count in zip(kinds, missing.tolist(), strict=True):
                if count:
                    counts[kind.campaign] = counts.get(kind.campaign, 0) + count

    def _count(self, code: NDArray[np.int64], kinds: Sequence[MessageKind], flows: NDArray[np.float64]) -> None:
        """Add the sums by campaign."""
        sums = [exact_sums(code, own, len(kinds)) for own in flows]
        for place, kind in enumerate(kinds):
            own = np.array([found[place] for found in sums])
            self._campaigns[kind.campaign] = self._campaigns.get(kind.campaign, np.zeros(len(FLOWS))) + own


def exact_sums(code: NDArray[np.int64], values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Sums by code, of millionths: so they do not depend on the order of the rows.

    Example:
        >>> exact_sums(np.array([0, 1, 0]), np.array([0.1, 5.0, 0.2]), 2).tolist()
        [0.3, 5.0]
    """
    found: NDArray[np.float64] = np.bincount(code, np.rint(values * MILLIONTH), size) / MILLIONTH
    return found


def _table(name: str, table: KeptTable | None) -> KeptTable:
    from journeykit.tables.arrow.kept_table import KeptTable

    return KeptTable(name, (), None) if table is None else table


def _events(
    sent: Mapping[str, pa.Array],
    rows: NDArray[np.int64],
    names: Sequence[str],
    code: NDArray[np.int64],
    delay: NDArray[np.int64] | int,
    **more: pa.Array,
) -> pa.RecordBatch:
    """Events of contacts, so long after messages."""
    places = numbers(rows.astype(np.int64), pa.int64())
    at = as_numpy(sent["send_at"])[rows] + delay
    return pa.record_batch(
        {
            "contact_id": sent["contact_id"].take(places),
            "event": coded(code[rows], texts(names)),
            "at": numbers(at, INSTANT),
            "campaign_id": sent["campaign_id"].take(places),
            "content_id": sent["content_id"].take(places),
            **more,
        }
    )
