"""Plans with quotas: 14 days, 20 campaigns, caps alike for all or crossing, and three quotas over all contacts.

    python benchmarks/plan_quotas.py [N]            # 10,000 contacts where no number is given
    python benchmarks/plan_quotas.py 100000 alike   # one of the two: alike, crossing

Contacts, campaigns and caps are those of `horizon.py`. The quotas: a maximum for one campaign, one for a channel, and a
hard minimum for a team. Seconds are those of the processor, threads added up, and of the clock; both without the start
of the process.
"""

from __future__ import annotations

import argparse
import resource
import time
from typing import Any

from attrs import evolve
from horizon import AT, UNTIL, playbook, tables
from plans import CROSSING, PLAIN

from journeykit import Arbiter, Playbook, Quota, Scope

CAPS = {"alike": PLAIN, "crossing": CROSSING}
WANTED = {"alike": 1_000, "crossing": 100}


def rules(caps: Any, count: int) -> Playbook:
    """The playbook, with three quotas that bind."""
    quotas = (
        Quota(name="seats", max=0.05 * count, where=Scope.of(campaign="k3")),
        Quota(name="channel 1", max=0.3 * count, where=Scope.of(channel="channel 1")),
        Quota(name="team 2", min=0.5 * count, hard=True, where=Scope.of(team="team 2")),
    )
    return evolve(playbook(caps), quotas=quotas)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contacts", nargs="?", type=int, default=10_000)
    parser.add_argument("only", nargs="?", choices=CAPS)
    given = parser.parse_args()
    contacts, touches = tables(given.contacts)
    for name in [given.only] if given.only else CAPS:
        arbiter, told = Arbiter(rules(CAPS[name], given.contacts)), []
        began, worked = time.perf_counter(), time.process_time()
        for _ in arbiter.decide_table(contacts, touches, at=AT, until=UNTIL, stream=True, summary=told.append):
            pass
        seconds, worked = time.perf_counter() - began, time.process_time() - worked
        summary = told[0].to_dict()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"caps {name:9} {given.contacts:,} contacts: {seconds:.1f} s, {given.contacts / seconds:,.0f} contacts/s"
            f" (wanted {WANTED[name]:,}); processor {worked:.1f} s; value {summary['value']:,.2f}, gap"
            f" {summary['gap']:.4%}; {memory:.1f} GB at most",
            flush=True,
        )
        for quota in summary["quotas"]:
            print(f"    {quota['name']:12} usage {quota['usage']:10,.0f}, price {quota['price']:8.3f}")
        for note in summary["notes"]:
            print(f"    {note}")


if __name__ == "__main__":
    main()
