"""Documents run: the code blocks of the README and of docs/, and the examples of all docstrings.

On a page,

- a block whose first line is ``# file: NAME`` is written to that file before anything runs;
- a file that the page includes (``literalinclude``) is beside it, under its own name;
- a ``python`` block runs, all of a page in one namespace;
- a ``sh`` block runs where its lines begin with ``journeykit ``; a line that does not end with 0 says ``# exits N``;
- a ``text`` block is exactly what the block before it printed.

What needs Spark (the pages of `APART`, the examples of ``journeykit.spark``) runs in `tests/spark/test_spark_docs.py`.

``python tests/test_docs.py [PAGE ...]`` writes what was printed into the pages; read the difference before you keep it.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import os
import pkgutil
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from test_directions import FILES, TREE

import journeykit
from journeykit import Playbook, PlaybookError, journey, ledger, policies

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "journeykit"
PAGES = [ROOT / "README.md", *sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)]
APART = [page for page in PAGES if page.stem.startswith(("spark", "ray-"))]
"""The pages that need Spark, Ray or Dask."""
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# file: (\S+)\n")
INCLUDED = re.compile(r"^```\{literalinclude\} (\S+)$", re.MULTILINE)
WRONG = {("tutorial.md", "typos.yaml")}
"""The playbooks that pages show to be wrong."""
MEANT = {
    "quotas.md": ["'full hall' wants at least 5, and 'seats' allows at most 3"],  # shows what is then refused
    "stage-values.md": ["the journey has no value for the stage"],  # works the values out, and sets them
}
"""By page, the warnings that belong to what it shows."""
UNLISTED = {"BUILT_IN", "BaseLedger", "HANDOVERS", "MEASURES", "OptOut", "SEND_LOGS"}
"""Names that are importable and not documented: constants, a base class, and a former name."""
MODEL_WORDS = (
    *(
        "contact",
        "decision unit",
        "stage",
        "journey",
        "content",
        "campaign",
        "team",
        "claim",
        "touch",
        "cap",
        "conflict",
    ),
    *(
        "requirement",
        "quota",
        "policy",
        "playbook",
        "arbiter",
        "decision",
        "ledger",
        "eligible",
        "candidate",
        "fallback",
    ),
    *("capacity", "window usage", "holdout", "lp prices", "price decomposition", "local search", "workspace"),
    "content encoder",
)
MODULES = ["journeykit", *(found.name for found in pkgutil.walk_packages(journeykit.__path__, "journeykit."))]
SPARK_MODULES = [name for name in MODULES if f"{name}.".startswith("journeykit.spark.")]
"""The modules whose examples have a session of Spark at hand, as ``spark``."""
WITH_EXAMPLES = [name for name, path in FILES.items() if ">>>" in path.read_text("utf-8")]
DEMO = DOCS / "demo.md"
"""The page that runs where its figures are made (`tests/demo`): they take longer than all other pages."""


def printed(run):
    """What a function prints, on either stream."""
    page = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n")
    with contextlib.redirect_stdout(page), contextlib.redirect_stderr(page):
        run()
    page.seek(0)
    return page.read()


def run_python(code, namespace, where):
    return printed(lambda: exec(compile(code, where, "exec"), namespace))


def run_commands(code):
    """The lines of a block as commands of journeykit, each with the exit code that it says; None for other lines."""
    lines = code.replace("\\\n", " ").splitlines()
    if not all(line.startswith("journeykit ") for line in lines):
        return None
    from journeykit.cli import main

    def run():
        for line in lines:
            said = re.search(r"# exits (\d)", line)
            try:
                found = main(shlex.split(line, comments=True)[1:])
            except SystemExit as stop:
                found = stop.code
            assert (found or 0) == int(said[1] if said else 0), f"{line} ended with {found}"

    return printed(run)


def write_files(text):
    for block in BLOCK.finditer(text):
        header = FILE.match(block[2])
        if header:
            Path(header[1]).write_text(block[2][header.end() :], encoding="utf-8")


def outputs(page, namespace=None):
    """Run a page in the working directory; each text block, with what was printed before it."""
    text = page.read_text(encoding="utf-8")
    write_files(text)
    for name in INCLUDED.findall(text):
        shutil.copy(page.parent / name, Path(name).name)
    namespace = {} if namespace is None else namespace
    namespace["__name__"] = "page"
    before = None
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        where = f"{page.relative_to(ROOT)}:{line}"
        if FILE.match(block[2]):
            before = None
        elif block[1] == "python":
            before = run_python("\n" * line + block[2], namespace, where)
        elif block[1] == "sh":
            before = run_commands(block[2])
        elif block[1] == "text":
            assert before is not None, f"{where}: nothing ran before this text"
            yield block, where, before
            before = None


def page_name(page):
    return str(page.relative_to(ROOT))


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """A working directory of the page's own, from which it can import."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.parametrize("page", [page for page in PAGES if page not in (*APART, DEMO)], ids=page_name)
@pytest.mark.usefixtures("scratch")
def test_page_runs(page):
    """Every code block of a page runs, and prints what the page says; the playbooks that it makes are sound."""
    check_page(page, {})


def check_page(page, namespace):
    """Run a page, with what is at hand; it must print what it says, and its playbooks must be sound."""
    for block, where, found in outputs(page, namespace):
        assert found == block[2], where
    made = {name: getattr(value, "playbook", value) for name, value in namespace.items()}
    told = {str(problem) for value in made.values() if isinstance(value, Playbook) for problem in value.check()}
    told = {problem for problem in told if not any(part in problem for part in MEANT.get(page.name, ()))}
    assert told == set()


