"""The playbook: the whole rule set as one value, and its checks of itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import field, fields, frozen, validators

from journeykit.campaign import Campaign, Team
from journeykit.cap import Cap, Conflict, Facets, Requirement, Scope
from journeykit.civil import clock, micros
from journeykit.content import Content
from journeykit.errors import PlaybookError, Problem, closest
from journeykit.fields import instance, instances, listed, number, one_of, required_text, whole
from journeykit.hours import Holiday, Hours, Schedule
from journeykit.journey import Journey
from journeykit.partners import find_too_late
from journeykit.quota import Quota
from journeykit.segment import Segment, segmented, segments_of
from journeykit.split import Holdout

if TYPE_CHECKING:
    import os
    from datetime import datetime

    from journeykit.contact import Contact
    from journeykit.segment_report import SegmentReport

_T = TypeVar("_T")


@frozen(kw_only=True)
class OnMissing:
    """What to do where data is missing that a campaign or its content tests.

    Attributes:
        timezone: use the playbook's (``playbook``) or ``deny``.
        stage: ``allow`` as a full fit, or ``deny``.
        role: ``allow`` as a full fit, or ``deny``.
        consent: ``allow`` or ``deny``.
        cap: where it is unknown whether a contact is in a cap's audience, ``apply`` the cap to them, or ``waive`` it.
    """

    timezone: str = field(default="playbook", validator=one_of("playbook", "deny"))
    stage: str = field(default="deny", validator=one_of("allow", "deny"))
    role: str = field(default="allow", validator=one_of("allow", "deny"))
    consent: str = field(default="deny", validator=one_of("allow", "deny"))
    cap: str = field(default="apply", validator=one_of("apply", "waive"))


def _known_zone(_: Any, __: Any, value: str) -> None:
    clock(value)


def _optional(value: Iterable[Any] | None) -> tuple[Any, ...] | None:
    return None if value is None else listed(value)


def _list(value: Iterable[Any]) -> tuple[Any, ...]:
    return listed(value)


def _parts(kind: type) -> Any:
    return validators.optional(instances(kind))


@frozen(kw_only=True)
class Playbook:
    """The whole rule set: journey, teams, content, campaigns, caps, conflicts, requirements, quotas, hours, policy.

    Load one with `Playbook.load` or `Playbook.from_dict`, or make one from its parts. A section that is left out
    (None) is not checked against: a playbook without ``campaigns`` takes any campaign id, which makes it a plain
    gatekeeper of caps.

    Attributes:
        version: of the format: 1.
        name: for people.
        timezone: IANA name; for contacts without one, and for windows in the playbook's zone.
        journey: the stages; None for the default ones, unchecked.
        segments: named rules; whoever they are true of is in the segment, beside those that the contact brings itself.
        teams: who claims; None for any.
        content: the messages; None for any.
        campaigns: the intentions; None for any.
        caps: at most so many touches in a window.
        conflicts: what may not follow what.
        requirements: what needs a partner.
        quotas: what holds over all contacts.
        quiet_hours: when nothing goes out.
        send_hours: the only times at which something goes out.
        holidays: local dates on which nothing goes out.
        holdout: the share of contacts that gets nothing that needs consent.
        policy: the name of the policy that weighs the claims.
        reserve: what a message must be worth more than.
        interest_lift: how much more a claim weighs whose topics or solutions meet the contact's interests.
        on_missing: what to do where data is missing.
        on_infeasible: where hard quotas cannot hold together: ``refuse`` the run, or ``relax`` them to soft ones.
        master_limit: for quotas: the most contacts, undecided at the prices, that are settled together; those with
            equal choices count as one.

    Raises:
        PlaybookError: with everything that is wrong.

    Example:
        >>> from journeykit.window import Window
        >>> gatekeeper = Playbook(caps=[Cap(name="two a week", max=2, window=Window.rolling(days=7))])
        >>> gatekeeper.check()
        ()
    """

    version: int = field(default=1, validator=whole(1, 1))
    name: str = field(default="playbook", validator=required_text)
    timezone: str = field(default="UTC", validator=[required_text, _known_zone])
    journey: Journey | None = field(default=None, validator=validators.optional(instance(Journey)))
    segments: tuple[Segment, ...] = field(default=(), converter=_list, validator=_parts(Segment))
    teams: tuple[Team, ...] | None = field(default=None, converter=_optional, validator=_parts(Team))
    content: tuple[Content, ...] | None = field(default=None, converter=_optional, validator=_parts(Content))
    campaigns: tuple[Campaign, ...] | None = field(default=None, converter=_optional, validator=_parts(Campaign))
    caps: tuple[Cap, ...] = field(default=(), converter=_list, validator=_parts(Cap))
    conflicts: tuple[Conflict, ...] = field(default=(), converter=_list, validator=_parts(Conflict))
    requirements: tuple[Requirement, ...] = field(default=(), converter=_list, validator=_parts(Requirement))
    quotas: tuple[Quota, ...] = field(default=(), converter=_list, validator=_parts(Quota))
    quiet_hours: tuple[Hours, ...] = field(default=(), converter=_list, validator=_parts(Hours))
    send_hours: tuple[Hours, ...] = field(default=(), converter=_list, validator=_parts(Hours))
    holidays: tuple[Holiday, ...] = field(default=(), converter=_list, validator=_parts(Holiday))
    holdout: Holdout | None = field(default=None, validator=validators.optional(instance(Holdout)))
    policy: str = field(default="weighted", validator=required_text)
    reserve: float = field(default=0.0, validator=number())
    interest_lift: float = field(default=0.0, validator=number(0))
    on_missing: OnMissing = field(factory=OnMissing, validator=instance(OnMissing))
    on_infeasible: str = field(default="refuse", validator=one_of("refuse", "relax"))
    master_limit: int = field(default=5_000, validator=whole(1, 10_000_000))

    def __attrs_post_init__(self) -> None:
        problems = tuple(find_problems(self))
        if problems:
            raise PlaybookError(problems)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Playbook:
        """Read a playbook from a YAML, TOML or JSON file; its ending says which.

        Raises:
            PlaybookError: with everything that is wrong, each with its path and, where possible, its line.
            MissingExtraError: for a YAML file without the extra ``yaml``.
        """
        from journeykit.files import load

        return load(path)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Playbook:
        """A playbook from plain data, as a file would hold it.

        Raises:
            PlaybookError: with everything that is wrong.

        Example:
            >>> Playbook.from_dict({"caps": [{"name": "daily", "max": 1, "window": {"calendar": "day"}}]}).caps[0].name
            'daily'
        """
        from journeykit.files import from_dict

        return from_dict(data)

    def to_dict(self) -> dict[str, Any]:
        """The playbook as plain data, every default written out; `from_dict` reads it back."""
        from journeykit.files import to_dict

        return to_dict(self)

    @property
    def fingerprint(self) -> str:
        """A sha256 of the canonical form: equal playbooks have equal fingerprints, however they were written."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return sha256(text.encode()).hexdigest()

    def check(self) -> tuple[Problem, ...]:
        """Warnings: what is allowed but probably not meant, such as a cap that can never bind."""
        from journeykit.playbook_checks import find_warnings

        return tuple(find_warnings(self))

    @property
    def schedule(self) -> Schedule:
        """Quiet hours, send hours and holidays together."""
        return Schedule(self.quiet_hours, self.send_hours, self.holidays)

    def segments_of(self, contact: Contact, at: datetime) -> tuple[str, ...]:
        """The segments of a contact at an instant: those that it brings itself, then the playbook's, in their order.

        Args:
            contact: who.
            at: the instant, aware; the rules are asked at it, in the contact's zone.

        Raises:
            ModelError: for a naive ``at``.

        Example:
            >>> from datetime import UTC, datetime
            >>> from journeykit import Contact
            >>> playbook = Playbook(segments=[Segment(name="enterprise", rule="employees >= 500")])
            >>> anna = Contact(id="anna", segments=["vip"], attributes={"employees": 700})
            >>> playbook.segments_of(anna, datetime(2026, 11, 5, 10, tzinfo=UTC))
            ('vip', 'enterprise')
        """
        return tuple(segments_of(self.segments, contact, self._local(contact, at)))

    def segmented(self, contact: Contact, at: datetime) -> Contact:
        """The contact with all its segments, as a decision sees it; the arguments are those of `segments_of`."""
        return segmented(self.segments, contact, self._local(contact, at))

    def segment_report(
        self, contacts: Any, *, at: datetime, zone: str | None = None, max_bad: int | str | None = None
    ) -> SegmentReport:
        """Who is in which of the playbook's segments, who is in none, and which segments overlap.

        Args:
            contacts: `Contact` objects, of which any iterable will do; or a table, as `Arbiter.decide_table` takes it.
            at: the instant, aware; the rules are asked at it, in each contact's zone.
            zone: IANA name of the zone in which instants of a table without an offset are meant; None makes them bad.
            max_bad: how many bad rows of a table are tolerated, as a number or as a share of its rows (``"1%"``); None
                for any number.

        Raises:
            DataError: for a table that cannot be used, or too many bad rows.
            ModelError: for a naive ``at``.

        Example:
            >>> from datetime import UTC, datetime
            >>> from journeykit import Contact
            >>> playbook = Playbook(segments=[Segment(name="enterprise", rule="employees >= 500")])
            >>> people = [Contact(id="anna", attributes={"employees": 700}), Contact(id="ben")]
            >>> report = playbook.segment_report(people, at=datetime(2026, 11, 5, 10, tzinfo=UTC))
            >>> report.none, report.segments[0].contacts, report.segments[0].unknown
            (1, 1, 1)
        """
        from journeykit.segment_report import segment_report

        return segment_report(self, contacts, at=at, zone=zone, max_bad=max_bad)

    def _local(self, contact: Contact, at: datetime) -> datetime:
        return clock(contact.timezone or self.timezone).moment(micros(at))

    def facets(
        self, campaign: Campaign | None, content: Content | None, own: Facets | None = None
    ) -> dict[str, tuple[str, ...]]:
        """What touches and claims of a campaign and content are told apart by; one without a value is left out.

        Args:
            campaign: the campaign, if it is known.
            content: the content, if it is known.
            own: what a claim brings itself, which holds whatever the others have.
        """
        found: dict[str, tuple[str, ...]] = {}
        if campaign is not None:
            name = (own or {}).get("team", (campaign.team,))[0]
            team = next((team for team in self.teams or () if team.name == name), None)
            found["campaign"] = (campaign.id,)
            found["team"] = (name,) if name else ()
            goal = campaign.goal or (team.goal if team else None)
            found["goal"] = (goal,) if goal else ()
        if content is not None:
            found["channel"], found["content"] = (content.channel,), (content.id,)
            found["topic"], found["solution"] = content.topics, content.solutions
            found["theme"] = (content.theme,) if content.theme else ()
        return {name: values for name, values in (found | dict(own or {})).items() if values}


