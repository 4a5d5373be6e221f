"""The tree: imports run in one direction, nothing runs in a circle, names are unique, and no part outgrows the others.

Every import counts: those at the top of a file, those inside functions, and those for type checkers alone.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import networkx as nx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).parents[1] / "src" / "journeykit"

# From the bottom to the top. A package imports those above it in this list, and itself; nothing else.
TREE = [
    "errors",
    "basics",
    "rule",
    "model",
    "presets",
    "journey",
    "kernels",
    "playbook",
    "policies",
    "audit",
    "handover",
    "tables",
    "engine",
    "columns",
    "ledger",
    "quotas",
    "segments",
    "placing",
    "job",
    "arbiter",
    "measuring",
    "learning",
    "evaluating",
    "comparing",
    "simulating",
    "reporting",
    "testing",
    "__init__",
    "demo",
    "cli",
    "spark",
    "__main__",
]
# A value offers the work that a higher package does. Each such door loads it when it is called; there is no third.
DOORS = {
    ("journey", "journeykit.placing.place"),
    ("playbook", "journeykit.segments.count"),
}
# The file that gives each third-party package to the rest, or the package that is built on it.
HOMES = {
    "dateutil": {"basics"},
    "networkx": {"journey"},
    "cattrs": {"playbook"},
    "yaml": {"playbook"},
    "pyarrow": {
        "columns",
        "comparing",
        "demo",
        "evaluating",
        "job",
        "learning",
        "measuring",
        "placing",
        "reporting",
        "segments",
        "simulating",
        "spark",
        "tables",
    },
    "numpy": {
        "columns",
        "comparing",
        "demo",
        "evaluating",
        "job",
        "kernels",
        "learning",
        "measuring",
        "placing",
        "policies",
        "quotas",
        "reporting",
        "segments",
        "simulating",
        "spark",
        "tables",
    },
    "pyspark": {"spark"},
    "highspy": {"quotas"},
    "opentelemetry": {"basics"},
    "narwhals": {"tables"},
    "sqlalchemy": {"ledger"},
    "sklearn": {"learning"},
    "skops": {"learning"},
    "altair": {"reporting"},
    "vl_convert": {"reporting"},
}
LARGEST_FILE = 600


def files() -> dict[str, Path]:
    """Every file by its dotted name."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = ("journeykit", *path.relative_to(SOURCE).with_suffix("").parts)
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


FILES = files()


@cache
def nodes_of(name: str) -> tuple[ast.AST, ...]:
    """The syntax of a file; it is read once, and not at all where no test asks for it."""
    return tuple(ast.walk(ast.parse(FILES[name].read_text("utf-8"))))


def nodes() -> Iterator[tuple[str, ast.AST]]:
    """The syntax of all files, each part with the file's dotted name."""
    return ((name, node) for name in FILES for node in nodes_of(name))


def room_of(name: str) -> str:
    """The top-level package or module under which a file is found."""
    return name.split(".")[1] if "." in name else "__init__"


@cache
def imports(name: str) -> set[str]:
    """What a file imports, anywhere in it: files of the library by their dotted names, others by their first name."""
    found = set()
    for node in nodes_of(name):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in FILES else node.module or "")
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found


def own_imports(name: str) -> set[str]:
    """The files of the library that a file imports."""
    return {other for other in imports(name) if other == "journeykit" or other.startswith("journeykit.")} - {name}


def test_every_part_has_its_place() -> None:
    """The list of the tree and the folder have the same parts, and they are few enough to remember."""
    assert {room_of(name) for name in FILES} == set(TREE)
    assert len(TREE) <= 32


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_imports_only_what_is_below(name: str) -> None:
    """Nothing imports what stands above it, in functions or for type checkers neither."""
    level = TREE.index(room_of(name))
    if room_of(name) == "__init__":
        return  # the front door names what lies behind it, and loads it when it is touched
    for other in own_imports(name):
        assert TREE.index(room_of(other)) <= level, f"{name} imports {other}, which is above it"


