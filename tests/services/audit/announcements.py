"""What audit hears in these tests; each announcement says when it was made."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from chassis.bus import Message
from chassis.messages import to_timestamp
from tests.services.stage import envelope

BEGIN = datetime(2029, 1, 1, tzinfo=UTC)
ORGANIZATION, PROVIDER, STRANGER = "org_recipient", "org_provider", "org_stranger"


def day(number: float) -> datetime:
    """Return a moment so many days after the beginning."""
    return BEGIN + timedelta(days=number)


def told(key: str, subject: str, sequence: int, at: float, **data: Any) -> Message:
    return envelope(f"{key}.v1", subject, sequence, data, time=to_timestamp(day(at)))


def stated(message: Message, at: float, sequence: int) -> Message:
    """The same, told by a republish: how it stands on that day, under the number that the subject has reached."""
    wrapped = orjson.loads(message.body)
    wrapped |= {"id": f"{message.id}_{sequence}_{at}", "time": to_timestamp(day(at)), "sequence": sequence, "republished": True}
    return Message(wrapped["id"], message.key, orjson.dumps(wrapped))


def organization(fact: str, sequence: int, at: float, *, of: str = ORGANIZATION, **data: Any) -> Message:
    return told(f"identity.{fact}", of, sequence, at, organization_id=of, **data)


def subscription(fact: str, sequence: int, at: float, status: str, *, number: int = 1, **more: Any) -> Message:
    data = {
        "subscription_id": f"sub_{number}",
        "application_id": "app_1",
        "organization_id": ORGANIZATION,
        "product_id": "prd_1",
        "plan_id": "pln_1",
        "provider_id": PROVIDER,
        "status": status,
        "reason": None,
        **more,
    }
    return told(f"subscriptions.{fact}", f"sub_{number}", sequence, at, **data)


def ground(kind: str, fact: str, sequence: int, at: float, *, status: str, **more: Any) -> Message:
    data = {
        f"{kind}_id": f"{kind}_1",
        "organization_id": ORGANIZATION,
        "product_id": "prd_1",
        "provider_id": PROVIDER,
        "status": status,
        "valid_from": None,
        "valid_to": None,
        "reason": None,
        **({"application_id": "app_1", "operations": None} if kind == "permission" else {"kind": "NDA", "request_id": "cnr_1"}),
        **more,
    }
    return told(f"subscriptions.{kind}_{fact}", f"{kind}_1", sequence, at, **data)


def names() -> list[Message]:
    """What everything is called from the first day on; the application has another name from the 20th on."""
    application = {"application_id": "app_1", "organization_id": ORGANIZATION, "client_id": "cli"}
    plan = {"product_id": "prd_1", "organization_id": PROVIDER}
    return [
        organization("organization_created", 1, 0, name="Recipients", is_test=False, owner_id="usr_owner"),
        organization("organization_created", 1, 0, of=PROVIDER, name="Providers", is_test=False, owner_id="usr_provider"),
        told("identity.application_created", "app_1", 1, 0, name="First", **application),
        told("identity.application_changed", "app_1", 3, 20, name="Second", **application),
        told("catalog.product_created", "prd_1", 1, 0, product_id="prd_1", organization_id=PROVIDER, title="Addresses"),
        told("catalog.plan_created", "pln_1", 1, 0, plan_id="pln_1", name="Small", **plan),
        told("catalog.plan_created", "pln_2", 1, 0, plan_id="pln_2", name="Large", **plan),
    ]
