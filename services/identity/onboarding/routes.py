"""How to ask about onboarding."""

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute

from chassis.backlog import backlog
from chassis.errors import NotFound, invalid
from chassis.mongo import Reader
from chassis.paging import Page, PageNotReadable, connection, read_page
from chassis.web import Asked, Edge, Json, Routes
from services.identity.onboarding import access, actions, approving, deciding
from services.identity.onboarding.access import Seen
from services.identity.onboarding.domain import WITH_OPERATOR, Request, Status, to_milliseconds
from services.identity.onboarding.inputs import (
    ApproveRequest,
    AttachDocument,
    ChangeRequest,
    DraftRequest,
    OfRequest,
    RecordRequest,
    RejectRequest,
    RemoveDocument,
    ReturnRequest,
    WithdrawRequest,
)
from services.identity.onboarding.judging import judge_document
from services.identity.onboarding.office import OnboardingOffice
from services.identity.onboarding.rows import request_row


class _Handlers:
    def __init__(self, edge: Edge, office: OnboardingOffice) -> None:
        self._store = edge.store
        self._office = office

    async def draft(self, asked: Asked) -> Json:
        given = asked.read(DraftRequest)
        form = given.form.to_form()
        made = await asked.transact(lambda tx: actions.draft_request(tx, given.organization_id, form, self._office))
        return await _shown(asked, made)

    async def change(self, asked: Asked) -> Json:
        given = asked.read(ChangeRequest)
        form = given.form.to_form()
        changed = await asked.transact(lambda tx: actions.change_request(tx, given.request_id, form, self._office))
        return await _shown(asked, changed)

    async def attach(self, asked: Asked) -> Json:
        given = asked.read(AttachDocument)
        attached = await asked.transact(lambda tx: actions.attach_document(tx, given.request_id, given.file_id))
        await judge_document(self._store, self._office.judge, attached.id, given.file_id)
        return await _shown(asked, attached)

    async def remove(self, asked: Asked) -> Json:
        given = asked.read(RemoveDocument)
        removed = await asked.transact(lambda tx: actions.remove_document(tx, given.request_id, given.file_id))
        return await _shown(asked, removed)

    async def submit(self, asked: Asked) -> Json:
        given = asked.read(OfRequest)
        submitted = await asked.transact(lambda tx: actions.submit_request(tx, given.request_id, self._office))
        return await _shown(asked, submitted)

    async def withdraw(self, asked: Asked) -> Json:
        given = asked.read(WithdrawRequest)
        withdrawn = await asked.transact(lambda tx: actions.withdraw_request(tx, given.request_id, given.reason or None))
        return await _shown(asked, withdrawn)

    async def record(self, asked: Asked) -> Json:
        access.require_operator(asked.reader())
        given = asked.read(RecordRequest)
        received = deciding.Received(
            channel=given.channel,
            received_at=given.received(),
            form=given.form.to_form(),
            file_id=given.file_id,
            language=given.language,
            organization_id=given.organization_id,
        )
        recorded = await asked.transact(lambda tx: deciding.record_request(tx, received, self._office))
        await judge_document(self._store, self._office.judge, recorded.id, given.file_id)
        return await _shown(asked, recorded)

    async def take(self, asked: Asked) -> Json:
        given = asked.read(OfRequest)
        return await _shown(asked, await asked.transact(lambda tx: deciding.take_request(tx, given.request_id)))

    async def send_back(self, asked: Asked) -> Json:
        given = asked.read(ReturnRequest)
        reasons = given.to_reasons()
        returned = await asked.transact(lambda tx: deciding.return_request(tx, given.request_id, reasons, self._office))
        return await _shown(asked, returned)

    async def reject(self, asked: Asked) -> Json:
        given = asked.read(RejectRequest)
        rejected = await asked.transact(lambda tx: deciding.reject_request(tx, given.request_id, given.reason, self._office))
        return await _shown(asked, rejected)

    async def approve(self, asked: Asked) -> Json:
        given = asked.read(ApproveRequest)
        approval = approving.Approval(given.despite_finding, given.certificate_pem or None, given.submitted_at)
        approved = await asked.transact(lambda tx: approving.approve_request(tx, given.request_id, approval, self._office))
        return await _shown(asked, approved)


