"""What services answer, told apart: rows, a result, a refusal, or a failure of which nothing is said but its trace."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from chassis.calls import Answer, Call, Caller, ServiceUnavailable
from chassis.errors import is_problem
from chassis.telemetry import current_trace, log
from graphql_gateway.engine.failures import Failure

UNAVAILABLE = "UNAVAILABLE"
INTERNAL = "INTERNAL"
_DOWN = frozenset({502, 503, 504})
_TOLD = frozenset({"PROVIDER_DOWN", "TOO_BUSY_TO_HASH", "DATA_PLANE_UNAVAILABLE"})
"""What is away is not a part of the platform, or not for long: whoever asks can do something about it."""
_log = log("gateway")


Hear = Callable[[Mapping[str, str]], None]


async def ask(caller: Caller, call: Call, hear: Hear | None = None) -> dict[str, Any] | Failure:
    """Call a service and return the object that it answers with, or why there is none; ``hear`` is told the answer's headers."""
    try:
        answer = await caller.call(call)
    except ServiceUnavailable as error:
        _log.warning("a service does not answer", service=call.service, path=call.path, reason=error.message)
        return unavailable()
    if hear is not None:
        hear(answer.headers)
    document = _object_in(answer)
    if answer.status == 200 and document is not None:
        return document
    if answer.status < 500 and is_problem(document):
        return _refusal(document or {})
    if is_problem(document) and (document or {}).get("code") in _TOLD:
        return _refusal(document or {})
    if answer.status in _DOWN:
        _log.warning("a service is not available", service=call.service, path=call.path, status=answer.status)
        return unavailable(_refusal(document or {}).retry_after_seconds)
    trace_id = str((document or {}).get("trace_id") or current_trace())
    _log.error("a service failed", service=call.service, path=call.path, status=answer.status, failed_trace_id=trace_id)
    return internal(trace_id)


def unavailable(retry_after_seconds: int | None = None) -> Failure:
    """Return the failure of a part that does not answer."""
    message = "This part of the platform does not answer at the moment; try again shortly."
    return Failure(UNAVAILABLE, message, current_trace(), retry_after_seconds=retry_after_seconds)


def internal(trace_id: str | None = None) -> Failure:
    """Return the failure that says nothing but where to look."""
    trace_id = trace_id or current_trace()
    message = f"Something failed on our side. Quote the trace id {trace_id} when you ask for support."
    return Failure(INTERNAL, message, trace_id)


def _object_in(answer: Answer) -> dict[str, Any] | None:
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def _refusal(problem: dict[str, Any]) -> Failure:
    message = str(problem.get("detail") or problem.get("title") or "")
    for each in problem.get("fields") or ():
        message = message.replace(f"{each.get('field')}: ", f"{in_camel_case(str(each.get('field')))}: ")
    return Failure(
        code=str(problem.get("code", INTERNAL)),
        message=message,
        trace_id=str(problem.get("trace_id") or current_trace()),
        fields=tuple(
            {"field": in_camel_case(str(each.get("field"))), "message": str(each.get("message"))}
            for each in problem.get("fields") or ()
        ),
        help=problem.get("type"),
        retry_after_seconds=problem.get("retry_after_seconds"),
    )


def in_camel_case(path: str) -> str:
    """Return a dotted path of wire names as the graph spells it."""
    return ".".join(_camel(part) for part in path.split("."))


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)
