"""How to ask about the operator's staff."""

from typing import Any

from starlette.routing import BaseRoute

from chassis.errors import invalid
from chassis.web import Asked, Edge, Json, Routes
from services.identity.accounts.domain import PlatformRole, User
from services.identity.inputs import EmailAddress, Input
from services.identity.mail.actions import AddressBook
from services.identity.staff import access, actions
from services.identity.staff.actions import Named


class GrantPlatformRole(Input):
    """What ``grant_platform_role`` takes: somebody, by id or by address, and the role."""

    user_id: str | None = None
    email: EmailAddress | None = None
    role: PlatformRole


class WithdrawPlatformRole(Input):
    """What ``withdraw_platform_role`` takes."""

    user_id: str
    role: PlatformRole


def _read_role(role: object) -> PlatformRole | None:
    try:
        return None if role is None else PlatformRole(str(role))
    except ValueError as error:
        raise invalid("role", f"give one of {', '.join(PlatformRole)}") from error


class _Handlers:
    def __init__(self, book: AddressBook) -> None:
        self._book = book
        self._operator_keys = book.operator_keys

    async def grant(self, asked: Asked) -> Json:
        asked.principal.require_signed_in()
        given = asked.read(GrantPlatformRole)
        if (given.user_id is None) == (given.email is None):
            raise invalid("user_id", "give either the id of a user or the address that they sign in with")
        named, book = Named(given.user_id, given.email), self._book
        return self._row(await asked.transact(lambda tx: actions.grant_platform_role(tx, named, given.role, book)))

    async def withdraw(self, asked: Asked) -> Json:
        given, book = asked.read(WithdrawPlatformRole), self._book
        return self._row(await asked.transact(lambda tx: actions.withdraw_platform_role(tx, given.user_id, given.role, book)))

    async def staff(self, asked: Asked) -> Json:
        found = await access.staff(asked.reader(), _read_role(asked.args.get("role")), self._operator_keys)
        rows = None if found is None else [self._row(each) for each in found]
        return [rows for _ in asked.keys]

    async def staff_by_id(self, asked: Asked) -> Json:
        ids = asked.ids
        found = await access.staff_among(asked.reader(), ids, self._operator_keys)
        return [self._row(found[key]) if key in found else None for key in ids]

    def _row(self, user: User) -> dict[str, Any]:
        return {
            "user": {"id": user.id, "name": user.name, "email": user.email},
            "roles": [str(each) for each in user.platform_roles(self._operator_keys)],
        }


def routes(edge: Edge, book: AddressBook) -> list[BaseRoute]:
    """Return the routes of the staff."""
    handlers = _Handlers(book)
    r = Routes(edge)
    r.do("grant_platform_role", handlers.grant)
    r.do("withdraw_platform_role", handlers.withdraw)
    r.load("staff", handlers.staff)
    r.load("staff_by_id", handlers.staff_by_id)
    return r.collected
