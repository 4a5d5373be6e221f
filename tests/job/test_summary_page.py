"""The summary of a run in a notebook: what the text says, as tables."""

from __future__ import annotations

from datetime import UTC, datetime

from journeykit import Arbiter, Playbook
from journeykit.job import Inputs, Job

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
NASTY = "<script>alert(1)</script>"


def summary(**more):
    """Of three contacts, one row that cannot be used, and a team whose name is markup."""
    playbook = Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email"}],
            "teams": [{"name": NASTY}],
            "campaigns": [{"id": name, "team": NASTY, "content": ["note"]} for name in ("meetup", "gala")],
            "caps": [{"name": "one a week", "max": 1, "window": {"calendar": "week"}}],
            **more,
        }
    )
    contacts = [{"contact_id": name, "consent": "email"} for name in ("anna", "bela", "carl")]
    job = Job(Arbiter(playbook), Inputs(contacts=[*contacts, {"contact_id": "", "consent": "email"}]), at=AT)
    for _ in job.decisions():
        pass
    return job.summary()


def test_a_notebook_shows_the_summary() -> None:
    """The heading of the text, outcomes by team and channel, why not, and which rows could not be used."""
    found = summary()
    page = found._repr_html_()
    assert f"<strong>{str(found).splitlines()[0]}</strong>" in page
    for words in ("3 contacts, 6 claims", "By team", "By channel", "Why not", "one a week", "could not be used"):
        assert words in page, words
    assert "By arm" not in page
    assert "Quotas" not in page
    assert "By stage" not in page
    assert NASTY not in page
    assert "&lt;script&gt;" in page


def test_quotas_have_their_table() -> None:
    """With limits, usage and price."""
    page = summary(quotas=[{"name": "letters", "of": "count", "max": 2}])._repr_html_()
    assert "<strong>Quotas</strong>" in page
    assert ">letters<" in page
    assert ">shortfall<" in page


def test_long_tables_are_cut_with_a_count() -> None:
    """What is not shown is counted."""
    names = [f"team {number}" for number in range(60)]
    campaigns = [{"id": name, "team": name, "content": ["note"]} for name in names]
    assert "<p>and 10 more</p>" in summary(teams=[{"name": name} for name in names], campaigns=campaigns)._repr_html_()
