"""What there is to know of a model before it is used: its data, how it was chosen, how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen

from journeykit.journey.measure.funnel_report import ReportTable, page, text
from journeykit.journey.measure.intervals import Share
from journeykit.learning.pressure_curve import PressureCurve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FEW_RESPONSES = 100
"""A model of fewer responses is said to rest on few."""


@frozen(kw_only=True)
class CardPart:
    """A part of the messages.

    Attributes:
        name: ``fit``, ``choose`` or ``check``; ``all`` for all.
        messages: how many.
        answered: how many of them were answered.
        contacts: to how many contacts.
        since: the first of them, in microseconds since 1970; None without messages.
        until: the last of them.
    """

    name: str
    messages: int
    answered: int
    contacts: int
    since: int | None
    until: int | None


@frozen(kw_only=True)
class TriedModel:
    """How a model did on later messages that it had not seen.

    Attributes:
        name: which.
        log_loss: the mean log loss per message, not calibrated; None where it could not be fitted.
        gain: how much lower that is than the baseline's; None of the baseline.
        error: the standard error of the gain, by contact.
        note: why it could not be fitted; empty where it was.
    """

    name: str
    log_loss: float | None = None
    gain: float | None = None
    error: float | None = None
    note: str = ""


@frozen(kw_only=True)
class CalibrationGroup:
    """Messages of about one chance, and how many of them were answered.

    Attributes:
        messages: how many.
        answered: how many of them were answered.
        chance: their mean chance.
    """

    messages: int
    answered: int
    chance: float

    @property
    def share(self) -> Share:
        """The share that was answered, with its interval."""
        return Share.of(self.answered, self.messages)


@frozen(kw_only=True)
class ModelScores:
    """How good chances are: both are means per message, and less is better.

    Attributes:
        log_loss: minus the logarithm of the chance that was given to what happened.
        brier: the square of the difference between the chance and what happened (0 or 1).
    """

    log_loss: float
    brier: float


@frozen(kw_only=True, repr=False)
class ModelCard:
    """What there is to know of a model before it is used.

    Attributes:
        response: what it predicts.
        chosen: the name of the model that is used.
        parts: the messages: all, and those to fit, to choose and to check; all alone where they are too few to split.
        recurring: the share of the messages to check whose contacts had messages before; None without such messages.
        tried: the models that competed, the baseline first.
        scores: of the calibrated model on the messages to check; None where they are too few.
        baseline: of the baseline on these, calibrated likewise.
        calibration: these messages in groups by chance.
        slope: of the calibration; None where the model is not calibrated.
        pressure: of opt-outs, what one more message risks, by how many there were before; else None.
        features: by name of each feature, its kind.
        left_out: by reason, how many messages are no examples.
        notes: what is to be said.
    """

    response: str
    chosen: str
    parts: tuple[CardPart, ...]
    recurring: float | None = None
    tried: tuple[TriedModel, ...] = ()
    scores: ModelScores | None = None
    baseline: ModelScores | None = None
    calibration: tuple[CalibrationGroup, ...] = ()
    slope: float | None = None
    pressure: PressureCurve | None = None
    features: Mapping[str, str] = field(factory=dict)
    left_out: Mapping[str, int] = field(factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def is_small(self) -> bool:
        """Whether it rests on few responses."""
        return self.parts[0].answered < FEW_RESPONSES

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data; instants are ISO text."""
        found = asdict(self) | {"is_small": self.is_small}
        found["parts"] = [_dated(own) for own in found["parts"]]
        found["calibration"] = [asdict(own) | own.share.to_dict() for own in self.calibration]
        for group in found["calibration"]:
            del group["part"], group["whole"]
        found["pressure"] = None if self.pressure is None else self.pressure.to_dict()
        return found

    def heading(self) -> Iterator[str]:
        """What is said before the tables, a line each."""
        own = self.parts[0]
        small = "; few, so take it with care" if self.is_small else ""
        yield (
            f"The chance of {self.response!r}, by {self.chosen!r}, from {own.messages:,} messages to {own.contacts:,} "
            f"contacts, {own.answered:,} of them answered{small}."
        )
        yield from self.notes
        if self.left_out:
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in self.left_out.items())
            yield f"Messages that are no examples: {reasons}."

    def tables(self) -> Iterator[ReportTable]:
        """The tables of the card."""
        yield ReportTable(
            "Messages",
            ("part", "messages", "answered", "contacts", "from", "to"),
            [
                (
                    own.name,
                    f"{own.messages:,}",
                    f"{own.answered:,}",
                    f"{own.contacts:,}",
                    _day(own.since),
                    _day(own.until),
                )
                for own in self.parts
            ],
            1,
        )
        if self.tried:
            yield ReportTable(
                "Models, on the messages to choose",
                ("model", "log loss", "gain", "error", "note"),
                [(own.name, *map(_figure, (own.log_loss, own.gain, own.error)), own.note) for own in self.tried],
                1,
            )
        if self.scores is not None and self.baseline is not None:
            both = ((self.chosen, self.scores), ("baseline", self.baseline))
            yield ReportTable(
                "Calibrated, on the messages to check",
                ("model", "log loss", "Brier"),
                [(name, _figure(own.log_loss), _figure(own.brier)) for name, own in both],
                1,
            )
        if self.calibration:
            yield ReportTable(
                "Chances and answers, on the messages to check",
                ("chance", "messages", "answered", "rate", "from", "to"),
                [_calibration_row(own) for own in self.calibration],
                0,
            )
        if self.pressure is not None:
            yield from self.pressure.tables()

    def to_markdown(self) -> str:
        """The same as a page of Markdown."""
        return markdown(self.response, self.heading(), self.tables())

    def __str__(self) -> str:
        return text(self.heading(), self.tables())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return page(self.heading(), self.tables())


def markdown(title: str, heading: Iterable[str], tables: Iterable[ReportTable]) -> str:
    """A card as a page of Markdown."""
    lines = [f"# {title}", "", *(line for own in heading for line in (own, ""))]
    for table in tables:
        rule = ["---" if at < table.names else "---:" for at in range(len(table.headings))]
        lines += [f"## {table.title}", "", _row(table.headings), _row(rule), *map(_row, table.rows), ""]
    return "\n".join(lines)


def _dated(part: dict[str, Any]) -> dict[str, Any]:
    return part | {name: _instant(part[name]) for name in ("since", "until")}


def _instant(at: int | None) -> str | None:
    return None if at is None else (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).isoformat()


def _day(at: int | None) -> str:
    return "-" if at is None else (_instant(at) or "")[:10]


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.5f}"


def _calibration_row(own: CalibrationGroup) -> tuple[str, ...]:
    share = own.share
    rates = (own.chance, share.rate, share.low, share.high)
    chance, rate, low, high = ("-" if value is None else f"{value:.4f}" for value in rates)
    return (chance, f"{own.messages:,}", f"{own.answered:,}", rate, low, high)


def _row(cells: Any) -> str:
    return f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in cells)} |"
