"""Groups of contacts by segment, stage, role or any column, and contacts found by their ids."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit import DataError, Playbook
from journeykit.segments import contact_facets
from journeykit.segments.contact_facets import ContactGroups

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
PLAYBOOK = Playbook.from_dict(
    {
        "journey": {"stages": [{"name": "awareness"}, {"name": "decision"}], "transitions": []},
        "segments": [
            {"name": "big", "rule": "employees >= 500"},
            {"name": "local", "rule": "City == 'Skopje'"},
        ],
    }
)
ROWS = [
    {"contact_id": "anna", "employees": 700, "city": "Skopje", "stage": "decision", "role": "user", "segments": "vip"},
    {"contact_id": "ben", "employees": 700, "stage": "awareness"},
    {"contact_id": "clara", "city": "Ohrid", "stage": "Decision"},
    {"contact_id": "ben", "employees": 1, "stage": "decision"},
]


def counts(groups: ContactGroups, name: str) -> dict[tuple[str | None, ...], int]:
    """How many contacts are in each group."""
    facet = groups.facet(name)
    return dict(zip(facet.labels, facet.contacts().tolist(), strict=True))


@pytest.fixture(params=["columns", "rows"])
def reader(request, monkeypatch):
    """Both readers."""
    if request.param == "rows":
        monkeypatch.setattr(contact_facets, "has_columns", lambda: False)
        monkeypatch.setattr(contact_facets, "has_kernels", lambda: False)
    return request.param


@pytest.mark.usefixtures("reader")
class TestGroups:
    """Both readers give the same groups."""

    def test_contacts_are_in_segments_stages_and_roles(self):
        """A contact is in all its segments; one without any is counted too; the playbook's names come in its order."""
        groups = ContactGroups.read(PLAYBOOK, ROWS, at=AT)
        assert groups.contacts == 3
        assert counts(groups, "segment") == {("big",): 2, ("local",): 1, ("vip",): 1, (None,): 1}
        assert list(counts(groups, "segment")) == [("big",), ("local",), ("vip",), (None,)]
        assert counts(groups, "stage") == {("awareness",): 1, ("decision",): 2}
        assert counts(groups, "role") == {("user",): 1, (None,): 2}

    def test_of_two_rows_with_one_id_the_first_counts(self):
        """The later one is a bad row."""
        groups = ContactGroups.read(PLAYBOOK, ROWS, at=AT)
        assert groups.bad_rows == 1
        assert "one row for each contact" in str(groups.bad[0])
        with pytest.raises(DataError, match="more bad rows"):
            ContactGroups.read(PLAYBOOK, ROWS, at=AT, max_bad=0)

    def test_facets_are_crossed(self):
        """Groups by several facets together are those who share all of them."""
        found = counts(ContactGroups.read(PLAYBOOK, ROWS, at=AT), "segment*stage")
        assert found[("big", "decision")] == 1
        assert found[(None, "decision")] == 1
        assert sum(found.values()) == 5

    def test_any_column_tells_contacts_apart(self):
        """A column is found whatever the case of its name, beside a rule that reads it by another."""
        groups = ContactGroups.read(PLAYBOOK, ROWS, at=AT, by=("City", "segment"))
        assert counts(groups, "city") == {("Ohrid",): 1, ("Skopje",): 1, (None,): 1}
        assert counts(groups, "segment")[("local",)] == 1

    def test_a_column_that_no_contact_has_is_refused(self):
        """The error says which there are."""
        with pytest.raises(DataError, match="no contact has 'cty'; did you mean 'City'"):
            ContactGroups.read(PLAYBOOK, ROWS, at=AT, by=("cty",))

    def test_a_column_of_too_many_values_is_refused(self):
        """Nobody compares ten thousand groups."""
        rows = [{"contact_id": number, "score": number / 7} for number in range(10_002)]
        with pytest.raises(DataError, match="'score' has more than 10,000 values"):
            ContactGroups.read(PLAYBOOK, rows, at=AT, by=("score",))

    def test_contacts_are_found_by_their_ids(self):
        """Whether ids come as text, coded, in pieces, or with some that are nobody's."""
        groups = ContactGroups.read(PLAYBOOK, ROWS, at=AT)
        ids = pa.array(["clara", None, "zoe", "anna", "clara"])
        assert groups.find(ids).tolist() == [2, -1, -1, 0, 2]
        assert groups.find(ids.dictionary_encode()).tolist() == [2, -1, -1, 0, 2]
        assert groups.find(pa.chunked_array([ids, ids[:1]])).tolist() == [2, -1, -1, 0, 2, 2]

    def test_sums_are_by_group(self):
        """Somebody in two segments counts in both, nobody in none."""
        groups = ContactGroups.read(PLAYBOOK, ROWS, at=AT)
        segment, found = groups.facet("segment"), groups.find(["anna", "zoe", "anna", "clara"])
        assert segment.sums(found).tolist() == [2, 2, 2, 1]
        assert segment.sums(found, np.array([1.0, 9.0, 0.5, 2.0])).tolist() == [1.5, 1.5, 1.5, 2.0]
        place, label = segment.spread(found)
        assert place.tolist() == [0, 0, 0, 2, 2, 2, 3]
        assert [segment.labels[own] for own in label[:3]] == [("big",), ("local",), ("vip",)]

    def test_an_empty_table_has_no_contacts(self):
        """Its groups have no labels."""
        groups = ContactGroups.read(PLAYBOOK, pa.table({"contact_id": pa.array([], pa.string())}), at=AT, by=("city",))
        assert groups.contacts == 0
        assert groups.facet("city").labels == ()
        assert groups.find(["anna"]).tolist() == [-1]


def test_a_table_without_ids_is_refused():
    """The error names the column."""
    with pytest.raises(DataError, match="contact_id"):
        ContactGroups.read(PLAYBOOK, pa.table({"stage": ["decision"]}), at=AT)


_CONTACT = st.fixed_dictionaries(
    {
        "employees": st.sampled_from([None, 3, 900]),
        "city": st.sampled_from([None, "Skopje", "Ohrid"]),
        "segments": st.sampled_from([None, "vip", "big;vip", "x"]),
        "stage": st.sampled_from([None, "decision", "awareness", "nowhere"]),
    }
)


@given(st.lists(_CONTACT, max_size=30))
@settings(max_examples=40, deadline=None)
def test_groups_equal_what_is_said_of_each_contact(cells):
    """They are those that a loop over the rows counts."""
    rows = [{"contact_id": f"c{number}", **own} for number, own in enumerate(cells)]
    found = ContactGroups.read(PLAYBOOK, rows, at=AT)
    expected = Counter()
    for row in rows:
        big, local = (row["employees"] or 0) >= 500, row["city"] == "Skopje"
        brought = row["segments"].split(";") if row["segments"] else []
        names = {*brought, *(["big"] if big else []), *(["local"] if local else [])} or {None}
        expected.update((name, row["stage"]) for name in names)
    assert counts(found, "segment*stage") == dict(expected)
