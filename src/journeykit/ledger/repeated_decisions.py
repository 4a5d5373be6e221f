"""Decisions that are given again: the keys under which a ledger keeps them, and how they are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import evolve

from journeykit.ledger.saved_decisions import answered

if TYPE_CHECKING:
    from journeykit.engine.decider import Decider
    from journeykit.engine.quota_charges import QuotaCharges
    from journeykit.ledger.transaction import Transaction
    from journeykit.model.decision import Decision


def given_again(
    transaction: Transaction,
    answer: str,
    decider: Decider | None,
    *,
    explain: bool,
    charges: QuotaCharges | None = None,
) -> Decision:
    """The decision that an answer holds, by the playbook of then, where the ledger or the caller has that."""
    kept = json.loads(answer)
    fingerprint = kept.get("playbook")
    known = decider is not None and decider.fingerprint == fingerprint
    playbook = None if known or fingerprint is None else transaction.playbook(fingerprint)
    found = answered(answer, decider, explain=explain, playbook=playbook, charges=charges)
    return evolve(found, replayed=True, notes=tuple(kept.get("notes", found.notes)))


def account_key(key: str, contact: str) -> str:
    """The key under which the answer about one of several contacts is kept that were decided under a key."""
    return f"keys {len(key)} {key} contact {contact}"


def key_of(run_id: str, contact: str) -> str:
    """The key under which a run keeps its answer about a contact; no two have the same."""
    if " contact" in run_id:
        return f"runs {len(run_id)} {run_id} contact {contact}"
    return f"run {run_id} contact {contact}"
