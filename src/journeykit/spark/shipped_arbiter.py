"""An arbiter as it travels to executors: the playbook's canonical form, and what is imported there by name."""

from __future__ import annotations

import io
import json
import pickle
from types import FunctionType
from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.arbiter import Arbiter
from journeykit.basics.version import VERSION
from journeykit.errors import DataError, ModelError, PolicyError
from journeykit.playbook.playbook import Playbook

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_KEPT = 4
"""So many arbiters a process keeps; a worker of Spark serves one job, or a few, at a time."""
_KEPT: dict[tuple[str, bytes], Arbiter] = {}


@frozen
class ShippedArbiter:
    """An arbiter as plain text and references to what executors import.

    Attributes:
        playbook: the canonical form, as JSON.
        fingerprint: that of the playbook, by which the arrival is checked.
        rest: policies, checks, prices, guards and node budget, pickled; classes and functions by their names.
        modules: the modules that executors must have, for policies and checks of your own.
        version: the version of the library that sent it.

    Raises:
        PolicyError: for a policy or check that executors cannot import.

    Example:
        >>> arbiter = Arbiter(Playbook(name="harmony"))
        >>> ShippedArbiter.of(arbiter).arbiter().fingerprint == arbiter.fingerprint
        True
    """

    playbook: str
    fingerprint: str
    rest: bytes
    modules: tuple[str, ...] = ()
    version: str = VERSION

    @classmethod
    def of(cls, arbiter: Arbiter) -> ShippedArbiter:
        """An arbiter, packed.

        Raises:
            ModelError: for something else.
            PolicyError: for a policy or check that executors cannot import.
        """
        found: object = arbiter
        if not isinstance(found, Arbiter):
            raise ModelError(f"arbiter must be an Arbiter, found {type(found).__name__}", field="arbiter")
        modules: set[str] = set()
        for name, policy in arbiter.policies.items():
            _packed(policy, f"policy {name!r}", modules)
        for check in arbiter.checks:
            _packed(check, f"check {getattr(check, '__name__', type(check).__name__)!r}", modules)
        rest = {
            "policies": dict(arbiter.policies),
            "prices": arbiter.prices,
            "node_budget": arbiter.node_budget,
            "checks": arbiter.checks,
            "guards": arbiter.guards,
        }
        text = json.dumps(arbiter.playbook.to_dict(), ensure_ascii=False)
        own = tuple(sorted(name for name in modules if name.partition(".")[0] != "journeykit"))
        return cls(text, arbiter.fingerprint, _packed(rest, "the arbiter", modules), own)

    def arbiter(self) -> Arbiter:
        """The arbiter, compiled once for each process.

        Raises:
            DataError: where this process has another version of the library, which reads the playbook otherwise.
            PolicyError: where a policy or check cannot be imported here.
        """
        key = self.fingerprint, self.rest
        found = _KEPT.get(key)
        if found is None:
            found = self._unpacked()
            if len(_KEPT) >= _MOST_KEPT:
                _KEPT.clear()
            _KEPT[key] = found
        return found

    def _unpacked(self) -> Arbiter:
        if self.version != VERSION:
            raise DataError(
                f"journeykit {VERSION} is installed on this executor, and the driver has {self.version}: "
                "install the driver's version on all executors",
                source="playbook",
            )
        try:
            rest: Mapping[str, Any] = pickle.loads(self.rest)  # noqa: S301  (packed by the driver of this job)
        except (ImportError, AttributeError) as error:
            raise PolicyError(
                f"a policy or check cannot be imported on this executor: {error}; ship its module with the job "
                "(--py-files), or install it on all executors"
            ) from error
        found = Arbiter(Playbook.from_dict(json.loads(self.playbook)), **rest)
        if found.fingerprint != self.fingerprint:
            raise DataError(
                f"the playbook has the fingerprint {found.fingerprint[:12]}... on this executor, and "
                f"{self.fingerprint[:12]}... on the driver: install one version of journeykit on all of them",
                source="playbook",
            )
        return found


class _ByName(pickle.Pickler):
    """Pickles classes and functions by the name under which executors import them.

    Args:
        into: where the bytes go.
        modules: where the names of their modules go.
    """

    def __init__(self, into: io.BytesIO, modules: set[str]) -> None:
        super().__init__(into)
        self._modules = modules

    def reducer_override(self, value: Any) -> Any:
        """Refuse what is defined in the program that is run, which executors do not import."""
        if isinstance(value, type | FunctionType):
            if value.__module__ == "__main__":
                raise pickle.PicklingError(f"{value.__qualname__} is defined in __main__")
            self._modules.add(value.__module__)
        return NotImplemented


def _packed(value: object, what: str, modules: set[str]) -> bytes:
    """A value, pickled by name; the modules that it needs are added to others.

    Raises:
        PolicyError: where executors could not read it.
    """
    into = io.BytesIO()
    try:
        _ByName(into, modules).dump(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise PolicyError(
            f"{what} cannot be sent to executors: {error}; define it at the top of a module that executors can import "
            "(installed there, or shipped with --py-files), with attributes that can be pickled"
        ) from error
    return into.getvalue()
