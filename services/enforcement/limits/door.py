"""Where other instances ask about limits: whoever has proved that it may read the instances' documents is answered."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from typing import Protocol, cast

from chassis.tasks import bounded
from services.enforcement.limits import wire
from services.enforcement.limits.counting import Counted

_NAMED_WITHIN_SECONDS = 2.0
_MOST_UNNAMED = 64


class Answers(Protocol):
    """Whoever answers what is asked at the door."""

    def asked(self, terms: bytes, answer: Callable[[Counted], None]) -> bool:
        """Count one call, and say whether it is answered already. Raises ``FrameNotReadable``."""
        ...

    def refunded(self, terms: bytes, age_ms: int) -> None:
        """Take back from the rate a call of so long ago that was counted elsewhere. Raises ``FrameNotReadable``."""
        ...

    def charged(self, key: str, calls: int, missing_ns: int) -> None:
        """Take over calls that passed elsewhere, where so much is missing of the allowance."""
        ...

    def came(self, instance_id: str) -> None:
        """Hear of an instance that has just named itself."""
        ...

    def went(self, instance_id: str) -> None:
        """Hear of an instance that is going."""
        ...


class _Asker(asyncio.Protocol):
    """One instance that asks."""

    def __init__(self, door: "Door") -> None:
        self._door = door
        self._transport: asyncio.Transport | None = None
        self._frames = wire.Frames()
        self._number = secrets.token_bytes(wire.NUMBER_BYTES)
        self._name: str | None = None
        self._time_up: asyncio.TimerHandle | None = None
        self._answers: list[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if len(self._door.unnamed) >= _MOST_UNNAMED:
            self._transport.abort()
            return
        self._door.unnamed.add(self)
        self._transport.write(wire.frame(wire.NUMBER, self._number))
        self._time_up = asyncio.get_running_loop().call_later(_NAMED_WITHIN_SECONDS, self.close)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        self._transport = None
        self._door.unnamed.discard(self)
        self._door.named.discard(self)
        if self._time_up is not None:
            self._time_up.cancel()

    def data_received(self, data: bytes) -> None:
        # What is asked at once is answered at once.
        answers: list[bytes] = []
        self._answers = answers
        try:
            for kind, body in self._frames.feed(data):
                self._hear(kind, body)
        except wire.FrameNotReadable:
            self.close()
        self._answers = None
        if answers:
            self._write(b"".join(answers))

    def _hear(self, kind: int, body: bytes) -> None:
        answers = self._door.answers
        if self._name is None:
            self._take_name(kind, body)
        elif kind == wire.ASK:
            number, terms = wire.read_ask(body)
            if not answers.asked(terms, lambda counted: self._write(wire.answer(number, counted))):
                self._write(wire.wait(number))
        elif kind == wire.REFUND:
            answers.refunded(*wire.read_refund(body))
        elif kind == wire.PING:
            self._write(wire.frame(wire.PONG))
        elif kind == wire.CHARGE:
            answers.charged(*wire.read_charge(body))
        elif kind == wire.GOODBYE:
            answers.went(self._name)

    def _take_name(self, kind: int, body: bytes) -> None:
        name = wire.read_hello(body, self._door.secret, self._number) if kind == wire.HELLO else None
        if name is None:
            raise wire.FrameNotReadable
        self._name = name
        self._door.unnamed.discard(self)
        self._door.named.add(self)
        if self._time_up is not None:
            self._time_up.cancel()
        self._door.answers.came(name)

    def _write(self, data: bytes) -> None:
        if self._answers is not None:
            self._answers.append(data)
        elif self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()


class Door:
    """Listens for other instances; port 0 takes a free one."""

    def __init__(self, answers: Answers, host: str, port: int) -> None:
        self.answers = answers
        self.secret = secrets.token_bytes(32)
        self.unnamed: set[_Asker] = set()
        self.named: set[_Asker] = set()
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        assert self._server is not None, "the door has not been opened"
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Asker(self), self._host, self._port)

    async def close(self) -> None:
        """Stop listening and close what is open."""
        if self._server is None:
            return
        self._server.close()
        for each in [*self.named, *self.unnamed]:
            each.close()
        with contextlib.suppress(TimeoutError):
            await bounded(self._server.wait_closed(), 2)
        self._server = None
