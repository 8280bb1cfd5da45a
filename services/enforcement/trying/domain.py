"""What is true of trials: what a call is made of, where it goes, and what came back. Pure.

Where a call goes is put together from what was announced: the version's base path, and below it a path that means the operation
that was named. Nobody gives an address; nothing that is given can lead anywhere else.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chassis.errors import HELP_BASE, Conflict, Invalid, TooMany, Unavailable, is_problem
from services.enforcement.state.versions import Version
from services.enforcement.trying.environments import Environment, path_in

HIDDEN = "(not shown)"
MOST_HEADERS = 100
_LONGEST_TARGET = 8_192
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~-]{1,100}")
_VALUE = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]{0,8000}[\x21-\x7e])?|")
_TARGET = re.compile(r"/[\x21-\x7e]*")
# What says where a call goes, how it is carried and who makes it is said here, and by nobody else.
_OURS = frozenset(
    {
        *("accept-encoding", "authorization", "connection", "content-length", "expect", "forwarded", "host", "http2-settings"),
        *("keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "via"),
        *("x-real-ip", "x-request-id"),
    }
)
_OUR_PREFIXES = ("portico-", "x-portico-", "x-envoy-", "x-forwarded-", "x-original-")


class TrialTokenNeeded(Invalid):
    """The token is not one for a trial."""


class RequestNotUsable(Invalid):
    """The request is not one of the operation that is to be tried."""


class VersionNotInForce(Conflict):
    """The version cannot be called: it is not published, or it is retired."""


class TooManyTrials(TooMany):
    """Too many trials run at this moment; try again shortly."""

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=1)


class DataPlaneUnavailable(Unavailable):
    """The data plane does not answer; try again shortly."""


class CountedAs(StrEnum):
    """As what a call counts in usage."""

    PRODUCTION = "PRODUCTION"
    SANDBOX = "SANDBOX"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be sent; ``target`` is the path below the base path, with its query."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Request:
    """A call as it goes to the data plane."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as much of it as is read."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    is_truncated: bool
    duration_ms: float

    def header(self, name: str) -> str | None:
        """Return a header's first value."""
        return next((value for each, value in self.headers if each == name), None)


def request_to(version: Version, operation_id: str, environment: Environment, wanted: Wanted, *, token: str) -> Request:
    """Return the call. Raises ``RequestNotUsable`` where it is not one of the operation, or says what is not its to say."""
    path = wanted.target.partition("?")[0]
    if len(wanted.target) > _LONGEST_TARGET or not _TARGET.fullmatch(wanted.target) or "#" in wanted.target:
        raise RequestNotUsable
    operation = version.matcher.find(wanted.method, path).operation
    if operation is None or operation.id != operation_id:
        raise RequestNotUsable
    if len(wanted.headers) > MOST_HEADERS or any(not _may_be_sent(name, value) for name, value in wanted.headers):
        raise RequestNotUsable
    body = wanted.body or b""
    is_sized = wanted.body is not None or wanted.method in ("POST", "PUT", "PATCH")
    return Request(
        wanted.method,
        path_in(environment, version.base_path) + wanted.target,
        (
            *wanted.headers,
            ("authorization", f"Bearer {token}"),
            ("accept-encoding", "identity"),
            *([("content-length", str(len(body)))] if is_sized else []),
        ),
        body,
    )


def _may_be_sent(name: str, value: str) -> bool:
    is_ours = name.lower() in _OURS or name.lower().startswith(_OUR_PREFIXES)
    return bool(_NAME.fullmatch(name) and _VALUE.fullmatch(value)) and not is_ours


def shown(text: str, token: str) -> str:
    """Return a text without the token, wherever it may have come back."""
    return text.replace(token, HIDDEN)


def text_in(body: bytes, *, is_truncated: bool) -> str | None:
    """Return a body as text, or None where it is none; a character that was cut in two is left out."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        is_cut = is_truncated and error.end == len(body) and len(body) - error.start < 4
        return body[: error.start].decode() if is_cut and error.start else None


def rejection_in(answer: Answer, document: Any) -> str | None:
    """Return the code where the platform answered and not the API: its problem documents carry the id of this very call."""
    request_id = answer.header("x-request-id")
    if not is_problem(document) or not str(document.get("type", "")).startswith(HELP_BASE):
        return None
    return str(document["code"]) if request_id is None or document.get("request_id") == request_id else None


def counted_as(answered_by: Environment, rejection: str | None) -> CountedAs:
    """Return as what a call counts."""
    return CountedAs.REFUSED if rejection is not None else CountedAs(answered_by.value)


def headers_to_show(headers: Sequence[tuple[str, str]], token: str) -> list[dict[str, str]]:
    """Return headers as rows; the token is in none of them."""
    return [{"name": name, "value": shown(value, token)} for name, value in headers[:MOST_HEADERS]]
