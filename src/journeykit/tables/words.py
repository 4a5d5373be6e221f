"""Words of tables: which of them the playbook does not know, and which columns it asks for in vain."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NamedTuple

from journeykit.basics.validation import parted
from journeykit.model.cap import Either, Limit
from journeykit.model.contact import ANY
from journeykit.model.mismatch import MISSING_COLUMN, UNKNOWN, Mismatches
from journeykit.playbook.experiment_arms import every_cap
from journeykit.playbook.section_checks import scopes_of
from journeykit.playbook.vocabulary import Vocabulary, events_of, rules_of, send_times_of
from journeykit.rule.expression import Expression
from journeykit.tables.cells import BadCellError, is_missing, read_list, read_text
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from journeykit.playbook.playbook import Playbook

_LISTS = ("segments", "interests", "consent")
_PARTED = ("topic", "topics", "solutions", "tags")
KINDS: dict[str, dict[str, str]] = {
    "contacts": {
        "stage": "stage",
        "role": "role",
        "segments": "segment",
        "interests": "interest",
        "consent": "channel",
    },
    "touches": {
        "channel": "channel",
        "campaign_id": "campaign",
        "content_id": "content",
        "team": "team",
        "goal": "goal",
        "topic": "topic",
        "topics": "topic",
        "solutions": "solution",
        "theme": "theme",
        "tags": "tag",
        "status": "status",
    },
    "claims": {
        "campaign_id": "campaign",
        "content_id": "content",
        "channel": "channel",
        "team": "team",
        "goal": "goal",
        "topics": "topic",
        "solutions": "solution",
        "theme": "theme",
        "tags": "tag",
    },
    "scores": {"campaign_id": "campaign", "content_id": "content"},
    "events": {"event": "event"},
}
"""By table and column, which kind of the playbook's words it holds."""
_PREFIXES = {
    "consent_until_": "channel",
    "topic_consent_": "topic",
    "consent_": "channel",
    "prefer_": "channel",
}
_PAST = ("campaign_id", "content_id", "team", "goal", "topic", "topics", "solutions", "theme", "tags")
"""Columns of touches whose words may be those of a playbook of the past."""
_OPTIONAL = {
    "touches": ("campaign_id", "content_id", "team", "goal", "topic", "status"),
    "claims": (
        *("content_id", "channel", "at", "asked_at", "expires", "weight", "propensity", "value", "cost"),
        *("spread", "opt_out", "uplift"),
    ),
    "scores": ("content_id", "propensity", "value", "spread", "opt_out", "uplift"),
}
_FACETS = {
    "touches": {"solutions": "solution", "theme": "theme", "tags": "tag"},
    "claims": {
        "team": "team",
        "goal": "goal",
        "topics": "topic",
        "solutions": "solution",
        "theme": "theme",
        "tags": "tag",
    },
}
"""Further columns that a table may have, with the facet that they tell."""
_FURTHER = (
    *("contact_id", "sent_at", "account_id", "claim_id", "expires", "spread", "opt_out", "uplift"),
    *("tags", "theme", "topics", "solutions", "team", "goal", "campaign_ends", "counts_toward_caps", "without"),
)
"""Other columns of tables that are no misspelt ones."""
_FORBIDDING = ("opted_out", "suppressed", "consent")
_NEAR = 0.7
_SURELY = 0.85
_ROOM = 20_000
_FIELDS = {"id": "contact_id", "account": "account_id"}
"""How tables call those fields of a contact that rules call otherwise."""


class Finding(NamedTuple):
    """A mismatch of one cell or column, without the number of its rows; the parts are those of a `Mismatch`."""

    column: str
    kind: str
    found: str = ""
    expected: str | None = None
    place: str = "the playbook"
    effect: str = ""
    harmless: bool = False


