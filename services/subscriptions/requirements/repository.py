"""What requirements reads of subscriptions and connection requests by their keys."""

from collections.abc import Iterable

from chassis.mongo import Reader
from services.subscriptions.connections import repository as connections
from services.subscriptions.connections.domain import Request
from services.subscriptions.connections.repository import REQUESTS
from services.subscriptions.subscriptions import repository as subscriptions
from services.subscriptions.subscriptions.domain import Subscription
from services.subscriptions.subscriptions.repository import SUBSCRIPTIONS

Pair = tuple[str, str]
"""An application (or an organization) and a product."""


async def find_latest(reader: Reader, pairs: Iterable[Pair]) -> dict[Pair, Subscription]:
    """Return for each application and product the live subscription, or else the newest one: two reads for all pairs."""
    latest = await _latest_ids(reader, SUBSCRIPTIONS, ("application_id", "is_live"), pairs)
    found = await subscriptions.find(reader, list(latest.values()))
    return {pair: found[key] for pair, key in latest.items() if key in found}


async def find_latest_requests(reader: Reader, pairs: Iterable[Pair]) -> dict[Pair, Request]:
    """Return for each organization and product the open connection request, or else the newest one: two reads for all pairs."""
    latest = await _latest_ids(reader, REQUESTS, ("organization_id", "is_open"), pairs)
    found = await connections.find(reader, latest.values())
    return {pair: found[key] for pair, key in latest.items() if key in found}


async def _latest_ids(reader: Reader, collection: str, names: tuple[str, str], pairs: Iterable[Pair]) -> dict[Pair, str]:
    by, first = names
    wanted = set(pairs)
    if not wanted:
        return {}
    query = {by: {"$in": sorted({key for key, _ in wanted})}, "product_id": {"$in": sorted({product for _, product in wanted})}}
    shown = {by: 1, "product_id": 1}
    documents = await reader.collection(collection).find(query, sort=[(first, 1), ("_id", 1)], projection=shown)
    latest = {(each[by], each["product_id"]): str(each["_id"]) for each in documents}
    return {pair: key for pair, key in latest.items() if pair in wanted}
