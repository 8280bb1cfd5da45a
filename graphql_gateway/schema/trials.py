"""Trying an operation: one call, for a member, as one of their applications, with everything that was sent and came back."""

from enum import Enum
from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import Load, Parent, does, loads, planned, reads
from graphql_gateway.schema.applications import Application
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.explaining import AccessExplanation
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.releases import Environment, Version
from graphql_gateway.schema.scalars import URL, ProblemCode
from graphql_gateway.schema.services import CATALOG, ENFORCEMENT, IDENTITY, TRYING


@enum
class ParameterPlace(Enum):
    """Where a parameter of an operation is sent."""

    PATH = "PATH"
    QUERY = "QUERY"
    HEADER = "HEADER"
    COOKIE = "COOKIE"


@enum
class TrialOutcome(Enum):
    """Whether something keeps to the document."""

    CONFORMS = "CONFORMS"
    DEVIATES = "DEVIATES"
    NOT_JUDGED = "NOT_JUDGED"


@enum
class CountedAs(Enum):
    """As what a call counts in usage: as answered by the provider's system, or by the sandbox, or as refused by the platform."""

    PRODUCTION = "PRODUCTION"
    SANDBOX = "SANDBOX"
    REFUSED = "REFUSED"


@type_
class TrialHeader:
    """One header."""

    name: str
    value: str


@type_
class TrialRequest:
    """The request as it was sent; the token is not shown."""

    method: str
    url: URL
    headers: list[TrialHeader] = reads(size=10)
    body: str | None


@type_
class TrialResponse:
    """What came back."""

    status: int
    headers: list[TrialHeader] = reads(size=15)
    body: str | None = reads(says="Null where it is no text in UTF-8.")
    bytes: int = reads(says="How many bytes of the body were read.")
    truncated: bool = reads(says="Whether there was more than what is read.")


@type_
class TrialFinding:
    """One thing that does not keep to the document."""

    place: str = reads(says="Such as `parameters.id`, `headers.etag`, `status`, or `body#/items/0` with a JSON pointer.")
    message: str


@type_
class TrialVerdict:
    """What holding a request or a response against the document has shown."""

    outcome: TrialOutcome
    findings: list[TrialFinding] = reads(size=5, says="The first 20.")
    findings_total: int
    note: str | None = reads(says="What could not be judged, and why.")


@type_
class Trial:
    """One call that was tried."""

    id: strawberry.ID
    application_id: strawberry.ID
    application: Application | None = loads(Load(IDENTITY, "applications_by_id", Parent("application_id")))
    version_id: strawberry.ID
    version: Version | None = loads(Load(CATALOG, "versions_by_id", Parent("version_id")))
    operation_id: str
    environment: Environment
    request: TrialRequest
    request_verdict: TrialVerdict
    response: TrialResponse
    response_verdict: TrialVerdict
    duration_ms: float = reads(says="From the first byte that was sent to the last one that was read, in milliseconds.")
    request_id: str | None = reads(says="The call's id in usage.")
    counted_as: CountedAs
    rejection: ProblemCode | None = reads(says="The code where the platform answered and not the API.")
    explanation: AccessExplanation | None = loads(
        Load(ENFORCEMENT, "refusals_by_request", Parent("refused_request_id")),
        says="Why the platform refused it, link by link, and who can mend that; null also where it is not kept.",
    )


@input_
class TrialParameterInput:
    """A parameter of the operation: a text, or JSON where the document describes a list or an object."""

    name: str
    value: str
    place: ParameterPlace | None = strawberry.field(
        default=strawberry.UNSET, description="Only needed where the operation has several parameters of this name."
    )


@input_
class TrialHeaderInput:
    """A header beside those that the operation has parameters for."""

    name: str
    value: str


@input_
class TryOperationInput:
    """Which operation of a published version is called, as which application, and what is sent."""

    application_id: strawberry.ID
    version_id: strawberry.ID
    operation_id: str
    environment: Environment = Environment.PRODUCTION
    parameters: list[TrialParameterInput] | None = strawberry.field(
        default=strawberry.UNSET, description="One that stands here several times is a list."
    )
    headers: list[TrialHeaderInput] | None = strawberry.UNSET
    body: str | None = strawberry.UNSET


@type_
class TrialMutations:
    """Trying operations."""

    @does(TRYING, "try_operation")
    def try_operation(
        self, input_: Annotated[TryOperationInput, strawberry.argument(name="input")]
    ) -> Annotated[Trial | Problem, strawberry.union("TryOperationResult")]:
        """Call an operation through the data plane with a short-lived token of an application: it counts like any other call.

        An idempotency key does not keep it from being called twice.
        """
        planned(input_)
