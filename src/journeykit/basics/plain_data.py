"""Plain data as a JSON file."""

from __future__ import annotations

import json
import os
from typing import Any

from journeykit.errors import named_error


def write_json(path: str | os.PathLike[str], data: Any) -> None:
    """Write plain data to a JSON file, which appears whole or not at all.

    Raises:
        OSError: if it cannot be written; what was there stays as it was.
    """
    from pathlib import Path

    target = Path(path)
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        beside.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
        beside.replace(target)
    except OSError as error:
        raise named_error(error, path) from error
    finally:
        beside.unlink(missing_ok=True)
