"""The table of claims, held by contact."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from journeykit.basics.clock import micros
from journeykit.basics.validation import LARGEST, shown
from journeykit.errors import DataError
from journeykit.model.bad_row import BadRow
from journeykit.model.claim import Claim, expires_too_early
from journeykit.model.mismatch import Mismatches
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.cells import (
    NUMBER,
    BadCellError,
    expiry_reader,
    instant_reader,
    is_missing,
    is_unicode,
    optional,
    read_cost,
    read_degree,
    read_difference,
    read_id,
    read_list,
    read_number,
    read_text,
)
from journeykit.tables.header import RowLayout, cell_of, fold_name
from journeykit.tables.read_rows import open_table
from journeykit.tables.score_table import campaigns_of
from journeykit.tables.words import Words, spelling_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from journeykit.playbook.playbook import Playbook
    from journeykit.playbook.vocabulary import Vocabulary
    from journeykit.tables.formats import TableSource

CLAIM_NUMBERS = ("weight", "propensity", "value", "cost", "spread", "opt_out", "uplift")
CLAIM_FACETS = ("team", "goal", "topics", "solutions", "theme", "tags")
"""What a claim can bring itself, whatever its campaign and content have: columns, and attributes of a claim."""
_FACET_OF = {"topics": "topic", "solutions": "solution", "tags": "tag"}
CLAIM_COLUMNS = (
    *("contact_id", "campaign_id", "content_id", "channel", "at", "asked_at"),
    *CLAIM_NUMBERS,
    "claim_id",
    "expires",
    *CLAIM_FACETS,
)


class ClaimTable:
    """Claims by contact, as plain tuples until they are taken.

    A claim whose own data is bad is counted as a bad row and kept all the same: the decision answers it with
    ``invalid``. Only a claim without a contact has no decision to be answered in.

    Attributes:
        source: the table.
        taken_bad: how many rows of the decision on those that were taken last are counted as bad rows.
        costless: the campaigns of which some claim brings neither a weight nor an opt_out.
        upliftless: the campaigns of which some claim brings no uplift.

    Example:
        >>> claims = ClaimTable.read([{"contact_id": "anna", "campaign_id": "launch", "weight": 8, "risk": 0.5}])
        >>> list(claims), [(claim.campaign, claim.weight, claim.numbers) for claim in claims.take("anna")]
        (['anna'], [('launch', 8, {'risk': 0.5})])
    """

    def __init__(self, source: str, bad: BadRows) -> None:
        self.source = source
        self.bad = bad
        self.taken_bad = 0
        self.costless: set[str] = set()
        self.upliftless: set[str] = set()
        # How many claims a claim without a content becomes, by campaign: one for each content.
        self._widths: dict[str, int] = {}
        self._of: dict[str, list[tuple[Any, ...]]] = {}
        self._same: dict[Any, Any] = {}

    @classmethod
    def read(
        cls,
        source: TableSource,
        *,
        playbook: Playbook | None = None,
        zone: tzinfo | None = None,
        bad: BadRows | None = None,
        only: frozenset[str] | None = None,
        words: Words | None = None,
        found: Mismatches | None = None,
    ) -> ClaimTable:
        """Read a table of claims; what the playbook does not know makes a claim bad."""
        found = found if found is not None else Mismatches()
        file = open_table(source, "claims", typed=is_number, zone=zone)
        if words is not None:
            words.name(file.columns or ())
        claims = cls.empty(file.source, playbook, bad if bad is not None else BadRows())
        readers = claim_readers(zone, None if words is None else words.vocabulary)
        faults = ClaimFaults(playbook)
        names: set[str] | None = None
        for number, columns, places, values in RowLayout(file, CLAIM_COLUMNS[:2], claims.bad).rows():
            names = set(places) if names is None else names if names.issuperset(places) else names.union(places)
            if words is not None:
                words.row(places, values, found, columns)
            try:
                key = read_id(cell_of(places, "contact_id", values))
            except BadCellError as error:
                claims.bad.add(BadRow(file.source, number, "contact_id", error.found, error.allowed))
                continue
            if only is None or key in only:
                fault, parts = claim_parts(places, values, readers)
                fault = fault or faults.of(key, parts, places, values)
                if fault is not None:
                    claims.bad.add(BadRow(file.source, number, *fault), is_useless=not faults.is_of_split(fault))
                else:
                    claims.note_lacks(parts)
                numbers = further_numbers(columns, places, values)
                claims.add(key, (number, fault is not None, *parts, numbers))
        if playbook is not None:
            need_columns(playbook, names, file.source)
        return claims

    def note_lacks(self, parts: Sequence[Any]) -> None:
        """Note which estimates a claim does not bring."""
        if parts[_WEIGHT] is None and parts[_OPT_OUT] is None:
            self.costless.add(parts[0])
        if parts[_UPLIFT] is None:
            self.upliftless.add(parts[0])

    @classmethod
    def empty(cls, source: str, playbook: Playbook | None, bad: BadRows) -> ClaimTable:
        """No claims yet, on the campaigns of a playbook."""
        claims = cls(source, bad)
        known = campaigns_of(playbook) or {}
        claims._widths = {key: len(campaign.content) or 1 for key, campaign in known.items()}
        return claims

    def add(self, key: str, claim: tuple[Any, ...]) -> None:
        """Add a claim of a contact: number of its row, whether that is bad, then what `take` makes a claim of."""
        # Ids come again and again: one copy of each is enough.
        number, bad, *ids = claim[:5]
        same = tuple(part if part is None else self._same.setdefault(part, part) for part in ids)
        self._of.setdefault(key, []).append((number, bad, *same, *claim[5:]))

    def take(self, contact: str) -> list[Claim]:
        """The claims of a contact, which are then let go; of equal ones all but one are counted as bad."""
        found = []
        met: set[tuple[Any, ...]] = set()
        self.taken_bad = 0
        for number, bad, campaign, content, channel, at, *parts, numbers in self._of.pop(contact, ()):
            self.taken_bad += bad
            amounts, (asked_at, own, expires, *facets) = parts[: len(CLAIM_NUMBERS)], parts[len(CLAIM_NUMBERS) :]
            if not bad:
                key = (campaign, content, channel, micros(at) if isinstance(at, datetime) else at, own)
                if key in met:
                    self.taken_bad += 1 if content is not None else self._widths.get(campaign, 1)
                    allowed = "one claim of a contact for each campaign, content, channel, date and claim_id"
                    self.bad.add(BadRow(self.source, number, "campaign_id", shown(campaign), allowed))
                met.add(key)
            found.append(
                Claim(
                    campaign=campaign or "",
                    content=content,
                    channel=channel,
                    at=at,
                    **dict(zip(CLAIM_NUMBERS, amounts, strict=True)),
                    asked_at=asked_at,
                    numbers=numbers or {},
                    id=own,
                    expires=expires,
                    **{name: part for name, part in zip(CLAIM_FACETS, facets, strict=True) if part is not None},
                )
            )
        return found

    def refuse_rest(self, allowed: str) -> None:
        """Count the claims that nobody took as bad rows, and let them go."""
        rest = sorted((claim[0], key) for key, claims in self._of.items() for claim in claims if not claim[1])
        self._of.clear()
        for number, key in rest:
            self.bad.add(BadRow(self.source, number, "contact_id", shown(key), allowed))

    def __iter__(self) -> Iterator[str]:
        """The contacts that have claims left, in the order of their first appearance."""
        return iter(list(self._of))

    def __len__(self) -> int:
        return len(self._of)


def is_number(name: str) -> bool:
    """Whether a column of claims is a further number, as it is in the file."""
    return fold_name(name) not in CLAIM_COLUMNS


def claim_readers(zone: tzinfo | None, vocabulary: Vocabulary | None = None) -> dict[str, Callable[[Any], Any]]:
    """How the columns of a claim are read, in the words of a playbook."""
    return {
        "campaign_id": spelling_reader(read_id, vocabulary, "campaign"),
        "content_id": spelling_reader(read_text, vocabulary, "content"),
        "channel": spelling_reader(read_text, vocabulary, "channel"),
        "at": instant_reader(zone, dates=True, bounded=True),
        **dict.fromkeys(CLAIM_NUMBERS, optional(read_number)),
        "propensity": optional(read_degree),
        "cost": optional(read_cost),
        "spread": optional(read_cost),
        "opt_out": optional(read_degree),
        "uplift": optional(read_difference),
        "asked_at": instant_reader(zone, bounded=True),
        "claim_id": read_text,
        "expires": expiry_reader(zone, dates=True),
        **{
            name: spelling_reader(
                _read_several if name in _FACET_OF else read_text, vocabulary, _FACET_OF.get(name, name)
            )
            for name in CLAIM_FACETS
        },
    }


def _read_several(value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(read_list(value)))


_AT, _EXPIRES, _WEIGHT, _OPT_OUT, _UPLIFT = map(
    [*claim_readers(None)].index, ("at", "expires", "weight", "opt_out", "uplift")
)
"""The places of parts of a claim."""


def claim_parts(
    places: Mapping[str, int], values: Sequence[Any], readers: Mapping[str, Callable[[Any], Any]]
) -> tuple[tuple[str, str, str] | None, list[Any]]:
    """The parts of a claim in the order of the readers, as found where they are bad; and the first fault."""
    fault = None
    parts = []
    for column, read in readers.items():
        value = cell_of(places, column, values)
        if is_missing(value):
            value = None
        if value is not None or column == "campaign_id":
            try:
                value = read(value)
            except BadCellError as error:
                fault = fault or (column, error.found, error.allowed)
                value = _kept(value)
        parts.append(value)
    at, expires = parts[_AT], parts[_EXPIRES]
    if expires is not None and fault is None and expires_too_early(at, expires):
        fault = "expires", shown(expires), f"a date or instant that is not before at ({shown(at)})"
    return fault, parts


def _kept(value: Any) -> Any:
    """A bad value in a form that the engine finds bad too: text that cannot be written comes as bytes."""
    if isinstance(value, str) and ("\0" in value or not is_unicode(value)):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, datetime):
        return shown(value)
    # What has no hash, such as a list, cannot be kept.
    return value if value is None or isinstance(value, (str, int, float, bytes, date)) else shown(value).encode()


_OF_SPLIT = "which the split of campaign"


class ClaimFaults:
    """What is wrong with claims whose cells can be read, by the campaigns and quotas of a playbook.

    Args:
        playbook: the rule set; None where any claim will do.

    Attributes:
        known: the campaigns by id; None where any will do.
        channels: the channel of each content.
        needed: by campaign, the columns that quotas add up (folded names), the quotas' names, and of which contents.
    """

    def __init__(self, playbook: Playbook | None) -> None:
        contents = {content.id: content for content in (playbook.content or () if playbook else ())}
        self.known = campaigns_of(playbook)
        self.channels = {key: content.channel for key, content in contents.items()}
        own = [(quota, quota.own_column) for quota in (playbook.quotas if playbook else ())]
        self.needed: dict[str, list[tuple[str, str, frozenset[str]]]] = {}
        for campaign in (self.known or {}).values():
            facets = {key: playbook.facets(campaign, contents.get(key)) for key in campaign.content if playbook}
            for quota, column in own:
                counted = frozenset(key for key, found in facets.items() if quota.where.matches(found))
                if column is not None and counted:
                    self.needed.setdefault(campaign.id, []).append((fold_name(column), quota.name, counted))

    def of(
        self, contact: str, parts: Sequence[Any], places: Mapping[str, int], values: Sequence[Any]
    ) -> tuple[str, str, str] | None:
        """The first fault of a claim of a contact: the column, what was found, and what is allowed."""
        fault = self.unknown_part(parts) or self._other_variant(contact, parts)
        return fault or self._lacking_number(contact, parts, places, values) or odd_number(places, values)

    @staticmethod
    def is_of_split(fault: tuple[str, str, str]) -> bool:
        """Whether nothing is wrong with a claim but the contact to whom its campaign's split deals another content."""
        return _OF_SPLIT in fault[2]

    def unknown_part(self, parts: Sequence[Any]) -> tuple[str, str, str] | None:
        """What a claim asks for that the playbook does not have."""
        campaign, content, channel = parts[:3]
        if self.known is None:
            return None
        if campaign not in self.known:
            return "campaign_id", shown(campaign), "a campaign of the playbook"
        contents = self.known[campaign].content
        if contents and content is not None and content not in contents:
            return "content_id", shown(content), "a content of the campaign"
        if contents and channel is not None and not self._asked(parts):
            return "channel", shown(channel), "a channel of the campaign's content"
        return None

    def _asked(self, parts: Sequence[Any]) -> list[str]:
        """The contents for which a claim asks."""
        campaign, content, channel = parts[:3]
        contents = self.known[campaign].content if self.known else ()
        return [
            own for own in contents if content in (None, own) and (channel is None or self.channels.get(own) == channel)
        ]

    def _other_variant(self, contact: str, parts: Sequence[Any]) -> tuple[str, str, str] | None:
        """What a claim asks for that the campaign's split does not choose for the contact."""
        campaign = (self.known or {}).get(parts[0])
        chosen = None if campaign is None else campaign.variant_of(contact)
        if campaign is None or chosen is None or chosen in self._asked(parts):
            return None
        why = f"{_OF_SPLIT} {campaign.id!r} chooses for the contact"
        if parts[1] is not None and parts[1] != chosen:
            return "content_id", shown(parts[1]), f"the content {chosen!r}, {why}"
        return "channel", shown(parts[2]), f"the channel of the content {chosen!r}, {why}"

    def _lacking_number(
        self, contact: str, parts: Sequence[Any], places: Mapping[str, int], values: Sequence[Any]
    ) -> tuple[str, str, str] | None:
        """What a claim lacks that a quota adds up."""
        needed = self.needed.get(parts[0]) if isinstance(parts[0], str) else None
        if not needed or self.known is None:
            return None
        chosen = self.known[parts[0]].variant_of(contact)
        asked = self._asked(parts) if chosen is None else [chosen]
        for column, quota, counted in needed:
            value = cell_of(places, column, values)
            has_number = type(value) in (int, float) and value == value  # noqa: PLR0124  (NaN is no number)
            if not has_number and not counted.isdisjoint(asked):
                return column, shown(value), f"a number, since the quota {quota!r} adds it up"
        return None


