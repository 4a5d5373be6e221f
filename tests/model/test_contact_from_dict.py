"""Contacts from plain data, as a web request brings them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from journeykit import Consent, Contact, ModelError

REQUEST = """
{"id": "anna", "account": "acme", "role": "user", "stage": null, "segments": ["vip"], "timezone": "Europe/Skopje",
 "consent": {"email": true, "sms": {"granted": true, "until": "2026-12-01T00:00:00Z"}, "phone": false, "push": null},
 "topic_consent": {"offers": {"granted": false}}, "preferences": {"sms": 0.5}, "opted_out": false,
 "attributes": {"score": 55, "last_order": "2026-10-01"}}
"""


def test_a_request_is_read():
    """Consents, with instants, lists and attributes are read; null is not known."""
    assert Contact.from_dict(json.loads(REQUEST)) == Contact(
        id="anna",
        account="acme",
        role="user",
        segments=["vip"],
        timezone="Europe/Skopje",
        consent={"email": True, "sms": Consent(True, until=datetime(2026, 12, 1, tzinfo=UTC)), "phone": False},
        topic_consent={"offers": False},
        preferences={"sms": 0.5},
        attributes={"score": 55, "last_order": "2026-10-01"},
    )


def test_a_list_of_channels_withdraws_the_others():
    """As it does everywhere."""
    anna = Contact.from_dict({"id": 7, "consent": ["email"]})
    assert anna == Contact(id="7", consent=["email"])
    assert anna.consent_for("sms", 0) is False


@pytest.mark.parametrize(
    ("data", "field", "message"),
    [
        ([], "", "a contact is a mapping of fields to values"),
        ({}, "id", "a contact needs an id"),
        ({"id": None}, "id", "a contact needs an id"),
        ({"id": "a", "stgae": 1, 7: 1}, "stgae", r"no field 'stgae' \(did you mean 'stage'\?\), 7; it has id"),
        ({"id": "a", "score": 7}, "score", "Everything else belongs in attributes"),
        ({"id": "a", "consent": "email", "opted_out": "yes"}, "opted_out", "opted_out"),
        ({"id": "a", "consent": {"sms": "yes"}}, "consent", "must be true, false or a Consent"),
        ({"id": "a", "consent": {"sms": {"until": "2026-12-01T00:00Z"}}}, "consent", "found no granted"),
        ({"id": "a", "consent": {"sms": {"granted": True, "til": 1}}}, "consent", "found 'til'"),
        ({"id": "a", "consent": {"sms": {"granted": 1}}}, "granted", "granted"),
        ({"id": "a", "consent": {"sms": {"granted": True, "until": "2026-12-01"}}}, "consent", "until is an instant"),
        ({"id": "a", "consent": {"sms": {"granted": True, "until": "soon"}}}, "consent", "found 'soon'"),
        ({"id": "a", "consent": {"sms": {"granted": True, "until": 5}}}, "consent", "found 5"),
        ({"id": "a", "timezone": "Mars/Base"}, "", "Mars/Base"),
        ({"id": "a", "attributes": [1]}, "attributes", "attributes must be a mapping"),
    ],
)
def test_what_cannot_be_is_refused(data, field, message):
    """The error names the field and what is wrong with it."""
    with pytest.raises(ModelError, match=message) as caught:
        Contact.from_dict(data)
    assert caught.value.field == field or not field