def test_nothing_runs_in_a_circle() -> None:
    """No file imports itself by way of others, and no package either."""
    graph = nx.DiGraph((name, other) for name in FILES for other in own_imports(name) if name != "journeykit")
    circles = [sorted(part) for part in nx.strongly_connected_components(graph) if len(part) > 1]
    assert circles == []


def test_there_are_two_doors_upward() -> None:
    """What is loaded by name from above is listed, and a door opens nowhere else."""
    found = set()
    for name, node in nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "door":
            module = node.args[0]
            assert isinstance(module, ast.Constant), f"{name} has a door whose module is not written out"
            found.add((room_of(name), module.value))
    assert found == DOORS


# What loads a module by its name: lazy names and the kernels' face; commands, which load what they need when they are
# called; policies that a user names; the libraries of the frames that a user gives; and what executors are asked for.
LOADERS = {
    "journeykit.basics.lazy",
    "journeykit.kernels",
    "journeykit.cli.arguments",
    "journeykit.cli.main",
    "journeykit.spark.executor_check",
    "journeykit.tables.arrow.frames",
}


def test_only_a_few_files_load_modules_by_name() -> None:
    """What is loaded by its name is no import that the tests above see, so the files that do it are listed."""
    users = {
        name
        for name, node in nodes()
        if (isinstance(node, ast.Attribute) and node.attr == "import_module")
        or (isinstance(node, ast.Name) and node.id in ("import_module", "__import__"))
    }
    assert users == LOADERS


def test_kernels_have_one_face() -> None:
    """Kernels import nothing but kernels, and nothing else imports what is behind their face."""
    for name in FILES:
        inside = room_of(name) == "kernels"
        for other in own_imports(name):
            if inside:
                assert room_of(other) == "kernels", f"{name} imports {other}"
            else:
                assert other != "journeykit.kernels._core", f"{name} imports {other}"


def test_class_names_are_unique() -> None:
    """A class has its name for itself, so that a name says which one is meant."""
    owners = defaultdict(list)
    for name, node in nodes():
        if isinstance(node, ast.ClassDef):
            owners[node.name].append(name)
    assert {name: found for name, found in owners.items() if len(found) > 1} == {}


def test_file_names_are_unique() -> None:
    """A file has its name for itself, and no two names differ by an s; a package's face is named for the package."""
    owners = defaultdict(list)
    for name, path in FILES.items():
        if not path.stem.startswith("__"):
            owners[path.stem.rstrip("s")].append(name)
    assert {name: found for name, found in owners.items() if len(found) > 1} == {}


# Files above the limit, each with its reason.
LONG: dict[str, str] = {}


def test_no_file_is_too_long() -> None:
    """A file can be read in one sitting; kernels are compiled as a whole and may be longer."""
    sizes = {name: len(path.read_text("utf-8").splitlines()) for name, path in FILES.items()}
    long = {name for name, size in sizes.items() if size > LARGEST_FILE and room_of(name) != "kernels"}
    assert long == set(LONG)


def test_no_package_outgrows_the_others() -> None:
    """No package holds more than a sixth of the lines."""
    sizes: dict[str, int] = defaultdict(int)
    for name, path in FILES.items():
        sizes[room_of(name)] += len(path.read_text("utf-8").splitlines())
    total = sum(sizes.values())
    assert {room: size for room, size in sizes.items() if size * 6 > total} == {}


def test_functions_are_short() -> None:
    """Half of the functions have eight lines or fewer, not counting what documents them."""
    sizes = []
    for name, node in nodes():
        if room_of(name) != "kernels" and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1:] if ast.get_docstring(node) is not None else node.body
            sizes.append(first[-1].end_lineno - first[0].lineno + 1 if first else 0)
    assert median(sizes) <= 8


@pytest.mark.parametrize("package", sorted(HOMES))
def test_a_foreign_package_has_its_homes(package: str) -> None:
    """Each third-party package is imported where it belongs and nowhere else."""
    users = {room_of(name) for name in FILES if any(other.split(".")[0] == package for other in imports(name))}
    assert users == HOMES[package]
