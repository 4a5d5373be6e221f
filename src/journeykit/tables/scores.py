"""The table of scores, held by contact."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING

from journeykit.campaign import Score
from journeykit.tables.bad_rows import BadRow, BadRows
from journeykit.tables.cells import BadCellError, is_blank, read_id, read_number
from journeykit.tables.columns import PlacedRows, cell_of, fold_name, missing_column
from journeykit.tables.reading import open_table

if TYPE_CHECKING:
    from journeykit.campaign import Campaign
    from journeykit.playbook import Playbook
    from journeykit.tables.formats import Source

SCORE_COLUMNS = ("contact_id", "campaign_id", "propensity", "value")
_MANY = 128


class Scores:
    """Scores by contact, packed: three numbers each.

    Example:
        >>> scores = Scores.read([{"contact_id": "anna", "campaign_id": "launch", "propensity": 0.2}])
        >>> scores.take("anna")
        {'launch': Score(propensity=0.2, value=None)}
    """

    def __init__(self) -> None:
        self._of: dict[str, array[float]] = {}
        self._campaigns: dict[str, int] = {}
        self._names: list[str] = []
        self._count = 0
        # The campaigns of contacts who have so many that looking through them would take long.
        self._many: dict[str, set[int]] = {}

    @classmethod
    def read(
        cls,
        source: Source,
        *,
        playbook: Playbook | None = None,
        bad: BadRows | None = None,
        only: frozenset[str] | None = None,
    ) -> Scores:
        """Read a table of scores; a campaign that the playbook does not have makes a row bad."""
        scores = cls()
        bad = bad if bad is not None else BadRows()
        file = open_table(source, "scores", wanted=lambda name: fold_name(name) in SCORE_COLUMNS)
        known = campaigns_of(playbook)
        if file.columns is not None and not {"propensity", "value"} & {fold_name(name) for name in file.columns}:
            raise missing_column("propensity", file.columns, file.source)
        for number, _, places, values in PlacedRows(file, SCORE_COLUMNS[:2], bad).rows():
            column = "contact_id"
            try:
                key = read_id(cell_of(places, "contact_id", values))
                if only is not None and key not in only:
                    continue
                column = "campaign_id"
                campaign = read_id(cell_of(places, column, values))
                if known is not None and campaign not in known:
                    raise BadCellError(campaign, "a campaign of the playbook")  # noqa: TRY301  (one way for all)
                parts = []
                for column in SCORE_COLUMNS[2:]:
                    value = cell_of(places, column, values)
                    parts.append(math.nan if is_blank(value) else float(read_number(value)))
                column = "campaign_id"
                scores._add(key, campaign, parts)
            except BadCellError as error:
                bad.add(BadRow(file.source, number, column, error.found, error.allowed))
        scores._many.clear()
        return scores

    def _add(self, key: str, campaign: str, parts: list[float]) -> None:
        number = self._campaigns.setdefault(campaign, len(self._names))
        if number == len(self._names):
            self._names.append(campaign)
        packed = self._of.get(key)
        if packed is None:
            packed = self._of[key] = array("d")
        met = self._many.get(key)
        if number in (packed[::3] if met is None else met):
            raise BadCellError(campaign, "one score for each contact and campaign")
        packed.extend((number, *parts))
        if met is not None:
            met.add(number)
        elif len(packed) > 3 * _MANY:
            self._many[key] = {int(met) for met in packed[::3]}
        self._count += 1

    def take(self, contact: str) -> dict[str, Score]:
        """The scores of a contact by campaign, which are then let go."""
        packed = self._of.pop(contact, None)
        if packed is None:
            return {}
        self._count -= len(packed) // 3
        return {
            self._names[int(number)]: Score(propensity=_or_none(propensity), value=_or_none(value))
            for number, propensity, value in zip(packed[::3], packed[1::3], packed[2::3], strict=True)
        }

    def __len__(self) -> int:
        return self._count


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def campaigns_of(playbook: Playbook | None) -> dict[str, Campaign] | None:
    """The campaigns of a playbook by id; None where any will do."""
    if playbook is None or playbook.campaigns is None:
        return None
    return {campaign.id: campaign for campaign in playbook.campaigns}
