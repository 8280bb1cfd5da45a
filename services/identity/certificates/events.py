"""What identity announces of client certificates."""

from datetime import datetime

from chassis.messages import Event


class CertificateRegistered(Event, service="identity", version=1):
    """A client certificate proves an organization's application (or any of its applications, where none is named).

    ``thumbprint`` is the SHA-256 of the certificate in base64url (RFC 8705, ``x5t#S256``).
    """

    certificate_id: str
    organization_id: str
    application_id: str | None
    thumbprint: str
    not_after: datetime


class CertificateRevoked(Event, service="identity", version=1):
    """A client certificate proves nothing any more; tokens issued for it are to be refused."""

    certificate_id: str
    organization_id: str
    application_id: str | None
    thumbprint: str


class CertificateExpiring(Event, service="identity", version=1):
    """A client certificate will be valid no more in so many days (30, 7 or 1), unless another one is registered."""

    certificate_id: str
    organization_id: str
    application_id: str | None
    not_after: datetime
    days_left: int
    name: str | None = None


class CertificateSuspended(Event, service="identity", version=1):
    """A client certificate proves nothing until somebody confirms that it is needed; tokens issued for it are refused."""

    certificate_id: str
    organization_id: str
    application_id: str | None
    thumbprint: str


class CertificateResumed(Event, service="identity", version=1):
    """A client certificate that was suspended proves its applications again."""

    certificate_id: str
    organization_id: str
    application_id: str | None
    thumbprint: str
