"""The measures of messages by a facet, as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from journeykit.journey.measure.funnel_report import page, text
from journeykit.measuring.group_measures import GroupMeasures
from journeykit.measuring.measure_tables import groups_table

if TYPE_CHECKING:
    from journeykit.journey.measure.funnel_report import ReportTable


@frozen(kw_only=True, repr=False)
class FacetMeasures:
    """The measures by a facet, or by several together.

    Print it for the text, or show it in a notebook for a table.

    Attributes:
        facets: what tells the messages apart, such as ``("team", "stage")``.
        groups: the groups; those with the most messages first, stages in the journey's order.
    """

    facets: tuple[str, ...]
    groups: tuple[GroupMeasures, ...]

    @property
    def name(self) -> str:
        """The facets as ``--by`` takes them."""
        return "*".join(self.facets)

    def table(self, title: str | None = None) -> ReportTable:
        """The measures as a table for people.

        Args:
            title: what is above it; None for the facets.
        """
        return groups_table(title or f"By {' and '.join(self.facets)}", self.facets, self.groups)

    def __str__(self) -> str:
        return text((), (self.table(),)).removeprefix("\n")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return page((), (self.table(),))
