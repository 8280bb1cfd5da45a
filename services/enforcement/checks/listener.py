"""The check's own listener: HTTP/1.1 spoken directly, because every call of every API passes through here.

A web framework, or even a general ASGI server, costs more per request than the decision itself. Proxies keep their connections
open and send small requests without bodies; so this reads the request line and a few headers, and answers at once without a task.
"""

import asyncio
import contextlib
import socket
from collections import deque
from pathlib import Path
from typing import Any, cast

import httptools

from chassis.tasks import bounded
from chassis.telemetry import log
from services.enforcement.checks.answers import not_ready
from services.enforcement.checks.check import Check, Counting, Headers, Held
from services.enforcement.checks.patience import PAUSE_SECONDS
from services.enforcement.checks.told import HEADERS as TOLD_HEADERS
from services.enforcement.limits.counting import Counted

_WANTED = frozenset({b"authorization", b"x-forwarded-client-cert", b"x-request-id", *TOLD_HEADERS})
_LARGEST_HEAD_BYTES = 64 * 1024
_log = log("enforcement.check")


class _Connection(asyncio.Protocol):
    """One connection of a proxy; requests on it are answered in their order."""

    def __init__(self, check: Check, connections: "set[_Connection]") -> None:
        self._check = check
        self._open = connections
        self._parser: Any = None
        self._transport: asyncio.Transport | None = None
        self._target = b""
        self._headers: Headers = {}
        self._head_bytes = 0
        self._is_closing = False
        self._retry: asyncio.TimerHandle | None = None
        self._is_counting = False
        self._is_paused = False
        self._is_going_on = False
        self._behind: deque[tuple[bytes, bytes, Headers, bool]] = deque()  # what arrived while an earlier call has no answer yet

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's: a check of the type would fail there.
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        self._open.discard(self)
        self._parser = None
        self._behind.clear()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
            self._check.let_go()

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()
        if self._head_bytes > _LARGEST_HEAD_BYTES:
            self.close()

    def on_message_begin(self) -> None:
        self._target = b""
        self._headers = {}

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in _WANTED:
            # A second Authorization header makes both unusable: nobody can say which one the upstream would take.
            self._headers[name] = value if name not in self._headers else self._headers[name] + b", " + value

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        parser = self._parser
        request = (parser.get_method(), self._target, self._headers, not parser.should_keep_alive())
        if self._is_waiting:
            self._behind.append(request)
        else:
            self._answer(*request)

    def _answer(self, method: bytes, target: bytes, headers: Headers, is_last: bool) -> None:  # noqa: FBT001 - as they come
        if self._transport is None or self._is_closing:
            return
        try:
            answer = self._check.answer(method, target, headers)
        except Exception:  # noqa: BLE001 - no decision, so nothing passes; the connection lives on
            _log.exception("a check failed")
            answer = not_ready()
        if isinstance(answer, Held):
            self._transport.pause_reading()
            self._is_paused = True
            self._wait(answer, is_last=is_last)
        elif isinstance(answer, Counting):
            self._count(answer, is_last=is_last)
        else:
            self._write(answer, is_last=is_last)

    @property
    def _is_waiting(self) -> bool:
        return self._retry is not None or self._is_counting

    def _count(self, counting: Counting, *, is_last: bool) -> None:
        later = counting.decided.verdict.later
        assert later is not None
        self._is_counting = True
        later.when_known(lambda taken: self._finish(counting, taken, is_last=is_last))

    def _finish(self, counting: Counting, taken: Counted, *, is_last: bool) -> None:
        self._is_counting = False
        if self._transport is None or self._is_closing:
            return
        try:
            answer = self._check.finish(counting, taken)
        except Exception:  # noqa: BLE001 - the same as above
            _log.exception("a check failed")
            answer = not_ready()
        self._write(answer, is_last=is_last)
        if not self._is_going_on:
            self._go_on()

    def _go_on(self) -> None:
        """Answer what arrived meanwhile, in its order, and read on."""
        self._is_going_on = True
        while self._behind and not self._is_waiting:
            self._answer(*self._behind.popleft())
        self._is_going_on = False
        if self._is_paused and self._transport is not None and not self._is_closing and not self._is_waiting:
            self._is_paused = False
            self._transport.resume_reading()

    def _wait(self, held: Held, *, is_last: bool) -> None:
        loop = asyncio.get_running_loop()
        self._retry = loop.call_later(PAUSE_SECONDS, lambda: self._try_again(held, is_last=is_last))

    def _try_again(self, held: Held, *, is_last: bool) -> None:
        answer = self._check.try_again(held)
        if answer is None:
            self._wait(held, is_last=is_last)
            return
        self._retry = None
        if isinstance(answer, Counting):
            self._count(answer, is_last=is_last)
            return
        self._write(answer, is_last=is_last)
        self._go_on()

    def _write(self, answer: bytes, *, is_last: bool) -> None:
        assert self._transport is not None
        self._transport.write(answer)
        if is_last:
            self.close()

    def close(self) -> None:
        """Close the connection once everything written is sent."""
        self._is_closing = True
        if self._transport is not None:
            self._transport.close()


class CheckListener:
    """Serves the check on an address of its own; port 0 takes a free one. ``door`` is a socket file for the proxy beside us."""

    def __init__(self, check: Check, host: str, port: int, door: Path | None = None) -> None:
        self._check = check
        self._host = host
        self._port = port
        self._door = door
        self._server: asyncio.Server | None = None
        self._door_server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        assert self._server is not None, "the listener has not been started"
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, self._host, self._port, backlog=1024, reuse_address=True)
        if self._door is not None:
            self._door_server = await loop.create_unix_server(self._connection, sock=_opened(self._door), backlog=1024)

    def _connection(self) -> _Connection:
        return _Connection(self._check, self._connections)

    async def close(self) -> None:
        """Stop listening and close what is open."""
        servers = [each for each in (self._server, self._door_server) if each is not None]
        for server in servers:
            server.close()
        for connection in list(self._connections):
            connection.close()
        for server in servers:
            with contextlib.suppress(TimeoutError):
                await bounded(server.wait_closed(), 2)
        self._server = self._door_server = None


def _opened(door: Path) -> socket.socket:
    """Return a socket bound to a file that its owner alone reaches.

    The file takes the place of the one that an earlier run has left behind: whoever asks meets either run, and never no file.
    It stays when we end, and then connects nobody.
    """
    door.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = door.with_name(f"{door.name}.new")
    beside.unlink(missing_ok=True)
    opened = socket.socket(socket.AF_UNIX)
    try:
        opened.bind(str(beside))
        beside.chmod(0o600)
        opened.listen(1024)
        beside.replace(door)
    except OSError:
        opened.close()
        raise
    return opened
