"""The call itself: one HTTP/1.1 request to the data plane's own address, bounded in time and in in how much of it is read."""

import asyncio
import contextlib
import time
from typing import Any

import httptools

from chassis.mongo import is_in_transaction
from chassis.telemetry import log
from services.enforcement.trying.domain import Answer, DataPlaneUnavailable, Request

_PIECE = 64 * 1024
_LARGEST_HEAD_BYTES = 64 * 1024
_log = log("enforcement.trying")


class _Reading:
    """One answer as it comes in."""

    def __init__(self, most_bytes: int, *, has_body: bool) -> None:
        self._most_bytes = most_bytes
        self._has_body = has_body
        self.parser: Any = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()
        self.is_over = False
        self.is_truncated = True  # until its end has been seen

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if status < 200:  # it only says that the answer is still to come
            self.headers.clear()
            return
        self.status = status
        if not self._has_body:
            self._complete()

    def on_body(self, piece: bytes) -> None:
        self.body += piece
        if len(self.body) > self._most_bytes:
            del self.body[self._most_bytes :]
            self.is_over = True

    def on_message_complete(self) -> None:
        if self.status and not self.is_over:
            self._complete()

    def end(self) -> None:
        """Take note that the connection has ended. Raises ``ConnectionError`` where no answer came."""
        if not self.status:
            raise ConnectionError("no answer")
        is_sized = any(name in ("content-length", "transfer-encoding") for name, _ in self.headers)
        if not is_sized:  # then the end of the connection is the end of the answer
            self._complete()

    def _complete(self) -> None:
        self.is_over, self.is_truncated = True, False

    @property
    def head_bytes(self) -> int:
        """Return how much the headers have come to."""
        return sum(len(name) + len(value) for name, value in self.headers)


class DataPlaneCaller:
    """Calls one address, the data plane's, and never another."""

    def __init__(self, address: str, *, seconds: float, most_bytes: int) -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._authority = address
        self._seconds = seconds
        self._most_bytes = most_bytes

    async def call(self, request: Request) -> Answer:
        """Return what the data plane answers, as far as it does in time. Raises ``DataPlaneUnavailable``."""
        assert not is_in_transaction(), "no call may be made while a transaction is open"
        began_at = time.perf_counter()
        reading = _Reading(self._most_bytes, has_body=request.method != "HEAD")
        try:
            async with asyncio.timeout(self._seconds):
                await self._exchange(request, reading)
        except (OSError, TimeoutError, httptools.HttpParserError) as error:
            # An answer that has begun is shown as far as it came; some never end.
            if not reading.status:
                _log.warning("a trial's call was not answered", reason=type(error).__name__)
                raise DataPlaneUnavailable from error
        duration_ms = (time.perf_counter() - began_at) * 1000
        return Answer(reading.status, tuple(reading.headers), bytes(reading.body), reading.is_truncated, duration_ms)

    async def _exchange(self, request: Request, reading: _Reading) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(self._written(request))
            # An answer may come before everything is sent: what is refused is not read to its end.
            sending = asyncio.ensure_future(writer.drain())
            try:
                await _read(reader, reading)
            finally:
                sending.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError):
                    await sending
        finally:
            writer.close()

    def _written(self, request: Request) -> bytes:
        headers = (("host", self._authority), *request.headers, ("connection", "close"))
        lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + request.body


async def _read(reader: asyncio.StreamReader, reading: _Reading) -> None:
    while not reading.is_over:
        piece = await reader.read(_PIECE)
        if not piece:
            reading.end()
            return
        reading.parser.feed_data(piece)
        if reading.head_bytes > _LARGEST_HEAD_BYTES:
            raise ConnectionError("the head is too large")