def playbooks():
    """The playbooks in files that pages and examples have: where, and what they hold."""
    for page in PAGES:
        for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
            header = FILE.match(block[2])
            if (header and Path(header[1]).suffix in (".yaml", ".toml")) or (
                header and header[1].endswith("playbook.json")
            ):
                yield page.name, header[1], block[2][header.end() :]
    for path in [*(ROOT / "src").rglob("*.yaml"), *(ROOT / "tests" / "data").rglob("harmony.yaml")]:
        yield path.name, path.name, path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "name", "text"), [pytest.param(*own, id="/".join(own[:2])) for own in playbooks()])
def test_playbooks_of_pages_and_examples_are_sound(tmp_path, page, name, text):
    """`journeykit check` has nothing to say of what people copy, but for what a page wants to show."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    if (page, name) in WRONG:
        with pytest.raises(PlaybookError):
            Playbook.load(path)
        return
    found = [str(problem) for problem in Playbook.load(path).check()]
    assert [problem for problem in found if not any(part in problem for part in MEANT.get(page, ()))] == []


@pytest.mark.parametrize("name", [name for name in WITH_EXAMPLES if name not in SPARK_MODULES])
@pytest.mark.usefixtures("scratch")
def test_docstring_examples_run(name):
    """Every example in a docstring runs, and gives what the docstring says."""
    check_examples(name, {})


def check_examples(name, namespace):
    """Run the examples of a module, with what is at hand beside its own names."""
    module = importlib.import_module(name)
    said = io.StringIO()
    # A docstring without an example costs as much to run as one with: doctest looks at every file for each.
    found = [own for own in doctest.DocTestFinder().find(module, extraglobs=namespace) if own.examples]
    runner = doctest.DocTestRunner()
    with contextlib.redirect_stdout(said):
        for own in found:
            runner.run(own)
    assert found, f"{name} has examples that are not found"
    assert runner.failures == 0, said.getvalue()


def test_every_module_can_be_imported():
    """Those without an example too."""
    for name in MODULES:
        assert importlib.import_module(name).__name__ == name


def test_reference_is_complete():
    """Every public name of the front door and of the packages that users import from has a page."""
    page = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^journeykit\.(?:\w+\.)*(\w+)(?:\(\))?(?:: .+)?$", page, re.MULTILINE))
    for package in (journeykit, ledger, journey, policies):
        public = {name for name in package.__all__ if name not in UNLISTED}
        assert public - listed == set(), package.__name__


def test_pictures_of_decisions_are_current():
    """The picture of a decision is drawn from what the library answers today; that of the circle as it is written."""
    import pictures

    assert (DOCS / "circle.svg").read_text(encoding="utf-8") == pictures.circle()
    assert (DOCS / "decision.svg").read_text(encoding="utf-8") == pictures.decision(pictures.example())


def test_the_gallery_shows_results_as_notebooks_do():
    """A mark on a page becomes the HTML of a result of the page's own code, in one block of Markdown."""
    import gallery

    code = "class Own:\n    def _repr_html_(self):\n        return '<p>a</p>\\n\\n<p>b</p>'\n\nown = Own()\n"
    text = f"# a\n\n```python\n{code}```\n\n<!-- shown: own -->\n"
    assert gallery.shown(text).endswith('\n\n<div class="shown"><p>a</p>\n<p>b</p></div>\n')
    assert gallery.shown("# a\n") == "# a\n"
    page = (DOCS / "gallery.md").read_text(encoding="utf-8")
    assert len(gallery.SHOWN.findall(page)) == page.count("<!-- shown:") > 10


def test_the_glossary_has_the_words_of_the_design():
    """Every word of the model has its entry; an entry is there once."""
    page = (DOCS / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^(\w[\w ]+)\n  \w", page, re.MULTILINE)
    assert len(terms) == len({term.lower() for term in terms})
    assert set(MODEL_WORDS) <= {term.lower() for term in terms}


def test_contributing_has_the_tree():
    """The page lists every package and module of the top level once, in the order of imports, and no other."""
    page = (DOCS / "contributing.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+(?:\.py)?)` \|", page, re.MULTILINE)
    there = {path.name for path in SOURCE.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert sorted(listed) == sorted(there - {"__init__.py", "__main__.py", "__pycache__"})
    assert [name.removesuffix(".py") for name in listed] == [name for name in TREE if not name.startswith("__")]


def test_files_that_contributing_names_exist():
    """The life of a decision, and where a new thing goes, name files that are there."""
    page = (DOCS / "contributing.md").read_text(encoding="utf-8")
    named = re.findall(r"`(\w+/[\w/]*(?:\.\w+)?)`", page)
    assert len(named) > 30
    assert [name for name in named if not (SOURCE / name).exists() and not (ROOT / name).exists()] == []


def write_outputs(pages=PAGES):
    """Write what was printed into the pages, or into some of them."""
    for page in pages:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            sys.path.insert(0, folder)
            text = page.read_text(encoding="utf-8")
            changed = text
            for block, _, found in reversed(list(outputs(page))):
                changed = changed[: block.start(2)] + found + changed[block.end(2) :]
            if changed != text:
                page.write_text(changed, encoding="utf-8")
                sys.stderr.write(f"{page.relative_to(ROOT)} is written anew\n")
            sys.path.remove(folder)
            os.chdir(ROOT)


if __name__ == "__main__":
    write_outputs([Path(name).resolve() for name in sys.argv[1:]] or PAGES)
