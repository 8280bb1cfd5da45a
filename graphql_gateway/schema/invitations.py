"""Invitations: offers to become a member, for the organization that makes them and for the one who gets them."""

from enum import Enum
from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import Load, Parent, does, loads, planned, reads
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.members import Membership, Person, Role
from graphql_gateway.schema.nodes import Connection, Node
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import IDENTITY


@enum
class InvitationStatus(Enum):
    """What became of an invitation."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    EXPIRED = "EXPIRED"
    DECLINED = "DECLINED"
    REVOKED = "REVOKED"


@type_
class Invitation(Node):
    """An offer to become a member, as the organization sees it."""

    email: str
    role: Role
    status: InvitationStatus
    created_at: DateTime
    expires_at: DateTime
    inviter: Person | None = loads(
        Load(IDENTITY, "users_by_id", Parent("invited_by")), says="Who invited; null once that person has left."
    )


InvitationConnection = Connection[Invitation]


@type_
class ReceivedInvitation:
    """An offer to become a member, as the one who is invited sees it."""

    id: strawberry.ID
    role: Role
    expires_at: DateTime
    organization_name: str
    inviter_name: str | None = reads(says="Who invited; null where that person is gone.")


ReceivedInvitationConnection = Connection[ReceivedInvitation]


@input_
class InviteMemberInput:
    """Who is invited, as what."""

    organization_id: strawberry.ID
    email: str
    role: Role


@input_
class ResendInvitationInput:
    """Which invitation is sent again."""

    invitation_id: strawberry.ID


@input_
class RevokeInvitationInput:
    """Which invitation is taken back."""

    invitation_id: strawberry.ID


@input_
class AcceptInvitationInput:
    """The invitation: either its id, for the viewer whose address it is for, or the token that its mail carries."""

    invitation_id: strawberry.ID | None = strawberry.UNSET
    token: str | None = strawberry.UNSET


@input_
class DeclineInvitationInput:
    """The invitation: its id, for the viewer whose address it is for, or the token of its mail, without signing in."""

    invitation_id: strawberry.ID | None = strawberry.UNSET
    token: str | None = strawberry.UNSET


@type_
class DeclinedInvitation:
    """An invitation that was turned down."""

    id: strawberry.ID


@type_
class InvitationMutations:
    """What is done about invitations."""

    @does(IDENTITY, "invite_member")
    def invite_member(
        self, input_: Annotated[InviteMemberInput, strawberry.argument(name="input")]
    ) -> Annotated[Invitation | Problem, strawberry.union("InviteMemberResult")]:
        """Invite a user as administrator, developer or observer; it replaces an invitation that the address still has."""
        planned(input_)

    @does(IDENTITY, "resend_invitation")
    def resend_invitation(
        self, input_: Annotated[ResendInvitationInput, strawberry.argument(name="input")]
    ) -> Annotated[Invitation | Problem, strawberry.union("ResendInvitationResult")]:
        """Send an invitation again, lapsed or not: it is good for a new time, and the former mail's link opens nothing."""
        planned(input_)

    @does(IDENTITY, "revoke_invitation")
    def revoke_invitation(
        self, input_: Annotated[RevokeInvitationInput, strawberry.argument(name="input")]
    ) -> Annotated[Invitation | Problem, strawberry.union("RevokeInvitationResult")]:
        """Take an invitation back."""
        planned(input_)

    @does(IDENTITY, "accept_invitation")
    def accept_invitation(
        self, input_: Annotated[AcceptInvitationInput, strawberry.argument(name="input")]
    ) -> Annotated[Membership | Problem, strawberry.union("AcceptInvitationResult")]:
        """Become a member."""
        planned(input_)

    @does(IDENTITY, "decline_invitation")
    def decline_invitation(
        self, input_: Annotated[DeclineInvitationInput, strawberry.argument(name="input")]
    ) -> Annotated[DeclinedInvitation | Problem, strawberry.union("DeclineInvitationResult")]:
        """Turn an invitation down; the one who invited is told."""
        planned(input_)
