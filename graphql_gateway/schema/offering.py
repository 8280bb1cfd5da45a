"""Offering: what providers do with their products, and who becomes a provider."""

from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import does, planned, reads
from graphql_gateway.schema.described import input_, type_
from graphql_gateway.schema.languages import Language
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.products import (
    Approval,
    Plan,
    Prerequisite,
    Product,
    QuotaPeriod,
    Sensitivity,
    SensitivityKind,
    WhenUnchecked,
)
from graphql_gateway.schema.releases import Api, Version
from graphql_gateway.schema.scalars import URL, DateTime, Long
from graphql_gateway.schema.services import CATALOG


@input_
class GrantProviderStandingInput:
    """Who may publish products from now on."""

    organization_id: strawberry.ID


@input_
class WithdrawProviderStandingInput:
    """Who may publish products no more."""

    organization_id: strawberry.ID


@type_
class ProviderStanding:
    """An organization whose standing of a provider was granted or withdrawn."""

    organization_id: strawberry.ID
    name: str


@input_
class ProductTextInput:
    """What a product says of itself in another than its main language."""

    language: Language
    title: str
    summary: str = ""


@input_
class CreateProductInput:
    """A new product of a provider; title and summary are in the main language."""

    organization_id: strawberry.ID
    title: str
    slug: str | None = strawberry.UNSET
    summary: str = ""
    tags: list[str] | None = strawberry.UNSET
    sensitivity: Sensitivity = Sensitivity.STANDARD
    sensitivity_kinds: list[SensitivityKind] | None = strawberry.UNSET
    prerequisites: list[Prerequisite] | None = strawberry.UNSET
    main_language: Language = Language.EN
    texts: list[ProductTextInput] | None = strawberry.UNSET
    categories: list[strawberry.ID] | None = strawberry.UNSET
    when_unchecked: WhenUnchecked | None = strawberry.UNSET


@input_
class ChangeProductInput:
    """What changes of a product; what is left out stays. The texts are all those in other languages than the main one."""

    product_id: strawberry.ID
    title: str | None = strawberry.UNSET
    summary: str | None = strawberry.UNSET
    tags: list[str] | None = strawberry.UNSET
    sensitivity: Sensitivity | None = strawberry.UNSET
    sensitivity_kinds: list[SensitivityKind] | None = strawberry.UNSET
    prerequisites: list[Prerequisite] | None = strawberry.UNSET
    main_language: Language | None = strawberry.UNSET
    texts: list[ProductTextInput] | None = strawberry.UNSET
    categories: list[strawberry.ID] | None = strawberry.UNSET
    when_unchecked: WhenUnchecked | None = strawberry.UNSET


@input_
class ImportApiInput:
    """A document of OpenAPI 3.0 or 3.1 or Swagger 2.0 that becomes an API version of a product: itself, or where to fetch it."""

    product_id: strawberry.ID
    document: str | None = strawberry.UNSET
    url: URL | None = strawberry.UNSET
    slug: str | None = strawberry.UNSET
    title: str | None = strawberry.UNSET
    label: str | None = strawberry.UNSET


@type_
class ImportedApi:
    """What became of a document."""

    product: Product
    api: Api
    version: Version
    operation_count: int = reads("operations")
    warnings: list[str] = reads(says="What the document says that cannot be used as it stands.")


@input_
class CreatePlanInput:
    """A new plan of a product."""

    product_id: strawberry.ID
    name: str
    rate_requests: int
    rate_seconds: int
    burst: int | None = strawberry.UNSET
    quota_calls: Long | None = strawberry.UNSET
    quota_period: QuotaPeriod | None = strawberry.UNSET
    approval: Approval = Approval.AUTOMATIC
    valid_from: DateTime | None = strawberry.UNSET
    valid_to: DateTime | None = strawberry.UNSET
    time_zone: str | None = strawberry.UNSET


@input_
class ChangePlanInput:
    """All terms of a plan, as they are to be."""

    plan_id: strawberry.ID
    name: str
    rate_requests: int
    rate_seconds: int
    burst: int | None = strawberry.UNSET
    quota_calls: Long | None = strawberry.UNSET
    quota_period: QuotaPeriod | None = strawberry.UNSET
    approval: Approval
    valid_from: DateTime | None = strawberry.UNSET
    valid_to: DateTime | None = strawberry.UNSET
    time_zone: str | None = strawberry.UNSET


