"""Applications: what calls APIs, with its Client ID and secrets."""

from typing import Annotated, Any

import strawberry

from graphql_gateway.engine.declare import Argument, Load, Parent, asks, does, later, loads, planned, reads
from graphql_gateway.schema.described import input_, type_
from graphql_gateway.schema.nodes import DEFAULT_FIRST, Connection, Id, Node
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.subscriptions import SUBSCRIPTIONS, SubscriptionConnection, SubscriptionStatus
from graphql_gateway.schema.usage import UsageArgument, UsageReport, usage_of

IDENTITY = "identity"


@type_
class ClientSecret:
    """A secret of an application. The secret itself was shown once and is not kept."""

    id: strawberry.ID
    hint: str = reads(says="The last characters, to tell one from another.")
    created_at: DateTime
    retired_at: DateTime | None


@type_
class Application(Node):
    """What calls APIs. Its Client ID is an identifier, not a secret."""

    name: str
    description: str | None
    client_id: str
    created_at: DateTime
    secrets: list[ClientSecret] = reads(size=3)
    organization_id: strawberry.ID
    organization: Any = loads(
        Load(IDENTITY, "organizations_by_id", Parent("organization_id")), later("organizations", "Organization")
    )

    @asks(Load(SUBSCRIPTIONS, "subscriptions_by_application", Parent("id")))
    def subscriptions(
        self, status: SubscriptionStatus | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> SubscriptionConnection | None:
        """List what the application is subscribed to."""
        planned(status, first, after)

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
    """Which application gets a new secret."""

    application_id: strawberry.ID


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
        """Issue a new secret."""
        planned(input_)
