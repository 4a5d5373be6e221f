"""Audits: finished decisions and runs, checked from scratch with code that shares nothing with the engine."""

from __future__ import annotations

from journeykit.audit.contact_audit import account_violations, violations
from journeykit.audit.guard_audit import guard_violations
from journeykit.audit.quota_audit import quota_violations
from journeykit.audit.violation import Violation

__all__ = ["Violation", "account_violations", "guard_violations", "quota_violations", "violations"]
