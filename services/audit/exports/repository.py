"""How entries are read for an export: as they lie there, whatever somebody has made of them."""

from collections.abc import Sequence
from typing import Any

from chassis.mongo import Document, Reader
from services.audit.acts.repository import ENTRIES, HEADS


async def find_rows(reader: Reader, ids: Sequence[str]) -> list[Document]:
    """Return the rows with these ids, in this order, without those that are missing."""
    found = {each["_id"]: each for each in await reader.collection(ENTRIES).find({"_id": {"$in": list(ids)}})}
    return [found[each] for each in ids if each in found]


async def find_extra(reader: Reader, organization_id: str | None) -> list[Document]:
    """Return rows that nobody has appended: of chains that have not begun, or behind the end of one; the first 1,000."""
    only = [] if organization_id is None else [{"$match": {"chain": organization_id}}]
    newest: dict[str, Any] = {"_id": "$chain", "number": {"$max": "$number"}}
    reached = await reader.collection(ENTRIES).aggregate([*only, {"$group": newest}])
    # Read after the entries: whoever appends in between has moved the head, too.
    heads = {each["_id"]: each["number"] for each in await reader.collection(HEADS).find({})}
    extra: list[Document] = []
    for each in reached:
        if each["number"] > heads.get(each["_id"], 0) and len(extra) < 1000:
            query = {"chain": each["_id"], "number": {"$gt": heads.get(each["_id"], 0)}}
            extra += await reader.collection(ENTRIES).find(query, sort=[("number", 1)], limit=1000)
    return extra[:1000]


async def count_entries(reader: Reader, organization_id: str | None) -> int:
    """Return how many entries there are, as far as the chains go."""
    query = {} if organization_id is None else {"_id": organization_id}
    return sum(int(each["number"]) for each in await reader.collection(HEADS).find(query, projection={"number": 1}))
