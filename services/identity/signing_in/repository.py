"""How it is kept from where accounts have been signed in to, and which failures are to be announced."""

from datetime import datetime

from chassis.mongo import Index, Reader, Transaction
from services.identity.signing_in.domain import Alarm

INDEXES = (
    Index("known_networks", (("expires_at", 1),), expire_after_seconds=0),
    Index("known_networks", (("user_id", 1),)),
    Index("sign_in_alarms", (("user_id", 1),)),
)


async def is_known(reader: Reader, fingerprint: str) -> bool:
    """Say whether the account of this fingerprint has been signed in to from its network lately."""
    query = {"_id": fingerprint, "expires_at": {"$gt": reader.now}}
    return await reader.collection("known_networks").find_one(query, projection={"_id": 1}) is not None


async def remember(reader: Reader, fingerprint: str, user_id: str, until: datetime) -> None:
    """Keep that an account has been signed in to from a network."""
    change = {"$set": {"user_id": user_id, "expires_at": until}}
    await reader.collection("known_networks").update_one({"_id": fingerprint}, change, upsert=True)


async def add_alarm(reader: Reader, alarm: Alarm) -> None:
    """Keep what is to be announced."""
    row = {"_id": alarm.id, "user_id": alarm.user_id, "tries": alarm.tries, "window_seconds": alarm.window_seconds}
    await reader.collection("sign_in_alarms").insert_one(row)


async def find_alarms(reader: Reader, most: int) -> list[Alarm]:
    """Return what is to be announced, the oldest first."""
    rows = await reader.collection("sign_in_alarms").find({}, sort=[("_id", 1)], limit=most)
    return [Alarm(row["_id"], row["user_id"], row["tries"], row["window_seconds"]) for row in rows]


async def take_alarm(tx: Transaction, alarm_id: str) -> bool:
    """Take an alarm away; say whether it was still there."""
    return await tx.collection("sign_in_alarms").delete_one({"_id": alarm_id})
