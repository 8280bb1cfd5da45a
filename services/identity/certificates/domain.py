"""What is true of client certificates: which there may be, how long they prove something, when their end is announced.

A certificate is public: to register somebody else's gives nothing, since only whoever holds its private key gets through a TLS
handshake with it. So each organization registers what it likes, and no registration stands in the way of another organization's.
"""

import base64
import re
import warnings
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.utils import CryptographyDeprecationWarning

from chassis.errors import Conflict, FieldProblem, Invalid
from services.identity.certificates.events import (
    CertificateExpiring,
    CertificateRegistered,
    CertificateResumed,
    CertificateRevoked,
    CertificateSuspended,
)

MOST_LIVE = 2
"""So many certificates may be live for one application, or for all of an organization: the present one and its successor."""
REMINDED_DAYS = (30, 7, 1)
EXPIRING_WITHIN = timedelta(days=REMINDED_DAYS[0])


class CertificateNotReadable(Invalid):
    """This is not a certificate in PEM."""

    def __init__(self, mend: str = "give a certificate in PEM: -----BEGIN CERTIFICATE-----, its lines, the end mark") -> None:
        super().__init__(f"pem: {mend}", fields=[FieldProblem("pem", mend)])


class ApplicationOrOrganization(Invalid):
    """A certificate is registered for one application, or for all of an organization."""

    def __init__(self) -> None:
        mend = "give either the id of an application or that of an organization"
        super().__init__(fields=[FieldProblem("application_id", mend), FieldProblem("organization_id", mend)])


class CertificateRegisteredAlready(Conflict):
    """The organization has registered this certificate already."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("pem", "give another certificate, or use the one that is registered")])


class CertificateRevokedBefore(Conflict):
    """The organization has revoked this certificate, and that is for good."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("pem", "have a new certificate issued, for a new key, and give that")])


class TwoCertificatesLive(Conflict):
    """Two certificates are live here already; revoke one of them first."""


class Status(StrEnum):
    """What a certificate is worth at a moment."""

    NOT_YET_VALID = "NOT_YET_VALID"
    VALID = "VALID"
    EXPIRING = "EXPIRING"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"
    SUSPENDED = "SUSPENDED"


def read_pem(pem: str) -> list[x509.Certificate]:
    """Return the certificates in a PEM text, at least one. Raises ``CertificateNotReadable``."""
    try:
        with warnings.catch_warnings():
            # What RFC 5280 forbids, such as a number that is not positive, the library still reads and only warns of.
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            return x509.load_pem_x509_certificates(pem.encode("ascii"))
    except (ValueError, TypeError, x509.InvalidVersion, CryptographyDeprecationWarning) as error:
        raise CertificateNotReadable from error


def thumbprint(pem: str) -> str:
    """Return the SHA-256 of a certificate in base64url without padding (RFC 8705 section 3.1, ``x5t#S256``).

    Of several certificates the first one counts. Raises ``CertificateNotReadable``.
    """
    return thumbprint_of(read_pem(pem)[0])


def thumbprint_of(certificate: x509.Certificate) -> str:
    """Return the same of a certificate that is read already."""
    return base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Place:
    """What a certificate is for: one application, or (without ``application_id``) every one of the organization."""

    organization_id: str
    application_id: str | None = None

    @property
    def key(self) -> str:
        """Return the id of what the certificate is for."""
        return self.application_id or self.organization_id


