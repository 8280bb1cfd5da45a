"""Server-sent events, as graphql-sse has them in its distinct connections mode: ``next`` for each response, then ``complete``."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

HEARTBEAT_SECONDS = 12.0
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class EventStream:
    """An ASGI response that lasts as long as both sides want it to."""

    def __init__(self, responses: AsyncGenerator[dict[str, Any], None]) -> None:
        self._responses = responses

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send what comes, and a heartbeat where nothing does."""
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            async with aclosing(self._responses) as responses:
                await self._pass_on(responses, gone, send)
        except OSError:
            return  # the other side has left
        finally:
            gone.cancel()

    async def _pass_on(self, responses: AsyncGenerator[dict[str, Any], None], gone: "asyncio.Future[None]", send: Send) -> None:
        await _send(send, b":\n\n")
        while True:
            coming: asyncio.Future[Any] = asyncio.ensure_future(anext(responses, None))
            try:
                while not coming.done():
                    await asyncio.wait({coming, gone}, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                    if gone.done():
                        return
                    if not coming.done():
                        await _send(send, b":\n\n")
            finally:
                if not coming.done():
                    coming.cancel()
                    with suppress(asyncio.CancelledError):
                        await coming
            response = coming.result()
            if response is None:
                await _send(send, b"event: complete\ndata: \n\n", is_last=True)
                return
            await _send(send, b"event: next\ndata: " + orjson.dumps(response) + b"\n\n")


async def _send(send: Send, piece: bytes, *, is_last: bool = False) -> None:
    await send({"type": "http.response.body", "body": piece, "more_body": not is_last})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
