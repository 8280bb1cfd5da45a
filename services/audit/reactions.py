"""What audit does when services announce something: it appends acts, and remembers who holds what."""

from typing import Any

from chassis.errors import Invalid
from chassis.inbox import On
from chassis.messages import Heard, to_timestamp
from chassis.mongo import Transaction
from services.audit.acts import actions
from services.audit.acts.domain import tellings
from services.audit.holdings import actions as holdings
from services.audit.holdings.announcements import READERS

SERVICES = ("identity", "catalog", "subscriptions", "enforcement", "analytics", "notifications", "recertification", "audit")
_TOLD = ("verb", "outcome", "code", "request_id", "cause", "count", "left_out")


class ActNotUsable(Invalid):
    """The announcement of an act lacks a field that is needed here, or holds something else in it."""


class AnnouncementNotUsable(Invalid):
    """The announcement lacks a field that is needed here, or holds something else in it."""


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


async def note_holding(tx: Transaction, heard: Heard) -> None:
    """Remember from when until when somebody held something."""
    try:
        changes = list(READERS[heard.key](heard))
    except (KeyError, ValueError, TypeError) as wrong:
        raise AnnouncementNotUsable(f"{heard.key} {heard.id}: {wrong!r}.") from wrong
    await holdings.note(tx, changes)


REACTIONS = (
    # Each entry rests on the one before it: side by side, appending would only make one another run again.
    On(append_acts, *(f"{service}.act_recorded.v1" for service in SERVICES), at_once=1),
    # What is announced of one thing comes close together, and meets in one document.
    On(note_holding, *READERS, at_once=1, takes_republished=True),
)
