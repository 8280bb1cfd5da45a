"""Why something was not done. Every mutation gives its thing or a problem."""

import strawberry

from graphql_gateway.schema.described import type_
from graphql_gateway.schema.scalars import URL, ProblemCode


@type_
class FieldProblem:
    """One field of the input that cannot be used as it is."""

    field: str
    message: str


@type_
class Problem:
    """Why something was not done, for people (message) and for programs (code)."""

    code: ProblemCode
    message: str
    fields: list[FieldProblem]
    trace_id: str = strawberry.field(description="Quote it when you ask for support.")
    request_id: str = strawberry.field(description="The request's X-Request-Id, or what stands for it.")
    help: URL | None
    retry_after_seconds: int | None