class Words:
    """Looks at the words of one table.

    Cells may be looked at by several threads at once; what is counted goes into the `Mismatches` that are given.

    Args:
        table: ``contacts``, ``touches``, ``claims``, ``scores`` or ``events``; ``ledger`` for touches of a ledger.
        playbook: the rule set.
        vocabulary: its words; None makes them.

    Attributes:
        columns: by the folded names of the table's columns, the kind of their words.
        tests_channels: whether these are touches, and rules ask for their channels.
        tests_rows: whether rows are looked at as a whole too, by `unclear`.

    Example:
        >>> from journeykit import Content, Playbook
        >>> words, found = Words("touches", Playbook(content=[Content(id="note", channel="email")])), Mismatches()
        >>> words.row({"channel": 0}, ["Email"], found)
        >>> [str(mismatch) for mismatch in found]
        ["touches: channel 'Email' (1 row) is read as 'email'"]
    """

    def __init__(self, table: str, playbook: Playbook, vocabulary: Vocabulary | None = None) -> None:
        self.table = table
        self.playbook = playbook
        self.vocabulary = vocabulary or Vocabulary.of(playbook)
        self.columns = KINDS.get(table, {})
        self._cells: dict[tuple[str, type, Any], tuple[Finding, ...]] = {}
        self._names: dict[str, str] = {}
        self._last: Sequence[object] = ()
        self._journey_events = frozenset(events_of(playbook.journey) if table == "events" else ())
        self._campaigns = {campaign.id: campaign for campaign in playbook.campaigns or ()}
        self._contents = {content.id: content for content in playbook.content or ()}
        self.tests_channels = table == "touches" and _tests_channels(playbook)
        series = (own for own in playbook.campaigns or () if own.series)
        self._series = {own.id: own.content for own in series} if table in ("touches", "ledger") else {}
        self.tests_rows = self.tests_channels or bool(self._series)

    # Cells

    def row(
        self, places: Mapping[str, int], values: Sequence[Any], found: Mismatches, columns: Sequence[object] = ()
    ) -> None:
        """Count what is to be said of a row.

        Args:
            places: the places of its columns, by folded name.
            values: its cells.
            found: what is counted.
            columns: the names of its columns, as it writes them.
        """
        if columns != self._last:
            self.name(columns)
            self._last = columns
        for column in self.columns:
            place = places.get(column)
            if place is not None and values[place] is not None:
                for finding in self.cell(column, values[place]):
                    self.count(finding, 1, found)
        if self.tests_rows:
            cells = {name: values[places[name]] for name in ("channel", "campaign_id", "content_id") if name in places}
            for unclear in self.unclear(cells):
                self.count(unclear, 1, found)

    def cell(self, column: str, value: Any) -> tuple[Finding, ...]:
        """What is to be said of a cell of a column, which is named as in `columns`."""
        try:
            key = (column, type(value), value)
            known = self._cells.get(key)
        except TypeError:  # a list has no hash
            return tuple(self._look(column, value))
        if known is None:
            if len(self._cells) >= _ROOM:
                self._cells.clear()
            known = self._cells[key] = tuple(self._look(column, value))
        return known

    def _look(self, column: str, value: Any) -> Iterator[Finding]:
        kind = self.columns[column]
        for word in _words_in(column, value):
            sight = self.vocabulary.look(kind, word)
            if sight is not None:
                if kind == "event" and sight.nearest in self._journey_events:
                    # A journey takes events as they are written.
                    sight = sight._replace(kind=UNKNOWN, place="the journey")
                effect = ""
                if sight.kind == UNKNOWN and column == "status":
                    effect = "it counts as sent"
                elif sight.kind == UNKNOWN and sight.nearest and self.tests_channels and column == "channel":
                    effect = f"rules that protect count it as {sight.nearest!r} too"
                harmless = sight.nearest is None and (
                    column == "consent" or (self.table == "touches" and column in _PAST)
                )
                yield Finding(column, sight.kind, word, sight.nearest, sight.place, effect, harmless)

    def unclear(self, cells: Mapping[str, Any]) -> Iterator[Finding]:
        """What is to be said of a touch that does not say what rules ask for, and nothing else tells it.

        No channel, where rules ask for it; no content, or one that it does not have, where its campaign is a series.

        Args:
            cells: its cells ``channel``, ``campaign_id`` and ``content_id``, as far as the table has them.
        """
        names = {}
        for column in ("campaign_id", "content_id"):
            words = _words_in(column, cells.get(column))
            names[column] = self.vocabulary.spelt(self.columns[column], words[0]) if words else ""
        yield from self.no_step(names["campaign_id"], names["content_id"])
        if self.tests_channels and is_missing(cells.get("channel")) and names["content_id"] not in self._contents:
            campaign = self._campaigns.get(names["campaign_id"])
            if isinstance(self.vocabulary.channels_of(None, campaign, self._contents), Either):
                effect = "rules that protect count it whatever the channel"
                yield Finding("channel", UNKNOWN, effect=effect, harmless=True)

    def no_step(self, campaign: str, content: str) -> Iterator[Finding]:
        """What is to be said of a touch of a series that is none of its steps; nothing of any other touch."""
        steps = self._series.get(campaign, ())
        # Of a series of one step any touch that does not say its content is that step.
        if len(steps) > 1 and not content:
            yield Finding("content_id", UNKNOWN, effect="a touch of a series without it is no step", harmless=True)
        elif steps and content and content not in steps:
            word, effect = f"{content} of {campaign}", "a touch of it is no step"
            yield Finding("content_id", UNKNOWN, word, None, "the contents of that series", effect, harmless=True)

    def count(self, finding: Finding, rows: int, found: Mismatches) -> None:
        """Count a finding for some rows."""
        column, kind, word, expected, place, effect, harmless = finding
        found.add(
            self.table,
            column,
            kind,
            word,
            rows=rows,
            expected=expected,
            place=place,
            effect=effect,
            harmless=harmless,
        )

    # Columns

    def name(self, columns: Iterable[object]) -> None:
        """Take notice of columns that the table has."""
        for column in columns:
            if isinstance(column, str):
                self._names.setdefault(fold_name(column), column.strip())

    @property
    def names(self) -> dict[str, str]:
        """The columns that the table has, by folded name as it writes them."""
        return self._names

    def has(self, column: str) -> bool:
        """Whether the table has a column, by its folded name."""
        return column in self._names

    def finish(self, found: Mismatches) -> None:
        """Count what is to be said of the columns, once all are known; a table without any is not judged."""
        if self._names:
            for finding in (*self._misnamed(), *self._misspelt(), *self._lacking()):
                self.count(finding, 0, found)

    def _misnamed(self) -> Iterator[Finding]:
        """Columns named after a channel or topic that the playbook does not name."""
        if self.table != "contacts":
            return
        for fold, name in sorted(self._names.items()):
            prefix = next((prefix for prefix in _PREFIXES if fold.startswith(prefix) and fold != prefix), None)
            if prefix is None:
                continue
            kind, word = _PREFIXES[prefix], name[len(prefix) :]
            known = self.vocabulary.words.get(kind, frozenset())
            if word == ANY or any(fold_name(own) == fold_name(word) for own in known):
                continue
            near = self.vocabulary.nearest(kind, word)
            if near is not None or known:
                place = f"the playbook's {kind}s"
                yield Finding(name, UNKNOWN, name, near and name[: len(prefix)] + near, place, "", near is None)

    def _misspelt(self) -> Iterator[Finding]:
        """Columns of contacts that probably forbid messages, under a name that does not."""
        if self.table != "contacts":
            return
        asked = {fold_name(part) for name in self._asked() for part in (name, name.partition(".")[0])}
        lacking = {_letters(own): own for own in self._forbidding() if fold_name(own) not in self._names}
        for fold, name in sorted(self._names.items()):
            if fold in asked or fold in (*_FORBIDDING, "content") or fold.startswith(tuple(_PREFIXES)):
                continue
            near = difflib.get_close_matches(_letters(fold), lacking, n=1, cutoff=_SURELY)
            if near:
                effect = "it is taken as an attribute, and forbids nothing"
                yield Finding(name, UNKNOWN, name, lacking[near[0]], "what contacts can forbid", effect)

    def _forbidding(self) -> Iterator[str]:
        """The columns that can forbid messages to a contact."""
        yield from _FORBIDDING
        for prefix, kind in _PREFIXES.items():
            if prefix != "prefer_":
                yield from (prefix + word for word in sorted(self.vocabulary.words.get(kind, ())))

    def _lacking(self) -> Iterator[Finding]:
        """Columns that the playbook asks for and the table lacks."""
        extra = sorted(set(self._names) - {*_OPTIONAL.get(self.table, ()), *self.columns, *_FURTHER})
        for column in self._optional():
            if column not in self._names:
                near = _nearest_column(column, extra)
                doubled = column == "topic" and "topics" in self._names
                if near is not None and near not in self._own_columns() and not doubled:
                    yield Finding(column, MISSING_COLUMN, "", self._names[near])
        if self.table == "touches":
            yield from self._unread_touches()
        if self.table == "contacts":
            extra = sorted(self._names)
            for column in self._fitted():
                near = _nearest_column(column, extra, _SURELY)
                if column not in self._names and near is not None:
                    yield Finding(column, MISSING_COLUMN, "", self._names[near])
            for column, reader in self._asked().items():
                if fold_name(column) not in self._names and fold_name(column.partition(".")[0]) not in self._names:
                    near = _nearest_column(fold_name(column), extra, 0.6)
                    yield Finding(column, MISSING_COLUMN, reader, near and self._names[near])

    def _optional(self) -> Iterator[str]:
        """Columns of which a misspelt one is one that is not read; of facets those that a rule asks for."""
        yield from _OPTIONAL.get(self.table, ())
        asked = {facet for _, scope in scopes_of(self.playbook) for facet in (*scope.match, *scope.exclude)}
        asked |= {facet for cap in self.playbook.caps for facet in cap.by}
        yield from (column for column, facet in _FACETS.get(self.table, {}).items() if facet in asked)

    def _unread_touches(self) -> Iterator[Finding]:
        """Columns without which a rule never sees what touches are, as neither they nor the playbook say it."""
        asked = dict(_facets_asked(self.playbook))
        if any(campaign.repeat is not None for campaign in self.playbook.campaigns or ()):
            asked.setdefault("campaign", "a campaign's repeat")
        for facet, reader in asked.items():
            columns = _TELLING.get(facet, ())
            near = _nearest_column(columns[0], sorted(set(self._names) - set(_FURTHER))) if columns else None
            # A misspelt one is reported as misspelt.
            if columns and not any(column in self._names for column in columns) and near is None:
                yield Finding(columns[0], MISSING_COLUMN, reader)

    def _own_columns(self) -> set[str]:
        """Columns that the playbook names itself, and which are no misspelt others."""
        return {fold_name(quota.own_column) for quota in self.playbook.quotas if quota.own_column is not None}

    def _fitted(self) -> Iterator[str]:
        """The columns of contacts that no rule reads, but what content fits and whom caps count together."""
        asked = self._asked()
        contents = self.playbook.content or ()
        read = {
            "stage": any(content.stages is not None for content in contents),
            "role": any(content.roles is not None for content in contents),
            "account_id": any(cap.per == "account" for cap in self.playbook.caps),
        }
        yield from (column for column, is_read in read.items() if is_read and column not in asked)

    def _asked(self) -> dict[str, str]:
        """The columns of contacts that rules and own limits read, each with what reads it first."""
        found: dict[str, str] = {}
        playbook = self.playbook
        for path, rule in rules_of(playbook):
            for name in sorted(rule.names):
                if name == "segments" and playbook.segments:
                    continue
                found.setdefault(_FIELDS.get(name, name), _reader(playbook, path))
        for campaign in playbook.campaigns or ():
            for name in campaign.weight.attributes if isinstance(campaign.weight, Expression) else ():
                found.setdefault(_FIELDS.get(name, name), f"the weight of {campaign.id!r}")
        for cap in every_cap(playbook):
            if isinstance(cap.max, Limit):
                found.setdefault(cap.max.attribute, f"the limit of the cap {cap.name!r}")
        for what, send_at in send_times_of(playbook):
            if send_at.attribute is not None:
                found.setdefault(send_at.attribute, f"send_at of {what}")
        return found


