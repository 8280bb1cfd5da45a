"""How the gateway itself says no, before any service is asked."""

from typing import Any

from chassis.errors import Forbidden, Invalid, Refusal
from chassis.telemetry import current_trace


class BodyNotReadable(Invalid):
    """The body is not a GraphQL request as JSON."""

    status = 400


class BodyTooLarge(Invalid):
    """The body is larger than the gateway takes."""

    status = 413


class MediaTypeNotTaken(Invalid):
    """Send the request as application/json in UTF-8."""

    status = 415


class NothingAcceptable(Invalid):
    """Accept application/graphql-response+json, application/json or, for updates, text/event-stream."""

    status = 406


class MethodNotTaken(Invalid):
    """Use POST; GET is for queries only."""

    status = 405


class CsrfTokenMissing(Forbidden):
    """A request with a session cookie needs its CSRF token in the header Portico-CSRF."""


class OriginNotAllowed(Forbidden):
    """Pages of this origin may not use the session cookie."""


class IdempotencyKeyNotUsable(Invalid):
    """Send one idempotency key, of 16 to 200 printable ASCII characters, such as a fresh UUID."""

    status = 400


def error_body(code: str, message: str) -> dict[str, Any]:
    """Return the response of a request that was not run."""
    return {"errors": [{"message": message, "extensions": {"code": code, "traceId": current_trace()}}]}


def refusal_body(refusal: Refusal) -> dict[str, Any]:
    """Return the response of a refused request."""
    return error_body(refusal.code, refusal.message)


def internal_body() -> dict[str, Any]:
    """Return the response of an unexpected failure: it says nothing but where to look."""
    return error_body("INTERNAL", f"Something failed on our side. Quote the trace id {current_trace()} when you ask for support.")
