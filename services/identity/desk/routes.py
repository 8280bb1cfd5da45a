"""How the operator's staff asks for what somebody calls about."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.routing import BaseRoute

from chassis.errors import invalid
from chassis.paging import read_page
from chassis.web import Asked, Edge, Json, Routes
from services.identity.certificates.domain import Certificate
from services.identity.desk import access, actions
from services.identity.desk.domain import Found, Kind
from services.identity.organizations.domain import Organization
from services.identity.words import fold

SHORTEST, LONGEST = 2, 200


def _read_text(text: object) -> str:
    if not isinstance(text, str) or len(fold(text)) < SHORTEST:
        raise invalid("text", f"give at least {SHORTEST} characters of a name, an id or a number")
    if len(text) > LONGEST:
        raise invalid("text", f"give at most {LONGEST} characters")
    return text


_PARTS: Mapping[Kind, tuple[str, ...]] = {
    Kind.ORGANIZATION: ("id", "name", "is_test", "is_provider", "created_at", "owner_id"),
    Kind.APPLICATION: ("id", "name", "client_id", "created_at"),
    Kind.DATA_EXCHANGE: ("id", "number", "assigned_at"),
    Kind.CERTIFICATE: (
        *("id", "name", "subject", "serial_number", "thumbprint"),
        *("not_before", "not_after", "revoked_at", "application_id"),
    ),
}


class _Handlers:
    def __init__(self) -> None:
        self._has_adopted = False

    async def find(self, asked: Asked) -> Json:
        reader = asked.reader()
        if not access.may_find(reader):
            return [None for _ in asked.keys]
        text, first = _read_text(asked.args.get("text")), read_page(asked.args.get("first")).first
        if not self._has_adopted:
            await actions.adopt_older(reader)
            self._has_adopted = True
        found = await access.find(reader, text, first)
        owners = await access.organizations_of(reader, found)
        rows = [_row(each, owners.get(each.organization_id), reader.now) for each in found[:first]]
        return [{"found": rows, "has_more": len(found) > first} for _ in asked.keys]


def _row(found: Found, owner: Organization | None, now: datetime) -> dict[str, Any]:
    thing = {part: getattr(found.thing, part) for part in _PARTS[found.kind]}
    if found.kind is not Kind.ORGANIZATION:
        thing |= {"organization_id": found.organization_id, "organization_name": owner.name if owner else None}
    if isinstance(found.thing, Certificate):
        thing["status"] = found.thing.status(now)
    return {"by": found.by, "kind": found.kind, "thing": thing}


def routes(edge: Edge) -> list[BaseRoute]:
    """Return the routes of the desk."""
    r = Routes(edge)
    r.load("operator_find", _Handlers().find)
    return r.collected