@frozen
class Gaps:
    """What a file holds besides the parts that could be made of it, so that one fault does not cause others.

    Sections are named as in a file: ``campaigns``, ``journey.stages``.

    Attributes:
        places: by section, the place in the file of each part that could be made; a section without gaps is left out.
        taken: by section, the ids or names of the parts that could not be made.
        unsure: the sections in which not even all ids or names can be read.
    """

    places: Mapping[str, Sequence[int]] = field(factory=dict)
    taken: Mapping[str, Sequence[str]] = field(factory=dict)
    unsure: frozenset[str] = frozenset()

    def at(self, section: str, place: int) -> int:
        """Where in the file's section a part stands."""
        return self.places[section][place] if section in self.places else place

    def numbered(self, section: str, parts: Iterable[_T] | None) -> Iterator[tuple[str, _T]]:
        """The parts of a section, each with its path in the file."""
        for place, part in enumerate(parts or ()):
            yield f"{section}[{self.at(section, place)}]", part

    def known(self, section: str, names: Iterable[str] | None) -> dict[str, None] | None:
        """The ids or names of a section that something can refer to, in order; None where any will do."""
        if names is None or section in self.unsure:
            return None
        return dict.fromkeys((*names, *self.taken.get(section, ())))


_NO_GAPS = Gaps()


