"""Mismatches of data and playbook: what they say, and how they are counted."""

from __future__ import annotations

import itertools

import pytest

from journeykit.errors import DataError
from journeykit.model.mismatch import Mismatch, Mismatches


def test_sentences() -> None:
    """Each kind says where, what was found and what was probably meant."""
    said = [
        str(Mismatch(table="touches", column="channel", kind="folded", found="Email", rows=1, expected="email")),
        str(Mismatch(table="touches", column="status", kind="missing_column", expected="state")),
        str(Mismatch(table="contacts", column="employes", kind="missing_column", found="the cap 'small'")),
        str(
            Mismatch(table="contacts", column="score", kind="wrong_type", found="'50 %'", rows=600, expected="a number")
        ),
    ]
    assert said == [
        "touches: channel 'Email' (1 row) is read as 'email'",
        "touches: there is no column 'status'; did you mean 'state'?",
        "contacts: there is no column 'employes', which the cap 'small' reads",
        "contacts: 'score' has '50 %' (600 rows), where the playbook compares with a number",
    ]


def test_counting_hangs_on_no_order() -> None:
    """Chunks in whatever order give the same findings, with full counts, also where more are met than are kept."""
    chunks = [[f"w{number % 150:03}" for number in range(start, 600, 3)] for start in range(3)]
    answers = []
    for order in itertools.permutations(chunks):
        whole = Mismatches()
        for chunk in order:
            part = Mismatches()
            for word in chunk:
                part.add("contacts", "stage", "unknown", word, rows=1)
            whole.merge(part)
        answers.append([(found.found, found.rows) for found in whole])
    assert answers[0] == [(f"w{number:03}", 4) for number in range(100)]
    assert all(answer == answers[0] for answer in answers)


def test_a_strict_run_lets_folded_words_pass() -> None:
    """Words whose case alone differs are no reason to refuse; all others are."""
    found = Mismatches()
    found.add("touches", "channel", "folded", "Email", rows=3, expected="email")
    found.refuse()
    found.add("contacts", "stage", "unknown", "Decison", rows=6, expected="decision", place="the journey")
    with pytest.raises(DataError, match=r"stage 'Decison' \(6 rows\) is not in the journey; did you mean 'decision'"):
        found.refuse()
