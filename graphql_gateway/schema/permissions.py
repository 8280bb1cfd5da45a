"""Permissions: the provider's decision that one application may call operations of a product."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from graphql_gateway.engine.declare import Load, Parent, Parts, does, later, loads, planned, reads
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.nodes import Connection, Node
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.products import Product, Provider, QuotaPeriod
from graphql_gateway.schema.releases import OPERATIONS_SIZE
from graphql_gateway.schema.scalars import DateTime, Long
from graphql_gateway.schema.services import SUBSCRIPTIONS

if TYPE_CHECKING:
    from graphql_gateway.schema.agreements import Agreement

SHOWN_BESIDE = 20


@enum
class PermissionStatus(Enum):
    """Where a permission stands."""

    REQUESTED = "REQUESTED"
    RETURNED = "RETURNED"
    GRANTED = "GRANTED"
    REFUSED = "REFUSED"
    REVOKED = "REVOKED"
    LAPSED = "LAPSED"
    WITHDRAWN = "WITHDRAWN"


@enum
class PermissionChangeKind(Enum):
    """What was done about a permission."""

    REQUESTED = "REQUESTED"
    CHANGED = "CHANGED"
    RETURNED = "RETURNED"
    WITHDRAWN = "WITHDRAWN"
    GRANTED = "GRANTED"
    BEGAN = "BEGAN"
    REFUSED = "REFUSED"
    REVOKED = "REVOKED"
    EXTENDED = "EXTENDED"
    LAPSED = "LAPSED"


@type_
class PermissionChange:
    """What somebody did about a permission, or time did."""

    kind: PermissionChangeKind = reads("deed")
    status: PermissionStatus
    reason: str | None
    actor: strawberry.ID | None
    at: DateTime
    valid_to: DateTime | None = reads(says="Until when it was to last since then.")


@type_
class PermissionApplicant:
    """Who asks, as the provider learns it; a part is null where it is not known yet."""

    application_name: str | None
    client_id: str | None
    organization_name: str | None
    is_test: bool | None = reads(says="Whether the organization is one for trying only.")
    data_exchange_number: str | None = reads(says="Null until the organization is onboarded.")


@type_
class PermissionScope:
    """Which operations, until when, how many calls."""

    operations: list[str] | None = reads(size=OPERATIONS_SIZE, says="The operations' ids; null means the whole product.")
    valid_to: DateTime | None
    quota_calls: Long | None
    quota_period: QuotaPeriod | None


@type_
class Permission(Node):
    """Whether one application may call operations of a product. Its own organization and the provider's see it."""

    status: PermissionStatus
    is_in_force: bool = reads(says="Whether the application may call now.")
    operations: list[str] | None = reads(
        size=OPERATIONS_SIZE, says="The ids of the operations that are granted, or asked for; null means the whole product."
    )
    valid_from: DateTime | None = reads(says="From when it is granted; it may lie ahead.")
    valid_to: DateTime | None = reads(says="Until when it is granted, or asked for; null means without an end.")
    quota_calls: Long | None
    quota_period: QuotaPeriod | None
    asked: PermissionScope | None = reads(says="What was asked for; null where the provider granted without being asked.")
    purpose: str | None
    legal_basis: str | None
    reason: str | None = reads(says="Why it stands as it does: a reason, a note, or what the provider asked back.")
    created_at: DateTime
    changed_at: DateTime
    history: list[PermissionChange]
    application_id: strawberry.ID
    organization_id: strawberry.ID
    applicant: PermissionApplicant | None = reads(says="Who asks. The provider sees it too, to whom `application` is null.")
    application: Any = loads(
        Load("identity", "applications_by_id", Parent("application_id")), later("applications", "Application")
    )
    provider: Provider | None = reads(says="Who decides.")
    product: Product | None = loads(Load("catalog", "products_by_id", Parent("product_id")))
    other_permissions: Any = loads(
        Load(SUBSCRIPTIONS, "permissions_beside", Parent("id"), size=SHOWN_BESIDE),
        list[Annotated["Permission", strawberry.lazy("graphql_gateway.schema.permissions")]] | None,
        says="For those who decide: what else the organization has asked this provider for, the newest 20.",
    )

    agreements: Any = loads(
        Load(
            SUBSCRIPTIONS,
            "agreements_between",
            Parts({"organization_id": Parent("organization_id"), "provider_id": Parent("provider_id")}),
            size=SHOWN_BESIDE,
        ),
        list[Annotated["Agreement", strawberry.lazy("graphql_gateway.schema.agreements")]] | None,
        says="For those who conclude them: the organization's agreements with this provider, the newest 20.",
    )


PermissionConnection = Connection[Permission]


@input_
class RequestPermissionInput:
    """For which application what is asked of which product, what for, and by which right."""

    application_id: strawberry.ID
    product_id: strawberry.ID
    operations: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="The operations' ids. The whole product is asked for without this."
    )
    purpose: str
    legal_basis: str
    quota_calls: Long | None = strawberry.UNSET
    quota_period: QuotaPeriod | None = strawberry.UNSET
    valid_to: DateTime | None = strawberry.UNSET


