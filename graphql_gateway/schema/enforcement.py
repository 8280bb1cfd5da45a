"""Whether what was decided is in force: applied by every instance of the check that can let calls through."""

import strawberry

from graphql_gateway.engine.declare import Constant, Load, Parent, Parts, reads
from graphql_gateway.schema.described import type_
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import ENFORCEMENT

OF_SUBSCRIPTION = Load(
    ENFORCEMENT,
    "enforcement_of_subscriptions",
    Parts({"id": Parent("id"), "status": Parent("status"), "plan_id": Parent("plan_id"), "as_of": Parent("changed_at")}),
)
OF_SECRET = Load(ENFORCEMENT, "enforcement_of_secrets", Parts({"id": Parent("id"), "status": Parent("status")}))
OF_APPLICATION = Load(ENFORCEMENT, "enforcement_of_applications", Parts({"id": Parent("id")}))
OF_ALL = Load(ENFORCEMENT, "operator_enforcement", Constant("all"))


@type_
class EnforcementState:
    """Whether a thing, as it stands here, is what every call is decided by; nothing is claimed of what it was before."""

    in_force: bool
    since: DateTime | None = reads(says="Since when; null while it is not, and where it was not kept.")
    epoch: int | None = reads(says="The number of the changes that it belongs to; null while it has none.")
    worst_lag_ms: int | None = reads(says="How long after the change the last instance had applied it.")
    applied: int = reads(says="How many instances have applied it.")
    instances: int = reads(says="How many instances there are, or were when it came in force.")
    pending: list[strawberry.ID] = reads(size=3, says="The instances that are still waited for.")


@type_
class CheckInstance:
    """A process that decides about calls."""

    id: strawberry.ID
    host: str
    started_at: DateTime
    alive_at: DateTime = reads(says="When it last said that it lives.")
    epoch: int = reads(says="Up to which epoch it has applied every change.")
    worst_lag_ms: int = reads(says="How late it was at worst with the last changes.")
    is_fresh: bool = reads(says="Whether it hears of changes; one that does not lets nothing through.")
    is_silent: bool = reads(says="Whether it has said nothing for so long that no change waits for it.")


@type_
class OperatorEnforcement:
    """How far the changes are, and who applies them."""

    epoch: int = reads(says="The number of the last changes.")
    pending_epochs: int = reads(says="How many epochs are not in force yet.")
    instances: list[CheckInstance] = reads(size=3)
