"""How copies and quota counts are kept: ``copies`` has one document a thing, ``quotas`` one a subscription and period."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from chassis.mongo import Index, Reader
from services.enforcement.checks.copies import Copy

INDEXES = (
    Index("copies", (("heard_at", 1),)),
    # Only revoked tokens have it: they need not be remembered for longer than they would be valid.
    Index("copies", (("expires_at", 1),), expire_after_seconds=60),
    Index("quotas", (("expires_at", 1),), expire_after_seconds=0),
)


async def copies_since(reader: Reader, moment: datetime | None) -> list[Copy]:
    """Return the copies that were written at or after a moment; all of them where none is given."""
    query = {} if moment is None else {"heard_at": {"$gte": moment}}
    documents = await reader.collection("copies").find(query)
    return [Copy(each["kind"], each["_id"], each["sequence"], each) for each in documents]


class Count(NamedTuple):
    """Calls of a subscription to be added to its count in a period."""

    subscription_id: str
    period: str
    began_at: str
    ends_at_ns: int
    calls: int


async def add_calls(reader: Reader, count: Count) -> None:
    """Add calls to a subscription's count, which all instances share."""
    expires_at = datetime.fromtimestamp(count.ends_at_ns // 1_000_000_000, UTC)
    await reader.collection("quotas").update_one(
        {"_id": f"{count.subscription_id}|{count.period}|{count.began_at}"},
        {
            "$inc": {"calls": count.calls},
            "$set": {
                "subscription_id": count.subscription_id,
                "period": count.period,
                "began_at": count.began_at,
                "expires_at": expires_at,
            },
        },
        upsert=True,
    )


async def counts(reader: Reader, subscription_ids: Iterable[str]) -> dict[tuple[str, str, str], int]:
    """Return the saved counts of these subscriptions, by subscription, period and the period's first day."""
    documents = await reader.collection("quotas").find({"subscription_id": {"$in": list(subscription_ids)}})
    return {(each["subscription_id"], each["period"], each["began_at"]): int(each["calls"]) for each in documents}
