"""What `weigh_columns` and `rank_columns` of a policy see: many claims at once, and the history of their contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    import numpy as np

    Same = Literal["campaign", "content", "channel", "team", "goal"]
    """What a claim and a touch may have in common."""


class MessageColumns(Protocol):
    """What claims and touches have alike, as columns: all arrays have one place for each.

    Names are arrays of Python's texts, with None where there is none.
    """

    @property
    def contact(self) -> np.ndarray:
        """The number of the contact, from 0 on: the same for claims and touches."""
        ...

    @property
    def campaign(self) -> np.ndarray:
        """The ids of the campaigns."""
        ...

    @property
    def content(self) -> np.ndarray:
        """The ids of the contents."""
        ...

    @property
    def channel(self) -> np.ndarray:
        """The channels."""
        ...

    @property
    def team(self) -> np.ndarray:
        """The names of the teams."""
        ...

    @property
    def goal(self) -> np.ndarray:
        """The goals: the campaign's own, else the team's."""
        ...

    def __len__(self) -> int:
        """How many there are."""
        ...


class TouchColumns(MessageColumns, Protocol):
    """The touches that count at the instant of the decision, of the contacts whose claims are weighed.

    They are those of `Context.touches`, and all arrays have one place for each, contact by contact, oldest first.
    Names are arrays of Python's texts, with None where a touch has none.
    """

    @property
    def at(self) -> np.ndarray:
        """The instants, int64 microseconds since 1970."""
        ...

    @property
    def age(self) -> np.ndarray:
        """How long ago each was, as ``timedelta64[us]``, comparable with ``timedelta``; negative for the future."""
        ...

    def count(self, chosen: np.ndarray | None = None, *, same: Same | None = None) -> np.ndarray:
        """By claim, how many touches its contact has, as int64.

        Args:
            chosen: which touches are counted, one truth value for each; None for all.
            same: count those alone that have this in common with the claim, such as its team.
        """
        ...


class ClaimColumns(MessageColumns, Protocol):
    """Claims that are to be weighed, as columns: all arrays have one place for each claim.

    Names are arrays of Python's texts, with None where there is none. ``columns["nps"]`` is an attribute of the
    contacts: numbers as float64 with NaN for missing ones, else Python's values with None; NaN where no contact has it.

    Example:
        >>> from journeykit.policies import ClaimColumns, Weighted
        >>> class Quiet(Weighted):
        ...     def weigh(self, claim, contact, context):
        ...         return super().weigh(claim, contact, context) / (1 + len(context.touches))
        ...
        ...     def weigh_columns(self, columns: ClaimColumns):
        ...         return columns.product / (1 + columns.touches.count())
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Playbook
        >>> note = {"id": "note", "channel": "email"}
        >>> playbook = Playbook.from_dict({
        ...     "policy": "quiet", "content": [note], "campaigns": [{"id": "news", "content": ["note"], "repeat": None}]
        ... })
        >>> sent = [{"contact_id": "anna", "sent_at": "2026-11-02T09:00Z", "channel": "email", "campaign_id": "news"}]
        >>> decisions = Arbiter(playbook, {"quiet": Quiet()}).decide_table(
        ...     [{"contact_id": "anna", "consent": "email"}], sent, at=datetime(2026, 11, 5, 10, tzinfo=UTC)
        ... )
        >>> decisions["weight"].to_pylist()
        [0.5]
    """

    @property
    def at(self) -> datetime:
        """The instant of the decision, in UTC."""
        ...

    @property
    def campaigns(self) -> tuple[str, ...]:
        """The ids of all campaigns."""
        ...

    @property
    def campaign_number(self) -> np.ndarray:
        """The number of each claim's campaign among `campaigns`."""
        ...

    @property
    def stage(self) -> np.ndarray:
        """The contacts' stages."""
        ...

    @property
    def role(self) -> np.ndarray:
        """The contacts' roles."""
        ...

    @property
    def touches(self) -> TouchColumns:
        """The contacts' history at the instant of the decision."""
        ...

    @property
    def base(self) -> np.ndarray:
        """Campaign weight x content weight x team lever x levers x patience x stage fit x role fit, in this order."""
        ...

    @property
    def stage_fit(self) -> np.ndarray:
        """Degree to which the content fits the contact's stage."""
        ...

    @property
    def role_fit(self) -> np.ndarray:
        """Degree to which it fits the contact's role."""
        ...

    @property
    def patience(self) -> np.ndarray:
        """The factor of the campaign's patience; 1 where it has none."""
        ...

    @property
    def preference(self) -> np.ndarray:
        """The contact's own preference for the channel; 1 where they have none."""
        ...

    @property
    def interest(self) -> np.ndarray:
        """1, or 1 + the playbook's ``interest_lift``."""
        ...

    @property
    def propensity(self) -> np.ndarray:
        """The chance of a response; NaN where none is given."""
        ...

    @property
    def value(self) -> np.ndarray:
        """What a response is worth; NaN where none is given."""
        ...

    @property
    def spread(self) -> np.ndarray:
        """How uncertain the propensity is, a standard deviation; NaN where that is not given."""
        ...

    @property
    def opt_out(self) -> np.ndarray:
        """The chance that the contact opts out because of the message; NaN where none is given."""
        ...

    @property
    def uplift(self) -> np.ndarray:
        """By how much the message changes the chance of a response; NaN where that is not given."""
        ...

    @property
    def gain(self) -> np.ndarray:
        """What the content is expected to bring in stage value; NaN where that is not known."""
        ...

    @property
    def product(self) -> np.ndarray:
        """What the policy `weighted` makes of all these."""
        ...

    @property
    def priority(self) -> np.ndarray:
        """The campaigns' priorities."""
        ...

    @property
    def asked_at(self) -> np.ndarray:
        """The instant of asking, int64 microseconds since 1970; the start of its campaign where the claim has none."""
        ...

    def __getitem__(self, attribute: str, /) -> np.ndarray[Any, Any]:
        """An attribute of the claims' contacts."""
        ...
