"""What one instant makes of plain rules: windows as instants, weights by stage and role, and what is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.basics.clock import DAY
from journeykit.basics.validation import LARGEST, MILLIONTH
from journeykit.engine.data_needs import DATA_NEEDS, LOSS
from journeykit.kernels import plain_times
from journeykit.kernels.interface.codes import DATED, NONE, OBEYS_CAPS, OBEYS_HOURS, PAUSED
from journeykit.kernels.interface.plain_arrays import PlainRules
from journeykit.kernels.interface.rules import CALENDAR, DAYS, DECISION, EVER, ROLLING, STRETCH

if TYPE_CHECKING:
    from journeykit.kernels.interface.rules import Rules

_EMPTYING = (ROLLING, DAYS, CALENDAR, STRETCH, EVER, DECISION)
"""Windows that lose touches as time goes by, and gain none that are known now."""
_NO_END = 1_000_000_000
"""Day numbers from here on are no dates."""
_TIMELY = PAUSED | DATED | OBEYS_CAPS | OBEYS_HOURS
_MOST_WEIGHTS = 1_000_000
_MOST_SETS = 2_000
_MOST_MEMBERS = 16_000_000
_ZONE, _STAGE, _ROLE, _CONSENT, _GAIN = range(5)
_LOSS = DATA_NEEDS.index(LOSS)
assert len(DATA_NEEDS) > _GAIN  # noqa: S101


def are_plain(rules: Rules) -> bool:
    """Whether contacts can be decided plainly at all: caps that only get emptier, and nothing that ties claims."""
    stages, roles = rules.stage_fit.shape[1], rules.role_fit.shape[1]
    return (
        len(rules.openings) > 0
        and not len(rules.program)
        and bool(np.isnan(rules.openings["min_uplift"]).all())
        and not (len(rules.conflicts) or len(rules.within) or len(rules.quotas.unit) or rules.series or rules.explain)
        and bool(np.isin(rules.windows["kind"][: len(rules.caps)], _EMPTYING).all())
        and stages * roles * len(rules.openings) <= _MOST_WEIGHTS
    )


def plain_rules(
    rules: Rules, asks: np.ndarray, channels: int, most_rules: int, before: PlainRules | None = None
) -> PlainRules:
    """What one instant makes of rules that are plain.

    Args:
        rules: the rules.
        asks: by opening, the data that it asks for, as bits.
        channels: how many channels there are.
        most_rules: how many rules stop one claim at most.
        before: the same of the same playbook for fewer time zones, of which all is kept that they do not change.
    """
    openings = rules.openings
    zones, caps = len(rules.zones.first) - 1, len(rules.caps)
    since, leaving = np.zeros((zones, caps), np.int64), np.zeros((zones, caps), np.int64)
    uneven, closed_rule = np.zeros(zones, np.bool_), np.zeros(len(openings), np.int64)
    plain_times(rules, since, leaving, uneven, closed_rule)
    if before is not None:
        times: dict[str, Any] = {"since": since, "leaving": leaving, "uneven": uneven, "closed_rule": closed_rule}
        return before.but(**times, always=_always(rules), rules=most_rules)
    weight, weighed = _weights(rules)
    order = np.stack([np.lexsort((openings["tie"], -own)) for own in weight]).astype(np.int32)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(len(openings), dtype=np.int32)[None, :], axis=1)
    asked = [asks >> bit & 1 != 0 for bit in range(_LOSS + 1)]
    gains = np.isnan(rules.stage_gain) if rules.stage_gain.shape[1] else np.zeros_like(rules.stage_fit, np.bool_)
    losses = np.isnan(rules.loss) if len(rules.loss) else np.zeros(rules.stage_fit.shape[1], np.bool_)
    channel = np.where(openings["channel"] < 0, channels, openings["channel"])
    return PlainRules(
        since=since,
        leaving=leaving,
        uneven=uneven,
        weight=weight,
        order=order,
        rank=rank,
        weighed=weighed,
        # Rows of claims with dates of their own come after the others.
        tie=np.lexsort((openings["tie"], openings["own_date"] >= 0)).astype(np.int64),
        tier=np.unique(openings["tier"]).astype(np.int64),
        alike=_alike(rules),
        always=_always(rules),
        closed_rule=closed_rule,
        asking=np.array([asked[bit].sum() for bit in (_ZONE, _STAGE, _ROLE)], np.int64),
        asking_consent=np.bincount(channel[asked[_CONSENT]], minlength=channels + 1).astype(np.int64),
        asking_gain=(gains & asked[_GAIN][:, None]).sum(axis=0).astype(np.int64),
        asking_loss=(losses & asked[_LOSS][:, None]).sum(axis=0).astype(np.int64),
        stages=rules.stage_fit.shape[1],
        roles=rules.role_fit.shape[1],
        nested=int(_are_nested(rules)),
        repeats=int((openings["repeats"] >= 0).any()),
        exempts=int((openings["traits"] & OBEYS_CAPS == 0).any()),
        rules=most_rules,
    )


def _alike(rules: Rules) -> np.ndarray:
    """By opening, a number of those that may go at the same instants, as far as all but their campaigns are alike."""
    numbers: dict[tuple[Any, ...], int] = {}
    found = []
    for own in rules.openings:
        cells = rules.cells[own["cell_from"] : own["cell_to"]].tobytes()
        dates = rules.dates[own["date_from"] : own["date_to"]].tobytes()
        names = ("starts", "ends", "channel", "hours")
        key = (int(own["traits"]) & _TIMELY, cells, dates, *(int(own[name]) for name in names))
        found.append(numbers.setdefault(key, len(numbers)))
    return np.array(found, np.int64)


def _always(rules: Rules) -> np.ndarray:
    """By opening, whether its campaign is open from now on, wherever that is, and no hours apply to it."""
    openings, hours, today = rules.openings, rules.hours, rules.now // DAY
    timely = PAUSED | DATED | (OBEYS_HOURS if len(hours.periods) or len(hours.holidays) else 0)
    found: np.ndarray = (
        (openings["traits"] & timely == 0) & (openings["starts"] < today - 1) & (openings["ends"] >= _NO_END)
    )
    return found


def _weights(rules: Rules) -> tuple[np.ndarray, np.ndarray]:
    """By stage and role, what each opening weighs in millionths, and whether all these are good weights."""
    scale = rules.openings["scale"][None, None, :]
    with np.errstate(all="ignore"):
        found = scale * rules.stage_fit.T[:, None, :] * rules.role_fit.T[None, :, :]
        if rules.stage_gain.shape[1]:
            gain = rules.stage_gain.T[:, None, :]
            found = np.where(np.isnan(gain), found, found * gain)
        good = (found >= -LARGEST) & (found <= LARGEST)
        found = found.reshape(-1, found.shape[-1])
        good = good.reshape(found.shape)
        whole = np.full(found.shape, NONE, np.int64)
        whole[good] = np.rint(found[good] * MILLIONTH).astype(np.int64)
    return whole, good.all(axis=1)


def _are_nested(rules: Rules) -> bool:
    """Whether what counts in one cell or is of one campaign lies in, or apart from, what counts in any other."""
    openings = rules.openings
    if (len(rules.cell_cap) + len(openings)) * len(openings) > _MOST_MEMBERS:
        return False
    obeys = openings["traits"] & OBEYS_CAPS != 0
    sets = np.zeros((len(rules.cell_cap), len(openings)), np.bool_)
    # What each claim uses of a cell: the same for all, in whole billionths, else they are not alike.
    points = np.zeros(len(sets), np.int64)
    for opening in np.flatnonzero(obeys).tolist():
        own = rules.cells[openings["cell_from"][opening] : openings["cell_to"][opening]]
        # No claim fills a rest.
        own = own[(own["points"] > 0) & (rules.cell_cap[own["cell"]] < rules.rests)]
        before = points[own["cell"]]
        if ((before > 0) & (before != own["points"])).any():
            return False
        sets[own["cell"], opening] = True
        points[own["cell"]] = own["points"]
    campaigns = np.zeros((int(openings["campaign"].max(initial=0)) + 1, len(openings)), np.bool_)
    campaigns[openings["campaign"][obeys], np.flatnonzero(obeys)] = True
    members = np.concatenate([sets, campaigns])
    # What has one member, or all, is nested in any case.
    members = np.unique(members[members.sum(axis=1) > 1], axis=0)
    if len(members) > _MOST_SETS:
        return False
    flags = members.astype(np.float32)
    both, size = flags @ flags.T, flags.sum(axis=1)
    return bool(((both == 0) | (both == size[:, None]) | (both == size[None, :])).all())
