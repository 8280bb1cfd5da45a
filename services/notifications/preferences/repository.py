"""How preferences are kept: one document a person, under the person's id."""

from collections.abc import Iterable

from chassis.mongo import Document, Index, Reader, Transaction
from services.notifications.preferences.domain import Choice, Preferences, Topic

_NAME = "notice_preferences"
INDEXES = (Index(_NAME, (("changed_at", 1),)),)


def _to_preferences(row: Document) -> Preferences:
    choices = (
        Choice(None if each["topic"] is None else Topic(each["topic"]), each["organization_id"], each["mail"])
        for each in row["choices"]
    )
    return Preferences(row["_id"], tuple(choices))


async def find(reader: Reader, user_ids: Iterable[str]) -> dict[str, Preferences]:
    """Return the preferences of those who have chosen something, by the person's id."""
    rows = await reader.collection(_NAME).find({"_id": {"$in": sorted(set(user_ids))}})
    return {row["_id"]: _to_preferences(row) for row in rows}


async def save(tx: Transaction, preferences: Preferences) -> None:
    """Keep what somebody has chosen."""
    choices = [
        {"topic": None if each.topic is None else str(each.topic), "organization_id": each.organization_id, "mail": each.mail}
        for each in preferences.choices
    ]
    change = {"$set": {"choices": choices, "changed_at": tx.now}}
    await tx.collection(_NAME).update_one({"_id": preferences.user_id}, change, upsert=True)


async def forget(tx: Transaction, user_id: str) -> None:
    """Forget what somebody has chosen."""
    await tx.collection(_NAME).delete_one({"_id": user_id})