@input_
class ChangePermissionRequestInput:
    """What changes of a request; what is left out stays."""

    permission_id: strawberry.ID
    operations: list[str] | None = strawberry.UNSET
    purpose: str | None = strawberry.UNSET
    legal_basis: str | None = strawberry.UNSET
    quota_calls: Long | None = strawberry.UNSET
    quota_period: QuotaPeriod | None = strawberry.UNSET
    valid_to: DateTime | None = strawberry.UNSET
    note: str | None = strawberry.field(
        default=strawberry.UNSET, description="The answer to what the provider asked back, for instance."
    )


@input_
class WithdrawPermissionRequestInput:
    """Which request is taken back, and perhaps why."""

    permission_id: strawberry.ID
    reason: str | None = strawberry.UNSET


@input_
class GrantPermissionInput:
    """Which permission is granted; what is left out is granted as it was asked for."""

    permission_id: strawberry.ID
    operations: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Only some of the operations that were asked for."
    )
    valid_from: DateTime | None = strawberry.field(default=strawberry.UNSET, description="From when on; at once without this.")
    valid_to: DateTime | None = strawberry.UNSET
    quota_calls: Long | None = strawberry.UNSET
    quota_period: QuotaPeriod | None = strawberry.UNSET
    note: str | None = strawberry.UNSET


@input_
class GrantPermissionToInput:
    """Which application may call which product, by the Client ID that its owner has told."""

    client_id: str
    product_id: strawberry.ID
    operations: list[str] | None = strawberry.UNSET
    purpose: str | None = strawberry.UNSET
    legal_basis: str | None = strawberry.UNSET
    valid_from: DateTime | None = strawberry.UNSET
    valid_to: DateTime | None = strawberry.UNSET
    quota_calls: Long | None = strawberry.UNSET
    quota_period: QuotaPeriod | None = strawberry.UNSET
    note: str | None = strawberry.UNSET


@input_
class RefusePermissionInput:
    """Which request is declined, and why."""

    permission_id: strawberry.ID
    reason: str


@input_
class ReturnPermissionInput:
    """Which request is asked back about, and what."""

    permission_id: strawberry.ID
    question: str


@input_
class RevokePermissionInput:
    """Which permission is taken back, and why."""

    permission_id: strawberry.ID
    reason: str


@input_
class ExtendPermissionInput:
    """Which permission ends at another moment, or never."""

    permission_id: strawberry.ID
    valid_to: DateTime | None
    note: str | None = strawberry.UNSET


@type_
class PermissionMutations:
    """What recipients and providers do about permissions."""

    @does(SUBSCRIPTIONS, "request_permission")
    def request_permission(
        self, input_: Annotated[RequestPermissionInput, strawberry.argument(name="input")]
    ) -> Annotated[Permission | Problem, strawberry.union("RequestPermissionResult")]:
        """Ask a provider to let an application call its product."""
        planned(input_)

    @does(SUBSCRIPTIONS, "change_permission_request")
    def change_permission_request(
        self, input_: Annotated[ChangePermissionRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[Permission | Problem, strawberry.union("ChangePermissionRequestResult")]:
        """Ask with other words before it is decided; what was asked back goes to the provider again."""
        planned(input_)

    @does(SUBSCRIPTIONS, "withdraw_permission_request")
    def withdraw_permission_request(
        self, input_: Annotated[WithdrawPermissionRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[Permission | Problem, strawberry.union("WithdrawPermissionRequestResult")]:
        """Ask no more, before it is decided."""
        planned(input_)

    @does(SUBSCRIPTIONS, "grant_permission")
    def grant_permission(
        self, input_: Annotated[GrantPermissionInput, strawberry.argument(name="input")]
    ) -> Annotated[Permission | Problem, strawberry.union("GrantPermissionResult")]:
        """Let an application call, as the product's provider: what it asks for, or less."""
        planned(input_)

    @does(SUBSCRIPTIONS, "grant_permission_to")
    def grant_permission_to(
        self, input_: Annotated[GrantPermissionToInput, strawberry.argument(name="input")]
    ) -> Annotated[Permission | Problem, strawberry.union("GrantPermissionToResult")]:
        """Let an application call that has not asked here, as the product's provider, by its Client ID."""
        planned(input_)

    @does(SUBSCRIPTIONS, "refuse_permission")
    def refuse_permission(
        self, input_: Annotated[RefusePermissionInput, strawberry.argument(name="input")]
    ) -> Annotated[Permission | Problem, strawberry.union("RefusePermissionResult")]:
        """Decline a request, as the product's provider."""
        planned(input_)

    @does(SUBSCRIPTIONS, "return_permission")
    def return_permission(
        self, input_: Annotated[ReturnPermissionInput, strawberry.argument(name="input")]
    ) -> Annotated[Permission | Problem, strawberry.union("ReturnPermissionResult")]:
        """Ask back before deciding, as the product's provider."""
        planned(input_)

    @does(SUBSCRIPTIONS, "revoke_permission")
    def revoke_permission(
        self, input_: Annotated[RevokePermissionInput, strawberry.argument(name="input")]
    ) -> Annotated[Permission | Problem, strawberry.union("RevokePermissionResult")]:
        """Take back what was granted, as the product's provider."""
        planned(input_)

    @does(SUBSCRIPTIONS, "extend_permission")
    def extend_permission(
        self, input_: Annotated[ExtendPermissionInput, strawberry.argument(name="input")]
    ) -> Annotated[Permission | Problem, strawberry.union("ExtendPermissionResult")]:
        """Let what was granted end at another moment, or never, as the product's provider; also after it has lapsed."""
        planned(input_)
