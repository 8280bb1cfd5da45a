"""The door of the one process: another process of the same user reaches the running bus, and nobody else does."""

import stat
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from chassis.bus import BusUnavailable, Counts, Message, NoSuchDeadLetter, NoSuchQueue, Reaction
from chassis.local import LocalBus
from portico.door import Door, DoorBus, NotAtThisDoor, door_app, find_door, new_secret, shut_door
from portico.servers import HttpServer
from portico.trouble import bind
from tests.chassis.bus_contract.rigs import AlreadyThere, Heard, dead_letters, failing, numbered

KEY = "made.v1"


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[LocalBus]:
    made = LocalBus(tmp_path / "bus.sqlite", backoff_seconds=())
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def door(bus: LocalBus) -> AsyncIterator[Door]:
    secret = new_secret()
    server = HttpServer("door", door_app(bus, secret), bind("127.0.0.1", 0, "a free port"))
    await server.start()
    yield Door(f"http://127.0.0.1:{server.port}", secret, "mongodb://nowhere", "portico_")
    await server.close()


async def test_what_comes_through_the_door_is_noticed_by_those_who_run(bus: LocalBus, door: Door) -> None:
    heard, refusing = Heard(), failing(AlreadyThere("It is there."))
    await bus.react(Reaction("one", (KEY,), heard))
    await bus.react(Reaction("two", ("never.v1", "dies.v1"), refusing))
    outside = DoorBus(door)
    await outside.start()
    assert outside.is_connected
    await outside.put("one", [Message("evt_b", KEY, bytes(range(256))), *numbered(KEY, 100)])
    assert await outside.publish([Message("evt_p", KEY, b"{}"), Message("evt_q", "nobody.v1", b"{}")]) == [True, False]
    await heard.count(102)
    assert heard.messages[0] == Message("evt_b", KEY, bytes(range(256)))
    await outside.put("two", [Message("evt_1", "dies.v1", b"{}"), Message("evt_2", "dies.v1", b"{}")])
    await dead_letters(bus, "two", 2)
    assert await outside.counts("two") == Counts(0, 2)
    found = await outside.dead_letters("two")
    assert [(each.message.id, each.code, each.reason) for each in found] == [
        ("evt_1", "ALREADY_THERE", "It is there."),
        ("evt_2", "ALREADY_THERE", "It is there."),
    ]
    await outside.discard_dead("two", "evt_1")
    await outside.replay_dead("two", "evt_2")
    await dead_letters(bus, "two", 1)
    with pytest.raises(NoSuchDeadLetter):
        await outside.discard_dead("two", "evt_1")
    with pytest.raises(NoSuchQueue, match="no queue three"):
        await outside.put("three", [])
    for refused in (outside.declare([]), outside.listen([KEY], heard), outside.react(Reaction("one", (KEY,), heard))):
        with pytest.raises(NotAtThisDoor, match="Only the running platform"):
            await refused
    with pytest.raises(BusUnavailable, match="its log says why"):  # no number that a file of SQLite holds
        await outside.dead_letters("two", 2**63)
    await outside.close()


async def test_without_the_secret_it_opens_to_nobody(door: Door) -> None:
    async with httpx.AsyncClient(base_url=door.url, trust_env=False) as http:
        for headers in ({}, {"authorization": "Bearer x"}, {"authorization": "Bearer y"}):
            answer = await http.post("/counts", content=b"{}", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "DOOR_SECRET_MISSING")
            assert (await http.post("/publish", content=b"[]\n", headers=headers)).status_code == 401
        answer = await http.post("/drop", content=b"{}", headers={"authorization": f"Bearer {door.secret}"})
        assert answer.json()["code"] == "NOT_AT_THIS_DOOR"


async def test_only_its_user_reads_where_it_is(door: Door, tmp_path: Path) -> None:
    assert find_door(tmp_path) is None
    door.write(tmp_path)
    assert stat.S_IMODE((tmp_path / "door.json").stat().st_mode) == 0o600
    assert find_door(tmp_path) == door
    shut_door(tmp_path)
    shut_door(tmp_path)
    assert find_door(tmp_path) is None
    (tmp_path / "door.json").write_text("{}")
    assert find_door(tmp_path) is None


async def test_a_platform_that_has_ended_is_said_not_to_answer(tmp_path: Path) -> None:
    listening = bind("127.0.0.1", 0, "a free port")
    port = listening.getsockname()[1]
    listening.close()
    outside = DoorBus(Door(f"http://127.0.0.1:{port}", "secret", "mongodb://nowhere", "portico_"))
    with pytest.raises(BusUnavailable, match="does not answer at its door"):
        await outside.counts("one")
    await outside.close()
