"""Enforcement as a program of its own, with those who call announced to it; and its proxy, where it is told to have one.

It writes `ready.json` into its folder when it is: its port, that of its proxy, and the process ids of the proxy and of the
shipper beside it. Told to stop, it lets the log be announced to its end and writes `announced.json`: how many calls were
announced, of how many that the proxy counted.
"""

import argparse
import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import uvloop

from bench.dataplane.callers import announcements
from bench.dataplane.processes import free_port, running, until_open
from chassis.bus import Message, Reaction
from chassis.clock import SystemClock
from chassis.local import LocalBus
from chassis.mongo import Store, connect
from portico.door import Door, door_app, new_secret
from portico.servers import HttpServer
from portico.shipping import beside, program
from portico.trouble import bind
from services.enforcement.checks.listener import CheckListener
from services.enforcement.main import build, proxy_command
from services.enforcement.settings import EnforcementSettings


def _settings(given: argparse.Namespace) -> EnforcementSettings:
    folder: Path = given.folder
    return EnforcementSettings(
        keys_dir=given.keys,
        data_plane=folder / "plane" if given.proxy else None,
        proxy=given.proxy or "envoy",
        proxy_port=free_port(),
        sandbox_address=f"127.0.0.1:{given.upstream_port}",
    )


class Announced:
    """What was announced of the calls."""

    def __init__(self) -> None:
        self.records = 0
        self.counted = 0

    async def hear(self, message: Message) -> None:
        """Take in a batch."""
        data: dict[str, Any] = orjson.loads(message.body)["data"]
        self.records += len(data["records"])
        self.counted = data["calls_total"] or self.counted


async def enforce(given: argparse.Namespace) -> None:
    """Run until told to stop."""
    settings, bus = _settings(given), LocalBus(given.folder / "bus.sqlite")
    client = connect(given.mongo_url)
    service = build(settings, bus, Store(client, f"bench_{given.name}", SystemClock()))
    announced = Announced()
    hears = Reaction("analytics.bench", ("enforcement.calls_recorded.v1",), announced.hear)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await bus.start()
    await service.declare()
    await bus.declare([hears])
    await service.start()
    await bus.publish(announcements(given.callers))
    listener = next(each for each in service.workers if isinstance(each, CheckListener))
    ready = {"check_port": listener.port, "proxy_port": settings.proxy_port}
    if not given.proxy:
        _tell(given.folder / "ready.json", ready)
        await stopped.wait()
    else:
        proxy = running(proxy_command(settings), given.folder / "proxy.log")
        # The shipper ends after the proxy, with its last lines.
        async with _shipper(settings, bus, given.folder) as shipper_pid, proxy as pid:
            await until_open(settings.proxy_port)
            _tell(given.folder / "ready.json", {**ready, "proxy_pid": pid, "shipper_pid": shipper_pid})
            await stopped.wait()
    await service.close()
    # Only now, so that hearing of the calls costs nothing while they are made.
    await bus.react(hears)
    while (await bus.counts(hears.queue)).waiting:  # noqa: ASYNC110 - a queue does not tell that it is empty
        await asyncio.sleep(0.05)
    await bus.close()
    client.close()
    _tell(given.folder / "announced.json", {"records": announced.records, "counted": announced.counted})


@asynccontextmanager
async def _shipper(settings: EnforcementSettings, bus: LocalBus, folder: Path) -> AsyncIterator[int]:
    """Run the shipper beside the proxy, as the one process does: it reaches the bus through a door."""
    assert settings.data_plane is not None
    secret = new_secret()
    server = HttpServer("door", door_app(bus, secret), bind("127.0.0.1", 0, "a free port"))
    await server.start()
    Door(f"http://127.0.0.1:{server.port}", secret, "", "bench_").write(folder)
    made = program(folder / "shipper.log", {**beside(folder, settings.data_plane), "PORTICO_ENFORCEMENT_PROXY": settings.proxy})
    async with running(made.command, made.log, environment=made.environment) as pid:
        yield pid
    await server.close()


def _tell(path: Path, said: dict[str, int]) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(said))
    beside.rename(path)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="enforcement")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--keys", type=Path, required=True)
    parser.add_argument("--mongo-url", required=True)
    parser.add_argument("--upstream-port", type=int, default=1)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--proxy", choices=["envoy", "nginx"], default=None)
    uvloop.run(enforce(parser.parse_args()))


if __name__ == "__main__":
    main()
