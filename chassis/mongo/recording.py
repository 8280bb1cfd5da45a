"""Recording what transactions do: one announcement of an act, in the very transaction of the change.

The key of the digests lives in the service's own database, beside the values: whoever can read it can read them anyway, and
whoever has the audit trail alone has neither.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase

from chassis import messages
from chassis.acts import MOST_CHANGES, OWN, Acts, Change, Deed, Outcome, Recorded, Teller, acting_user
from chassis.ids import new_id
from chassis.mongo.collection import Document, Index
from chassis.mongo.noting import Notes
from chassis.principal import Principal
from chassis.telemetry import current_request

ACT_PREFIX = "act"
_KEYS = "act_keys"
_SYSTEM = "system:"
INDEXES = (Index(_KEYS, (("made_at", 1),)),)


class Recorder:
    """Makes one service's acts from what its transactions noted."""

    def __init__(self, acts: Acts) -> None:
        self.acts = replace(acts, audited={**OWN, **acts.audited})
        self._teller: Teller | None = None

    def audits(self, collection: str) -> bool:
        """Say whether what becomes of the things of a collection is recorded."""
        return collection in self.acts.audited

    async def prepare(self, database: AsyncIOMotorDatabase[Document]) -> None:
        """Read the key of the digests, or make it; of several processes that begin at once, all have the same."""
        if self._teller is None:
            keys = database[_KEYS]
            fresh = {"$setOnInsert": {"key": secrets.token_bytes(32)}, "$currentDate": {"read_at": True}}
            await keys.update_one({"_id": "digests"}, fresh, upsert=True)
            kept: Any = await keys.find_one({"_id": "digests"})
            self._teller = Teller(self.acts, bytes(kept["key"]))

    def made(
        self, principal: Principal, notes: Notes, announced_within: Sequence[str | None], deed: Deed | None
    ) -> "Made | None":
        """Return the act that a transaction was, or None where it was none.

        A verb is one if it changed something that is audited, announced something, or said whom it concerns; what reactions and
        timers do only if it changed something that is audited.
        """
        assert self._teller is not None
        changes = self._teller.changes(notes.touched, notes.concerned)
        is_asked = deed is not None and deed.cause is None
        if not changes and not (is_asked and (announced_within or notes.concerned)):
            return None
        deed = deed or Deed((principal.id or "").removeprefix(_SYSTEM))
        concerned = [each for change in changes for each in change.organization_ids]
        within = [*notes.concerned, *(each for each in announced_within if each is not None)]
        organization_ids = list(dict.fromkeys(concerned if changes else within))
        event = self.acts.event(
            verb=deed.verb,
            outcome=Outcome.DONE,
            request_id=current_request(),
            cause=deed.cause,
            organization_ids=tuple(organization_ids),
            changes=tuple(changes[:MOST_CHANGES]),
            left_out=notes.left_out + max(0, len(changes) - MOST_CHANGES),
        )
        actor = principal.id or acting_user(self.acts, notes.touched)
        return Made(event, actor, _acting_organization(principal, organization_ids, changes))


class Made:
    """An act that is to be announced: who did it, and within which organization."""

    __slots__ = ("actor", "event", "organization_id")

    def __init__(self, event: Recorded, actor: str | None, organization_id: str | None) -> None:
        self.event = event
        self.actor = actor
        self.organization_id = organization_id


def row_of(made: Made, now: Any, traceparent: str) -> Document:
    """Return the act as the outbox keeps it: a subject of its own, so that no two acts wait for each other's number."""
    event_id, subject = new_id("evt"), new_id(ACT_PREFIX)
    around = messages.Circumstances(
        subject=subject, sequence=1, time=now, actor=made.actor, organization=made.organization_id, traceparent=traceparent
    )
    body = messages.to_bytes(messages.envelope(made.event, event_id, around))
    return {"_id": event_id, "key": made.event.key, "subject": subject, "time": now, "body": body, "sent_at": None}


def _acting_organization(principal: Principal, concerned: Sequence[str], changes: Sequence[Change]) -> str | None:
    """Return within which organization somebody acted: theirs among those concerned, or the one that they have just made."""
    own = next((each for each in concerned if principal.is_member(each)), None)
    made = (each.id for each in changes if each.before is None and each.id in each.organization_ids)
    return own or next(made, None)
