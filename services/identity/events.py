"""What identity announces. Ids and names only: never a secret or a token, and an address or a person's words only sealed."""

from datetime import date, datetime

from chassis.acts import Recorded
from chassis.messages import Event


class ActRecorded(Recorded, service="identity", version=1):
    """Somebody did something here or was refused it, for the audit trail: services hear it, it is meant for no organization."""


class UserRegistered(Event, service="identity", version=1):
    """Somebody has confirmed an address and has an account now."""

    user_id: str


class UserReachable(Event, service="identity", version=1):
    """How a user is called, written to, and what of the staff: said again whenever one of it changes.

    ``sealed_address`` is the e-mail address under the key that identity and notifications share, bound to the user's id; nobody
    else can read it.
    """

    user_id: str
    name: str
    language: str
    platform_roles: tuple[str, ...]
    sealed_address: str


class RolesDescribed(Event, service="identity", version=1):
    """What each role within an organization allows; said again whenever the tables say something else."""

    actions_by_role: dict[str, tuple[str, ...]]


class UserErased(Event, service="identity", version=1):
    """A person's account and data are gone for good; the id stays, of nobody."""

    user_id: str


class RightsChanged(Event, service="identity", version=1):
    """A user's rights are other ones now: what was issued with an older ``rights_version`` is to be issued anew."""

    user_id: str
    rights_version: int


class PlatformRoleGranted(Event, service="identity", version=1):
    """A user is of the operator's staff, in one more role."""

    user_id: str
    role: str


class PlatformRoleWithdrawn(Event, service="identity", version=1):
    """A user is not of the operator's staff any more in a role."""

    user_id: str
    role: str


class PasswordChanged(Event, service="identity", version=1):
    """A user has another password. ``by`` is CHANGE (the user knew the former one) or RESET (by a mailed link)."""

    user_id: str
    by: str


class SecondFactorEnrolled(Event, service="identity", version=1):
    """A user signs in with another factor from now on. ``kind`` is TOTP or PASSKEY."""

    user_id: str
    factor_id: str
    kind: str


class SecondFactorRemoved(Event, service="identity", version=1):
    """A factor of a user opens nothing any more."""

    user_id: str
    factor_id: str
    kind: str


class OutsideIdentityLinked(Event, service="identity", version=1):
    """A user can sign in through an outside OpenID provider (named as this platform's settings name it)."""

    user_id: str
    provider: str


class OutsideIdentityUnlinked(Event, service="identity", version=1):
    """A user cannot sign in through an outside OpenID provider any more."""

    user_id: str
    provider: str


class UserSignedInFailedRepeatedly(Event, service="identity", version=1):
    """Somebody keeps trying to sign in as this user with a wrong password or code; ``tries`` is how often within the window."""

    user_id: str
    tries: int
    window_seconds: int


class SessionEnded(Event, service="identity", version=1):
    """A session is over: nothing that it opened may go on."""

    user_id: str
    session_id: str


class UserSeen(Event, service="identity", version=1):
    """A user was signed in on this day (UTC); told at most once a day."""

    user_id: str
    day: date


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


class OrganizationDeleted(Event, service="identity", version=1):
    """An organization is gone. Its applications and subscriptions end with it; an ``application_deleted`` follows for each."""

    organization_id: str


class OwnerChanged(Event, service="identity", version=1):
    """An organization has another Owner; the former one is Administrator now. ``by`` is TRANSFER (R4) or CHANGE (R5)."""

    organization_id: str
    owner_id: str
    former_owner_id: str
    by: str


class MemberInvited(Event, service="identity", version=1):
    """Somebody has been invited into an organization."""

    organization_id: str
    invitation_id: str
    role: str


class InvitationDeclined(Event, service="identity", version=1):
    """The one who was invited does not want to join."""

    organization_id: str
    invitation_id: str


class InvitationRevoked(Event, service="identity", version=1):
    """An organization has taken an invitation back."""

    organization_id: str
    invitation_id: str


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


class MemberSuspended(Event, service="identity", version=1):
    """A member has no rights in an organization until somebody confirms that they need them."""

    organization_id: str
    user_id: str


class MemberResumed(Event, service="identity", version=1):
    """A member who was suspended has the rights of their role again."""

    organization_id: str
    user_id: str


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
    expires_at: datetime | None = None


class SecretRetired(Event, service="identity", version=1):
    """A client secret is valid no more; tokens issued for it are to be refused.

    ``reason`` is ROTATED, RETIRED (somebody did it), EXPIRED (its time was over) or SILENT (nobody used it any more).
    """

    application_id: str
    organization_id: str
    client_id: str
    secret_id: str
    reason: str | None = None


class SecretUsedLast(Event, service="identity", version=1):
    """A client secret that is to be replaced has not been used since; it can be retired without breaking anybody."""

    application_id: str
    organization_id: str
    client_id: str
    secret_id: str
    last_used_at: datetime | None


class SecretExpiring(Event, service="identity", version=1):
    """A client secret will be valid no more in so many days, unless it is replaced."""

    application_id: str
    organization_id: str
    client_id: str
    secret_id: str
    expires_at: datetime
    days_left: int


class ClientKeyRegistered(Event, service="identity", version=1):
    """An application may prove itself by another public key. ``thumbprint`` is the key's (RFC 7638)."""

    application_id: str
    organization_id: str
    client_id: str
    key_id: str
    thumbprint: str


class ClientKeyRemoved(Event, service="identity", version=1):
    """A public key proves an application no more; tokens issued for it are to be refused."""

    application_id: str
    organization_id: str
    client_id: str
    key_id: str


class TokenRevoked(Event, service="identity", version=1):
    """An access token is to be refused from now on, although it would be valid until ``expires_at``."""

    token_id: str
    application_id: str
    organization_id: str
    expires_at: datetime


class DataExchangeAssigned(Event, service="identity", version=1):
    """An organization has its data-exchange identification number, which no other ever had or gets."""

    organization_id: str
    number: str


class FileKept(Event, service="identity", version=1):
    """Somebody has uploaded a file; it is its uploader's alone until it hangs on something. ``size`` is in bytes."""

    file_id: str
    uploaded_by: str
    name: str
    content_type: str
    size: int
    sha256: str


class FileNotAttached(Event, service="identity", version=1):
    """A file could not be hung on a thing. ``reason`` is NO_SUCH_FILE, ATTACHED_ELSEWHERE or LAPSED."""

    file_id: str
    attached_to: str
    reason: str


class DocumentJudged(Event, service="identity", version=1):
    """The signatures of a file that hangs on a thing were examined; the whole finding is told to whoever may see the thing.

    ``verdict`` is that of the finding, or NOT_EXAMINED where the examination failed for good.
    """

    file_id: str
    attached_to: str
    verdict: str
    sha256: str
    judged_at: datetime
