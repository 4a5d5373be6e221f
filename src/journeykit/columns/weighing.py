"""Weighing over columns: what a policy makes of many claims at once."""

from __future__ import annotations

import math
import threading
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve

from journeykit.basics.clock import clock, moment
from journeykit.basics.validation import LARGEST, MILLIONTH
from journeykit.columns.chunk import rule_columns
from journeykit.engine.weight_factors import own_factors, weight_of
from journeykit.kernels import weigh_block
from journeykit.kernels.interface.codes import NO_ZONE, NONE
from journeykit.kernels.interface.contact_arrays import ESTIMATES
from journeykit.model.claim import Claim
from journeykit.policies.policy import Context, offers
from journeykit.policies.weighted import Weighted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from journeykit.columns.chunk import Chunk
    from journeykit.columns.history_columns import ChunkHistory
    from journeykit.columns.ruleset_arrays import RulesetArrays
    from journeykit.engine.decider import Decider
    from journeykit.kernels.interface.contact_arrays import Contacts
    from journeykit.kernels.interface.decision_arrays import CandidateArrays
    from journeykit.model.contact import Contact
    from journeykit.policies.weighing_columns import Same
    from journeykit.tables.arrow.column import Column


class WeighedClaims:
    """The claims of a block, as `journeykit.policies.ClaimColumns` shows them to policies."""

    def __init__(
        self,
        layout: RulesetArrays,
        chunk: Chunk,
        contacts: Contacts,
        past: ChunkHistory,
        entries: CandidateArrays,
        contact: np.ndarray,
        rows: slice,
    ) -> None:
        count = len(contact)
        self._layout = layout
        self._chunk = chunk
        self._past = past
        self._person = contacts.person
        self._contact = contact
        self._rows = rows
        self._opening = entries.claim["opening"][:count]
        self._asked = entries.claim["asked"][:count]
        self.campaigns = tuple(layout.campaigns.list)
        self.campaign_number = layout.parts["openings"]["campaign"][self._opening]
        self.contact = contact - rows.start
        claims = entries.claim[:count]
        self._lead, self.patience = claims["lead"], claims["patience"]
        self._estimate = entries.estimate[:count]
        self.product, self.preference, self.interest, self.propensity, self.value = (
            np.ascontiguousarray(claims[name]) for name in ("product", "preference", "interest", "propensity", "value")
        )

    @property
    def at(self) -> datetime:
        """The instant of the decision, in UTC."""
        return moment(self._past.now)

    @property
    def campaign(self) -> np.ndarray:
        """The ids of the campaigns."""
        return texts_or_none(self.campaigns)[self.campaign_number]

    @property
    def content(self) -> np.ndarray:
        """The ids of the contents."""
        return self._named(opening.content_id for opening in self._layout.list)

    @property
    def channel(self) -> np.ndarray:
        """The channels."""
        return self._named(opening.channel for opening in self._layout.list)

    @property
    def team(self) -> np.ndarray:
        """The names of the teams."""
        return self._named(opening.team_name for opening in self._layout.list)

    @property
    def goal(self) -> np.ndarray:
        """The goals."""
        return self._named(opening.facets.get("goal", (None,))[0] for opening in self._layout.list)

    @property
    def stage(self) -> np.ndarray:
        """The contacts' stages."""
        return self._own("stage")

    @property
    def role(self) -> np.ndarray:
        """The contacts' roles."""
        return self._own("role")

    def _named(self, values: Iterable[str | None]) -> np.ndarray:
        return texts_or_none(values)[self._opening]

    def _own(self, field: str) -> np.ndarray:
        column = rule_columns(self._chunk).get(field)
        if column is None:
            return np.full(len(self), None, object)
        spelt = [
            None if value is None else self._layout.compiled.vocabulary.spelt(field, value) for value in column.values
        ]
        return texts_or_none(spelt)[column.codes[self._contact]]

    @cached_property
    def touches(self) -> BlockTouches:
        """The contacts' history at the instant of the decision."""
        return BlockTouches(self._past, self._rows, self)

    @property
    def stage_fit(self) -> np.ndarray:
        """Degree to which the content fits the contact's stage."""
        found: np.ndarray = self._layout.parts["stage_fit"][self._opening, self._person[self._contact]["stage"]]
        return found

    @property
    def role_fit(self) -> np.ndarray:
        """Degree to which it fits the contact's role."""
        found: np.ndarray = self._layout.parts["role_fit"][self._opening, self._person[self._contact]["role"]]
        return found

    @property
    def base(self) -> np.ndarray:
        """Campaign weight x content weight x team lever x levers x patience x stage fit x role fit."""
        found: np.ndarray = self._lead * self.patience * self.stage_fit * self.role_fit
        return found

    @property
    def spread(self) -> np.ndarray:
        """How uncertain the propensity is; NaN where that is not given."""
        return self._estimated("spread")

    @property
    def opt_out(self) -> np.ndarray:
        """The chance that the contact opts out because of the message; NaN where none is given."""
        return self._estimated("opt_out")

    @property
    def uplift(self) -> np.ndarray:
        """By how much the message changes the chance of a response; NaN where that is not given."""
        return self._estimated("uplift")

    def _estimated(self, name: str) -> np.ndarray:
        return np.ascontiguousarray(self._estimate[name]) if len(self._estimate) else np.full(len(self), np.nan)

    @property
    def gain(self) -> np.ndarray:
        """What the contents are expected to bring in stage value; NaN where that is not known."""
        gains: np.ndarray = self._layout.parts["stage_gain"]
        if not gains.shape[1]:
            return np.full(len(self), np.nan)
        found: np.ndarray = gains[self._opening, self._person[self._contact]["stage"]]
        return found

    @property
    def priority(self) -> np.ndarray:
        """The campaign's priority."""
        return self._per_campaign([o.campaign.priority for o in self._layout.list])

    @property
    def asked_at(self) -> np.ndarray:
        """The instant of asking, in microseconds since 1970."""
        from journeykit.policies.first_come import started

        starts = self._per_campaign([started(o.campaign) for o in self._layout.list])
        return np.where(self._asked == NONE, starts, self._asked)

    def keys(self) -> list[tuple[str, str, str | None]]:
        """Contact, campaign and content of each claim."""
        names = self._chunk.ids.to_pylist()
        openings = [self._layout.list[number] for number in self._opening.tolist()]
        return [
            (names[row], opening.campaign.id, opening.content_id)
            for row, opening in zip(self._contact.tolist(), openings, strict=True)
        ]

    def _per_campaign(self, values: list[int]) -> np.ndarray:
        return np.array(values, np.int64)[self._opening]

    def __len__(self) -> int:
        return len(self._contact)

    def __getitem__(self, attribute: str) -> np.ndarray:
        """An attribute of the claims' contacts: numbers as floats with NaN for missing ones, else Python's values."""
        column: Column | None = next(
            (self._chunk.columns[place] for place, names in self._chunk.plan.attributes if attribute in names),
            None,
        )
        if column is None:
            return np.full(len(self), np.nan)
        if column.numbers is not None:
            numbers, known = column.numbers
            return np.where(known, numbers, np.nan)[self._contact]
        return np.array([*column.values, None], object)[:-1][column.codes[self._contact]]


