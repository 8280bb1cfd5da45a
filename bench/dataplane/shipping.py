"""What announcing the proxy's log costs: CPU microseconds a record, and records a second, over the local bus and over RabbitMQ.

First what is computed alone: reading lines and packing batches. Then `portico ship` as it runs, in a process of its own: once
with a log that holds many lines already, once with a log that grows at a pace, so that looking and asking the proxy weigh in.
Beside the shipper stands what the owner of the local bus computes, which checks calls, too. RabbitMQ is a node of its own.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import orjson

from bench.dataplane.processes import computed_ns, running
from chassis.bus import Bus, Message, Reaction
from chassis.local import LocalBus
from chassis.rabbit import RabbitBus
from portico.door import Door, door_app, new_secret
from portico.servers import HttpServer
from portico.shipping import beside, program
from portico.trouble import bind
from services.enforcement.calls.batches import after, pack
from services.enforcement.calls.ledger import Ledger, Place
from services.enforcement.calls.lines import read_line
from services.enforcement.calls.shipper import BATCH
from services.enforcement.calls.tail import Piece
from tests.rabbit_node import RabbitNode, why_missing
from tests.services.enforcement.log_stage import Admin, line

PROMISE_US = 15.0
_LOOK_SECONDS = 0.05


def lines(count: int) -> list[bytes]:
    """Return lines of many applications that call some operations."""
    verdict = "app_{0:026d}|org_{0:026d}|sec_{0:026d}|prd_{1:026d}|ver_{1:026d}|getPet{2}|pln_{1:026d}|sub_{0:026d}||PRODUCTION"
    told = [verdict.format(number % 500, number % 500 % 7, number % 11) for number in range(count)]
    return [line(number, verdict=each, route="", request_id=f"{number:032x}") for number, each in enumerate(told)]


def compute(count: int) -> None:
    """Read and pack, and print what a record costs."""
    given = [each.rstrip() for each in lines(count)]
    ledger, now = Ledger(source="dataplane-1"), datetime.now(UTC)
    began_ns = time.process_time_ns()
    for begins_at in range(0, count, BATCH):
        read = [each for each in map(read_line, given[begins_at : begins_at + BATCH]) if each is not None]
        ledger = after(ledger, Piece([], Place(), is_end=False), read)
        pack(ledger, [each.record for each in read if each.record is not None], now)
    print(f"{'reading and packing':<34}{(time.process_time_ns() - began_ns) / 1000 / count:>12.1f}")


class Heard:
    """Counts the records that have come."""

    def __init__(self) -> None:
        self.records = 0
        self.batches: set[str] = set()

    async def hear(self, message: Message) -> None:
        """Count a batch, once."""
        if message.id not in self.batches:
            self.batches.add(message.id)
            self.records += len(orjson.loads(message.body)["data"]["records"])


class Shipped:
    """A folder with a log, and a shipper that has begun to follow it."""

    def __init__(self, folder: Path, bus: Bus, *, has_own_process: bool) -> None:
        self.bus, self.has_own_process = bus, has_own_process
        self.log = folder / "plane" / "log" / "calls.log"
        self.log.parent.mkdir(parents=True)
        self.admin = Admin(folder / "plane")
        self.pid = 0
        self.heard = Heard()
        self.written = 0

    async def ship(self, given: list[bytes], pace: float, name: str) -> float:
        """Write these lines, so many a second (0: all at once), and print what they cost; return it, the shipper's alone."""
        waiting = Reaction("analytics.bench", ("enforcement.calls_recorded.v1",), self.heard.hear)
        before, ours = computed_ns(self.pid), computed_ns(os.getpid())
        began_at = time.monotonic()
        step = len(given) if not pace else max(1, int(pace * _LOOK_SECONDS))
        writing_ns = 0
        for begins_at in range(0, len(given), step):
            part = given[begins_at : begins_at + step]
            writing_ns -= time.thread_time_ns()
            with self.log.open("ab") as log:
                log.write(b"".join(part))
            self.admin.calls, self.admin.lines = self.admin.calls + len(part), self.admin.lines + len(part)
            writing_ns += time.thread_time_ns()
            await asyncio.sleep(_LOOK_SECONDS if pace else 0)
        self.written += len(given)
        await self._until_announced()
        took = time.monotonic() - began_at
        spent_us = (computed_ns(self.pid) - before) / 1000 / len(given)
        handed_us = (computed_ns(os.getpid()) - ours - writing_ns) / 1000 / len(given)
        handed = "" if self.has_own_process else f"{handed_us:>22.1f}"
        print(f"{name:<34}{spent_us:>12.1f}{len(given) / took:>12,.0f}{handed}", flush=True)
        if not self.heard.records:
            await self.bus.react(waiting)
        while self.heard.records < self.written:  # noqa: ASYNC110 - a queue does not tell that it is empty
            await asyncio.sleep(_LOOK_SECONDS)
        assert self.heard.records == self.written
        return spent_us

    async def _until_announced(self) -> None:
        """Wait, without computing, until the ledger says that all records are announced."""
        ledger = self.log.parent.parent / "announced.ledger"
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if ledger.exists():
                facts = orjson.loads(ledger.read_bytes().partition(b"\n")[0])
                if facts["outgoing"] is None and facts["ledger"]["records_total"] >= self.written:
                    return


