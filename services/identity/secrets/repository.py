"""How the use of secrets is kept: a document a secret, and a document a data plane's log."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from chassis.mongo import Document, DuplicateKey, Index, Reader, Transaction, UpdateOne
from services.identity.secrets.feed import Run, Source
from services.identity.secrets.use import Counts, Use

_FORGOTTEN_AFTER_SECONDS = 400 * 24 * 3600
_SOURCE_FORGOTTEN_AFTER_SECONDS = 30 * 24 * 3600

INDEXES = (
    Index("secret_uses", (("noted_at", 1),), expire_after_seconds=_FORGOTTEN_AFTER_SECONDS),
    Index("call_sources", (("heard_at", 1),), expire_after_seconds=_SOURCE_FORGOTTEN_AFTER_SECONDS),
)


def _read_counts(kept: Document | None) -> dict[int, int]:
    return {int(number): calls for number, calls in (kept or {}).items()}


def _write_counts(counts: Counts) -> Document:
    return {str(number): calls for number, calls in counts.items()}


def _to_use(row: Document) -> Use:
    return Use(
        row["_id"],
        row.get("called_at"),
        row.get("issued_at"),
        _read_counts(row.get("slots")),
        _read_counts(row.get("hours")),
        _read_counts(row.get("refused_hours")),
    )


def _to_source(row: Document) -> Source:
    return Source(row["_id"], tuple(Run(**run) for run in row["runs"]), row["heard_at"])


async def find_uses(reader: Reader, secret_ids: Iterable[str]) -> dict[str, Use]:
    """Return what is known of the use of secrets, by id; of one never used there is nothing."""
    wanted = list(set(secret_ids))
    rows = await reader.collection("secret_uses").find({"_id": {"$in": wanted}}) if wanted else []
    return {row["_id"]: _to_use(row) for row in rows}


async def save_calls(tx: Transaction, uses: Sequence[Use]) -> None:
    """Keep the calls of many secrets in one write; what is noted of their tokens stays."""
    writes = []
    for use in uses:
        change: Document = {
            "slots": _write_counts(use.slots),
            "hours": _write_counts(use.hours),
            "refused_hours": _write_counts(use.refused_hours),
            "called_at": use.called_at,
            "noted_at": tx.now,
        }
        writes.append(UpdateOne({"_id": use.secret_id}, {"$set": change}, upsert=True))
    await tx.collection("secret_uses").bulk_write(writes)


async def find_issued_at(reader: Reader, secret_id: str) -> datetime | None:
    """Return when it was noted last that a token was issued with a secret."""
    row = await reader.collection("secret_uses").find_one({"_id": secret_id}, projection={"issued_at": 1})
    found: datetime | None = row.get("issued_at") if row else None
    return found


async def save_issued_at(reader: Reader, secret_id: str) -> None:
    """Note that a token is issued with a secret now."""
    change = {"$max": {"issued_at": reader.now, "noted_at": reader.now}}
    try:
        await reader.collection("secret_uses").update_one({"_id": secret_id}, change, upsert=True)
    except DuplicateKey:  # somebody else made the document at this moment
        await reader.collection("secret_uses").update_one({"_id": secret_id}, change)


async def find_sources(reader: Reader) -> list[Source]:
    """Return every data plane's log that has been heard lately."""
    return [_to_source(row) for row in await reader.collection("call_sources").find({})]


async def find_source(reader: Reader, source_id: str) -> Source:
    """Return a data plane's log, fresh where it has not been heard before."""
    row = await reader.collection("call_sources").find_one({"_id": source_id})
    return Source(source_id) if row is None else _to_source(row)


async def save_source(tx: Transaction, source: Source) -> None:
    """Keep a data plane's log as it is after a batch."""
    kept = {"_id": source.id, "runs": [asdict(run) for run in source.runs], "heard_at": source.heard_at}
    await tx.collection("call_sources").replace_one({"_id": source.id}, kept, upsert=True)