class BlockTouches:
    """The touches of the contacts of a block, as `journeykit.policies.TouchColumns` shows them to policies.

    Args:
        past: the touches of the chunk.
        rows: the rows of the contacts.
        claims: the claims that are weighed.
    """

    def __init__(self, past: ChunkHistory, rows: slice, claims: WeighedClaims) -> None:
        places = past.counting(rows)
        self._past, self._claims = past, claims
        self._shape = past.shape[places]
        self.contact = past.contact[places] - rows.start
        self.at = past.at[places]

    def __len__(self) -> int:
        return len(self.at)

    @property
    def age(self) -> np.ndarray:
        """How long ago each was; below 0 for what is to come."""
        return (self._past.now - self.at).view("timedelta64[us]")

    @property
    def campaign(self) -> np.ndarray:
        """The ids of the campaigns."""
        return self._named("campaign")

    @property
    def content(self) -> np.ndarray:
        """The ids of the contents."""
        return self._named("content")

    @property
    def channel(self) -> np.ndarray:
        """The channels."""
        return self._named("channel")

    @property
    def team(self) -> np.ndarray:
        """The names of the teams."""
        return self._named("team")

    @property
    def goal(self) -> np.ndarray:
        """The goals."""
        return self._named("goal")

    def _named(self, attribute: str) -> np.ndarray:
        return texts_or_none(getattr(touch, attribute) for touch in self._past.told)[self._shape]

    def count(self, chosen: np.ndarray | None = None, *, same: Same | None = None) -> np.ndarray:
        """By claim, how many touches its contact has."""
        kept = np.ones(len(self), np.bool_) if chosen is None else np.asarray(chosen, np.bool_)
        claims, number = self._claims.contact, self.contact
        if same is not None:
            own = getattr(self._claims, same)
            codes = {name: code for code, name in enumerate(dict.fromkeys(own.tolist())) if name is not None}
            claims = claims * (len(codes) + 1) + np.array(
                [codes.get(name, len(codes)) for name in own.tolist()], np.int64
            )
            named = getattr(self, same).tolist()
            # What a touch does not have, or no claim has, no claim has in common with it.
            kept = kept & np.array([name in codes for name in named], np.bool_)
            number = number * (len(codes) + 1) + np.array([codes.get(name, 0) for name in named], np.int64)
        found: np.ndarray = np.bincount(number[kept], minlength=int(claims.max(initial=-1)) + 1)
        return found[claims].astype(np.int64)


