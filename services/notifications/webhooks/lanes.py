"""How it is kept who sends to a webhook, and how that goes. A lane is free again a moment after the one who had it has died."""

from collections.abc import Iterable
from datetime import timedelta

from chassis.mongo import Document, Index, Reader, Transaction
from services.notifications.webhooks.deliveries import Lane

_LANES = "webhook_lanes"
INDEXES = (Index(_LANES, (("until", 1),)),)


def _to_lane(row: Document) -> Lane:
    return Lane(
        row["_id"],
        failures=row["failures"],
        rests_until=row["rests_until"],
        failing_since=row["failing_since"],
        delivering_since=row["delivering_since"],
        untold=row["untold"],
        told_at=row["told_at"],
    )


def _to_row(lane: Lane) -> Document:
    return {
        "failures": lane.failures,
        "rests_until": lane.rests_until,
        "failing_since": lane.failing_since,
        "delivering_since": lane.delivering_since,
        "untold": lane.untold,
        "told_at": lane.told_at,
    }


async def open_(tx: Transaction, webhook_id: str) -> None:
    """Make the lane of a new webhook."""
    await tx.collection(_LANES).insert_one({"_id": webhook_id, "holder": None, "until": tx.now, **_to_row(Lane(webhook_id))})


async def close(tx: Transaction, webhook_id: str) -> None:
    """Forget the lane of a webhook that goes."""
    await tx.collection(_LANES).delete_one({"_id": webhook_id})


async def find(reader: Reader, webhook_ids: Iterable[str]) -> dict[str, Lane]:
    """Return lanes by their webhooks."""
    rows = await reader.collection(_LANES).find({"_id": {"$in": sorted(set(webhook_ids))}})
    return {row["_id"]: _to_lane(row) for row in rows}


async def take(reader: Reader, webhook_id: str, holder: str, hold: timedelta) -> Lane | None:
    """Take a lane, or keep it, for so long; None where another one has it."""
    mine = {"_id": webhook_id, "$or": [{"until": {"$lte": reader.now}}, {"holder": holder}]}
    change = {"$set": {"holder": holder, "until": reader.now + hold}}
    row = await reader.collection(_LANES).find_one_and_update(mine, change)
    return _to_lane(row) if row else None


async def leave(reader: Reader, webhook_id: str, holder: str) -> None:
    """Let others have a lane."""
    await reader.collection(_LANES).update_one({"_id": webhook_id, "holder": holder}, {"$set": {"until": reader.now}})


async def replace(tx: Transaction, lane: Lane) -> None:
    """Keep how sending goes now."""
    await tx.collection(_LANES).update_one({"_id": lane.webhook_id}, {"$set": _to_row(lane)})
