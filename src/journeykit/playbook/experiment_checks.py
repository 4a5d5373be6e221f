"""The problems and warnings of experiments."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from attrs import evolve

from journeykit.errors import Problem, path_text
from journeykit.model.experiment import UNCHANGED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from journeykit.errors import KeyPath
    from journeykit.model.experiment import Arm, Experiment
    from journeykit.playbook.sections import Sections

MOST_COMBINATIONS = 100
"""Each combination of arms is a rule set of its own, which takes memory and time."""
_TINY = 0.01
_STEP = 0.0001
"""The buckets of the hash are so wide: a smaller share may be nobody's."""


def _arms(numbered: Iterable[tuple[KeyPath, Experiment]]) -> Iterator[tuple[KeyPath, Experiment, Arm]]:
    for path, experiment in numbered:
        for place, arm in enumerate(experiment.arms):
            yield (*path, "arms", place), experiment, arm


def named_in_arms(numbered: Iterable[tuple[KeyPath, Experiment]]) -> Iterator[tuple[KeyPath, str, str]]:
    """What arms change by name: where, whether it is a cap or a lever, and the name."""
    for path, _, arm in _arms(numbered):
        for kind in ("cap", "lever"):
            for place, change in enumerate(getattr(arm.changes, f"{kind}s")):
                yield (*path, "with", f"{kind}s", place, "name"), kind, change.name


def find_experiment_problems(playbook: Sections, numbered: Iterable[tuple[KeyPath, Experiment]]) -> Iterator[Problem]:
    """What the experiments of a playbook cannot be: in each other's way, or in that of its other hashes."""
    given = list(numbered)
    yield from _contested_keys(given)
    yield from _shared_seeds(playbook, given)
    caps = {cap.name: cap for cap in playbook.caps}
    for path, _, arm in _arms(given):
        known: dict[tuple[str, str], int] = {}
        for kind in ("caps", "levers"):
            for place, own in enumerate(getattr(arm.changes, kind)):
                where = (*path, "with", kind, place)
                first = known.setdefault((kind, own.name), place)
                if first != place:
                    taken = path_text((*path, "with", kind, first))
                    yield Problem.at((*where, "name"), f"{own.name!r} is changed already by {taken}")
        for place, change in enumerate(arm.changes.caps):
            cap, window = caps.get(change.name), change.window
            if cap is not None and cap.per == "account" and window is not None and window.is_local:
                yield Problem.at(
                    (*path, "with", "caps", place, "window", "zone"),
                    f"{cap.name!r} is per account, and the contacts of an account need not share a time zone: give the "
                    "window the zone 'playbook' or an IANA name; only windows of kind rolling or ever need none",
                )
    combinations = prod(len(experiment.arms) + (experiment.ends[-1] < 10**9) for _, experiment in given)
    if combinations > MOST_COMBINATIONS:
        yield Problem.at(
            ("experiments",),
            f"the arms have {combinations:,} combinations, each of which is a rule set of its own; allowed are "
            f"{MOST_COMBINATIONS}: run fewer experiments at once",
        )


def _contested_keys(given: Iterable[tuple[KeyPath, Experiment]]) -> Iterator[Problem]:
    """Keys that arms of two experiments set: nobody could tell whose effect is whose."""
    first: dict[tuple[str, ...], tuple[str, KeyPath]] = {}
    for path, experiment, arm in _arms(given):
        for key in arm.changes.keys:
            name, where = first.setdefault(key, (experiment.name, path))
            if name != experiment.name:
                steps: KeyPath = (*path, "with", key[0])
                if len(key) > 1:
                    place = [own.name for own in getattr(arm.changes, key[0])].index(key[1])
                    steps = (*steps, place, key[2])
                what = key[0] if len(key) == 1 else f"{key[2]} of {key[1]!r}"
                yield Problem.at(
                    steps,
                    f"{what} is set by the experiment {name!r} already ({path_text(where)}): two experiments may not "
                    "set one key",
                )


