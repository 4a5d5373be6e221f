"""journeykit: journey stages and message arbitration.

An arbiter looks at a contact's claims, its history and a moment, and gives every claim an outcome and a reason.
"""

from typing import TYPE_CHECKING

from journeykit.basics.lazy import lazy_names
from journeykit.basics.version import VERSION

if TYPE_CHECKING:
    from journeykit import presets as presets
    from journeykit.arbiter import Arbiter as Arbiter
    from journeykit.comparing.comparison import compare as compare
    from journeykit.comparing.shifting import sensitivity as sensitivity
    from journeykit.errors import DataError as DataError
    from journeykit.errors import ExecutorError as ExecutorError
    from journeykit.errors import InfeasibleError as InfeasibleError
    from journeykit.errors import JourneykitError as JourneykitError
    from journeykit.errors import LedgerError as LedgerError
    from journeykit.errors import MissingExtensionError as MissingExtensionError
    from journeykit.errors import MissingExtraError as MissingExtraError
    from journeykit.errors import ModelError as ModelError
    from journeykit.errors import PlaybookError as PlaybookError
    from journeykit.errors import PolicyError as PolicyError
    from journeykit.errors import RuleError as RuleError
    from journeykit.evaluating.evaluation import evaluate as evaluate
    from journeykit.journey.journey import Journey as Journey
    from journeykit.journey.stages import Stage as Stage
    from journeykit.journey.stages import Transition as Transition
    from journeykit.learning.learner import learn as learn
    from journeykit.model.campaign import Campaign as Campaign
    from journeykit.model.campaign import Team as Team
    from journeykit.model.cap import Cap as Cap
    from journeykit.model.cap import Conflict as Conflict
    from journeykit.model.cap import Limit as Limit
    from journeykit.model.cap import Requirement as Requirement
    from journeykit.model.cap import Scope as Scope
    from journeykit.model.claim import Claim as Claim
    from journeykit.model.claim import Score as Score
    from journeykit.model.contact import Consent as Consent
    from journeykit.model.contact import Contact as Contact
    from journeykit.model.content import Content as Content
    from journeykit.model.decision import Decision as Decision
    from journeykit.model.experiment import Arm as Arm
    from journeykit.model.experiment import CapChange as CapChange
    from journeykit.model.experiment import Experiment as Experiment
    from journeykit.model.experiment import LeverChange as LeverChange
    from journeykit.model.experiment import RuleChanges as RuleChanges
    from journeykit.model.exploration import Exploration as Exploration
    from journeykit.model.guard import Guard as Guard
    from journeykit.model.holdout import Holdout as Holdout
    from journeykit.model.lever import Lever as Lever
    from journeykit.model.outcome import Outcome as Outcome
    from journeykit.model.outcome import Reason as Reason
    from journeykit.model.outcome import Row as Row
    from journeykit.model.patience import Patience as Patience
    from journeykit.model.prices import Prices as Prices
    from journeykit.model.quiet_hours import Holiday as Holiday
    from journeykit.model.quiet_hours import Hours as Hours
    from journeykit.model.quota import Quota as Quota
    from journeykit.model.recurrence import Recurrence as Recurrence
    from journeykit.model.response import Response as Response
    from journeykit.model.rest import Rest as Rest
    from journeykit.model.segment import Segment as Segment
    from journeykit.model.send_at import Channel as Channel
    from journeykit.model.send_at import SendAt as SendAt
    from journeykit.model.series import Series as Series
    from journeykit.model.touch import Touch as Touch
    from journeykit.model.tripped_guards import GuardTrip as GuardTrip
    from journeykit.model.tripped_guards import TrippedGuards as TrippedGuards
    from journeykit.model.window import Lag as Lag
    from journeykit.model.window import Window as Window
    from journeykit.playbook.playbook import Playbook as Playbook
    from journeykit.playbook.sections import OnMissing as OnMissing
    from journeykit.policies.policy import Policy as Policy
    from journeykit.reporting.calendar_picture import draw_calendar as draw_calendar
    from journeykit.reporting.campaign_overlap import overlap as overlap
    from journeykit.reporting.contact_pressure import pressure as pressure
    from journeykit.reporting.decision_report import report as report
    from journeykit.reporting.matrix_builder import messaging_matrix as messaging_matrix
    from journeykit.reporting.slot_report import free_slots as free_slots
    from journeykit.rule import Rule as Rule
    from journeykit.simulating.simulation import simulate as simulate


__version__ = VERSION

# Where each name lives. A name loads its module when it is touched, so that the front door opens at once.
_HOMES = {
    "presets": "presets",
    "Arbiter": "arbiter",
    "Arm": "model.experiment",
    "Campaign": "model.campaign",
    "Cap": "model.cap",
    "CapChange": "model.experiment",
    "Channel": "model.send_at",
    "Claim": "model.claim",
    "Conflict": "model.cap",
    "Consent": "model.contact",
    "Contact": "model.contact",
    "Content": "model.content",
    "DataError": "errors",
    "Decision": "model.decision",
    "ExecutorError": "errors",
    "Experiment": "model.experiment",
    "Exploration": "model.exploration",
    "Guard": "model.guard",
    "GuardTrip": "model.tripped_guards",
    "Holdout": "model.holdout",
    "Holiday": "model.quiet_hours",
    "Hours": "model.quiet_hours",
    "InfeasibleError": "errors",
    "Journey": "journey.journey",
    "JourneykitError": "errors",
    "Lag": "model.window",
    "LedgerError": "errors",
    "Lever": "model.lever",
    "LeverChange": "model.experiment",
    "Limit": "model.cap",
    "MissingExtensionError": "errors",
    "MissingExtraError": "errors",
    "ModelError": "errors",
    "OnMissing": "playbook.sections",
    "Outcome": "model.outcome",
    "Patience": "model.patience",
    "Playbook": "playbook.playbook",
    "PlaybookError": "errors",
    "Policy": "policies.policy",
    "PolicyError": "errors",
    "Prices": "model.prices",
    "Quota": "model.quota",
    "Reason": "model.outcome",
    "Recurrence": "model.recurrence",
    "Requirement": "model.cap",
    "Response": "model.response",
    "Rest": "model.rest",
    "Row": "model.outcome",
    "Rule": "rule",
    "RuleChanges": "model.experiment",
    "RuleError": "errors",
    "Scope": "model.cap",
    "Score": "model.claim",
    "Segment": "model.segment",
    "SendAt": "model.send_at",
    "Series": "model.series",
    "Stage": "journey.stages",
    "Team": "model.campaign",
    "Touch": "model.touch",
    "Transition": "journey.stages",
    "TrippedGuards": "model.tripped_guards",
    "Window": "model.window",
    "compare": "comparing.comparison",
    "draw_calendar": "reporting.calendar_picture",
    "evaluate": "evaluating",
    "free_slots": "reporting",
    "learn": "learning.learner",
    "messaging_matrix": "reporting",
    "overlap": "reporting",
    "pressure": "reporting",
    "report": "reporting",
    "sensitivity": "comparing",
    "simulate": "simulating",
}

__all__ = [*_HOMES]  # noqa: PLE0604  (the keys are texts)
_LEARN = dict.fromkeys(("numpy", "pyarrow", "scipy", "sklearn", "skops"), "learn")
_EXTRAS = {**_LEARN, "altair": "report", "vl_convert": "report"}
__getattr__, _names = lazy_names(__name__, _HOMES, _EXTRAS)


def __dir__() -> list[str]:
    return [*_names(), "__version__"]
