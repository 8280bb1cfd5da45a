"""How copies of what others announced are kept and read. Those of things compare sequences, those of uses only grow."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from chassis.mongo import Document, Index, Reader, Transaction
from services.recertification.known.domain import Kind, Names, Thing

THINGS, USES, OWNERS = "things", "uses", "owners"
ORGANIZATIONS, ENDED, PRODUCTS, APPLICATIONS = "organization_names", "ended_organizations", "products", "applications"
_CALLS_KNOWN = "calls"
_AT_ONCE = 500

INDEXES = (
    Index(THINGS, (("is_live", 1), ("kind", 1), ("_id", 1))),
    Index(THINGS, (("organization_id", 1), ("is_live", 1), ("_id", 1))),
    Index(THINGS, (("provider_id", 1), ("is_live", 1), ("_id", 1))),
    Index(USES, (("day", 1),)),
    Index(OWNERS, (("sequence", 1),)),
    Index(ORGANIZATIONS, (("sequence", 1),)),
    Index(ENDED, (("sequence", 1),)),
    Index(PRODUCTS, (("organization_id", 1),)),
    Index(APPLICATIONS, (("organization_id", 1),)),
)


async def note_beginning(tx: Transaction, key: str, sequence: int, at: datetime) -> None:
    """Keep since when a thing is held, as its latest beginning says, whatever else was heard of it before."""
    earlier = {"_id": key, "$or": [{"since": None}, {"since.sequence": {"$lt": sequence}}]}
    await tx.collection(THINGS).update_one(earlier, {"$set": {"since": {"at": at, "sequence": sequence}}})


async def note_uses(tx: Transaction, days: Mapping[str, datetime]) -> None:
    """Keep on which day things were used last, by what they were used as."""
    for key, day in sorted(days.items()):
        await tx.collection(USES).update_one({"_id": key}, {"$max": {"day": day}}, upsert=True)


async def forget_use(tx: Transaction, key: str) -> None:
    """Forget on which day something was used last."""
    await tx.collection(USES).delete_one({"_id": key})


async def note_calls_known(tx: Transaction, since: datetime) -> None:
    """Keep since when calls are heard of."""
    await tx.collection(USES).update_one({"_id": _CALLS_KNOWN}, {"$min": {"since": since}}, upsert=True)


async def calls_known_since(reader: Reader) -> datetime | None:
    """Return since when calls are heard of, or None where none were yet."""
    row = await reader.collection(USES).find_one({"_id": _CALLS_KNOWN})
    return None if row is None else row.get("since")


async def find_live(reader: Reader, query: Mapping[str, Any], after: str, *, most: int = _AT_ONCE) -> tuple[list[Thing], str]:
    """Return some live things that match, by key, and the last key that was looked at (empty where there are no more)."""
    rows = await reader.collection(THINGS).find({**query, "is_live": True, "_id": {"$gt": after}}, sort=[("_id", 1)], limit=most)
    last = rows[-1]["_id"] if len(rows) == most else ""
    held = await _without_ended(reader, rows)
    return await _with_uses(reader, held), last


async def live_keys(reader: Reader, keys: Iterable[str]) -> set[str]:
    """Return which of the things are still held."""
    rows = await reader.collection(THINGS).find({"_id": {"$in": sorted(set(keys))}, "is_live": True})
    return {each["_id"] for each in await _without_ended(reader, rows)}


async def _without_ended(reader: Reader, rows: Sequence[Document]) -> list[Document]:
    """Leave out what belongs to organizations that are gone, and the Owner's own place, which nobody confirms."""
    organizations = sorted({each["organization_id"] for each in rows})
    query = {"_id": {"$in": organizations}}
    ended, owners = await asyncio.gather(reader.collection(ENDED).find(query), reader.collection(OWNERS).find(query))
    gone = {each["_id"] for each in ended}
    owned = {each["_id"]: each["owner_id"] for each in owners}
    return [
        each
        for each in rows
        if each["organization_id"] not in gone
        and not (each["kind"] == Kind.MEMBER and owned.get(each["organization_id"]) == each["subject_id"])
    ]