async def _rows(reader: Reader, shown: Sequence[Seen]) -> list[dict[str, Any]]:
    names = await access.names_in(reader, [each.request for each in shown])
    alike = await access.namesakes(reader, shown)
    return [request_row(each, names, alike.get(each.request.id, ()), reader.now) for each in shown]


async def _shown(asked: Asked, request: Request) -> Json:
    """Return a request as it is now: its documents may have been examined since."""
    reader = asked.reader()
    seen = (await access.visible(reader, [request.id])).get(request.id)
    if seen is None:
        raise NotFound
    return (await _rows(reader, [seen]))[0]


async def _requests_by_id(asked: Asked) -> Json:
    ids, reader = asked.ids, asked.reader()
    seen = await access.visible(reader, ids)
    rows = {row["id"]: row for row in await _rows(reader, list(seen.values()))}
    return [rows.get(key) for key in ids]


async def _requests_by_organization(asked: Asked) -> Json:
    ids, reader = asked.ids, asked.reader()
    found = await access.of_organizations(reader, ids)
    rows = {row["id"]: row for row in await _rows(reader, [each for seen in found.values() for each in seen])}
    return [[rows[each.request.id] for each in found[key]] if key in found else None for key in ids]


async def _operator(asked: Asked) -> Json:
    roles = sorted(asked.principal.platform_roles)
    return [{"platform_roles": roles} if roles else None for _ in asked.keys]


async def _queue(asked: Asked) -> Json:
    reader = asked.reader()
    statuses = _read_statuses(asked.args.get("status"))
    page = _read_queue_page(asked)
    found = await access.queue(reader, statuses, page)
    if found is None:
        return [None for _ in asked.keys]
    seen, total = found
    rows = await _rows(reader, seen)
    row = connection(rows, page, lambda row: (to_milliseconds(row["held_since"]), row["id"]), total=total)
    return [row for _ in asked.keys]


async def _queue_in_figures(asked: Asked) -> Json:
    reader = asked.reader()
    row = backlog(await access.queue_in_figures(reader), reader.now)
    return [row for _ in asked.keys]


def _read_statuses(status: object) -> tuple[Status, ...]:
    if status is None:
        return WITH_OPERATOR
    try:
        return (Status(str(status)),)
    except ValueError as error:
        raise invalid("status", f"give one of {', '.join(Status)}") from error


def _read_queue_page(asked: Asked) -> Page:
    page = read_page(asked.args.get("first"), asked.args.get("after"), key_length=2)
    if page.after is not None and not (isinstance(page.after[0], int) and isinstance(page.after[1], str)):
        raise PageNotReadable("after: give the endCursor of a page of this very list")
    return page


def routes(edge: Edge, office: OnboardingOffice) -> list[BaseRoute]:
    """Return the routes of onboarding."""
    handlers = _Handlers(edge, office)
    r = Routes(edge)
    r.do("draft_onboarding_request", handlers.draft)
    r.do("change_onboarding_request", handlers.change)
    r.do("attach_signed_document", handlers.attach)
    r.do("remove_signed_document", handlers.remove)
    r.do("submit_onboarding_request", handlers.submit)
    r.do("withdraw_onboarding_request", handlers.withdraw)
    r.do("record_onboarding_request", handlers.record)
    r.do("take_onboarding_request", handlers.take)
    r.do("return_onboarding_request", handlers.send_back)
    r.do("reject_onboarding_request", handlers.reject)
    r.do("approve_onboarding_request", handlers.approve)
    r.load("onboarding_requests_by_id", _requests_by_id)
    r.load("onboarding_requests_by_organization", _requests_by_organization)
    r.load("onboarding_queue", _queue)
    r.load("onboarding_queue_in_figures", _queue_in_figures)
    r.load("operator", _operator)
    return r.collected
