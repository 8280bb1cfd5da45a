"""Applications: what calls APIs, with its Client ID and secrets."""

from typing import Annotated, Any

import strawberry

from graphql_gateway.engine.declare import Argument, Load, Parent, asks, does, later, loads, planned, reads
from graphql_gateway.schema.certificates import SHOWN_OF_APPLICATION, Certificate
from graphql_gateway.schema.client_keys import MOST_LIVE, ClientKey
from graphql_gateway.schema.described import input_, type_
from graphql_gateway.schema.enforcement import OF_APPLICATION, EnforcementState
from graphql_gateway.schema.nodes import DEFAULT_FIRST, Connection, Id, Node
from graphql_gateway.schema.permissions import PermissionConnection, PermissionStatus
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.secrets import ClientSecret
from graphql_gateway.schema.services import IDENTITY, SUBSCRIPTIONS
from graphql_gateway.schema.subscriptions import SubscriptionConnection, SubscriptionStatus
from graphql_gateway.schema.usage import UsageArgument, UsageReport, usage_of


@type_
class Application(Node):
    """What calls APIs. Its Client ID is an identifier, not a secret."""

    name: str
    description: str | None
    client_id: str
    created_at: DateTime
    secrets: list[ClientSecret] = reads(size=3, says="At most two are valid; of the retired ones the latest ten are shown.")
    client_keys: list[ClientKey] | None = loads(
        Load(IDENTITY, "client_keys_by_application", Parent("id"), size=MOST_LIVE),
        says="The public keys that prove it, at most two.",
    )
    certificates: list[Certificate] | None = loads(
        Load(IDENTITY, "certificates_by_application", Parent("id"), size=SHOWN_OF_APPLICATION),
        says="The newest client certificates registered for it, the newest first.",
    )
    organization_id: strawberry.ID
    organization: Any = loads(
        Load(IDENTITY, "organizations_by_id", Parent("organization_id")), later("organizations", "Organization")
    )

    @asks(Load(SUBSCRIPTIONS, "permissions_by_application", Parent("id")))
    def permissions(
        self, status: PermissionStatus | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> PermissionConnection | None:
        """List what providers have permitted the application, or were asked to, the newest first."""
        planned(status, first, after)

    @asks(Load(SUBSCRIPTIONS, "subscriptions_by_application", Parent("id")))
    def subscriptions(
        self, status: SubscriptionStatus | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> SubscriptionConnection | None:
        """List what the application is subscribed to."""
        planned(status, first, after)

    enforcement: EnforcementState | None = loads(OF_APPLICATION, says="Whether calls with it are decided by what it is here.")

    @asks(usage_of("application_id"))
    def usage(self, input_: UsageArgument) -> UsageReport | None:
        """Report on the application's calls."""
        planned(input_)


ApplicationConnection = Connection[Application]


@type_
class ApplicationQueries:
    """What may be asked of applications at the root."""

    @asks(Load(IDENTITY, "applications_by_id", Argument("id")))
    def application(self, id_: Id) -> Application | None:
        """Read one application."""
        planned(id_)


@input_
class CreateApplicationInput:
    """A new application of an organization."""

    organization_id: strawberry.ID
    name: str
    description: str | None = strawberry.UNSET


@input_
class ChangeApplicationInput:
    """What changes of an application; what is left out stays."""

    application_id: strawberry.ID
    name: str | None = strawberry.UNSET
    description: str | None = strawberry.UNSET


@input_
class DeleteApplicationInput:
    """Which application goes."""

    application_id: strawberry.ID


@input_
class RotateSecretInput:
    """Which application gets a new secret in place of the others, and how long these are still valid."""

    application_id: strawberry.ID
    grace_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="How long the others are still valid, up to 30 days. Without a grace they and their tokens end at once.",
    )
    grace_days: int | None = strawberry.field(default=strawberry.UNSET, description="The same in days, 0 to 30.")
    retire_when_silent: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether the others are retired within the grace as soon as nobody uses them."
    )
    expires_at: DateTime | None = strawberry.field(
        default=strawberry.UNSET, description="When the new secret ends, at most two years ahead. It has no end without this."
    )


@input_
class IssueSecretInput:
    """Which application gets a second secret, beside the one that goes on."""

    application_id: strawberry.ID
    expires_at: DateTime | None = strawberry.field(
        default=strawberry.UNSET, description="When the new secret ends, at most two years ahead. It has no end without this."
    )


@input_
class RetireSecretInput:
    """Which secret ends at once."""

    application_id: strawberry.ID
    secret_id: strawberry.ID
    even_if_last: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Say true to retire the last valid secret, too."
    )


@type_
class CreatedApplication:
    """A new application and its keys. The secret is shown here and never again."""

    application: Application
    client_secret: str


@type_
class RotatedSecret:
    """An application with a new secret, which is shown here and never again."""

    application: Application
    client_secret: str


@type_
class IssuedSecret:
    """An application with a second secret, which is shown here and never again."""

    application: Application
    client_secret: str


@type_
class DeletedApplication:
    """An application that is gone."""

    id: strawberry.ID


@type_
class ApplicationMutations:
    """What an organization does with its applications."""

    @does(IDENTITY, "create_application")
    def create_application(
        self, input_: Annotated[CreateApplicationInput, strawberry.argument(name="input")]
    ) -> Annotated[CreatedApplication | Problem, strawberry.union("CreateApplicationResult")]:
        """Create an application and receive its keys."""
        planned(input_)

    @does(IDENTITY, "change_application")
    def change_application(
        self, input_: Annotated[ChangeApplicationInput, strawberry.argument(name="input")]
    ) -> Annotated[Application | Problem, strawberry.union("ChangeApplicationResult")]:
        """Change an application's name or description."""
        planned(input_)

    @does(IDENTITY, "delete_application")
    def delete_application(
        self, input_: Annotated[DeleteApplicationInput, strawberry.argument(name="input")]
    ) -> Annotated[DeletedApplication | Problem, strawberry.union("DeleteApplicationResult")]:
        """Delete an application; its tokens and subscriptions end."""
        planned(input_)

    @does(IDENTITY, "rotate_secret")
    def rotate_secret(
        self, input_: Annotated[RotateSecretInput, strawberry.argument(name="input")]
    ) -> Annotated[RotatedSecret | Problem, strawberry.union("RotateSecretResult")]:
        """Issue a new secret in place of the others; without a grace they are valid no more at once."""
        planned(input_)

    @does(IDENTITY, "issue_secret")
    def issue_secret(
        self, input_: Annotated[IssueSecretInput, strawberry.argument(name="input")]
    ) -> Annotated[IssuedSecret | Problem, strawberry.union("IssueSecretResult")]:
        """Issue a second secret; the other one goes on until somebody retires it."""
        planned(input_)

    @does(IDENTITY, "retire_secret")
    def retire_secret(
        self, input_: Annotated[RetireSecretInput, strawberry.argument(name="input")]
    ) -> Annotated[Application | Problem, strawberry.union("RetireSecretResult")]:
        """End a secret at once; tokens that it obtained are refused from now on."""
        planned(input_)
