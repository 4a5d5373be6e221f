"""journeykit: journey stages and message arbitration.

An arbiter looks at a contact's claims, its history and a moment, and gives every claim an outcome and a reason.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from journeykit import presets as presets
    from journeykit.arbiter import Arbiter as Arbiter
    from journeykit.campaign import Campaign as Campaign
    from journeykit.campaign import Claim as Claim
    from journeykit.campaign import Score as Score
    from journeykit.campaign import Team as Team
    from journeykit.cap import (
        Cap as Cap,
    )
    from journeykit.cap import (
        Conflict as Conflict,
    )
    from journeykit.cap import (
        Limit as Limit,
    )
    from journeykit.cap import (
        Requirement as Requirement,
    )
    from journeykit.cap import (
        Scope as Scope,
    )
    from journeykit.contact import Consent as Consent
    from journeykit.contact import Contact as Contact
    from journeykit.content import Content as Content
    from journeykit.decision import Decision as Decision
    from journeykit.decision import Outcome as Outcome
    from journeykit.decision import Reason as Reason
    from journeykit.decision import Row as Row
    from journeykit.errors import (
        DataError as DataError,
    )
    from journeykit.errors import (
        InfeasibleError as InfeasibleError,
    )
    from journeykit.errors import (
        JourneykitError as JourneykitError,
    )
    from journeykit.errors import (
        LedgerError as LedgerError,
    )
    from journeykit.errors import (
        MissingExtraError as MissingExtraError,
    )
    from journeykit.errors import (
        ModelError as ModelError,
    )
    from journeykit.errors import (
        PlaybookError as PlaybookError,
    )
    from journeykit.errors import (
        PolicyError as PolicyError,
    )
    from journeykit.errors import (
        RuleError as RuleError,
    )
    from journeykit.hours import Holiday as Holiday
    from journeykit.hours import Hours as Hours
    from journeykit.journey import Journey as Journey
    from journeykit.journey import Stage as Stage
    from journeykit.journey import Transition as Transition
    from journeykit.playbook import OnMissing as OnMissing
    from journeykit.playbook import Playbook as Playbook
    from journeykit.policy import Policy as Policy
    from journeykit.prices import Prices as Prices
    from journeykit.quota import Quota as Quota
    from journeykit.rule import Rule as Rule
    from journeykit.segment import Segment as Segment
    from journeykit.split import Holdout as Holdout
    from journeykit.touch import Touch as Touch
    from journeykit.window import Lag as Lag
    from journeykit.window import Window as Window

__version__ = "0.1.0"

# Where each name lives. A name loads its module when it is touched, so that the front door opens at once.
_HOMES = {
    "Arbiter": "arbiter",
    "Campaign": "campaign",
    "Cap": "cap",
    "Claim": "campaign",
    "Conflict": "cap",
    "Consent": "contact",
    "Contact": "contact",
    "Content": "content",
    "DataError": "errors",
    "Decision": "decision",
    "Holdout": "split",
    "Holiday": "hours",
    "Hours": "hours",
    "InfeasibleError": "errors",
    "Journey": "journey",
    "JourneykitError": "errors",
    "Lag": "window",
    "LedgerError": "errors",
    "Limit": "cap",
    "MissingExtraError": "errors",
    "ModelError": "errors",
    "OnMissing": "playbook",
    "Outcome": "decision",
    "Playbook": "playbook",
    "PlaybookError": "errors",
    "Policy": "policy",
    "PolicyError": "errors",
    "Prices": "prices",
    "Quota": "quota",
    "Reason": "decision",
    "Requirement": "cap",
    "Row": "decision",
    "Rule": "rule",
    "RuleError": "errors",
    "Scope": "cap",
    "Score": "campaign",
    "Segment": "segment",
    "Stage": "journey",
    "Team": "campaign",
    "Touch": "touch",
    "Transition": "journey",
    "Window": "window",
}

__all__ = ["presets", *_HOMES]  # noqa: PLE0604  (the keys are texts)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f"journeykit.{_HOMES[name]}"), name)
    elif name == "presets":
        value = import_module("journeykit.presets")
    else:
        raise AttributeError(f"module 'journeykit' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
