"""How calls are answered: a plain ASGI application, asked by the data plane alone.

Which operation is meant is said by ``x-portico-version`` and ``x-portico-operation``, which the check of the data plane sets;
what callers send under these names never arrives. The request's own path and body are not looked at.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.errors import Invalid, Refusal, internal_problem, to_problem
from chassis.mongo import Store
from chassis.telemetry import current_trace, log
from chassis.web import health_routes
from services.catalog.sandbox.access import answers_to
from services.catalog.sandbox.domain import Answer, choose, read_preference

VERSION_HEADER = b"x-portico-version"
OPERATION_HEADER = b"x-portico-operation"
_ANSWERS_PER_OPERATION = 4
_LONGEST_KEY = 300
_log = log("catalog.sandbox")


class NotAcceptable(Invalid):
    """The operation is not described with any media type that the call accepts."""

    status = 406


@dataclass(frozen=True, slots=True)
class _Written:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class SandboxApp:
    """Answers calls from documents; keeps the answers of the operations called last in memory."""

    def __init__(self, store: Store, most_operations: int) -> None:
        self._store = store
        self._most = most_operations
        self._answers: OrderedDict[tuple[str, str], Sequence[Answer]] = OrderedDict()
        self._written: OrderedDict[tuple[str, str, str, str], _Written] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            return
        await _read_to_end(receive)
        try:
            written = await self._answer(scope["headers"])
        except Refusal as refusal:
            written = _problem(refusal)
        except Exception:  # noqa: BLE001 - the data plane has to get an answer, whatever happens
            _log.exception("the sandbox failed")
            written = _Written(
                500, [(b"content-type", b"application/problem+json")], orjson.dumps(internal_problem(current_trace()))
            )
        body = b"" if scope["method"] == "HEAD" else written.body
        await send({"type": "http.response.start", "status": written.status, "headers": written.headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, headers: Sequence[tuple[bytes, bytes]]) -> _Written:
        version = operation = accept = prefer = ""
        for name, value in headers:
            if name == VERSION_HEADER:
                version = value.decode("latin-1")
            elif name == OPERATION_HEADER:
                operation = value.decode("latin-1")
            elif name == b"accept":
                accept += "," + value.decode("latin-1")
            elif name == b"prefer":
                prefer += "," + value.decode("latin-1")
        key = (version, operation, accept[1:], prefer[1:])
        known = self._written.get(key)
        if known is not None:
            self._written.move_to_end(key)
            return known
        written = _write(await self._answers_of(version, operation), accept, prefer)
        if len(accept) + len(prefer) <= _LONGEST_KEY:
            _remember(self._written, key, written, self._most * _ANSWERS_PER_OPERATION)
        return written

    async def _answers_of(self, version: str, operation: str) -> Sequence[Answer]:
        key = (version, operation)
        answers = self._answers.get(key)
        if answers is None:
            answers = await answers_to(self._store.reader(), version, operation)
            _remember(self._answers, key, answers, self._most)
        else:
            self._answers.move_to_end(key)
        return answers


def _remember(kept: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    kept[key] = value
    if len(kept) > most:
        kept.popitem(last=False)


def _write(answers: Sequence[Answer], accept: str, prefer: str) -> _Written:
    chosen = choose(answers, accept, read_preference(prefer))
    if chosen is None:
        offered = sorted({each.media_type for each in answers if each.media_type})
        raise NotAcceptable(f"The operation answers with {', '.join(offered)}; send an Accept header that takes one of them.")
    headers = [(name.encode(), value.encode()) for name, value in chosen.answer.headers]
    if chosen.answer.media_type is not None:
        headers.append((b"content-type", chosen.answer.media_type.encode()))
    if chosen.applied:
        headers.append((b"preference-applied", ", ".join(chosen.applied).encode("latin-1", "replace")))
    if chosen.status not in (204, 304):
        headers.append((b"content-length", str(len(chosen.answer.body)).encode()))
    return _Written(chosen.status, headers, chosen.answer.body)


def _problem(refusal: Refusal) -> _Written:
    body = orjson.dumps(to_problem(refusal, current_trace()))
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    return _Written(refusal.status, headers, body)


async def _read_to_end(receive: Receive) -> None:
    """Read the call's body to its end, keeping none of it, so that the connection can be used again."""
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def with_health(app: SandboxApp, store: Store) -> ASGIApp:
    """Return the application with ``/health/live`` and ``/health/ready`` beside it; a call is told from them by its headers."""

    async def ready() -> dict[str, bool]:
        return {"database": await store.ping()}

    health = Router(routes=health_routes(ready))

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        is_health = scope["type"] == "http" and scope["path"].startswith("/health/")
        if is_health and not any(name == VERSION_HEADER for name, _ in scope["headers"]):
            await health(scope, receive, send)
        else:
            await app(scope, receive, send)

    return answer