def _reader(playbook: Playbook, path: str) -> str:
    """What a rule is part of, as people call it."""
    section, _, rest = path.partition("[")
    at = int(rest.partition("]")[0])
    if section == "campaigns":
        return f"the audience of {(playbook.campaigns or ())[at].id!r}"
    if section == "caps":
        return f"the audience of the cap {playbook.caps[at].name!r}"
    if section == "levers":
        return f"the lever {playbook.levers[at].name!r}"
    if section in _HOURS:
        return f"the audience of the {_HOURS[section]} {getattr(playbook, section)[at].label!r}"
    return f"the segment {playbook.segments[at].name!r}"


_HOURS = {"quiet_hours": "quiet hours", "send_hours": "send hours", "holidays": "holiday"}


def _tests_channels(playbook: Playbook) -> bool:
    """Whether a rule that touches count in asks for the channel."""
    return any("channel" in part for _, scope in scopes_of(playbook) for part in (scope.match, scope.exclude)) or any(
        "channel" in cap.by or not isinstance(cap.points, (int, float)) for cap in playbook.caps
    )


_TELLING = {
    "campaign": ("campaign_id",),
    "content": ("content_id", "campaign_id"),
    "team": ("team", "campaign_id"),
    "goal": ("goal", "campaign_id"),
    "topic": ("topics", "topic", "content_id", "campaign_id"),
    "solution": ("solutions", "content_id", "campaign_id"),
    "theme": ("theme", "content_id", "campaign_id"),
    "tag": ("tags", "content_id", "campaign_id"),
}
"""By facet, the columns of touches that tell it, themselves or by the playbook."""


