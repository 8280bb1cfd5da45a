"""The audit trail: who did what, or was refused it."""

from enum import Enum
from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import Constant, Load, Parent, loads, reads
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.members import Person
from graphql_gateway.schema.nodes import Connection
from graphql_gateway.schema.scalars import DateTime, Long
from graphql_gateway.schema.services import AUDIT, IDENTITY

OF_ORGANIZATION = Load(AUDIT, "audit_by_organization", Parent("id"), spread="filter", weight=3.0)
OF_OPERATOR = Load(AUDIT, "operator_audit", Constant("all"), spread="filter", weight=3.0)


@enum
class AuditOutcome(Enum):
    """Whether something was done, or refused for want of authority."""

    DONE = "DONE"
    DENIED = "DENIED"


@enum
class AuditDisclosure(Enum):
    """Whether a value stands there, only a digest by which it can be proved, or nothing of it."""

    SHOWN = "SHOWN"
    DIGESTED = "DIGESTED"
    HIDDEN = "HIDDEN"


@input_
class AuditFilter:
    """Which entries: all of what is given has to be so. `kind` and `thingId` are those of something that changed."""

    actor: strawberry.ID | None = None
    verb: str | None = None
    kind: str | None = None
    thing_id: strawberry.ID | None = None
    outcome: AuditOutcome | None = None
    since: DateTime | None = None
    until: DateTime | None = None


AuditFilterArgument = Annotated[AuditFilter | None, strawberry.argument(name="filter")]


@type_
class AuditChange:
    """What became of one field of a thing; of a thing that was only named there is no field."""

    kind: str
    id: strawberry.ID = reads("thing_id")
    field: str | None = reads(says="Its path; ids within name the part, such as `plans/pln_1/name`.")
    before: str | None = reads(says="Text as it is, other values as JSON; null where there was none.")
    after: str | None
    disclosure: AuditDisclosure


@type_
class AuditEntry:
    """One act, as it stands in a chain: its hash covers it and the hash of the one before it."""

    id: strawberry.ID
    number: Long = reads(says="Counts from 1 in its chain, without gaps.")
    chain: str = reads(says="The id of the organization, or `platform`.")
    at: DateTime
    event_id: strawberry.ID
    service: str
    verb: str = reads(says="What was done; of what the platform does by itself, by which part.")
    actor_id: strawberry.ID | None = reads("actor", says="Null where nobody was signed in.")
    actor: Person | None = loads(
        Load(IDENTITY, "users_by_id", Parent("actor")), says="Null also where the viewer may not see who it is."
    )
    organization_id: strawberry.ID | None = reads(says="Within which organization the actor acted, where that is known.")
    outcome: AuditOutcome
    code: str | None = reads(says="Why it was refused.")
    count: int = reads(says="How often, where it happened again and again.")
    request_id: str
    cause: strawberry.ID | None = reads(says="The event of which it is the consequence.")
    changes: list[AuditChange] = reads(size=20)
    is_cut: bool = reads(says="Whether more changed than is kept.")
    hash: str
    previous: str = reads(says="The hash of the entry before; 64 zeros at the beginning.")


AuditEntryConnection = Connection[AuditEntry]