def draft(parts: Mapping[str, Any]) -> Playbook:
    """A playbook of parts that are right one by one, without the checks of the whole. For `find_problems` only."""
    made = object.__new__(Playbook)
    for own in fields(Playbook):
        default: Any = own.default
        value = parts[own.name] if own.name in parts else getattr(default, "factory", lambda own=own: own.default)()
        object.__setattr__(made, own.name, value)
    return made


def find_problems(playbook: Playbook, gaps: Gaps = _NO_GAPS) -> Iterator[Problem]:
    """The faults that one part of a playbook alone does not show: repeated names, references to nothing."""
    yield from _repeated(playbook, gaps)
    journey = playbook.journey
    teams = gaps.known("teams", None if playbook.teams is None else (team.name for team in playbook.teams))
    contents = gaps.known("content", (content.id for content in playbook.content or ()))
    campaigns = gaps.known(
        "campaigns", None if playbook.campaigns is None else (campaign.id for campaign in playbook.campaigns)
    )
    stages = gaps.known("journey.stages", None if journey is None else (stage.name for stage in journey.stages))
    if journey is not None:
        yield from _journey_problems(journey, stages, gaps)
    for path, content in gaps.numbered("content", playbook.content):
        for stage in content.stages or ():
            yield from _reference(f"{path}.stages.{stage}", "stage", stage, stages)
        for stage in content.advances or ():
            yield from _reference(f"{path}.advances.{stage}", "stage", stage, stages)
    for path, campaign in gaps.numbered("campaigns", playbook.campaigns):
        if campaign.team is not None:
            yield from _reference(f"{path}.team", "team", campaign.team, teams)
        for place, content_id in enumerate(campaign.content):
            yield from _reference(f"{path}.content[{place}]", "content", content_id, contents)
        for place, stage in enumerate(campaign.stages):
            yield from _reference(f"{path}.stages[{place}]", "stage", stage, stages)
        if campaign.dates is not None and not any(_inside(campaign, day) for day in campaign.dates):
            yield Problem(f"{path}.dates", "none of the dates lies between the campaign's start and end")
    yield from _quota_problems(playbook, gaps)
    for path, cap in gaps.numbered("caps", playbook.caps):
        if cap.per == "account" and cap.window.is_local:
            yield Problem(
                f"{path}.window.zone",
                f"{cap.name!r} is per account, and the contacts of an account need not share a time zone: give the "
                "window the zone 'playbook' or an IANA name; only windows of kind rolling or ever need none",
            )
    if not {"campaigns", "content", "teams", "requirements"} & {*gaps.places, *gaps.unsure}:
        for late in find_too_late(playbook):
            if late.is_all:
                yield Problem(f"requirements[{late.number}].with", late.reason())
    known = {"team": teams, "content": None if playbook.content is None else contents, "campaign": campaigns}
    for path, scope in _scopes(playbook, gaps):
        for facet, names in known.items():
            for part, values in ((path, scope.match), (f"{path}.not", scope.exclude)):
                for value in values.get(facet, ()):
                    yield from _reference(f"{part}.{facet}", facet, value, names)


