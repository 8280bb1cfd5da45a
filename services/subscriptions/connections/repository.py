"""How connection requests are kept: one document each, with its form and its acts."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from chassis.backlog import Held
from chassis.mongo import Document, DuplicateKey, Index, Reader, Transaction
from chassis.paging import Page
from services.subscriptions.agreements.domain import Kind
from services.subscriptions.connections.domain import (
    Act,
    ActKind,
    Difference,
    Form,
    Request,
    RequestOpenAlready,
    Status,
    to_milliseconds,
)

REQUESTS = "connection_requests"
_ASKING = "asking_organizations"
Query = Mapping[str, Any]

INDEXES = (
    # One open request per organization and product, under any race.
    Index(REQUESTS, (("organization_id", 1), ("product_id", 1)), unique=True, partial={"is_open": True}),
    Index(REQUESTS, (("organization_id", 1), ("_id", -1))),
    Index(REQUESTS, (("provider_id", 1), ("is_filed", 1), ("_id", -1))),
    Index(REQUESTS, (("representative_id", 1), ("is_open", 1))),
    Index(REQUESTS, (("is_filed", 1), ("status", 1), ("held_ms", 1), ("_id", 1))),
    Index(_ASKING, (("held", 1),)),
)


def _to_document(request: Request) -> Document:
    return {
        "_id": request.id,
        "organization_id": request.organization_id,
        "product_id": request.product_id,
        "provider_id": request.provider_id,
        "form": asdict(request.form),
        "status": request.status.value,
        "created_at": request.created_at,
        "held_since": request.held_since,
        "filed_by": sorted(request.filed_by),
        "acts": [{**asdict(each), "kind": each.kind.value, "status": each.status.value} for each in request.acts],
        "kinds": [each.value for each in request.kinds],
        "filed_form": asdict(request.filed_form) if request.filed_form else None,
        "filed_at": request.filed_at,
        "round": request.round_,
        "representative_id": request.representative_id,
        "substitutes": sorted(request.substitutes),
        "is_open": request.is_open,
        "is_filed": request.is_filed,
        "held_ms": to_milliseconds(request.held_since),
    }


def to_request(row: Mapping[str, Any]) -> Request:
    """Return the request that a row keeps."""
    return Request(
        id=row["_id"],
        organization_id=row["organization_id"],
        product_id=row["product_id"],
        provider_id=row["provider_id"],
        form=_to_form(row["form"]),
        status=Status(row["status"]),
        created_at=row["created_at"],
        held_since=row["held_since"],
        filed_by=frozenset(row["filed_by"]),
        acts=tuple(_to_act(each) for each in row["acts"]),
        kinds=tuple(Kind(each) for each in row["kinds"]),
        filed_form=_to_form(row["filed_form"]) if row["filed_form"] else None,
        filed_at=row["filed_at"],
        round_=row["round"],
        representative_id=row["representative_id"],
        substitutes=frozenset(row["substitutes"]),
    )


def _to_form(row: Mapping[str, Any]) -> Form:
    lists = {name: tuple(row[name]) for name in ("application_ids", "data_categories")}
    return Form(**{**row, **lists})


def _to_act(row: Mapping[str, Any]) -> Act:
    parts = {
        "kind": ActKind(row["kind"]),
        "status": Status(row["status"]),
        "reasons": tuple(row["reasons"]),
        "differences": tuple(Difference(**each) for each in row["differences"]),
    }
    return Act(**{**row, **parts})


async def hold_organization(tx: Transaction, organization_id: str) -> None:
    """Touch what an organization asks for, so that its end and a new request cannot both pass unaware of each other."""
    await tx.collection(_ASKING).update_one({"_id": organization_id}, {"$inc": {"held": 1}}, upsert=True)


async def add(tx: Transaction, request: Request) -> None:
    """Keep a new request. Raises ``RequestOpenAlready``."""
    try:
        await tx.collection(REQUESTS).insert_one(_to_document(request))
    except DuplicateKey as taken:
        raise RequestOpenAlready from taken


async def keep(tx: Transaction, request: Request) -> None:
    """Keep a request as it stands now."""
    await tx.collection(REQUESTS).replace_one({"_id": request.id}, _to_document(request))


async def find(reader: Reader, ids: Iterable[str]) -> dict[str, Request]:
    """Return those of the requests that exist, by id."""
    rows = await reader.collection(REQUESTS).find({"_id": {"$in": sorted(set(ids))}})
    return {each["_id"]: to_request(each) for each in rows}


async def find_open(reader: Reader, organization_id: str, product_id: str) -> Request | None:
    """Return an organization's open request to a product."""
    query = {"organization_id": organization_id, "product_id": product_id, "is_open": True}
    row = await reader.collection(REQUESTS).find_one(query)
    return None if row is None else to_request(row)


