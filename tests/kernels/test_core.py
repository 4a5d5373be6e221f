"""The extension module against the Python side: the same layouts and the same codes."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from journeykit.kernels.interface.array_bundle import ArrayBundle

_core = pytest.importorskip("journeykit.kernels._core")

CONTACTS = "interface.contact_arrays"
RULES = "interface.rules"
DECISIONS = "interface.decision_arrays"
PROBLEMS = "interface.problem_arrays"
JOURNEYS = "interface.journey_arrays"
CREDIT = "interface.credit_arrays"
PLAIN = "interface.plain_arrays"
WORKSPACES = "interface.workspaces"
RECORDS = {
    "Person": (CONTACTS, "PERSONS"),
    "TextScan": (CONTACTS, "TEXT_SCANS"),
    "Score": (CONTACTS, "SCORES"),
    "Estimate": (CONTACTS, "ESTIMATES"),
    "AskedClaim": (CONTACTS, "ASKED"),
    "ClaimExtra": (CONTACTS, "CLAIM_EXTRA"),
    "OwnDate": (CONTACTS, "OWNS"),
    "Window": (RULES, "WINDOWS"),
    "Opening": (RULES, "OPENINGS"),
    "Cell": (RULES, "CELLS"),
    "ProgramStep": (RULES, "PROGRAM"),
    "Patience": (RULES, "PATIENCE"),
    "Lever": (RULES, "LEVERS"),
    "AudiencePart": (RULES, "PARTS"),
    "Cap": (RULES, "CAPS"),
    "Conflict": (RULES, "CONFLICTS"),
    "Period": (RULES, "PERIODS"),
    "Holiday": (RULES, "HOLIDAYS"),
    "Shape": (RULES, "SHAPES"),
    "Claim": (DECISIONS, "CLAIMS"),
    "ClaimTime": (DECISIONS, "TIMES"),
    "DecisionRow": (DECISIONS, "ROWS"),
    "Stop": (DECISIONS, "STOPS"),
    "Grant": (DECISIONS, "GRANTS"),
    "PoolItem": (PROBLEMS, "ITEM"),
    "Unit": (PROBLEMS, "UNIT"),
    "PoolLine": (PROBLEMS, "LINE"),
    "PoolMember": (PROBLEMS, "MEMBER"),
    "PoolClause": (PROBLEMS, "CLAUSE"),
    "Offer": (PROBLEMS, "OFFER"),
    "Span": (WORKSPACES, "SPANS"),
    "SearchItem": (WORKSPACES, "SEARCH_ITEM"),
    "SearchRow": (WORKSPACES, "SEARCH_ROW"),
    "SearchMember": (WORKSPACES, "SEARCH_MEMBER"),
    "SearchClause": (WORKSPACES, "SEARCH_CLAUSE"),
    "SearchNumbers": (WORKSPACES, "SEARCH_NUMBERS"),
    "PriceStep": (WORKSPACES, "PRICE_STEP"),
    "Placed": (WORKSPACES, "PLACED"),
    "CountedTouch": (WORKSPACES, "TOUCHES_AT"),
    "BarredWord": (PLAIN, "BARRED_WORDS"),
    "CellRoom": (PLAIN, "CELL_ROOMS"),
    "CampaignRoom": (PLAIN, "CAMPAIGN_ROOMS"),
    "PlainItem": (PLAIN, "PLAIN_ITEMS"),
    "Retry": (PLAIN, "RETRIES"),
    "PlainSpan": (PLAIN, "PLAIN_SPANS"),
    "TableClaim": ("columns.claim_columns", "CLAIM_ROWS"),
}
"""By struct, the record that it is."""
BUNDLES = {
    CONTACTS: "Contacts SlotTimes Barred ScoreArrays TouchArrays QuotaChoiceArrays ClaimArrays",
    RULES: "Quotas Zones HourTables ExploreArrays Rules",
    DECISIONS: "CandidateArrays DecisionRows RowColumns DecisionCounts",
    PROBLEMS: "ProblemPool PoolPart Charges QuotaBudget",
    JOURNEYS: "Routes EventArrays Members ContactEntry WalkState PathRecords",
    CREDIT: "MessageArrays AnswerArrays CreditRecords",
    PLAIN: "PlainRules PlainWorkspace",
    WORKSPACES: "SearchProblem SearchWorkspace PriceWorkspace DecisionWorkspace",
}


def _module(name: str) -> object:
    return import_module(f"journeykit.{name}" if name.startswith("columns") else f"journeykit.kernels.{name}")


def _of_record(kind: np.dtype) -> tuple[int, list[tuple[str, int, int]]]:
    fields = [(name, kind.fields[name][1], kind.fields[name][0].itemsize) for name in kind.names]
    return kind.itemsize, fields


def _of_bundle(kind: type[ArrayBundle]) -> tuple[int, list[tuple[str, int, int]]]:
    """Words of 8 bytes: an address and as many numbers as an array has dimensions; or one word."""
    fields, place = [], 0
    for name, own in kind.fields.items():
        words = 1 + own[1] if isinstance(own, tuple) else 1
        fields.append((name, place, 8 * words))
        place += 8 * words
    return place, fields


def test_layouts_are_those_of_the_tables():
    """A field that is moved, added or renamed on one side alone is found here, not in a wrong answer."""
    wanted = {name: _of_record(getattr(_module(module), own)) for name, (module, own) in RECORDS.items()}
    for module, names in BUNDLES.items():
        wanted |= {name: _of_bundle(getattr(_module(module), name)) for name in names.split()}
    assert {name: (size, fields) for name, size, fields in _core.layouts()} == wanted


def test_bundles_have_all_fields_of_their_tables():
    """No table of the interface is forgotten."""
    known = {name for names in BUNDLES.values() for name in names.split()}
    for module in (CONTACTS, RULES, DECISIONS, PROBLEMS, JOURNEYS, CREDIT, PLAIN, WORKSPACES):
        kinds = [
            own for own in vars(_module(module)).values() if isinstance(own, type) and issubclass(own, ArrayBundle)
        ]
        assert {own.__name__ for own in kinds} - {"ArrayBundle"} <= known


def test_codes_are_those_of_the_interface():
    """The numbers that both sides know are one list on each side."""
    found: dict[str, dict[str, int]] = {}
    for module, name, bits in _core.codes():
        found.setdefault(module, {})[name] = bits
    for module, codes in found.items():
        assert codes == {name: int(getattr(_module(module), name)) % 2**64 for name in codes}
    interface = vars(_module("interface.codes"))
    assert {name for name, own in interface.items() if name.isupper() and isinstance(own, int)} == {
        *found["interface.codes"]
    }


def test_arguments_of_another_kind_are_refused():
    """An array of other items or dimensions is an error, not bytes that are misread."""
    good = np.zeros(3, np.int32), np.zeros(4, np.int64)
    _core.add_counts(*good)
    for rows, first in [
        (good[0].astype(np.int64), good[1]),
        (good[0], good[1].reshape(2, 2)),
        (good[0], good[1].astype(np.uint64)),
        (good[0], np.zeros(8, np.int64)[::2]),
        (good[0], [0, 0, 0, 0]),
    ]:
        with pytest.raises(TypeError):
            _core.add_counts(rows, first)
    with pytest.raises(TypeError):
        _core.hard_items(0)
    with pytest.raises(TypeError):
        _core.hard_items("pool")
