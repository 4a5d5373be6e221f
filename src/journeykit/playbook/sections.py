"""The sections of a playbook, each with its defaults; whether they fit together is checked elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from attrs import Factory, field, fields, frozen, validators

from journeykit.basics.clock import clock
from journeykit.basics.lazy import lazy_names
from journeykit.basics.validation import instance, instances, listed, number, one_of, required_text, whole
from journeykit.errors import Problem
from journeykit.journey import Journey
from journeykit.model.campaign import Campaign, Team
from journeykit.model.cap import Cap, Conflict, Facets, Requirement
from journeykit.model.content import Content
from journeykit.model.holdout import Holdout
from journeykit.model.quiet_hours import Holiday, Hours, Schedule
from journeykit.model.quota import Quota
from journeykit.model.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from attrs import Attribute

    from journeykit.model.experiment import Experiment  # noqa: TC004  (loaded where it is needed)
    from journeykit.model.exploration import Exploration  # noqa: TC004  (loaded where it is needed)
    from journeykit.model.guard import Guard  # noqa: TC004  (loaded where it is needed)
    from journeykit.model.lever import Lever  # noqa: TC004  (loaded where it is needed)
    from journeykit.model.response import Response  # noqa: TC004  (loaded where it is needed)
    from journeykit.model.rest import Rest  # noqa: TC004  (loaded where it is needed)
    from journeykit.model.send_at import Channel  # noqa: TC004  (loaded where it is needed)

# What few playbooks have is loaded by those that have it, and to read a file.
_SELDOM = {
    "Channel": "model.send_at",
    "Experiment": "model.experiment",
    "Exploration": "model.exploration",
    "Guard": "model.guard",
    "Lever": "model.lever",
    "Response": "model.response",
    "Rest": "model.rest",
}
load_part, part_names = __getattr__, __dir__ = lazy_names(__name__, _SELDOM)


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
    cap: str = field(default="apply", validator=one_of("apply", "waive"), metadata={"later": True})


def _known_zone(_: Any, __: Any, value: str) -> None:
    clock(value)


def _cost(sections: Any, attribute: Attribute[Any], value: object) -> None:
    if value != "stage_value" or not isinstance(value, str):
        number(0)(sections, attribute, value)


def _optional(value: Iterable[Any] | None) -> tuple[Any, ...] | None:
    return None if value is None else listed(value)


def _list(value: Iterable[Any]) -> tuple[Any, ...]:
    return listed(value)


def _parts(kind: type) -> Any:
    return validators.optional(instances(kind))


def _seldom(name: str) -> Any:
    """The same for a class that is loaded once a part is given."""

    def check(sections: Any, attribute: Attribute[Any], value: tuple[Any, ...]) -> None:
        if value:
            _parts(load_part(name))(sections, attribute, value)

    return check


def _seldom_one(name: str) -> Any:
    """The same for one part, or None."""

    def check(sections: Any, attribute: Attribute[Any], value: Any) -> None:
        if value is not None:
            instance(load_part(name))(sections, attribute, value)

    return check


POLICIES = ("weighted", "ranked", "first_come")
"""The policies that a playbook can name without more."""


@frozen(kw_only=True)
class Sections:
    """What a playbook holds, section by section. `Playbook` says what each means, and checks the whole.

    ``noted`` are warnings of the file that was read, which its parts do not show.
    """

    version: int = field(default=1, validator=whole(1, 1))
    name: str = field(default="playbook", validator=required_text)
    timezone: str = field(default="UTC", validator=[required_text, _known_zone])
    journey: Journey | None = field(
        default=None, validator=validators.optional(instance(Journey)), metadata={"left_out": True}
    )
    segments: tuple[Segment, ...] = field(
        default=(), converter=_list, validator=_parts(Segment), metadata={"later": True}
    )
    teams: tuple[Team, ...] | None = field(
        default=None, converter=_optional, validator=_parts(Team), metadata={"left_out": True}
    )
    channels: tuple[Channel, ...] = field(
        default=(), converter=_list, validator=_seldom("Channel"), metadata={"later": True}
    )
    content: tuple[Content, ...] | None = field(
        default=None, converter=_optional, validator=_parts(Content), metadata={"left_out": True}
    )
    campaigns: tuple[Campaign, ...] | None = field(
        default=None, converter=_optional, validator=_parts(Campaign), metadata={"left_out": True}
    )
    caps: tuple[Cap, ...] = field(default=(), converter=_list, validator=_parts(Cap))
    rests: tuple[Rest, ...] = field(default=(), converter=_list, validator=_seldom("Rest"), metadata={"later": True})
    conflicts: tuple[Conflict, ...] = field(default=(), converter=_list, validator=_parts(Conflict))
    requirements: tuple[Requirement, ...] = field(default=(), converter=_list, validator=_parts(Requirement))
    quotas: tuple[Quota, ...] = field(default=(), converter=_list, validator=_parts(Quota))
    quiet_hours: tuple[Hours, ...] = field(default=(), converter=_list, validator=_parts(Hours))
    send_hours: tuple[Hours, ...] = field(default=(), converter=_list, validator=_parts(Hours))
    holidays: tuple[Holiday, ...] = field(default=(), converter=_list, validator=_parts(Holiday))
    holdout: Holdout | None = field(default=None, validator=validators.optional(instance(Holdout)))
    levers: tuple[Lever, ...] = field(default=(), converter=_list, validator=_seldom("Lever"), metadata={"later": True})
    responses: tuple[Response, ...] = field(
        default=(), converter=_list, validator=_seldom("Response"), metadata={"later": True}
    )
    experiments: tuple[Experiment, ...] = field(
        default=(), converter=_list, validator=_seldom("Experiment"), metadata={"later": True}
    )
    guards: tuple[Guard, ...] = field(default=(), converter=_list, validator=_seldom("Guard"), metadata={"later": True})
    explore: Exploration | None = field(default=None, validator=_seldom_one("Exploration"), metadata={"later": True})
    policy: str = field(default="weighted", validator=required_text)
    reserve: float = field(default=0.0, validator=number())
    interest_lift: float = field(default=0.0, validator=number(0))
    opt_out_cost: float | Literal["stage_value"] | None = field(
        default=None, validator=validators.optional(_cost), metadata={"later": True}
    )
    on_missing: OnMissing = field(factory=OnMissing, validator=instance(OnMissing))
    on_infeasible: str = field(default="refuse", validator=one_of("refuse", "relax"))
    master_limit: int = field(default=5_000, validator=whole(1, 10_000_000))
    noted: tuple[Problem, ...] = field(default=(), init=False, eq=False, repr=False)

    @classmethod
    def unchecked(cls, parts: Mapping[str, Any]) -> Self:
        """The sections from parts that are right one by one, others by default; nothing is checked again.

        Args:
            parts: by the name of the field.
        """
        made = object.__new__(cls)
        for own in fields(cls):
            default = own.default.factory() if isinstance(own.default, Factory) else own.default  # type: ignore[arg-type]
            object.__setattr__(made, own.name, parts.get(own.name, default))
        return made

    @property
    def schedule(self) -> Schedule:
        """Quiet hours, send hours and holidays together."""
        return Schedule(self.quiet_hours, self.send_hours, self.holidays)

    @property
    def rests_by_event(self) -> tuple[Rest, ...]:
        """The rests; where one names a response of the playbook, it names the response's event."""
        if not self.rests:
            return ()
        from journeykit.model.response import rests_by_event

        return rests_by_event(self.rests, self.responses)

    def facets(
        self, campaign: Campaign | None, content: Content | None, own: Facets | None = None
    ) -> dict[str, tuple[str, ...]]:
        """What touches and claims of a campaign and content are told apart by; one without a value is left out.

        Args:
            campaign: the campaign, if it is known.
            content: the content, if it is known.
            own: what a claim, or a message that was decided, brings itself, which holds whatever the others have; an
                empty one is known to be none.
        """
        found: dict[str, tuple[str, ...]] = {}
        if campaign is not None:
            name = next(iter((own or {}).get("team", (campaign.team,))), None)
            team = next((team for team in self.teams or () if team.name == name), None)
            found["campaign"] = (campaign.id,)
            found["team"] = (name,) if name else ()
            goal = campaign.goal or (team.goal if team else None)
            found["goal"] = (goal,) if goal else ()
        if content is not None:
            found["channel"], found["content"] = (content.channel,), (content.id,)
            found["topic"], found["solution"] = content.topics, content.solutions
            found["theme"] = (content.theme,) if content.theme else ()
        tags = (*(campaign.tags if campaign else ()), *(content.tags if content else ()))
        found["tag"] = tuple(dict.fromkeys(tags))
        return {name: values for name, values in (found | dict(own or {})).items() if values}
