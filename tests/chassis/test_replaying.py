"""Whoever has missed something catches up: by a replay, by what is stated anew, by both at once and in any order."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from chassis import replaying, republishing
from chassis.bus import Message, NoSuchQueue
from chassis.inbox import On, copy_if_newer
from chassis.local import LocalBus
from chassis.messages import Event, Heard
from chassis.mongo import Document, Index, Store, Transaction
from chassis.principal import Principal
from chassis.replaying import BeyondRetention, NotAPeriod, NotInTheOutbox, Wanted
from chassis.republishing import Kind, Statement, each
from chassis.service import Service
from portico.catching_up import chosen, let_catch_up, targets
from portico.trouble import Trouble

ALICE = Principal(id="usr_alice")
QUEUE = "harbours.remember_boat"


class BoatNamed(Event, service="boats", version=1):
    boat_id: str
    name: str


class BoatSunk(Event, service="boats", version=1):
    boat_id: str
    name: str


async def remember_boat(tx: Transaction, heard: Heard) -> None:
    # Whichever is heard first: the latest fact alone tells everything that the copy holds.
    await copy_if_newer(tx, "boats", heard, {"is_sunk": heard.key == BoatSunk.key, "name": heard.data["name"]})


async def greet_boat(tx: Transaction, heard: Heard) -> None:
    await tx.collection("greetings").insert_one({"_id": heard.id})


REACTIONS = (On(remember_boat, BoatNamed.key, BoatSunk.key), On(greet_boat, BoatNamed.key))
INDEXES = (Index("boats", (("name", 1),)), Index("greetings", (("name", 1),)))


def _boats(row: Document) -> list[Statement]:
    named = BoatNamed(boat_id=row["_id"], name=row["name"])
    sunk = (BoatSunk(boat_id=row["_id"], name=row["name"]),) if row["is_sunk"] else ()
    return [Statement(row["_id"], (named, *sunk), "org_1", ("org_1", "org_2"))]


KINDS = (Kind("boat", "fleet", each(_boats)),)
Harbour = tuple[Service, Service, LocalBus]


@pytest.fixture
async def harbour(make_store: Any, tmp_path: Path) -> AsyncIterator[Harbour]:
    """Boats that announce, and a harbour whose queues nobody reads yet."""
    bus = LocalBus(tmp_path / "bus.sqlite", backoff_seconds=(0.05,))
    await bus.start()
    boats = Service("boats", make_store("boats"), bus, kinds=KINDS, indexes=(Index("fleet", (("name", 1),)),))
    harbours = Service("harbours", make_store("harbours"), bus, reactions=REACTIONS, indexes=INDEXES)
    await boats.declare()
    await boats.start()
    yield boats, harbours, bus
    await harbours.close()
    await boats.close()
    await bus.close()


async def name(store: Store, boat_id: str, called: str) -> None:
    async def work(tx: Transaction) -> None:
        await tx.collection("fleet").update_one({"_id": boat_id}, {"$set": {"name": called, "is_sunk": False}}, upsert=True)
        await tx.emit(BoatNamed(boat_id=boat_id, name=called), subject=boat_id)

    await store.transact(ALICE, work)


async def sink(store: Store, boat_id: str) -> None:
    async def work(tx: Transaction) -> None:
        row = await tx.collection("fleet").find_one_and_update({"_id": boat_id}, {"$set": {"is_sunk": True}})
        assert row is not None
        await tx.emit(BoatSunk(boat_id=boat_id, name=row["name"]), subject=boat_id)

    await store.transact(ALICE, work)


async def live(boats: Service) -> None:
    """Let boats be named, renamed and sunk while the harbour's queues do not exist; all of it is sent to nobody."""
    for number in range(5):
        await name(boats.store, f"boa_{number}", f"Boat {number}")
    await name(boats.store, "boa_1", "Renamed")
    await sink(boats.store, "boa_2")
    await until_sent(boats.store)


async def until_sent(store: Store) -> None:
    async with asyncio.timeout(60):
        while await store.reader().collection("outbox").count_documents({"sent_at": None}):  # noqa: ASYNC110 - another part tells it in no other way
            await asyncio.sleep(0.02)


async def settled(bus: LocalBus, queue: str = QUEUE) -> None:
    async with asyncio.timeout(60):
        while (await bus.counts(queue)).waiting:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.02)


async def known(harbours: Service) -> dict[str, tuple[str | None, bool]]:
    rows = await harbours.store.reader().collection("boats").find({})
    return {row["_id"]: (row.get("name"), row["is_sunk"]) for row in rows}


WHOLE = {
    "boa_0": ("Boat 0", False),
    "boa_1": ("Renamed", False),
    "boa_2": ("Boat 2", True),
    "boa_3": ("Boat 3", False),
    "boa_4": ("Boat 4", False),
}


def day() -> Wanted:
    now = datetime.now(UTC)
    return Wanted(now - timedelta(days=1), now + timedelta(minutes=1))


async def replay(boats: Service, bus: LocalBus, wanted: Wanted | None = None) -> int:
    count = 0
    async for place in replaying.replay(boats.store, bus, QUEUE, wanted or day()):
        count = place.count
    return count


async def stated(boats: Service) -> list[Message]:
    return [message async for messages, _ in republishing.batches(boats.store, KINDS[0]) for message in messages]


async def test_a_consumer_that_was_away_converges_by_a_replay(harbour: Harbour) -> None:
    boats, harbours, bus = harbour
    await live(boats)
    await harbours.declare()
    await harbours.start()
    assert await replaying.count(boats.store, day()) == 7
    for _ in range(2):
        assert await replay(boats, bus) == 7
        await settled(bus)
    assert await known(harbours) == WHOLE
    assert await harbours.store.reader().collection("greetings").count_documents({}) == 0  # it went into one queue alone


