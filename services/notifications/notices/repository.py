"""Notices as they are kept: each person's own, the newest first, for as long as the setting says."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from chassis.mongo import Document, Index, Reader, Transaction
from chassis.paging import Page
from services.notifications.notices.domain import Notice
from services.notifications.preferences.domain import Topic

_NAME = "notices"
INDEXES = (
    Index(_NAME, (("user_id", 1), ("_id", -1))),
    Index(_NAME, (("user_id", 1), ("read_at", 1), ("_id", -1))),
    Index(_NAME, (("expires_at", 1),), expire_after_seconds=0),
)


def _to_notice(row: Document) -> Notice:
    return Notice(
        row["_id"],
        row["user_id"],
        row["kind"],
        Topic(row["topic"]),
        organization_id=row["organization_id"],
        about=row["about"],
        path=row["path"],
        link=row["link"],
        values=row["values"],
        created_at=row["created_at"],
        read_at=row["read_at"],
    )


async def add(tx: Transaction, notices: Sequence[Notice], keep_for: timedelta) -> None:
    """Keep new notices."""
    await tx.collection(_NAME).insert_many(
        [
            {
                "_id": each.id,
                "user_id": each.user_id,
                "kind": each.kind,
                "topic": str(each.topic),
                "organization_id": each.organization_id,
                "about": each.about,
                "path": each.path,
                "link": each.link,
                "values": dict(each.values),
                "created_at": each.created_at,
                "read_at": each.read_at,
                "expires_at": each.created_at + keep_for,
            }
            for each in notices
        ]
    )


async def find(reader: Reader, user_id: str, notice_ids: Iterable[str]) -> dict[str, Notice]:
    """Return those of the notices that are somebody's, by id."""
    query: Document = {"_id": {"$in": sorted(set(notice_ids))}, "user_id": user_id}
    return {row["_id"]: _to_notice(row) for row in await reader.collection(_NAME).find(query)}


async def find_page(reader: Reader, user_id: str, page: Page, *, is_unread_only: bool) -> list[Notice]:
    """Return a page of somebody's notices, the newest first, and one more where there is one."""
    query: Document = {"user_id": user_id}
    if is_unread_only:
        query["read_at"] = None
    if page.after is not None:
        query["_id"] = {"$lt": page.after[0]}
    rows = await reader.collection(_NAME).find(query, sort=[("_id", -1)], limit=page.first + 1)
    return [_to_notice(row) for row in rows]


async def count_unread(reader: Reader, user_id: str) -> int:
    """Return how many notices somebody has not read."""
    return await reader.collection(_NAME).count_documents({"user_id": user_id, "read_at": None})


async def mark_read(tx: Transaction, user_id: str, notice_ids: Sequence[str] | None) -> int:
    """Note that somebody has read notices, or all (None); return how many were unread."""
    query: Document = {"user_id": user_id, "read_at": None}
    if notice_ids is not None:
        query["_id"] = {"$in": list(notice_ids)}
    return await tx.collection(_NAME).update_many(query, {"$set": {"read_at": tx.now}})


async def forget(tx: Transaction, user_id: str) -> None:
    """Forget what somebody was told."""
    await tx.collection(_NAME).delete_many({"user_id": user_id})
