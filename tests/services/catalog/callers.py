"""What others announce of callers."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from chassis.bus import Message
from tests.services.stage import envelope

_FACTS = {
    "PENDING": "subscription_requested",
    "ACTIVE": "subscription_activated",
    "SUSPENDED": "subscription_suspended",
    "REJECTED": "subscription_rejected",
    "CANCELLED": "subscription_cancelled",
}
_ORDER = list(_FACTS)


def subscription(subject: str, status: str, *, sequence: int = 0, **ids: str) -> Message:
    """Return what is announced of a subscription that has this status; or what identity announces of an application."""
    if status.startswith("application_"):
        number = {"application_created": 1, "application_changed": 2, "application_deleted": 3}[status]
        return envelope(f"identity.{status}.v1", subject, sequence or number, {"client_id": "c", **ids})
    number = sequence or _ORDER.index(status) + 1
    data = {"subscription_id": subject, "plan_id": "pln_1", "provider_id": "org_provider", "status": status, **ids}
    return envelope(f"subscriptions.{_FACTS[status]}.v1", subject, number, data)


def agreement(subject: str, fact: str, sequence: int, **ids: Any) -> Message:
    """Return what is announced of an agreement that is ``confirmed`` or has ``lapsed``."""
    return envelope(f"subscriptions.agreement_{fact}.v1", subject, sequence, {"agreement_id": subject, **ids})


def calls(batch: int, made: Iterable[tuple[datetime, str]], *, rejection: str | None = None, **ids: Any) -> Message:
    """Return a batch of calls, each with its moment and version."""
    records = [
        {
            "id": f"call_{batch}_{number}",
            "at": int(at.timestamp() * 1000),
            "status": 200,
            "rejection": rejection,
            "version_id": version_id,
            "operation_id": "listAccounts",
            **ids,
        }
        for number, (at, version_id) in enumerate(made)
    ]
    data = {"source": "proxy", "batch": batch, "records": records, "records_total": 1, "calls_total": 1, "read_through": None}
    return envelope("enforcement.calls_recorded.v1", "proxy", batch, data)
