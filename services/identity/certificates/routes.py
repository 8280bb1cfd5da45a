"""How to ask about client certificates."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field
from starlette.routing import BaseRoute

from chassis.errors import invalid
from chassis.paging import Page, connection, read_page
from chassis.web import Asked, Edge, Json, Routes
from services.identity.certificates import access, actions
from services.identity.certificates.domain import Certificate
from services.identity.certificates.paper import Anchors
from services.identity.inputs import Description, Input, Name

_LONGEST_REASON = 200
_LARGEST_TEXT = 256 * 1024
_DEFAULT_DAYS, _MOST_DAYS = 30, 3660


class RegisterCertificate(Input):
    """What ``register_certificate`` takes: one of the two ids, and a certificate that its issuers' may follow."""

    application_id: str | None = None
    organization_id: str | None = None
    pem: str = Field(max_length=_LARGEST_TEXT)
    name: Name | None = None


class RevokeCertificate(Input):
    """What ``revoke_certificate`` takes."""

    certificate_id: str
    reason: Description | None = Field(None, max_length=_LONGEST_REASON)


def certificate_row(certificate: Certificate, now: datetime) -> dict[str, Any]:
    """Return a certificate as those see it who may."""
    return {
        "id": certificate.id,
        "name": certificate.name,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial_number": certificate.serial_number,
        "thumbprint": certificate.thumbprint,
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "status": certificate.status(now),
        "registered_at": certificate.registered_at,
        "revoked_at": certificate.revoked_at,
        "revocation_reason": certificate.revocation_reason,
        "last_used_at": certificate.last_used_at,
        "application_id": certificate.application_id,
        "organization_id": certificate.organization_id,
        "chained_to": certificate.chained_to,
    }


class _Handlers:
    def __init__(self, anchors: Anchors) -> None:
        self._anchors = anchors

    async def register_certificate(self, asked: Asked) -> Json:
        given = asked.read(RegisterCertificate)
        wanted = actions.Wanted(given.pem, given.name, given.application_id, given.organization_id)
        certificate = await asked.transact(lambda tx: actions.register_certificate(tx, wanted, self._anchors))
        return certificate_row(certificate, asked.reader().now)

    async def revoke_certificate(self, asked: Asked) -> Json:
        given = asked.read(RevokeCertificate)
        certificate = await asked.transact(lambda tx: actions.revoke_certificate(tx, given.certificate_id, given.reason or None))
        return certificate_row(certificate, asked.reader().now)


async def _certificates_by_id(asked: Asked) -> Json:
    ids, reader = asked.ids, asked.reader()
    found = await access.visible(reader, ids)
    return [certificate_row(found[key], reader.now) if key in found else None for key in ids]


async def _certificates_by_application(asked: Asked) -> Json:
    ids, reader = asked.ids, asked.reader()
    found = await access.of_applications(reader, ids)
    return [[certificate_row(each, reader.now) for each in found[key]] if key in found else None for key in ids]


async def _certificates_by_organization(asked: Asked) -> Json:
    ids, reader = asked.ids, asked.reader()
    page = read_page(asked.args.get("first"), asked.args.get("after"))

    async def of(organization_id: str) -> Json:
        return _page_row(await access.page_of(reader, organization_id, page), page, reader.now, lambda row: (row["id"],))

    return await _each(of, ids)


async def _expiring_certificates_by_organization(asked: Asked) -> Json:
    ids, reader = asked.ids, asked.reader()
    within, page = _read_span(asked), _read_expiring_page(asked)

    async def of(organization_id: str) -> Json:
        return _page_row(await access.expiring_of(reader, organization_id, within, page), page, reader.now, _by_end)

    return await _each(of, ids)


async def _expiring_certificates(asked: Asked) -> Json:
    keys, reader = asked.keys, asked.reader()
    within, page = _read_span(asked), _read_expiring_page(asked)
    row = _page_row(await access.expiring_everywhere(reader, within, page), page, reader.now, _by_end) if keys else None
    return [row for _ in keys]


async def _each(of: Callable[[str], Awaitable[Json]], ids: list[str]) -> Json:
    return await asyncio.gather(*(of(key) for key in ids))


def _by_end(row: dict[str, Any]) -> tuple[str, str]:
    return row["not_after"].isoformat(), row["id"]


def _page_row(found: list[Certificate] | None, page: Page, now: datetime, key_of: Callable[[dict[str, Any]], Any]) -> Json:
    return None if found is None else connection([certificate_row(each, now) for each in found], page, key_of)


def _read_span(asked: Asked) -> timedelta:
    days = asked.args.get("within_days", _DEFAULT_DAYS)
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= _MOST_DAYS:
        raise invalid("within_days", f"give a whole number from 1 to {_MOST_DAYS}")
    return timedelta(days=days)


def _read_expiring_page(asked: Asked) -> Page:
    page = read_page(asked.args.get("first"), asked.args.get("after"), key_length=2)
    if page.after is None:
        return page
    try:
        moment = datetime.fromisoformat(str(page.after[0])).astimezone(UTC)
        return Page(page.first, (moment, str(page.after[1])))
    except (ValueError, OverflowError) as error:
        raise invalid("after", "give the endCursor of a page of this very list") from error


def routes(edge: Edge, anchors: Anchors) -> list[BaseRoute]:
    """Return the routes of certificates."""
    handlers = _Handlers(anchors)
    r = Routes(edge)
    r.do("register_certificate", handlers.register_certificate)
    r.do("revoke_certificate", handlers.revoke_certificate)
    r.load("certificates_by_id", _certificates_by_id)
    r.load("certificates_by_application", _certificates_by_application)
    r.load("certificates_by_organization", _certificates_by_organization)
    r.load("expiring_certificates_by_organization", _expiring_certificates_by_organization)
    r.load("expiring_certificates", _expiring_certificates)
    return r.collected
