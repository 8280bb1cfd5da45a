"""How agreements are kept: one document each, the files that hang on them, and what products ask for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chassis.mongo import Document, DuplicateKey, Index, Reader, Transaction
from chassis.paging import Page
from services.subscriptions.agreements.domain import (
    ALL_KINDS,
    Agreement,
    AgreementUnderWay,
    AttachedFile,
    Change,
    FileUsedAlready,
    Finding,
    Kind,
    Party,
    Status,
    Validity,
)
from services.subscriptions.known.files import KeptFile

AGREEMENTS = "agreements"
_USED_FILES = "used_files"
_FINDINGS = "file_findings"
_REQUIRED = "required_documents"
_STANDINGS = "agreement_standings"
_CONNECTED = "connected_products"

INDEXES = (
    # Of each cover one agreement at a time is being concluded, under any race.
    Index(AGREEMENTS, (("cover", 1),), unique=True, partial={"is_under_way": True}),
    Index(AGREEMENTS, (("cover", 1), ("_id", -1))),
    Index(AGREEMENTS, (("organization_id", 1), ("provider_id", 1), ("_id", -1))),
    Index(AGREEMENTS, (("organization_id", 1), ("_id", -1))),
    Index(AGREEMENTS, (("provider_id", 1), ("_id", -1))),
    Index(AGREEMENTS, (("next_at", 1),), partial={"is_timed": True}),
    Index(_USED_FILES, (("thing_id", 1),)),
    Index(_FINDINGS, (("sequence", 1),)),
    Index(_REQUIRED, (("changed_at", 1),)),
    Index(_STANDINGS, (("held", 1),)),
    Index(_CONNECTED, (("organization_id", 1),)),
)


def _to_document(agreement: Agreement) -> Document:
    validity = agreement.validity
    return {
        "_id": agreement.id,
        "kind": agreement.kind.value,
        "organization_id": agreement.organization_id,
        "provider_id": agreement.provider_id,
        "product_id": agreement.product_id,
        "request_id": agreement.request_id,
        "status": agreement.status.value,
        "created_at": agreement.created_at,
        "changes": [{"status": e.status.value, "by": e.by, "at": e.at, "reason": e.reason} for e in agreement.changes],
        "files": [_file_to_document(each) for each in agreement.files],
        "valid_from": validity.from_ if validity else None,
        "valid_to": validity.to if validity else None,
        "renews": agreement.renews,
        "told": sorted(agreement.told),
        "cover": agreement.cover,
        "is_under_way": agreement.is_under_way,
        "next_at": agreement.next_at,
        "is_timed": agreement.next_at is not None,
    }


def _file_to_document(attached: AttachedFile) -> Document:
    return {
        "file_id": attached.file.id,
        "uploaded_by": attached.file.uploaded_by,
        "name": attached.file.name,
        "content_type": attached.file.content_type,
        "size": attached.file.size,
        "sha256": attached.file.sha256,
        "party": attached.party.value,
        "attached_at": attached.attached_at,
        "attached_by": attached.attached_by,
        "round": attached.round_,
        "not_attached": attached.not_attached,
    }


def to_agreement(row: Mapping[str, Any]) -> Agreement:
    """Return the agreement that a row keeps."""
    return Agreement(
        id=row["_id"],
        kind=Kind(row["kind"]),
        organization_id=row["organization_id"],
        provider_id=row["provider_id"],
        product_id=row["product_id"],
        request_id=row["request_id"],
        status=Status(row["status"]),
        created_at=row["created_at"],
        changes=tuple(Change(Status(e["status"]), e["by"], e["at"], e["reason"]) for e in row["changes"]),
        files=tuple(_to_file(each) for each in row["files"]),
        validity=Validity(row["valid_from"], row["valid_to"]) if row["valid_from"] else None,
        renews=row["renews"],
        told=frozenset(row["told"]),
    )


def _to_file(row: Mapping[str, Any]) -> AttachedFile:
    file = KeptFile(
        row["file_id"],
        row["uploaded_by"],
        name=row["name"],
        content_type=row["content_type"],
        size=row["size"],
        sha256=row["sha256"],
    )
    return AttachedFile(file, Party(row["party"]), row["attached_at"], row["attached_by"], row["round"], row["not_attached"])


async def add(tx: Transaction, agreement: Agreement) -> None:
    """Keep a new agreement. Raises ``AgreementUnderWay``."""
    try:
        await tx.collection(AGREEMENTS).insert_one(_to_document(agreement))
    except DuplicateKey as taken:
        raise AgreementUnderWay from taken


async def keep(tx: Transaction, agreement: Agreement) -> None:
    """Keep an agreement as it stands now."""
    await tx.collection(AGREEMENTS).replace_one({"_id": agreement.id}, _to_document(agreement))


async def find(reader: Reader, ids: Iterable[str]) -> dict[str, Agreement]:
    """Return those of the agreements that exist, by id."""
    rows = await reader.collection(AGREEMENTS).find({"_id": {"$in": sorted(set(ids))}})
    return {each["_id"]: to_agreement(each) for each in rows}


async def find_covering(reader: Reader, covers: Iterable[str]) -> dict[str, list[Agreement]]:
    """Return by what they cover the agreements that are under way or confirmed, the newest first."""
    wanted = sorted(set(covers))
    query = {"cover": {"$in": wanted}, "status": {"$ne": Status.LAPSED.value}}
    rows = await reader.collection(AGREEMENTS).find(query, sort=[("_id", -1)]) if wanted else []
    found: dict[str, list[Agreement]] = {each: [] for each in wanted}
    for row in rows:
        found[row["cover"]].append(to_agreement(row))
    return found


async def find_between(reader: Reader, organization_id: str, provider_id: str, *, most: int) -> list[Agreement]:
    """Return what a recipient and a provider have concluded or are concluding, the newest first."""
    query = {"organization_id": organization_id, "provider_id": provider_id}
    rows = await reader.collection(AGREEMENTS).find(query, sort=[("_id", -1)], limit=most)
    return [to_agreement(each) for each in rows]


async def find_page(
    reader: Reader, organization_id: str, page: Page, *, sides: Sequence[str], status: Status | None
) -> tuple[list[Agreement], int]:
    """Return a page of the agreements of which an organization is one of these sides (and one more), and how many there are."""
    query: dict[str, Any] = {"$or": [{side: organization_id} for side in sides]}
    if status is not None:
        query["status"] = status.value
    agreements = reader.collection(AGREEMENTS)
    total = await agreements.count_documents(query)
    after = {} if page.after is None else {"_id": {"$lt": page.after[0]}}
    rows = await agreements.find({**query, **after}, sort=[("_id", -1)], limit=page.first + 1) if total else []
    return [to_agreement(each) for each in rows], total


async def is_followed(reader: Reader, agreement: Agreement) -> bool:
    """Say whether a successor is confirmed."""
    query = {"cover": agreement.cover, "renews": agreement.id, "status": Status.CONFIRMED.value}
    return await reader.collection(AGREEMENTS).find_one(query, projection={"_id": 1}) is not None


async def find_due(tx: Transaction, most: int) -> list[Agreement]:
    """Return agreements with which time has made something due."""
    query = {"is_timed": True, "next_at": {"$lte": tx.now}}
    return [to_agreement(each) for each in await tx.collection(AGREEMENTS).find(query, sort=[("next_at", 1)], limit=most)]


async def use_file(tx: Transaction, file_id: str, thing_id: str) -> None:
    """Note that a file hangs on a thing, once and for good. Raises ``FileUsedAlready``."""
    try:
        await tx.collection(_USED_FILES).insert_one({"_id": file_id, "thing_id": thing_id})
    except DuplicateKey as taken:
        raise FileUsedAlready from taken


async def find_findings(reader: Reader, file_ids: Iterable[str]) -> dict[str, Finding]:
    """Return what was heard of the signatures of files, by file."""
    wanted = sorted(set(file_ids))
    rows = await reader.collection(_FINDINGS).find({"_id": {"$in": wanted}}) if wanted else []
    return {each["_id"]: Finding(each["verdict"], each["judged_at"]) for each in rows}


async def find_required(reader: Reader, product_ids: Sequence[str]) -> dict[str, tuple[Kind, ...]]:
    """Return the kinds of documents that products ask for, by product; all kinds where nothing else was said."""
    rows = await reader.collection(_REQUIRED).find({"_id": {"$in": sorted(set(product_ids))}})
    said = {each["_id"]: tuple(Kind(kind) for kind in each["kinds"]) for each in rows}
    return {key: said.get(key, ALL_KINDS) for key in product_ids}


async def keep_required(tx: Transaction, product_id: str, kinds: Sequence[Kind]) -> None:
    """Keep the kinds of documents that a product asks for."""
    kept = {"kinds": [str(each) for each in kinds], "changed_at": tx.now, "changed_by": tx.principal.id}
    await tx.collection(_REQUIRED).update_one({"_id": product_id}, {"$set": kept}, upsert=True)


async def touch_standing(tx: Transaction, organization_id: str, provider_id: str) -> None:
    """Touch what stands between two parties, so that no two changes of it pass unaware of each other."""
    key = f"{organization_id}:{provider_id}"
    await tx.collection(_STANDINGS).update_one({"_id": key}, {"$inc": {"held": 1}}, upsert=True)


async def keep_connected(
    tx: Transaction, organization_id: str, product_id: str, *, provider_id: str, kinds: Sequence[Kind]
) -> None:
    """Keep that an organization's connection to a product was completed, and on which kinds of documents."""
    fields = {"organization_id": organization_id, "provider_id": provider_id, "kinds": [str(each) for each in kinds]}
    key = {"_id": f"{organization_id}:{product_id}"}
    await tx.collection(_CONNECTED).update_one(key, {"$set": fields}, upsert=True)


async def find_connected(reader: Reader, organization_id: str, product_id: str) -> tuple[str, tuple[Kind, ...]] | None:
    """Return the provider and the kinds of documents on which a completed connection rests, or None where there is none."""
    row = await reader.collection(_CONNECTED).find_one({"_id": f"{organization_id}:{product_id}"})
    return None if row is None else (row["provider_id"], tuple(Kind(each) for each in row["kinds"]))
