"""journeykit: journey stages and message arbitration.

An arbiter looks at a contact's claims, its history and a moment, and gives every claim an outcome and a reason.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from journeykit import presets
from journeykit.arbiter import Arbiter
from journeykit.campaign import Campaign, Claim, Score, Team
from journeykit.cap import Cap, Conflict, Limit, Requirement, Scope
from journeykit.contact import Consent, Contact
from journeykit.content import Content
from journeykit.decision import Decision, Grant, Outcome, Reason, Row
from journeykit.errors import (
    DataError,
    JourneykitError,
    MissingExtraError,
    ModelError,
    NotSupportedError,
    PlaybookError,
    PolicyError,
    Problem,
    RuleError,
)
from journeykit.hours import Holiday, Hours
from journeykit.journey import Journey, Stage, Transition
from journeykit.playbook import OnMissing, Playbook
from journeykit.policies import FirstCome, Ranked, Weighted
from journeykit.policy import Context, Policy, RankingPolicy
from journeykit.quota import Quota
from journeykit.rule import Rule
from journeykit.split import Holdout
from journeykit.touch import Touch
from journeykit.window import Lag, Window

__version__ = "0.1.0"
