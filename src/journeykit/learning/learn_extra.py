"""What learning needs besides the library."""

from __future__ import annotations

from importlib.util import find_spec

from journeykit.errors import MissingExtraError


def need_learn(purpose: str) -> None:
    """Refuse to begin where scikit-learn or skops is missing.

    Args:
        purpose: what needs them.

    Raises:
        MissingExtraError: naming the extra that installs them.
    """
    if any(find_spec(name) is None for name in ("sklearn", "skops")):
        raise MissingExtraError("learn", purpose)
