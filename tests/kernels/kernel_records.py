"""Recorded calls of kernels: what went in, what came out.

A record is an .npz file: `meta`, as JSON, says which kernel it was, how its arguments are built and what it gave;
`before/N` are the arrays that went in, and `after/N` those of them that it changed.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from journeykit.kernels.interface.array_bundle import ArrayBundle

SCRATCH = {"DecisionWorkspace", "SearchProblem", "SearchWorkspace", "PriceWorkspace", "WalkState"}
"""Bundles that are room to work in: what a kernel leaves there is its own affair."""
KEPT = {"found", "terms"}
"""Fields of them that callers read."""


class KernelRecord:
    """One recorded call.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        with np.load(path) as file:
            self.meta = json.loads(str(file["meta"]))
            self.before = {name[7:]: file[name] for name in file.files if name.startswith("before/")}
            self.after = {name[6:]: file[name] for name in file.files if name.startswith("after/")}
        self.kernel: str = self.meta["kernel"]

    def run(self, kernel: Any) -> list[str]:
        """Call a kernel as it was called then; where what it gives and leaves differs from then."""
        arrays = {name: array.copy() for name, array in self.before.items()}
        scratch: set[str] = set()
        result = kernel(*[self._built(spec, arrays, scratch) for spec in self.meta["arguments"]])
        names = self._names()
        faults = []
        for name, array in arrays.items():
            wanted = self.after.get(name, self.before[name])
            fault = None if name in scratch else _first_difference(array, wanted)
            if fault is not None:
                faults.append(f"{names[name]}: {fault}")
        wanted = self.meta["result"]
        if isinstance(wanted, list):
            wanted = tuple(wanted)
        if wanted is not None and result != wanted:
            faults.append(f"result: {result} instead of {wanted}")
        return faults

    def arguments(self) -> list[Any]:
        """Fresh arguments."""
        arrays = {name: array.copy() for name, array in self.before.items()}
        return [self._built(spec, arrays, set()) for spec in self.meta["arguments"]]

    def _built(self, spec: dict[str, Any], arrays: dict[str, np.ndarray], scratch: set[str], room: bool = False) -> Any:
        if "number" in spec:
            return spec["number"]
        if "float" in spec:
            return spec["float"]
        if "array" in spec:
            if room:
                scratch.add(spec["array"])
            return arrays[spec["array"]]
        module, name = spec["bundle"].split(":")
        kind: type[ArrayBundle] = getattr(import_module(module), name)
        inside = room or name in SCRATCH
        values = {
            field: self._built(own, arrays, scratch, inside and field not in KEPT)
            for field, own in spec["fields"].items()
        }
        for field, own in kind.fields.items():
            if isinstance(own, tuple):
                # What a file keeps of a record's type lacks its padding: the bytes are the same.
                values[field] = values[field].view(own[0])
        return kind(**values)

    def _names(self) -> dict[str, str]:
        found: dict[str, str] = {}

        def walk(spec: dict[str, Any], path: str) -> None:
            if "array" in spec:
                found.setdefault(spec["array"], path)
            for field, own in spec.get("fields", {}).items():
                walk(own, f"{path}.{field}")

        for place, spec in enumerate(self.meta["arguments"]):
            walk(spec, f"{place}:{spec.get('bundle', '').rpartition(':')[2]}")
        return found


def _unlike(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Which items differ in a byte; the padding of records does not count."""
    if found.dtype.names:
        fields = [_unlike(found[name], wanted[name]) for name in found.dtype.names]
        return np.logical_or.reduce(fields)
    flat, other = np.ascontiguousarray(found).reshape(-1), np.ascontiguousarray(wanted).reshape(-1)
    size = found.dtype.itemsize
    return (flat.view(np.uint8) != other.view(np.uint8)).reshape(-1, size).any(axis=1)


def _first_difference(found: np.ndarray, wanted: np.ndarray) -> str | None:
    unlike = np.flatnonzero(_unlike(found, wanted))
    if len(unlike) == 0:
        return None
    where = [int(one) for one in np.unravel_index(unlike[0], found.shape)]
    return f"{len(unlike)} of {found.size} differ, first at {where}: {found[*where]} instead of {wanted[*where]}"


def record_paths(folder: Path) -> list[Path]:
    """The records of a folder."""
    return sorted(folder.rglob("*.npz"))
