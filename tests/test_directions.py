"""Imports run in one direction: a lower layer never imports a higher one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "journeykit"

# From the bottom to the top. A module may import, when it is loaded, only those of earlier lines or of its own line.
STREET = [
    {"errors"},
    {"kernels"},
    {"basics"},
    {"rule"},
    {"model"},
    {"journey"},
    {"playbook"},
    {"policies"},
    {"audit"},
    {"engine"},
    {"arbiter"},
    {
        "handover",
        "tables",
        "ledger",
    },
    {"columns", "quotas"},
    {"placing", "segments"},
    {"job"},
    {"testing"},
    {"demo", "cli"},
    {"__main__"},
]
HOMES = {
    "dateutil": {"basics"},
    "networkx": {"journey"},
    "cattrs": {"playbook"},
    "yaml": {"playbook"},
    "pyarrow": {"tables", "demo", "columns", "job", "placing"},
    "numpy": {"columns", "demo", "job", "kernels", "placing", "quotas", "segments", "tables"},
    "numba": {"kernels"},
    "llvmlite": {"kernels"},
    "highspy": {"quotas"},
    "narwhals": {"tables"},
    "sqlalchemy": {"ledger"},
}


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def room_of(path: Path) -> str:
    """The top-level name under which a file is found."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path, *, anywhere: bool) -> set[str]:
    """The modules that a file imports: when it is loaded, or anywhere; never those for type checkers alone."""
    found = set()

    def visit(nodes: list[ast.stmt]) -> None:
        for node in nodes:
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                continue
            if isinstance(node, ast.ImportFrom):
                found.add(node.module or "")
                if node.module == "journeykit":
                    found.update(f"journeykit.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif anywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for part in ("body", "orelse", "finalbody"):
                    visit(getattr(node, part, []))
                for handler in getattr(node, "handlers", []):
                    visit(handler.body)

    visit(ast.parse(path.read_text("utf-8")).body)
    return found


@pytest.mark.parametrize("path", modules(), ids=room_of)
def test_a_module_imports_only_what_is_below(path: Path) -> None:
    """What a module imports when it is loaded stands below it on the street."""
    room = room_of(path)
    if room == "__init__":
        return
    level = next((at for at, line in enumerate(STREET) if room in line), None)
    assert level is not None, f"{room} has no place on the street: give it one"
    allowed = set().union(*STREET[: level + 1])
    for name in imports(path, anywhere=False):
        if name.startswith("journeykit."):
            assert name.split(".")[1] in allowed, f"{room} imports {name}"


@pytest.mark.parametrize("package", sorted(HOMES))
def test_a_foreign_package_has_one_home(package: str) -> None:
    """Each third-party package is imported in its own home and nowhere else."""
    users = {
        room_of(path) for path in modules() if any(n.split(".")[0] == package for n in imports(path, anywhere=True))
    }
    assert users <= HOMES[package]
    assert users
