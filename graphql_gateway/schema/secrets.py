"""Client secrets: how long each is valid, and whether anybody still uses it."""

from enum import Enum

import strawberry

from graphql_gateway.engine.declare import loads, reads
from graphql_gateway.schema.described import enum, type_
from graphql_gateway.schema.enforcement import OF_SECRET, EnforcementState
from graphql_gateway.schema.scalars import DateTime, Long


@enum
class SecretStatus(Enum):
    """How a client secret stands. RETIRING: valid until its end, since another one has taken its place."""

    ACTIVE = "ACTIVE"
    RETIRING = "RETIRING"
    RETIRED = "RETIRED"


@enum
class SecretEnd(Enum):
    """Why a client secret is valid no more: replaced without grace, retired by somebody, its time was over, nobody used it."""

    ROTATED = "ROTATED"
    RETIRED = "RETIRED"
    EXPIRED = "EXPIRED"
    SILENT = "SILENT"


@enum
class SecretHold(Enum):
    """What stands against retiring a client secret.

    LAST_ONE: no other active secret, key or certificate proves the application. NOT_SILENT_YET: it was issued or used too lately.
    TOKEN_ALIVE: a token that it obtained may still be valid. USAGE_NOT_KNOWN: a data plane has not reported its calls lately.
    """

    LAST_ONE = "LAST_ONE"
    NOT_SILENT_YET = "NOT_SILENT_YET"
    TOKEN_ALIVE = "TOKEN_ALIVE"  # noqa: S105 - a reason, not a token
    USAGE_NOT_KNOWN = "USAGE_NOT_KNOWN"


@type_
class ClientSecret:
    """A secret of an application. The secret itself was shown once and is not kept."""

    id: strawberry.ID
    hint: str = reads(says="The last characters, to tell one from another.")
    status: SecretStatus
    created_at: DateTime
    expires_at: DateTime | None = reads(says="When it is valid no more: the end it was issued with, or that of the grace.")
    retired_at: DateTime | None = reads(says="Since when it is valid no more.")
    retired_because: SecretEnd | None = reads(says="Why it is valid no more; null while it is, and where that was not kept.")
    retire_when_silent: bool = reads(says="Whether it is retired before its end, as soon as that is safe.")
    last_used_at: DateTime | None = reads(
        says="When it obtained a token, or one of its tokens was used, for the last time; null if not within 400 days."
    )
    calls_last_hour: Long = reads(says="Calls of the last hour, counted in steps of five minutes: up to 65 minutes.")
    calls_last_day: Long = reads(says="Calls of the last day, counted in whole hours: up to 25 hours.")
    calls_refused_last_day: Long = reads(
        says="Calls of the last day (in whole hours) that were refused since it is retired: whether somebody still uses it."
    )
    safe_to_retire: bool = reads(
        says="Whether nothing is known that retiring it now would break: it is valid, and nothing `holds` it."
    )
    holds: list[SecretHold] = reads(size=4, says="What stands against retiring it; empty for one that is retired.")
    usage_known_until: DateTime | None = reads(
        says="Every call up to then is counted. Null where the data planes have not told so yet, without a gap."
    )
    enforcement: EnforcementState | None = loads(OF_SECRET, says="Whether it is in force as it stands here, or its end is.")
