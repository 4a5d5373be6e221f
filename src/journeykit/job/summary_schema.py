"""The JSON Schema of summaries: what ``decide --json``, ``plan --json`` and ``--summary`` write.

Published as ``docs/summary.schema.json``. Write it again with ``journeykit schema summary > docs/summary.schema.json``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.basics.plain_data import with_schema
from journeykit.model.outcome import Outcome, Reason
from journeykit.tables.decision_columns import DECISIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
COUNT = {"type": "integer", "minimum": 0}
KINDS = ("text", "truth", "whole", "number", "date", "instant", "local instant", "texts", "list", "nothing", "any")
_OPTIONAL = ("arms", "engine", "seconds", "timezone", "calendar", "later", "room")
"""What a summary has with experiments, what a file of it says of the work, and what a plan adds."""


def summary_schema() -> dict[str, Any]:
    """The JSON Schema of a summary, draft 2020-12; keys may come in later, so readers pass over those that are new.

    Example:
        >>> summary_schema()["properties"]["contacts"]
        {'type': 'integer', 'minimum': 0, 'description': 'how many contacts were decided'}
    """
    found = _object(_properties(), optional=_OPTIONAL)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Summary of a run of journeykit",
        **found,
    }


def _properties() -> dict[str, Any]:
    told = {name: _said(kind, words) for name, (kind, words) in _KEYS.items()}
    name = with_schema("summary", {})["schema"]
    return {"schema": {"const": name, "description": "what this is, and its version"}, **told}


def _said(kind: Mapping[str, Any], words: str) -> dict[str, Any]:
    return {**kind, "description": words}


def _object(properties: Mapping[str, Any], optional: Iterable[str] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required}


def _maybe(kind: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [kind, {"type": "null"}]}


def _by_name(kind: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": kind}


def _list(kind: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": kind}


def _counts(names: Iterable[str]) -> dict[str, Any]:
    return {"type": "object", "propertyNames": {"enum": list(names)}, "additionalProperties": COUNT}


_OUTCOMES = _counts(own.value for own in Outcome)
_INSTANT = {"type": "string", "format": "date-time"}
_FAULT = _object({"field": TEXT, "allowed": TEXT, "count": COUNT})
_SHARE = _object({"count": COUNT, "share": {"type": "number", "minimum": 0, "maximum": 1}})
_MISMATCH = _object(
    {"table": TEXT, "column": TEXT, "kind": TEXT, "found": TEXT, "rows": COUNT, "expected": _maybe(TEXT), "text": TEXT}
)
_TABLE = _object(
    {
        "source": _said(TEXT, "what messages call the table: its file, or what it is"),
        "rows": _said(_maybe(COUNT), "how many rows it has; null where it was not read"),
        "columns": _said(
            _by_name({"enum": list(KINDS)}), "its columns, each with its kind; none where it was not read"
        ),
        "unused": _said(_list(TEXT), "those of them that nothing asks for"),
        "bad_rows": _said(COUNT, "how many rows could not be used"),
        "bad": _said(_list(_FAULT), "what is wrong with them, by column and what is allowed there"),
        "unknown": _said(_maybe(COUNT), "how many usable rows belong to contacts that were not decided"),
        "repeated": _said(COUNT, "how many rows have a contact that an earlier row has"),
        "missing": _said(
            _by_name(_SHARE), "by attribute that rules compare with something, of how many contacts it is empty"
        ),
        "first": _said(_maybe(_INSTANT), "the earliest instant of the usable rows, of touches and events"),
        "last": _said(_maybe(_INSTANT), "the latest instant"),
    }
)
_DAY = _object({"day": {"type": "string", "format": "date"}, "team": TEXT, "granted": COUNT, "deferred": COUNT})
_KEYS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "version": (TEXT, "the version of the library"),
    "engine": ({"enum": ["columns", "one"]}, "the engine; in a file of --summary"),
    "seconds": (_by_name(NUMBER), "seconds by phase of the work; in a file of --summary"),
    "run_id": (TEXT, "the name of the run"),
    "playbook": ({"type": "string", "pattern": "^[0-9a-f]{64}$"}, "the fingerprint of the playbook"),
    "at": (_INSTANT, "the instant of the decisions"),
    "until": (_maybe(_INSTANT), "the last instant of a plan"),
    "contacts": (COUNT, "how many contacts were decided"),
    "claims": (COUNT, "how many claims they had"),
    "written": (COUNT, "how many rows of decisions were written"),
    "value": (NUMBER, "the sum of weight less reserve over what was granted"),
    "bound": (NUMBER, "what no choice is worth more than"),
    "penalties": (NUMBER, "what soft quotas cost that do not hold"),
    "gap": (NUMBER, "how far value less penalties may be from the best, as a share of the bound"),
    "quotas": (_list({"type": "object", "required": ["name", "usage"]}), "what became of each quota"),
    "unproven": (COUNT, "for how many contacts the search ended before the proof"),
    "outcomes": (_OUTCOMES, "how many claims have each outcome"),
    "reasons": (_counts(own.value for own in Reason), "how many claims have each reason"),
    "rules": (_by_name(COUNT), "how many claims each rule stops"),
    "teams": (_by_name(_OUTCOMES), "by team, how many claims have each outcome"),
    "stages": (_by_name(_OUTCOMES), "likewise, by stage of the contact"),
    "channels": (_by_name(_OUTCOMES), "likewise, by channel"),
    "arms": (
        _by_name({"type": "object", "required": ["contacts", "value"], "additionalProperties": NUMBER}),
        "with experiments, by arm, contacts, value and claims with each outcome",
    ),
    "missing": (
        _by_name(_object({"claims": COUNT, "setting": TEXT})),
        "what contacts lack though a claim asks for it, and what the playbook says to do then",
    ),
    "bad_rows": (
        _object(
            {
                "count": COUNT,
                "kinds": _list(_object({"source": TEXT, "field": TEXT, "allowed": TEXT, "count": COUNT})),
                "first": _list(TEXT),
            }
        ),
        "the rows of all tables that could not be used",
    ),
    "unknown_touches": (COUNT, "how many touches belong to contacts that were not decided"),
    "unknown_scores": (COUNT, "likewise, scores"),
    "notes": (_list(TEXT), "what a person should look at"),
    "bad_touches": (COUNT, "how many of the bad rows are touches, which then protect nobody"),
    "unknown": (_by_name(COUNT), "by audience, of how many contacts it is unknown"),
    "mismatches": (_list(_MISMATCH), "where data and playbook do not match"),
    "rows": (_by_name(COUNT), "by table, how many rows were read"),
    "policy": (_object({"name": TEXT, "class": TEXT}), "the policy"),
    "inputs": (_list(TEXT), "the tables that were given besides contacts"),
    "tables": (_by_name(_TABLE), "by table, how good it was"),
    "output": (
        _object(
            {"columns": {"type": "object", "propertyNames": {"enum": list(DECISIONS)}, "additionalProperties": TEXT}}
        ),
        "the columns of the table of decisions, each with what it holds",
    ),
    "timezone": (TEXT, "of a plan: the zone of its days"),
    "calendar": (_list(_DAY), "of a plan: what is granted and deferred, by day and team"),
    "later": (_by_name(COUNT), "of a plan: what is deferred beyond its end, by team"),
    "room": ({"type": "object"}, "of a plan with --room: how many more messages contacts could get"),
}
