"""Asking another instance about limits: one lasting connection, many asks on it at the same time, none waited for long.

A member that does not answer in time is suspected: the next in order is asked until it has been heard again.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from typing import NamedTuple, cast

from chassis.tasks import bounded, end_task
from chassis.telemetry import log
from services.enforcement.limits import wire
from services.enforcement.limits.counting import PASSED, UNKNOWN, Counted
from services.enforcement.limits.members import Member

ANSWER_SECONDS = 0.1
WAIT_SECONDS = 2.0
_OWN_DELAY_SECONDS = 0.03  # an instance that is itself late looks at what has come before it suspects others
_CONNECT_SECONDS = 1.0
_AGAIN_SECONDS = (0.05, 1.0)
_MOST_UNSENT_BYTES = 1_048_576
_MOST_GIVEN_UP = 10_000
_log = log("enforcement.limits.peers")

Answer = Callable[[Counted | None], None]


class Waiting(NamedTuple):
    """An ask without an answer: until when it is waited for, and until when at most."""

    asked_at: float
    until: float
    at_most: float
    terms: bytes
    answer: Answer


class Peer(asyncio.Protocol):
    """One other instance, as it is asked: keeps a connection to it for as long as it is a member."""

    def __init__(self, member: Member, own_id: str) -> None:
        self.member = member
        self._own_id = own_id
        self._transport: asyncio.Transport | None = None
        self._frames = wire.Frames()
        self._waiting: dict[int, Waiting] = {}
        self._given_up: dict[int, tuple[bytes, float]] = {}
        self._unsent: list[bytes] = []
        self._number = 0
        self._is_suspected = False
        self.heard_ns = 0
        """When it was heard for the last time."""
        self._watch: asyncio.TimerHandle | None = None
        self._lost = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.greeted = asyncio.Event()

    @property
    def is_usable(self) -> bool:
        """Say whether it is connected and has answered lately."""
        return (
            self.greeted.is_set()
            and not self._is_suspected
            and self._transport is not None
            and self._transport.get_write_buffer_size() < _MOST_UNSENT_BYTES
        )

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.get_running_loop().create_task(self._stay_connected(), name="enforcement.limits.peer")

    async def close(self) -> None:
        """Disconnect; what was asked is not answered any more."""
        if self._task is not None:
            await end_task(self._task, seconds=2)
        if self._transport is not None:
            self._transport.close()
        self._give_up()

    def ask(self, terms: bytes, answer: Answer) -> None:
        """Ask for one call; ``answer`` is called with what came of it, or with None where nothing did in time."""
        assert self._transport is not None
        self._number = (self._number + 1) & 0xFFFFFFFF
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._waiting[self._number] = Waiting(now, now + ANSWER_SECONDS, now + WAIT_SECONDS, terms, answer)
        if not self._unsent:
            loop.call_soon(self._send)
        self._unsent.append(wire.ask(self._number, terms))
        if self._watch is None:
            self._watch_until(now + ANSWER_SECONDS)

    def _send(self) -> None:
        """Ask together what was asked in one turn of the loop."""
        unsent, self._unsent = self._unsent, []
        if self._transport is not None and self.greeted.is_set():
            self._transport.write(b"".join(unsent))

    def charge(self, key: str, calls: int, missing_ns: int) -> None:
        """Tell it of calls that passed here though it counts them."""
        if self._transport is not None:
            self._transport.write(wire.charge(key, calls, missing_ns))

    def ping(self) -> None:
        """Ask it to say something."""
        if self._transport is not None and self.greeted.is_set():
            self._transport.write(wire.frame(wire.PING))

    def say_goodbye(self) -> None:
        """Tell it that this instance is going."""
        if self._transport is not None:
            self._transport.write(wire.frame(wire.GOODBYE))

    def _watch_until(self, moment: float) -> None:
        self._watch = asyncio.get_running_loop().call_at(moment, self._look, moment)

    def _look(self, planned_at: float) -> None:
        """Give up what has waited too long, and suspect it."""
        now = asyncio.get_running_loop().time()
        is_late = now - planned_at > _OWN_DELAY_SECONDS
        late = [number for number, each in self._waiting.items() if (each.at_most if is_late else each.until) <= now]
        if late and not self._is_suspected:
            self._is_suspected = True
            _log.warning("an instance does not answer about limits in time; the next one counts", instance=self.member.id)
        if self._is_suspected and self._transport is not None:
            self._transport.write(wire.frame(wire.PING))
        for number in late:
            given_up = self._waiting.pop(number)
            self._given_up[number] = given_up.terms, given_up.asked_at
            given_up.answer(None)
        while len(self._given_up) > _MOST_GIVEN_UP:
            del self._given_up[next(iter(self._given_up))]
        if not self._waiting and not self._is_suspected:
            self._watch = None
            return
        soonest = min((each.until for each in self._waiting.values()), default=now + ANSWER_SECONDS)
        self._watch_until(max(soonest, now + _OWN_DELAY_SECONDS))

    async def _stay_connected(self) -> None:
        pause, longest = _AGAIN_SECONDS
        host, _, port = self.member.address.rpartition(":")
        while True:
            self._lost.clear()
            loop = asyncio.get_running_loop()
            try:
                await bounded(loop.create_connection(lambda: self, host, int(port)), _CONNECT_SECONDS)
            except (OSError, TimeoutError, ValueError):
                await asyncio.sleep(pause)
                pause = min(pause * 2, longest)
                continue
            pause = _AGAIN_SECONDS[0]
            await self._lost.wait()
            await asyncio.sleep(pause)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the number that is to be sealed."""
        self._transport = cast("asyncio.Transport", transport)
        self._frames = wire.Frames()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        """Answer nothing that was asked: the next one is asked instead."""
        self._transport = None
        self.greeted.clear()
        self._is_suspected = False
        self._lost.set()
        self._give_up()

    def _give_up(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        waiting, self._waiting = self._waiting, {}
        self._given_up.clear()
        for each in waiting.values():
            each.answer(None)

    def data_received(self, data: bytes) -> None:
        """Take what it says."""
        try:
            for kind, body in self._frames.feed(data):
                self._hear(kind, body)
        except wire.FrameNotReadable:
            _log.warning("an instance says what cannot be read", instance=self.member.id)
            if self._transport is not None:
                self._transport.abort()

    def _hear(self, kind: int, body: bytes) -> None:
        self._is_suspected = False
        self.heard_ns = time.monotonic_ns()
        if kind == wire.ANSWER:
            self._take_answer(*wire.read_answer(body))
        elif kind == wire.WAIT:
            number, _ = wire.read_ask(body)
            if number in self._waiting:
                self._waiting[number] = self._waiting[number]._replace(until=self._waiting[number].at_most)
        elif kind == wire.NUMBER and self._transport is not None:
            self._transport.write(wire.hello(self.member.secret, body, self._own_id))
            self.greeted.set()

    def _take_answer(self, number: int, counted: Counted) -> None:
        waiting, given_up = self._waiting.pop(number, None), self._given_up.pop(number, None)
        if waiting is not None:
            waiting.answer(None if counted.outcome == UNKNOWN else counted)
        elif given_up is not None and counted.outcome == PASSED and self._transport is not None:
            terms, asked_at = given_up
            age_ms = math.ceil(1000 * (asyncio.get_running_loop().time() - asked_at))
            self._transport.write(wire.refund(terms, age_ms))

    async def until_greeted(self, seconds: float) -> None:
        """Wait until it can be asked, but not for long."""
        with contextlib.suppress(TimeoutError):
            await bounded(self.greeted.wait(), seconds)
