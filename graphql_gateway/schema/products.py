"""Products: what is offered, with its APIs, versions, operations and plans."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from graphql_gateway.engine.declare import Argument, Constant, Load, Parent, asks, later, loads, planned, reads
from graphql_gateway.schema.categories import Category, categories_of_product
from graphql_gateway.schema.connecting import AgreementKind, ApprovalChain
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.guidance import GuidancePage, GuidanceStep, pages_of_product
from graphql_gateway.schema.languages import Language
from graphql_gateway.schema.nodes import DEFAULT_FIRST, Connection, Node
from graphql_gateway.schema.releases import Api
from graphql_gateway.schema.requirements import WayToACall
from graphql_gateway.schema.scalars import DateTime, Long
from graphql_gateway.schema.services import CATALOG
from graphql_gateway.schema.usage import UsageArgument, UsageReport, usage_of


@enum
class Sensitivity(Enum):
    """How a product is guarded: open test products may be called by every registered user."""

    OPEN_TEST = "OPEN_TEST"
    STANDARD = "STANDARD"
    CONFIDENTIAL = "CONFIDENTIAL"


@enum
class SensitivityKind(Enum):
    """Why a product is confidential."""

    PERSONAL_DATA = "PERSONAL_DATA"
    BANKING_SECRECY = "BANKING_SECRECY"
    COMMERCIAL_SECRECY = "COMMERCIAL_SECRECY"


@enum
class Prerequisite(Enum):
    """What an application or its organization needs before it may subscribe to a product."""

    ONBOARDING = "ONBOARDING"
    AGREEMENT = "AGREEMENT"
    PERMISSION = "PERMISSION"


@enum
class WhenUnchecked(Enum):
    """What becomes of a product's calls while nobody can say whether they may pass."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"


@enum
class ProductStatus(Enum):
    """Whether everybody sees a product: it is published with its first version."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"


@enum
class Approval(Enum):
    """Whether a subscription to a plan begins at once or after the provider's decision."""

    AUTOMATIC = "AUTOMATIC"
    BY_PROVIDER = "BY_PROVIDER"


@enum
class QuotaPeriod(Enum):
    """The period in which a quota is counted."""

    DAY = "DAY"
    MONTH = "MONTH"


@enum
class NotOfferedBecause(Enum):
    """Why nobody can subscribe to a plan: its provider took it back, or it is not the time."""

    WITHDRAWN = "WITHDRAWN"
    NOT_YET_VALID = "NOT_YET_VALID"
    NO_LONGER_VALID = "NO_LONGER_VALID"


@type_
class Provider:
    """The organization that publishes a product, as everybody may see it."""

    id: strawberry.ID
    name: str


@type_
class Plan(Node):
    """The rate limit, burst and quota under which a product is called."""

    name: str
    rate_requests: int = reads(says="So many calls …")
    rate_seconds: int = reads(says="… in so many seconds.")
    burst: int
    quota_calls: Long | None
    quota_period: QuotaPeriod | None
    time_zone: str = reads("quota_time_zone", says="By which zone's clocks the quota's day or month begins: an IANA name.")
    approval: Approval
    valid_from: DateTime | None = reads(says="From this moment on it can be subscribed to …")
    valid_to: DateTime | None = reads(says="… until before this one; null is no bound.")
    withdrawn_at: DateTime | None
    is_offered: bool = reads(says="Whether it can be subscribed to now. Whoever is on it stays on it.")
    not_offered_because: NotOfferedBecause | None


@type_
class ProductText:
    """What a product says of itself in one language."""

    language: Language
    title: str
    summary: str


@type_
class Product(WayToACall, Node):
    """What is offered: several versions of one API, or several APIs of one theme."""

    slug: str
    title: str = reads(says="In the main language.")
    summary: str = reads(says="In the main language.")
    main_language: Language
    texts: list[ProductText] = reads(size=3, says="In every language that there is, the main one first.")
    tags: list[str]
    categories: list[Category] | None = loads(categories_of_product())
    sensitivity: Sensitivity
    sensitivity_kinds: list[SensitivityKind]
    prerequisites: list[Prerequisite] = reads(size=2, says="What is needed before subscribing.")
    when_unchecked: WhenUnchecked = reads(says="What becomes of its calls while they cannot be checked: refused or let through.")
    status: ProductStatus
    is_callable: bool = reads(says="False once all its versions are retired: it stays to be read.")
    provider: Provider
    apis: list[Api] = reads(size=2)
    plans: list[Plan] = reads(size=5)
    required_documents: list[AgreementKind] | None = loads(
        Load("subscriptions", "required_documents_by_product", Parent("id"), size=4),
        says="Which documents a connection takes; null where the product asks for no agreement.",
    )
    approval_chain: ApprovalChain | None = loads(
        Load("subscriptions", "approval_chains_by_product", Parent("id")),
        says="Who decides about connections; for the provider's members and the operator.",
    )

    @asks(Load(CATALOG, "retirement_impact_by_product", Parent("id"), weight=5.0), later("versions", "RetirementImpact"))
    def impact_of_retiring(self, version_id: strawberry.ID | None = None) -> Any:
        """Say whom the end of a version, or of the whole product, would concern: for its provider's members and the operator."""
        planned(version_id)

    @asks(Load(CATALOG, "product_texts", Parent("id")))
    def text(self, language: Language) -> ProductText | None:
        """Say it in a language, or in the main one where that is not there."""
        planned(language)

    @asks(pages_of_product())
    def guidance(self, language: Language, step: GuidanceStep | None = None) -> list[GuidancePage] | None:
        """Read the platform's pages, each with what the provider adds for this product after it."""
        planned(language, step)

    @asks(usage_of("product_id"))
    def usage(self, input_: UsageArgument) -> UsageReport | None:
        """Report on the calls of the product, to its provider."""
        planned(input_)


ProductConnection = Connection[Product]


@input_
class ProductFilter:
    """Which products: each that is given has to hold."""

    sensitivity: Sensitivity | None = None
    tag: str | None = None
    tags: list[str] | None = strawberry.field(default=None, description="All of them.")
    category: strawberry.ID | None = strawberry.field(default=None, description="This category, or any below it.")
    provider: strawberry.ID | None = strawberry.field(default=None, description="The organization that publishes them.")


@type_
class ProductQueries:
    """What may be asked of the catalogue at the root, also without an account."""

    @asks(Load(CATALOG, "products", Constant(None), spread="filter", weight=3.0))
    def products(
        self,
        search: str | None = None,
        filter_: Annotated[ProductFilter | None, strawberry.argument(name="filter")] = None,
        first: int = DEFAULT_FIRST,
        after: str | None = None,
    ) -> ProductConnection | None:
        """Search the public catalogue."""
        planned(search, filter_, first, after)

    @asks(Load(CATALOG, "products_by_slug", Argument("slug")))
    def product(self, slug: str) -> Product | None:
        """Read one product."""
        planned(slug)
