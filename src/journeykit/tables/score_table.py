"""The table of scores, held by contact."""

from __future__ import annotations

import math
from array import array
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from journeykit.model.bad_row import BadRow
from journeykit.model.claim import Score
from journeykit.model.mismatch import Mismatches
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.cells import (
    BadCellError,
    is_missing,
    is_no_number,
    read_cost,
    read_degree,
    read_difference,
    read_id,
    read_number,
    read_text,
)
from journeykit.tables.header import RowLayout, cell_of, fold_name, missing_column
from journeykit.tables.read_rows import open_table
from journeykit.tables.words import Words, spelling_reader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.model.campaign import Campaign
    from journeykit.playbook.playbook import Playbook
    from journeykit.playbook.vocabulary import Vocabulary
    from journeykit.tables.formats import TableSource

SCORE_READERS = {
    "propensity": read_degree,
    "value": read_number,
    "spread": read_cost,
    "opt_out": read_degree,
    "uplift": read_difference,
}
"""How the numbers of a score are read."""
ESTIMATES = ("spread", "opt_out", "uplift")
"""Those that few tables have."""
NEEDED = ("propensity", "opt_out", "uplift")
"""Those that claims of a campaign need where some row has one."""
SCORE_COLUMNS = ("contact_id", "campaign_id", "content_id", *SCORE_READERS)
ONE_SCORE = "one score for each contact, campaign and content"
_MANY = 128

_Key = tuple[str, str | None]


class ScoreTable:
    """Scores by contact, packed: three numbers each, and four for those with a spread, an opt_out or an uplift.

    Attributes:
        scored: the campaigns for which some row has a propensity, an opt_out or an uplift: their claims need one.

    Example:
        >>> scores = ScoreTable.read([{"contact_id": "anna", "campaign_id": "launch", "propensity": 0.2}])
        >>> scores.take("anna")
        {'launch': Score(propensity=0.2, value=None, spread=None, opt_out=None, uplift=None)}
        >>> sorted(scores.scored)
        [('launch', 'propensity')]
    """

    def __init__(self) -> None:
        self.scored: set[tuple[str, str]] = set()
        self._of: dict[str, array[float]] = {}
        self._estimates: dict[str, array[float]] = {}
        self._keys: dict[_Key, int] = {}
        self._names: list[_Key] = []
        self._count = 0
        # What is scored for contacts who have so many that looking through them would take long.
        self._many: dict[str, set[int]] = {}

    @classmethod
    def read(
        cls,
        source: TableSource,
        *,
        playbook: Playbook | None = None,
        bad: BadRows | None = None,
        only: frozenset[str] | None = None,
        words: Words | None = None,
        found: Mismatches | None = None,
    ) -> ScoreTable:
        """Read a table of scores; a campaign that the playbook does not have makes a row bad."""
        scores = cls()
        found = found if found is not None else Mismatches()
        vocabulary = None if words is None else words.vocabulary
        read_campaign = spelling_reader(read_id, vocabulary, "campaign")
        read_own_content = spelling_reader(read_content, vocabulary, "content")
        bad = bad if bad is not None else BadRows()
        file = open_table(source, "scores", wanted=lambda name: fold_name(name) in SCORE_COLUMNS)
        if words is not None:
            words.name(file.columns or ())
        known = campaigns_of(playbook)
        if file.columns is not None and not SCORE_READERS.keys() & {fold_name(name) for name in file.columns}:
            raise missing_column("propensity", file.columns, file.source)
        for row, columns, places, values in RowLayout(file, SCORE_COLUMNS[:2], bad).rows():
            if words is not None:
                words.row(places, values, found, columns)
            column = "contact_id"
            try:
                key = read_id(cell_of(places, "contact_id", values))
                if only is not None and key not in only:
                    scores._note(places, values, known, vocabulary)
                    continue
                column = "campaign_id"
                campaign = read_campaign(cell_of(places, column, values))
                check_campaign(campaign, known)
                column = "content_id"
                content = read_own_content(cell_of(places, column, values))
                check_content(campaign, content, known)
                parts = []
                for column, read in SCORE_READERS.items():
                    value = cell_of(places, column, values)
                    parts.append(math.nan if is_no_number(value) else float(read(value)))
                column = "campaign_id"
                scores._add(key, (campaign, content), parts)
            except BadCellError as error:
                bad.add(BadRow(file.source, row, column, error.found, error.allowed))
        scores._many.clear()
        return scores

    def _note(
        self,
        places: Mapping[str, int],
        values: Sequence[Any],
        known: Mapping[str, Campaign] | None,
        vocabulary: Vocabulary | None,
    ) -> None:
        """Note that a campaign is scored, by the row of a contact that nobody asked for."""
        with suppress(BadCellError):
            campaign = spelling_reader(read_id, vocabulary, "campaign")(cell_of(places, "campaign_id", values))
            check_campaign(campaign, known)
            content = spelling_reader(read_content, vocabulary, "content")(cell_of(places, "content_id", values))
            check_content(campaign, content, known)
            told = {name: cell_of(places, name, values) for name in NEEDED}
            self.scored |= {(campaign, name) for name, value in told.items() if _holds(name, value)}

    def _add(self, key: str, scored: _Key, parts: list[float]) -> None:
        number = self._keys.setdefault(scored, len(self._names))
        if number == len(self._names):
            self._names.append(scored)
        packed = self._of.get(key)
        if packed is None:
            packed = self._of[key] = array("d")
        met = self._many.get(key)
        if number in (packed[::3] if met is None else met):
            raise BadCellError(scored[0], ONE_SCORE)
        if not math.isnan(parts[0]):
            self.scored.add((scored[0], "propensity"))
        packed.extend((number, *parts[:2]))
        if not all(map(math.isnan, parts[2:])):
            self._estimates.setdefault(key, array("d")).extend((number, *parts[2:]))
            told = zip(SCORE_READERS, parts, strict=True)
            self.scored |= {(scored[0], name) for name, own in told if name in NEEDED and not math.isnan(own)}
        if met is not None:
            met.add(number)
        elif len(packed) > 3 * _MANY:
            self._many[key] = {int(met) for met in packed[::3]}
        self._count += 1

    def take(self, contact: str) -> dict[str | _Key, Score]:
        """The scores of a contact by campaign, or by campaign and content, which are then let go."""
        packed = self._of.pop(contact, None)
        if packed is None:
            return {}
        self._count -= len(packed) // 3
        own = self._estimates.pop(contact, ())
        estimates = {number: own[place + 1 : place + 4] for place, number in enumerate(own) if not place % 4}
        return {
            key_of(*self._names[int(number)]): score_of(propensity, value, estimates.get(number, ()))
            for number, propensity, value in zip(packed[::3], packed[1::3], packed[2::3], strict=True)
        }

    def __len__(self) -> int:
        return self._count


