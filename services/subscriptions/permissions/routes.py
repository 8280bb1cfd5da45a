"""How to ask for permissions over HTTP."""

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute

from chassis.mongo import Reader
from chassis.paging import Page, connection, read_page
from chassis.web import Asked, Edge, Handler, Json, Routes, read_input
from services.subscriptions.permissions import access, actions
from services.subscriptions.permissions.access import Sides
from services.subscriptions.permissions.domain import Permission
from services.subscriptions.permissions.inputs import (
    ChangeInput,
    ExtendInput,
    GrantInput,
    GrantToInput,
    ListArguments,
    RefuseInput,
    RequestInput,
    ReturnInput,
    RevokeInput,
    WithdrawInput,
)
from services.subscriptions.permissions.scope import Scope


def _scope(scope: Scope) -> dict[str, Any]:
    return {
        "operations": None if scope.operations is None else list(scope.operations),
        "valid_from": scope.valid_from,
        "valid_to": scope.valid_to,
        "quota_calls": scope.quota.calls if scope.quota else None,
        "quota_period": scope.quota.period if scope.quota else None,
    }


def _row(permission: Permission, sides: Sides, reader: Reader) -> dict[str, Any]:
    provider = {"id": permission.provider_id, "name": sides.provider.name}
    return {
        "id": permission.id,
        "application_id": permission.application_id,
        "organization_id": permission.organization_id,
        "product_id": permission.product_id,
        "provider_id": permission.provider_id,
        "status": permission.status.value,
        "is_in_force": permission.is_in_force(reader.now),
        **_scope(permission.scope),
        "asked": _scope(permission.wish.scope) if permission.was_asked_for else None,
        "purpose": permission.wish.purpose,
        "legal_basis": permission.wish.legal_basis,
        "reason": permission.reason,
        "created_at": permission.created_at,
        "changed_at": permission.changed_at,
        "provider": provider if sides.provider.name is not None else None,
        "applicant": {
            "application_name": sides.applicant.application_name,
            "client_id": sides.applicant.client_id,
            "organization_name": sides.applicant.organization_name,
            "is_test": sides.organization.is_test,
            "data_exchange_number": sides.organization.data_exchange_number,
        },
        "history": [
            {
                "deed": each.deed.value,
                "status": each.status.value,
                "reason": each.reason,
                "actor": each.actor,
                "at": each.at,
                "valid_to": each.valid_to,
            }
            for each in permission.history
        ],
    }


async def _rows(reader: Reader, permissions: Sequence[Permission]) -> dict[str, dict[str, Any]]:
    """Return the rows by id; both sides are read for all of them together."""
    sides = await access.sides_of(reader, permissions)
    return {each.id: _row(each, sides[each.id], reader) for each in permissions}


async def _one(asked: Asked, permission: Permission) -> Json:
    return (await _rows(asked.reader(), [permission]))[permission.id]


async def _connections(asked: Asked, pages: access.Pages, page: Page) -> Json:
    rows = await _rows(asked.reader(), [each for listed, _ in pages.values() for each in listed])
    made = {
        key: connection([rows[each.id] for each in listed], page, lambda row: (row["id"],), total=total)
        for key, (listed, total) in pages.items()
    }
    return [made.get(key) for key in asked.ids]


async def _change(asked: Asked) -> Json:
    given = asked.read(ChangeInput)
    work = actions.change_permission_request
    return await _one(asked, await asked.transact(lambda tx: work(tx, given.permission_id, given.changes, given.note)))


async def _withdraw(asked: Asked) -> Json:
    given = asked.read(WithdrawInput)
    work = actions.withdraw_permission_request
    return await _one(asked, await asked.transact(lambda tx: work(tx, given.permission_id, given.reason)))


async def _grant(asked: Asked) -> Json:
    given = asked.read(GrantInput)
    work = actions.grant_permission
    return await _one(asked, await asked.transact(lambda tx: work(tx, given.permission_id, given.changes, given.note)))


async def _refuse(asked: Asked) -> Json:
    given = asked.read(RefuseInput)
    return await _one(asked, await asked.transact(lambda tx: actions.refuse_permission(tx, given.permission_id, given.reason)))


async def _return(asked: Asked) -> Json:
    given = asked.read(ReturnInput)
    return await _one(asked, await asked.transact(lambda tx: actions.return_permission(tx, given.permission_id, given.question)))


async def _revoke(asked: Asked) -> Json:
    given = asked.read(RevokeInput)
    return await _one(asked, await asked.transact(lambda tx: actions.revoke_permission(tx, given.permission_id, given.reason)))


async def _extend(asked: Asked) -> Json:
    given = asked.read(ExtendInput)
    work = actions.extend_permission
    return await _one(asked, await asked.transact(lambda tx: work(tx, given.permission_id, given.valid_to, given.note)))


async def _load_by_id(asked: Asked) -> Json:
    reader = asked.reader()
    rows = await _rows(reader, list((await access.visible_permissions(reader, asked.ids)).values()))
    return [rows.get(key) for key in asked.ids]


async def _load_by_application(asked: Asked) -> Json:
    given = read_input(ListArguments, asked.args)
    page = read_page(given.first, given.after)
    pages = await access.permissions_of_applications(asked.reader(), asked.ids, given.status, page)
    return await _connections(asked, pages, page)


async def _load_requests(asked: Asked) -> Json:
    given = read_input(ListArguments, asked.args)
    page = read_page(given.first, given.after)
    pages = await access.requests_to_providers(asked.reader(), asked.ids, given.status, page)
    return await _connections(asked, pages, page)


async def _load_beside(asked: Asked) -> Json:
    reader = asked.reader()
    lists = await access.beside(reader, asked.ids)
    rows = await _rows(reader, list({each.id: each for listed in lists.values() for each in listed}.values()))
    return [[rows[each.id] for each in lists[key]] if key in lists else None for key in asked.ids]


def _request_within(patience_seconds: float) -> Handler:
    async def request(asked: Asked) -> Json:
        given = asked.read(RequestInput)
        permission = await asked.transact(
            lambda tx: actions.request_permission(tx, given.application_id, given.product_id, given.wish),
            patience_seconds=patience_seconds,
        )
        return await _one(asked, permission)

    return request


def _grant_to_within(patience_seconds: float) -> Handler:
    async def grant_to(asked: Asked) -> Json:
        given = asked.read(GrantToInput)
        permission = await asked.transact(
            lambda tx: actions.grant_permission_to(tx, given.client_id, given.product_id, given.wish, note=given.note),
            patience_seconds=patience_seconds,
        )
        return await _one(asked, permission)

    return grant_to


def routes(edge: Edge, *, patience_seconds: float) -> list[BaseRoute]:
    """Return the routes; ``patience_seconds`` is how long asking waits for what has not been heard of yet."""
    r = Routes(edge)
    r.do("request_permission", _request_within(patience_seconds))
    r.do("change_permission_request", _change)
    r.do("withdraw_permission_request", _withdraw)
    r.do("grant_permission", _grant)
    r.do("grant_permission_to", _grant_to_within(patience_seconds))
    r.do("refuse_permission", _refuse)
    r.do("return_permission", _return)
    r.do("revoke_permission", _revoke)
    r.do("extend_permission", _extend)
    r.load("permissions_by_id", _load_by_id)
    r.load("permissions_by_application", _load_by_application)
    r.load("permission_requests_by_provider", _load_requests)
    r.load("permissions_beside", _load_beside)
    return r.collected
