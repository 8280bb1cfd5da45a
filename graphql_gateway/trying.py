"""Trying an operation: four services' parts, one after the other, each decided by the service that does it.

Identity says whether this member may call as that application, and issues a token for one call. The catalogue builds the request
from the document. Enforcement makes the call through the data plane, and only such a one. The catalogue holds the answer against
the document. The gateway hands on what each has made, shows nobody the token, and keeps nothing.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from graphql_gateway.engine.failures import Failure

TRYING = "trying"
_OF_THE_REQUEST = ("method", "target", "headers", "body", "base_path")
Row = dict[str, Any]
Do = Callable[[str, str, Row], Awaitable[Row | Failure]]


async def tried(do: Do, asked: Row) -> Row | Failure:
    """Have an operation tried; what refuses it is the answer."""
    operation = {name: asked[name] for name in ("version_id", "operation_id")}
    where = {"environment": asked.get("environment") or "PRODUCTION"}
    begun = await do("identity", "try_operation", {"application_id": asked["application_id"], **operation, **where})
    if isinstance(begun, Failure):
        return begun
    wanted = {name: asked[name] for name in ("parameters", "headers", "body") if asked.get(name) is not None}
    prepared = await do("catalog", "prepare_trial", {**operation, **wanted})
    if isinstance(prepared, Failure):
        return prepared
    request = {name: prepared[name] for name in _OF_THE_REQUEST}
    token = {"access_token": begun["access_token"]}
    called = await do("enforcement", "call_operation", {**operation, **where, **request, **token})
    if isinstance(called, Failure):
        return called
    return {"result": {**operation, **where, **await _shown(do, operation, {**asked, **begun}, prepared, called=called)}}


async def _shown(do: Do, operation: Row, begun: Row, prepared: Row, *, called: Row) -> Row:
    """Return the trial as it is shown, with what the catalogue says of the answer."""
    response = called["response"]
    answered = {
        **{name: response[name] for name in ("status", "headers", "body")},
        "is_truncated": response["truncated"],
        "is_refused": called["rejection"] is not None,
    }
    judged = await do("catalog", "judge_trial", {**operation, "answered": answered})
    if isinstance(judged, Failure):
        # The call has been made, whatever can be said of its answer.
        judged = {"outcome": "NOT_JUDGED", "findings": [], "findings_total": 0, "note": judged.message}
    origin = prepared["call_url"].removesuffix(prepared["base_path"])
    refused = called["request_id"] if called["rejection"] is not None else None
    return {
        "id": begun["trial_id"],
        "refused_request_id": refused,
        "application_id": begun["application_id"],
        "request": {**called["request"], "url": origin + called["request"]["path"]},
        "request_verdict": prepared["verdict"],
        "response_verdict": judged,
        **{name: called[name] for name in ("response", "duration_ms", "request_id", "counted_as", "rejection")},
    }
