"""How reports are kept: what is known of each in a document, its bytes in the service's files."""

from collections.abc import Iterable
from datetime import datetime

from chassis.mongo import Document, Index, Reader, Transaction, file_indexes
from services.recertification.report.domain import Language, Report, State

REPORTS, _CAMPAIGNS, _CONTENTS = "reports", "campaigns", "report_contents"
INDEXES = (
    Index(REPORTS, (("campaign_id", 1), ("language", 1)), unique=True),
    Index(REPORTS, (("state", 1), ("due_at", 1))),
    *file_indexes(_CONTENTS),
)


def _to_report(row: Document) -> Report:
    fields = {name: value for name, value in row.items() if name not in ("_id", "language", "state")}
    return Report(id=row["_id"], language=Language(row["language"]), state=State(row["state"]), **fields)


def _to_document(report: Report) -> Document:
    names = ("campaign_id", "why", "content_id", "sha256", "size", "made_at", "due_at")
    return {
        "_id": report.id,
        "language": report.language.value,
        "state": report.state.value,
        **{name: getattr(report, name) for name in names},
    }


async def find_campaign_without(tx: Transaction) -> str | None:
    """Return a finished campaign of which no report is planned, and note that it is now."""
    query = {"status": "FINISHED", "reports_planned": {"$ne": True}}
    row = await tx.collection(_CAMPAIGNS).find_one_and_update(query, {"$set": {"reports_planned": True}})
    return None if row is None else str(row["_id"])


async def add(tx: Transaction, reports: Iterable[Report]) -> None:
    """Keep that reports are to be made."""
    await tx.collection(REPORTS).insert_many([_to_document(each) for each in reports])


async def claim(reader: Reader, content_id: str, until: datetime) -> tuple[Report, str | None] | None:
    """Take a report that is to be made; return it and what a former try may have left, or None where there is nothing to make.

    It is due again after ``until``, should the one who took it die.
    """
    due = {"state": State.WAITING.value, "due_at": {"$lte": reader.now}}
    found = await reader.collection(REPORTS).find(due, sort=[("due_at", 1)], limit=1)
    if not found:
        return None
    same = {"_id": found[0]["_id"], **due, "content_id": found[0]["content_id"]}
    row = await reader.collection(REPORTS).find_one_and_update(same, {"$set": {"content_id": content_id, "due_at": until}})
    return None if row is None else (_to_report(row), found[0]["content_id"])


async def put_off(reader: Reader, report: Report, why: str, until: datetime) -> None:
    """Note why a report could not be made, and when it is tried again."""
    same = {"_id": report.id, "content_id": report.content_id, "state": State.WAITING.value}
    await reader.collection(REPORTS).update_one(same, {"$set": {"why": why, "due_at": until}})


async def keep_made(tx: Transaction, report: Report) -> bool:
    """Keep that a report is there, unless somebody else has taken it meanwhile; say whether it was kept."""
    same = {"_id": report.id, "content_id": report.content_id, "state": State.WAITING.value}
    return await tx.collection(REPORTS).replace_one(same, _to_document(report))


async def find(reader: Reader, report_id: str) -> Report | None:
    """Return a report."""
    row = await reader.collection(REPORTS).find_one({"_id": report_id})
    return _to_report(row) if row else None


async def find_of_campaigns(reader: Reader, campaign_ids: Iterable[str]) -> dict[str, list[Report]]:
    """Return the reports of campaigns by campaign, in the order of their languages."""
    rows = await reader.collection(REPORTS).find({"campaign_id": {"$in": sorted(set(campaign_ids))}}, sort=[("language", 1)])
    found: dict[str, list[Report]] = {}
    for row in rows:
        found.setdefault(row["campaign_id"], []).append(_to_report(row))
    return found


async def put_contents(reader: Reader, content_id: str, content: bytes) -> None:
    """Keep the bytes of a report."""
    await reader.files(_CONTENTS).put(content_id, content)


async def forget_contents(reader: Reader, content_id: str) -> None:
    """Remove what a try has left."""
    await reader.files(_CONTENTS).delete(content_id)


async def get_contents(reader: Reader, content_id: str) -> bytes | None:
    """Return the bytes of a report, or None where they are not all there."""
    return await reader.files(_CONTENTS).get(content_id)
