"""How certificates are kept. A revoked one stays: as a trace, and so that it does not come back."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from chassis.mongo import Document, Index, Reader, Transaction
from chassis.paging import Page
from services.identity.certificates.domain import Certificate, Place
from services.identity.word_index import find_rows, index_of, indexed
from services.identity.words import INDEXED, Sought

INDEXES = (
    Index("certificates", (("organization_id", 1), ("thumbprint", 1)), unique=True, partial={"is_held": True}),
    index_of("certificates"),
    Index("certificates", (("application_id", 1), ("_id", -1))),
    Index("certificates", (("organization_id", 1), ("_id", -1))),
    Index("certificates", (("organization_id", 1), ("is_revoked", 1), ("not_after", 1), ("_id", 1))),
    Index("certificates", (("is_revoked", 1), ("not_after", 1), ("_id", 1))),
    Index("certificates", (("remind_at", 1),)),
    Index("certificate_places", (("changes", 1),)),
)
_MOST_SHOWN = 20
_Rows = list[Certificate]


def to_certificate(row: Document) -> Certificate:
    """Return the certificate that a row keeps."""
    fields = {key: value for key, value in row.items() if key not in ("_id", "is_held", "is_revoked", INDEXED)}
    return Certificate(id=row["_id"], **fields)


def _to_document(certificate: Certificate) -> Document:
    document = asdict(certificate)
    document["_id"] = document.pop("id")
    is_revoked = certificate.revoked_at is not None
    derived = {"is_revoked": is_revoked, "is_held": not (is_revoked and certificate.may_return)}
    return document | derived | indexed(certificate.spellings)


def names_in(row: Document) -> list[str | None]:
    """Return what a certificate is found by."""
    return list(to_certificate(row).spellings)


async def find_sought(reader: Reader, sought: Sought, limit: int) -> _Rows:
    """Return certificates that answer what is looked for, the surest first; revoked ones, too."""
    return [to_certificate(row) for row in await find_rows(reader, "certificates", sought, limit)]


async def hold_place(tx: Transaction, place: Place) -> None:
    """Let nobody else change the certificates of a place while this transaction runs."""
    await tx.collection("certificate_places").find_one_and_update({"_id": place.key}, {"$inc": {"changes": 1}}, upsert=True)


async def add(tx: Transaction, certificate: Certificate) -> None:
    """Keep a new certificate. Raises ``DuplicateKey`` where the organization holds it already."""
    await tx.collection("certificates").insert_one(_to_document(certificate))


async def save(tx: Transaction, certificate: Certificate) -> None:
    """Keep a changed certificate."""
    await tx.collection("certificates").replace_one({"_id": certificate.id}, _to_document(certificate))


async def note_use(reader: Reader, certificate: Certificate, moment: datetime) -> None:
    """Keep when a certificate was used last."""
    await reader.collection("certificates").update_one({"_id": certificate.id}, {"$max": {"last_used_at": moment}})


async def find(reader: Reader, certificate_id: str) -> Certificate | None:
    """Return a certificate."""
    row = await reader.collection("certificates").find_one({"_id": certificate_id})
    return to_certificate(row) if row else None


async def find_all(reader: Reader, ids: Iterable[str]) -> dict[str, Certificate]:
    """Return certificates by id."""
    rows = await reader.collection("certificates").find({"_id": {"$in": list(set(ids))}})
    return {row["_id"]: to_certificate(row) for row in rows}


async def find_held(reader: Reader, organization_id: str, thumbprint: str) -> Certificate | None:
    """Return the certificate that an organization holds, live or revoked for good."""
    query = {"organization_id": organization_id, "thumbprint": thumbprint, "is_held": True}
    row = await reader.collection("certificates").find_one(query)
    return to_certificate(row) if row else None


async def count_live(reader: Reader, place: Place) -> int:
    """Return how many certificates of exactly this place are neither revoked nor expired."""
    query = {
        "organization_id": place.organization_id,
        "application_id": place.application_id,
        "is_revoked": False,
        "not_after": {"$gt": reader.now},
    }
    return await reader.collection("certificates").count_documents(query)


async def find_unrevoked_of_application(reader: Reader, application_id: str) -> _Rows:
    """Return what is to be revoked with an application."""
    rows = await reader.collection("certificates").find({"application_id": application_id, "is_revoked": False})
    return [to_certificate(row) for row in rows]


async def find_unrevoked_of_organization(reader: Reader, organization_id: str, most: int) -> _Rows:
    """Return some of what is to be revoked with an organization: its own certificates and those of its applications."""
    query = {"organization_id": organization_id, "is_revoked": False}
    rows = await reader.collection("certificates").find(query, limit=most)
    return [to_certificate(row) for row in rows]


async def find_by_application(reader: Reader, application_ids: Iterable[str]) -> dict[str, _Rows]:
    """Return the newest certificates of each application, the newest first."""
    found: dict[str, _Rows] = {}
    query = {"application_id": {"$in": list(set(application_ids))}}
    for row in await reader.collection("certificates").find(query, sort=[("_id", -1)]):
        of_application = found.setdefault(row["application_id"], [])
        if len(of_application) < _MOST_SHOWN:
            of_application.append(to_certificate(row))
    return found


async def find_page(reader: Reader, organization_id: str, page: Page) -> _Rows:
    """Return a page of an organization's certificates, the newest first, and one more where there is one."""
    query: Document = {"organization_id": organization_id}
    if page.after is not None:
        query["_id"] = {"$lt": page.after[0]}
    rows = await reader.collection("certificates").find(query, sort=[("_id", -1)], limit=page.first + 1)
    return [to_certificate(row) for row in rows]


async def find_expiring(reader: Reader, organization_id: str | None, until: datetime, page: Page) -> _Rows:
    """Return a page of live certificates that end until then, the soonest first; of one organization, or (None) of all."""
    query: Document = {"is_revoked": False, "not_after": {"$gt": reader.now, "$lte": until}}
    if organization_id is not None:
        query["organization_id"] = organization_id
    if page.after is not None:
        not_after, certificate_id = page.after
        query["$or"] = [{"not_after": {"$gt": not_after}}, {"not_after": not_after, "_id": {"$gt": certificate_id}}]
    rows = await reader.collection("certificates").find(query, sort=[("not_after", 1), ("_id", 1)], limit=page.first + 1)
    return [to_certificate(row) for row in rows]


async def find_to_remind(reader: Reader, limit: int) -> list[str]:
    """Return the ids of certificates whose end is to be announced now, the longest due first."""
    query = {"remind_at": {"$lte": reader.now}}
    rows = await reader.collection("certificates").find(query, sort=[("remind_at", 1)], limit=limit, projection={"_id": 1})
    return [row["_id"] for row in rows]
