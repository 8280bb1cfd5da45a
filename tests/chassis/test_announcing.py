"""From a committed change to the effects of it elsewhere: outbox, relay, bus, inbox, local copies."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from chassis import inbox, outbox
from chassis.bus import BusUnavailable, Message
from chassis.errors import Conflict
from chassis.inbox import On, copy_if_newer
from chassis.local import LocalBus
from chassis.messages import Event, Heard
from chassis.mongo import Index, Store, Transaction
from chassis.outbox import Relay
from chassis.principal import Principal
from chassis.service import Service

ALICE = Principal(id="usr_alice")


class LampRenamed(Event, service="lamps", version=1):
    lamp_id: str
    name: str


class RoomRefuses(Conflict):
    """The room refuses this lamp."""


async def remember_lamp(tx: Transaction, heard: Heard) -> None:
    if heard.data["name"] == "refused":
        raise RoomRefuses
    if heard.data["name"] == "fails once" and heard.id not in _failed:
        _failed.add(heard.id)
        raise RuntimeError("not this time")
    await tx.collection("counters").update_one({"_id": heard.subject}, {"$inc": {"n": 1}}, upsert=True)
    await copy_if_newer(tx, "lamps", heard, {"name": heard.data["name"]})


_failed: set[str] = set()
REACTIONS = (On(remember_lamp, "lamps.lamp_renamed.v1"),)
INDEXES = (Index("lamps", (("name", 1),)), Index("counters", (("n", 1),)))


class GatedBus(LocalBus):
    """A local bus that can be unreachable."""

    is_reachable = True

    async def publish(self, messages: Any) -> list[bool]:
        if not self.is_reachable:
            raise BusUnavailable
        return await super().publish(messages)


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[GatedBus]:
    made = GatedBus(tmp_path / "bus.sqlite", backoff_seconds=(0.05, 0.05))
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def services(make_store: Any, bus: GatedBus) -> AsyncIterator[tuple[Service, Service]]:
    lamps = Service("lamps", make_store("lamps"), bus)
    rooms = Service("rooms", make_store("rooms"), bus, reactions=REACTIONS, indexes=INDEXES)
    for service in (lamps, rooms):
        await service.declare()
    for service in (lamps, rooms):
        await service.start()
    yield lamps, rooms
    for service in (rooms, lamps):
        await service.close()


async def rename(store: Store, name: str, lamp_id: str = "lamp_1") -> None:
    await store.transact(ALICE, lambda tx: tx.emit(LampRenamed(lamp_id=lamp_id, name=name), subject=lamp_id))


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - it waits for what other parts do
            await asyncio.sleep(0.02)


async def known_name(rooms: Service, lamp_id: str = "lamp_1") -> str | None:
    lamp = await rooms.store.reader().collection("lamps").find_one({"_id": lamp_id})
    return lamp["name"] if lamp else None


async def effects(rooms: Service, lamp_id: str = "lamp_1") -> int:
    counter = await rooms.store.reader().collection("counters").find_one({"_id": lamp_id})
    return counter["n"] if counter else 0


async def test_a_committed_fact_reaches_the_other_service_and_is_marked_sent(services: tuple[Service, Service]) -> None:
    lamps, rooms = services
    await rename(lamps.store, "brass")

    async def arrived() -> bool:
        return await known_name(rooms) == "brass"

    await until(arrived)
    (row,) = await lamps.store.reader().collection("outbox").find({})
    assert row["sent_at"] is not None
    assert row["is_routed"] is True
    assert all((await rooms.ready()).values())


async def test_redelivery_and_disorder_have_no_further_effect(services: tuple[Service, Service], bus: GatedBus) -> None:
    lamps, rooms = services
    for name in ("first", "second", "third"):
        await rename(lamps.store, name)

    async def arrived() -> bool:
        return await effects(rooms) == 3

    await until(arrived)
    rows = await lamps.store.reader().collection("outbox").find({}, sort=[("_id", -1)])
    await bus.publish([Message(row["_id"], row["key"], bytes(row["body"])) for row in rows])
    await asyncio.sleep(0.3)
    assert await effects(rooms) == 3
    assert await known_name(rooms) == "third"


async def test_an_older_event_heard_later_does_not_overwrite_the_copy(make_store: Any) -> None:
    store = make_store("rooms")
    await store.ensure_indexes([*INDEXES, *inbox.INDEXES])
    written = []

    async def hear(tx: Transaction, sequence: int) -> None:
        at = tx.now
        heard = Heard("evt", "k", "lamp_1", sequence, at, None, None, (), None, {})
        written.append(await copy_if_newer(tx, "lamps", heard, {"name": f"n{sequence}"}))

    for sequence in (2, 1, 2, 3):
        await store.transact(ALICE, lambda tx, s=sequence: hear(tx, s))
    copy = await store.reader().collection("lamps").find_one({"_id": "lamp_1"})
    assert written == [True, False, False, True]
    assert (copy["name"], copy["sequence"]) == ("n3", 3)


async def test_a_failing_reaction_is_tried_again_and_a_refusing_one_is_a_dead_letter(
    services: tuple[Service, Service], bus: GatedBus
) -> None:
    lamps, rooms = services
    await rename(lamps.store, "refused", "lamp_2")
    await rename(lamps.store, "fails once", "lamp_3")

    async def arrived() -> bool:
        return await known_name(rooms, "lamp_3") == "fails once"

    await until(arrived)
    (dead,) = await bus.dead_letters("rooms.remember_lamp")
    assert dead.code == "ROOM_REFUSES"
    assert await effects(rooms, "lamp_2") == 0
    assert await effects(rooms, "lamp_3") == 1


async def test_what_is_no_envelope_becomes_a_dead_letter(services: tuple[Service, Service], bus: GatedBus) -> None:
    await bus.publish([Message("evt_x", "lamps.lamp_renamed.v1", b"not an envelope")])

    async def buried() -> bool:
        return [each.code for each in await bus.dead_letters("rooms.remember_lamp")] == ["ENVELOPE_NOT_READABLE"]

    await until(buried)


async def test_the_outbox_waits_while_the_bus_is_away(services: tuple[Service, Service], bus: GatedBus) -> None:
    lamps, rooms = services
    bus.is_reachable = False
    await rename(lamps.store, "patient")
    await asyncio.sleep(0.3)
    (row,) = await lamps.store.reader().collection("outbox").find({})
    assert row["sent_at"] is None
    bus.is_reachable = True

    async def arrived() -> bool:
        return await known_name(rooms) == "patient"

    await until(arrived)


async def test_a_fact_that_nobody_reacts_to_is_kept_and_marked_so(make_store: Any, bus: GatedBus) -> None:
    store = make_store("lonely")
    await store.ensure_indexes(outbox.INDEXES)
    relay = Relay("lonely", store, bus)
    await rename(store, "unheard")
    assert await relay.relay_batch() is False
    (row,) = await store.reader().collection("outbox").find({})
    assert row["is_routed"] is False
    assert row["expires_at"] > row["sent_at"]


async def test_that_nobody_hears_a_kind_of_fact_is_said_once(make_store: Any, bus: GatedBus) -> None:
    store = make_store("lonely")
    await store.ensure_indexes(outbox.INDEXES)
    relay = Relay("lonely", store, bus)
    with capture_logs() as lines:
        for name in ("unheard", "unheard still"):
            await rename(store, name)
            await relay.relay_batch()
    assert [(each["key"], each["part"]) for each in lines] == [("lamps.lamp_renamed.v1", "lonely.relay")]


async def test_only_the_holder_of_the_lease_relays(make_store: Any, bus: GatedBus) -> None:
    store = make_store("leased")
    await store.ensure_indexes(outbox.INDEXES)
    first, second = Relay("leased", store, bus, place="here"), Relay("leased", store, bus, place="there")
    assert await first._lease.hold()
    assert not await second._lease.hold()
    assert await first._lease.hold()
    successor = Relay("leased", store, bus, place="here")  # of a process that was killed
    assert await successor._lease.hold()
    await successor.close()
    assert await second._lease.hold()
