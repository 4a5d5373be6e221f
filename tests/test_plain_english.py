"""The words of documents, docstrings, comments, help texts and errors: plain English, with one word for a thing."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "journeykit"
BANNED = {
    r"he|him|his|himself|she|her|hers": "the contact, they",
    r"who(m|se)?(so)?ever": "a contact that, callers who",
    r"(is|are|was|were|be|being|been) told(?! apart)": "is reported, is named, gets",
    r"stands?|stood|standing": "is, applies, means",
    r"h[au]ngs? on": "depends on",
    r"(take|takes|took|taken|taking) (the |its |their |no |up )?room": "uses up the limit",
    r"odd|oddly|oddities": "name what is wrong",
    r"crowd|crowds|purse|belongings|wish|wishes": "a term of the glossary",
    r"(?<!there )(is|are) (?-i:none)(?! of)": "say what it is",
    r"(is|are|was|were) left to": "falls back to",
    r"to and fro": "back and forth",
    r"thereof|therein|whence|thence|hence": "plainer words",
}
"""What is not written, and what to write instead."""
PATTERN = re.compile(rf"\b({'|'.join(BANNED)})\b", re.IGNORECASE)
HELP = re.compile(r"\bwhose\b", re.IGNORECASE)
"""Not in help texts: "contact id", not "whose"."""


def prose_of_page(text):
    """A page without its code."""
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"\]\([^)]*\)|<[^>]+>", "", text)
    return re.sub(r"`[^`]*`", "", text)


def comments_of_module(text):
    """The comments of a module that hold a word of the list."""
    # To read a module token by token takes most of the time: only where a hash is before such a word.
    if any(PATTERN.search(line.partition("#")[2]) for line in text.splitlines()):
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def prose_of_module(tree):
    """The texts of a module that have more than one word: docstrings, help texts, errors."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, re.sub(r"`[^`]*`|>>> .*|\.\.\. .*", "", node.value)


def helps_of_module(tree):
    """The texts that a command prints as help."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in ("help", "description"):
            for part in ast.walk(node.value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.lineno, part.value


def findings(path):
    """The words of a module that are not to be written, with their lines."""
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    proses = (*comments_of_module(text), *prose_of_module(tree))
    found = [(line, match[0]) for line, prose in proses for match in PATTERN.finditer(prose)]
    return found + [(line, "whose") for line, prose in helps_of_module(tree) if HELP.search(prose)]


def unreleased(text):
    """The part of the change log that may still change."""
    return "## ".join(text.split("\n## ")[:2])


PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in page.parts),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_are_in_plain_english(page):
    """No page has a word of the list outside of its code."""
    text = page.read_text("utf-8")
    prose = prose_of_page(unreleased(text) if page.name == "CHANGELOG.md" else text)
    assert [match[0] for match in PATTERN.finditer(prose)] == []


def test_modules_are_in_plain_english():
    """Nor has any module in its docstrings, comments, help texts and errors."""
    found = {str(path.relative_to(SOURCE)) for path in sorted(SOURCE.rglob("*.py")) if findings(path)}
    assert found == set()


def test_a_contact_is_they_in_tests_too():
    """Docstrings and comments of tests and benchmarks do not guess who a contact is."""
    guess = re.compile(r"\b(he|him|his|himself|whoever)\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{token.start[0]}"
        for folder in ("tests", "benchmarks")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path != Path(__file__) and guess.search(path.read_text("utf-8"))
        for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
        if (token.type == tokenize.COMMENT or token.string.startswith('"""')) and guess.search(token.string)
    ]
    assert found == []


def show():
    """Print what is still to do: ``python tests/test_plain_english.py``."""
    for path in sorted(SOURCE.rglob("*.py")):
        for line, word in findings(path):
            print(f"{path.relative_to(ROOT)}:{line}: {word}")  # noqa: T201
    for page in PAGES:
        for number, line in enumerate(prose_of_page(page.read_text("utf-8")).split("\n"), 1):
            for match in PATTERN.finditer(line):
                print(f"{page.relative_to(ROOT)}:~{number}: {match[0]}: {line}")  # noqa: T201


if __name__ == "__main__":
    show()
