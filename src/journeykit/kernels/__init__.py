"""The kernels: what the columnar engine, quotas and placing ask of compiled code.

All of it is here. Tables go in and out as the layouts of `journeykit.kernels.interface`, one record for each contact,
touch, claim, candidate or row, or as the buffers of Arrow columns; no kernel calls back. `find_best_set` alone takes
plain lists, for the row engine. They are written in C++ (`native/`) and are built with the package, as the extension
module `journeykit.kernels._core`; where no compiler was at hand there are none, and `has_kernels` says so. A name loads
the module when it is touched.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from journeykit.kernels._core import add_counts as add_counts
    from journeykit.kernels._core import add_rows as add_rows
    from journeykit.kernels._core import add_up as add_up
    from journeykit.kernels._core import barred_now as barred_now
    from journeykit.kernels._core import classify_problems as classify_problems
    from journeykit.kernels._core import collect_claims as collect_claims
    from journeykit.kernels._core import collect_derived as collect_derived
    from journeykit.kernels._core import collect_derived_now as collect_derived_now
    from journeykit.kernels._core import collect_offers_of as collect_offers_of
    from journeykit.kernels._core import collect_problems as collect_problems
    from journeykit.kernels._core import contact_offsets as contact_offsets
    from journeykit.kernels._core import copy_cells as copy_cells
    from journeykit.kernels._core import copy_lists as copy_lists
    from journeykit.kernels._core import credit_events as credit_events
    from journeykit.kernels._core import decide_block as decide_block
    from journeykit.kernels._core import decide_now as decide_now
    from journeykit.kernels._core import draw_propensities as draw_propensities
    from journeykit.kernels._core import duplicate_claims as duplicate_claims
    from journeykit.kernels._core import fill_touches as fill_touches
    from journeykit.kernels._core import find_best_set as find_best_set
    from journeykit.kernels._core import group_rows as group_rows
    from journeykit.kernels._core import hard_items as hard_items
    from journeykit.kernels._core import hash_ids as hash_ids
    from journeykit.kernels._core import improve as improve
    from journeykit.kernels._core import in_holdout as in_holdout
    from journeykit.kernels._core import index_add as index_add
    from journeykit.kernels._core import index_find as index_find
    from journeykit.kernels._core import index_move as index_move
    from journeykit.kernels._core import is_plain_csv as is_plain_csv
    from journeykit.kernels._core import is_plain_jsonl as is_plain_jsonl
    from journeykit.kernels._core import list_all as list_all
    from journeykit.kernels._core import mark_members as mark_members
    from journeykit.kernels._core import mark_repeats as mark_repeats
    from journeykit.kernels._core import mark_texts as mark_texts
    from journeykit.kernels._core import measure_cells as measure_cells
    from journeykit.kernels._core import measure_lists as measure_lists
    from journeykit.kernels._core import plain_times as plain_times
    from journeykit.kernels._core import price_pass as price_pass
    from journeykit.kernels._core import price_pass_kept as price_pass_kept
    from journeykit.kernels._core import put_texts as put_texts
    from journeykit.kernels._core import read_instants as read_instants
    from journeykit.kernels._core import read_members as read_members
    from journeykit.kernels._core import reduce_problems as reduce_problems
    from journeykit.kernels._core import set_bits as set_bits
    from journeykit.kernels._core import sizes_by_kind as sizes_by_kind
    from journeykit.kernels._core import sort_events as sort_events
    from journeykit.kernels._core import sort_groups as sort_groups
    from journeykit.kernels._core import spread_claims as spread_claims
    from journeykit.kernels._core import take_touches as take_touches
    from journeykit.kernels._core import walk_journeys as walk_journeys
    from journeykit.kernels._core import weigh_block as weigh_block
    from journeykit.kernels._core import write_ids as write_ids
    from journeykit.kernels.interface.workspaces import PriceWorkspace as PriceWorkspace
    from journeykit.kernels.interface.workspaces import decision_workspace as decision_workspace
    from journeykit.kernels.interface.workspaces import price_workspace as price_workspace

_KERNELS = (
    "add_counts",
    "add_rows",
    "add_up",
    "barred_now",
    "classify_problems",
    "collect_claims",
    "collect_derived",
    "collect_derived_now",
    "collect_offers_of",
    "collect_problems",
    "contact_offsets",
    "copy_cells",
    "copy_lists",
    "credit_events",
    "decide_block",
    "decide_now",
    "draw_propensities",
    "duplicate_claims",
    "fill_touches",
    "find_best_set",
    "group_rows",
    "hard_items",
    "hash_ids",
    "improve",
    "in_holdout",
    "index_add",
    "index_find",
    "index_move",
    "is_plain_csv",
    "is_plain_jsonl",
    "list_all",
    "mark_members",
    "mark_repeats",
    "mark_texts",
    "measure_cells",
    "measure_lists",
    "plain_times",
    "price_pass",
    "price_pass_kept",
    "put_texts",
    "read_instants",
    "read_members",
    "reduce_problems",
    "set_bits",
    "sizes_by_kind",
    "sort_events",
    "sort_groups",
    "spread_claims",
    "take_touches",
    "walk_journeys",
    "weigh_block",
    "write_ids",
)
_WORKSPACES = ("PriceWorkspace", "decision_workspace", "price_workspace")

__all__ = ["build_text", "has_kernels", *_KERNELS, *_WORKSPACES]  # noqa: PLE0604  (the names are texts)


def has_kernels() -> bool:
    """Whether the extension module is built."""
    return find_spec("journeykit.kernels._core") is not None


def build_text() -> str | None:
    """How the extension module was built: compiler, flags, and for which Python; None where it was not."""
    return str(import_module("journeykit.kernels._core").build()) if has_kernels() else None


def __getattr__(name: str) -> Any:
    if name in _WORKSPACES:
        home = "journeykit.kernels.interface.workspaces"
    elif name in _KERNELS:
        home = "journeykit.kernels._core"
    else:
        raise AttributeError(f"module 'journeykit.kernels' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value
