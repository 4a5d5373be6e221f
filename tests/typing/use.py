"""What users write must pass strict type checks. This file is checked by mypy, and never run."""

from datetime import UTC, datetime

from journeykit import (
    Arbiter,
    Campaign,
    Cap,
    Claim,
    Contact,
    Content,
    Decision,
    Playbook,
    Policy,
    Reason,
    Touch,
    Window,
)
from journeykit.policies import Context


class Flat:
    """A policy of one's own."""

    def weigh(self, claim: Claim, contact: Contact, context: Context) -> float:
        """The same for all."""
        return 1.0 if claim.campaign and contact.id and context.base else 0.0


policy: Policy = Flat()
playbook = Playbook(
    content=[Content(id="mail", channel="email", stages={"awareness": 1})],
    campaigns=[Campaign(id="news", content=["mail"], audience="score >= 40")],
    caps=[Cap(name="one a day", max=1, window=Window.calendar("day"), by="channel")],
    policy="flat",
)
arbiter = Arbiter(playbook, {"flat": policy})
contact = Contact(id="anna", consent=["email"], segments=["vip"], attributes={"score": 50})
at = datetime(2026, 11, 5, 9, tzinfo=UTC)
decision: Decision = arbiter.decide(contact, [Touch(at=at, channel="email")], at=at, explain=True)
reasons: list[Reason] = [row.reason for row in decision.rows]
sent: list[datetime] = [grant.send_at for grant in decision.granted]
text: str = str(decision.explain())
