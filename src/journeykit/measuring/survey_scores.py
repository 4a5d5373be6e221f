"""Net promoter scores from surveys: of all contacts, by stage, by segment, and by the teams that wrote before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import field, frozen

from journeykit.journey.measure.funnel_report import ReportTable, page, text
from journeykit.measuring.arm_outcomes import arm_outcomes
from journeykit.measuring.differences import Difference
from journeykit.measuring.promoter_score import FEW_ANSWERS, HIGHEST, LOWEST, PASSIVE, PROMOTER, PromoterScore
from journeykit.measuring.relation_arms import relation_arms
from journeykit.measuring.stage_stays import NOWHERE
from journeykit.tables.arrow.arrays import one_piece

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from journeykit.measuring.relation_tables import RelationTables

_UNKNOWN = "-"
NOT_ENTERED = "(not entered)"
"""The stage of contacts who had not entered the journey when they answered."""
ANY_TEAM = "(any)"
"""All teams together."""


@frozen(kw_only=True)
class TeamScores:
    """The scores of contacts to whom a team had written before they answered, and of the others.

    What lies between them is no effect of the team: it chose to whom it wrote. Arms and a holdout show effects.

    Attributes:
        written: of those to whom it had written.
        others: of those to whom it had not.
    """

    written: PromoterScore
    others: PromoterScore

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"written": self.written.to_dict(), "others": self.others.to_dict()}


@frozen(kw_only=True)
class ArmScores:
    """The scores of contacts by the arm, or holdout, into which a hash put them, of those who answered.

    Attributes:
        scores: by arm, the score; the first arm is the one that the others are compared with.
        differences: of each other arm, its score less that of the first one, over 100: Welch's interval of the mean of
            1, 0 and -1.
    """

    scores: Mapping[str, PromoterScore]
    differences: tuple[Difference, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "scores": {name: own.to_dict() for name, own in self.scores.items()},
            "differences": [own.to_dict() for own in self.differences],
        }


@frozen(kw_only=True, repr=False)
class SurveyScores:
    """Net promoter scores. Of each contact the last answer in the time counts.

    Print it for the text, show it in a notebook for tables, or take it as plain data.

    Attributes:
        event: the name of the events.
        everything: the score of all contacts who answered.
        by_stage: the score by the stage on which contacts were when they answered.
        by_segment: the score by segment; a contact of several counts in each.
        by_team: the scores by team; empty where no touches were given.
        by_arm: the scores by what was dealt out: ``holdout``, ``holdout of CAMPAIGN`` or an experiment.
        level: the level of confidence of intervals.
        not_used: how many answers were not used, by why: ``no_score``, ``no_number``, ``out_of_range`` (not from 0 to
            10), ``unknown_contact``; and ``earlier``: answers after which the contact gave another one.
    """

    event: str
    everything: PromoterScore
    by_stage: Mapping[str, PromoterScore] = field(factory=dict)
    by_segment: Mapping[str, PromoterScore] = field(factory=dict)
    by_team: Mapping[str, TeamScores] = field(factory=dict)
    by_arm: Mapping[str, ArmScores] = field(factory=dict)
    level: float
    not_used: Mapping[str, int] = field(factory=dict)

    name = "nps"

    def notes(self) -> Iterator[str]:
        """What is to be said of it, a line each."""
        if self.not_used:
            told = ", ".join(f"{why.replace('_', ' ')} {count:,}" for why, count in self.not_used.items())
            yield f"{self.event}: answers that are not used: {told}"
        if self.by_team:
            yield "net promoter score by team: no effect of its messages, since it chose to whom it wrote"

    def tables(self) -> Iterator[ReportTable]:
        """The scores as a table."""
        rows = [cells for *names, score in self._scores() for cells in [(*names, *_cells(score))]]
        headings = ("by", "group", "answers", "promoters", "passives", "detractors", "score", "interval", "")
        yield ReportTable("Net promoter score", headings, rows, 2)
        lines = [
            (name, f"{own.arm.name} - {own.against.name}", f"{100 * own.difference:+.1f}", _span(own))
            for name, arms in self.by_arm.items()
            for own in arms.differences
            if own.difference is not None
        ]
        if lines:
            yield ReportTable("Net promoter score by arm", ("by", "arms", "difference", "interval"), lines, 2)

    def _scores(self) -> Iterator[tuple[str, str, PromoterScore]]:
        yield "", "all", self.everything
        for by, groups in (("stage", self.by_stage), ("segment", self.by_segment)):
            for name, own in groups.items():
                yield by, name, own
        for name, scores in self.by_team.items():
            yield "team", f"{name} wrote before", scores.written
            yield "team", f"{name} did not", scores.others
        for name, arms in self.by_arm.items():
            for arm, own in arms.scores.items():
                yield name, arm, own

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "event": self.event,
            "level": self.level,
            "all": self.everything.to_dict(),
            **{
                name: {group: own.to_dict() for group, own in getattr(self, name).items()}
                for name in ("by_stage", "by_segment", "by_team", "by_arm")
            },
            "not_used": dict(self.not_used),
        }

    def rows(self) -> Iterator[Mapping[str, Any]]:
        """Rows of the table of measures: a row for each score, then for each difference between arms."""
        for by, group, own in self._scores():
            cells: dict[str, Any] = {"by": by, "group": group, "measure": "nps", "contacts": own.answers}
            small = {"is_small": str(own.is_small).lower()}
            yield {**cells, "value": own.score, "value_low": own.low, "value_high": own.high, **small}
        for name, arms in self.by_arm.items():
            for one in arms.differences:
                if one.difference is not None:
                    low, high = one.fixed or (None, None)
                    span = {
                        "value": 100 * one.difference,
                        "value_low": None if low is None else 100 * low,
                        "value_high": None if high is None else 100 * high,
                    }
                    yield {"by": name, "group": f"{one.arm.name} - {one.against.name}", "measure": "nps", **span}

    def __str__(self) -> str:
        return text((f"Intervals are at {100 * self.level:g} %.", *self.notes()), self.tables())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return page(self.notes(), self.tables())


def survey_scores(tables: RelationTables, *, event: str = "survey", score: str = "score") -> SurveyScores:
    """Net promoter scores from surveys.

    Args:
        tables: what was read, with ``score`` among its numbers.
        event: the name of the events.
        score: the property that says how likely the contact is to recommend, from 0 to 10.
    """
    log, level = tables.events, tables.level
    own = np.flatnonzero(log.is_named(event) & (log.at >= tables.since) & (log.at <= tables.until))
    contact, at, answer = log.contact[own], log.at[own], log.numbers[score][own]
    in_range = (answer >= LOWEST) & (answer <= HIGHEST)
    why = {
        "unknown_contact": contact < 0,
        "no_number": log.no_number[score][own],
        "no_score": np.isnan(answer),
        "out_of_range": ~in_range,
    }
    counts, good = {}, np.ones(len(own), np.bool_)
    for name, is_bad in why.items():
        counts[name] = int(np.count_nonzero(good & is_bad))
        good &= ~is_bad
    contact, at, answer = contact[good], at[good], answer[good]
    # Of two answers at one instant the worse one counts.
    order = np.lexsort((-answer, at, contact))
    contact, at, answer = contact[order], at[order], answer[order]
    last = np.append(contact[1:] != contact[:-1], True)[: len(contact)]
    counts["earlier"] = int(np.count_nonzero(~last))
    contact, at, answer = contact[last], at[last], answer[last]

    def of(chosen: NDArray[np.bool_]) -> PromoterScore:
        return PromoterScore.of(answer[chosen].tolist(), level)

    stage = tables.stays.stages_at(contact, at)
    names = [(NOT_ENTERED, NOWHERE), *((name, place) for place, name in enumerate(tables.stays.stages))]
    by_stage = {name: of(stage == place) for name, place in names if (stage == place).any()}
    written = _written_before(tables, contact, at)
    return SurveyScores(
        event=event,
        everything=of(np.ones(len(answer), np.bool_)),
        by_stage=by_stage if len(tables.stays.stages) > 1 else {},
        by_segment={name: of(members[contact]) for name, members in tables.segments.items()},
        by_arm=_by_arm(tables, contact, answer),
        by_team={name: TeamScores(written=of(had), others=of(~had)) for name, had in written.items()},
        level=level,
        not_used={name: count for name, count in counts.items() if count},
    )


def _by_arm(tables: RelationTables, contact: NDArray[np.int64], answer: NDArray[np.float64]) -> dict[str, ArmScores]:
    """The scores of the contacts of each arm who answered."""
    found = {}
    for dealt in relation_arms(tables):
        place, level = dealt.place[contact], tables.level
        chosen = {name: answer[place == number] for number, name in enumerate(dealt.arms)}
        if any(len(own) for own in chosen.values()):
            account = None if dealt.is_holdout or tables.account is None else tables.account[contact]
            first, *others = arm_outcomes(dealt.arms, place, recommendation(answer), accounts=account)
            found[dealt.name] = ArmScores(
                scores={name: PromoterScore.of(own.tolist(), level) for name, own in chosen.items()},
                differences=tuple(Difference.between(own, first, level=level) for own in others),
            )
    return found


def recommendation(answer: NDArray[np.float64]) -> NDArray[np.float64]:
    """Answers from 0 to 10 as 1 of a promoter, 0 of a passive and -1 of a detractor.

    Example:
        >>> recommendation(np.array([10.0, 8.0, 6.0])).tolist()
        [1.0, 0.0, -1.0]
    """
    return (answer >= PROMOTER).astype(np.float64) - (answer < PASSIVE)


def _written_before(
    tables: RelationTables, contact: NDArray[np.int64], at: NDArray[np.int64]
) -> dict[str, NDArray[np.bool_]]:
    """By team, to which of some contacts it had written before an instant."""
    messages = tables.messages
    if messages is None:
        return {}
    whose = tables.numbers_of(messages)
    column = one_piece(messages.rows["team"]).dictionary_encode()
    known = whose >= 0
    teams = [str(name) for name in column.dictionary.to_pylist()]
    code = column.indices.fill_null(len(teams)).to_numpy(zero_copy_only=False)
    found = {}
    for name, chosen in [(ANY_TEAM, known), *((name, known & (code == place)) for place, name in enumerate(teams))]:
        # Messages are in order of time: written last to first, the first of a contact is kept.
        first = np.full(len(tables.ids), np.iinfo(np.int64).max, np.int64)
        first[whose[chosen][::-1]] = messages.at[chosen][::-1]
        found[name] = first[contact] < at
    return {name: found[name] for name in (ANY_TEAM, *sorted(teams))}


def _cells(own: PromoterScore) -> tuple[str, ...]:
    counts = (f"{count:,}" for count in (own.answers, own.promoters, own.passives, own.detractors))
    if own.score is None or own.low is None or own.high is None:
        return *counts, _UNKNOWN, _UNKNOWN, ""
    span = f"{own.low:+.1f} to {own.high:+.1f}"
    return *counts, f"{own.score:+.1f}", span, f"small: below {FEW_ANSWERS}" if own.is_small else ""


def _span(own: Difference) -> str:
    return _UNKNOWN if own.fixed is None else f"{100 * own.fixed[0]:+.1f} to {100 * own.fixed[1]:+.1f}"
