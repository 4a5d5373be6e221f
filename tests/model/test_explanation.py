"""What a person reads of a decision."""

from __future__ import annotations

import json
import pickle
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from journeykit import Arbiter, Claim, Contact, ModelError, Playbook
from journeykit.model.decision import Explanation, why

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
PLAYBOOK = Playbook.from_dict(
    {
        "timezone": "Europe/Skopje",
        "teams": [{"name": "events"}, {"name": "community"}],
        "content": [
            {"id": "invitation", "channel": "email"},
            {"id": "check-in", "channel": "email"},
            {"id": "offer", "channel": "email", "stages": {"decision": 1}},
        ],
        "campaigns": [
            {"id": "meetup", "team": "events", "content": ["invitation"], "weight": 3},
            {"id": "care", "team": "community", "content": ["check-in"], "weight": 0.5},
            {"id": "sale", "content": ["offer"], "audience": "city == 'Ohrid'"},
        ],
        "caps": [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}],
        "on_missing": {"consent": "allow"},
    }
)
ANNA = Contact(id="anna", stage="awareness", timezone="Asia/Tokyo", attributes={"city": "Skopje"})


GOLDEN = """
Decision for anna, Thu 2026-11-05 19:00 (Asia/Tokyo)
1 of 3 claims granted, value 3: the best possible.

outcome   campaign / content   channel  weight  why                                           lost to  when                         at what price
--------  -------------------  -------  ------  --------------------------------------------  -------  ---------------------------  --------------
granted   meetup / invitation  email         3  it goes out                                            goes Thu 2026-11-05 19:00    pushed out 0.5
deferred  care / check-in      email       0.5  eligible, but higher-value messages used up   meetup   may go Fri 2026-11-06 00:00  needs 3
                                                the limit: one a day
denied    sale / offer         email            the campaign's audience rule does not select
                                                the contact: city == 'Ohrid' (city =
                                                'Skopje'). Also: the content does not fit
                                                the contact's stage (stages of offer)
"""  # noqa: E501  (the table is as wide as it is)


def explanation(timezone: str = "UTC") -> Explanation:
    decision = Arbiter(PLAYBOOK).decide(ANNA, at=AT, explain=True)
    return Explanation(decision, decision.rows, timezone=timezone)


def gatekeeper(*claims: Claim, contact: Contact | None = None):
    return Arbiter(Playbook()).decide(
        contact or Contact(id="anna", consent=["email"]), claims=claims, at=AT, explain=True
    )


def test_the_text_is_a_table_that_a_marketer_understands():
    """Who, when, how much; then a line for each claim, in the order of claims, in words."""
    assert f"\n{explanation('Asia/Tokyo')}\n" == GOLDEN


def test_repr_is_the_text():
    """In an interpreter the value shows itself."""
    assert repr(explanation()) == str(explanation())


def test_without_a_zone_instants_are_shown_in_utc():
    """The heading says which zone is meant."""
    assert "Thu 2026-11-05 10:00 (UTC)" in str(explanation())


def test_an_unknown_zone_is_refused():
    """A zone that no one knows is our error."""
    with pytest.raises(ModelError, match="unknown time zone"):
        str(explanation("Mars/Base"))


@pytest.mark.parametrize("at", ["1001-01-01T00:00+14:00", "8999-12-31T23:59-14:00"])
def test_the_ends_of_time_can_be_shown(at):
    """The first and the last instant that can be decided can be shown in any zone."""
    decision = Arbiter(PLAYBOOK).decide(ANNA, at=datetime.fromisoformat(at))
    assert str(Explanation(decision, decision.rows, timezone="Asia/Tokyo"))


def test_a_decision_explains_itself():
    """`Decision.explain` gives an explanation, with what was displaced even where that was not asked for."""
    decision = Arbiter(PLAYBOOK).decide(ANNA, at=AT)
    assert "pushed out 0.5" in str(decision.explain())
    assert str(decision) == str(Explanation(decision, decision.rows))
    assert "pushed out" not in str(decision)


def test_no_claim_is_said_in_words():
    """A contact whom nobody claims has no table."""
    assert str(gatekeeper().explain()).splitlines()[1:] == ["There is no claim on the contact's attention."]


