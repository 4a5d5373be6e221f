"""What a message is when it is decided: its reservation keeps it, whatever a later playbook says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.basics.clock import moment
from journeykit.model.quota import number_of

if TYPE_CHECKING:
    from journeykit.engine.message import Message
    from journeykit.engine.ruleset import Ruleset
    from journeykit.model.claim import Claim


def facts_of(compiled: Ruleset, opening: Message) -> dict[str, Any]:
    """The facets of a message as arguments of a `Reservation`.

    What the playbook knows to be none is named in ``without``. Of a campaign or content that the playbook does not
    list, what the claim does not say is not known.
    """
    facets, campaign = opening.facets, opening.campaign
    team, goal, theme = (next(iter(facets.get(name, ())), None) for name in ("team", "goal", "theme"))
    found: dict[str, Any] = {
        "team": team,
        "goal": goal,
        "topics": facets.get("topic", ()),
        "solutions": facets.get("solution", ()),
        "theme": theme,
        "tags": facets.get("tag", ()),
    }
    asked: tuple[str, ...] = ()
    if campaign.id in compiled.campaigns:
        found["campaign_ends"] = campaign.ends
        found["counts_toward_caps"] = campaign.counts_toward_caps
        asked = ("campaign_ends", "goal", "team")
    if opening.content is not None:
        asked += ("solutions", "theme", "topics")
    found["without"] = tuple(sorted(name for name in asked if not found[name]))
    return found


def numbers_of(compiled: Ruleset, opening: Message, claim: Claim) -> dict[str, Any]:
    """The numbers of a claim that quotas add up, as arguments of a `Reservation`; its weight is the decision's."""
    own = ((column, number_of(claim, column)) for column in compiled.own_columns)
    return {
        "cost": _number(opening.campaign.cost if claim.cost is None else claim.cost),
        "propensity": _number(claim.propensity),
        "numbers": {column: float(value) for column, value in own if value is not None},
    }


def end_of(expiry: tuple[int, str] | None) -> dict[str, Any]:
    """Until when a message may go, as arguments of a `Reservation`, and the rule that says so."""
    return {} if expiry is None else {"expires": moment(expiry[0]), "expires_by": expiry[1]}


def _number(value: float | None) -> float | None:
    # NaN is no number, and not every database keeps it.
    return None if value is None or value != value else float(value)  # noqa: PLR0124
