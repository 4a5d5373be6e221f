"""What vendors mean by a cap: the semantics that they document, as tuples of caps.

The numbers are those of the vendors' own examples; take a preset, change what is yours, and put it in a playbook:

    >>> from attrs import evolve
    >>> from journeykit import Playbook, presets
    >>> mine = [evolve(cap, max=2) for cap in presets.onesignal]
    >>> Playbook(caps=mine).caps[0].window == presets.onesignal[0].window
    True

Each preset says what its vendor settles: whose day it is, where a week starts, what counts together. The worked cases
behind them run as tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.model.cap import Cap, Scope
from journeykit.model.window import Window
from journeykit.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

braze = (
    Cap(name="two pushes a week", max=2, where=Scope.of(channel="push"), window=Window.calendar("week")),
    Cap(name="one a day on each channel", max=1, by="channel", window=Window.calendar("day")),
)
"""Braze, frequency capping: calendar days and weeks in the user's own zone; all rules hold together; a campaign on
several channels uses up each of them."""

adobe_journey_optimizer = (
    Cap(
        name="five emails and texts a month",
        max=5,
        where=Scope.of(channel=["email", "sms"]),
        window=Window.calendar("month", zone="UTC"),
    ),
    Cap(name="one a week", max=1, window=Window.calendar("week", zone="UTC", week_start="sunday")),
)
"""Adobe Journey Optimizer, channel capping: one total over the channels of a rule; calendar periods in UTC, weeks from
Sunday to Saturday."""

adobe_campaign = (
    Cap(
        name="prospects: two in seven days",
        max=2,
        window=Window.days(7),
        audience=Rule("status == 'prospect'"),
    ),
    Cap(
        name="customers: four in seven days",
        max=4,
        window=Window.days(7),
        audience=Rule("status == 'customer'"),
    ),
)
"""Adobe Campaign, pressure rules: a threshold of its own for each kind of contact, over sliding local days; the heavier
message takes the last slot."""

onesignal = (Cap(name="three in 24 hours", max=3, window=Window.rolling("24h")),)
"""OneSignal, frequency capping: so many in the last hours, to the second; what is exactly as old no longer counts."""

hubspot = (Cap(name="one email in seven days", max=1, where=Scope.of(channel="email"), window=Window.rolling("7d")),)
"""HubSpot, send frequency cap: marketing emails in a rolling week."""

unica = (
    Cap(name="two in any ten days", max=2, window=Window.days(10)),
    Cap(name="three ever", max=3, window=Window.ever()),
)
"""Unica Optimize: no sliding window anywhere may hold more, those that end later and hold planned contacts included;
and a limit over all time."""

sas = (
    Cap(name="one in three days", max=1, window=Window.days(3)),
    Cap(name="one a month", max=1, by="campaign", window=Window.calendar("month")),
)
"""SAS Marketing Optimization, contact policies: consecutive local days, today included, and calendar months, which are
not 31 days."""

PRESETS: Mapping[str, tuple[Cap, ...]] = {
    "adobe_campaign": adobe_campaign,
    "adobe_journey_optimizer": adobe_journey_optimizer,
    "braze": braze,
    "hubspot": hubspot,
    "onesignal": onesignal,
    "sas": sas,
    "unica": unica,
}
"""All presets by name."""