def _shared_seeds(playbook: Sections, given: Iterable[tuple[KeyPath, Experiment]]) -> Iterator[Problem]:
    """Seeds that choose something else already: the same contacts would be chosen."""
    taken: dict[str, str] = {}
    if playbook.holdout is not None:
        taken[playbook.holdout.seed] = "the holdout"
    for campaign in playbook.campaigns or ():
        if campaign.split is not None:
            taken.setdefault(campaign.id, f"the split of the campaign {campaign.id!r}")
        if campaign.holdout is not None:
            taken.setdefault(campaign.holdout.seed, f"the holdout of the campaign {campaign.id!r}")
    for path, experiment in given:
        seed = experiment.hash_seed
        if seed in taken:
            yield Problem.at(
                (*path, "name" if experiment.seed is None else "seed"),
                f"the seed {seed!r} is that of {taken[seed]}, which would choose the same contacts; give the "
                "experiment another seed",
            )
        taken.setdefault(seed, f"the experiment {experiment.name!r}")


# Warnings


def find_experiment_warnings(playbook: Sections) -> Iterator[Problem]:
    """What experiments can hardly show."""
    for number, experiment in enumerate(playbook.experiments):
        path = f"experiments[{number}]"
        if experiment.horizon is None:
            yield Problem.warning(
                path,
                f"{experiment.name!r} has no horizon, the time that it is planned to run (such as horizon: 60d): "
                "intervals of interim looks are then tuned to 90d",
            )
        if len(experiment.arms) == 1 and experiment.ends[-1] >= 10**9:
            yield Problem.warning(
                f"{path}.arms",
                f"all contacts are in the arm {experiment.arms[0].name!r}: there is nothing to compare it with",
            )
        known: dict[object, str] = {}
        for place, arm in enumerate(experiment.arms):
            yield from _share_warnings(f"{path}.arms[{place}].share", arm)
            yield from _idle_changes(f"{path}.arms[{place}].with", playbook, arm)
            rules = repr(effective(playbook, arm))
            if rules in known:
                yield Problem.warning(
                    f"{path}.arms[{place}]",
                    f"{arm.name!r} decides as {known[rules]!r} does: nothing can differ between them",
                )
            known.setdefault(rules, arm.name)


def _share_warnings(path: str, arm: Arm) -> Iterator[Problem]:
    if arm.share < _STEP:
        yield Problem.warning(path, f"{arm.name!r} may have no contacts: the hash tells shares of {_STEP:g} apart")
    elif arm.share < _TINY:
        yield Problem.warning(
            path,
            f"{arm.name!r} has {round(arm.share * 10_000):,} of 10,000 contacts: few to see a difference",
        )


def effective(playbook: Sections, arm: Arm) -> dict[tuple[str, ...], object]:
    """What an arm sets that differs from the playbook, by key."""
    caps = {cap.name: cap for cap in playbook.caps}
    levers = {lever.name: lever.factor for lever in playbook.levers}
    found: dict[tuple[str, ...], object] = {}
    for name in ("policy", "reserve"):
        value = getattr(arm.changes, name)
        if value is not None and value != getattr(playbook, name):
            found[name,] = value
    for lever in arm.changes.levers:
        if levers.get(lever.name) != lever.factor:
            found["levers", lever.name, "factor"] = lever.factor
    for change in arm.changes.caps:
        cap = caps.get(change.name)
        if change.max is not UNCHANGED and (cap is None or cap.max != change.max):
            found["caps", change.name, "max"] = change.max
        if change.window is not None and (cap is None or cap.window != change.window):
            found["caps", change.name, "window"] = evolve(change.window)
    return dict(sorted(found.items()))


def _idle_changes(path: str, playbook: Sections, arm: Arm) -> Iterator[Problem]:
    """Keys that an arm sets to what the playbook has."""
    different = effective(playbook, arm)
    for key in arm.changes.keys:
        if key not in different:
            what = key[0] if len(key) == 1 else f"{key[2]} of {key[1]!r}"
            yield Problem.warning(path, f"{arm.name!r} changes nothing of {what}: it is what the playbook has")
