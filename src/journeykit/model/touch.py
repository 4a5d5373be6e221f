"""Touches: what a contact got, will surely get, or holds a reservation for."""

from __future__ import annotations

from datetime import date, datetime

from attrs import field, frozen, validators

from journeykit.basics.clock import micros
from journeykit.basics.validation import boolean, calendar_date, names, one_of, optional_text, shown
from journeykit.errors import ModelError

IGNORED = "ignored"
"""The event that is no row of a table: a sent touch to which no response came in time."""
COUNTING = ("sent", "reserved", "planned")
"""The statuses that count against caps, conflicts and repeats."""
STATUSES = (*COUNTING, "failed", "bounced", "released", "expired")
FACTS = ("channel", "team", "goal", "topics", "solutions", "theme", "tags", "campaign_ends")
"""What a touch can be known not to have (`Touch.without`)."""
_FACET_OF = {
    "channel": "channel",
    "team": "team",
    "goal": "goal",
    "topics": "topic",
    "solutions": "solution",
    "theme": "theme",
    "tags": "tag",
}


def _check_without(_: object, __: object, value: tuple[str, ...]) -> None:
    for name in value:
        if name not in FACTS:
            raise ModelError(f"without names some of {', '.join(FACTS)}, found {shown(name)}", field="without")


def _status(value: object) -> object:
    # Send logs write it in any case.
    return value.strip().lower() if isinstance(value, str) else value


@frozen(kw_only=True)
class Touch:
    """One message of a contact's history.

    What is given here holds, whatever the playbook says today; what is not given comes from the playbook, one by one,
    by campaign and content. `without` says what the message is known not to have had.

    Attributes:
        at: the instant, aware; in the future for what is planned or reserved.
        channel: how it went.
        campaign: the campaign's id.
        content: the content's id.
        team: the team's name.
        goal: the goal it served.
        topics: what it was about.
        solutions: the solutions that it named.
        theme: its theme.
        tags: words of your own.
        campaign_ends: the campaign's last local date, for caps with the window ``running``.
        counts_toward_caps: whether it counts in caps; None asks the playbook.
        without: names of the above that it is known not to have had; the playbook does not fill these in.
        status: ``sent``, ``reserved`` or ``planned`` count; ``failed``, ``bounced``, ``released`` and
            ``expired`` do not. A ``planned`` touch before the decision's instant did not happen and does not count
            either.
        claim: the id of the claim that it came from, where that had one; `repeat` counts each id apart.
        contact: whose it is, where the touches of several are given together.
        account: the account of that contact.

    Raises:
        ModelError: for a naive instant, an unknown status, or a value of what it is said to be without.

    Example:
        >>> from datetime import UTC
        >>> Touch(at=datetime(2026, 11, 2, 9, tzinfo=UTC), channel="email").status
        'sent'
    """

    at: datetime
    channel: str | None = field(default=None, validator=optional_text)
    campaign: str | None = field(default=None, validator=optional_text)
    content: str | None = field(default=None, validator=optional_text)
    team: str | None = field(default=None, validator=optional_text)
    goal: str | None = field(default=None, validator=optional_text)
    topics: tuple[str, ...] = field(default=(), converter=names)
    solutions: tuple[str, ...] = field(default=(), converter=names)
    theme: str | None = field(default=None, validator=optional_text)
    tags: tuple[str, ...] = field(default=(), converter=names)
    campaign_ends: date | None = field(default=None, validator=validators.optional(calendar_date))
    counts_toward_caps: bool | None = field(default=None, validator=validators.optional(boolean))
    without: tuple[str, ...] = field(default=(), converter=names, validator=_check_without)
    status: str = field(default="sent", converter=_status, validator=one_of(*STATUSES))
    claim: str | None = field(default=None, validator=optional_text)
    contact: str | None = None
    account: str | None = None
    micros: int = field(init=False, repr=False, eq=False)

    @micros.default
    def _at_micros(self) -> int:
        return micros(self.at)

    def __attrs_post_init__(self) -> None:
        for name in self.without:
            if getattr(self, name):
                raise ModelError(f"{name} is {shown(getattr(self, name))}, and without names it too", field="without")

    @property
    def facts(self) -> tuple[object, ...]:
        """All that decides in which caps, conflicts and requirements it counts, but for whose it is and when."""
        return (
            self.channel,
            self.campaign,
            self.content,
            self.team,
            self.goal,
            self.topics,
            self.solutions,
            self.theme,
            self.tags,
            self.campaign_ends,
            self.counts_toward_caps,
            self.without,
        )

    def own_facets(self) -> dict[str, tuple[str, ...]]:
        """The facets that it brings itself; an empty one is known to be none, and one left out is not known.

        Example:
            >>> from datetime import UTC
            >>> touch = Touch(at=datetime(2026, 11, 2, 9, tzinfo=UTC), channel="email", topics="promo", without="team")
            >>> touch.own_facets()
            {'channel': ('email',), 'topic': ('promo',), 'team': ()}
        """
        found = {
            "channel": () if self.channel is None else (self.channel,),
            "campaign": () if self.campaign is None else (self.campaign,),
            "content": () if self.content is None else (self.content,),
            "team": () if self.team is None else (self.team,),
            "goal": () if self.goal is None else (self.goal,),
            "topic": self.topics,
            "solution": self.solutions,
            "theme": () if self.theme is None else (self.theme,),
            "tag": self.tags,
        }
        own = {name: values for name, values in found.items() if values}
        return own | {_FACET_OF[name]: () for name in self.without if name in _FACET_OF}

    def counts_at(self, now: int) -> bool:
        """Whether it counts in a decision made at an instant (microseconds)."""
        return self.status in ("sent", "reserved") or (self.status == "planned" and self.micros >= now)
