"""Where identity keeps something about a person: one table, from which a person is told and forgotten.

A collection that keeps something about people has a row here. What a person is not told of (secrets and their fingerprints, what
is only derived) is named, so that whatever is added later is told unless somebody decides otherwise.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from chassis.mongo import Document, Reader, Transaction
from services.identity.accounts.domain import User

NOT_TOLD = frozenset({"token_hash", "password_hash", "secret", "public_key", "code_hash", "sealed", "to_hash", "email_key"}) | {
    "finding"  # names who signed a document, with their personal codes: other people's data
}


@dataclass(frozen=True, slots=True)
class Kept:
    """Things about a person in one collection, found by ``field``: by the user's id, or by the address where ``by_address``.

    ``section`` is what they are called when they are told (None for what tells nothing but a fingerprint); ``is_erased`` says
    that they go with the account. What stays names the person by the id alone, which is nobody's then.
    """

    collection: str
    field: str
    section: str | None = None
    by_address: bool = False
    is_erased: bool = True

    def query(self, user: User) -> Document:
        """Return what finds the things."""
        return {self.field: user.email_key if self.by_address else user.id}


KEPT = (
    Kept("memberships", "user_id", "memberships"),
    Kept("sessions", "user_id", "sessions"),
    Kept("seen_days", "user_id", "last_day_seen"),
    Kept("recertified_items", "user_id", "memberships_confirmed"),
    Kept("links", "user_id", "mailed_links"),
    Kept("links", "email_key", by_address=True),
    Kept("registrations", "email_key", "registrations", by_address=True),
    Kept("invitations", "email_key", "invitations_received", by_address=True),
    Kept("invitations", "invited_by", "invitations_sent", is_erased=False),
    Kept("factors", "user_id", "factors"),
    Kept("recovery_codes", "user_id"),
    Kept("challenges", "user_id"),
    Kept("outside_identities", "user_id", "outside_identities"),
    Kept("openid_ways", "user_id"),
    Kept("known_networks", "user_id"),
    Kept("sign_in_alarms", "user_id"),
    Kept("trials", "user_id", "trials"),
    Kept("files", "uploaded_by", "files_uploaded", is_erased=False),
    Kept("heard_representatives", "user_id", "connection_requests_represented"),
    Kept("heard_substitutes", "user_id", "approvals_substituted"),
    Kept("onboarding_requests", "filed_by", "onboarding_requests", is_erased=False),
)


async def tell(reader: Reader, user: User) -> dict[str, list[Document]]:
    """Return what is kept about a person beside the account, by section, the oldest first."""
    told: dict[str, list[Document]] = {}
    for kept in KEPT:
        if kept.section is not None:
            rows = await reader.collection(kept.collection).find(kept.query(user), sort=[("_id", 1)])
            told[kept.section] = [_told(row) for row in rows]
    return told


async def erase(tx: Transaction, user: User) -> None:
    """Forget what is kept about a person beside the account."""
    for kept in KEPT:
        if kept.is_erased:
            await tx.collection(kept.collection).delete_many(kept.query(user))


async def blank_announcements(tx: Transaction, subjects: Iterable[str]) -> None:
    """Take names and what is sealed out of the announcements that are still kept: nothing stays that a key could open."""
    outbox = tx.collection("outbox")
    for row in await outbox.find({"subject": {"$in": sorted(set(subjects))}}):
        wrapped = orjson.loads(row["body"])
        data = wrapped.get("data", {})
        named = "name" in data and row["key"].startswith("identity.user_reachable.")
        sealed = [name for name, value in data.items() if value and (name.startswith("sealed_") or (named and name == "name"))]
        if sealed:
            data |= dict.fromkeys(sealed, "")
            await outbox.update_one({"_id": row["_id"]}, {"$set": {"body": orjson.dumps(wrapped)}})


def _told(row: Mapping[str, Any]) -> Document:
    return {("id" if key == "_id" else key): _plain(value) for key, value in row.items() if key not in NOT_TOLD}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items() if key not in NOT_TOLD}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