def key_of(campaign: str, content: str | None) -> str | _Key:
    """The key of a score among those of its contact: its campaign or, for one content, its campaign and content."""
    return campaign if content is None else (campaign, content)


def read_content(value: object) -> str | None:
    """The content of a score; None for a score of the whole campaign."""
    return None if is_missing(value) else read_text(value)


def check_campaign(campaign: str, known: Mapping[str, Campaign] | None) -> None:
    """Refuse a campaign that the playbook does not have."""
    if known is not None and campaign not in known:
        raise BadCellError(campaign, "a campaign of the playbook")


def check_content(campaign: str, content: str | None, known: Mapping[str, Campaign] | None) -> None:
    """Refuse a content that its campaign does not have."""
    if known is not None and content is not None and known[campaign].content and content not in known[campaign].content:
        raise BadCellError(content, "a content of the campaign")


def score_of(propensity: float, value: float, estimates: Sequence[float] = ()) -> Score:
    """A score of numbers, NaN for none; the last are spread, opt_out and uplift.

    Example:
        >>> score_of(0.5, float("nan"), [0.1, 0.01, float("nan")])
        Score(propensity=0.5, value=None, spread=0.1, opt_out=0.01, uplift=None)
    """
    further = {name: _or_none(number) for name, number in zip(ESTIMATES, estimates, strict=False)}
    return Score(propensity=_or_none(propensity), value=_or_none(value), **further)


def _holds(name: str, value: object) -> bool:
    """Whether a cell holds a number of a score."""
    if is_no_number(value):
        return False
    SCORE_READERS[name](value)
    return True


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def campaigns_of(playbook: Playbook | None) -> dict[str, Campaign] | None:
    """The campaigns of a playbook by id; None where any will do."""
    if playbook is None or playbook.campaigns is None:
        return None
    return {campaign.id: campaign for campaign in playbook.campaigns}
