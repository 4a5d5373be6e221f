"""Scores from a table, as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.basics.validation import shown
from journeykit.columns.chunk import id_keys
from journeykit.columns.word_counts import count_words
from journeykit.kernels.interface.contact_arrays import ESTIMATES, SCORES, ScoreArrays
from journeykit.kernels.interface.records import records
from journeykit.model.bad_row import BadRow
from journeykit.model.mismatch import Mismatches
from journeykit.tables.arrow.column import UNREAD, Column
from journeykit.tables.arrow.score_numbers import float_or_nan, numbers_of_scores
from journeykit.tables.cells import BadCellError, read_id
from journeykit.tables.header import fold_name, missing_column, places_of
from journeykit.tables.score_table import (
    NEEDED,
    ONE_SCORE,
    SCORE_COLUMNS,
    SCORE_READERS,
    campaigns_of,
    check_campaign,
    check_content,
    read_content,
)
from journeykit.tables.words import Words, spelling_reader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.columns.contact_index import ContactIndex
    from journeykit.columns.ruleset_arrays import RulesetArrays
    from journeykit.playbook.playbook import Playbook
    from journeykit.tables.arrow.arrow_table import ArrowTable
    from journeykit.tables.bad_row_list import BadRows


class ScoreEncoder:
    """A table of scores, held as arrays; the arguments are those of a `ClaimTable`.

    Attributes:
        scored: the campaigns for which some row has a propensity, an opt_out or an uplift: their claims need one.
        is_kept: whether several runs read it, of contacts that may be the same.
        risk: by contact, by what its chances of opt-outs are multiplied; None for 1.
    """

    is_kept = False
    risk: np.ndarray | None = None
    _joined: tuple[np.ndarray, list[tuple[str, str | None]], ScoreArrays, int] | None = None

    def __init__(
        self,
        source: ArrowTable,
        playbook: Playbook,
        *,
        bad: BadRows,
        words: Words | None = None,
        found: Mismatches | None = None,
    ) -> None:
        self._words = words
        self._found = found if found is not None else Mismatches()
        vocabulary = None if words is None else words.vocabulary
        self._read_campaign = spelling_reader(read_id, vocabulary, "campaign")
        self._read_content = spelling_reader(read_content, vocabulary, "content")
        self.source = source
        self.bad = bad
        known = campaigns_of(playbook)
        source.needed = SCORE_COLUMNS[:2]
        if source.columns is not None:
            places = places_of(source.columns, source.source)
            for column in SCORE_COLUMNS[:2]:
                if column not in places:
                    raise missing_column(column, source.columns, source.source)
            if not SCORE_READERS.keys() & set(places):
                raise missing_column("propensity", source.columns, source.source)
        self._keys: dict[tuple[str, str | None], int] = {}
        read: list[tuple[np.ndarray, ...]] = []
        faults: list[BadRow] = []
        for part in source.parts(lambda name: fold_name(name) in SCORE_COLUMNS):
            if isinstance(part, BadRow):
                faults.append(part)
                continue
            read.append(self._read(part, known, faults))
        empty = (np.zeros(0, np.uint64), np.zeros(0, np.uint64), *(np.zeros(0, np.int64),) * 2, *(np.zeros(0),) * 2)
        one, two, key, number, propensity, value, estimate = (
            np.concatenate([first, *parts])
            for first, *parts in zip((*empty, np.zeros(0, ESTIMATES)), *_with_estimates(read), strict=True)
        )
        order, same = self._doubles(one, two, key)
        names = [campaign for campaign, _ in self._keys]
        faults.extend(
            BadRow(source.source, int(number[row]), "campaign_id", shown(names[int(key[row])]), ONE_SCORE)
            for row in order[same].tolist()
        )
        for fault in sorted(faults, key=lambda fault: fault.row):
            bad.add(fault)
        kept = np.sort(order[~same])
        self.one, self.two, self.key = one[kept], two[kept], key[kept]
        self.propensity, self.value = propensity[kept], value[kept]
        self.estimate = estimate[kept] if len(estimate) else estimate
        told = {"propensity": self.propensity} | {
            name: self.estimate[name] for name in NEEDED[1:] if len(self.estimate)
        }
        self.scored = {
            (names[own], name)
            for name, values in told.items()
            for own in np.unique(self.key[~np.isnan(values)]).tolist()
        }

    @staticmethod
    def _doubles(one: np.ndarray, two: np.ndarray, key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows in an order, and which of them score what an earlier one does: of these the first counts."""
        order = np.lexsort((np.arange(len(one)), key, two, one))
        same = np.zeros(len(one), np.bool_)
        same[1:] = (
            (one[order][1:] == one[order][:-1])
            & (two[order][1:] == two[order][:-1])
            & (key[order][1:] == key[order][:-1])
        )
        return order, same

    def _read(self, part: Any, known: Mapping[str, Any] | None, faults: list[BadRow]) -> tuple[np.ndarray, ...]:
        number, names, arrays = part
        places = places_of(names, self.source.source)
        columns = [Column(array) for array in arrays]
        rows = len(columns[0]) if columns else 0
        if self._words is not None:
            count_words(self._words, places, columns, self._found)
        one, two, bad = id_keys(columns[places["contact_id"]] if "contact_id" in places else None, rows)
        numbers = self._numbered(places, columns, rows, known)
        bad |= numbers < 0
        read = {name: np.full(rows, np.nan) for name in SCORE_READERS}
        for name in SCORE_READERS:
            if name in places:
                read[name], refused = numbers_of_scores(name, columns[places[name]])
                bad |= refused
        told = [name for name in ESTIMATES.names or () if name in places]
        estimate = records(ESTIMATES, **{name: read[name] for name in ESTIMATES.names or ()} if told else {})
        faults += [
            self._fault(number + row, places, [column.value(row) for column in columns], known)
            for row in np.flatnonzero(bad).tolist()
        ]
        good = ~bad
        found = one, two, numbers, np.arange(rows) + number, read["propensity"], read["value"]
        return *(own[good] for own in found), estimate[good] if told else estimate

    def _numbered(
        self, places: Mapping[str, int], columns: Sequence[Column], rows: int, known: Mapping[str, Any] | None
    ) -> np.ndarray:
        """By row, the number of the campaign and content that it scores; -1 where it cannot be one."""
        if "campaign_id" not in places:
            return np.full(rows, -1, np.int64)
        codes, campaigns = columns[places["campaign_id"]].read(self._read_campaign)
        contents: list[Any] = [None]
        if "content_id" in places:
            own, contents = columns[places["content_id"]].read(self._read_content)
            codes = codes * len(contents) + own
        pairs, codes = np.unique(codes, return_inverse=True)
        found = np.full(len(pairs), -1, np.int64)
        for place, pair in enumerate(pairs.tolist()):
            campaign, content = campaigns[pair // len(contents)], contents[pair % len(contents)]
            if UNREAD in (campaign, content):
                continue
            try:
                check_campaign(campaign, known)
                check_content(campaign, content, known)
            except BadCellError:
                continue
            found[place] = self._keys.setdefault((campaign, content), len(self._keys))
        return found[codes.reshape(-1)]

    def _fault(
        self, number: int, places: Mapping[str, int], values: Sequence[Any], known: Mapping[str, Any] | None
    ) -> BadRow:
        column, cells = "contact_id", {name: values[place] for name, place in places.items()}
        try:
            read_id(cells.get(column))
            column = "campaign_id"
            campaign = self._read_campaign(cells.get(column))
            check_campaign(campaign, known)
            column = "content_id"
            check_content(campaign, self._read_content(cells.get(column)), known)
            for column, read in SCORE_READERS.items():
                float_or_nan(read, cells.get(column))
        except BadCellError as error:
            return BadRow(self.source.source, number, column, error.found, error.allowed)
        raise AssertionError(values)

    def join(self, index: ContactIndex, contacts: int, layout: RulesetArrays) -> tuple[ScoreArrays, int]:
        """The scores by contact, and how many belong to contacts that were not met."""
        found = index.find(self.one, self.two)
        keys = [(opening.campaign.id, opening.content_id) for opening in layout.list]
        if self._joined is not None:
            # The same contacts in the same rows, and the same openings: nothing of it changes from run to run.
            before, own_keys, arrays, unknown = self._joined
            if own_keys == keys and len(arrays.first) == contacts + 1 and np.array_equal(before, found):
                return self._pressed(arrays), unknown
        arrays, unknown = self._join(found, contacts, layout)
        if self.is_kept:
            self._joined = found, keys, arrays, unknown
        return self._pressed(arrays), unknown

    def _pressed(self, arrays: ScoreArrays) -> ScoreArrays:
        """Scores by contact, whose chances of opt-outs are others now."""
        if self.risk is None or not len(arrays.estimate):
            return arrays
        estimate = arrays.estimate.copy()
        estimate["opt_out"] = np.minimum(estimate["opt_out"] * np.repeat(self.risk, np.diff(arrays.first)), 1.0)
        parts = {name: getattr(arrays, name) for name in ("first", "score", "chance", "worth", "estimated")}
        return ScoreArrays(**parts, estimate=estimate)

    def _join(self, found: np.ndarray, contacts: int, layout: RulesetArrays) -> tuple[ScoreArrays, int]:
        self.counts = np.bincount(found[found >= 0], minlength=contacts)
        # A score of a campaign is one of each of its openings; that of a content comes after it, and so replaces it.
        openings = [_openings_of(layout, *key) for key in self._keys]
        sizes = np.array([*map(len, openings), 0], np.int64)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        flat = np.array([own for several in openings for own in several], np.int64)
        of_content = np.array([content is not None for _, content in self._keys] or [False], np.bool_)
        own = np.flatnonzero(found >= 0)
        own = own[np.lexsort((of_content[self.key[own]], found[own]))]
        width = sizes[self.key[own]]
        row = np.repeat(own, width)
        within = np.arange(len(row)) - np.repeat(np.cumsum(width) - width, width)
        scores = np.zeros(len(row), SCORES)
        scores["opening"] = flat[starts[self.key[row]] + within] if len(row) else 0
        scores["propensity"], scores["value"] = self.propensity[row], self.value[row]
        first = np.zeros(contacts + 1, np.int64)
        first[1:] = np.cumsum(np.bincount(found[row], minlength=contacts)[:contacts])
        unset = np.full(len(layout.list) + 1, np.nan)
        estimate = self.estimate[row] if len(self.estimate) else self.estimate
        arrays = ScoreArrays(
            first=first,
            score=scores,
            chance=unset,
            worth=unset.copy(),
            estimate=estimate,
            estimated=no_estimates(len(unset) if len(estimate) else 0),
        )
        return arrays, int(np.count_nonzero(found < 0))


def _with_estimates(read: Sequence[tuple[np.ndarray, ...]]) -> Sequence[tuple[np.ndarray, ...]]:
    """Parts of a table, each with estimates for all its rows where one of them has any."""
    if not any(len(part[-1]) for part in read):
        return read
    return [(*own, estimate if len(estimate) else no_estimates(len(own[0]))) for *own, estimate in read]


def no_estimates(size: int) -> np.ndarray:
    """So many estimates that say nothing."""
    nothing = np.full(size, np.nan)
    return records(ESTIMATES, **dict.fromkeys(ESTIMATES.names or (), nothing))


def _openings_of(layout: RulesetArrays, campaign: str, content: str | None) -> list[int]:
    """The numbers of the openings that a score speaks of."""
    return [
        number
        for number, opening in enumerate(layout.list)
        if opening.campaign.id == campaign and content in (None, opening.content_id)
    ]
