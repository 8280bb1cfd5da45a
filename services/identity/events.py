"""What identity announces. Ids and names only: never an address, a secret or a token."""

from chassis.messages import Event


class UserRegistered(Event, service="identity", version=1):
    """Somebody has confirmed an address and has an account now."""

    user_id: str


class SessionEnded(Event, service="identity", version=1):
    """A session is over: nothing that it opened may go on."""

    user_id: str
    session_id: str


class OrganizationCreated(Event, service="identity", version=1):
    """There is a new organization; the owner's ``member_joined`` follows."""

    organization_id: str
    name: str
    is_test: bool
    owner_id: str


class OrganizationRenamed(Event, service="identity", version=1):
    """An organization has another name."""

    organization_id: str
    name: str


class MemberInvited(Event, service="identity", version=1):
    """Somebody has been invited into an organization."""

    organization_id: str
    invitation_id: str
    role: str


class MemberJoined(Event, service="identity", version=1):
    """A user belongs to an organization now, in this role."""

    organization_id: str
    user_id: str
    role: str


class MemberRemoved(Event, service="identity", version=1):
    """A user does not belong to an organization any more."""

    organization_id: str
    user_id: str


class RoleChanged(Event, service="identity", version=1):
    """A member has another role."""

    organization_id: str
    user_id: str
    role: str
    former_role: str


class ApplicationCreated(Event, service="identity", version=1):
    """An organization has a new application; the ``secret_issued`` of its first secret follows."""

    application_id: str
    organization_id: str
    name: str
    client_id: str


class ApplicationChanged(Event, service="identity", version=1):
    """An application has another name or description."""

    application_id: str
    organization_id: str
    name: str
    client_id: str


class ApplicationDeleted(Event, service="identity", version=1):
    """An application is gone, and every secret and token of it with it."""

    application_id: str
    organization_id: str
    client_id: str


class SecretIssued(Event, service="identity", version=1):
    """An application has a new client secret (the event names it, it does not carry it)."""

    application_id: str
    organization_id: str
    client_id: str
    secret_id: str


class SecretRetired(Event, service="identity", version=1):
    """A client secret is valid no more; tokens issued for it are to be refused."""

    application_id: str
    organization_id: str
    client_id: str
    secret_id: str
