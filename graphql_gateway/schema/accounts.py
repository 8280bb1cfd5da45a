"""Accounts: who asks, what they may do, and how they come and go."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from graphql_gateway.auth import signed_in, signed_out
from graphql_gateway.engine.declare import Argument, Constant, Load, Parts, asks, derived, does, loads, planned
from graphql_gateway.schema.applications import IDENTITY
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.nodes import Node
from graphql_gateway.schema.organizations import Membership
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import DateTime


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
    DECIDE_SUBSCRIPTIONS = "DECIDE_SUBSCRIPTIONS"


@enum
class PlatformRole(Enum):
    """What a member of the operator's staff is."""

    OPERATOR_ADMINISTRATOR = "OPERATOR_ADMINISTRATOR"
    BUSINESS_REPRESENTATIVE = "BUSINESS_REPRESENTATIVE"
    SUPPORT = "SUPPORT"
    ANALYST = "ANALYST"
    AUDITOR = "AUDITOR"


@type_
class User(Node):
    """A person with an account."""

    name: str
    email: str
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


@input_
class VerifyEmailInput:
    """The token that the mail carries."""

    token: str


@input_
class SignInInput:
    """E-mail address and password; `cookie` asks for a cookie session, for pages."""

    email: str
    password: str
    cookie: bool = False


@type_
class Registered:
    """An account that waits for its address to be verified."""

    email: str


@type_
class VerifiedEmail:
    """An account that may be used."""

    user_id: strawberry.ID


@type_
class SignedIn:
    """A new session."""

    token: str | None = strawberry.field(description="Send it as `Authorization: Bearer …`. Null where a cookie carries it.")
    csrf_token: str | None = strawberry.field(description="A page sends it as the header `Portico-CSRF` with each request.")
    expires_at: DateTime
    user: User


def _always(_row: Any) -> bool:
    return True


@type_
class SignedOut:
    """The session has ended."""

    done: bool = derived(_always)


@type_
class AccountMutations:
    """How accounts and sessions begin and end."""

    @does(IDENTITY, "register")
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

    @does(IDENTITY, "sign_in", keeps=("cookie",), adds=("network_address",), then=signed_in)
    def sign_in(
        self, input_: Annotated[SignInInput, strawberry.argument(name="input")]
    ) -> Annotated[SignedIn | Problem, strawberry.union("SignInResult")]:
        """Begin a session."""
        planned(input_)

    @does(IDENTITY, "sign_out", then=signed_out)
    def sign_out(self) -> Annotated[SignedOut | Problem, strawberry.union("SignOutResult")]:
        """End the session that asks. It takes no input: there is nothing to say."""
        planned()
