"""What can be done with client certificates."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from chassis.ids import new_id
from chassis.messages import Event
from chassis.mongo import DuplicateKey, Reader, Store, Transaction
from chassis.principal import system
from services.identity import throttles
from services.identity.certificates import access, repository
from services.identity.certificates.domain import (
    MOST_LIVE,
    Certificate,
    CertificateRegisteredAlready,
    CertificateRevokedBefore,
    Place,
    TwoCertificatesLive,
)
from services.identity.certificates.paper import Anchors, Paper, read_and_judge
from services.identity.throttles import Limit

_REGISTRATIONS = Limit("register-certificate", tries=500, window=timedelta(hours=1))
_USES_APART = timedelta(minutes=1)
_BATCH = 100
_OWNER_GONE = "What the certificate was registered for has been deleted."


@dataclass(frozen=True, slots=True)
class Wanted:
    """The certificate that is to be registered: in PEM, for an application or (without one) an organization."""

    pem: str
    name: str | None = None
    application_id: str | None = None
    organization_id: str | None = None


async def register_certificate(tx: Transaction, wanted: Wanted, anchors: Anchors) -> Certificate:
    """Register a client certificate for an application, or for all of an organization.

    Raises what ``access.require_place`` and ``paper.read_and_judge`` refuse with, ``TwoCertificatesLive``,
    ``CertificateRegisteredAlready``, ``CertificateRevokedBefore`` or ``TriedTooOften``.
    """
    place = await access.require_place(tx, wanted.application_id, wanted.organization_id)
    await throttles.count_try(tx, _REGISTRATIONS, place.organization_id)
    return await _register(tx, place, read_and_judge(wanted.pem, anchors, tx.now), wanted.name)


async def register_for_organization(
    tx: Transaction, organization_id: str, pem: str, anchors: Anchors, *, name: str | None = None
) -> Certificate:
    """Register a client certificate for all applications of an organization (for those who have checked that this may be).

    Raises like ``register_certificate``.
    """
    return await _register(tx, Place(organization_id), read_and_judge(pem, anchors, tx.now), name)


async def revoke_certificate(tx: Transaction, certificate_id: str, reason: str | None) -> Certificate:
    """Revoke a certificate for good; a second time there is nothing left to do. Raises what ``access.require`` refuses with."""
    certificate = await access.require(tx, certificate_id)
    if certificate.revoked_at is not None:
        return certificate
    return await _revoke(tx, certificate, reason)


async def revoke_unneeded(tx: Transaction, certificate_id: str, reason: str) -> None:
    """Revoke a certificate that its organization does not need any more (for those who have heard so)."""
    certificate = await repository.find(tx, certificate_id)
    if certificate is not None and certificate.revoked_at is None:
        await _revoke(tx, certificate, reason)


async def suspend_or_resume(tx: Transaction, certificate_id: str, suspended_since: datetime | None) -> None:
    """Let a certificate prove nothing until it is confirmed, or something again; nothing changes where it stands so already."""
    certificate = await repository.find(tx, certificate_id)
    if certificate is None or certificate.revoked_at is not None:
        return
    if (suspended_since is None) == (certificate.suspended_at is None):
        return
    changed, fact = certificate.resume() if suspended_since is None else certificate.suspend(suspended_since)
    await repository.save(tx, changed)
    await _announce(tx, fact, changed)


async def revoke_of_application(tx: Transaction, application_id: str) -> None:
    """Revoke what a deleted application had registered."""
    await _revoke_all(tx, await repository.find_unrevoked_of_application(tx, application_id))


async def end_some(tx: Transaction, organization_id: str, most: int) -> bool:
    """Revoke some of the certificates of a deleted organization and its applications; say whether there may be more."""
    found = await repository.find_unrevoked_of_organization(tx, organization_id, most)
    await _revoke_all(tx, found)
    return len(found) == most


async def note_use(reader: Reader, certificate: Certificate) -> None:
    """Note that a certificate has just proved its client; what is a minute or less apart counts as one use."""
    if certificate.last_used_at is None or reader.now - certificate.last_used_at >= _USES_APART:
        await repository.note_use(reader, certificate, reader.now)


async def remind_due(store: Store) -> int:
    """Announce the ends that are near; return how many were announced.

    Several processes may do so at a time: each reminder is sent by the one whose transaction moves it on.
    """
    reminded = 0
    while due := await repository.find_to_remind(store.reader(), _BATCH):
        for certificate_id in due:
            work = partial(_remind, certificate_id=certificate_id)
            reminded += await store.transact(system("identity.certificates"), work)
    return reminded


async def _remind(tx: Transaction, certificate_id: str) -> bool:
    certificate = await repository.find(tx, certificate_id)
    if certificate is None:
        return False
    reminded, fact = certificate.remind(tx.now)
    if reminded == certificate:
        return False
    await repository.save(tx, reminded)
    if fact is None:
        return False
    await _announce(tx, fact, certificate)
    return True


async def _register(tx: Transaction, place: Place, paper: Paper, name: str | None) -> Certificate:
    await repository.hold_place(tx, place)
    held = await repository.find_held(tx, place.organization_id, paper.thumbprint)
    if held is not None:
        raise CertificateRegisteredAlready if held.revoked_at is None else CertificateRevokedBefore
    if await repository.count_live(tx, place) >= MOST_LIVE:
        raise TwoCertificatesLive
    certificate, registered = Certificate(
        id=new_id("crt"),
        organization_id=place.organization_id,
        application_id=place.application_id,
        name=name,
        thumbprint=paper.thumbprint,
        subject=paper.subject,
        issuer=paper.issuer,
        serial_number=paper.serial_number,
        not_before=paper.not_before,
        not_after=paper.not_after,
        chained_to=paper.chained_to,
        registered_at=tx.now,
    ).registered()
    try:
        await repository.add(tx, certificate)
    except DuplicateKey:
        raise CertificateRegisteredAlready from None
    await _announce(tx, registered, certificate)
    return certificate


async def _revoke(tx: Transaction, certificate: Certificate, reason: str | None, *, may_return: bool = False) -> Certificate:
    revoked, fact = certificate.revoke(tx.now, reason, may_return=may_return)
    await repository.save(tx, revoked)
    await _announce(tx, fact, revoked)
    return revoked


async def _revoke_all(tx: Transaction, certificates: Iterable[Certificate]) -> None:
    for certificate in certificates:
        await _revoke(tx, certificate, _OWNER_GONE, may_return=True)


async def _announce(tx: Transaction, fact: Event, certificate: Certificate) -> None:
    organization_id = certificate.organization_id
    await tx.emit(fact, subject=certificate.id, organization=organization_id, audience=[organization_id])
