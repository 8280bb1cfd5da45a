"""What requirements reads of subscriptions by their keys."""

from collections.abc import Iterable

from chassis.mongo import Reader
from services.subscriptions.subscriptions import repository as subscriptions
from services.subscriptions.subscriptions.domain import Subscription
from services.subscriptions.subscriptions.repository import SUBSCRIPTIONS

Pair = tuple[str, str]
"""An application and a product."""


async def find_latest(reader: Reader, pairs: Iterable[Pair]) -> dict[Pair, Subscription]:
    """Return for each application and product the live subscription, or else the newest one: two reads for all pairs."""
    wanted = set(pairs)
    if not wanted:
        return {}
    query = {
        "application_id": {"$in": sorted({application for application, _ in wanted})},
        "product_id": {"$in": sorted({product for _, product in wanted})},
    }
    shown = {"application_id": 1, "product_id": 1}
    documents = await reader.collection(SUBSCRIPTIONS).find(query, sort=[("is_live", 1), ("_id", 1)], projection=shown)
    latest = {(each["application_id"], each["product_id"]): each["_id"] for each in documents}
    found = await subscriptions.find(reader, [key for pair, key in latest.items() if pair in wanted])
    return {pair: found[key] for pair, key in latest.items() if key in found}