@dataclass(frozen=True, slots=True)
class Certificate:
    """A registered client certificate. ``chained_to`` names the anchor that it was traced to, where there are anchors.

    ``remind_at`` is when its end is announced next. ``may_return``: it was revoked only because what it was for is gone.
    """

    id: str
    organization_id: str
    application_id: str | None
    name: str | None
    thumbprint: str
    subject: str
    issuer: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    chained_to: str | None
    registered_at: datetime
    revoked_at: datetime | None = None
    revocation_reason: str | None = None
    may_return: bool = False
    last_used_at: datetime | None = None
    remind_at: datetime | None = None
    suspended_at: datetime | None = None

    @property
    def serial_numbers(self) -> tuple[str, ...]:
        """Return how tools write the serial number: in digits as they are, and in pairs."""
        return (self.serial_number, self.serial_number.zfill(len(self.serial_number) + len(self.serial_number) % 2))

    @property
    def thumbprints(self) -> tuple[str, ...]:
        """Return how tools write the SHA-256: in base64url, and in hexadecimal digits."""
        return (self.thumbprint, base64.urlsafe_b64decode(f"{self.thumbprint}==").hex())

    @property
    def subjects(self) -> tuple[str, ...]:
        """Return whom it names: as a whole, and each part by itself."""
        return (self.subject, *re.findall(r"=([^,+]+)", self.subject))

    @property
    def spellings(self) -> tuple[str | None, ...]:
        """Return all that it may be called."""
        return (self.name, *self.serial_numbers, *self.thumbprints, *self.subjects)

    def status(self, now: datetime) -> Status:
        """Return what the certificate is worth now."""
        if self.revoked_at is not None:
            return Status.REVOKED
        if now < self.not_before:
            return Status.NOT_YET_VALID
        if now >= self.not_after:
            return Status.EXPIRED
        if self.suspended_at is not None:
            return Status.SUSPENDED
        return Status.EXPIRING if now >= self.not_after - EXPIRING_WITHIN else Status.VALID

    def proves(self, place: Place, now: datetime) -> bool:
        """Say whether the certificate proves this application now."""
        is_for = self.organization_id == place.organization_id and self.application_id in (None, place.application_id)
        return is_for and self.status(now) in (Status.VALID, Status.EXPIRING)

    def registered(self) -> tuple["Certificate", CertificateRegistered]:
        """Return the certificate with its first reminder set, and the fact that there is it."""
        fact = CertificateRegistered(
            certificate_id=self.id,
            organization_id=self.organization_id,
            application_id=self.application_id,
            thumbprint=self.thumbprint,
            not_after=self.not_after,
        )
        return replace(self, remind_at=self._next_reminder(self.registered_at)), fact

    def revoke(self, now: datetime, reason: str | None, *, may_return: bool = False) -> tuple["Certificate", CertificateRevoked]:
        """Return the certificate, worth nothing any more."""
        fact = CertificateRevoked(
            certificate_id=self.id,
            organization_id=self.organization_id,
            application_id=self.application_id,
            thumbprint=self.thumbprint,
        )
        revoked = replace(self, revoked_at=now, revocation_reason=reason, may_return=may_return, remind_at=None)
        return revoked, fact

    def suspend(self, at: datetime) -> tuple["Certificate", CertificateSuspended]:
        """Return the certificate, worth nothing until it is confirmed."""
        return replace(self, suspended_at=at), CertificateSuspended(**self._told())

    def resume(self) -> tuple["Certificate", CertificateResumed]:
        """Return the certificate, worth what it was before it was suspended."""
        return replace(self, suspended_at=None), CertificateResumed(**self._told())

    def _told(self) -> dict[str, str | None]:
        names = ("organization_id", "application_id", "thumbprint")
        return {"certificate_id": self.id, **{name: getattr(self, name) for name in names}}

    def remind(self, now: datetime) -> tuple["Certificate", CertificateExpiring | None]:
        """Return the certificate with its next reminder set, and what is to be announced now.

        A threshold is announced once. Of several that passed while nobody looked only the last is; after the end, none.
        """
        if self.remind_at is None or now < self.remind_at:
            return self, None
        days = min(each for each in REMINDED_DAYS if now >= self.not_after - timedelta(days=each))
        reminded = replace(self, remind_at=self._next_reminder(now))
        if now >= self.not_after:
            return reminded, None
        fact = CertificateExpiring(
            certificate_id=self.id,
            organization_id=self.organization_id,
            application_id=self.application_id,
            not_after=self.not_after,
            days_left=days,
            name=self.name or self.subject,
        )
        return reminded, fact

    def _next_reminder(self, now: datetime) -> datetime | None:
        moments = [self.not_after - timedelta(days=each) for each in REMINDED_DAYS]
        return next((each for each in moments if each > now), None)
