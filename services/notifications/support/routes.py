"""How to ask for help over HTTP, and to give it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.routing import BaseRoute

from chassis.backlog import backlog
from chassis.errors import NotFound
from chassis.mongo import Transaction
from chassis.paging import Page, PageNotReadable, connection, read_page
from chassis.web import Asked, Edge, Json, Routes, read_input
from services.notifications.support import access, actions
from services.notifications.support.answers import Office
from services.notifications.support.domain import SupportRequest, to_milliseconds
from services.notifications.support.inputs import (
    HandOver,
    ListArguments,
    OfRequest,
    OpenRequest,
    PageArguments,
    Prioritize,
    QueueArguments,
    WriteIn,
)
from services.notifications.support.rows import message_row, request_row

Found = tuple[list[SupportRequest], int] | None


async def _rows(asked: Asked, requests: Sequence[SupportRequest]) -> list[Json]:
    reader = asked.reader()
    names = await access.names_of(reader, [one for each in requests for one in (each.opened_by, each.holder_id) if one])
    return [request_row(each, access.side_of(reader.principal, each), names, reader.now) for each in requests]


async def _shown(asked: Asked, request: SupportRequest) -> Json:
    seen = (await access.visible(asked.reader(), [request.id])).get(request.id)
    if seen is None:
        raise NotFound
    return (await _rows(asked, [seen]))[0]


class _Handlers:
    """The verbs; what they name may not have been heard of yet, and is waited for so long."""

    def __init__(self, office: Office, patience_seconds: float) -> None:
        self._office = office
        self._patience_seconds = patience_seconds

    async def _act(self, asked: Asked, work: Callable[[Transaction], Awaitable[SupportRequest]]) -> Json:
        return await _shown(asked, await asked.transact(work, patience_seconds=self._patience_seconds))

    async def open(self, asked: Asked) -> Json:
        wanted = asked.read(OpenRequest).to_wanted()
        return await self._act(asked, lambda tx: actions.open_support_request(tx, wanted))

    async def reply(self, asked: Asked) -> Json:
        given = asked.read(WriteIn)
        written, office = given.to_written(), self._office
        return await self._act(asked, lambda tx: actions.reply_support_request(tx, given.request_id, written, office))

    async def note(self, asked: Asked) -> Json:
        given = asked.read(WriteIn)
        return await self._act(asked, lambda tx: actions.note_support_request(tx, given.request_id, given.to_written()))

    async def take(self, asked: Asked) -> Json:
        given = asked.read(OfRequest)
        return await self._act(asked, lambda tx: actions.take_support_request(tx, given.request_id))

    async def hand_over(self, asked: Asked) -> Json:
        given = asked.read(HandOver)
        return await self._act(asked, lambda tx: actions.hand_over_support_request(tx, given.request_id, given.user_id))

    async def prioritize(self, asked: Asked) -> Json:
        given = asked.read(Prioritize)
        return await self._act(asked, lambda tx: actions.prioritize_support_request(tx, given.request_id, given.priority))

    async def involve(self, asked: Asked) -> Json:
        given = asked.read(OfRequest)
        return await self._act(asked, lambda tx: actions.involve_provider(tx, given.request_id))

    async def solve(self, asked: Asked) -> Json:
        given = asked.read(OfRequest)
        return await self._act(asked, lambda tx: actions.solve_support_request(tx, given.request_id))

    async def close(self, asked: Asked) -> Json:
        given = asked.read(OfRequest)
        return await self._act(asked, lambda tx: actions.close_support_request(tx, given.request_id))


async def _load_by_id(asked: Asked) -> Json:
    seen = await access.visible(asked.reader(), asked.ids)
    rows = dict(zip(seen, await _rows(asked, list(seen.values())), strict=True))
    return [rows.get(key) for key in asked.ids]


async def _load_by_organization(asked: Asked) -> Json:
    given = read_input(ListArguments, asked.args)
    page, reader = read_page(given.first, given.after), asked.reader()
    return [await _page(asked, await access.of_organization(reader, key, given.statuses, page), page) for key in asked.ids]


async def _load_by_provider(asked: Asked) -> Json:
    given = read_input(ListArguments, asked.args)
    page, reader = read_page(given.first, given.after), asked.reader()
    return [await _page(asked, await access.of_provider(reader, key, given.statuses, page), page) for key in asked.ids]


async def _load_of_viewer(asked: Asked) -> Json:
    given = read_input(ListArguments, asked.args)
    page = read_page(given.first, given.after)
    row = await _page(asked, await access.of_viewer(asked.reader(), given.statuses, page), page)
    return [row for _ in asked.keys]


async def _load_queue(asked: Asked) -> Json:
    given = read_input(QueueArguments, asked.args)
    page = read_page(given.first, given.after, key_length=2)
    if page.after is not None and not (isinstance(page.after[0], int) and isinstance(page.after[1], str)):
        raise PageNotReadable("after: give the endCursor of a page of this very list")
    found = await access.queue(asked.reader(), given.statuses, given.holder, page)
    row = await _page(asked, found, page, key_of=lambda row: (to_milliseconds(row["held_since"]), row["id"]))
    return [row for _ in asked.keys]


async def _queue_in_figures(asked: Asked) -> Json:
    reader = asked.reader()
    row = backlog(await access.queue_in_figures(reader), reader.now)
    return [row for _ in asked.keys]


async def _page(
    asked: Asked, found: Found, page: Page, *, key_of: Callable[[Mapping[str, Json]], tuple[Json, ...]] = lambda row: (row["id"],)
) -> Json:
    return None if found is None else connection(await _rows(asked, found[0]), page, key_of, total=found[1])


async def _load_messages(asked: Asked) -> Json:
    given = read_input(PageArguments, asked.args)
    page, reader = read_page(given.first, given.after), asked.reader()
    threads = await access.threads(reader, asked.ids, page)
    authors = [each.author_id for thread in threads.values() for each in thread.messages if each.author_id]
    names = await access.names_of(reader, authors)
    made = {
        key: connection(
            [message_row(each, thread.attachments, names) for each in thread.messages],
            page,
            lambda row: (row["id"],),
            total=thread.total,
        )
        for key, thread in threads.items()
    }
    return [made.get(key) for key in asked.ids]


def routes(edge: Edge, office: Office, *, patience_seconds: float) -> list[BaseRoute]:
    """Return the routes; ``patience_seconds`` is how long a verb waits for what has not been heard of yet."""
    handlers = _Handlers(office, patience_seconds)
    r = Routes(edge)
    r.do("open_support_request", handlers.open)
    r.do("reply_support_request", handlers.reply)
    r.do("note_support_request", handlers.note)
    r.do("take_support_request", handlers.take)
    r.do("hand_over_support_request", handlers.hand_over)
    r.do("prioritize_support_request", handlers.prioritize)
    r.do("involve_provider", handlers.involve)
    r.do("solve_support_request", handlers.solve)
    r.do("close_support_request", handlers.close)
    r.load("support_requests_by_id", _load_by_id)
    r.load("support_requests_by_organization", _load_by_organization)
    r.load("support_requests_by_provider", _load_by_provider)
    r.load("support_requests_of_viewer", _load_of_viewer)
    r.load("support_queue", _load_queue)
    r.load("support_queue_in_figures", _queue_in_figures)
    r.load("support_messages_by_request", _load_messages)
    return r.collected
