"""The defaults of teams: what a file says once for all campaigns of a team.

They are a thing of files: the reader fills them into the campaigns, so that the objects are complete, and what is
written again has no defaults. A campaign's own value wins; audiences are joined, so that both must hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import evolve

from journeykit.errors import KeyPath, Problem, RuleError
from journeykit.model.campaign import Campaign
from journeykit.playbook.keys import DEFAULTS, Key, keys_of
from journeykit.playbook.value_readers import Fault, FaultsError, expected, unknown, wrong
from journeykit.playbook.yaml import is_null
from journeykit.rule.named_rules import joined_audience

if TYPE_CHECKING:
    from collections.abc import Iterator

AUDIENCE = "audience"
"""The key of a campaign whose default and own value both count."""


def default_keys() -> dict[str, Key]:
    """The keys of a campaign that a team may have defaults for."""
    return {name: key for name, key in keys_of(Campaign).items() if name not in ("id", "team")}


class TeamDefaults:
    """The data of a playbook with the defaults of its teams filled in.

    Args:
        data: the data of a file.
        check: reads a value of a key, or raises `FaultsError`.

    Attributes:
        data: what is to be read: teams without defaults, and campaigns with them.
        faults: what is wrong with the defaults.
    """

    def __init__(self, data: Mapping[str, Any], check: Callable[[Key, Any], Any]) -> None:
        self.faults: list[Fault] = []
        self._check = check
        self._given = data
        self._good: dict[int, dict[str, Any]] = {}
        self._from: dict[tuple[int, str], int] = {}
        self.data: Mapping[str, Any] = data
        teams, campaigns = _rows(data, "teams"), _rows(data, "campaigns")
        for place, team in enumerate(teams):
            if isinstance(team, Mapping) and DEFAULTS in team:
                self._good[place] = self._read(place, team[DEFAULTS])
        if self._good:
            own = [{name: row[name] for name in row if name != DEFAULTS} if n in self._good else row
                   for n, row in enumerate(teams)]  # fmt: skip
            filled = [self._filled(place, row) for place, row in enumerate(campaigns)]
            self.data = {**data, "teams": own} | ({"campaigns": filled} if campaigns else {})

    def _read(self, place: int, value: Any) -> dict[str, Any]:
        """The defaults of a team that can be used; what is wrong with the others is noted."""
        path, keys, found = ("teams", place, DEFAULTS), default_keys(), dict[str, Any]()
        if not isinstance(value, Mapping):
            self._note(path, expected("a mapping of keys of campaigns to their values", value))
            return {}
        for name, given in value.items():
            if name not in keys:
                self.faults.append(_not_a_default(name, keys).under(*path))
                continue
            try:
                self._check(keys[name], given)
            except FaultsError as error:
                self._note((*path, name), error)
            else:
                found[name] = given
        return found

    def _note(self, path: KeyPath, error: FaultsError) -> None:
        self.faults += [fault.under(*path) for fault in error.faults]

    @cached_property
    def _teams(self) -> dict[str, int]:
        """The place of each team that has defaults, by name; of two of one name the first."""
        teams = _rows(self._given, "teams")
        named = ((teams[place].get("name"), place) for place in sorted(self._good, reverse=True))
        return {str(name): place for name, place in named if isinstance(name, str)}

    def _filled(self, place: int, row: Any) -> Any:
        """A campaign with what it lacks."""
        name = row.get("team") if isinstance(row, Mapping) else None
        team = self._teams.get(str(name)) if isinstance(name, str) else None
        if team is None:
            return row
        found = dict(row)
        for key, value in self._good[team].items():
            if key not in row or (key == AUDIENCE and is_null(row[key])):
                found[key] = value
                self._from[place, key] = team
            elif key == AUDIENCE:
                found[key] = self._joined(place, value, row[key])
        return found

    def _joined(self, place: int, default: Any, own: Any) -> Any:
        key = default_keys()[AUDIENCE]
        try:
            return joined_audience(self._check(key, default), self._check(key, own))
        except FaultsError:
            return own  # what is wrong with it is said where it is read
        except RuleError as error:
            message = f"together with the audience that is the default of its team: {error.message}"
            self._note(("campaigns", place, AUDIENCE), wrong(message))
            return own

    # Where things are in the file

    def told(self, fault: Fault) -> Fault:
        """A fault of a campaign, which may lie in what its team's defaults say."""
        team = self._team_of(fault.path)
        if team is None:
            return fault
        name = _rows(self._given, "teams")[team]["name"]
        more = f"; {fault.path[2]!r} comes from the defaults of the team {name!r}"
        return evolve(fault, message=fault.message + more, path=fault.path[:2])

    def steps(self, path: KeyPath) -> KeyPath:
        """The steps to a value in the file, where it may be a default."""
        team = self._team_of(path)
        if team is not None:
            return ("teams", team, DEFAULTS, *path[2:])
        if len(path) > 3 and path[0] == "campaigns" and path[2] == AUDIENCE:
            return self._steps_of_part(path)
        return path

    def _steps_of_part(self, path: KeyPath) -> KeyPath:
        """A named rule of an audience is the campaign's own, or its team's."""
        row = _rows(self._given, "campaigns")[int(path[1])]
        own, team = row.get(AUDIENCE), self._teams.get(str(row.get("team")))
        if team is None or (isinstance(own, Mapping) and path[3] in own):
            return path
        default = self._good[team].get(AUDIENCE)
        return ("teams", team, DEFAULTS, *path[2:]) if isinstance(default, Mapping) else path[:3]

    def _team_of(self, path: KeyPath) -> int | None:
        if len(path) < 3 or path[0] != "campaigns":
            return None
        return self._from.get((int(path[1]), str(path[2])))

    def warnings(self) -> Iterator[Problem]:
        """Defaults that no campaign takes."""
        teams, campaigns = _rows(self._given, "teams"), _rows(self._given, "campaigns")
        for place, defaults in self._good.items():
            name = teams[place].get("name")
            own = [row for row in campaigns if isinstance(row, Mapping) and row.get("team") == name]
            for key in defaults:
                if not own:
                    message = f"no campaign takes this default: the team {name!r} has none"
                elif key != AUDIENCE and all(key in row for row in own):
                    message = f"no campaign takes this default: all of the team {name!r} have a {key} of their own"
                else:
                    continue
                yield Problem.warning(f"teams[{place}].{DEFAULTS}.{key}", message)


def _not_a_default(name: str, keys: Mapping[str, Key]) -> Fault:
    """The fault of a key that has no default."""
    if name in keys_of(Campaign):
        return Fault(f"a team has no default for {name!r}: each campaign says its own", (name,))
    return unknown(name, keys, Campaign)


def _rows(data: Mapping[str, Any], section: str) -> list[Any] | tuple[Any, ...]:
    found = data.get(section)
    return found if isinstance(found, list | tuple) else ()
