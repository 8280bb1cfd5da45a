"""Refusals as they are kept for a week, and what tells a provider that an application has asked it for something."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from chassis.mongo import Document, DuplicateKey, Index, Reader
from services.enforcement.checks.chain import Link
from services.enforcement.explaining.domain import Explanation, Outcome, Told
from services.enforcement.explaining.mending import Mender, Side
from services.enforcement.state.copies import PERMISSION, SUBSCRIPTION
from services.enforcement.state.upstreams import PRODUCTION

_NAME = "refusals"
_COPIES = "copies"
_NANOSECONDS = 1_000_000_000
KEPT_FOR = timedelta(days=7)
INDEXES = (
    Index(_NAME, (("expires_at", 1),), expire_after_seconds=0),
    Index(_NAME, (("application_id", 1), ("product_id", 1))),
)
_IDS = (
    "application_id",
    "organization_id",
    "product_id",
    "provider_id",
    "version_id",
    "operation_id",
    "subscription_id",
    "plan_id",
)
Pair = tuple[str, str]
"""An application and a product."""


def _row(told: Told) -> Document:
    return {
        "link": told.link.value,
        "outcome": told.outcome.value,
        "code": told.code,
        "message": told.message,
        "causes": list(told.causes),
        "menders": [{"side": each.side.value, "action": each.action, "verb": each.verb} for each in told.menders],
        "until": told.until,
    }


def _told(row: Document) -> Told:
    menders = tuple(Mender(Side(each["side"]), each["action"], each["verb"]) for each in row["menders"])
    outcome, causes = Outcome(row["outcome"]), tuple(row["causes"])
    return Told(Link(row["link"]), outcome, row["code"], row["message"], causes, menders, row["until"])


def _document(each: Explanation) -> Document:
    at = datetime.fromtimestamp(each.at_ns / _NANOSECONDS, UTC)
    return {
        "_id": each.request_id,
        "at_ns": each.at_ns,
        "expires_at": at + KEPT_FOR,
        "code": each.code,
        "environment": each.environment,
        "epoch": each.epoch,
        **{name: getattr(each, name) for name in _IDS},
        "links": [_row(told) for told in each.links],
    }


async def add(reader: Reader, explanations: Sequence[Explanation]) -> None:
    """Keep refusals, those that are kept already excepted: a request id belongs to the first that had it."""
    documents = [_document(each) for each in explanations]
    refusals = reader.collection(_NAME)
    try:
        await refusals.insert_many(documents)
    except DuplicateKey:
        for document in documents:
            await refusals.update_one({"_id": document["_id"]}, {"$setOnInsert": document}, upsert=True)


async def find(reader: Reader, request_ids: Iterable[str]) -> dict[str, Explanation]:
    """Return the refusals that are kept, by request id."""
    rows = await reader.collection(_NAME).find({"_id": {"$in": sorted(set(request_ids))}})
    return {
        row["_id"]: Explanation(
            at_ns=row["at_ns"],
            links=tuple(map(_told, row["links"])),
            request_id=row["_id"],
            environment=row.get("environment", PRODUCTION),
            epoch=row.get("epoch"),
            **{name: row[name] for name in _IDS},
        )
        for row in rows
    }


async def pairs_asked_for(reader: Reader, pairs: Iterable[Pair]) -> set[Pair]:
    """Return the pairs of which a subscription or a permission was ever heard of, or whose call was refused lately."""
    wanted = set(pairs)
    if not wanted:
        return set()
    query = {
        "kind": {"$in": [SUBSCRIPTION, PERMISSION]},
        "application_id": {"$in": sorted({application for application, _ in wanted})},
        "product_id": {"$in": sorted({product for _, product in wanted})},
    }
    shown = {"application_id": 1, "product_id": 1}
    rows = await reader.collection(_COPIES).find(query, projection=shown)
    found = {(row["application_id"], row["product_id"]) for row in rows} & wanted
    for application, product in wanted - found:
        pair = {"application_id": application, "product_id": product}
        if await reader.collection(_NAME).find_one(pair, projection=shown) is not None:
            found.add((application, product))
    return found
