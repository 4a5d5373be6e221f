"""The kernels: what the columnar engine, quotas and placing ask of compiled code.

All of it is here. Tables go in and out as the layouts of `journeykit.kernels.interface`, one record for each contact,
touch, claim, candidate or row; no kernel calls back, raises, or sees text. A name loads its kernels when it is touched,
so that a run compiles and loads what it needs.

Where the extension module `journeykit.kernels._core` was built, the kernels are its own; else Numba compiles them. Both
give the same bytes; JOURNEYKIT_KERNELS=numba asks for the latter.
"""

import os
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from journeykit.kernels.interface.workspaces import PriceWorkspace as PriceWorkspace
    from journeykit.kernels.interface.workspaces import decision_workspace as decision_workspace
    from journeykit.kernels.interface.workspaces import price_workspace as price_workspace
    from journeykit.kernels.native.collect_claims import barred_now as barred_now
    from journeykit.kernels.native.collect_claims import collect_claims as collect_claims
    from journeykit.kernels.native.collect_claims import collect_derived as collect_derived
    from journeykit.kernels.native.collect_claims import collect_derived_now as collect_derived_now
    from journeykit.kernels.native.collect_problems import collect_problems as collect_problems
    from journeykit.kernels.native.decide_block import decide_block as decide_block
    from journeykit.kernels.native.group_by_contact import add_counts as add_counts
    from journeykit.kernels.native.group_by_contact import duplicate_claims as duplicate_claims
    from journeykit.kernels.native.group_by_contact import fill_touches as fill_touches
    from journeykit.kernels.native.group_by_contact import spread_claims as spread_claims
    from journeykit.kernels.native.hashing import hash_ids as hash_ids
    from journeykit.kernels.native.hashing import in_holdout as in_holdout
    from journeykit.kernels.native.hashing import index_add as index_add
    from journeykit.kernels.native.hashing import index_find as index_find
    from journeykit.kernels.native.hashing import index_move as index_move
    from journeykit.kernels.native.hashing import set_bits as set_bits
    from journeykit.kernels.native.hashing import write_ids as write_ids
    from journeykit.kernels.native.improve import improve as improve
    from journeykit.kernels.native.journey_walk import contact_offsets as contact_offsets
    from journeykit.kernels.native.journey_walk import sort_events as sort_events
    from journeykit.kernels.native.journey_walk import walk_journeys as walk_journeys
    from journeykit.kernels.native.pool_shapes import classify_problems as classify_problems
    from journeykit.kernels.native.pool_shapes import reduce_problems as reduce_problems
    from journeykit.kernels.native.price_pass import add_up as add_up
    from journeykit.kernels.native.price_pass import collect_offers_of as collect_offers_of
    from journeykit.kernels.native.price_pass import hard_items as hard_items
    from journeykit.kernels.native.price_pass import list_all as list_all
    from journeykit.kernels.native.price_pass import price_pass as price_pass
    from journeykit.kernels.native.price_pass import sizes_by_kind as sizes_by_kind

# Where each kernel is defined, for Numba.
_HOMES = {
    "add_counts": "group_by_contact",
    "add_up": "price_pass",
    "barred_now": "collect_claims",
    "classify_problems": "pool_shapes",
    "collect_claims": "collect_claims",
    "collect_derived": "collect_claims",
    "collect_derived_now": "collect_claims",
    "collect_offers_of": "price_pass",
    "collect_problems": "collect_problems",
    "contact_offsets": "journey_walk",
    "decide_block": "decide_block",
    "duplicate_claims": "group_by_contact",
    "fill_touches": "group_by_contact",
    "hard_items": "price_pass",
    "hash_ids": "hashing",
    "improve": "improve",
    "in_holdout": "hashing",
    "index_add": "hashing",
    "index_find": "hashing",
    "index_move": "hashing",
    "list_all": "price_pass",
    "price_pass": "price_pass",
    "reduce_problems": "pool_shapes",
    "set_bits": "hashing",
    "sizes_by_kind": "price_pass",
    "sort_events": "journey_walk",
    "spread_claims": "group_by_contact",
    "walk_journeys": "journey_walk",
    "write_ids": "hashing",
}

_WORKSPACES = ("PriceWorkspace", "decision_workspace", "price_workspace")

__all__ = ["has_kernels", *_HOMES, *_WORKSPACES]  # noqa: PLE0604  (the keys are texts)


def has_kernels() -> bool:
    """Whether there are kernels: the extension's, or those that Numba compiles."""
    return _has_extension() or find_spec("numba") is not None


def _has_extension() -> bool:
    return os.environ.get("JOURNEYKIT_KERNELS") != "numba" and find_spec("journeykit.kernels._core") is not None


def __getattr__(name: str) -> Any:
    if name in _WORKSPACES:
        value = getattr(import_module("journeykit.kernels.interface.workspaces"), name)
    elif name in _HOMES:
        value = _kernel(name)
    else:
        raise AttributeError(f"module 'journeykit.kernels' has no attribute {name!r}")
    globals()[name] = value
    return value


def _kernel(name: str) -> Any:
    home = "_core" if _has_extension() else f"native.{_HOMES[name]}"
    return getattr(import_module(f"journeykit.kernels.{home}"), name)
