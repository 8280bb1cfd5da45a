"""How it is kept what was confirmed: a copy of each item. What was said last of a thing counts, in whichever campaign."""

from datetime import datetime

from chassis.messages import Heard
from chassis.mongo import Index, Transaction

_ITEMS = "recertified_items"
INDEXES = (Index(_ITEMS, (("thing", 1),)), Index(_ITEMS, (("user_id", 1),)))


async def note(tx: Transaction, heard: Heard, thing: str, *, user_id: str | None, is_confirmed: bool) -> datetime | None:
    """Keep what came of a thing, unless something later was heard; return since when it is not confirmed, or None where it is."""
    # Not a copy that is stated anew: what was said counts as of when it was said.
    present = await tx.collection(_ITEMS).find_one({"_id": heard.subject})
    if present is None or present["number"] < heard.sequence:
        row = {"_id": heard.subject, "number": heard.sequence, "thing": thing, "user_id": user_id}
        row |= {"is_confirmed": is_confirmed, "at": heard.time}
        await tx.collection(_ITEMS).replace_one({"_id": heard.subject}, row, upsert=True)
    rows = await tx.collection(_ITEMS).find({"thing": thing})
    last = max(rows, key=lambda each: (each["at"], each["_id"]))
    return None if last["is_confirmed"] else last["at"]
