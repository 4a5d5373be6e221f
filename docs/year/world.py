"""The scenario of origin, scaled up: a company's contacts, its year, and four ways to send. The world is made up.

    python docs/year/world.py

simulates the year and writes ``year.json`` beside this file; it takes some minutes.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from attrs import evolve

from journeykit import Playbook, simulate

if TYPE_CHECKING:
    from journeykit.simulating import SimulationReport

HERE = Path(__file__).parent
ZONE = ZoneInfo("Europe/Skopje")
START = datetime(2027, 1, 4, 9, tzinfo=ZONE)
END = datetime(2027, 12, 31, 9, tzinfo=ZONE)
CONTACTS, WORLDS = 2_000, 4
STAGES = {"awareness": 55, "consideration": 22, "decision": 4, "retention": 17, "advocacy": 2}
ROLES = {"decision_maker": 20, "influencer": 30, "user": 50}
KINDS = {
    "nurture": (0.04, 2, 0.004),
    "meetup": (0.02, 12, 0.006),
    "launch": (0.01, 30, 0.009),
    "how": (0.05, 0.5, 0.0004),
}
"""Of nurture, meetups, launches and care: the chance of an answer, its worth in euros, and the chance of an opt-out."""
SILENCE = {"decision": {"retention": 0.01}, "retention": {"consideration": 0.001}}
"""How contacts move on a day without a message: they buy, and their contracts end."""
PRESSURE = 1.2
"""By so much each message of the last seven days makes an opt-out more likely."""


def playbooks() -> list[Playbook]:
    """Four ways to send: everything, in order of arrival, by weight, and by weight with the price of attention."""
    weighted = Playbook.load(HERE / "company.yaml")
    own = tuple(cap for cap in weighted.caps if cap.name not in ("two a week", "one a day"))
    return [
        evolve(weighted, name="everything", caps=own, conflicts=()),
        evolve(weighted, name="order of arrival", policy="first_come"),
        weighted,
        evolve(weighted, name="weighted, attention priced", opt_out_cost="stage_value"),
    ]


def contacts() -> pa.Table:
    """Who is there at the start."""
    chance = Random(2027)  # noqa: S311  (draws a made-up world)
    return pa.table(
        {
            "contact_id": [f"c{number:04}" for number in range(CONTACTS)],
            "stage": chance.choices([*STAGES], [*STAGES.values()], k=CONTACTS),
            "role": chance.choices([*ROLES], [*ROLES.values()], k=CONTACTS),
            "consent_email": [True] * CONTACTS,
        }
    )


def scores(playbook: Playbook) -> pa.Table:
    """What is true of each contact and campaign: some are keener than others, some have less patience."""
    chance, rows = Random(7), list[dict[str, Any]]()  # noqa: S311  (likewise)
    for number in range(CONTACTS):
        impatient = chance.choice((0.25, 0.5, 1, 2.25))
        for campaign in playbook.campaigns:
            propensity, value, opt_out = KINDS[campaign.id.partition("-")[0]]
            keen = chance.choice((0.25, 0.5, 1, 2.25))
            rows.append(
                {
                    "contact_id": f"c{number:04}",
                    "campaign_id": campaign.id,
                    "propensity": propensity * keen,
                    "value": value,
                    "opt_out": opt_out * impatient,
                }
            )
    return pa.Table.from_pylist(rows)


def year(until: datetime = END, seeds: int = 1, **options: Any) -> SimulationReport:
    """The year, or its first days."""
    found = playbooks()
    return simulate(
        found,
        contacts(),
        scores=scores(found[0]),
        at=START,
        until=until,
        seeds=seeds,
        chances=SILENCE,
        pressure=PRESSURE,
        threads=1,
        **options,
    )


def record(found: SimulationReport) -> dict[str, Any]:
    """What is kept of a simulation: the sums of all days, and how things stood each week."""
    first = found.playbooks[0]
    nights = [*range(6, len(first.dates), 7), len(first.dates) - 1]
    return {
        "contacts": found.contacts,
        "nights": len(first.dates),
        "worlds": found.seeds,
        "dates": [first.dates[night].isoformat() for night in nights],
        "ways": [
            {
                "name": own.name,
                "totals": {name: own.total(name).to_dict() for name in own.measures},
                "weeks": {name: [own.until(name, night).mean for night in nights] for name in own.measures},
            }
            for own in found.playbooks
        ],
    }


def table(kept: dict[str, Any]) -> str:
    """The year in a table: sums, how things stand at its end, and value in its first and its last 13 weeks."""
    lines = [f"{'':26} messages   value  opt-outs   base  lifetime  first 13 weeks  last 13 weeks"]
    for own in kept["ways"]:
        messages, value, lost, base, life = (
            own["totals"][name]["mean"] for name in ("messages", "value", "opt_outs", "base", "lifetime")
        )
        weeks = own["weeks"]["value"]
        quarters = f"{weeks[12]:14,.0f}  {value - weeks[-14]:13,.0f}"
        lines.append(
            f"{own['name']:26} {messages:8,.0f}  {value:6,.0f}  {lost:8,.0f}  {base:5,.0f}  {life:8,.0f}  {quarters}"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Simulate the year and write what became of it."""
    first_week = record(year(START + timedelta(days=6)))

    def tell(done: int, of: int) -> None:
        if done % 100 == 0 or done == of:
            sys.stderr.write(f"\r{done:,} of {of:,} nights")

    whole = record(year(seeds=WORLDS, progress=tell))
    kept = {"year": whole, "first week of one world": first_week}
    (HERE / "year.json").write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