async def find_all_open(reader: Reader, organization_id: str, provider_id: str | None = None) -> list[Request]:
    """Return an organization's open requests, to one provider or to all."""
    query = {"organization_id": organization_id, "is_open": True, **({"provider_id": provider_id} if provider_id else {})}
    return [to_request(each) for each in await reader.collection(REQUESTS).find(query, sort=[("_id", 1)])]


async def find_all_run_by(reader: Reader, user_id: str) -> list[Request]:
    """Return the open requests of a representative."""
    query = {"representative_id": user_id, "is_open": True}
    return [to_request(each) for each in await reader.collection(REQUESTS).find(query, sort=[("_id", 1)])]


async def find_pages(
    reader: Reader, keyed: tuple[str, Sequence[str]], query: Query, page: Page
) -> dict[str, tuple[list[Request], int]]:
    """Return for each key, given as (field, keys), a page of its requests, the newest first, and how many there are.

    There is one more than the page has, where there is one.
    """
    by, keys = keyed
    found = await asyncio.gather(*(_page(reader, {by: key, **query}, page) for key in keys))
    return dict(zip(keys, found, strict=True))


async def _page(reader: Reader, query: Query, page: Page) -> tuple[list[Request], int]:
    requests = reader.collection(REQUESTS)
    total = await requests.count_documents(query)
    after = {} if page.after is None else {"_id": {"$lt": page.after[0]}}
    rows = await requests.find({**query, **after}, sort=[("_id", -1)], limit=page.first + 1) if total else []
    return [to_request(each) for each in rows], total


async def sum_up_queue(reader: Reader, statuses: Sequence[Status]) -> list[Held]:
    """Return for each representative (and for None) how many requests in these states, and since when the oldest is held."""
    waiting = {"is_filed": True, "status": {"$in": [str(each) for each in statuses]}}
    by_person = {"_id": "$representative_id", "waiting": {"$sum": 1}, "held_ms": {"$min": "$held_ms"}}
    rows = await reader.collection(REQUESTS).aggregate([{"$match": waiting}, {"$group": by_person}])
    return [Held(row["_id"], row["waiting"], row["held_ms"]) for row in rows]


async def find_queue(
    reader: Reader, statuses: Sequence[Status], page: Page, *, representative_id: str | None
) -> tuple[list[Request], int]:
    """Return a page of what was filed, the longest held first, and how many there are; perhaps those of one representative."""
    query: dict[str, Any] = {"is_filed": True, "status": {"$in": [str(each) for each in statuses]}}
    if representative_id is not None:
        query["representative_id"] = representative_id
    requests = reader.collection(REQUESTS)
    total = await requests.count_documents(query)
    if page.after is not None:
        held_ms, last_id = page.after
        query["$or"] = [{"held_ms": {"$gt": held_ms}}, {"held_ms": held_ms, "_id": {"$gt": last_id}}]
    rows = await requests.find(query, sort=[("held_ms", 1), ("_id", 1)], limit=page.first + 1)
    return [to_request(each) for each in rows], total
