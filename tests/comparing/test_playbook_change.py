"""Where two playbooks differ, and whether that is more than wording."""

from journeykit import Playbook
from journeykit.comparing import PlaybookChange, playbook_changes

RULES = {
    "content": [{"id": "note", "channel": "email"}, {"id": "ad", "channel": "sms"}],
    "campaigns": [
        {"id": "news", "content": ["note"], "audience": "age > 40 and vip"},
        {"id": "sale", "content": ["ad"], "weight": 2},
    ],
    "caps": [
        {"name": "daily", "max": 1, "window": {"calendar": "day"}},
        {"name": "weekly", "max": 3, "window": {"calendar": "week"}},
    ],
}


def changes(**sections):
    """What changes where these sections are others."""
    return playbook_changes(Playbook.from_dict(RULES), Playbook.from_dict({**RULES, **sections}))


def test_order_blanks_and_the_name_of_the_playbook_are_no_change():
    """What only reads otherwise is the same."""
    news, sale = RULES["campaigns"]
    again = [sale, {**news, "audience": "(age>40)  and (vip)"}]
    assert changes(name="harmony", campaigns=again, caps=RULES["caps"][::-1]) == ()


def test_the_order_of_names_in_a_scope_is_no_change():
    """A scope is of all that it lists, and so are tags; the contents of a campaign may be steps, whose order counts."""
    note, ad = RULES["content"]
    playbooks = [
        Playbook.from_dict({
            **RULES,
            "content": [{**note, "tags": ["a", "b"][::way]}, ad],
            "caps": [{"name": "both", "max": 1, "window": {"days": 7}, "where": {
                "channel": ["email", "sms"][::way], "not": {"campaign": ["news", "sale"][::way]}
            }}],
        })
        for way in (1, -1)
    ]  # fmt: skip
    assert playbook_changes(*playbooks) == ()
    news, sale = RULES["campaigns"]
    orders = [{"campaigns": [news, {**sale, "content": ["note", "ad"][::way]}]} for way in (1, -1)]
    found = playbook_changes(*(Playbook.from_dict({**RULES, **own}) for own in orders))
    assert [own.where for own in found] == ["campaigns / sale / content"]


def test_another_name_of_a_cap_is_wording():
    """A cap that only has another name is renamed."""
    daily, weekly = RULES["caps"]
    found = changes(caps=[{**daily, "name": "one a day"}, weekly])
    assert found == (PlaybookChange(where="caps / daily", what="renamed", before="daily", after="one a day"),)
    assert found[0].is_wording


def test_each_change_has_its_place():
    """Keys that change, and entries that come and go."""
    daily, _ = RULES["caps"]
    news, sale = RULES["campaigns"]
    found = changes(caps=[{**daily, "max": 2}], campaigns=[news, {**sale, "weight": 3, "tier": 1}], reserve=0.5)
    assert {(own.where, own.what, own.before, own.after) for own in found} == {
        ("campaigns / sale / weight", "changed", 2, 3),
        ("campaigns / sale / tier", "changed", 0, 1),
        ("caps / daily / max", "changed", 1, 2),
        ("caps / weekly", "removed", None, None),
        ("reserve", "changed", 0, 0.5),
    }


def test_the_order_of_stages_is_a_change():
    """Rules can ask which stage comes first."""
    journeys = [
        Playbook.from_dict({"journey": {"stages": [{"name": own} for own in names], "transitions": []}})
        for names in (("early", "late"), ("late", "early"))
    ]
    found = playbook_changes(*journeys)
    assert [(own.where, own.what) for own in found if own.what == "in another order"] == [
        ("journey / stages", "in another order")
    ]
