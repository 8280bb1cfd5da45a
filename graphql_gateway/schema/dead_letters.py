"""Dead letters: announcements that a reaction of the platform has given up, for the operator's administrators."""

from enum import Enum
from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import does, planned, reads
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.nodes import Connection
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import EVERY


@enum
class PlatformService(Enum):
    """One of the services of which the platform is made."""

    IDENTITY = "IDENTITY"
    CATALOG = "CATALOG"
    SUBSCRIPTIONS = "SUBSCRIPTIONS"
    ENFORCEMENT = "ENFORCEMENT"
    ANALYTICS = "ANALYTICS"
    NOTIFICATIONS = "NOTIFICATIONS"
    AUDIT = "AUDIT"
    RECERTIFICATION = "RECERTIFICATION"


@type_
class DeadLetter:
    """An announcement that a reaction has given up. It is known by its queue and its id together."""

    queue: str = reads(says="The reaction's, such as `subscriptions.remember_member`.")
    id: str = reads(says="The announcement's own id, the same in every queue.")
    event: str = reads(says="The announcement's type, such as `identity.member_joined.v1`.")
    subject: str | None = reads(says="The id of the thing that it is about; null where the envelope cannot be read.")
    occurred_at: DateTime | None = reads(says="When it was announced; null where the envelope cannot be read.")
    failure_code: str = reads("code", says="Why it was given up: a refusal's code, or `RETRIES_EXHAUSTED`.")
    reason: str
    attempts: int
    died_at: DateTime
    envelope: str = reads(says="The CloudEvents envelope as it was sent, at most its first 20000 characters.")
    is_cut: bool = reads(says="Whether the envelope is longer than what is shown of it.")


DeadLetterConnection = Connection[DeadLetter]


@input_
class ReplayDeadLetterInput:
    """Which dead letter is put back into its queue."""

    queue: str
    id: str


@input_
class DiscardDeadLetterInput:
    """Which dead letter is removed for good, and why."""

    queue: str
    id: str
    reason: str


@type_
class DeadLetterMutations:
    """What the operator's administrators do about dead letters."""

    @does(EVERY, "replay_dead_letter")
    def replay_dead_letter(
        self, input_: Annotated[ReplayDeadLetterInput, strawberry.argument(name="input")]
    ) -> Annotated[DeadLetter | Problem, strawberry.union("ReplayDeadLetterResult")]:
        """Put a dead letter back into its queue, where it is tried as if for the first time."""
        planned(input_)

    @does(EVERY, "discard_dead_letter")
    def discard_dead_letter(
        self, input_: Annotated[DiscardDeadLetterInput, strawberry.argument(name="input")]
    ) -> Annotated[DeadLetter | Problem, strawberry.union("DiscardDeadLetterResult")]:
        """Remove a dead letter for good; who did it and why is kept."""
        planned(input_)
