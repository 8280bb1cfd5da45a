"""One queue by itself, on every bus: what is put into it alone, how much is in it, how its dead letters are read."""

import asyncio

import pytest

from chassis.bus import Bus, Counts, Message, NoSuchQueue, Reaction
from tests.chassis.bus_contract.rigs import AlreadyThere, Heard, Rig, dead_letters, eventually, failing, numbered


async def until_counted(bus: Bus, queue: str, wanted: Counts) -> None:
    async with asyncio.timeout(60):
        while await bus.counts(queue) != wanted:  # noqa: ASYNC110 - the bus tells it in no other way
            await asyncio.sleep(0.05)


async def test_what_is_put_into_a_queue_goes_there_alone_and_past_its_patterns(rig: Rig, bus: Bus) -> None:
    key = rig.key("made.v1")
    meant, beside, listening = Heard(), Heard(), Heard()
    await bus.declare([Reaction(rig.queue("meant"), (key,), meant), Reaction(rig.queue("beside"), (key,), beside)])
    await bus.listen([key], listening)
    await bus.put(rig.queue("meant"), numbered(key, 300))
    await bus.put(rig.queue("meant"), [])
    await until_counted(bus, rig.queue("meant"), Counts(300, 0))
    await until_counted(bus, rig.queue("beside"), Counts(0, 0))
    await bus.react(Reaction(rig.queue("meant"), (key,), meant))
    await bus.react(Reaction(rig.queue("beside"), (key,), beside))
    await meant.count(300)
    assert meant.messages == numbered(key, 300)
    assert (beside.messages, listening.messages) == ([], [])


async def test_a_queue_that_is_not_there_is_said_to_be_so(rig: Rig, bus: Bus) -> None:
    unknown = f"{rig.prefix}.unknown"
    with pytest.raises(NoSuchQueue, match=unknown):
        await bus.put(unknown, numbered(rig.key("made.v1"), 3))
    with pytest.raises(NoSuchQueue, match=unknown):
        await bus.counts(unknown)
    # What was refused has broken nothing.
    heard = Heard()
    await bus.react(Reaction(rig.queue("known"), (rig.key("made.v1"),), heard))
    await bus.put(rig.queue("known"), numbered(rig.key("made.v1"), 2))
    await heard.count(2)


async def test_what_is_put_twice_comes_twice_and_as_a_first_attempt(rig: Rig, bus: Bus) -> None:
    heard = Heard()
    await bus.react(Reaction(rig.queue("twice"), (rig.key("made.v1"),), heard))
    once = Message("evt_1", rig.key("made.v1"), b"{}", attempt=4)
    await bus.put(rig.queue("twice"), [once, once])
    await heard.count(2)
    assert heard.ids == ["evt_1", "evt_1"]
    assert {message.attempt for message in heard.messages} == {1}


async def test_dead_letters_are_counted_and_read_as_far_as_is_asked(rig: Rig, bus: Bus) -> None:
    queue = rig.queue("refusing")
    await bus.react(Reaction(queue, (rig.key("made.v1"),), failing(AlreadyThere()), prefetch=1))
    await bus.put(queue, numbered(rig.key("made.v1"), 5))
    await dead_letters(bus, queue, 5)
    await until_counted(bus, queue, Counts(0, 5))
    assert [each.message.id for each in await bus.dead_letters(queue, 2)] == ["evt_00000", "evt_00001"]
    await bus.discard_dead(queue, "evt_00004")
    await until_counted(bus, queue, Counts(0, 4))


async def test_a_killed_broker_keeps_what_was_put(rig: Rig) -> None:
    bus, key, heard = await rig.bus(), rig.key("made.v1"), Heard()
    reaction = Reaction(rig.queue("kept"), (key,), heard)
    await bus.declare([reaction])
    await asyncio.sleep(1)  # a quorum queue younger than this may come back empty
    await bus.put(rig.queue("kept"), numbered(key, 20))

    async def nothing(_bus: Bus) -> None:
        """Nobody does anything meanwhile."""

    after = await rig.power_cut(bus, nothing)
    await after.react(reaction)
    await eventually(lambda: len(set(heard.ids)) == 20)
