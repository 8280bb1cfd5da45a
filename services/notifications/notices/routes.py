"""How to ask for notices over HTTP."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.routing import BaseRoute

from chassis.errors import invalid
from chassis.paging import connection, read_page
from chassis.web import Asked, Edge, Json, Routes
from services.notifications.known.access import language_of
from services.notifications.notices import access, actions
from services.notifications.notices.domain import Notice
from services.notifications.notices.texts import say

_NoticeId = Annotated[str, StringConstraints(max_length=60)]


class MarkRead(BaseModel):
    """What ``mark_read`` takes: notices, or all of one's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    notice_ids: tuple[_NoticeId, ...] | None = Field(None, min_length=1, max_length=100)
    all: bool = False


def _row(notice: Notice, language: str, portal_url: str) -> dict[str, Any]:
    said = say(notice.kind, notice.link, notice.values, language)
    return {
        "id": notice.id,
        "kind": notice.kind.upper(),
        "topic": notice.topic,
        "title": said.title,
        "text": said.text,
        "link": portal_url + notice.path,
        "organization_id": notice.organization_id,
        "about": notice.about,
        "created_at": notice.created_at,
        "read_at": notice.read_at,
    }


class _Handlers:
    def __init__(self, portal_url: str) -> None:
        self._portal_url = portal_url

    async def inbox(self, asked: Asked) -> Json:
        page = read_page(asked.args.get("first"), asked.args.get("after"))
        reader = asked.reader()
        found = await access.own_page(reader, page, is_unread_only=asked.args.get("unread_only") is True)
        if found is None:
            return [None for _ in asked.keys]
        rows = await self._rows(asked, found)
        return [connection(rows, page, lambda row: (row["id"],)) for _ in asked.keys]

    async def unread(self, asked: Asked) -> Json:
        count = await access.own_unread(asked.reader())
        return [count for _ in asked.keys]

    async def by_id(self, asked: Asked) -> Json:
        found = await access.own(asked.reader(), asked.ids)
        rows = {row["id"]: row for row in await self._rows(asked, list(found.values()))}
        return [rows.get(each) for each in asked.ids]

    async def mark_read(self, asked: Asked) -> Json:
        asked.principal.require_signed_in()
        given = asked.read(MarkRead)
        if given.all == (given.notice_ids is not None):
            raise invalid("notice_ids", "give the ids of notices, or all: true and none")
        marked = await asked.transact(lambda tx: actions.mark_read(tx, given.notice_ids))
        return {"marked": marked, "unread": await access.own_unread(asked.reader())}

    async def _rows(self, asked: Asked, notices: list[Notice]) -> list[dict[str, Any]]:
        user_id = asked.principal.id
        if not notices or user_id is None:
            return []
        language = await language_of(asked.reader(), user_id)
        return [_row(each, language, self._portal_url) for each in notices]


def routes(edge: Edge, portal_url: str) -> list[BaseRoute]:
    """Return the routes of notices."""
    handlers = _Handlers(portal_url)
    r = Routes(edge)
    r.do("mark_read", handlers.mark_read)
    r.load("inbox_of_viewer", handlers.inbox)
    r.load("unread_notices_of_viewer", handlers.unread)
    r.load("notices_by_id", handlers.by_id)
    return r.collected
