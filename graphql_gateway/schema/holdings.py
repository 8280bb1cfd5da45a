"""Who had access to what, at any moment that has passed."""

from enum import Enum
from typing import Any

import strawberry

from graphql_gateway.engine.declare import Load, Parent, Parts, asks, later, loads, planned, reads
from graphql_gateway.schema.described import enum, type_
from graphql_gateway.schema.members import Person
from graphql_gateway.schema.nodes import DEFAULT_FIRST, Connection
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import AUDIT, IDENTITY
from graphql_gateway.schema.subscriptions import HoldCause

MOST_SCOPES = 20
_OF_ORGANIZATION = Parts({"organization_id": Parent("organization_id"), "at": Parent("at")})
_OF_ANYBODY = Parts({name: Parent(name) for name in ("at", "organization_id", "product_id", "user_id")})


@enum
class HoldingKind(Enum):
    """What somebody held."""

    MEMBER = "MEMBER"
    PLATFORM_ROLE = "PLATFORM_ROLE"
    PROVIDER = "PROVIDER"
    APPLICATION = "APPLICATION"
    CERTIFICATE = "CERTIFICATE"
    AGREEMENT = "AGREEMENT"
    PERMISSION = "PERMISSION"
    SUBSCRIPTION = "SUBSCRIPTION"


@type_
class HoldingGround:
    """A permission or an agreement that stood under a subscription then."""

    kind: HoldingKind
    id: strawberry.ID
    since: DateTime
    until: DateTime | None


@type_
class Holding:
    """What somebody held, unchanged from `since` until `until`; names are those of the moment that was asked for.

    What does not apply to its kind is null; a name is, too, where it was not known then.
    """

    kind: HoldingKind
    id: strawberry.ID = reads(says="The thing's id; of a membership or a role, the user's.")
    since: DateTime
    until: DateTime | None = reads(says="When it ended or became another one; null while it lasts.")
    user_id: strawberry.ID | None
    role: str | None = reads(says="A member's role, or a role on the platform itself.")
    organization_id: strawberry.ID | None
    organization_name: str | None
    provider_id: strawberry.ID | None
    provider_name: str | None
    application_id: strawberry.ID | None
    application_name: str | None
    client_id: str | None
    product_id: strawberry.ID | None
    product_title: str | None
    plan_id: strawberry.ID | None
    plan_name: str | None
    status: str | None = reads(says="ACTIVE or SUSPENDED of a subscription, GRANTED of a permission, CONFIRMED of an agreement.")
    causes: list[HoldCause] = reads(size=2, says="What a subscription was suspended for.")
    operations: list[str] | None = reads(says="The operations that a permission was for; null for all of them.")
    grounds: list[HoldingGround] = reads(size=3, says="What a subscription rested on.")
    user: Person | None = loads(
        Load(IDENTITY, "users_by_id", Parent("user_id")), says="Null where the viewer may not see them now."
    )
    product: Any = loads(Load("catalog", "products_by_id", Parent("product_id")), later("products", "Product"))


HoldingConnection = Connection[Holding]


@type_
class AccessOn:
    """Who belonged to an organization at a moment, what it held, and who held access to its products."""

    at: DateTime
    known_since: DateTime | None = reads(
        says="From this moment on all is known; of earlier ones, only what was announced again. Null: nothing is."
    )
    organization_id: strawberry.ID

    @asks(Load(AUDIT, "members_on", _OF_ORGANIZATION, most_keys=MOST_SCOPES))
    def members(self, first: int = DEFAULT_FIRST, after: str | None = None) -> HoldingConnection | None:
        """List who belonged to the organization, and in which role."""
        planned(first, after)

    @asks(Load(AUDIT, "holdings_on", _OF_ORGANIZATION, most_keys=MOST_SCOPES))
    def holdings(
        self, kinds: list[HoldingKind] | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> HoldingConnection | None:
        """List what the organization held: its subscriptions, or other kinds than MEMBER and PLATFORM_ROLE."""
        planned(kinds, first, after)

    @asks(Load(AUDIT, "recipients_on", _OF_ORGANIZATION, most_keys=MOST_SCOPES))
    def recipients(
        self, kinds: list[HoldingKind] | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> HoldingConnection | None:
        """List who held access to the organization's products: their subscriptions, or permissions and agreements."""
        planned(kinds, first, after)


@type_
class AccessOfAnybody:
    """Who held what at a moment, on the whole platform or as far as the ids given narrow it."""

    at: DateTime
    known_since: DateTime | None = reads(
        says="From this moment on all is known; of earlier ones, only what was announced again. Null: nothing is."
    )
    organization_id: strawberry.ID | None
    product_id: strawberry.ID | None
    user_id: strawberry.ID | None

    @asks(Load(AUDIT, "holdings_of_anybody", _OF_ANYBODY, most_keys=MOST_SCOPES))
    def holdings(
        self, kinds: list[HoldingKind] | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> HoldingConnection | None:
        """List what was held, of all kinds or of these, ordered by kind."""
        planned(kinds, first, after)