def _inside(campaign: Campaign, day: Any) -> bool:
    return (campaign.starts is None or day >= campaign.starts) and (campaign.ends is None or day <= campaign.ends)


def _repeated(playbook: Playbook, gaps: Gaps) -> Iterator[Problem]:
    sections: dict[str, list[str]] = {
        "journey.stages": [stage.name for stage in (playbook.journey.stages if playbook.journey else ())],
        "segments": [segment.name for segment in playbook.segments],
        "teams": [team.name for team in playbook.teams or ()],
        "content": [content.id for content in playbook.content or ()],
        "campaigns": [campaign.id for campaign in playbook.campaigns or ()],
        "caps": [cap.name for cap in playbook.caps],
        "conflicts": [conflict.name for conflict in playbook.conflicts],
        "requirements": [requirement.name for requirement in playbook.requirements],
        "quotas": [quota.name for quota in playbook.quotas],
    }
    for section, names in sections.items():
        key = "id" if section in ("content", "campaigns") else "name"
        first: dict[str, str] = {}
        for path, name in gaps.numbered(section, names):
            if name in first:
                yield Problem(f"{path}.{key}", f"{name!r} is already taken by {first[name]}")
            first.setdefault(name, path)


def _journey_problems(journey: Journey, stages: dict[str, None] | None, gaps: Gaps) -> Iterator[Problem]:
    if stages is not None and not stages:
        yield Problem("journey.stages", "a journey needs at least one stage")
    for path, way in gaps.numbered("journey.transitions", journey.transitions):
        yield from _reference(f"{path}.from", "stage", way.source, stages)
        yield from _reference(f"{path}.to", "stage", way.to, stages)
    if "journey.transitions" in gaps.places or "journey.stages" in gaps.places:
        return  # what is missing may be the way
    if stages and all({way.source, way.to} <= stages.keys() for way in journey.transitions):
        from journeykit.journey.checks import find_problems as find_journey_problems

        yield from find_journey_problems(journey)


