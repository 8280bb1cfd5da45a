"""What identity announces around the confirming of access: who was there, and what stands still until it is confirmed."""

from datetime import date

from chassis.messages import Event


class UserSeen(Event, service="identity", version=1):
    """A user was signed in on this day (UTC); told at most once a day."""

    user_id: str
    day: date


class MemberSuspended(Event, service="identity", version=1):
    """A member has no rights in an organization until somebody confirms that they need them."""

    organization_id: str
    user_id: str


class MemberResumed(Event, service="identity", version=1):
    """A member who was suspended has the rights of their role again."""

    organization_id: str
    user_id: str


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
