"""A replay that is killed in the middle, beside a platform that runs: begun anew it is whole, and every effect is there once."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chassis import replaying
from chassis.clock import SystemClock
from chassis.inbox import On
from chassis.local import LocalBus
from chassis.messages import Event, Heard
from chassis.mongo import Store, Transaction, connect
from chassis.principal import Principal
from chassis.replaying import Wanted
from chassis.service import Service
from portico.door import Door, DoorBus, door_app, find_door, new_secret
from portico.servers import HttpServer
from portico.trouble import bind

ROOT = Path(__file__).parents[2]
ALICE = Principal(id="usr_alice")
EVENTS = 1_000
QUEUE = "piers.count_wave"


class WaveBroke(Event, service="waves", version=1):
    number: int


async def count_wave(tx: Transaction, heard: Heard) -> None:
    await tx.collection("waves").insert_one({"_id": heard.data["number"]})


def _wanted() -> Wanted:
    now = datetime.now(UTC)
    return Wanted(now - timedelta(days=1), now + timedelta(minutes=1))


async def replay_slowly(url: str, name: str, var: str) -> None:
    """Replay through the door, and tell after each batch (run as a program)."""
    door = find_door(Path(var))
    assert door is not None
    store = Store(connect(url), name, SystemClock())
    async for place in replaying.replay(store, DoorBus(door), QUEUE, _wanted()):
        sys.stdout.write(f"{place.count}\n")
        sys.stdout.flush()
        await asyncio.sleep(1)


async def test_a_replay_that_was_killed_is_begun_anew(mongo_url: str, make_store: Callable[[str], Store], tmp_path: Path) -> None:
    bus = LocalBus(tmp_path / "bus.sqlite")
    await bus.start()
    secret = new_secret()
    server = HttpServer("door", door_app(bus, secret), bind("127.0.0.1", 0, "a free port"))
    await server.start()
    Door(f"http://127.0.0.1:{server.port}", secret, mongo_url, "").write(tmp_path)
    waves = Service("waves", make_store("waves"), bus)
    await waves.declare()

    async def announce(tx: Transaction) -> None:
        for number in range(EVENTS):
            await tx.emit(WaveBroke(number=number), subject=f"wav_{number % 10}")

    await waves.store.transact(ALICE, announce)
    await waves.start()
    await _until(lambda: waves.store.reader().collection("outbox").count_documents({"sent_at": None}), 0)
    piers = Service("piers", make_store("piers"), bus, reactions=[On(count_wave, WaveBroke.key)])
    await piers.declare()
    await piers.start()

    code = "import asyncio, sys; from tests.chassis.test_replay_sudden_end import replay_slowly as go; "
    code += "asyncio.run(go(*sys.argv[1:]))"
    arguments = ("-c", code, mongo_url, waves.store.name, str(tmp_path))
    killed = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert killed.stdout is not None
    assert int(await killed.stdout.readline()) < EVENTS
    os.kill(killed.pid, signal.SIGKILL)
    await killed.wait()

    counted: Any = piers.store.reader().collection("waves")
    async for place in replaying.replay(waves.store, bus, QUEUE, _wanted()):
        assert place.count <= EVENTS
    await _until(lambda: counted.count_documents({}), EVENTS)
    counts = await bus.counts(QUEUE)
    assert counts.dead == 0  # no effect was tried a second time
    for part in (piers, waves, server, bus):
        await part.close()


async def _until(count: Callable[[], Any], wanted: int) -> None:
    async with asyncio.timeout(120):
        while await count() != wanted:  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.05)