def _quota_problems(playbook: Playbook, gaps: Gaps) -> Iterator[Problem]:
    """Hard bounds of the same messages that no number can keep."""
    most: dict[str, tuple[float, str]] = {}
    for quota in playbook.quotas:
        for side in quota.sides:
            if side.is_max and side.hard:
                known = most.get(repr((quota.of, quota.where, quota.during)))
                if known is None or side.limit < known[0]:
                    most[repr((quota.of, quota.where, quota.during))] = side.limit, quota.name
    for path, quota in gaps.numbered("quotas", playbook.quotas):
        for side in quota.sides:
            known = most.get(repr((quota.of, quota.where, quota.during)))
            if not side.is_max and side.hard and known is not None and side.limit > known[0]:
                yield Problem(f"{path}.min", f"at least {side.limit:g} contradicts {known[1]!r}: at most {known[0]:g}")


def _reference(path: str, kind: str, name: str, known: Mapping[str, None] | None) -> Iterator[Problem]:
    if known is None or name in known:
        return
    some = ", ".join([*known][:8]) + (", ..." if len(known) > 8 else "")
    # Among very many names, the search for the nearest takes too long.
    meant = closest(name, known) if len(known) <= 500 and len(name) <= 100 else None
    yield Problem(path, f"unknown {kind} {name!r}; there is {some or 'none'}", suggestion=meant)


def _scopes(playbook: Playbook, gaps: Gaps = _NO_GAPS) -> Iterator[tuple[str, Scope]]:
    for path, cap in gaps.numbered("caps", playbook.caps):
        yield f"{path}.where", cap.where
    for path, conflict in gaps.numbered("conflicts", playbook.conflicts):
        yield f"{path}.first", conflict.first
        yield f"{path}.then", conflict.then
    for path, requirement in gaps.numbered("requirements", playbook.requirements):
        yield f"{path}.claim", requirement.claim
        yield f"{path}.with", requirement.partner
    for path, quota in gaps.numbered("quotas", playbook.quotas):
        yield f"{path}.where", quota.where
