"""A page in a browser, and what it does that a page of ours may not."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser


def needed(variable: str, command: str | None, what: str) -> str:
    """The path of something that tests of pages need; in CI it must be there, elsewhere the test is skipped."""
    found = os.environ.get(variable) or (command and shutil.which(command))
    if found:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(f"{variable} is not set: in CI the tests of pages need {what}")
    pytest.skip(f"no tests of pages: set {variable} to {what}, as `.ci/browser FOLDER` prints it")


class WatchedPage:
    """A page that is open, and its faults: errors on the console, and all that it asked for besides itself.

    Attributes:
        page: Playwright's page.
        width: of the window, in pixels.
        scheme: ``light`` or ``dark``.
        faults: what it did that it may not.
    """

    def __init__(self, browser: Browser, file: Path, *, width: int, scheme: str) -> None:
        self.width, self.scheme = width, scheme
        self.faults: list[str] = []
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        address = file.resolve().as_uri()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", lambda request: self._request(request.url, address))
        self.page.goto(address)
        self.wait_for_charts()

    def _console(self, message) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text}")

    def _request(self, url: str, address: str) -> None:
        if url.split("#", maxsplit=1)[0] != address and not url.startswith(("data:", "blob:")):
            self.faults.append(f"request: {url}")

    def wait_for_charts(self, scheme: str | None = None) -> None:
        """Until all charts are drawn for a light or a dark page."""
        said = "([...document.querySelectorAll('[data-chart]')].every(own => own.dataset.shown === scheme))"
        self.page.wait_for_function(f"scheme => {said}", arg=scheme or self.scheme, timeout=20_000)

    @property
    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def complaints(self, axe: str) -> list[str]:
        """What axe finds by the rules of WCAG 2.2, levels A and AA, and by its own best practice.

        A chart is one image with a description; what is drawn inside is no text for readers.
        """
        self.page.evaluate(axe)
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found = self.page.evaluate("tags => axe.run({exclude: [['[data-chart] > *']]}, {runOnly: tags})", tags)
        return [
            f"{rule['id']}: {rule['help']}: {node['html'][:200]} {node['failureSummary'][:200]}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

    def keep(self, file: Path) -> None:
        """Write a picture of the whole page, for people to look at."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=file, full_page=True)

    def close(self) -> None:
        """Close it, with all that it kept."""
        self.page.context.close()
