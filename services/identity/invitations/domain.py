"""What is true of invitations.

::

    invite ──► PENDING ──accept──► ACCEPTED
                │ ▲ └────decline─► DECLINED
                │ └─resend──┐
                ├─(time)─► EXPIRED
                └─revoke─► REVOKED ◄──revoke── (EXPIRED)

An invitation is the organization's, not the inviter's: it stands when the inviter has lost the right to invite or has left.
Whoever may invite sees it, and may revoke it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import Conflict, FieldProblem, Invalid, NotFound
from services.identity.events import InvitationDeclined, InvitationRevoked, MemberInvited
from services.identity.organizations.domain import Membership
from services.identity.organizations.roles import Role

INVITATION_PREFIX = "pti"
PENDING, ACCEPTED, EXPIRED, DECLINED, REVOKED = "PENDING", "ACCEPTED", "EXPIRED", "DECLINED", "REVOKED"


class OwnerNotByInvitation(Invalid):
    """Nobody is invited as Owner; an organization has exactly one."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("role", "give ADMINISTRATOR, DEVELOPER or OBSERVER")])


class NameOneInvitation(Invalid):
    """Name the invitation either by its id or by the token of its mail."""

    def __init__(self) -> None:
        super().__init__(
            fields=[FieldProblem("invitation_id", "give this or the token"), FieldProblem("token", "give this or the id")]
        )


class AlreadyMember(Conflict):
    """This person is a member of the organization already."""


class InvitedAtThisMoment(Conflict):
    """Somebody else is inviting the same person at this moment."""


class NoSuchInvitation(NotFound):
    """There is no such invitation for you."""


class InvitationLapsed(Conflict):
    """The invitation has lapsed; ask to be invited again."""


class InvitationSettled(Conflict):
    """The invitation was accepted, declined or revoked already; invite again for a new one."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """The offer to become a member, to the one who reads the mail sent to an address."""

    id: str
    organization_id: str
    email: str
    email_key: str
    role: Role
    token_hash: str
    invited_by: str
    created_at: datetime
    expires_at: datetime
    state: str = PENDING

    def status(self, now: datetime) -> str:
        """Return PENDING, ACCEPTED, EXPIRED, DECLINED or REVOKED."""
        return EXPIRED if self.state == PENDING and now >= self.expires_at else self.state

    def send(self) -> MemberInvited:
        """Return the fact that somebody is invited. Raises ``OwnerNotByInvitation``."""
        if self.role is Role.OWNER:
            raise OwnerNotByInvitation
        return MemberInvited(organization_id=self.organization_id, invitation_id=self.id, role=self.role)

    def renew(self, token_hash: str, *, now: datetime, ttl: timedelta) -> tuple["Invitation", MemberInvited]:
        """Return the invitation under another token and for a new time; it may have lapsed. Raises ``InvitationSettled``."""
        if self.state != PENDING:
            raise InvitationSettled
        renewed = replace(self, token_hash=token_hash, expires_at=now + ttl)
        return renewed, renewed.send()

    def revoke(self) -> tuple["Invitation", InvitationRevoked]:
        """Return the invitation taken back. Raises ``InvitationSettled``."""
        if self.state != PENDING:
            raise InvitationSettled
        fact = InvitationRevoked(organization_id=self.organization_id, invitation_id=self.id)
        return replace(self, state=REVOKED), fact

    def decline(self, now: datetime) -> tuple["Invitation", InvitationDeclined]:
        """Return the invitation turned down. Raises ``NoSuchInvitation`` or ``InvitationLapsed``."""
        self._require_pending(now)
        fact = InvitationDeclined(organization_id=self.organization_id, invitation_id=self.id)
        return replace(self, state=DECLINED), fact

    def accept(self, membership_id: str, user_id: str, *, now: datetime) -> tuple["Invitation", Membership]:
        """Return the invitation used up, and the membership. Raises ``NoSuchInvitation`` or ``InvitationLapsed``."""
        self._require_pending(now)
        membership = Membership(membership_id, self.organization_id, user_id, self.role, since=now)
        return replace(self, state=ACCEPTED), membership

    def _require_pending(self, now: datetime) -> None:
        status = self.status(now)
        if status == EXPIRED:
            raise InvitationLapsed
        if status != PENDING:
            raise NoSuchInvitation
