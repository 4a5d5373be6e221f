"""Comparisons of playbooks with all that a playbook may have: they say what tables of their decisions say."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from journeykit import Arbiter, Playbook, compare

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
BASE = {
    "content": [{"id": name, "channel": "email"} for name in ("note", "ad", "call", "tip")],
    "campaigns": [
        {"id": "news", "content": ["note", "tip"], "weight": 2},
        {"id": "sale", "content": ["ad"], "weight": 3},
        {"id": "fair", "content": ["call"], "weight": 1},
    ],
    "caps": [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}],
    "on_missing": {"consent": "allow"},
}
PEOPLE = [{"contact_id": f"c{n}", "account_id": f"a{n // 3}", "score": n} for n in range(30)]
CLAIMS = [
    {"contact_id": f"c{n % 7}", "campaign_id": ("news", "sale")[n % 2], "claim_id": f"k{n}", "weight": 1 + n % 5}
    for n in range(40)
]
LATER = datetime(2026, 11, 8, 10, tzinfo=UTC)
CAMPAIGNS = BASE["campaigns"]
TRY = [
    {"name": "old", "share": 0.5},
    {"name": "new", "share": 0.5, "with": {"caps": [{"name": "one a day", "max": 2}]}},
]
# By name: what the second playbook has otherwise, and how both are asked.
FEATURES = {
    "plan": ({"caps": [{"name": "two", "max": 2, "window": {"days": 2}}]}, {"until": LATER}),
    "account": ({"caps": [{"name": "two", "max": 2, "per": "account", "window": {"rolling": "2d"}}]}, {}),
    "quota": ({"quotas": [{"name": "seats", "max": 7, "where": {"campaign": "sale"}}]}, {}),
    "tiers": ({"campaigns": [{**own, "tier": int(own["id"] != "fair")} for own in CAMPAIGNS]}, {}),
    "arms": ({"experiments": [{"name": "try", "arms": TRY}]}, {}),
    "explored": ({"explore": {"share": 0.5, "draws": 4}}, {}),
    "occasions": ({"campaigns": [{**CAMPAIGNS[0], "dates": ["2026-11-05", "2026-11-07"]}]}, {"until": LATER}),
    "claims": ({"caps": []}, {"claims": CLAIMS}),
    "campaigns": ({"campaigns": [*CAMPAIGNS[1:], {"id": "new", "content": ["note"], "weight": 9}]}, {}),
}


@pytest.mark.parametrize("name", FEATURES)
def test_comparing_playbooks_says_what_their_tables_say(name):
    """Deciding in step, and comparing tables that were decided one by one, gives the same comparison."""
    other, how = FEATURES[name]
    rules = [Playbook.from_dict({**BASE, **more}) for more in ({}, other)]
    people = PEOPLE[:7] if name == "claims" else PEOPLE
    asked = {key: how[key] for key in ("until",) if key in how}
    tables = [
        Arbiter(own).decide_table(people, claims=how.get("claims"), at=AT, everything=True, **asked) for own in rules
    ]
    found = compare(*rules, contacts=people, at=AT, names=["a", "b"], by="account", **how)
    again = compare(*tables, contacts=people, names=["a", "b"], by="account")
    assert found.is_changed
    for own, told in zip(found.sides, again.sides, strict=True):
        assert (own.outcomes, own.reasons, own.value) == (told.outcomes, told.reasons, told.value)
    own, told = (side.pairs[0].to_dict() for side in (found, again))
    for key in ("rules", "details"):
        del own[key], told[key]
    assert own == told
    assert [one.to_dict() for one in found.groups] == [one.to_dict() for one in again.groups]


CODE = """
import json, sys
sys.modules["journeykit.kernels._core"] = None
from datetime import datetime
from journeykit import Playbook, compare
rules, people, at = json.loads(sys.argv[1])
found = compare(*map(Playbook.from_dict, rules), contacts=people, at=datetime.fromisoformat(at), by="account_id")
print(json.dumps(found.to_dict()))
"""


def test_without_the_extension_module_it_is_the_same():
    """Where the kernels were not built, contacts are decided one by one, and the comparison is the same."""
    rules = [BASE, {**BASE, "caps": []}]
    arguments = json.dumps([rules, PEOPLE, AT.isoformat()])
    done = subprocess.run([sys.executable, "-c", CODE, arguments], capture_output=True, text=True, check=True)
    found = compare(*map(Playbook.from_dict, rules), contacts=PEOPLE, at=AT, by="account_id").to_dict()
    again = json.loads(done.stdout)
    for own in (found, again):
        own.pop("notes")
    assert again == found
