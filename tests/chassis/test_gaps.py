"""A message that was really taken away from a queue is missed, shown, and delivered by closing the gap."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis import dead_letters, gaps
from chassis.gaps import Gap, Hearer
from chassis.inbox import On
from chassis.local import LocalBus
from chassis.messages import Event, Heard
from chassis.mongo import Store, Transaction
from chassis.principal import Principal
from chassis.service import Service
from chassis.telemetry import EVENT_GAPS
from portico.commands.gaps import look_once
from portico.watching import GapWatch, close_gaps, find_gaps, hearers_of

ALICE = Principal(id="usr_alice")
QUEUE = "keepers.remember_light"


class LightLit(Event, service="lights", version=1):
    light_id: str


async def remember_light(tx: Transaction, heard: Heard) -> None:
    await tx.collection("seen").update_one({"_id": heard.subject}, {"$set": {"n": heard.sequence}}, upsert=True)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def now(self) -> datetime:
        return self.moment


Pair = tuple[Service, Service, Path, Clock]


@pytest.fixture
async def pair(make_store: Any, tmp_path: Path) -> AsyncIterator[Pair]:
    clock, path = Clock(), tmp_path / "bus.sqlite"
    bus = LocalBus(path, backoff_seconds=(0.05,))
    await bus.start()
    lights = Service("lights", make_store("lights", clock), bus)
    keepers = Service("keepers", make_store("keepers", clock), bus, reactions=[On(remember_light, LightLit.key)])
    for service in (lights, keepers):
        await service.declare()
    clock.moment += timedelta(seconds=1)
    await lights.start()
    yield lights, keepers, path, clock
    await keepers.close()
    await lights.close()
    await lights.bus.close()


async def light(store: Store, light_id: str) -> None:
    await store.transact(ALICE, lambda tx: tx.emit(LightLit(light_id=light_id), subject=light_id))
    async with asyncio.timeout(60):
        while await store.reader().collection("outbox").count_documents({"sent_at": None}):  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.02)


async def take_away(service: Service, path: Path, subject: str) -> LocalBus:
    """Stop the bus, delete a message from its file as somebody with the wrong tool would, and start another bus on it."""
    await service.bus.close()
    with sqlite3.connect(path) as file:
        assert file.execute("DELETE FROM messages WHERE instr(body, ?)", (subject.encode(),)).rowcount == 1
    file.close()
    bus = LocalBus(path, backoff_seconds=(0.05,))
    await bus.start()
    return bus


async def found(pair: Pair, bus: LocalBus) -> list[Gap]:
    lights, keepers, _, clock = pair
    services = {"lights": lights, "keepers": keepers}
    return [gap async for batch in find_gaps(services, bus, clock.now() - timedelta(days=1)) for gap in batch]


async def settled(bus: LocalBus) -> None:
    async with asyncio.timeout(60):
        while (await bus.counts(QUEUE)).waiting:  # noqa: ASYNC110 - the reaction tells it in no other way
            await asyncio.sleep(0.02)


async def test_what_was_taken_away_is_missed_after_a_minute_shown_and_delivered(pair: Pair) -> None:
    lights, keepers, path, clock = pair
    for name in ("lig_1", "lig_2", "lig_3"):
        await light(lights.store, name)
    bus = await take_away(lights, path, "lig_2")
    keepers = Service("keepers", keepers.store, bus, reactions=keepers.reactions)
    await keepers.start()
    await settled(bus)
    assert await found(pair, bus) == []  # it may still be on its way
    clock.moment += timedelta(minutes=2)
    (gap,) = await found(pair, bus)
    assert (gap.queue, gap.key, gap.subject, gap.sequence) == (QUEUE, LightLit.key, "lig_2", 1)

    watch = GapWatch({"lights": lights, "keepers": keepers}, bus)
    await watch.look()
    assert list(watch.open) == [(QUEUE, gap.message.id)]
    assert EVENT_GAPS.labels(QUEUE)._value.get() == 1
    assert await close_gaps(bus, [gap]) == 1
    await settled(bus)
    await watch.look()
    assert watch.open == {}
    assert EVENT_GAPS.labels(QUEUE)._value.get() == 0
    assert await found(pair, bus) == []
    seen = await keepers.store.reader().collection("seen").find({}, sort=[("_id", 1)])
    assert [row["_id"] for row in seen] == ["lig_1", "lig_2", "lig_3"]
    await keepers.close()
    await bus.close()


async def test_a_dead_letter_is_no_gap_and_what_was_sent_before_the_queue_was_there_neither(
    make_store: Any, tmp_path: Path
) -> None:
    clock = Clock()
    bus = LocalBus(tmp_path / "bus.sqlite", backoff_seconds=())
    await bus.start()

    async def remember_nothing(_tx: Transaction, _heard: Heard) -> None:
        raise RuntimeError("never")

    lights = Service("lights", make_store("lights", clock), bus)
    await lights.declare()
    await lights.start()
    await light(lights.store, "lig_before")
    clock.moment += timedelta(seconds=1)
    deaf = Service("deaf", make_store("deaf", clock), bus, reactions=[On(remember_nothing, LightLit.key)])
    await deaf.declare()
    await deaf.start()
    clock.moment += timedelta(seconds=1)
    await light(lights.store, "lig_after")
    async with asyncio.timeout(60):
        while not (await bus.counts("deaf.remember_nothing")).dead:  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.02)
    clock.moment += timedelta(minutes=5)
    (hearer,) = hearers_of({"deaf": deaf})
    assert isinstance(hearer, Hearer)
    stretch = gaps.Stretch(clock.now() - timedelta(days=1), gaps.settled_until(lights.store))
    assert [each async for each in gaps.find(lights.store, [hearer], bus, stretch)] == []
    (letter,) = await bus.dead_letters("deaf.remember_nothing")
    await dead_letters.discard(deaf.store, bus, "deaf.remember_nothing", letter, because="It is of no use.")
    assert [each async for each in gaps.find(lights.store, [hearer], bus, stretch)] == []
    assert await bus.dead_letters("deaf.remember_nothing") == []
    for service in (deaf, lights):
        await service.close()
    await bus.close()


async def test_a_queue_that_is_gone_is_told_and_who_is_away_is_asked_again(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lights, keepers, _, clock = pair
    await light(lights.store, "lig_1")
    clock.moment += timedelta(minutes=2)
    services = {"lights": lights, "keepers": keepers}
    emptied = LocalBus(tmp_path / "emptied.sqlite")
    watch = GapWatch(services, emptied)
    await look_once(watch)
    assert capsys.readouterr().out == "The message bus does not answer; try again shortly.\n"
    await emptied.start()
    await look_once(watch)
    assert capsys.readouterr().out.endswith("1 gaps\n")
    assert [queue for queue, _ in watch.open] == [QUEUE]
    await emptied.declare(keepers.wired_reactions())
    await close_gaps(emptied, list(watch.open.values()))
    assert (await emptied.counts(QUEUE)).waiting == 1
    await emptied.close()


async def test_many_dead_letters_are_no_gaps(pair: Pair) -> None:
    lights, _, path, clock = pair
    await light(lights.store, "lig_1")
    outbox = lights.store.reader().collection("outbox")
    (row,) = await outbox.find({})
    many = [{**row, "_id": f"evt_{number:05}"} for number in range(1_500)]
    await outbox.insert_many(many)
    await lights.bus.close()
    with sqlite3.connect(path) as file:
        dead = [(QUEUE, each["_id"], row["key"], bytes(row["body"])) for each in many]
        file.executemany(
            "INSERT INTO dead (queue, id, key, body, attempt, code, reason, at) VALUES (?, ?, ?, ?, 1, '', '', 0)", dead
        )
    file.close()
    bus = LocalBus(path)
    await bus.start()
    clock.moment += timedelta(minutes=2)
    assert [gap.message.id for gap in await found(pair, bus)] == [row["_id"]]
    await bus.close()