@input_
class WithdrawPlanInput:
    """Which plan nobody can subscribe to any more."""

    plan_id: strawberry.ID


@input_
class PublishVersionInput:
    """Which version becomes callable."""

    version_id: strawberry.ID


@input_
class SetUpstreamInput:
    """What answers a version's calls in production, all of it as it is to be; without an address the sandbox answers."""

    version_id: strawberry.ID
    url: URL | None = strawberry.UNSET
    timeout_seconds: int | None = strawberry.UNSET
    host_header: str | None = strawberry.UNSET
    authorities: str | None = strawberry.UNSET
    client_certificate: str | None = strawberry.UNSET


@type_
class ProductMutations:
    """What providers and the operator do in the catalogue."""

    @does(CATALOG, "grant_provider_standing")
    def grant_provider_standing(
        self, input_: Annotated[GrantProviderStandingInput, strawberry.argument(name="input")]
    ) -> Annotated[ProviderStanding | Problem, strawberry.union("GrantProviderStandingResult")]:
        """Let an organization publish products."""
        planned(input_)

    @does(CATALOG, "withdraw_provider_standing")
    def withdraw_provider_standing(
        self, input_: Annotated[WithdrawProviderStandingInput, strawberry.argument(name="input")]
    ) -> Annotated[ProviderStanding | Problem, strawberry.union("WithdrawProviderStandingResult")]:
        """Let an organization publish products no more; its versions have to be retired and its subscriptions ended first."""
        planned(input_)

    @does(CATALOG, "create_product")
    def create_product(
        self, input_: Annotated[CreateProductInput, strawberry.argument(name="input")]
    ) -> Annotated[Product | Problem, strawberry.union("CreateProductResult")]:
        """Offer a new product."""
        planned(input_)

    @does(CATALOG, "change_product")
    def change_product(
        self, input_: Annotated[ChangeProductInput, strawberry.argument(name="input")]
    ) -> Annotated[Product | Problem, strawberry.union("ChangeProductResult")]:
        """Change what a product says of itself."""
        planned(input_)

    @does(CATALOG, "import_api")
    def import_api(
        self, input_: Annotated[ImportApiInput, strawberry.argument(name="input")]
    ) -> Annotated[ImportedApi | Problem, strawberry.union("ImportApiResult")]:
        """Read an OpenAPI document into a draft version of an API."""
        planned(input_)

    @does(CATALOG, "create_plan")
    def create_plan(
        self, input_: Annotated[CreatePlanInput, strawberry.argument(name="input")]
    ) -> Annotated[Plan | Problem, strawberry.union("CreatePlanResult")]:
        """Offer a product under a new plan."""
        planned(input_)

    @does(CATALOG, "change_plan")
    def change_plan(
        self, input_: Annotated[ChangePlanInput, strawberry.argument(name="input")]
    ) -> Annotated[Plan | Problem, strawberry.union("ChangePlanResult")]:
        """Change a plan's terms."""
        planned(input_)

    @does(CATALOG, "withdraw_plan")
    def withdraw_plan(
        self, input_: Annotated[WithdrawPlanInput, strawberry.argument(name="input")]
    ) -> Annotated[Plan | Problem, strawberry.union("WithdrawPlanResult")]:
        """Let nobody subscribe to a plan any more; who is on it stays on it."""
        planned(input_)

    @does(CATALOG, "set_upstream")
    def set_upstream(
        self, input_: Annotated[SetUpstreamInput, strawberry.argument(name="input")]
    ) -> Annotated[Version | Problem, strawberry.union("SetUpstreamResult")]:
        """Name the system that answers a version's calls in production, or none."""
        planned(input_)

    @does(CATALOG, "publish_version")
    def publish_version(
        self, input_: Annotated[PublishVersionInput, strawberry.argument(name="input")]
    ) -> Annotated[Version | Problem, strawberry.union("PublishVersionResult")]:
        """Make a version callable."""
        planned(input_)