async def test_a_consumer_that_is_new_converges_by_what_is_stated_anew_and_nobody_else_acts(harbour: Harbour) -> None:
    boats, harbours, bus = harbour
    await live(boats)
    await harbours.declare()
    await harbours.start()
    for _ in range(2):
        await bus.publish(await stated(boats))
        await settled(bus)
        await settled(bus, "harbours.greet_boat")
    assert await known(harbours) == WHOLE
    assert await harbours.store.reader().collection("greetings").count_documents({}) == 0


async def test_both_at_once_and_out_of_order_end_the_same(harbour: Harbour) -> None:
    boats, harbours, bus = harbour
    await live(boats)
    await harbours.declare()
    announced = [message async for messages, _ in replaying.batches(boats.store, day()) for message in messages]
    mixed = [*announced, *await stated(boats), *announced]
    random.Random(3).shuffle(mixed)
    await bus.put(QUEUE, mixed)
    await harbours.start()
    await settled(bus)
    assert await known(harbours) == WHOLE


async def test_what_is_stated_anew_is_marked_numbered_as_now_and_always_the_same(harbour: Harbour) -> None:
    boats, _, _ = harbour
    await live(boats)
    first, again = await stated(boats), await stated(boats)
    assert [message.id for message in first] == [message.id for message in again]
    envelopes = [orjson.loads(message.body) for message in first]
    assert all(each["republished"] is True for each in envelopes)
    assert {each["audience"] for each in envelopes} == {"org_1,org_2"}
    numbers = sorted((each["subject"], each["sequence"], each["type"].split(".")[2]) for each in envelopes)
    assert numbers == [
        ("boa_0", 1, "boat_named"),
        ("boa_1", 2, "boat_named"),
        ("boa_2", 1, "boat_named"),
        ("boa_2", 2, "boat_sunk"),
        ("boa_3", 1, "boat_named"),
        ("boa_4", 1, "boat_named"),
    ]
    await name(boats.store, "boa_0", "Another")
    changed = {message.id for message in await stated(boats)} - {message.id for message in first}
    assert len(changed) == 1


async def test_what_is_stated_anew_does_not_overwrite_what_happened_since(harbour: Harbour) -> None:
    boats, harbours, bus = harbour
    await harbours.declare()
    await harbours.start()
    await name(boats.store, "boa_1", "Old")
    old = await stated(boats)
    await name(boats.store, "boa_1", "New")
    await until_sent(boats.store)
    await settled(bus)
    await bus.put(QUEUE, old)
    await settled(bus)
    assert await known(harbours) == {"boa_1": ("New", False)}


async def test_a_replay_takes_what_is_asked_for_and_goes_on_where_it_was_broken_off(harbour: Harbour) -> None:
    boats, _, _ = harbour
    await live(boats)
    one = Wanted(day().since, day().until, (BoatSunk.key,))
    assert await replaying.count(boats.store, one) == 1
    about = Wanted(day().since, day().until, subject="boa_1")
    messages = [m for batch, _ in [b async for b in replaying.batches(boats.store, about)] for m in batch]
    assert [orjson.loads(each.body)["sequence"] for each in messages] == [1, 2]
    place = await replaying.place_of(boats.store, messages[0].id)
    rest = [m for batch, _ in [b async for b in replaying.batches(boats.store, about, place)] for m in batch]
    assert [each.id for each in rest] == [messages[1].id]
    with pytest.raises(NotInTheOutbox):
        await replaying.place_of(boats.store, "evt_never")


async def test_what_the_outbox_does_not_hold_is_refused(harbour: Harbour) -> None:
    boats, _, bus = harbour
    now = datetime.now(UTC)
    with pytest.raises(BeyondRetention, match=r"kept for 7 days.*portico republish"):
        replaying.require_period(boats.store, now - timedelta(days=8), now)
    with pytest.raises(NotAPeriod):
        replaying.require_period(boats.store, now, now)
    replaying.require_period(boats.store, now - timedelta(days=6), now)
    with pytest.raises(NoSuchQueue):
        await bus.put("harbours.nothing", [Message("evt_1", "boats.boat_named.v1", b"{}")])


async def test_many_things_are_stated_in_batches(harbour: Harbour) -> None:
    boats, _, _ = harbour
    rows = [{"_id": f"boa_{number:05}", "name": "Boat", "is_sunk": False} for number in range(450)]
    await boats.store.reader().collection("fleet").insert_many(rows)
    sizes = [things async for _, things in republishing.batches(boats.store, KINDS[0])]
    assert sizes == [200, 200, 50]


async def test_a_new_service_is_let_catch_up_alone(harbour: Harbour) -> None:
    boats, harbours, bus = harbour
    await live(boats)
    await harbours.declare()
    await harbours.start()
    services = {"boats": boats, "harbours": harbours}
    for _ in range(2):
        assert await let_catch_up(services, ["harbours"], bus) == 5
        await settled(bus)
    assert await known(harbours) == WHOLE
    assert (await bus.counts("harbours.greet_boat")).waiting == 0
    with pytest.raises(Trouble, match="no service canals to catch up: choose one of boats, harbours"):
        await let_catch_up(services, ["canals"], bus)
    with pytest.raises(Trouble, match="harbours has nothing to state: choose among boats"):
        chosen(services, ["harbours"], ())
    with pytest.raises(Trouble, match="no kind canoe: choose among boat"):
        chosen(services, (), ["canoe"])
    assert targets(services, None, ()) is None
    assert targets(services, QUEUE, ()) == {QUEUE: REACTIONS[0].keys}
    assert targets(services, "elsewhere.queue", ()) == {"elsewhere.queue": ("#",)}