def odd_number(places: Mapping[str, int], values: Sequence[Any]) -> tuple[str, str, str] | None:
    """A further number of a claim that is too large to be added up, infinity say."""
    for column, place in places.items():
        value = values[place]
        if column not in CLAIM_COLUMNS and type(value) in (int, float) and abs(value) > LARGEST:
            return column, shown(value), NUMBER
    return None


def further_numbers(
    columns: Sequence[str], places: Mapping[str, int], values: Sequence[Any]
) -> dict[str, float] | None:
    """The further numeric columns of a claim."""
    found = {
        columns[place].strip(): values[place]
        for fold, place in places.items()
        if fold not in CLAIM_COLUMNS and type(values[place]) in (int, float) and not is_missing(values[place])
    }
    return found or None


def need_columns(playbook: Playbook, names: Collection[str] | None, source: str) -> None:
    """Refuse a table of claims that lacks a column which a quota adds up.

    Args:
        playbook: the rule set.
        names: the folded names of its columns; None for a table without rows.
        source: the table.

    Raises:
        DataError: naming the first column that is not there.
    """
    for quota in playbook.quotas:
        if names is not None and quota.own_column is not None and fold_name(quota.own_column) not in names:
            raise DataError(
                f"the quota {quota.name!r} adds up a column {quota.of!r} that is not there; there are "
                f"{', '.join(sorted(names))}",
                source=source,
                field=quota.of,
            )
