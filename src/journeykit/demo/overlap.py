"""How many campaigns really ran at once, and what a cap on that would have refused."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from journeykit.arbiter import Arbiter
from journeykit.basics.clock import clock, day_date
from journeykit.demo.retailer import ZONE
from journeykit.model.campaign import Campaign
from journeykit.model.cap import Cap
from journeykit.model.claim import Claim
from journeykit.model.contact import Contact
from journeykit.model.touch import Touch
from journeykit.model.window import Window
from journeykit.playbook.playbook import Playbook
from journeykit.playbook.sections import OnMissing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from journeykit.demo.retailer import Mailing, Retailer


def most_at_once(retailer: Retailer) -> Counter[int]:
    """How many households had at most so many campaigns running on one day, first and last days included."""
    return Counter(
        max(_running(retailer, own, mailing.day) for mailing in own)
        for own in (list(mailings) for _, mailings in groupby(retailer.mailings, key=_household))
    )


def _running(retailer: Retailer, mailings: Iterable[Mailing], day: int) -> int:
    return sum(mailing.day <= day <= retailer.runs[mailing.campaign].ends for mailing in mailings)


def _household(mailing: Mailing) -> int:
    return mailing.household


def refused(retailer: Retailer, most: int) -> int:
    """How many mailings a cap on campaigns at once refuses, when each is decided alone, as it comes.

    The mailings come in order of household, start and campaign; what is granted becomes a touch, what is refused is
    dropped. The playbook has this one cap and nothing else. A household's first ``most`` mailings are not decided:
    nothing could stop them yet.

    Args:
        retailer: the year.
        most: how many campaigns may run at once.
    """
    arbiter = Arbiter(_gatekeeper(retailer, most))
    local = clock(ZONE)
    starts = {number: local.moment(local.day_start(run.starts)) for number, run in retailer.runs.items()}
    claims = {number: Claim(campaign=retailer.campaign_id(number), weight=1) for number in retailer.runs}
    sent = {number: Touch(at=starts[number], campaign=claim.campaign) for number, claim in claims.items()}
    count = 0
    for household, mailings in groupby(retailer.mailings, key=_household):
        contact = Contact(id=household)
        touches: list[Touch] = []
        for number in (mailing.campaign for mailing in mailings):
            if len(touches) >= most:
                alone = arbiter.decide(contact, touches, [claims[number]], at=starts[number], run_id="check")
                if not alone.granted:
                    count += 1
                    continue
            touches.append(sent[number])
    return count


def _gatekeeper(retailer: Retailer, most: int) -> Playbook:
    return Playbook(
        timezone=ZONE,
        campaigns=[
            Campaign(id=retailer.campaign_id(number), ends=day_date(run.ends)) for number, run in retailer.runs.items()
        ],
        caps=[Cap(name="campaigns at once", max=most, window=Window.running())],
        on_missing=OnMissing(consent="allow"),
    )
