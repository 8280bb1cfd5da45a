"""How to have an operation called."""

from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.enforcement.trying import domain
from services.enforcement.trying.actions import Made, Trial, TrialDesk
from services.enforcement.trying.domain import Answer, Wanted
from services.enforcement.trying.environments import Environment

_NO_KEYS = "what it does is done by the API that is called, which alone could tell a second call from the first"
_LONGEST_BODY = 512 * 1024
Name = Annotated[str, Field(max_length=200)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HeaderInput(_Input):
    """One header."""

    name: str
    value: str


class CallOperation(_Input):
    """The input of ``call_operation``: what is tried, with which token, and the request as the catalogue has built it."""

    access_token: Annotated[str, Field(max_length=4096)]
    version_id: Name
    base_path: Annotated[str, Field(max_length=500)]
    operation_id: Name
    environment: Environment
    method: Annotated[str, Field(max_length=10)]
    target: str
    headers: Annotated[tuple[HeaderInput, ...], Field(max_length=domain.MOST_HEADERS)] = ()
    body: Annotated[str, Field(max_length=_LONGEST_BODY)] | None = None

    @property
    def wanted(self) -> Wanted:
        """Return what is to be sent."""
        body = None if self.body is None else self.body.encode()
        return Wanted(self.method, self.target, tuple((each.name, each.value) for each in self.headers), body)


def _row(given: CallOperation, made: Made) -> dict[str, Any]:
    token, request, answer = given.access_token, made.request, made.answer
    body = domain.text_in(answer.body, is_truncated=answer.is_truncated)
    rejection = domain.rejection_in(answer, _document_in(answer))
    return {
        "request": {
            "method": request.method,
            "path": request.target,
            "headers": domain.headers_to_show(request.headers, token),
            "body": given.body,
        },
        "response": {
            "status": answer.status,
            "headers": domain.headers_to_show(answer.headers, token),
            "body": None if body is None else domain.shown(body, token),
            "bytes": len(answer.body),
            "truncated": answer.is_truncated,
        },
        "duration_ms": round(answer.duration_ms, 3),
        "request_id": answer.header("x-request-id"),
        "counted_as": domain.counted_as(made.answered_by, rejection).value,
        "rejection": rejection,
    }


def _document_in(answer: Answer) -> Any:
    if not (answer.header("content-type") or "").startswith("application/problem+json"):
        return None
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None


def routes(edge: Edge, desk: TrialDesk) -> list[BaseRoute]:
    """Return the routes of this noun."""

    async def call_operation(asked: Asked) -> Json:
        given = asked.read(CallOperation)
        trial = Trial(given.version_id, given.base_path, given.operation_id, given.environment, given.access_token)
        return _row(given, await desk.call_operation(asked.principal, trial, given.wanted))

    r = Routes(edge)
    r.do("call_operation", call_operation, without_keys=_NO_KEYS)
    return r.collected
