"""How to ask about connection requests over HTTP, and about what moves them along: their documents and their approval steps."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from starlette.routing import BaseRoute

from chassis.backlog import backlog
from chassis.errors import NotFound
from chassis.mongo import Transaction
from chassis.paging import Page, PageNotReadable, connection, read_page
from chassis.web import Asked, Edge, Json, Routes, read_input
from services.subscriptions.agreements.inputs import ConfirmAgreement, ReturnAgreement, WithFile
from services.subscriptions.agreements.routes import shown as shown_agreement
from services.subscriptions.approvals.inputs import DecideStep, OfSubstitute
from services.subscriptions.connections import access, actions, deciding, documents, office
from services.subscriptions.connections.access import Seen
from services.subscriptions.connections.domain import WITH_OPERATOR, Request, to_milliseconds
from services.subscriptions.connections.inputs import (
    AssignRepresentative,
    ChangeRequest,
    FileRequest,
    ListArguments,
    OfRequest,
    QueueArguments,
    RejectRequest,
    RequestDocument,
    ReturnRequest,
    WithdrawRequest,
)
from services.subscriptions.connections.rows import request_row

T = TypeVar("T")


async def _shown(asked: Asked, request: Request) -> Json:
    reader = asked.reader()
    seen = (await access.visible(reader, [request.id])).get(request.id)
    if seen is None:
        raise NotFound
    return request_row(seen, reader.now)


class _Handlers:
    """The verbs; what they name may not have been heard of yet, and is waited for so long."""

    def __init__(self, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds

    async def _act(self, asked: Asked, work: Callable[[Transaction], Awaitable[T]]) -> T:
        return await asked.transact(work, patience_seconds=self._patience_seconds)

    async def draft(self, asked: Asked) -> Json:
        given = asked.read(FileRequest)
        ids, form = (given.organization_id, given.product_id), given.to_form()
        return await _shown(asked, await self._act(asked, lambda tx: actions.draft_connection_request(tx, *ids, form)))

    async def file(self, asked: Asked) -> Json:
        given = asked.read(FileRequest)
        ids, form = (given.organization_id, given.product_id), given.to_form()
        return await _shown(asked, await self._act(asked, lambda tx: actions.file_connection_request(tx, *ids, form)))

    async def change(self, asked: Asked) -> Json:
        given = asked.read(ChangeRequest)
        form = given.to_form()
        return await _shown(
            asked, await self._act(asked, lambda tx: actions.change_connection_request(tx, given.request_id, form))
        )

    async def submit(self, asked: Asked) -> Json:
        given = asked.read(OfRequest)
        return await _shown(asked, await self._act(asked, lambda tx: actions.submit_connection_request(tx, given.request_id)))

    async def withdraw(self, asked: Asked) -> Json:
        given = asked.read(WithdrawRequest)
        work = actions.withdraw_connection_request
        return await _shown(asked, await self._act(asked, lambda tx: work(tx, given.request_id, given.reason)))

    async def assign(self, asked: Asked) -> Json:
        given = asked.read(AssignRepresentative)
        work = office.assign_representative
        return await _shown(asked, await self._act(asked, lambda tx: work(tx, given.request_id, given.user_id)))

    async def take(self, asked: Asked) -> Json:
        given = asked.read(OfRequest)
        return await _shown(asked, await self._act(asked, lambda tx: office.take_connection_request(tx, given.request_id)))

    async def request_document(self, asked: Asked) -> Json:
        given = asked.read(RequestDocument)
        return await _shown(asked, await self._act(asked, lambda tx: office.request_document(tx, given.request_id, given.kind)))

    async def send_back(self, asked: Asked) -> Json:
        given = asked.read(ReturnRequest)
        work = office.return_connection_request
        return await _shown(asked, await self._act(asked, lambda tx: work(tx, given.request_id, given.reasons)))

    async def reject(self, asked: Asked) -> Json:
        given = asked.read(RejectRequest)
        work = office.reject_connection_request
        return await _shown(asked, await self._act(asked, lambda tx: work(tx, given.request_id, given.reason)))

    async def complete(self, asked: Asked) -> Json:
        given = asked.read(OfRequest)
        return await _shown(asked, await self._act(asked, lambda tx: office.complete_connection_request(tx, given.request_id)))

    async def attach(self, asked: Asked) -> Json:
        given = asked.read(WithFile)
        work = documents.attach_agreement
        return await shown_agreement(asked, await self._act(asked, lambda tx: work(tx, given.agreement_id, given.file_id)))

    async def countersign(self, asked: Asked) -> Json:
        given = asked.read(WithFile)
        work = documents.countersign_agreement
        return await shown_agreement(asked, await self._act(asked, lambda tx: work(tx, given.agreement_id, given.file_id)))

    async def confirm(self, asked: Asked) -> Json:
        given = asked.read(ConfirmAgreement)
        validity, despite = given.to_validity(), given.despite_finding
        work = documents.confirm_agreement
        return await shown_agreement(asked, await self._act(asked, lambda tx: work(tx, given.agreement_id, validity, despite)))

    async def return_agreement(self, asked: Asked) -> Json:
        given = asked.read(ReturnAgreement)
        work = documents.return_agreement
        return await shown_agreement(asked, await self._act(asked, lambda tx: work(tx, given.agreement_id, given.reason)))

    async def decide(self, asked: Asked) -> Json:
        given = asked.read(DecideStep)
        wanted = deciding.Wanted(given.decision, given.reason, given.evidence_file_id, given.evidence_note or None)
        return await _shown(asked, await self._act(asked, lambda tx: deciding.decide_approval_step(tx, given.step_id, wanted)))

    async def substitute(self, asked: Asked) -> Json:
        given = asked.read(OfSubstitute)
        work = deciding.substitute_approver
        return await _shown(asked, await self._act(asked, lambda tx: work(tx, given.step_id, given.user_id)))

    async def withdraw_substitute(self, asked: Asked) -> Json:
        given = asked.read(OfSubstitute)
        work = deciding.withdraw_substitute
        return await _shown(asked, await self._act(asked, lambda tx: work(tx, given.step_id, given.user_id)))


async def _load_by_id(asked: Asked) -> Json:
    reader, ids = asked.reader(), asked.ids
    seen = await access.visible(reader, ids)
    return [request_row(seen[key], reader.now) if key in seen else None for key in ids]


async def _load_by_organization(asked: Asked) -> Json:
    given = read_input(ListArguments, asked.args)
    page = read_page(given.first, given.after)
    return _connections(asked, await access.of_organizations(asked.reader(), asked.ids, given.status, page), page)


async def _load_by_provider(asked: Asked) -> Json:
    given = read_input(ListArguments, asked.args)
    page = read_page(given.first, given.after)
    return _connections(asked, await access.of_providers(asked.reader(), asked.ids, given.status, page), page)


def _connections(asked: Asked, pages: Mapping[str, tuple[list[Seen], int]], page: Page) -> Json:
    now = asked.reader().now
    made = {
        key: connection([request_row(each, now) for each in seen], page, lambda row: (row["id"],), total=total)
        for key, (seen, total) in pages.items()
    }
    return [made.get(key) for key in asked.ids]


async def _load_queue(asked: Asked) -> Json:
    reader, given = asked.reader(), read_input(QueueArguments, asked.args)
    page = read_page(given.first, given.after, key_length=2)
    if page.after is not None and not (isinstance(page.after[0], int) and isinstance(page.after[1], str)):
        raise PageNotReadable("after: give the endCursor of a page of this very list")
    statuses = WITH_OPERATOR if given.status is None else (given.status,)
    found = await access.queue(reader, statuses, page, is_mine=given.mine)
    if found is None:
        return [None for _ in asked.keys]
    rows = [request_row(each, reader.now) for each in found[0]]
    row = connection(rows, page, lambda row: (to_milliseconds(row["held_since"]), row["id"]), total=found[1])
    return [row for _ in asked.keys]


async def _queue_in_figures(asked: Asked) -> Json:
    reader = asked.reader()
    row = backlog(await access.queue_in_figures(reader), reader.now)
    return [row for _ in asked.keys]


def routes(edge: Edge, *, patience_seconds: float) -> list[BaseRoute]:
    """Return the routes; ``patience_seconds`` is how long a verb waits for what has not been heard of yet."""
    handlers = _Handlers(patience_seconds)
    r = Routes(edge)
    r.do("draft_connection_request", handlers.draft)
    r.do("change_connection_request", handlers.change)
    r.do("file_connection_request", handlers.file)
    r.do("submit_connection_request", handlers.submit)
    r.do("withdraw_connection_request", handlers.withdraw)
    r.do("assign_representative", handlers.assign)
    r.do("take_connection_request", handlers.take)
    r.do("request_document", handlers.request_document)
    r.do("return_connection_request", handlers.send_back)
    r.do("reject_connection_request", handlers.reject)
    r.do("complete_connection_request", handlers.complete)
    r.do("attach_agreement", handlers.attach)
    r.do("countersign_agreement", handlers.countersign)
    r.do("confirm_agreement", handlers.confirm)
    r.do("return_agreement", handlers.return_agreement)
    r.do("decide_approval_step", handlers.decide)
    r.do("substitute_approver", handlers.substitute)
    r.do("withdraw_substitute", handlers.withdraw_substitute)
    r.load("connection_requests_by_id", _load_by_id)
    r.load("connection_requests_by_organization", _load_by_organization)
    r.load("connection_requests_by_provider", _load_by_provider)
    r.load("connection_queue", _load_queue)
    r.load("connection_queue_in_figures", _queue_in_figures)
    return r.collected
