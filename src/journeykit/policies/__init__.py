"""Policies: what one is, and those that come with journeykit, one a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.policies.claim_check import Check
from journeykit.policies.first_come import FirstCome
from journeykit.policies.policy import Context, Policy, RankingPolicy
from journeykit.policies.ranked import Ranked
from journeykit.policies.weighing_columns import ClaimColumns, MessageColumns, TouchColumns
from journeykit.policies.weighted import Weighted

if TYPE_CHECKING:
    from collections.abc import Mapping

BUILT_IN: Mapping[str, Policy] = {"weighted": Weighted(), "ranked": Ranked(), "first_come": FirstCome()}
"""The policies that a playbook can name without more."""

__all__ = [
    "BUILT_IN",
    "Check",
    "ClaimColumns",
    "Context",
    "FirstCome",
    "MessageColumns",
    "Policy",
    "Ranked",
    "RankingPolicy",
    "TouchColumns",
    "Weighted",
]
