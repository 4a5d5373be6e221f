"""The problems of a whole playbook: repeated names, references to nothing, bounds that contradict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import field, fields, frozen

from journeykit.errors import KeyPath, Problem, closest, path_text
from journeykit.playbook.keys import key_of
from journeykit.playbook.partners import find_too_late
from journeykit.playbook.rule_bindings import circle_of, order_of_stages, rules_in, used_by

if TYPE_CHECKING:
    from journeykit.journey import Journey
    from journeykit.model.campaign import Campaign
    from journeykit.model.cap import Scope
    from journeykit.model.quiet_hours import Holiday, Hours
    from journeykit.playbook.sections import Sections
    from journeykit.rule import Rule

_T = TypeVar("_T")


@frozen
class UnreadParts:
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
        """The position of a part in the file's section."""
        return self.places[section][place] if section in self.places else place

    def numbered(self, section: str, parts: Iterable[_T] | None) -> Iterator[tuple[KeyPath, _T]]:
        """The parts of a section, each with its path in the file."""
        for place, part in enumerate(parts or ()):
            yield (*section.split("."), self.at(section, place)), part

    def known(self, section: str, names: Iterable[str] | None) -> dict[str, None] | None:
        """The ids or names of a section that something can refer to, in order; None where any will do."""
        if names is None or section in self.unsure:
            return None
        return dict.fromkeys((*names, *self.taken.get(section, ())))


_ALL_READ = UnreadParts()


def find_problems(playbook: Sections, unread: UnreadParts = _ALL_READ) -> Iterator[Problem]:
    """The faults that one part of a playbook alone does not show: repeated names, references to nothing."""
    yield from _repeated(playbook, unread)
    journey = playbook.journey
    teams = unread.known("teams", None if playbook.teams is None else (team.name for team in playbook.teams))
    contents = unread.known("content", (content.id for content in playbook.content or ()))
    campaigns = unread.known(
        "campaigns", None if playbook.campaigns is None else (campaign.id for campaign in playbook.campaigns)
    )
    stages = unread.known("journey.stages", None if journey is None else (stage.name for stage in journey.stages))
    if journey is not None:
        yield from _journey_problems(journey, stages, unread)
    yield from _stage_problems(playbook, unread)
    yield from _segment_problems(playbook, unread)
    for path, content in unread.numbered("content", playbook.content):
        for stage in content.stages or ():
            yield from _reference((*path, "stages", stage), "stage", stage, stages)
        for stage in content.advances or ():
            yield from _reference((*path, "advances", stage), "stage", stage, stages)
    for path, campaign in unread.numbered("campaigns", playbook.campaigns):
        if campaign.team is not None:
            yield from _reference((*path, "team"), "team", campaign.team, teams)
        for place, content_id in enumerate(campaign.content):
            yield from _reference((*path, "content", place), "content", content_id, contents)
        for place, stage in enumerate(campaign.stages):
            yield from _reference((*path, "stages", place), "stage", stage, stages)
        if isinstance(campaign.dates, tuple) and not any(_inside(campaign, day) for day in campaign.dates):
            yield Problem.at((*path, "dates"), "none of the dates lies between the campaign's start and end")
    yield from _quota_problems(playbook, unread)
    yield from _cost_problems(playbook, unread)
    yield from _experiment_problems(playbook, unread)
    for path, cap in unread.numbered("caps", playbook.caps):
        if cap.per == "account" and cap.window.is_local:
            yield Problem.at(
                (*path, "window", "zone"),
                f"{cap.name!r} is per account, and the contacts of an account need not share a time zone: give the "
                "window the zone 'playbook' or an IANA name; only windows of kind rolling or ever need none",
            )
    if not {"campaigns", "content", "teams", "requirements"} & {*unread.places, *unread.unsure}:
        for late in find_too_late(playbook):
            if late.is_all:
                yield Problem.at(("requirements", late.number, "with"), late.reason())
    if playbook.guards:
        yield from _guard_problems(playbook, unread)
    known = {"team": teams, "content": None if playbook.content is None else contents, "campaign": campaigns}
    for path, scope in scopes_of(playbook, unread):
        for facet, names in known.items():
            for part, values in ((path, scope.match), ((*path, "not"), scope.exclude)):
                for value in values.get(facet, ()):
                    yield from _reference((*part, facet), facet, value, names)


