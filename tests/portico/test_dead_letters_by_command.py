"""Dead letters at the command line: what is there is found though a queue is not, and who takes one out is remembered."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chassis.bus import Message, Reaction
from chassis.local import LocalBus
from portico.door import Door, door_app, new_secret
from portico.keys import make_keys
from portico.servers import HttpServer
from portico.trouble import bind
from tests.chassis.bus_contract.rigs import AlreadyThere, dead_letters, failing

KEY = "identity.member_joined.v1"
QUEUE = "subscriptions.remember_member"


@dataclass(frozen=True)
class Running:
    """A bus at whose door a command asks; of all the platform's queues it has one."""

    bus: LocalBus
    var: Path

    async def command(self, *arguments: str) -> str:
        line = (sys.executable, "-m", "portico", "dead-letters", *arguments)
        environment = {**os.environ, "PORTICO_VAR": str(self.var)}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*line, env=environment, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
        output, _ = await asyncio.wait_for(process.communicate(), 180)
        assert process.returncode == 0, output.decode()
        return output.decode()


@pytest.fixture
async def running(mongo_url: str, database_prefix: str, tmp_path: Path) -> AsyncIterator[Running]:
    make_keys(tmp_path / "keys")
    bus, secret = LocalBus(tmp_path / "bus.sqlite", backoff_seconds=()), new_secret()
    await bus.start()
    server = HttpServer("door", door_app(bus, secret), bind("127.0.0.1", 0, "a free port"))
    await server.start()
    Door(f"http://127.0.0.1:{server.port}", secret, mongo_url, database_prefix).write(tmp_path)
    yield Running(bus, tmp_path)
    await server.close()
    await bus.close()


@pytest.mark.timeout(600)
async def test_one_is_tried_again_and_that_is_kept(running: Running, mongo: Any, database_prefix: str) -> None:
    await running.bus.react(Reaction(QUEUE, (KEY,), failing(AlreadyThere("It is there."))))
    await running.bus.put(QUEUE, [Message("evt_1", KEY, b"{}")])
    (died,) = await dead_letters(running.bus, QUEUE, 1)
    assert "1 dead letters are put back" in await running.command("replay", "evt_1")
    async with asyncio.timeout(60):  # it dies once more
        while not [each for each in await running.bus.dead_letters(QUEUE) if each.at > died.at]:  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.02)
    database = mongo[f"{database_prefix}subscriptions"]
    (kept,) = await database["removed_dead_letters"].find({}).to_list(None)
    assert (kept["event_id"], kept["what"], kept["by"]) == ("evt_1", "REPLAYED", "system:command-line")
    told = await database["outbox"].find({"key": "subscriptions.act_recorded.v1"}).to_list(None)
    assert len(told) == 1
    await mongo.drop_database(database.name)
