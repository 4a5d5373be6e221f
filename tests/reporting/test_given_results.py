"""What the report is given beside decisions: comparisons in one measure, summaries; and a matrix of no stages."""

from __future__ import annotations

import pytest
from reported import AT, PEOPLE, decided, playbook_of

from journeykit import Arbiter, Campaign, Content, DataError, Playbook, compare, messaging_matrix, report


def heavier(playbook, weight):
    """The same playbook, with another weight of its first campaign."""
    said = playbook.to_dict()
    said["campaigns"][0]["weight"] = weight
    return Playbook.from_dict(said | {"name": f"heavier {weight}"})


def test_a_comparison_is_valued_in_one_measure():
    """A playbook that weighs its own messages more is not worth more: the title asks the first side's weights."""
    playbook = playbook_of("fair", "offer")
    other = heavier(playbook, 9)
    compared = compare(playbook, other, contacts=PEOPLE, at=AT, names=["now", "then"])
    found = report(playbook, decided(playbook), compare=compared).part("changes")
    assert compared.sides[1].value > compared.sides[0].value > compared.pairs[0].value_by_first
    assert found.charts[0].title == "now is worth most: 4, as now weighs them"
    assert [(row[0], *row[-2:]) for row in found.charts[0].table.rows] == [("now", 4, 4), ("then", 18, 2)]
    assert found.lines[-1] == f"Compared are decisions of {AT:%Y-%m-%d %H:%M} (UTC)."


def test_a_summary_of_another_playbook_is_refused():
    playbook = playbook_of("fair", "offer")
    summaries = []
    Arbiter(heavier(playbook, 9)).decide_table(PEOPLE, at=AT, summary=summaries.append)
    with pytest.raises(DataError, match="give the summary of the same decisions"):
        report(playbook, decided(playbook), summary=summaries[0])


def test_a_summary_of_another_run_is_refused():
    """Its quotas were used by other decisions."""
    playbook, summaries = playbook_of("fair", "offer"), []
    Arbiter(playbook).decide_table(PEOPLE, at=AT, run_id="another", summary=summaries.append)
    with pytest.raises(DataError, match="the summary is of the run 'another'"):
        report(playbook, decided(playbook), summary=summaries[0])
    assert report(playbook, decided(playbook, run_id="another"), summary=summaries[0]).lines
    assert report(playbook, decided(playbook).drop_columns(["run_id"]), summary=summaries[0]).lines


def test_a_comparison_of_other_playbooks_says_so():
    """Sides of which none is the playbook of the decisions may be shown, but not taken for it."""
    playbook = playbook_of("fair", "offer")
    strange = compare(heavier(playbook, 3), heavier(playbook, 4), contacts=PEOPLE, at=AT)
    said = "None of the sides is the playbook of the decisions of this report."
    assert said in report(playbook, decided(playbook), compare=strange).part("changes").lines
    own = compare(playbook, heavier(playbook, 4), contacts=PEOPLE, at=AT)
    assert said not in report(playbook, decided(playbook), compare=own).part("changes").lines


def test_a_playbook_without_stages_has_a_row_for_everybody():
    """A matrix without rows would say that nobody speaks at all."""
    playbook = Playbook(
        content=[Content(id="news", channel="email")], campaigns=[Campaign(id="news", content=["news"])]
    )
    for audience in ("stage", "stage*role", "segment"):
        matrix = messaging_matrix(playbook, audience=audience)
        assert [message.campaign for cell in matrix.cells for message in cell.messages] == ["news"]
