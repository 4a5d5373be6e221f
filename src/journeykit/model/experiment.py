"""Experiments: the rules of a playbook, tried in several ways at once, each on contacts of its own."""

from __future__ import annotations

from enum import Enum
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from attrs import field, frozen, validators

from journeykit.basics.validation import (
    BILLIONTH,
    instance,
    instances,
    joined,
    listed,
    number,
    optional_text,
    required_text,
    scaled,
    shown,
)
from journeykit.errors import ModelError
from journeykit.model.cap import Limit, check_limit, limit_of
from journeykit.model.holdout import bucket
from journeykit.model.rest import micros_of_lag
from journeykit.model.window import Lag, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MARKS = ":;,"
"""What tells experiments from arms, and arms from each other, in the text of a table."""


class Unchanged(Enum):
    """What an arm does not set stays as the playbook has it; null means something else: no limit."""

    UNCHANGED = "unchanged"


UNCHANGED: Any = Unchanged.UNCHANGED


def _list(value: Iterable[Any]) -> tuple[Any, ...]:
    return listed(value)


def _lag(value: Lag | str | None) -> Lag | None:
    return Lag.parse(value) if isinstance(value, str) else value


def _new_limit(value: Any) -> Any:
    return value if value is UNCHANGED else limit_of(value)


def _check_new_limit(own: Any, attribute: Any, value: Any) -> None:
    if value is not UNCHANGED:
        check_limit(own, attribute, value)


def _plain_name(own: Any, attribute: Any, value: str) -> None:
    required_text(own, attribute, value)
    if any(mark in value for mark in _MARKS) or value != value.strip():
        raise ModelError(
            f"the names of experiments and arms have no blank at an end, and none of {' '.join(_MARKS)}, since "
            f"decisions name both as experiment:arm; found {shown(value)}",
            field=attribute.name,
        )


@frozen(kw_only=True)
class CapChange:
    """Another limit, or window, for a cap of the playbook.

    Attributes:
        name: the cap.
        max: the most that one window may hold; None (``null``) for no limit, which takes the cap away. Left out, the
            cap's own stays.
        window: which touches count together; None for the cap's own.

    Example:
        >>> CapChange(name="three a week", max=None).max is None
        True
    """

    name: str = field(validator=required_text)
    max: float | Limit | None = field(
        default=UNCHANGED, converter=_new_limit, validator=_check_new_limit, metadata={"later": True}
    )
    window: Window | None = field(
        default=None, validator=validators.optional(instance(Window)), metadata={"left_out": True}
    )

    def __attrs_post_init__(self) -> None:
        if self.max is UNCHANGED and self.window is None:
            raise ModelError(f"what changes of the cap {self.name!r}? give max or window", field="max")


@frozen(kw_only=True)
class LeverChange:
    """Another factor for a lever of the playbook.

    Attributes:
        name: the lever.
        factor: what the weights are multiplied with, from 0; 1 takes the lever away.
    """

    name: str = field(validator=required_text)
    factor: float = field(validator=number(0))


@frozen(kw_only=True)
class RuleChanges:
    """What an arm has otherwise than the playbook; what is left out stays as it is.

    Attributes:
        policy: the name of the policy that weighs the claims.
        reserve: what a message must be worth more than.
        levers: other factors of the playbook's levers, by name.
        caps: other limits and windows of the playbook's caps, by name.

    Example:
        >>> RuleChanges(reserve=0.2, caps=[CapChange(name="three a week", max=5)]).keys
        (('reserve',), ('caps', 'three a week', 'max'))
    """

    policy: str | None = field(default=None, validator=optional_text, metadata={"left_out": True})
    reserve: float | None = field(default=None, validator=validators.optional(number()), metadata={"left_out": True})
    levers: tuple[LeverChange, ...] = field(
        default=(), converter=_list, validator=instances(LeverChange), metadata={"later": True}
    )
    caps: tuple[CapChange, ...] = field(
        default=(), converter=_list, validator=instances(CapChange), metadata={"later": True}
    )

    @property
    def keys(self) -> tuple[tuple[str, ...], ...]:
        """What it sets."""
        found: list[tuple[str, ...]] = [(name,) for name in ("policy", "reserve") if getattr(self, name) is not None]
        found += [("levers", lever.name, "factor") for lever in self.levers]
        for cap in self.caps:
            found += [("caps", cap.name, "max")] * (cap.max is not UNCHANGED)
            found += [("caps", cap.name, "window")] * (cap.window is not None)
        return tuple(found)