def _guard_problems(playbook: Sections, unread: UnreadParts) -> Iterator[Problem]:
    """Guards of responses that there are not."""
    from journeykit.model.response import WELL_KNOWN

    responses = unread.known("responses", (own.name for own in (*playbook.responses, *WELL_KNOWN)))
    for path, guard in unread.numbered("guards", playbook.guards):
        yield from _reference((*path, "response"), "response", guard.response, responses)


def _inside(campaign: Campaign, day: Any) -> bool:
    return (campaign.starts is None or day >= campaign.starts) and (campaign.ends is None or day <= campaign.ends)


def _repeated(playbook: Sections, unread: UnreadParts) -> Iterator[Problem]:
    sections: dict[str, list[str]] = {
        "journey.stages": [stage.name for stage in (playbook.journey.stages if playbook.journey else ())],
        "segments": [segment.name for segment in playbook.segments],
        "teams": [team.name for team in playbook.teams or ()],
        "channels": [channel.name for channel in playbook.channels],
        "content": [content.id for content in playbook.content or ()],
        "campaigns": [campaign.id for campaign in playbook.campaigns or ()],
        "caps": [cap.name for cap in playbook.caps],
        "rests": [rest.name for rest in playbook.rests],
        "conflicts": [conflict.name for conflict in playbook.conflicts],
        "requirements": [requirement.name for requirement in playbook.requirements],
        "quotas": [quota.name for quota in playbook.quotas],
        "levers": [lever.name for lever in playbook.levers],
        "responses": [response.name for response in playbook.responses],
        "experiments": [experiment.name for experiment in playbook.experiments],
        "guards": [guard.name for guard in playbook.guards],
    }
    for section, names in sections.items():
        key = "id" if section in ("content", "campaigns") else "name"
        first: dict[str, KeyPath] = {}
        for path, name in unread.numbered(section, names):
            if name in first:
                yield Problem.at((*path, key), f"{name!r} is already taken by {path_text(first[name])}")
            first.setdefault(name, path)


def _journey_problems(journey: Journey, stages: dict[str, None] | None, unread: UnreadParts) -> Iterator[Problem]:
    if stages is not None and not stages:
        yield Problem.at(("journey", "stages"), "a journey needs at least one stage")
    for path, way in unread.numbered("journey.transitions", journey.transitions):
        for place, source in enumerate(way.leaves(stages or ())):
            steps = (*path, "from") if isinstance(way.source, str) else (*path, "from", place)
            yield from _reference(steps, "stage", source, stages)
        yield from _reference((*path, "to"), "stage", way.to, stages)
    if "journey.transitions" in unread.places or "journey.stages" in unread.places:
        return  # what is missing may be the way
    if stages and all({*way.leaves(stages), way.to} <= stages.keys() for way in journey.transitions):
        from journeykit.journey.checks import find_problems as find_journey_problems

        yield from find_journey_problems(journey)


def _stage_problems(playbook: Sections, unread: UnreadParts) -> Iterator[Problem]:
    """Stages that rules ask for, and that have no place in the order."""
    if "journey.stages" in unread.unsure:
        return
    order = order_of_stages(playbook)
    known = (*order.names, *unread.taken.get("journey.stages", ()))
    for path, rule in _rules_with_steps(playbook, unread):
        for node in rule.stages_asked:
            if node.least in order.lost:
                message = f"{node.text}: {node.least!r} is marked lost, and has no place in the order of stages"
                yield Problem.at(path, message)
            elif node.least not in known:
                where = "there is" if playbook.journey is not None else "without a journey there is"
                some = ", ".join(order.ordered) or "none"
                message = f"{node.text}: unknown stage {node.least!r}; {where} {some}"
                yield Problem.at(path, message, closest(node.least, order.ordered))


def _segment_problems(playbook: Sections, unread: UnreadParts) -> Iterator[Problem]:
    """Segments that are built on each other in a circle, each circle once."""
    used, told = used_by(playbook.segments), set[str]()
    for path, segment in unread.numbered("segments", playbook.segments):
        circle = None if segment.name in told else circle_of(segment.name, used)
        if circle is not None:
            told.update(circle)
            way = " asks for ".join(map(repr, circle))
            yield Problem.at((*path, "rule"), f"segments cannot be built on each other in a circle: {way}")


