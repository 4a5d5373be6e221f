"""Probes of free slots: a playbook that asks, for each channel and local day, whether one more plain message may go."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, fields, frozen

from journeykit.basics.clock import clock, day_date, micros
from journeykit.errors import ModelError, closest
from journeykit.model.campaign import Campaign
from journeykit.model.content import Content
from journeykit.playbook.playbook import Playbook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from journeykit.model.claim import Claim
    from journeykit.model.contact import Contact
    from journeykit.model.experiment import Experiment
    from journeykit.policies.policy import Context

_NAME = "free slots"


class EqualWeights:
    """A policy by which all claims weigh alike: the best choice is then the one of most messages."""

    def weigh(self, claim: Claim, contact: Contact, context: Context) -> float:  # noqa: ARG002  (the protocol's)
        """One."""
        return 1.0

    def weigh_columns(self, columns: Any) -> Any:
        """The same for many claims at once."""
        return np.ones(len(columns))


@frozen
class Probe:
    """One more plain message of a channel on a local day.

    Attributes:
        campaign: the id of the campaign that asks for it.
        channel: the channel.
        day: the local day of the contact.
        is_edge: whether the plan has the day for contacts of other zones alone.
    """

    campaign: str
    channel: str
    day: date
    is_edge: bool = False


@frozen(kw_only=True)
class SlotProbes:
    """A playbook whose only claims are probes.

    Attributes:
        playbook: the rules of the one that is looked at, for probes. Its campaigns are paused, so that touches are what
            they were; its quotas, levers and prices of attention have no part in it.
        policies: the policies that it names.
        probes: what is asked, by channel and then by day.
        is_tied: whether a conflict or requirement may tell probes apart from each other: they are then asked one by
            one, as what stops one of them may be another.
    """

    playbook: Playbook
    policies: dict[str, Any]
    probes: tuple[Probe, ...]
    is_tied: bool

    @classmethod
    def of(
        cls, playbook: Playbook, channels: Iterable[str] | None, at: datetime, until: datetime, *, is_local: bool
    ) -> SlotProbes:
        """The probes of the days of a plan.

        Args:
            playbook: the rule set.
            channels: the channels that are asked for; None for all that the playbook knows.
            at: the first instant of the plan, aware.
            until: its last instant.
            is_local: whether contacts may have a zone of their own: it may be another day there.

        Raises:
            ModelError: for a channel that the playbook does not know, and for none at all.
        """
        asked = _channels(playbook, channels)
        days = list(_days(playbook, at, until, is_local=is_local))
        stages = tuple(stage.name for stage in playbook.journey.stages) if playbook.journey else ()
        contents = {own.id for own in playbook.content or ()}
        campaigns = {own.id for own in playbook.campaigns or ()}
        plain = {channel: Content(id=_unlike(f"{_NAME}: {channel}", contents), channel=channel) for channel in asked}
        probes = tuple(
            Probe(_unlike(f"{_NAME}: {channel} {day}", campaigns), channel, day, is_edge)
            for channel in asked
            for day, is_edge in days
        )
        asking = [
            # A stage that a campaign names is open to it, whichever department owns it.
            Campaign(id=own.campaign, content=[plain[own.channel].id], starts=own.day, ends=own.day, stages=stages)
            for own in probes
        ]
        made = _with(
            playbook,
            content=(*(playbook.content or ()), *plain.values()),
            campaigns=(*map(_paused, playbook.campaigns or ()), *asking),
            experiments=tuple(_experiments(playbook.experiments)),
            quotas=(),
            levers=(),
            guards=(),
            explore=None,
            policy=_NAME,
            reserve=0.0,
            opt_out_cost=None,
            interest_lift=0.0,
        )
        facets = [made.facets(own, plain[probe.channel]) for own, probe in zip(asking, probes, strict=True)]
        scopes = [scope for own in playbook.conflicts for scope in (own.first, own.then)]
        scopes += [own.claim for own in playbook.requirements]
        is_tied = any(scope.matches(own) for scope in scopes for own in facets)
        return cls(playbook=made, policies={_NAME: EqualWeights()}, probes=probes, is_tied=is_tied)

    def alone(self) -> Iterator[SlotProbes]:
        """Each probe in a playbook of its own."""
        asking = {own.campaign for own in self.probes}
        for probe in self.probes:
            kept = tuple(
                own for own in self.playbook.campaigns or () if own.id == probe.campaign or own.id not in asking
            )
            yield evolve(self, playbook=_with(self.playbook, campaigns=kept), probes=(probe,), is_tied=False)


def _with(playbook: Playbook, **parts: Any) -> Playbook:
    """A playbook with other parts; not checked, since a gatekeeper's rules may name campaigns that it does not list."""
    same = {own.name: getattr(playbook, own.name) for own in fields(Playbook)}
    return Playbook.unchecked(same | parts)


def _channels(playbook: Playbook, asked: Iterable[str] | None) -> list[str]:
    known = [own.channel for own in playbook.content or () if own.channel]
    known += [own.name for own in playbook.channels]
    if asked is None:
        if not known:
            raise ModelError("the playbook names no channel: say which are asked for", field="channels")
        return list(dict.fromkeys(known))
    found = list(dict.fromkeys(asked))
    for name in found if known else ():
        if name not in known:
            near = closest(name, known)
            more = f"did you mean {near!r}?" if near else f"there is {', '.join(dict.fromkeys(known))}"
            raise ModelError(f"the playbook has no channel {name!r}; {more}", field="channels")
    return found


def _days(playbook: Playbook, at: datetime, until: datetime, *, is_local: bool) -> Iterator[tuple[date, bool]]:
    """The local dates of a plan; where contacts have their own zones, also the one before and the one after: edges."""
    local = clock(playbook.timezone)
    first, last = local.day(micros(at)), local.day(micros(until, what="until"))
    if last < first:
        raise ModelError("until lies before at", field="until")
    for day in range(first - is_local, last + 1 + is_local):
        yield day_date(day), not first <= day <= last


def _paused(campaign: Campaign) -> Campaign:
    """A campaign that claims nothing, as simple as can be: what its touches are stays."""
    return evolve(
        campaign,
        paused=True,
        audience=None,
        weight=1.0,
        holdout=None,
        scored=False,
        patience=None,
        split=None,
        series=None,
        if_lost="drop",
        send_at=None,
        min_uplift=None,
    )


def _experiments(experiments: Sequence[Experiment]) -> Iterator[Experiment]:
    """The experiments as far as their arms have other caps."""
    for own in experiments:
        arms = tuple(evolve(arm, changes=evolve(arm.changes, policy=None, reserve=None, levers=())) for arm in own.arms)
        if any(arm.changes.caps for arm in arms):
            yield evolve(own, arms=arms)


def _unlike(name: str, known: Iterable[str]) -> str:
    """A name that nothing else has."""
    found = name
    while found in known:
        found += "'"
    return found