@asynccontextmanager
async def shipping(folder: Path, bus: Bus, environment: Mapping[str, str], *, has_own_process: bool) -> AsyncIterator[Shipped]:
    """Start the shipper over a bus."""
    folder.mkdir(exist_ok=True)
    shipped = Shipped(folder, bus, has_own_process=has_own_process)
    await bus.declare([Reaction("analytics.bench", ("enforcement.calls_recorded.v1",), shipped.heard.hear)])
    await shipped.admin.start()
    made = program(folder / "shipper.log", {**beside(folder, folder / "plane"), **environment})
    async with running(made.command, made.log, environment=made.environment) as pid:
        while "listens at" not in made.log.read_text():  # noqa: ASYNC110 - it says so in its log alone
            await asyncio.sleep(_LOOK_SECONDS)
        shipped.pid = pid
        yield shipped
    shipped.admin.close()


async def measure(count: int, pace: float, *, has_rabbit: bool) -> bool:
    """Measure, print, and say whether the promise was kept."""
    print(f"{'':<34}{'CPU µs':>12}{'records /s':>12}{'the bus’ owner µs':>22}")
    compute(count)
    given = lines(count)
    found = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        local = LocalBus(folder / "bus.sqlite")
        await local.start()
        stack.push_async_callback(local.close)
        secret = new_secret()
        server = HttpServer("door", door_app(local, secret), bind("127.0.0.1", 0, "a free port"))
        await server.start()
        stack.push_async_callback(server.close)
        (folder / "local").mkdir()
        Door(f"http://127.0.0.1:{server.port}", secret, "mongodb://nowhere", "bench_").write(folder / "local")
        buses: dict[str, tuple[Bus, dict[str, str]]] = {"local bus": (local, {})}
        if has_rabbit:
            node = RabbitNode()
            stack.callback(node.remove)
            node.start()
            rabbit = RabbitBus(node.url)
            await rabbit.start()
            stack.push_async_callback(rabbit.close)
            buses["RabbitMQ"] = (rabbit, {"PORTICO_RABBITMQ_URL": node.url})
        for name, (bus, environment) in buses.items():
            place = folder / name.partition(" ")[0]
            async with shipping(place, bus, environment, has_own_process=name != "local bus") as shipped:
                found.append(await shipped.ship(given, 0, f"{name}, a log of {count:,}"))
                some = given[: int(pace * 8)]
                await shipped.ship(some, pace, f"{name}, {pace:,.0f} a second")
    return max(found) <= PROMISE_US


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--pace", type=float, default=2_000)
    given = parser.parse_args()
    missing = why_missing()
    if missing is not None:
        print(f"Over the local bus alone: {missing}")
    sys.exit(0 if asyncio.run(measure(given.records, given.pace, has_rabbit=missing is None)) else 1)


if __name__ == "__main__":
    main()
