"""What is known of a model of uplift: where it comes from, what was tried, and what it would have brought."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.journey.measure.funnel_report import ReportTable, counted, page, text
from journeykit.learning.model_card import markdown
from journeykit.learning.uplift_curve import MeanEffect, UpliftCurve

if TYPE_CHECKING:
    from collections.abc import Iterator


@frozen(kw_only=True)
class CampaignUplift:
    """What the messages of one campaign add.

    Attributes:
        campaign: which.
        messaged: how many contacts could get them.
        held: how many were held out.
        effect: what they add to the chance of a response, by contact.
        error: a standard error of it that is never 0, however few they are.
        kept: the same, drawn towards the mean of all campaigns as far as few contacts leave it open: what scores are
            built on.
    """

    campaign: str
    messaged: int
    held: int
    effect: MeanEffect
    error: float
    kept: float

    @property
    def chance(self) -> float:
        """The share of contacts that could get the messages."""
        return self.messaged / (self.messaged + self.held)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "campaign": self.campaign,
            "messaged": self.messaged,
            "held": self.held,
            "effect": self.effect.to_dict(),
            "error": self.error,
            "kept": self.kept,
        }


@frozen(kw_only=True)
class TriedLearner:
    """A learner that was tried on contacts that it had not learned from.

    Attributes:
        name: which.
        curve: its uplift curve.
        over_means: the area that it has more than the campaigns' means.
        nearer: how much nearer it is to the effects than the campaigns' means: the mean difference of the squares of
            what they miss.
        slope: how far its differences between contacts hold for other contacts: 1 in full, 0 not at all.
    """

    name: str
    curve: UpliftCurve
    over_means: MeanEffect
    nearer: MeanEffect
    slope: float

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "learner": self.name,
            "slope": self.slope,
            "over_means": self.over_means.to_dict(),
            "nearer": self.nearer.to_dict(),
            "curve": self.curve.to_dict(),
        }


@frozen(kw_only=True, repr=False)
class UpliftCard:
    """What is known of a model of uplift.

    All that is said of what it would have brought is said of contacts that it had not learned from.

    Attributes:
        response: the response.
        chosen: the learner that was chosen.
        contacts: how many contacts there were.
        campaigns: by campaign, who was compared and what messages add.
        tried: the learners that were tried, with the baseline.
        share: the share of rows whose uplift is above 0.
        above_zero: responses per row where messages go to rows whose uplift is above 0.
        everyone: where they go to all.
        nobody: where they go to nobody.
        over_everyone: `above_zero` less `everyone`, with its own interval.
        over_nobody: `above_zero` less `nobody`, likewise.
        features: the names of the features.
        left_out: by reason, how many rows of the log were not used.
        notes: what else is to be said.
    """

    response: str
    chosen: str
    contacts: int
    campaigns: tuple[CampaignUplift, ...]
    tried: tuple[TriedLearner, ...]
    share: float
    above_zero: MeanEffect
    everyone: MeanEffect
    nobody: MeanEffect
    over_everyone: MeanEffect
    over_nobody: MeanEffect
    features: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(factory=dict)
    notes: tuple[str, ...] = ()

    def tables(self) -> Iterator[ReportTable]:
        """The card as tables for people."""
        yield ReportTable(
            f"Uplift of {self.response!r}, by campaign",
            ("campaign", "could get it", "held out", "uplift", "from", "to", "kept"),
            [
                (own.campaign, f"{own.messaged:,}", f"{own.held:,}", *_cells(own.effect), _percent(own.kept))
                for own in self.campaigns
            ],
            1,
        )
        yield ReportTable(
            "Learners, by contacts that they had not learned from",
            ("learner", "Qini", "from", "to", "area over means", "error", "nearer by", "slope"),
            [
                (
                    own.name,
                    *_cells(own.curve.qini),
                    _percent(own.over_means.mean),
                    _percent(own.over_means.error),
                    f"{own.nearer.mean:.5f}",
                    f"{own.slope:.2f}",
                )
                for own in self.tried
            ],
            1,
        )
        told = {
            "uplift above 0": self.above_zero,
            "all": self.everyone,
            "nobody": self.nobody,
            "uplift above 0, less all": self.over_everyone,
            "uplift above 0, less nobody": self.over_nobody,
        }
        yield ReportTable(
            f"Responses per contact and campaign, where messages go to ({100 * self.share:.1f} % have uplift above 0)",
            ("messages go to", "responses", "from", "to"),
            [(name, *_cells(own)) for name, own in told.items()],
            1,
        )

    def heading(self) -> Iterator[str]:
        """What is said before the tables, a line each."""
        yield (
            f"What messages add to the chance of {self.response!r}, by {self.chosen}, from "
            f"{counted(self.contacts, 'contact')}."
        )
        yield from self.notes
        if self.left_out:
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in self.left_out.items())
            yield f"Rows of the log that are not compared: {reasons}."

    def to_markdown(self) -> str:
        """The same as a page of Markdown."""
        return markdown(f"Uplift of {self.response}", self.heading(), self.tables())

    def __str__(self) -> str:
        return text(self.heading(), self.tables())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return page(self.heading(), self.tables())

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "response": self.response,
            "chosen": self.chosen,
            "contacts": self.contacts,
            "campaigns": [own.to_dict() for own in self.campaigns],
            "tried": [own.to_dict() for own in self.tried],
            "share": self.share,
            **{name: getattr(self, name).to_dict() for name in _VALUES},
            "features": list(self.features),
            "left_out": dict(self.left_out),
            "notes": list(self.notes),
        }


_VALUES = ("above_zero", "everyone", "nobody", "over_everyone", "over_nobody")


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def _cells(found: MeanEffect) -> tuple[str, str, str]:
    return _percent(found.mean), _percent(found.low), _percent(found.high)
