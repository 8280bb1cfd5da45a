"""The shipper as it runs: `portico ship` in a process of its own, over the door of the one process, killed again and again."""

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from chassis.bus import Message, Reaction
from chassis.local import LocalBus
from portico.door import Door, door_app, new_secret
from portico.servers import HttpServer
from portico.shipping import beside, program
from portico.trouble import bind
from services.enforcement.calls.standing import LATE_SECONDS
from services.enforcement.main import build
from services.enforcement.settings import EnforcementSettings
from tests.services.enforcement.log_stage import Admin, line
from tests.services.enforcement.stage import start, until

pytestmark = pytest.mark.processes
PATIENCE = 60.0
LISTENS = re.compile(r"shipper listens at (http://\S+)")


class Place:
    """A folder that a proxy writes to, and a platform with a door; who hears of calls keeps what came by its id."""

    def __init__(self, folder: Path, bus: LocalBus) -> None:
        self.folder, self.bus = folder, bus
        self.plane = folder / "plane"
        self.log = self.plane / "log" / "calls.log"
        self.log.parent.mkdir(parents=True)
        self.admin = Admin(self.plane)
        self.heard: dict[str, bytes] = {}
        self.written = 0
        self.started: list[subprocess.Popen[bytes]] = []

    async def open(self) -> None:
        async def keep(message: Message) -> None:
            assert self.heard.setdefault(message.id, message.body) == message.body, "the same id with other bytes"

        secret = new_secret()
        self.server = HttpServer("door", door_app(self.bus, secret), bind("127.0.0.1", 0, "a free port"))
        await self.server.start()
        Door(f"http://127.0.0.1:{self.server.port}", secret, "mongodb://nowhere", "portico_").write(self.folder)
        await self.bus.react(Reaction("analytics.test", ("enforcement.calls_recorded.v1",), keep))
        await self.admin.start()

    async def close(self) -> None:
        for each in self.started:
            each.kill()
            await asyncio.to_thread(each.wait)
        self.admin.close()
        await self.server.close()

    def ship(self) -> subprocess.Popen[bytes]:
        """Start a shipper, which says in a file of its number where it listens."""
        made = program(self.folder / f"{len(self.started)}.log", beside(self.folder, self.plane))
        with made.log.open("ab") as output:
            process = start(list(made.command), env={**os.environ, **made.environment}, stdout=output, stderr=output)
        self.started.append(process)
        return process

    def url(self, number: int) -> str | None:
        """Where the shipper of this number listens, once it does."""
        found = LISTENS.search((self.folder / f"{number}.log").read_text())
        return found.group(1) if found else None

    def write(self, count: int) -> None:
        with self.log.open("ab") as log:
            for _ in range(count):
                log.write(line(self.written))
                self.written += 1
        self.admin.calls += count
        self.admin.lines += count

    def batches(self) -> list[dict[str, Any]]:
        return sorted((orjson.loads(body)["data"] for body in self.heard.values()), key=lambda data: int(data["batch"]))

    def ids(self) -> list[str]:
        return [record["id"] for data in self.batches() for record in data["records"]]


@pytest.fixture
async def place(tmp_path: Path, bus: LocalBus) -> AsyncIterator[Place]:
    place = Place(tmp_path, bus)
    await place.open()
    yield place
    await place.close()


async def test_killed_at_any_moment_it_loses_and_doubles_nothing(place: Place) -> None:
    for number in range(5):
        place.write(4000)
        before = len(place.heard)
        process = place.ship()

        async def has_begun(before: int = before, more: int = number) -> bool:
            return len(place.heard) > before + more

        await until(has_begun, PATIENCE)
        process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(process.wait)
    place.ship()

    async def has_all() -> bool:
        return len(place.ids()) >= place.written

    await until(has_all, PATIENCE)
    assert place.ids() == [f"c-{number}" for number in range(place.written)]
    assert [each["batch"] for each in place.batches()] == list(range(1, len(place.heard) + 1))

    async def is_complete() -> bool:
        newest = place.batches()[-1]
        return bool(newest["calls_total"] == newest["records_total"] == place.written and newest["read_through"])

    await until(is_complete, PATIENCE)


async def test_told_to_stop_it_announces_what_the_log_holds(place: Place) -> None:
    process = place.ship()

    async def listens() -> bool:
        return place.url(0) is not None

    await until(listens, PATIENCE)
    place.write(700)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait) == 0

    async def has_all() -> bool:
        return place.ids() == [f"c-{number}" for number in range(700)]

    await until(has_all, PATIENCE)


async def test_a_second_one_waits_until_the_first_has_ended(place: Place) -> None:
    first = place.ship()

    async def listens(number: int) -> str | None:
        return place.url(number)

    await until(lambda: listens(0), PATIENCE)
    place.ship()

    async def says_so() -> bool:
        return "another process announces this log" in (place.folder / "1.log").read_text()

    await until(says_so, PATIENCE)
    assert place.url(1) is None
    place.write(10)
    first.send_signal(signal.SIGKILL)
    await until(lambda: listens(1), PATIENCE)

    async def has_all() -> bool:
        return place.ids() == [f"c-{number}" for number in range(10)]

    await until(has_all, PATIENCE)


async def test_its_health_tells_whether_everything_is_announced(place: Place) -> None:
    place.write(10)
    place.ship()

    async def listens() -> str | None:
        return place.url(0)

    url = await until(listens, PATIENCE)
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:

        async def is_ready() -> bool:
            return (await http.get("/health/ready")).status_code == 200

        await until(is_ready, PATIENCE)
        told = (await http.get("/health/ready")).json()
        assert told == {"status": "ready", "parts": {"bus": True, "shipper": True, "log": True}}

        async def has_counted() -> bool:
            return "portico_calls_announced_total 10.0" in (await http.get("/metrics")).text

        await until(has_counted, PATIENCE)
        assert "portico_calls_behind_seconds" in (await http.get("/metrics")).text


async def test_enforcement_tells_that_nobody_ships(place: Place, make_store: Callable[..., Any]) -> None:
    settings = EnforcementSettings(keys_dir=place.folder, data_plane=place.plane)
    service = build(settings, place.bus, make_store("enforcement"))

    async def told() -> dict[str, bool]:
        transport = httpx.ASGITransport(app=service.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://enforcement") as http:
            found: dict[str, bool] = (await http.get("/health/ready")).json()["beside"]
            return found

    moment = place.plane / "announced.moment"
    moment.touch()
    assert await told() == {"shipper": True}
    old = moment.stat().st_mtime - 2 * LATE_SECONDS
    os.utime(moment, (old, old))
    assert await told() == {"shipper": False}
    place.ship()

    async def is_back() -> bool:
        return await told() == {"shipper": True}

    await until(is_back, PATIENCE)
