"""What a policy is: it gives every eligible claim its weight.

A policy is any object with ``weigh(claim, contact, context) -> float``. It may also have
``rank(claim, contact, context) -> int``: smaller ranks are decided first, within the campaign's tier. Policies
weigh, and nothing else: consent, fit, caps, conflicts and requirements are the engine's, whatever a policy says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from attrs import frozen

if TYPE_CHECKING:
    from datetime import datetime

    from journeykit.model.campaign import Campaign, Team
    from journeykit.model.claim import Claim
    from journeykit.model.contact import Contact
    from journeykit.model.content import Content
    from journeykit.model.touch import Touch
    from journeykit.playbook.playbook import Playbook


_DEEPEST = 4
"""So deep are the attributes of a policy looked into."""


class Context:
    """What a policy may look at besides the claim and the contact.

    Attributes:
        at: the instant of the decision, aware.
        playbook: the whole rule set.
        campaign: the claim's campaign.
        content: the claim's content; None where the playbook does not know it.
        team: the campaign's team; None where the playbook does not know it.
        base: campaign weight x content weight x team lever x levers x patience x stage fit x role fit, in this order.
        stage_fit: degree to which the content fits the contact's stage, from 0 to 1.
        role_fit: degree to which it fits the contact's role, from 0 to 1.
        preference: the contact's own preference for the channel, from 0 to 1; 1 where they have none.
        interest: 1, or 1 + the playbook's ``interest_lift`` where topics or solutions meet the contact's interests.
        gain: what the content is expected to bring by moving the contact to other stages, in stage value; None where it
            does not say that it does, or where the values are not known.
        own: the factors that few claims have; None where this one has none of them.
    """

    __slots__ = (
        "_touches",
        "at",
        "base",
        "campaign",
        "content",
        "gain",
        "interest",
        "own",
        "playbook",
        "preference",
        "role_fit",
        "stage_fit",
        "team",
    )

    def __init__(
        self,
        at: datetime,
        playbook: Playbook,
        campaign: Campaign,
        content: Content | None,
        team: Team | None,
        base: float,
        stage_fit: float,
        role_fit: float,
        preference: float,
        interest: float,
        gain: float | None = None,
        own: OwnFactors | None = None,
        touches: Callable[[], tuple[Touch, ...]] = tuple,
    ) -> None:
        self.at = at
        self.playbook = playbook
        self.campaign = campaign
        self.content = content
        self.team = team
        self.base = base
        self.stage_fit = stage_fit
        self.role_fit = role_fit
        self.preference = preference
        self.interest = interest
        self.gain = gain
        self.own = own
        self._touches = touches

    @property
    def weight(self) -> float:
        """The campaign's weight; where that is an expression, what it comes to for the contact and the claim."""
        return self.campaign.weight if self.own is None else self.own.weight  # type: ignore[return-value]

    @property
    def levers(self) -> Mapping[str, float]:
        """The factors of the playbook's levers that are applied, by name."""
        return {} if self.own is None else self.own.levers

    @property
    def patience(self) -> float:
        """The factor of the campaign's patience; 1 where it has none, or where the contact got it not long ago."""
        return 1.0 if self.own is None else self.own.patience

    @property
    def touches(self) -> tuple[Touch, ...]:
        """The contact's history at the instant of the decision: the touches that count, oldest first.

        Each is in the playbook's words, with the team, goal, topics and the like that the playbook knows. Those in the
        future are planned or reserved. What this decision grants is not among them, so that weights do not depend on
        the choice.
        """
        return self._touches()

    def factors(self, claim: Claim) -> dict[str, float]:
        """The factors of the policy `weighted`, in the order in which they are multiplied."""
        own = self.own
        found = {"campaign": self.weight}
        if self.content is not None and self.content.weight != 1:
            found["content"] = self.content.weight
        found["lever"] = self.team.lever if self.team else 1.0
        if own is not None:
            found |= {f"lever {name}": factor for name, factor in own.levers.items()}
            if own.patience != 1 and own.product(self, claim) > 0:
                found["patience"] = own.patience
        found["stage_fit"] = self.stage_fit
        found["role_fit"] = self.role_fit
        found["preference"] = self.preference
        found["interest"] = self.interest
        named = frozenset() if own is None else own.named
        if claim.propensity is not None and "propensity" not in named:
            found["propensity"] = claim.propensity
        if "value" in named:
            return found
        if claim.value is not None:
            found["value"] = claim.value
        elif self.gain is not None:
            found["stage_gain"] = self.gain
        return found


