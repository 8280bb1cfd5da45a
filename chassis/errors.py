"""Refusals: the seven kinds of expected failure, and how they travel.

::

    Refusal
    ├── Invalid           422  what was sent cannot be used as it is
    ├── Unauthenticated   401  nobody, or nobody any more, stands behind the request
    ├── Forbidden         403  the role does not allow it
    ├── NotFound          404  it does not exist, or not for the one who asks
    │   └── NotHeardOf    404  it may exist, but its announcement has not arrived yet
    ├── Conflict          409  the state of things does not allow it now
    ├── TooMany           429  too often; ``retry_after_seconds`` says when again
    └── Unavailable       503  a part that is needed does not answer; try again

A rule's own refusal subclasses one of these beside the rule and is named as a fact (``AlreadySubscribed``). Its code is its
name (``ALREADY_SUBSCRIBED``), its message the first line of its docstring unless another one is given.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

HELP_BASE = "https://portico.dev/problems/"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field that was sent and cannot be used: ``field`` is a dotted path, ``message`` names the mend."""

    field: str
    message: str


def code_of(name: str) -> str:
    """Return the stable code for a class name: ``AlreadySubscribed`` becomes ``ALREADY_SUBSCRIBED``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).upper()


class Refusal(Exception):  # noqa: N818 - a refusal is a fact about the request, not a fault of the program
    """The request is refused."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "REFUSAL"

    def __init_subclass__(cls) -> None:
        cls.code = code_of(cls.__name__)

    def __init__(
        self,
        message: str | None = None,
        *,
        fields: Sequence[FieldProblem] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        self.message = message or self.default_message()
        self.fields = tuple(fields)
        self.retry_after_seconds = retry_after_seconds
        self.organization_id: str | None = None
        super().__init__(self.message)

    def within(self, organization_id: str) -> Self:
        """Return the refusal, which remembers whose the thing is. The one who is refused is not told."""
        self.organization_id = organization_id
        return self

    @classmethod
    def default_message(cls) -> str:
        """Return the first line of the class's docstring."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]


class Invalid(Refusal):
    """What was sent cannot be used as it is."""

    status = 422


class Unauthenticated(Refusal):
    """Sign in first."""

    status = 401


class Forbidden(Refusal):
    """Your role does not allow this."""

    status = 403


class NotFound(Refusal):
    """There is no such thing."""

    status = 404


class NotHeardOf(NotFound):
    """There is no such thing."""

    # To the one who asks, "not yet" and "not at all" are the same answer.


NotHeardOf.code = NotFound.code


class Conflict(Refusal):
    """The present state does not allow this."""

    status = 409


class TooMany(Refusal):
    """Too many requests; try again later."""

    status = 429


class Unavailable(Refusal):
    """A part that is needed does not answer; try again shortly."""

    status = 503


def invalid(field: str, message: str) -> Invalid:
    """Return the refusal for one unusable field."""
    return Invalid(f"{field}: {message}", fields=[FieldProblem(field, message)])


def to_problem(refusal: Refusal, trace_id: str, request_id: str | None = None) -> dict[str, Any]:
    """Return the refusal as an RFC 9457 problem document."""
    problem: dict[str, Any] = {
        "type": HELP_BASE + refusal.code.lower().replace("_", "-"),
        "title": refusal.default_message(),
        "status": refusal.status,
        "detail": refusal.message,
        "code": refusal.code,
        "trace_id": trace_id,
        "fields": [{"field": each.field, "message": each.message} for each in refusal.fields],
    }
    if request_id not in (None, trace_id):
        problem["request_id"] = request_id
    if refusal.retry_after_seconds is not None:
        problem["retry_after_seconds"] = refusal.retry_after_seconds
    return problem


def internal_problem(trace_id: str, request_id: str | None = None) -> dict[str, Any]:
    """Return the problem document of an unexpected failure: it says nothing but where to look."""
    return {
        "type": HELP_BASE + "internal",
        "title": "Something failed on our side.",
        "status": 500,
        "detail": f"Something failed on our side. Quote the trace id {trace_id} when you ask for support.",
        "code": "INTERNAL",
        "trace_id": trace_id,
        "fields": [],
        **({} if request_id in (None, trace_id) else {"request_id": request_id}),
    }


def is_problem(document: object) -> bool:
    """Say whether a decoded body is one of our problem documents."""
    return isinstance(document, Mapping) and "code" in document and "status" in document