def _rules_with_steps(playbook: Sections, unread: UnreadParts) -> Iterator[tuple[KeyPath, Rule]]:
    """Every rule of a playbook but those of its journey, with the steps that lead to it in a file."""
    for own in fields(type(playbook)):
        value = getattr(playbook, own.name)
        if own.name == "journey" or not own.init:
            continue
        if isinstance(value, tuple):
            for path, part in unread.numbered(key_of(own), value):
                yield from rules_in(part, path)
        else:
            yield from rules_in(value, (key_of(own),))


def _cost_problems(playbook: Sections, unread: UnreadParts) -> Iterator[Problem]:
    """A cost of opt-outs that nobody can know."""
    if playbook.opt_out_cost != "stage_value" or "journey.stages" in unread.places or "journey.stages" in unread.unsure:
        return
    if playbook.journey is None or not playbook.journey.values:
        yield Problem.at(
            ("opt_out_cost",),
            "an opt-out costs the value of the contact's stage, and no stage has a value: give stages of the journey a "
            "value, or a number here",
        )


def _quota_problems(playbook: Sections, unread: UnreadParts) -> Iterator[Problem]:
    """Hard bounds of the same messages that no number can keep."""
    most: dict[str, tuple[float, str]] = {}
    for quota in playbook.quotas:
        for side in quota.sides:
            if side.is_max and side.hard:
                known = most.get(repr((quota.of, quota.where, quota.during, quota.window)))
                if known is None or side.limit < known[0]:
                    most[repr((quota.of, quota.where, quota.during, quota.window))] = side.limit, quota.name
    for path, quota in unread.numbered("quotas", playbook.quotas):
        for side in quota.sides:
            known = most.get(repr((quota.of, quota.where, quota.during, quota.window)))
            if not side.is_max and side.hard and known is not None and side.limit > known[0]:
                yield Problem.at(
                    (*path, "min"), f"at least {side.limit:g} contradicts {known[1]!r}: at most {known[0]:g}"
                )


def _experiment_problems(playbook: Sections, unread: UnreadParts) -> Iterator[Problem]:
    """What arms change, and the playbook does not have; and experiments that get into each other's way."""
    if not playbook.experiments:
        return
    from journeykit.playbook.experiment_checks import find_experiment_problems, named_in_arms

    known = {
        section: unread.known(section, (own.name for own in getattr(playbook, section)))
        for section in ("caps", "levers")
    }
    for path, kind, name in named_in_arms(unread.numbered("experiments", playbook.experiments)):
        yield from _reference(path, kind, name, known[f"{kind}s"])
    yield from find_experiment_problems(playbook, unread.numbered("experiments", playbook.experiments))


def _reference(path: KeyPath, kind: str, name: str, known: Mapping[str, None] | None) -> Iterator[Problem]:
    if known is None or name in known:
        return
    some = ", ".join([*known][:8]) + (", ..." if len(known) > 8 else "")
    # Among very many names, the search for the nearest takes too long.
    meant = closest(name, known) if len(known) <= 500 and len(name) <= 100 else None
    yield Problem.at(path, f"unknown {kind} {name!r}; there is {some or 'none'}", meant)


def scopes_of(playbook: Sections, unread: UnreadParts = _ALL_READ) -> Iterator[tuple[KeyPath, Scope]]:
    """Every scope of a playbook, with its path."""
    for path, cap in unread.numbered("caps", playbook.caps):
        yield (*path, "where"), cap.where
    for path, conflict in unread.numbered("conflicts", playbook.conflicts):
        yield (*path, "first"), conflict.first
        yield (*path, "then"), conflict.then
    for path, requirement in unread.numbered("requirements", playbook.requirements):
        yield (*path, "claim"), requirement.claim
        yield (*path, "with"), requirement.partner
    for path, quota in unread.numbered("quotas", playbook.quotas):
        yield (*path, "where"), quota.where
    for path, lever in unread.numbered("levers", playbook.levers):
        yield (*path, "where"), lever.where
    for path, response in unread.numbered("responses", playbook.responses):
        yield (*path, "where"), response.where
    for path, guard in unread.numbered("guards", playbook.guards):
        yield (*path, "where"), guard.where
    for path, rest in unread.numbered("rests", playbook.rests):
        yield (*path, "where"), rest.where
    for section in ("quiet_hours", "send_hours", "holidays"):
        parts: Iterable[Hours | Holiday] = getattr(playbook, section)
        for path, own in unread.numbered(section, parts):
            yield (*path, "where"), own.where
