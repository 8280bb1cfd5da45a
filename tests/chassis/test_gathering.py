"""Messages that wait are dealt with together, and each fares as if it had been alone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from chassis.bus import Message
from chassis.errors import Conflict
from chassis.gathering import MOST_TOGETHER, Gathering
from chassis.inbox import On, copy_if_newer, copy_those_newer
from chassis.local import LocalBus
from chassis.messages import Heard
from chassis.mongo import DatabaseUnavailable, Index, Transaction
from chassis.service import Service

KEY = "lamps.lamp_renamed.v1"


class RoomRefuses(Conflict):
    """The room refuses this lamp."""


def _checked(heard: Heard) -> Heard:
    if heard.data["name"] == "refused":
        raise RoomRefuses
    return heard


async def remember_lamp(tx: Transaction, heard: Heard) -> None:
    await copy_if_newer(tx, "lamps", _checked(heard), {"name": heard.data["name"]})


async def remember_lamps(tx: Transaction, heard: Sequence[Heard]) -> None:
    await copy_those_newer(tx, "lamps", [(_checked(each), {"name": each.data["name"]}) for each in heard])
    _together.append(len(heard))


_together: list[int] = []


def renamed(lamp: str, sequence: int, name: str, event_id: str = "") -> Message:
    event_id = event_id or f"evt_{lamp}_{sequence}"
    body = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/services/lamps",
        "type": f"portico.{KEY}",
        "subject": lamp,
        "time": "2030-01-01T00:00:00.000Z",
        "sequence": sequence,
        "data": {"lamp_id": lamp, "name": name},
    }
    return Message(event_id, KEY, orjson.dumps(body))


class Rooms:
    def __init__(self, service: Service) -> None:
        self.service = service
        (self.reaction,) = service.wired_reactions()

    async def hear(self, *told: Message) -> list[Any]:
        """Hand over messages at the same moment; return what stands against each."""
        _together.clear()
        return await asyncio.gather(*(self.reaction.handle(each) for each in told), return_exceptions=True)

    async def names(self) -> dict[str, tuple[int, str]]:
        rows = await self.service.store.reader().collection("lamps").find({})
        return {row["_id"]: (row["sequence"], row["name"]) for row in rows}


@pytest.fixture
async def rooms(make_store: Any, tmp_path: Path) -> AsyncIterator[Rooms]:
    bus = LocalBus(tmp_path / "bus.sqlite")
    await bus.start()
    on = On(remember_lamp, KEY, together=remember_lamps)
    service = Service("rooms", make_store("rooms"), bus, reactions=[on], indexes=[Index("lamps", (("name", 1),))])
    await service.declare()
    yield Rooms(service)
    await bus.close()


async def test_what_comes_at_the_same_moment_is_one_transaction_and_the_latest_of_each_counts(rooms: Rooms) -> None:
    told = [renamed(f"lmp_{number}", sequence, f"{sequence}") for number in range(5) for sequence in (2, 3, 1)]
    assert await rooms.hear(*told) == [None] * 15
    assert await rooms.names() == {f"lmp_{number}": (3, "3") for number in range(5)}
    assert _together == [15]
    # Again, out of order, and with news among it.
    assert await rooms.hear(*reversed(told), renamed("lmp_0", 4, "4"), renamed("lmp_9", 1, "1")) == [None] * 17
    assert await rooms.names() == {f"lmp_{number}": (3, "3") for number in range(1, 5)} | {"lmp_0": (4, "4"), "lmp_9": (1, "1")}
    assert _together == [2]


async def test_the_same_message_twice_at_the_same_moment_is_dealt_with_once(rooms: Rooms) -> None:
    assert await rooms.hear(renamed("lmp_1", 1, "one"), renamed("lmp_1", 1, "one"), renamed("lmp_2", 1, "two")) == [None] * 3
    assert _together == [2]
    assert await rooms.names() == {"lmp_1": (1, "one"), "lmp_2": (1, "two")}


async def test_what_is_wrong_with_one_is_told_of_that_one_alone(rooms: Rooms) -> None:
    unreadable = Message("evt_bad", KEY, b"{")
    told = [renamed("lmp_1", 1, "one"), renamed("lmp_2", 1, "refused"), unreadable, renamed("lmp_3", 1, "three")]
    outcomes = await rooms.hear(*told)
    assert [getattr(each, "code", each) for each in outcomes] == [None, "ROOM_REFUSES", "ENVELOPE_NOT_READABLE", None]
    assert await rooms.names() == {"lmp_1": (1, "one"), "lmp_3": (1, "three")}


async def test_one_alone_is_dealt_with_as_one_and_no_more_than_so_many_go_together() -> None:
    seen: list[Any] = []

    async def one(message: Message) -> None:
        seen.append(message.id)

    async def together(messages: Sequence[Message]) -> None:
        await asyncio.sleep(0)
        seen.append(len(messages))

    gathering = Gathering(one, together)
    await gathering.handle(renamed("lmp_1", 1, "one"))
    await asyncio.gather(*(gathering.handle(renamed("lmp_1", number, "one")) for number in range(MOST_TOGETHER + 2)))
    assert seen == ["evt_lmp_1_1", MOST_TOGETHER, 2]


async def test_while_the_database_is_away_nobody_is_tried_by_itself() -> None:
    tried: list[str] = []

    async def one(message: Message) -> None:
        tried.append(message.id)

    async def together(_: Sequence[Message]) -> None:
        raise DatabaseUnavailable

    gathering = Gathering(one, together)
    told = [gathering.handle(renamed("lmp_1", number, "one")) for number in range(3)]
    outcomes = await asyncio.gather(*told, return_exceptions=True)
    assert [type(each) for each in outcomes] == [DatabaseUnavailable] * 3
    assert tried == []


async def test_a_cancellation_that_nobody_asked_for_lets_nobody_wait_for_ever() -> None:
    async def one(message: Message) -> None:
        if message.id == "evt_lmp_1_1":
            raise asyncio.CancelledError

    async def together(_: Sequence[Message]) -> None:
        raise asyncio.CancelledError

    gathering = Gathering(one, together)
    told = [gathering.handle(renamed("lmp_1", number, "one")) for number in range(3)]
    outcomes = await asyncio.gather(*told, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in outcomes] == [False, True, False]
    await gathering.handle(renamed("lmp_2", 1, "goes on"))
