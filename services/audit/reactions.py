"""What audit does when services announce acts: it appends them."""

from typing import Any

from chassis.errors import Invalid
from chassis.inbox import On
from chassis.messages import Heard, to_timestamp
from chassis.mongo import Transaction
from services.audit.acts import actions
from services.audit.acts.domain import tellings

SERVICES = ("identity", "catalog", "subscriptions", "notifications", "recertification", "audit")
_TOLD = ("verb", "outcome", "code", "request_id", "cause", "count", "left_out")


class ActNotUsable(Invalid):
    """The announcement of an act lacks a field that is needed here, or holds something else in it."""


async def append_acts(tx: Transaction, heard: Heard) -> None:
    """Append an act to the chain of everybody whom it concerns."""
    try:
        content = {
            "at": to_timestamp(heard.time),
            "event_id": heard.id,
            "service": heard.key.partition(".")[0],
            "actor": heard.actor,
            "organization_id": heard.organization,
            **{name: heard.data[name] for name in _TOLD},
        }
        told = tellings(content, _texts(heard.data["organization_ids"]), list(heard.data["changes"]))
    except (KeyError, TypeError, AttributeError) as wrong:
        raise ActNotUsable(f"{heard.key} {heard.id}: {wrong!r}.") from wrong
    await actions.append(tx, told)


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError("organization_ids is not a list of ids")
    return value


REACTIONS = (
    # Each entry rests on the one before it: side by side, appending would only make one another run again.
    On(append_acts, *(f"{service}.act_recorded.v1" for service in SERVICES), at_once=1),
)