def texts_or_none(values: Iterable[str | None]) -> np.ndarray:
    """Texts as an array of Python's own, with a last place that nothing has."""
    return np.array([*values, None], object)


class Weigher:
    """Gives entries their weights and ranks.

    Attributes:
        by_rows: whether the policy is asked claim by claim.
    """

    def __init__(self, decider: Decider, layout: RulesetArrays, now: int) -> None:
        self.now = now
        self.policy = decider.policy
        self.compiled = decider.ruleset
        self.playbook = decider.playbook
        self.layout = layout
        self._lock = threading.Lock()
        self._weighs = offers(self.policy, "weigh_columns", "weigh")
        self.ranker: Any = getattr(self.policy, "rank", None)
        self._has_rank = self.ranker is not None
        self._ranks = self._has_rank and offers(self.policy, "rank_columns", "rank")
        self.by_rows = not self._weighs or (self._has_rank and not self._ranks)

    def weigh(
        self,
        chunk: Chunk,
        contacts: Contacts,
        past: ChunkHistory,
        entries: CandidateArrays,
        entry_first: np.ndarray,
        start: int,
        stop: int,
        doubt: np.ndarray,
    ) -> None:
        """Set weight and rank; contacts with a claim that cannot be weighed are doubted."""
        count = int(entries.used[0])
        if not count:
            return
        if self.is_plain:
            weigh_block(entries, entry_first, stop - start, doubt)
            return
        claims = entries.claim[:count]
        sizes = np.diff(entry_first[: stop - start + 1])
        contact = np.repeat(np.arange(start, stop), sizes)
        # A policy is asked by one thread at a time: nobody said that it can do more.
        with self._lock:
            if self.by_rows:
                weights = self._by_rows(chunk, contacts, past, entries, contact)
            else:
                weights = self._columns(
                    WeighedClaims(self.layout, chunk, contacts, past, entries, contact, slice(start, stop)),
                    entries,
                    count,
                )
        if len(entries.risk):
            # Nothing multiplies what an opt-out may cost, whatever the policy.
            weights = weights - entries.risk[:count]
        given = claims["given"]
        weights = np.where(np.isnan(given), weights, given)
        claims["weight"] = NONE
        with np.errstate(invalid="ignore"):
            good = (weights >= -LARGEST) & (weights <= LARGEST)
        claims["weight"][good] = np.rint(weights[good] * MILLIONTH).astype(np.int64)
        if not good.all():
            # Only what is weighed at all can be wrong.
            weighed = (claims["state"] == 0) | (claims["timed"] != 0)
            doubt[np.repeat(np.arange(stop - start), sizes)[~good & weighed]] = True

    @property
    def is_plain(self) -> bool:
        """Whether the policy is `weighted`, whose work the kernel has done."""
        return type(self.policy) is Weighted

    def _columns(self, claims: WeighedClaims, entries: CandidateArrays, count: int) -> np.ndarray:
        policy: Any = self.policy
        weights = np.asarray(policy.weigh_columns(claims), np.float64)
        if weights.shape != (count,):
            from journeykit.errors import PolicyError

            raise PolicyError(
                f"weigh_columns of policy {self.playbook.policy!r} must give one weight for each claim: "
                f"{count} of them, found an array of shape {weights.shape}"
            )
        if self._ranks:
            entries.claim["rank"][:count] = np.asarray(policy.rank_columns(claims), np.int64)
        return weights

    def _by_rows(
        self, chunk: Chunk, contacts: Contacts, past: ChunkHistory, entries: CandidateArrays, contact: np.ndarray
    ) -> np.ndarray:
        weights = np.full(len(contact), np.nan)
        known: tuple[int, Contact | None] = (-1, None)
        for entry, row in enumerate(contact.tolist()):
            if entries.claim["state"][entry] and not entries.claim["timed"][entry]:
                continue
            if known[0] != row:
                known = row, self._contact(chunk, row)
            try:
                weights[entry], entries.claim["rank"][entry] = self._ask(known[1], contacts, past, entries, entry, row)
            except Exception:  # noqa: BLE001, S112  (the row engine will say what is wrong)
                continue
        return weights

    def _contact(self, chunk: Chunk, row: int) -> Contact:
        """The contact of a row, as a decision sees it."""
        found = chunk.contact(row)
        return self.playbook.segmented(found, moment(self.now)) if self.playbook.segments else found

    def _ask(
        self, contact: Any, contacts: Contacts, past: ChunkHistory, entries: CandidateArrays, entry: int, row: int
    ) -> tuple[float, int]:
        opening = self.layout.list[int(entries.claim["opening"][entry])]
        claim = self.compiled.claims.get(opening) or Claim(
            campaign=opening.campaign.id, content=opening.content_id, channel=opening.channel
        )
        preference, interest, propensity, value = (
            float(entries.claim[name][entry]) for name in ("preference", "interest", "propensity", "value")
        )
        found = {"propensity": propensity, "value": value}
        if len(entries.estimate):
            found |= {name: float(entries.estimate[name][entry]) for name in ESTIMATES.names or ()}
        known = {name: number for name, number in found.items() if not math.isnan(number)}
        if known:
            claim = evolve(claim, **known)  # type: ignore[arg-type]  # these take numbers
        zone = self.playbook.timezone if contacts.person["traits"][row] & NO_ZONE else contact.timezone
        base, stage_fit, role_fit, gain = self.compiled.fit(opening, contact.stage, contact.role)[2]
        now, own = clock(zone).moment(self.now), None
        if opening.has_own_factors:
            patience = float(entries.claim["patience"][entry])
            values = contact.values()
            weight = weight_of(opening, claim, values, gain)
            own = own_factors(opening, weight, values, now, stage_fit, role_fit, patience)
            base = own.base
        context = Context(
            now,
            self.playbook,
            opening.campaign,
            opening.content,
            opening.team,
            base,
            stage_fit,
            role_fit,
            preference,
            interest,
            gain,
            own,
            partial(past.touches_of, row),
        )
        weight = self.policy.weigh(claim, contact, context)
        if isinstance(weight, (bool, str, bytes)) or weight is None:
            return float("nan"), 0
        rank = self.ranker(claim, contact, context) if self._has_rank else 0
        if isinstance(rank, bool) or not -(2**62) <= rank.__index__() <= 2**62:
            return float("nan"), 0
        return float(weight), rank.__index__()
