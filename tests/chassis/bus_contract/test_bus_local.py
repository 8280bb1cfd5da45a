"""What only the file of the one process can suffer: a killed process, a second owner, a file that cannot be used."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from chassis.bus import BusUnavailable, Message, Reaction
from chassis.local import LocalBus
from tests.chassis.bus_contract.rigs import Heard, eventually, numbered, publish_all

ROOT = Path(__file__).parents[3]
PUBLISHER = """
import asyncio, sys
from chassis.bus import Message, Reaction
from chassis.local import LocalBus

async def main():
    bus = LocalBus(sys.argv[1])
    await bus.start()
    in_hand = []

    async def hang(message):
        in_hand.append(message)
        await asyncio.Event().wait()

    await bus.declare([Reaction("kept", ("a.*",), hang)])
    await bus.react(Reaction("hanging", ("a.*",), hang))
    number = 0
    while True:
        batch = [Message(f"evt_{number + each:05}", "a.made", b"body") for each in range(20)]
        assert all(await bus.publish(batch))
        number += 20
        if in_hand:
            print(number, flush=True)

asyncio.run(main())
"""


@pytest.mark.processes
async def test_a_killed_process_loses_nothing_that_was_published(tmp_path: Path) -> None:
    path = tmp_path / "bus.sqlite"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PUBLISHER, str(path), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert child.stdout is not None
    published = 0
    while published < 400:
        published = int(await child.stdout.readline())
    os.kill(child.pid, signal.SIGKILL)
    rest = (await child.stdout.read()).split(b"\n")
    published = max([published, *(int(line) for line in rest[:-1])])
    await child.wait()

    bus, kept, resumed = LocalBus(path), Heard(), Heard()
    await bus.start()
    await bus.react(Reaction("hanging", ("a.*",), resumed))
    await bus.react(Reaction("kept", ("a.*",), kept))
    for heard in (kept, resumed):
        await heard.count(published)
        await asyncio.sleep(0.1)
        assert heard.ids == [f"evt_{number:05}" for number in range(len(heard.ids))]  # all of them, each once, in order
        assert len(heard.ids) <= published + 40  # and at most what was under way
    await bus.close()


async def test_the_file_has_one_owner(tmp_path: Path) -> None:
    path = tmp_path / "bus.sqlite"
    first, second = LocalBus(path), LocalBus(path)
    await first.start()
    with pytest.raises(BusUnavailable, match="cannot be opened"):
        await second.start()
    await first.close()
    await second.start()
    await second.close()


async def test_a_file_that_cannot_be_used_is_reported(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is not a database, but it is long enough to be looked at" * 50)
    for path in (tmp_path, tmp_path / "text", tmp_path / "text" / "below"):
        bus = LocalBus(path)
        with pytest.raises(BusUnavailable, match="cannot be opened"):
            await bus.start()
        await bus.close()


async def test_one_impossible_message_does_not_spoil_its_neighbours(tmp_path: Path) -> None:
    bus, heard = LocalBus(tmp_path / "bus.sqlite"), Heard()
    await bus.start()
    await bus.react(Reaction("all", ("#",), heard))
    results = await asyncio.gather(
        publish_all(bus, numbered("a", 3)),
        publish_all(bus, [Message("evt_\ud800", "a", b"an id that no file can hold")]),
        publish_all(bus, numbered("a", 3, start=3)),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), UnicodeEncodeError, type(None)]
    await heard.count(6)
    assert heard.messages == numbered("a", 6)
    await bus.close()


async def test_an_unwritable_disk_is_reported_and_recovered_from(tmp_path: Path) -> None:
    bus, heard = LocalBus(tmp_path / "bus.sqlite", publish_seconds=1), Heard()
    await bus.start()
    await bus.react(Reaction("all", ("#",), heard))
    await publish_all(bus, numbered("a", 1))
    assert bus._disk is not None
    pages = await bus._disk.run(lambda file: file.execute("PRAGMA page_count").fetchone()[0])
    await bus._disk.run(lambda file: file.execute(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(BusUnavailable, match="full"):
        await bus.publish([Message("evt_big", "a", bytes(1_000_000))])
    await bus._disk.run(lambda file: file.execute("PRAGMA max_page_count = 1000000"))
    await publish_all(bus, numbered("a", 1, start=1))
    await eventually(lambda: heard.ids == ["evt_00000", "evt_00001"])
    await bus.close()
