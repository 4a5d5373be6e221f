"""Simulating days to come: from playbooks and tables to the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.arbiter import Arbiter
from journeykit.basics.clock import DAY, clock, first_and_last, micros
from journeykit.basics.validation import is_number, shown
from journeykit.columns.arm_numbers import ArmColumns
from journeykit.columns.kept_scores import KeptScores
from journeykit.errors import DataError, ModelError, closest
from journeykit.journey.measure.intervals import normal_quantile
from journeykit.playbook.playbook import Playbook
from journeykit.simulating.contact_base import ContactBase
from journeykit.simulating.message_chances import MessageChances
from journeykit.simulating.rows_until import rows_until
from journeykit.simulating.sent_messages import SentMessages
from journeykit.simulating.simulated_world import ALL, ANSWER, WEEK, WITHDRAWN, SimulatedWorld, WorldSetting
from journeykit.simulating.simulation_report import SimulatedPlaybook, SimulationReport, short
from journeykit.simulating.stage_moves import StageWalk, checked_chances, read_chances
from journeykit.tables.arrow.kept_table import KeptTable
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.column_names import Spellings
from journeykit.tables.contact_table import is_attribute
from journeykit.tables.event_log import is_property

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import tzinfo

    from journeykit.job.summary import Summary
    from journeykit.policies.policy import Policy
    from journeykit.simulating.simulated_world import WorldResult
    from journeykit.simulating.stage_moves import DailyChances

_SHOWN = 5
MOST_PRESSURE = 10
MOST_NIGHTS = 3_660
"""So many nights are simulated at most: ten years."""


def simulate(
    playbooks: Playbook | Arbiter | Iterable[Playbook | Arbiter],
    contacts: Any,
    touches: Any = None,
    scores: Any = None,
    events: Any = None,
    *,
    at: datetime,
    until: datetime,
    seeds: int = 1,
    seed: int = 0,
    chances: DailyChances | Any = None,
    response: str | None = None,
    opt_outs: str = ALL,
    pressure: float = 1.0,
    names: Sequence[str] | None = None,
    policies: Mapping[str, Policy] | None = None,
    zone: str | None = None,
    level: float = 0.95,
    max_bad: int | str | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> SimulationReport:
    """Simulate days to come under playbooks, as ``journeykit simulate`` does.

    Night after night, at the local time of ``at`` in the playbook's time zone, the playbook decides by the columnar
    engine, as it would in a real night. Each message is then answered with the chance that its score says
    (``propensity``; the answer is worth ``value``, 1 where there is none), and makes its contact opt out with the
    chance ``opt_out``. Answers are events: they move contacts along the journey, and rules ask for them. A contact to
    whom no message came moves with the chances of a day.

    What chance decides is a hash of the seed, the contact, the campaign, the content and the day: so all playbooks
    meet the same luck, and their differences have narrow intervals. One seed gives the same again, to the last bit.

    Args:
        playbooks: one or several; the others are compared with the first.
        contacts: who: whatever `Arbiter.decide_table` takes.
        touches: the history, likewise.
        scores: what models say, likewise: ``propensity``, ``value``, ``opt_out``.
        events: what contacts did until ``at``, likewise.
        at: the first night, aware.
        until: no night is later, aware.
        seeds: how many worlds are simulated for each playbook.
        seed: the first of the seeds; the others follow it.
        chances: how contacts move on a day without a message: a mapping by stage of chances by stage, or a table with
            the columns ``stage``, ``to`` and ``chance``; `journeykit.simulating.daily_chances` estimates them.
        response: the name of the response that an answer is; None for the first of the playbook that is about the
            message.
        opt_outs: what an opt-out takes back: ``all`` consent, that for the ``channel``, or that for the ``topic``
            (all of it where the content has no topic).
        pressure: by how much each message that a contact got in the seven days before multiplies the chance that the
            next one makes them opt out, such as 1.2. The scores are about the history at ``at``: a contact who had two
            messages in the seven days before it, and has three in those before a later night, has this chance times
            ``pressure`` then; the playbook that decides is given it too, as if it were scored anew. 1 for scores that
            stay as they are.
        names: what the playbooks are called in the report; None for their own names.
        policies: your own policies by name, for all playbooks that are not compiled yet.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        level: the level of confidence of intervals.
        max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``).
        threads: how many chunks of contacts are decided at once. The result does not depend on it.
        progress: called after each night with how many are done, and how many there are.

    Raises:
        DataError: for a table that cannot be used, or too many bad rows.
        MissingExtraError: without the extra ``columns``.
        ModelError: for an argument that cannot be, a playbook without campaigns, and quotas over several runs.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Playbook, simulate
        >>> playbook = Playbook.from_dict({
        ...     "content": [{"id": "letter", "channel": "email"}],
        ...     "campaigns": [{"id": "news", "content": ["letter"], "repeat": None}],
        ... })
        >>> people = [{"contact_id": name, "consent_email": True} for name in ("anna", "ben", "clara")]
        >>> chances = [{"contact_id": own["contact_id"], "campaign_id": "news", "opt_out": 0.5} for own in people]
        >>> first, last = datetime(2026, 11, 2, 9, tzinfo=UTC), datetime(2026, 11, 6, 9, tzinfo=UTC)
        >>> found = simulate(playbook, people, scores=chances, at=first, until=last)
        >>> found.playbooks[0].total("messages").mean, found.playbooks[0].total("base").mean
        (7.0, 0.0)
    """
    normal_quantile(level)
    arbiters = _compiled(playbooks, policies or {})
    nights_of = [_nights(own.playbook, at, until) for own in arbiters]
    _check(arbiters, seeds, seed, opt_outs, response)
    if not is_number(pressure) or not 0 < pressure <= MOST_PRESSURE:
        said = f"pressure is a number above 0, up to {MOST_PRESSURE}, found {shown(pressure)}"
        raise ModelError(said, field="pressure")
    known = None if zone is None else clock(zone).zone
    tables = _Tables([own.playbook for own in arbiters], contacts, touches, scores, events, at=at, zone=known)
    moves = {} if chances is None else read_chances(chances, known)
    total, done = seeds * sum(len(own) - 1 for own in nights_of), 0

    def tell() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    found = []
    called = _called(arbiters, names)
    for arbiter, name, nights in zip(arbiters, called, nights_of, strict=True):
        setting, arms = tables.setting(
            arbiter,
            nights,
            chances=moves,
            opt_outs=opt_outs,
            response=response,
            pressure=float(pressure),
            zone=zone,
            max_bad=max_bad,
            threads=threads,
        )
        worlds = [SimulatedWorld(setting, own).run(tell) for own in range(seed, seed + seeds)]
        found.append(_simulated(name, setting, arms, worlds, level))
    return SimulationReport(
        at=at,
        until=until,
        seeds=seeds,
        seed=seed,
        level=level,
        contacts=tables.count,
        opt_outs=opt_outs,
        pressure=float(pressure),
        playbooks=tuple(found),
        chances=moves,
        notes=tuple(tables.notes()),
    )


def _compiled(
    playbooks: Playbook | Arbiter | Iterable[Playbook | Arbiter], policies: Mapping[str, Policy]
) -> list[Arbiter]:
    given: list[Any] = [playbooks]
    if isinstance(playbooks, Iterable) and not isinstance(playbooks, str | Mapping):
        given = [*playbooks]
    for own in given:
        if not isinstance(own, Playbook | Arbiter):
            raise ModelError(f"playbooks are playbooks or arbiters, found {shown(own)}", field="playbooks")
    if not given:
        raise ModelError("give at least one playbook", field="playbooks")
    return [Arbiter(own, policies) if isinstance(own, Playbook) else own for own in given]


def _called(arbiters: Sequence[Arbiter], names: Sequence[str] | None) -> list[str]:
    """What the playbooks are called; of those with one name, each is told apart by its place."""
    given = [own.playbook.name or f"playbook {place}" for place, own in enumerate(arbiters, 1)]
    if names is not None:
        if len(names) != len(arbiters):
            raise ModelError(f"there are {len(arbiters)} playbooks and {len(names)} names", field="names")
        given = [*names]
    return [f"{own} ({place})" if given.count(own) > 1 else own for place, own in enumerate(given, 1)]


def _nights(playbook: Playbook, at: datetime, until: datetime) -> list[datetime]:
    """The instants of the decisions, and the one at which the last day ends."""
    first_and_last(at, until)
    zone = clock(playbook.timezone).zone
    local = at.astimezone(zone)
    found = [local]
    while found[-1] <= until and len(found) <= MOST_NIGHTS:
        found.append(local + timedelta(days=len(found)))
    if found[-1] <= until:
        raise ModelError(f"until lies more than {MOST_NIGHTS:,} nights after at", field="until")
    return found


def _check(arbiters: Sequence[Arbiter], seeds: int, seed: int, opt_outs: str, response: str | None) -> None:
    for name, value, least in (("seeds", seeds, 1), ("seed", seed, 0)):
        if type(value) is not int or value < least:
            raise ModelError(f"{name} is a whole number from {least} on, found {shown(value)}", field=name)
    if opt_outs not in WITHDRAWN:
        raise ModelError(f"opt_outs is one of {', '.join(WITHDRAWN)}, found {shown(opt_outs)}", field="opt_outs")
    for arbiter in arbiters:
        playbook = arbiter.playbook
        if not playbook.campaigns:
            raise ModelError(
                f"the playbook {playbook.name or ''!r} has no campaigns: nothing would be sent", field="playbooks"
            )
        lasting = [quota.name for quota in playbook.quotas if quota.window is not None]
        if lasting:
            raise ModelError(
                f"the quotas {', '.join(lasting)} count over several runs, which a ledger keeps, and a simulation has "
                "none: leave out their window, so that they hold in each night, or leave out the quotas",
                field="playbooks",
            )
    names = {own.name for arbiter in arbiters for own in arbiter.playbook.responses}
    if response is not None and response not in names:
        hint = closest(response, names)
        more = f"; did you mean {hint!r}?" if hint else f"; there is {', '.join(sorted(names)) or 'none'}"
        raise ModelError(f"no response {shown(response)}{more}", field="response")


class _Tables:
    """The tables, each read once."""

    def __init__(
        self,
        playbooks: Sequence[Playbook],
        contacts: Any,
        touches: Any,
        scores: Any,
        events: Any,
        *,
        at: datetime,
        zone: tzinfo | None,
    ) -> None:
        texts = frozenset[str]().union(*(Spellings.of(own).texts for own in playbooks))
        people = open_source(contacts, "contacts", typed=is_attribute, texts=texts, zone=zone)
        people.needed = ("contact_id",)
        self._contacts = KeptTable.of(people)
        self._touches = None if touches is None else KeptTable.of(open_source(touches, "touches", zone=zone))
        self._scores = None if scores is None else KeptTable.of(open_source(scores, "scores", zone=zone))
        self._events, self._later = None, 0
        if events is not None:
            log = KeptTable.of(open_source(events, "events", typed=is_property, zone=zone))
            self._events = rows_until(log, "at", micros(at), zone)
            self._later = log.rows - self._events.rows
        self._zone = zone
        if not self._contacts.count:
            raise DataError("there are no contacts", source=self._contacts.source)
        self.count = 0

    def setting(
        self,
        arbiter: Arbiter,
        nights: Sequence[datetime],
        *,
        chances: DailyChances,
        zone: str | None,
        threads: int | None,
        **how: Any,
    ) -> tuple[WorldSetting, list[str]]:
        """What the worlds of one playbook share, and the names of its arms."""
        playbook = arbiter.playbook
        channels = [*dict.fromkeys(own.channel for own in playbook.content or ())]
        asks = playbook.on_missing.consent == "deny"
        base = ContactBase.of(self._contacts, channels, asks=asks, zone=self._zone)
        self.count = base.count
        scores = self._scores
        kept = None if scores is None else KeptScores(scores.source, scores.kept, scores.columns, scores)
        walk = StageWalk(
            playbook,
            base,
            micros(nights[0]),
            zone=zone,
            known=self._zone,
            chances=checked_chances(chances, playbook.journey),
            threads=threads,
        )
        group, arms = np.zeros(base.count, np.int64), [""]
        if playbook.experiments:
            columns = ArmColumns(playbook)
            group, arms = columns.numbers(base.known.ids, base.accounts()), [own or "" for own in columns.names]
        first = micros(nights[0])
        events, history = self._events, SentMessages.of(self._touches, base.known, first, self._zone)
        setting = WorldSetting(
            arbiter=arbiter,
            base=base,
            touches=self._touches,
            scores=kept,
            events=KeptTable("events", (), ("contact_id", "event", "at")) if events is None else events,
            has_events=events is not None or bool(arbiter.decider.ruleset.events_asked),
            chances=MessageChances.of(scores, base.known, playbook),
            walk=walk,
            group=group,
            groups=len(arms),
            before=history.counts(first - WEEK * DAY, first, base.count),
            history=history,
            nights=nights[:-1],
            end=nights[-1],
            zone=zone,
            threads=threads,
            **how,
        )
        return setting, arms

    def notes(self) -> Iterable[str]:
        """What is to be said of the tables."""
        if self._scores is None:
            yield "no scores are given: no message is answered, and nobody opts out"
        if self._later:
            yield f"events later than the first night, which are left out: {self._later:,}"


def _simulated(
    name: str, setting: WorldSetting, arms: list[str], worlds: Sequence[WorldResult], level: float
) -> SimulatedPlaybook:
    journey = setting.playbook.journey
    campaigns = [own.id for own in setting.playbook.campaigns or ()]
    sums = np.stack([[own.campaigns.get(campaign, np.zeros(4)) for campaign in campaigns] for own in worlds])
    return SimulatedPlaybook(
        name=name,
        fingerprint=setting.arbiter.fingerprint,
        dates=tuple(at.date() for at in setting.nights),
        arms=tuple(arms),
        sizes=tuple(np.bincount(setting.group, minlength=len(arms)).tolist()),
        days=np.stack([own.days for own in worlds]),
        stages=() if journey is None else tuple(stage.name for stage in journey.stages),
        on_stages=np.stack([own.stages for own in worlds]),
        has_values=bool(journey and journey.values),
        campaigns=tuple(campaigns),
        sums=sums,
        level=level,
        said=tuple(_notes(setting, worlds)),
    )


def _notes(setting: WorldSetting, worlds: Sequence[WorldResult]) -> Iterable[str]:
    """What is to be said of one playbook."""
    summary, playbook = worlds[0].summary, setting.playbook
    messages = sum(float(own.days[:, :, 0].sum()) for own in worlds) / len(worlds)
    yield from _notes_on_tables(summary)
    if not messages:
        reasons = sorted(summary.reasons.items(), key=lambda own: (-own[1], own[0]))[:_SHOWN]
        said = ", ".join(f"{reason}: {count:,}" for reason, count in reasons)
        yield f"no message goes out; why, in the first night: {said or 'nobody claims anything'}"
    yield from _notes_on_chances(worlds, messages)
    unasked = {campaign for own in worlds for campaign in own.unasked}
    if unasked and any(own.days[:, :, 1].any() for own in worlds):
        yield (
            f"no response of the playbook is about messages of {_some(unasked)}: their answers are events of the name "
            f"{ANSWER!r}"
        )
    if setting.arbiter.decider.ruleset.events_asked and not setting.events.count:
        yield "rules ask for events, and none are given: they know those of the simulation alone"
    yield from _notes_on_values(playbook)
    if playbook.quotas:
        yield "quotas hold in each night, not over all of them"


def _notes_on_tables(summary: Summary) -> Iterable[str]:
    """What the first night could not use."""
    if summary.bad_rows:
        yield f"rows that could not be used, in the first night: {summary.bad_rows:,}"
        yield from (str(row) for row in summary.bad_first[:_SHOWN])
    for name, count in (("touches", summary.unknown_touches), ("scores", summary.unknown_scores)):
        if count:
            yield f"{name} of contacts that could not be decided: {count:,}"
    yield from map(str, summary.mismatches)
    yield from summary.notes


def _notes_on_chances(worlds: Sequence[WorldResult], messages: float) -> Iterable[str]:
    """Which messages chance did not decide about, on average over worlds."""
    for what, so, counts in (
        ("propensity", "is answered", [own.unscored for own in worlds]),
        ("opt_out", "makes anybody opt out", [own.riskless for own in worlds]),
    ):
        missing = {campaign for own in counts for campaign in own}
        if missing:
            total = sum(sum(own.values()) for own in counts) / len(worlds)
            yield f"messages without {what}, none of which {so}: {total:,.0f} of {messages:,.0f} ({_some(missing)})"


def _notes_on_values(playbook: Playbook) -> Iterable[str]:
    """Of which stages the value is not known."""
    if playbook.journey is None:
        return
    without = [stage.name for stage in playbook.journey.stages if stage.value is None and not stage.lost]
    if not playbook.journey.values:
        yield "no stage has a value: the lifetime value of the base is unknown"
    elif without:
        yield f"stages without a value count 0 in the lifetime value of the base: {_some(without)}"


def _some(names: Iterable[str]) -> str:
    found = sorted(names)
    more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    return ", ".join(map(short, found[:_SHOWN])) + more
