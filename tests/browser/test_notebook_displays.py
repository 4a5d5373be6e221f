"""Results in a notebook, light and dark: readable, in their own box, and nothing of theirs is markup of a user's."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pictures
import pytest

from journeykit import Arbiter, Journey, Playbook, draw_calendar
from journeykit.job import Calendar, Inputs, Job

AT, UNTIL = datetime(2026, 11, 2, 10, tzinfo=UTC), datetime(2026, 11, 8, 10, tzinfo=UTC)
NASTY = "<script>document.title='broken'</script> \u05d0\u05d1\u05d2 (2)"
# The colours and the rules for tables of JupyterLab, which a display meets there.
NOTEBOOK = """
body { margin: 12px; font: 14px sans-serif; color: rgba(0, 0, 0, .87); background: #fff }
table { font-size: 12px; border: none; margin-bottom: 1em } th, td { text-align: right; padding: .5em }
tbody tr:nth-child(odd) { background: #f5f5f5 }
@media (prefers-color-scheme: dark) {
  body { color: #fff; background: #111 } tbody tr:nth-child(odd) { background: #212121 }
}"""


def displays() -> list[str]:
    """A decision, a summary with its calendar, a picture of it, and a journey."""
    playbook = Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email"}],
            "teams": [{"name": name} for name in ("events", NASTY, "x" * 10_000)],
            "campaigns": [{"id": f"to {n}", "team": t, "content": ["note"]} for n, t in enumerate(("events", NASTY))],
            "caps": [{"name": "one a week", "max": 1, "window": {"calendar": "week"}}],
        }
    )
    contacts = [{"contact_id": f"c{number}", "consent": "email", "stage": "decision"} for number in range(40)]
    job = Job(Arbiter(playbook), Inputs(contacts=contacts), at=AT, until=UNTIL)
    for _ in job.decisions():
        pass
    found = [pictures.example(), job.summary(), job.calendar(), draw_calendar(job.calendar()), Journey()]
    return [own._repr_html_() for own in found]


@pytest.fixture(scope="module")
def notebook() -> str:
    """A page like that of a notebook, with all displays."""
    cells = "".join(f"<section aria-label='result {at}'>{own}</section>" for at, own in enumerate(displays()))
    title = "<title>notebook</title>"
    head = f"<meta charset='utf-8'>{title}<style>{NOTEBOOK}</style>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body><main><h1>Results</h1>{cells}</main></body></html>"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_results_are_readable(opened, axe, notebook: str, width: int, scheme: str) -> None:
    """Every text has enough contrast to what is behind it, and what is wide scrolls in its own box."""
    watched = opened(notebook, width=width, scheme=scheme)
    assert watched.overflow <= 0
    assert watched.page.title() == "notebook"
    assert watched.complaints(axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_plan_is_a_page(opened, axe, scheme: str) -> None:
    """The page that `plan --calendar out.html` writes."""
    monday = date(2026, 11, 2)
    granted = {(monday, "events"): 3, (monday, NASTY): 900}
    none = dict.fromkeys(granted, 0)
    calendar = Calendar(
        timezone="UTC",
        days=(monday,),
        teams=("events", NASTY),
        granted=granted,
        deferred=none,
        later={"events": 0, NASTY: 0},
    )
    watched = opened(draw_calendar(calendar).html, width=390, scheme=scheme)
    assert watched.overflow <= 0
    assert watched.complaints(axe) == []
    assert watched.page.inner_text("h1").endswith("sends 100 % of 903 messages, most of any team.")