_NOTHING = RuleChanges()


@frozen(kw_only=True)
class Arm:
    """One of the ways in which an experiment tries the rules.

    Attributes:
        name: how decisions refer to it, after the name of the experiment.
        share: which part of the contacts is in it, from 0 to 1.
        changes: what it has otherwise than the playbook (``with`` in a playbook file); nothing for an arm that is as
            the playbook says, which the others are compared with.
    """

    name: str = field(validator=_plain_name)
    share: float = field(validator=number(0, 1))
    changes: RuleChanges = field(
        default=_NOTHING, validator=instance(RuleChanges), metadata={"key": "with", "later": True}
    )


@frozen(kw_only=True)
class Experiment:
    """Several arms, each with a share of the contacts, chosen by a hash: a contact is always in the same arm.

    Attributes:
        name: how decisions refer to it.
        arms: the arms. What their shares leave of 1 is in no arm, and is decided by the playbook as it is.
        seed: another seed puts other contacts into each arm; None takes the name.
        horizon: how long the experiment is planned to run; interim looks are most exact there. None where it is not
            known.

    Raises:
        ModelError: for arms without a name of their own, and shares that are more than 1 together.

    Example:
        >>> tone = Experiment(name="tone", arms=[Arm(name="calm", share=0.5), Arm(name="bold", share=0.5)])
        >>> [tone.arm_of(name).name for name in ("anna", "ben", "carla")]
        ['bold', 'bold', 'calm']
    """

    name: str = field(validator=_plain_name)
    arms: tuple[Arm, ...] = field(converter=_list, validator=instances(Arm))
    seed: str | None = field(default=None, validator=optional_text, metadata={"left_out": True})
    horizon: Lag | None = field(
        default=None, converter=_lag, validator=validators.optional(instance(Lag)), metadata={"left_out": True}
    )

    def __attrs_post_init__(self) -> None:
        if not self.arms:
            raise ModelError("an experiment needs arms", field="arms")
        names = [arm.name for arm in self.arms]
        twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if twice is not None:
            raise ModelError(f"two arms have the name {twice!r}", field="arms")
        total = sum(arm.share for arm in self.arms)
        if self.ends[-1] > BILLIONTH + len(names):
            raise ModelError(f"the shares of the arms are at most 1 together, found {total:g}", field="arms")
        if self.horizon is not None and not micros_of_lag(self.horizon):
            raise ModelError(f"horizon is longer than nothing, found {self.horizon}", field="horizon")

    @property
    def hash_seed(self) -> str:
        """The seed of the hash that chooses the arm."""
        return self.name if self.seed is None else self.seed

    @property
    def ends(self) -> tuple[int, ...]:
        """By arm, where its share of the buckets ends, in billionths."""
        return tuple(accumulate(scaled(arm.share, BILLIONTH) for arm in self.arms))

    def place_of(self, key: str) -> int:
        """The place of the arm of a contact, or account, among the arms; -1 for none.

        The bucket (`journeykit.model.holdout.bucket`) of the seed and the id lies in the arm's share. Another seed
        makes another bucket, so that who is in a holdout, or in an arm of another experiment, says nothing of the arm.
        """
        own = bucket(self.hash_seed, key)
        return next((place for place, end in enumerate(self.ends) if own < end / BILLIONTH), -1)

    def arm_of(self, key: str) -> Arm | None:
        """The arm of a contact, or account, by id; None for none."""
        place = self.place_of(key)
        return None if place < 0 else self.arms[place]


def arm_text(named: Iterable[tuple[str, str]]) -> str | None:
    """The names of arms, one for each experiment, as decisions have them; None for none.

    Example:
        >>> arm_text([("tone", "bold"), ("pace", "slow")])
        'tone:bold;pace:slow'
    """
    return joined(f"{experiment}:{arm}" for experiment, arm in named)


def text_of(experiments: Sequence[Experiment], places: Sequence[int]) -> str | None:
    """The same, given the place of the arm in each experiment, -1 for none."""
    pairs = zip(experiments, places, strict=True)
    return arm_text((own.name, own.arms[place].name) for own, place in pairs if place >= 0)
