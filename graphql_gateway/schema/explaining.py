"""Why a call is refused, or would be: the chain that it hangs on, link by link, and who can mend what does not hold."""

from enum import Enum
from typing import Any

import strawberry

from graphql_gateway.engine.declare import Argument, Load, Parent, Parts, asks, later, loads, planned, reads
from graphql_gateway.schema.accounts import Action, PlatformRole
from graphql_gateway.schema.described import enum, type_
from graphql_gateway.schema.products import Product
from graphql_gateway.schema.releases import Environment, Version
from graphql_gateway.schema.scalars import DateTime, ProblemCode
from graphql_gateway.schema.services import CATALOG, ENFORCEMENT, IDENTITY, SUBSCRIPTIONS
from graphql_gateway.schema.subscriptions import HoldCause, Subscription, SubscriptionSide

LINKS = 13
_QUESTION = Parts(
    {
        "application_id": Argument("application_id"),
        "product_id": Argument("product_id"),
        "operation": Argument("operation"),
        "version_id": Argument("version_id"),
        "environment": Argument("environment"),
    }
)


@enum
class AccessLinkKind(Enum):
    """What a call hangs on, in the order in which it is judged."""

    CREDENTIAL = "CREDENTIAL"
    APPLICATION = "APPLICATION"
    ORGANIZATION = "ORGANIZATION"
    VERSION = "VERSION"
    OPERATION = "OPERATION"
    SCOPE = "SCOPE"
    AGREEMENT = "AGREEMENT"
    SUBSCRIPTION = "SUBSCRIPTION"
    PERMISSION = "PERMISSION"
    FRESHNESS = "FRESHNESS"
    PERMISSION_QUOTA = "PERMISSION_QUOTA"
    QUOTA = "QUOTA"
    RATE = "RATE"


@enum
class AccessOutcome(Enum):
    """How a link stands. NOT_REACHED: it rests on something that is not there, so it cannot be judged."""

    HOLDS = "HOLDS"
    FAILS = "FAILS"
    NOT_NEEDED = "NOT_NEEDED"
    NOT_REACHED = "NOT_REACHED"


@type_
class AccessMender:
    """Who can mend a link that does not hold."""

    side: SubscriptionSide = reads(says="The recipient, the provider or the operator.")
    organization_id: strawberry.ID | None = reads(says="Whose members they are; null for the operator.")
    role_action: Action | None = reads(says="What their role has to allow; null where whoever makes the calls can.")
    platform_role: PlatformRole | None = reads(says="Which role of the operator's staff it takes.")
    verb: str | None = reads(says="The mutation by which they mend it; null where it is done where the calls are made.")


@type_
class AccessLink:
    """One link of the chain; what does not apply to its outcome is null or empty."""

    link: AccessLinkKind
    outcome: AccessOutcome
    code: ProblemCode | None = reads(says="The code with which calls are refused for it.")
    message: str | None
    causes: list[HoldCause] = reads(size=2, says="What the subscription stands still for.")
    menders: list[AccessMender] = reads(size=2, says="Who can mend it, whose turn is first before the others.")
    action: str | None = reads(says="The mutation that mends it.")
    until: DateTime | None = reads(says="When it holds again by itself.")
    as_of: DateTime | None = reads(says="Of which moment it is told, where another instance counts it; null: of now.")


@type_
class AccessExplanation:
    """Whether a call passes and why: the whole chain, told by what decides about calls.

    The first link that fails is why the call is refused. Those behind it are told too, as far as they can be judged.
    """

    allowed: bool
    code: ProblemCode | None = reads(says="The code with which the call is refused; null where it passes.")
    failing: AccessLink | None = reads(says="The first link that fails.")
    links: list[AccessLink] = reads(size=LINKS, says="All links, in the order in which they are judged.")
    environment: Environment = reads(says="Which environment is called.")
    epoch: int | None = reads(says="Up to which epoch the instance that tells this had applied all changes.")
    decided_at: DateTime
    request_id: str | None = reads(says="Of a refusal that is explained: the request id that the caller was told.")
    application_id: strawberry.ID | None
    organization_id: strawberry.ID | None
    product_id: strawberry.ID | None
    version_id: strawberry.ID | None
    operation_id: str | None
    subscription_id: strawberry.ID | None
    plan_id: strawberry.ID | None
    application: Any = loads(Load(IDENTITY, "applications_by_id", Parent("application_id")), later("applications", "Application"))
    product: Product | None = loads(Load(CATALOG, "products_by_id", Parent("product_id")))
    version: Version | None = loads(Load(CATALOG, "versions_by_id", Parent("version_id")))
    subscription: Subscription | None = loads(Load(SUBSCRIPTIONS, "subscriptions_by_id", Parent("subscription_id")))


@type_
class ExplainingQueries:
    """What may be asked about calls that are refused."""

    @asks(Load(ENFORCEMENT, "access_explanations", _QUESTION, weight=5.0, most_keys=50))
    def explain_access(
        self,
        application_id: strawberry.ID,
        product_id: strawberry.ID,
        operation: str,
        version_id: strawberry.ID | None = None,
        *,
        environment: Environment = Environment.PRODUCTION,
    ) -> AccessExplanation | None:
        """Tell whether an application may call an operation now, and if not, what is missing and who can mend it.

        For members of the application's organization, the operator's administrators and support, and the product's provider once
        the application has asked it for something. An operation is named by its id or as it is called: `GET /addresses/1`.
        Without a version, the one that serves the operation best is meant.
        """
        planned(application_id, product_id, operation, version_id, environment)

    @asks(Load(ENFORCEMENT, "refusals_by_request", Argument("request_id"), weight=2.0))
    def explain_refusal(self, request_id: str) -> AccessExplanation | None:
        """Tell why a call was refused, as it stood then, by the request id in the refusal; for the same people, for seven days.

        Of many refusals of one application only some are kept: `explainable` in the refusal says whether it is.
        """
        planned(request_id)
