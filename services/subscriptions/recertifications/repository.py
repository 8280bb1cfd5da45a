"""How it is kept what was confirmed: a copy of each item, and for each thing whether it is held."""

from chassis.messages import Heard
from chassis.mongo import Index, Reader, Transaction
from services.subscriptions.recertifications.domain import Outcome, is_unconfirmed

ITEMS, UNCONFIRMED = "recertified_items", "unconfirmed_things"
INDEXES = (
    Index(ITEMS, (("thing", 1),)),
    Index(UNCONFIRMED, (("organization_id", 1), ("is_held", 1))),
)


async def note(tx: Transaction, heard: Heard, kind: str, subject_id: str, *, organization_id: str, is_confirmed: bool) -> None:
    """Keep what came of a thing in a campaign, unless something later was heard of it, and what that makes of the thing."""
    thing = f"{kind}:{subject_id}"
    # Not a copy that is stated anew: what was said counts as of when it was said.
    present = await tx.collection(ITEMS).find_one({"_id": heard.subject})
    if present is None or present["number"] < heard.sequence:
        row = {"_id": heard.subject, "number": heard.sequence, "thing": thing, "is_confirmed": is_confirmed, "at": heard.time}
        await tx.collection(ITEMS).replace_one({"_id": heard.subject}, row, upsert=True)
    rows = await tx.collection(ITEMS).find({"thing": thing})
    is_held = is_unconfirmed(Outcome(each["_id"], each["is_confirmed"], each["at"]) for each in rows)
    fields = {"kind": kind, "subject_id": subject_id, "organization_id": organization_id, "is_held": is_held}
    await tx.collection(UNCONFIRMED).update_one({"_id": thing}, {"$set": fields}, upsert=True)


async def find_held(reader: Reader, organization_id: str) -> list[tuple[str, str]]:
    """Return what of an organization was not confirmed: kinds and ids."""
    rows = await reader.collection(UNCONFIRMED).find({"organization_id": organization_id, "is_held": True})
    return [(each["kind"], each["subject_id"]) for each in rows]
