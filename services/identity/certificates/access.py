"""The door to certificates: through the application or the organization that each is for."""

from collections.abc import Sequence
from datetime import timedelta

from chassis.errors import NotFound
from chassis.mongo import Reader
from chassis.paging import Page
from services.identity.accounts.domain import PlatformRole
from services.identity.applications import access as applications
from services.identity.applications.domain import Application
from services.identity.certificates import repository
from services.identity.certificates.domain import (
    ApplicationOrOrganization,
    Certificate,
    CertificateNotReadable,
    Place,
    Status,
    thumbprint,
)
from services.identity.organizations import access as organizations

WATCHING_ROLES = (PlatformRole.OPERATOR_ADMINISTRATOR, PlatformRole.SUPPORT, PlatformRole.AUDITOR)
"""The platform roles that see which certificates end soon, of all organizations."""


async def client_of_certificate(reader: Reader, client_id: str, pem: str) -> tuple[Application, Certificate] | None:
    """Return the live application of a Client ID and its registered certificate, or None where this one does not prove it.

    For the authorization server: whoever asks has shown in a TLS handshake that the certificate's private key is theirs.
    """
    try:
        shown = thumbprint(pem)
    except CertificateNotReadable:
        return None
    application = await applications.application_of_client(reader, client_id)
    if application is None:
        return None
    certificate = await repository.find_held(reader, application.organization_id, shown)
    if certificate is None or not certificate.proves(Place(application.organization_id, application.id), reader.now):
        return None
    return application, certificate


async def proven_by_certificate(reader: Reader, application_ids: Sequence[str]) -> set[str]:
    """Return those of the applications that a certificate of their own proves (for deciding whether a secret is still needed).

    One that is the whole organization's does not count: whether each application uses it, nobody can say.
    """
    found = await repository.find_by_application(reader, application_ids) if application_ids else {}
    proving = (Status.VALID, Status.EXPIRING)
    return {key for key, held in found.items() if any(each.status(reader.now) in proving for each in held)}


async def require_place(reader: Reader, application_id: str | None, organization_id: str | None) -> Place:
    """Return where certificates may be registered and revoked by the one who asks: an application, or an organization.

    Raises ``ApplicationOrOrganization``, ``SignInFirst``, ``NotFound`` or ``RoleNotAllowed``.
    """
    reader.principal.require_signed_in()
    if (application_id is None) == (organization_id is None):
        raise ApplicationOrOrganization
    if application_id is not None:
        application = await applications.require(reader, "REISSUE_SECRET", application_id)
        return Place(application.organization_id, application.id)
    assert organization_id is not None
    if reader.principal.has_platform_role(PlatformRole.OPERATOR_ADMINISTRATOR):
        if not await organizations.is_live(reader, organization_id):
            raise NotFound
        return Place(organization_id)
    await organizations.require(reader, "MANAGE_CERTIFICATES", organization_id)
    return Place(organization_id)


async def require(reader: Reader, certificate_id: str) -> Certificate:
    """Return a certificate that the one who asks may revoke. Raises ``SignInFirst``, ``NotFound`` or ``RoleNotAllowed``."""
    reader.principal.require_signed_in()
    certificate = await repository.find(reader, certificate_id)
    if certificate is None:
        raise NotFound
    if certificate.application_id is not None:
        await organizations.require(reader, "REISSUE_SECRET", certificate.organization_id)
    else:
        await require_place(reader, None, certificate.organization_id)
    return certificate


async def visible(reader: Reader, ids: Sequence[str]) -> dict[str, Certificate]:
    """Return by id those of the certificates that the one who asks may see."""
    if reader.principal.is_anonymous:
        return {}
    found = await repository.find_all(reader, ids)
    if reader.principal.has_platform_role(*WATCHING_ROLES):
        return found
    may_see = await _organizations_that_show(reader, [each.organization_id for each in found.values()])
    return {key: each for key, each in found.items() if each.organization_id in may_see}


async def of_applications(reader: Reader, application_ids: Sequence[str]) -> dict[str, list[Certificate]]:
    """Return the newest certificates of each of the applications that the one who asks may see."""
    seen = await applications.visible(reader, application_ids)
    found = await repository.find_by_application(reader, seen)
    return {key: found.get(key, []) for key in seen}


async def page_of(reader: Reader, organization_id: str, page: Page) -> list[Certificate] | None:
    """Return a page of an organization's certificates, for its members; to others there is none."""
    if organization_id not in await _organizations_that_show(reader, [organization_id]):
        return None
    return await repository.find_page(reader, organization_id, page)


async def expiring_of(reader: Reader, organization_id: str, within: timedelta, page: Page) -> list[Certificate] | None:
    """Return which live certificates of an organization end soon, the soonest first, for its members."""
    if organization_id not in await _organizations_that_show(reader, [organization_id]):
        return None
    return await repository.find_expiring(reader, organization_id, reader.now + within, page)


async def expiring_everywhere(reader: Reader, within: timedelta, page: Page) -> list[Certificate] | None:
    """Return the same over all organizations, for those who watch over the platform."""
    if not reader.principal.has_platform_role(*WATCHING_ROLES):
        return None
    return await repository.find_expiring(reader, None, reader.now + within, page)


async def _organizations_that_show(reader: Reader, organization_ids: Sequence[str]) -> set[str]:
    standings = await organizations.own_standings(reader, organization_ids)
    return {key for key, standing in standings.items() if standing.may("LIST_APPLICATIONS")}
