"""What a check of eligibility is: it says whether a claim may go at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from journeykit.basics.validation import shown
from journeykit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from journeykit.model.claim import Claim
    from journeykit.model.contact import Contact
    from journeykit.policies.policy import Context


@runtime_checkable
class Check(Protocol):
    """A check of your own, which is asked after those of the playbook.

    A claim that it does not allow is denied with the reason `refused`, and the check's name is the `rule`. It is asked
    once for each claim, at the instant of the decision, and must say the same when it is asked again.

    Attributes:
        name: how decisions refer to it.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Contact, Playbook
        >>> class Creditworthy:
        ...     name = "credit"
        ...
        ...     def allows(self, claim, contact, context):
        ...         return claim.campaign != "loan" or contact.attributes.get("rating", 0) >= 3
        >>> playbook = Playbook.from_dict({
        ...     "content": [{"id": "note", "channel": "email"}],
        ...     "campaigns": [{"id": "loan", "content": ["note"]}],
        ... })
        >>> arbiter = Arbiter(playbook, checks=[Creditworthy()])
        >>> ben = Contact(id="ben", consent=["email"], attributes={"rating": 1})
        >>> row = arbiter.decide(ben, at=datetime(2026, 11, 5, 10, tzinfo=UTC)).row("loan")
        >>> str(row.reason), row.rule
        ('refused', 'credit')
    """

    @property
    def name(self) -> str:
        """How decisions refer to it."""
        ...

    def allows(self, claim: Claim, contact: Contact, context: Context) -> bool:
        """Whether the claim may go: True or False. What it raises, or anything else, makes the claim `invalid`."""
        ...


def checks_of(given: Iterable[Check]) -> tuple[Check, ...]:
    """Checks, each with a name of its own.

    Raises:
        ModelError: for what is no check, and for two of one name.
    """
    found = tuple(given)
    names: list[str] = []
    for check in found:
        name: object = getattr(check, "name", None)
        if (
            isinstance(check, type)
            or not isinstance(name, str)
            or not name
            or not callable(getattr(check, "allows", None))
        ):
            raise ModelError(
                f"a check is an object with a name and a method allows(claim, contact, context), found {shown(check)}",
                field="checks",
            )
        if name in names:
            raise ModelError(f"two checks are named {name!r}: give each a name of its own", field="checks")
        names.append(check.name)
    return found


def verdict_of(check: Check, claim: Claim, contact: Contact, context: Context) -> bool:
    """What a check says of a claim.

    Raises:
        TypeError: if it says neither True nor False.
    """
    found: object = check.allows(claim, contact, context)
    if isinstance(found, bool):
        return found
    if type(found).__module__ == "numpy" and type(found).__name__ in ("bool", "bool_"):
        return bool(found)
    raise TypeError(f"allows gives True or False, found {shown(found)}")
