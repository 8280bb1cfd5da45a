"""Usage: what analytics knows about calls. Every answer states how true it is."""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any

import strawberry

from graphql_gateway.engine.declare import METADATA, FirstGiven, Load, Parent, Parts, Read, asks, planned, reads
from graphql_gateway.schema.described import enum, input_, interface, type_
from graphql_gateway.schema.releases import Environment
from graphql_gateway.schema.scalars import DateTime, Long

USAGE_WEIGHT = 25.0
SERIES_SIZE = 100
MOST_SCOPES = 100
_SCOPES = ("organization_id", "application_id", "product_id")


def usage_of(scope: str | None = None) -> Load:
    """Return the load of a report: of the parent, under this name of the scope, or of what the input names first."""
    key = FirstGiven(_SCOPES, {"platform": True}) if scope is None else Parts({scope: Parent("id")})

    def arrange(args: Mapping[str, Any]) -> dict[str, Any]:
        asked = scope or next((name for name in _SCOPES if name in args), None)
        left_out = {"organization_id", asked}
        return {name: value for name, value in args.items() if name not in left_out}

    return Load("analytics", "usage", key, spread="input", weight=USAGE_WEIGHT, arrange=arrange, most_keys=MOST_SCOPES)


@enum
class UsageInterval(Enum):
    """How long one point of a series is."""

    MINUTE = "MINUTE"
    HOUR = "HOUR"
    DAY = "DAY"


@enum
class UsageGrouping(Enum):
    """What the calls are grouped by."""

    STATUS = "STATUS"
    OPERATION = "OPERATION"
    APPLICATION = "APPLICATION"
    PRODUCT = "PRODUCT"
    VERSION = "VERSION"
    PLAN = "PLAN"
    ORGANIZATION = "ORGANIZATION"
    REJECTION = "REJECTION"
    ENVIRONMENT = "ENVIRONMENT"


@enum
class UsageMethod(Enum):
    """Whether figures are counted or estimated. Calls are always counted; percentiles are estimated."""

    EXACT = "EXACT"
    APPROXIMATE = "APPROXIMATE"


@input_
class UsageInput:
    """Which calls: a period, whose, to what, and with which outcome.

    At the root the report is about the first of organization, application and product that is named; the others narrow it down.
    """

    from_: DateTime = strawberry.field(name="from")
    to: DateTime
    interval: UsageInterval | None = None
    group_by: UsageGrouping | None = None
    time_zone: str = strawberry.field(default="UTC", description="An IANA name, such as Europe/Riga; days begin there.")
    organization_id: strawberry.ID | None = None
    application_id: strawberry.ID | None = None
    product_id: strawberry.ID | None = None
    status: int | None = None
    environment: Environment | None = strawberry.field(
        default=None, description="What the calls went to, or would have gone to; without it all calls are meant."
    )
    rejection: str | None = strawberry.field(
        default=None, description="A code such as UPSTREAM_TIMEOUT, or NONE: calls that the API itself answered."
    )


UsageArgument = Annotated[UsageInput, strawberry.argument(name="input")]


@interface
class UsageFigures:
    """Figures of a number of calls."""

    calls: Long
    success: Long
    client_errors: Long
    server_errors: Long
    unauthorized: Long
    forbidden: Long
    not_found: Long
    rate_limited: Long
    sandbox: Long = reads(says="How many of the calls were to the sandbox.")
    bytes_in: Long
    bytes_out: Long
    latency_p50_ms: float | None = strawberry.field(name="latencyP50Ms")
    latency_p90_ms: float | None = strawberry.field(name="latencyP90Ms")
    latency_p95_ms: float | None = strawberry.field(name="latencyP95Ms")
    latency_p99_ms: float | None = strawberry.field(name="latencyP99Ms")


@type_
class UsageTotals(UsageFigures):
    """The figures of the whole period."""


@type_
class UsagePoint(UsageFigures):
    """The figures of one interval."""

    start: DateTime


@type_
class UsageGroup(UsageFigures):
    """The figures of one group."""

    key: str
    label: str | None
    version_id: strawberry.ID | None = reads(says="Where the calls are grouped by operation.")
    operation_id: str | None


@type_
class UsageReport:
    """What is known of the calls asked about, and how well."""

    as_of: DateTime
    from_: DateTime = strawberry.field(
        name="from", metadata={METADATA: Read("from")}, description="The period, widened to whole minutes."
    )
    to: DateTime
    watermark: DateTime = reads(says="Every call until then is counted.")
    lag_seconds: float
    completeness: float = reads(says="The share of the period that is settled; 1 is all of it.")
    method: UsageMethod
    totals: UsageTotals
    series: list[UsagePoint] = reads(size=SERIES_SIZE)
    groups: list[UsageGroup] = reads(size=SERIES_SIZE)


@type_
class UsageQueries:
    """What may be asked of usage at the root."""

    @asks(usage_of())
    def usage(self, input_: UsageArgument) -> UsageReport | None:
        """Report on the calls of an organization, an application or a product; for analysts also of the whole platform."""
        planned(input_)
