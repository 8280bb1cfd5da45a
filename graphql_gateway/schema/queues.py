"""What waits for the operator: each queue in figures, asked of the service that keeps it."""

import strawberry

from graphql_gateway.engine.declare import Constant, Load, Parent, loads, reads
from graphql_gateway.schema.described import type_
from graphql_gateway.schema.services import IDENTITY, NOTIFICATIONS, SUBSCRIPTIONS
from graphql_gateway.schema.staff import StaffMember


@type_
class QueueHolder:
    """Who holds something of a queue; `userId` is null for what nobody has taken."""

    user_id: strawberry.ID | None
    staff_member: StaffMember | None = loads(
        Load(IDENTITY, "staff_by_id", Parent("user_id")),
        says="Null for what nobody has taken, and for former staff.",
    )
    waiting: int = reads(says="How many things they hold.")
    oldest_seconds: int = reads(says="For how long the oldest of them has been with the operator.")


@type_
class Queue:
    """A queue of the operator, in figures."""

    waiting: int = reads(says="How many things wait for the operator.")
    oldest_seconds: int | None = reads(says="For how long the oldest has been with the operator; null where nothing waits.")
    holders: list[QueueHolder] = reads(says="With whom they are: what nobody has taken first, then the longest held.")


@type_
class OperatorQueues:
    """The operator's queues, each null for staff who do not work on it."""

    onboarding_requests: Queue | None = loads(
        Load(IDENTITY, "onboarding_queue_in_figures", Constant("all")), says="For administrators and support."
    )
    connection_requests: Queue | None = loads(
        Load(SUBSCRIPTIONS, "connection_queue_in_figures", Constant("all")),
        says="For those of the staff who see connection requests.",
    )
    support_requests: Queue | None = loads(
        Load(NOTIFICATIONS, "support_queue_in_figures", Constant("all")), says="For administrators and support."
    )
