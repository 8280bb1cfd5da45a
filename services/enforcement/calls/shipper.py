"""Announces the access log on the bus: every line once in a batch, every batch with a number, and how far that holds.

How ``read_through`` is known: the proxy counts the lines that it gives to its log. When everything that it had counted at a
moment has been read, every call that ended before that moment is in the batches; no assumption about buffers or delays is needed.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from chassis.bus import BusUnavailable, Message, is_asked_to_stop
from chassis.clock import Clock
from chassis.tasks import bounded, end_task
from chassis.telemetry import log
from services.enforcement.calls.batches import after, pack
from services.enforcement.calls.ledger import Ledger, LedgerFile, Outgoing, Run
from services.enforcement.calls.lines import Record, read_line
from services.enforcement.calls.standing import Standing
from services.enforcement.calls.tail import Tail
from services.enforcement.events import CallsRecorded
from services.enforcement.proxy.counters import Counted, Counters

BATCH = 500
_POLL_SECONDS = 0.25
_SOON_MS = 1_000
_IDLE_MS = 3_000
# Between the end of a call and the moment that its line counts there are some instructions, and clocks cut to milliseconds.
_MARGIN_MS = 50
_log = log("enforcement.shipper")


class Announces(Protocol):
    """The bus as far as a shipper needs it."""

    async def publish(self, messages: Sequence[Message]) -> list[bool]:
        """Return, once the messages cannot be lost any more, for each whether anybody gets it. Raises ``BusUnavailable``."""
        ...


@dataclass(frozen=True, slots=True)
class Log:
    """The log and what is kept about it."""

    tail: Tail
    ledger: LedgerFile
    admin: Counters
    standing: Standing


@dataclass(frozen=True, slots=True)
class _Asked:
    """When the proxy was asked for its counts, and what it said. What it had counted by then holds for whatever is read later."""

    at_ms: int
    counted: Counted | None


class Shipper:
    """Reads the proxy's log and announces it, in the background."""

    def __init__(self, source: Log, bus: Announces, clock: Clock, rotate: "Rotation | None" = None) -> None:
        self._source = source
        self._bus = bus
        self._clock = clock
        self._rotation = rotate
        self._task: asyncio.Task[None] | None = None
        self._ledger: Ledger | None = None
        self._outgoing: Outgoing | None = None
        self._is_written = True
        self._asked_at_ms = 0
        self._announced_at_ms = 0
        self._had_records = False

    async def start(self) -> None:
        """Begin where the last run of this service stopped."""
        self._ledger, self._outgoing = await asyncio.to_thread(self._source.ledger.read)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="enforcement.shipper")

    async def close(self) -> None:
        """Announce what the log holds now, within bounds, and stop; the rest waits in the log."""
        if self._task is not None:
            await end_task(self._task)
            self._task = None
            with contextlib.suppress(BusUnavailable, TimeoutError, OSError):
                await bounded(self._ship_all(), 3)
        await self._source.admin.close()
        self._source.tail.close()

    @property
    def is_running(self) -> bool:
        """Say whether the background task lives."""
        return self._task is not None and not self._task.done()

    async def _run(self) -> None:
        while True:
            pause = _POLL_SECONDS
            try:
                await self._ship_all()
            except BusUnavailable as error:
                _log.warning("the bus does not answer; the calls wait in the log", reason=error.message)
                pause = 0.5
            except asyncio.CancelledError:
                if is_asked_to_stop():
                    raise
                _log.warning("the bus connection was lost; the calls wait in the log")
            except Exception:  # noqa: BLE001 - whatever it is, the lines stay where they are
                _log.exception("announcing calls failed; trying again")
                pause = 1.0
            await asyncio.sleep(pause)

    async def _ship_all(self) -> None:
        """Announce everything that the log holds. The proxy is asked for its counts once, before the log is looked at."""
        assert self._ledger is not None
        if self._outgoing is not None:
            await self._send(self._outgoing)
        if not self._source.tail.has_moved(self._ledger.place) and 0 <= self._now_ms() - self._asked_at_ms < _SOON_MS:
            await self._write_down()
            return
        self._asked_at_ms = self._now_ms()
        asked = _Asked(self._asked_at_ms, await self._source.admin.counted())
        while await self._ship_next(asked):
            pass
        await self._write_down()
        if self._rotation is not None:
            await self._rotation.look(self._ledger)
        self._source.standing.reach(asked.at_ms)

    async def _ship_next(self, asked: _Asked) -> bool:
        """Announce the next batch, if there is one to announce; say whether there may be more at once."""
        assert self._ledger is not None
        piece = await asyncio.to_thread(self._source.tail.read, self._ledger.place, BATCH)
        lines = [line for line in map(read_line, piece.lines) if line is not None]
        if len(lines) < len(piece.lines):
            _log.warning("some lines of the log cannot be read", lines=len(piece.lines) - len(lines))
        then = read = after(self._ledger, piece, lines)
        counted = asked.counted
        if counted is not None:
            then = then.counted(counted.run, counted.calls).settle(counted.run)
            if piece.is_end and _is_whole(then, counted):
                then = replace(then, read_through=max(then.read_through or 0, asked.at_ms - _MARGIN_MS))
        records = [line.record for line in lines if line.record is not None]
        if records or self._is_heartbeat_due(then):
            await self._announce(then, records)
        elif read.place != self._ledger.place:
            self._ledger, self._is_written = read, False
        return len(piece.lines) == BATCH or not piece.is_end

    def _is_heartbeat_due(self, then: Ledger) -> bool:
        assert self._ledger is not None
        has_news = (then.read_through, then.calls_total) != (self._ledger.read_through, self._ledger.calls_total)
        is_moving = self._had_records or then.calls_total not in (self._ledger.calls_total, then.records_total)
        waited_ms = self._now_ms() - self._announced_at_ms
        return has_news and (waited_ms >= (_SOON_MS if is_moving else _IDLE_MS) or waited_ms < 0)

    async def _announce(self, then: Ledger, records: list[Record]) -> None:
        assert self._ledger is not None
        outgoing = pack(replace(then, batch=self._ledger.batch + 1), records, self._clock.now())
        await asyncio.to_thread(self._source.ledger.write, self._ledger, outgoing)
        self._outgoing = outgoing
        await self._send(outgoing)
        self._source.standing.announced(len(records))
        self._had_records = bool(records)
        self._announced_at_ms = self._now_ms()

    async def _send(self, outgoing: Outgoing) -> None:
        routed = await self._bus.publish([Message(outgoing.id, CallsRecorded.key, outgoing.body)])
        if not all(routed):
            raise BusUnavailable("nobody has a queue for recorded calls yet")
        # Confirmed. It is written down with the next batch, or when there is nothing more to do: until then a restart would
        # announce this batch again, with the same id and the same bytes.
        self._ledger, self._outgoing, self._is_written = outgoing.then, None, False

    async def _write_down(self) -> None:
        if self._is_written or self._ledger is None:
            return
        await asyncio.to_thread(self._source.ledger.write, self._ledger, None)
        self._is_written = True

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


class Rotation:
    """Keeps the log from filling the disk: a large file that is announced is renamed, and deleted once the next one is begun."""

    def __init__(self, source: Log, path: Path, at_bytes: int) -> None:
        self._source = source
        self._path = path
        self._at_bytes = at_bytes

    async def look(self, ledger: Ledger) -> None:
        """Delete what is announced and behind us, and begin a new file when this one has grown large."""
        await asyncio.to_thread(self._source.tail.forget_before, ledger.place)
        if ledger.place.offset < self._at_bytes or not self._is_current(ledger):
            return
        self._path.rename(self._path.with_name(f"{self._path.name}.{ledger.batch:010d}"))
        if not await self._source.admin.reopen_logs():
            _log.warning("the proxy did not hear that its log was renamed; it goes on writing there", path=str(self._path))

    def _is_current(self, ledger: Ledger) -> bool:
        try:
            return self._path.stat().st_ino == ledger.place.inode
        except FileNotFoundError:
            return False


def _is_whole(ledger: Ledger, counted: Counted) -> bool:
    """Say whether every line that the proxy had counted has been read."""
    return ledger.runs.get(counted.run, Run()).lines >= counted.lines
