"""How counts against quotas are kept: ``quotas`` has one document a subscription or permission and period."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from chassis.mongo import Index, Reader

INDEXES = (Index("quotas", (("expires_at", 1),), expire_after_seconds=0),)


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