def test_a_plan_says_from_when_to_when():
    """The heading of a plan has both ends."""
    until = datetime(2026, 11, 9, 10, tzinfo=UTC)
    text = str(Arbiter(PLAYBOOK).decide(ANNA, at=AT, until=until).explain())
    assert "from Thu 2026-11-05" in text
    assert "until Mon 2026-11-09" in text


def test_a_search_without_proof_says_the_bound():
    """Where the node budget ended the search, the heading says what no choice can exceed."""
    decision = Arbiter(PLAYBOOK).decide(ANNA, at=AT)
    object.__setattr__(decision, "optimal", False)
    object.__setattr__(decision, "bound", 7.25)
    assert "no choice is worth more than 7.25" in str(decision.explain())


def test_an_invalid_claim_says_what_is_wrong():
    """The note of the engine follows the meaning of the reason."""
    rows = gatekeeper(Claim(campaign="news", channel="email", weight=float("nan"))).rows
    assert "bad" in why(rows[0])
    assert "found nan" in why(rows[0])


def test_all_binding_rules_are_named():
    """Several caps that stop a claim are all given."""
    caps = [{"name": name, "max": 0, "window": "ever"} for name in ("first", "second")]
    playbook = Playbook.from_dict({"caps": caps})
    decision = Arbiter(playbook).decide(
        Contact(id="anna", consent=["email"]), claims=[Claim(campaign="news", channel="email")], at=AT
    )
    assert why(decision.explain().rows[0]).endswith(": first; second")


def test_data_is_plain_and_in_words():
    """`to_dict` and `to_json` carry the same: plain values, and the reason in words beside its code."""
    found = explanation("Asia/Tokyo").to_dict()
    assert json.loads(explanation("Asia/Tokyo").to_json()) == found
    assert found["timezone"] == "Asia/Tokyo"
    assert [claim["reason"] for claim in found["claims"]] == ["granted", "outbid", "not_in_audience"]
    assert found["claims"][1]["needs"] == 3.0
    assert found["claims"][0]["why"] == "it goes out"


def test_a_decision_that_travelled_explains_the_same():
    """Pickling a decision keeps its explanation."""
    decision = Arbiter(PLAYBOOK).decide(ANNA, at=AT)
    assert str(pickle.loads(pickle.dumps(decision)).explain()) == str(decision.explain())


def test_html_lets_nothing_through():
    """Whatever users call their campaigns and contacts is text, never markup."""
    evil = "<script>alert('x')</script>&\"'"
    page = gatekeeper(
        Claim(campaign=evil, content=evil, channel="email"), contact=Contact(id=evil, consent=["email"])
    )._repr_html_()

    class Tags(HTMLParser):
        text = ""

        def handle_starttag(self, tag, _):
            found.add(tag)

        def handle_data(self, data):
            self.text += data

    found = set()
    tags = Tags()
    tags.feed(page)
    assert found == {"div", "p", "strong", "br", "table", "thead", "tbody", "tr", "th", "td"}
    assert tags.text.count(evil) == 3
    assert not re.search(r"(?i)<script|href|src=", page)


@pytest.mark.parametrize("odd", ["two\nlines", "\x1b[31mred", "\u202etnirp", "\ud800", "tab\there"])
def test_odd_characters_cannot_break_the_table(odd):
    """Control characters are shown as codes, so that each claim keeps its line and terminals stay calm."""
    decision = gatekeeper(Claim(campaign=odd, channel="email"))
    text = str(decision.explain())
    assert len(text.splitlines()) == 6
    assert "\\u" in text
    assert text.encode()
    assert decision._repr_html_().encode()


def test_wide_letters_stay_aligned():
    """Letters that take two columns, and marks that take none, are counted as a terminal shows them."""
    decision = gatekeeper(
        Claim(campaign="東京", channel="email", weight=2),
        Claim(campaign="nana", channel="email", weight=1),
        Claim(campaign="e\u0301tape", channel="email", weight=1),
    )
    head, _, wide, marked, plain = str(decision.explain()).splitlines()[3:]
    assert plain.index("email") == head.index("channel")
    assert wide.index("email") == plain.index("email") - 2
    assert marked.index("email") == plain.index("email") + 1
