"""How invitations are kept: at most one waits for an address in an organization."""

from dataclasses import asdict

from chassis.mongo import Document, Index, Reader, Transaction
from chassis.paging import Page
from services.identity.invitations.domain import PENDING, Invitation
from services.identity.organizations.roles import Role

INDEXES = (
    Index("invitations", (("token_hash", 1),), unique=True),
    Index("invitations", (("organization_id", 1), ("_id", -1))),
    Index("invitations", (("email_key", 1), ("_id", -1)), partial={"state": PENDING}),
    Index("invitations", (("organization_id", 1), ("email_key", 1)), unique=True, partial={"state": PENDING}),
)


def _to_document(invitation: Invitation) -> Document:
    document = asdict(invitation)
    return {"_id": document.pop("id"), **document, "role": str(invitation.role)}


def to_invitation(row: Document) -> Invitation:
    """Return the invitation that a row keeps."""
    fields = {key: value for key, value in row.items() if key != "_id"}
    return Invitation(id=row["_id"], **{**fields, "role": Role(row["role"])})


async def find(reader: Reader, invitation_id: str) -> Invitation | None:
    """Return an invitation."""
    row = await reader.collection("invitations").find_one({"_id": invitation_id})
    return to_invitation(row) if row else None


async def find_by_token(reader: Reader, token_hash: str) -> Invitation | None:
    """Return the invitation that a token stands for."""
    row = await reader.collection("invitations").find_one({"token_hash": token_hash})
    return to_invitation(row) if row else None


async def find_page(reader: Reader, organization_id: str, page: Page) -> list[Invitation]:
    """Return a page of an organization's invitations, the newest first, and one more where there is one."""
    query: Document = {"organization_id": organization_id}
    if page.after is not None:
        query["_id"] = {"$lt": page.after[0]}
    rows = await reader.collection("invitations").find(query, sort=[("_id", -1)], limit=page.first + 1)
    return [to_invitation(row) for row in rows]


async def count(reader: Reader, organization_id: str) -> int:
    """Return how many invitations an organization has made."""
    return await reader.collection("invitations").count_documents({"organization_id": organization_id})


async def find_waiting(reader: Reader, email_key: str, page: Page) -> list[Invitation]:
    """Return a page of what waits for an address and has not lapsed, the newest first, and one more where there is one."""
    query: Document = {"email_key": email_key, "state": PENDING, "expires_at": {"$gt": reader.now}}
    if page.after is not None:
        query["_id"] = {"$lt": page.after[0]}
    rows = await reader.collection("invitations").find(query, sort=[("_id", -1)], limit=page.first + 1)
    return [to_invitation(row) for row in rows]


async def put_in_place(tx: Transaction, invitation: Invitation) -> None:
    """Keep a new invitation in place of one that still waits for the same address. Raises ``DuplicateKey``."""
    invitations = tx.collection("invitations")
    waiting = {"organization_id": invitation.organization_id, "email_key": invitation.email_key, "state": PENDING}
    await invitations.delete_many(waiting)
    await invitations.insert_one(_to_document(invitation))


async def save(tx: Transaction, invitation: Invitation) -> None:
    """Keep what has become of an invitation."""
    change = {"state": invitation.state, "token_hash": invitation.token_hash, "expires_at": invitation.expires_at}
    await tx.collection("invitations").update_one({"_id": invitation.id}, {"$set": change})


async def remove_some(tx: Transaction, organization_id: str, most: int) -> int:
    """Forget some of an organization's invitations and return how many."""
    invitations = tx.collection("invitations")
    rows = await invitations.find({"organization_id": organization_id}, projection={"_id": 1}, limit=most)
    return await invitations.delete_many({"_id": {"$in": [row["_id"] for row in rows]}}) if rows else 0
