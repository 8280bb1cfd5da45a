"""Accounts: who asks, what they may do, and how they come and go."""

from enum import Enum
from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import Argument, Constant, Load, Parts, asks, does, loads, planned, reads
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.factors import Factor
from graphql_gateway.schema.invitations import ReceivedInvitationConnection
from graphql_gateway.schema.languages import Language
from graphql_gateway.schema.members import Membership
from graphql_gateway.schema.nodes import DEFAULT_FIRST, Node
from graphql_gateway.schema.notices import OWN_INBOX, OWN_PREFERENCES, OWN_UNREAD, NoticeConnection, NoticePreferences
from graphql_gateway.schema.openid import OutsideIdentity
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.services import IDENTITY, NOTIFICATIONS
from graphql_gateway.schema.sessions import Session
from graphql_gateway.schema.support import SupportRequestConnection, SupportStatus


@enum
class Action(Enum):
    """What a role may allow within an organization."""

    INVITE_MEMBER = "INVITE_MEMBER"
    REMOVE_MEMBER = "REMOVE_MEMBER"
    CHANGE_ROLE = "CHANGE_ROLE"
    TRANSFER_OWNERSHIP = "TRANSFER_OWNERSHIP"
    CHANGE_OWNER = "CHANGE_OWNER"
    VIEW_ORGANIZATION = "VIEW_ORGANIZATION"
    RENAME_ORGANIZATION = "RENAME_ORGANIZATION"
    DELETE_ORGANIZATION = "DELETE_ORGANIZATION"
    LIST_APPLICATIONS = "LIST_APPLICATIONS"
    CREATE_APPLICATION = "CREATE_APPLICATION"
    CHANGE_APPLICATION = "CHANGE_APPLICATION"
    DELETE_APPLICATION = "DELETE_APPLICATION"
    REISSUE_SECRET = "REISSUE_SECRET"  # noqa: S105 - the name of an action
    VIEW_SUBSCRIPTIONS = "VIEW_SUBSCRIPTIONS"
    SUBSCRIBE = "SUBSCRIBE"
    CANCEL_SUBSCRIPTION = "CANCEL_SUBSCRIPTION"
    VIEW_ANALYTICS = "VIEW_ANALYTICS"
    MANAGE_PRODUCTS = "MANAGE_PRODUCTS"
    FILE_ONBOARDING_REQUEST = "FILE_ONBOARDING_REQUEST"
    MANAGE_CERTIFICATES = "MANAGE_CERTIFICATES"
    DECIDE_SUBSCRIPTIONS = "DECIDE_SUBSCRIPTIONS"
    DECIDE_PERMISSIONS = "DECIDE_PERMISSIONS"
    CONCLUDE_AGREEMENTS = "CONCLUDE_AGREEMENTS"
    RECERTIFY = "RECERTIFY"
    REQUEST_PERMISSION = "REQUEST_PERMISSION"
    FILE_CONNECTION_REQUEST = "FILE_CONNECTION_REQUEST"
    MANAGE_WEBHOOKS = "MANAGE_WEBHOOKS"
    VIEW_AUDIT = "VIEW_AUDIT"
    TRY_OPERATION = "TRY_OPERATION"


@enum
class PlatformRole(Enum):
    """What a member of the operator's staff is."""

    OPERATOR_ADMINISTRATOR = "OPERATOR_ADMINISTRATOR"
    BUSINESS_REPRESENTATIVE = "BUSINESS_REPRESENTATIVE"
    SECURITY_OFFICER = "SECURITY_OFFICER"
    SUPPORT = "SUPPORT"
    ANALYST = "ANALYST"
    AUDITOR = "AUDITOR"


@type_
class User(Node):
    """A person with an account."""

    name: str
    email: str
    language: Language = reads(says="In which the user is written to.")
    platform_roles: list[PlatformRole]


@type_
class Permit:
    """Whether something is allowed, from the very table that enforces it."""

    allowed: bool
    reason: str | None