async def _with_uses(reader: Reader, rows: Sequence[Document]) -> list[Thing]:
    wanted = {key for row in rows for key in use_keys(row)}
    providers = sorted({str(row["provider_id"]) for row in rows if row["kind"] == Kind.AGREEMENT})
    products = await reader.collection(PRODUCTS).find({"organization_id": {"$in": providers}}) if providers else []
    by_provider: dict[str, list[str]] = {}
    for each in products:
        by_provider.setdefault(each["organization_id"], []).append(each["_id"])
    for row in rows:
        if row["kind"] == Kind.AGREEMENT:
            row["used_as"] = [f"org:{row['organization_id']}:{each}" for each in _covered(row, by_provider)]
            wanted.update(row["used_as"])
    used = await reader.collection(USES).find({"_id": {"$in": sorted(wanted)}}) if wanted else []
    days = {each["_id"]: each["day"] for each in used if "day" in each}
    return [_to_thing(row, [days[key] for key in row.get("used_as", use_keys(row)) if key in days]) for row in rows]


def _covered(row: Document, by_provider: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Return the products that an agreement covers: its own, or every one of the provider."""
    is_of_product = row.get("detail") in ("ADDITIONAL_AGREEMENT", "TECHNICAL_ASSIGNMENT")
    return [str(row["product_id"])] if is_of_product else by_provider.get(str(row["provider_id"]), [])


def use_keys(row: Mapping[str, Any]) -> list[str]:
    """Return under which keys the uses of a thing are counted (an agreement's follow from what it covers)."""
    if row["kind"] == Kind.SUBSCRIPTION:
        return [f"sub:{row['subject_id']}"]
    if row["kind"] == Kind.PERMISSION:
        return [f"app:{row['application_id']}:{row['product_id']}"]
    return [f"usr:{row['subject_id']}"] if row["kind"] == Kind.MEMBER else []


def _to_thing(row: Document, days: Sequence[datetime]) -> Thing:
    return Thing(
        key=row["_id"],
        kind=Kind(row["kind"]),
        subject_id=row["subject_id"],
        organization_id=row["organization_id"],
        provider_id=row.get("provider_id"),
        product_id=row.get("product_id"),
        application_id=row.get("application_id"),
        detail=row.get("detail"),
        since=(row.get("since") or {}).get("at"),
        lapses_at=row.get("lapses_at"),
        last_used_at=max(days, default=None),
    )


async def find_product_owners(reader: Reader, product_ids: Iterable[str]) -> dict[str, str]:
    """Return whose each of the products is, as far as it is known, by product."""
    rows = await reader.collection(PRODUCTS).find({"_id": {"$in": sorted(set(product_ids))}})
    return {each["_id"]: each["organization_id"] for each in rows}


async def known_organizations(reader: Reader, organization_ids: Iterable[str]) -> set[str]:
    """Return which of the organizations were heard of and are not gone."""
    query = {"_id": {"$in": sorted(set(organization_ids))}}
    named, ended = await asyncio.gather(
        reader.collection(ORGANIZATIONS).find(query, projection={"_id": 1}),
        reader.collection(ENDED).find(query, projection={"_id": 1}),
    )
    return {each["_id"] for each in named} - {each["_id"] for each in ended}


async def find_organization_names(reader: Reader, organization_ids: Iterable[str]) -> dict[str, str]:
    """Return what organizations are called, as far as that was heard, by id."""
    rows = await reader.collection(ORGANIZATIONS).find({"_id": {"$in": sorted(set(organization_ids))}})
    return {each["_id"]: each["name"] for each in rows}


async def find_names(reader: Reader, things: Sequence[Thing]) -> dict[str, Names]:
    """Return what the parts of things are called, by key: three reads for all of them."""
    parties = {each for thing in things for each in (thing.organization_id, thing.provider_id) if each is not None}
    names, products, applications = await asyncio.gather(
        find_organization_names(reader, parties),
        reader.collection(PRODUCTS).find({"_id": {"$in": sorted({each.product_id for each in things if each.product_id})}}),
        reader.collection(APPLICATIONS).find(
            {"_id": {"$in": sorted({each.application_id for each in things if each.application_id})}}
        ),
    )
    titles = {each["_id"]: each.get("title") for each in products}
    called = {each["_id"]: each.get("name") for each in applications}
    return {
        each.key: Names(
            names.get(each.organization_id),
            names.get(each.provider_id or ""),
            titles.get(each.product_id or ""),
            called.get(each.application_id or ""),
        )
        for each in things
    }
