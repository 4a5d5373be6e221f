"""What the send logs of two vendors say, as data.

Sources: Braze, "Message engagement events" of Currents (`time` is in seconds since 1970, the event's name carries the
channel, `dispatch_id` is the message for one user, and `device_id` the device of a push); Salesforce Marketing Cloud,
"Data View: Sent" (dates in Central Standard Time, without daylight saving; a row is told apart by job, list, batch and
subscriber).
"""

from __future__ import annotations

from typing import Any

SEND_LOGS: dict[str, dict[str, Any]] = {
    "braze": {
        "contact": ["external_user_id"],
        "at": "time",
        "unit": "seconds",
        "event": "event_type",
        "events": {
            "users.messages.email.Send": {"channel": "email", "status": "sent"},
            "users.messages.email.Bounce": {"channel": "email", "status": "bounced"},
            "users.messages.email.Unsubscribe": {"channel": "email", "status": "opted_out"},
            "users.messages.email.MarkAsSpam": {"channel": "email", "status": "suppressed"},
            "users.messages.pushnotification.Send": {"channel": "push", "status": "sent"},
            "users.messages.pushnotification.Bounce": {"channel": "push", "status": "bounced"},
            "users.messages.sms.Send": {"channel": "sms", "status": "sent"},
            "users.messages.sms.DeliveryFailure": {"channel": "sms", "status": "failed"},
            "users.messages.sms.Rejection": {"channel": "sms", "status": "failed"},
            "users.messages.whatsapp.Send": {"channel": "whatsapp", "status": "sent"},
            "users.messages.whatsapp.Failure": {"channel": "whatsapp", "status": "failed"},
            "users.messages.webhook.Send": {"channel": "webhook", "status": "sent"},
            "users.messages.contentcard.Send": {"channel": "contentcard", "status": "sent"},
            "users.messages.inappmessage.Impression": {"channel": "inapp", "status": "sent"},
        },
        # A message is a campaign's, or else a Canvas's.
        "campaign": ["campaign_id", "canvas_id"],
        "message": ["dispatch_id"],
        # A push goes to each device of the user, under one dispatch_id.
        "part": "device_id",
        "event_id": "id",
    },
    "sfmc": {
        "contact": ["SubscriberKey"],
        "at": "EventDate",
        "unit": "text",
        # In the names of the time zone database the sign is turned round: this is UTC-6, all the year.
        "zone": "Etc/GMT+6",
        "formats": ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%b %d %Y %I:%M%p"],
        "channel_is": "email",
        "campaign": ["TriggeredSendCustomerKey", "JobID"],
        "message": ["JobID", "ListID", "BatchID", "SubscriberID"],
    },
}
