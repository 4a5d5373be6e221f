"""Playbooks and decisions of which reports are made, and names that no page should trust."""

from __future__ import annotations

from datetime import UTC, datetime

from journeykit import Arbiter, Campaign, Cap, Content, Journey, Playbook, Team, Window

AT = datetime(2026, 11, 5, 22, 30, tzinfo=UTC)
SCRIPT, HEBREW, LONG = "<script>alert('x')</script>", "מבצע סתיו", "L" * 10_000


def playbook_of(*names, teams=("events", "sales"), **sections):
    """A playbook with a campaign for each name, of teams in turn; the later ones weigh more."""
    return Playbook(
        name="autumn",
        timezone="Europe/Skopje",
        teams=[Team(name=name) for name in teams],
        content=[Content(id=f"c{place}", channel="email") for place, _ in enumerate(names)],
        campaigns=[
            Campaign(id=name, team=teams[place % len(teams)], content=[f"c{place}"], weight=place + 1)
            for place, name in enumerate(names)
        ],
        caps=[Cap(name="one a day", max=1, window=Window.calendar("day"))],
        journey=Journey(["new", "known"]),
        **sections,
    )


PEOPLE = [
    {"contact_id": "anna-7", "consent": "email", "stage": "new"},
    {"contact_id": "ben-8", "consent": "email", "stage": "known"},
    {"contact_id": "clara-9", "opted_out": True, "stage": "known"},
]


def decided(playbook, people=PEOPLE, **asked):
    """What the arbiter decides of them, all claims."""
    return Arbiter(playbook).decide_table(people, at=AT, everything=True, **asked)