@frozen
class OwnFactors:
    """The factors of a weight that few claims have.

    Attributes:
        weight: the campaign's weight for this claim.
        base: the product as far as the fit for stage and role, these included.
        calm: the same without patience.
        levers: the factors of the playbook's levers that are applied, by name.
        patience: the factor of patience.
        named: what the expression of the weight names, which is no factor then.
    """

    weight: float
    base: float
    calm: float
    levers: Mapping[str, float]
    patience: float
    named: frozenset[str]

    def product(self, context: Context, claim: Claim) -> float:
        """What the policy `weighted` makes of a claim: patience multiplies what is above 0."""
        weight = self._from(self.base, context, claim)
        return weight if weight > 0 or self.patience == 1 else self._from(self.calm, context, claim)

    def _from(self, base: float, context: Context, claim: Claim) -> float:
        weight = base * context.preference * context.interest
        if claim.propensity is not None and "propensity" not in self.named:
            weight *= claim.propensity
        if "value" in self.named:
            return weight
        if claim.value is not None:
            weight *= claim.value
        elif context.gain is not None:
            weight *= context.gain
        return weight


def offers(policy: object, name: str, reference: str) -> bool:
    """Whether a policy has an optional method that is as new as another one that it goes with.

    A method that was inherited, while the class itself has another ``reference``, says nothing of the latter.
    """
    for kind in type(policy).__mro__:
        if name in vars(kind):
            return True
        if reference in vars(kind):
            return False
    return callable(getattr(policy, name, None))


def policy_identity(policy: object) -> str:
    """What tells a policy apart from others: its class, and what its public attributes hold.

    Example:
        >>> from journeykit.policies import Weighted
        >>> policy_identity(Weighted())
        '{"class": "journeykit.policies.weighted.Weighted"}'
    """
    return json.dumps(_plain(policy, 0), sort_keys=True)


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if depth > _DEEPEST:
        return _path(type(value))
    if isinstance(value, Mapping):
        return {"mapping": sorted(([str(name), _plain(own, depth + 1)] for name, own in value.items()), key=_text)}
    if isinstance(value, (list, tuple)):
        return [_plain(own, depth + 1) for own in value]
    if isinstance(value, (set, frozenset)):
        return {"set": sorted((_plain(own, depth + 1) for own in value), key=_text)}
    if callable(getattr(value, "tolist", None)):
        return _plain(value.tolist(), depth + 1)
    if isinstance(value, type) or hasattr(value, "__qualname__"):
        return _path(value)
    public = {name: own for name, own in getattr(value, "__dict__", {}).items() if not name.startswith("_")}
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    public |= {name: getattr(value, name) for name in slots if not name.startswith("_") and hasattr(value, name)}
    return {"class": _path(type(value)), **{name: _plain(own, depth + 1) for name, own in public.items()}}


def _path(value: Any) -> str:
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)


@runtime_checkable
class Policy(Protocol):
    """What the engine asks of a policy.

    It may also have ``factors(claim, contact, context)``, a mapping of names to numbers that says what the weight is
    made of; without it a decision shows one factor, the policy's name.

    Example:
        >>> class Flat:
        ...     def weigh(self, claim, contact, context):
        ...         return 1.0
        >>> isinstance(Flat(), Policy)
        True
    """

    def weigh(self, claim: Claim, contact: Contact, context: Context) -> float:
        """What the claim is worth: a finite number of at most 1e9; at most the playbook's reserve means nothing."""
        ...


@runtime_checkable
class RankingPolicy(Policy, Protocol):
    """A policy that also decides who goes first."""

    def rank(self, claim: Claim, contact: Contact, context: Context) -> int:
        """The claim's rank within its campaign's tier: claims of smaller ranks are decided first."""
        ...