def _facets_asked(playbook: Playbook) -> Iterator[tuple[str, str]]:
    """The facets of touches that rules ask for, each with the rule."""
    for cap in playbook.caps:
        for facet in (*cap.where.match, *cap.where.exclude, *cap.by):
            yield facet, f"the cap {cap.name!r}"
    for conflict in playbook.conflicts:
        for scope in (conflict.first, conflict.then):
            for facet in (*scope.match, *scope.exclude):
                yield facet, f"the conflict {conflict.name!r}"
    for need in playbook.requirements:
        for facet in (*need.partner.match, *need.partner.exclude) if need.within is not None else ():
            yield facet, f"the requirement {need.name!r}"


def _letters(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def _nearest_column(column: str, columns: Iterable[str], cutoff: float = _NEAR) -> str | None:
    found = difflib.get_close_matches(column, list(columns), n=1, cutoff=cutoff)
    return found[0] if found else None


def _words_in(column: str, value: Any) -> list[str]:
    """The words of a cell; none where it is empty or cannot be read, which is reported elsewhere."""
    if is_missing(value):
        return []
    try:
        if column in _PARTED:
            return read_list(parted(value) if isinstance(value, str) else value)
        if column in _LISTS:
            return read_list(value)
        word = read_text(value)
    except BadCellError:
        return []
    return [] if word is None else [word]


def spelling_reader(read: Callable[[Any], Any], vocabulary: Vocabulary | None, kind: str) -> Callable[[Any], Any]:
    """A reader that gives words as the playbook writes them.

    Args:
        read: a reader of a text or of a list of texts.
        vocabulary: the playbook's words; None leaves all words as they are.
        kind: what the words are.
    """
    if vocabulary is None:
        return read

    def spelt(value: Any) -> Any:
        found = read(value)
        if isinstance(found, str):
            return vocabulary.spelt(kind, found)
        if found is None:
            return None
        several = vocabulary.spelt_all(kind, found)
        return several if isinstance(found, tuple) else list(several)

    return spelt