@type_
class Viewer:
    """The one who asks."""

    user: User
    memberships: list[Membership] | None = loads(Load(IDENTITY, "memberships_of_viewer", Constant("me")))
    sessions: list[Session] | None = loads(
        Load(IDENTITY, "sessions_of_viewer", Constant("me")), says="Where the viewer is signed in, the newest first."
    )

    factors: list[Factor] | None = loads(
        Load(IDENTITY, "factors_of_viewer", Constant("me")), says="The viewer's second factors, the oldest first."
    )
    recovery_codes_left: int | None = loads(Load(IDENTITY, "recovery_codes_left_of_viewer", Constant("me")))
    outside_identities: list[OutsideIdentity] | None = loads(
        Load(IDENTITY, "outside_identities_of_viewer", Constant("me")), says="Through which providers the viewer can sign in."
    )

    @asks(Load(IDENTITY, "invitations_of_viewer", Constant("me")))
    def invitations(self, first: int = DEFAULT_FIRST, after: str | None = None) -> ReceivedInvitationConnection | None:
        """List the invitations that wait for the viewer's address, the newest first."""
        planned(first, after)

    @asks(Load(NOTIFICATIONS, "support_requests_of_viewer", Constant("me")))
    def support_requests(
        self, status: SupportStatus | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> SupportRequestConnection | None:
        """List what the viewer has asked for help with, the newest first."""
        planned(status, first, after)

    unread_notices: int | None = loads(OWN_UNREAD, says="How many notices the viewer has not read.")
    notice_preferences: NoticePreferences | None = loads(OWN_PREFERENCES, says="What the viewer is mailed.")

    @asks(OWN_INBOX)
    def inbox(
        self, *, unread_only: bool = False, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> NoticeConnection | None:
        """List what the viewer was told, the newest first."""
        planned(unread_only, first, after)

    @asks(Load(IDENTITY, "permits", Parts({"action": Argument("action"), "on": Argument("on")})))
    def can(self, action: Action, on: strawberry.ID) -> Permit | None:
        """Say whether the viewer may do something in an organization, or to a thing of it."""
        planned(action, on)


@type_
class AccountQueries:
    """What may be asked about oneself."""

    viewer: Viewer | None = loads(Load(IDENTITY, "viewer", Constant("me")), says="Null for a visitor without an account.")


@input_
class RegisterInput:
    """A new account."""

    email: str
    password: str
    name: str
    language: Language = Language.EN


@input_
class ChangeProfileInput:
    """What changes of oneself; what is left out stays."""

    name: str | None = strawberry.UNSET
    language: Language | None = strawberry.UNSET


@input_
class VerifyEmailInput:
    """The token that the mail carries."""

    token: str


@type_
class Registered:
    """An account that waits for its address to be verified."""

    email: str


@type_
class VerifiedEmail:
    """An account that may be used."""

    user_id: strawberry.ID


@type_
class AccountMutations:
    """How accounts begin and change."""

    @does(IDENTITY, "register", adds=("network_address",))
    def register(
        self, input_: Annotated[RegisterInput, strawberry.argument(name="input")]
    ) -> Annotated[Registered | Problem, strawberry.union("RegisterResult")]:
        """Make an account; a mail brings the token that verifies the address."""
        planned(input_)

    @does(IDENTITY, "verify_email")
    def verify_email(
        self, input_: Annotated[VerifyEmailInput, strawberry.argument(name="input")]
    ) -> Annotated[VerifiedEmail | Problem, strawberry.union("VerifyEmailResult")]:
        """Verify the address of an account."""
        planned(input_)

    @does(IDENTITY, "change_profile")
    def change_profile(
        self, input_: Annotated[ChangeProfileInput, strawberry.argument(name="input")]
    ) -> Annotated[User | Problem, strawberry.union("ChangeProfileResult")]:
        """Change what one is called, or the language that one is written to in."""
        planned(input_)
