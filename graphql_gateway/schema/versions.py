"""The life of versions: what is different between two, whom the end of one concerns, and what is done about it."""

from typing import Annotated, Any

import strawberry

from graphql_gateway.engine.declare import Argument, Load, Parent, Parts, asks, does, later, loads, planned, reads
from graphql_gateway.schema.described import input_, type_
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.products import Product
from graphql_gateway.schema.releases import COMPARISON_WEIGHT, Version
from graphql_gateway.schema.scalars import DateTime, Long
from graphql_gateway.schema.services import CATALOG
from graphql_gateway.schema.subscriptions import SubscriptionStatus


@type_
class VersionDifference:
    """One thing that is different between two versions."""

    kind: str = reads(says="A stable name, such as `PROPERTY_REMOVED`; there may be further ones.")
    operation: str | None = reads(says="The first operation that it concerns, as method and path.")
    operations: list[str] = reads(says="The first 20 of them.")
    operations_total: int
    place: str = reads(says="A JSON pointer into the later document …")
    is_in_former: bool = reads(says="… or into the former one, where something was removed.")
    says: str
    is_breaking: bool = reads("breaking", says="Whether who keeps to the former document cannot rely on the later one.")


@type_
class VersionComparison:
    """What is different in one version, as callers of another one see it: what breaks first."""

    former: Version | None = loads(Load(CATALOG, "versions_by_id", Parent("former_id")))
    later: Version | None = loads(Load(CATALOG, "versions_by_id", Parent("later_id")))
    is_breaking: bool
    breaking_total: int
    differences_total: int
    is_complete: bool = reads(says="False where there is more than can be told.")
    differences: list[VersionDifference] = reads(size=30)


@type_
class AffectedApplication:
    """An application that is subscribed to the product, or has called it in the last 30 days."""

    application_id: strawberry.ID
    name: str | None
    organization_id: strawberry.ID
    organization_name: str | None
    subscription_status: SubscriptionStatus | None = reads(
        says="Null where it calls an open test product without a subscription."
    )
    calls: Long = reads(says="Of the last 30 days.")
    last_called_at: DateTime | None
    is_acknowledged: bool


@type_
class AffectedOrganization:
    """An organization with such applications."""

    organization_id: strawberry.ID
    name: str | None
    applications_total: int
    calls: Long
    is_acknowledged: bool


@type_
class RetirementImpact:
    """Whom the end of a version, or of a product, would concern."""

    version_id: strawberry.ID | None
    days: int = reads(says="Over how many days calls are counted.")
    applications: list[AffectedApplication] = reads(size=20, says="At most 200, the most calls first.")
    applications_total: int
    organizations: list[AffectedOrganization] = reads(size=10, says="At most 200.")
    organizations_total: int
    agreements_in_force: int
    calls: Long
    last_called_at: DateTime | None
    unacknowledged_calls: Long = reads(says="Of organizations that have not acknowledged the end of the version.")


@type_
class RetirementNotice:
    """That a version which an organization is subscribed to, or calls, is going to end."""

    version_id: strawberry.ID
    version: Version | None = loads(Load(CATALOG, "versions_by_id", Parent("version_id")))
    product: Product | None = loads(Load(CATALOG, "products_by_id", Parent("product_id")))
    organization_id: strawberry.ID
    deprecated_at: DateTime
    sunset_at: DateTime
    migrate_to: Any = loads(Load(CATALOG, "versions_by_id", Parent("migrate_to_id")), later("releases", "Version"))
    note: str | None
    is_subscribed: bool
    calls: Long = reads(says="Of the organization's applications in the last 30 days.")
    last_called_at: DateTime | None
    is_acknowledged: bool
    acknowledged_at: DateTime | None


@type_
class VersionQueries:
    """What may be asked of versions at the root."""

    @asks(
        Load(
            CATALOG,
            "comparisons",
            Parts({"former": Argument("from"), "later": Argument("to")}),
            weight=COMPARISON_WEIGHT,
        )
    )
    def compare_versions(
        self, from_: Annotated[strawberry.ID, strawberry.argument(name="from")], to: strawberry.ID
    ) -> VersionComparison | None:
        """Say what is different between two versions of an API; drafts are compared for their provider's members."""
        planned(from_, to)


@input_
class DeprecateVersionInput:
    """Which version is going to end, when, which version follows it, and what its callers are told."""

    version_id: strawberry.ID
    sunset_at: DateTime
    migrate_to: strawberry.ID | None = strawberry.UNSET
    note: str | None = strawberry.UNSET


@input_
class UndeprecateVersionInput:
    """Which version does not end after all."""

    version_id: strawberry.ID


@input_
class RetireVersionInput:
    """Which version ends; with a reason also before its sunset, and while it is called by who has not acknowledged that."""

    version_id: strawberry.ID
    despite_traffic: str | None = strawberry.UNSET


@input_
class DeleteVersionInput:
    """Which draft goes."""

    version_id: strawberry.ID


@type_
class DeletedVersion:
    """A draft that is gone."""

    version_id: strawberry.ID
    product: Product


@input_
class AcknowledgeRetirementInput:
    """Which version's end is acknowledged, for which organization."""

    version_id: strawberry.ID
    organization_id: strawberry.ID


@type_
class VersionMutations:
    """What providers do about the life of versions, and recipients about their end."""

    @does(CATALOG, "deprecate_version")
    def deprecate_version(
        self, input_: Annotated[DeprecateVersionInput, strawberry.argument(name="input")]
    ) -> Annotated[Version | Problem, strawberry.union("DeprecateVersionResult")]:
        """Announce the end of a version, or another date, target or note of it."""
        planned(input_)

    @does(CATALOG, "undeprecate_version")
    def undeprecate_version(
        self, input_: Annotated[UndeprecateVersionInput, strawberry.argument(name="input")]
    ) -> Annotated[Version | Problem, strawberry.union("UndeprecateVersionResult")]:
        """Take the end of a version back."""
        planned(input_)

    @does(CATALOG, "retire_version")
    def retire_version(
        self, input_: Annotated[RetireVersionInput, strawberry.argument(name="input")]
    ) -> Annotated[Version | Problem, strawberry.union("RetireVersionResult")]:
        """End a version: it cannot be called any more, and stays to be read."""
        planned(input_)

    @does(CATALOG, "delete_version")
    def delete_version(
        self, input_: Annotated[DeleteVersionInput, strawberry.argument(name="input")]
    ) -> Annotated[DeletedVersion | Problem, strawberry.union("DeleteVersionResult")]:
        """Delete a draft."""
        planned(input_)

    @does(CATALOG, "acknowledge_retirement")
    def acknowledge_retirement(
        self, input_: Annotated[AcknowledgeRetirementInput, strawberry.argument(name="input")]
    ) -> Annotated[RetirementNotice | Problem, strawberry.union("AcknowledgeRetirementResult")]:
        """Acknowledge the end of a version for an organization that calls it."""
        planned(input_)
