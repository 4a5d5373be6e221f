"""A browser for tests of pages: one for all of them, in which each test opens pages of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from watched_page import WatchedPage, needed

# Chromium as root has no sandbox, and asks nothing of anybody by itself.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium; in CI there must be one, elsewhere the test is skipped."""
    path = needed("JOURNEYKIT_CHROMIUM", "chromium", "a Chromium browser")
    api = pytest.importorskip("playwright.sync_api", reason="no browser can be driven: install playwright")
    with api.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, which finds what readers with disabilities cannot use."""
    return Path(needed("JOURNEYKIT_AXE", None, "the file axe.min.js of axe-core")).read_text("utf-8")


@pytest.fixture
def opened(browser, tmp_path, request):
    """Opens a page, a file or its text, as a reader with such a screen would; it must load nothing and say no error."""
    pages: list[WatchedPage] = []

    def open_page(page: str | Path, *, width: int = 1280, scheme: str = "light") -> WatchedPage:
        if isinstance(page, str):
            file = tmp_path / f"page{len(pages)}.html"
            file.write_text(page, "utf-8")
        else:
            file = page
        pages.append(WatchedPage(browser, file, width=width, scheme=scheme))
        return pages[-1]

    yield open_page
    folder = os.environ.get("JOURNEYKIT_SCREENSHOTS")
    for number, page in enumerate(pages):
        if folder:
            page.keep(Path(folder) / f"{request.node.name}-{number}-{page.scheme}-{page.width}.png")
        page.close()
    assert [fault for page in pages for fault in page.faults] == []
