"""The promise of `chassis.bus` when something fails: retries, dead letters, redelivery, power cuts."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from chassis.bus import RETRIES_EXHAUSTED, Bus, BusUnavailable, Message, NoSuchDeadLetter, Reaction
from tests.chassis.bus_contract.rigs import (
    BACKOFF,
    AlreadyThere,
    Heard,
    NotYet,
    Rig,
    dead_letters,
    eventually,
    failing,
    numbered,
    publish_all,
)


async def test_a_failure_is_tried_again_after_growing_pauses(rig: Rig, bus: Bus) -> None:
    times: list[float] = []

    async def fail_twice(message: Message) -> None:
        times.append(time.monotonic())
        if message.attempt < 3:
            raise ConnectionError("the database is away")

    heard = Heard(fail_twice)
    await bus.react(Reaction(rig.queue("flaky"), (rig.key("made.v1"),), heard))
    await publish_all(bus, [Message("evt_1", rig.key("made.v1"), b"body")])
    await heard.count(3)
    assert heard.messages == [Message("evt_1", rig.key("made.v1"), b"body", attempt) for attempt in (1, 2, 3)]
    assert times[1] - times[0] >= BACKOFF[0]
    assert times[2] - times[1] >= BACKOFF[1]
    assert await bus.dead_letters(rig.queue("flaky")) == []


async def test_one_failing_message_does_not_hold_up_the_others(rig: Rig, bus: Bus) -> None:
    async def fail_first(message: Message) -> None:
        if message.id == "evt_00000":
            raise RuntimeError("not this one")

    heard = Heard(fail_first)
    await bus.react(Reaction(rig.queue("mixed"), (rig.key("made.v1"),), heard, prefetch=1))
    await publish_all(bus, numbered(rig.key("made.v1"), 10))
    await dead_letters(bus, rig.queue("mixed"), 1)
    assert sorted(set(heard.ids)) == [message.id for message in numbered("", 10)]
    assert heard.ids.count("evt_00000") == len(BACKOFF) + 1


async def test_a_refusal_becomes_a_dead_letter_at_once(rig: Rig, bus: Bus) -> None:
    heard = failing(AlreadyThere("Der Name ist vergeben: \ud800"))
    queue, key = rig.queue("refusing"), rig.key("made.v1")
    await bus.react(Reaction(queue, (key,), heard))
    await publish_all(bus, [Message("evt_1", key, b"body")])
    [letter] = await dead_letters(bus, queue, 1)
    assert letter.message == Message("evt_1", key, b"body")
    assert (letter.code, letter.reason) == ("ALREADY_THERE", "Der Name ist vergeben: ?")
    assert abs(letter.at - datetime.now(UTC)) < timedelta(seconds=30)
    await asyncio.sleep(sum(BACKOFF))
    assert len(heard.messages) == 1


@pytest.mark.parametrize("failure", [ValueError("no such luck"), NotYet(), asyncio.CancelledError()])
async def test_what_keeps_failing_becomes_a_dead_letter_in_the_end(rig: Rig, bus: Bus, failure: BaseException) -> None:
    heard = failing(failure)
    queue, key = rig.queue("exhausting"), rig.key("made.v1")
    await bus.react(Reaction(queue, (key,), heard))
    await publish_all(bus, [Message("evt_1", key, b"body")])
    [letter] = await dead_letters(bus, queue, 1)
    assert letter.message == Message("evt_1", key, b"body", attempt=len(BACKOFF) + 1)
    assert letter.code == RETRIES_EXHAUSTED
    assert letter.reason.startswith(type(failure).__name__)
    assert [message.attempt for message in heard.messages] == [1, 2, 3]


async def test_dead_letters_are_replayed_or_discarded_one_by_one(rig: Rig, bus: Bus) -> None:
    is_mended = False

    async def refuse_until_mended(_message: Message) -> None:
        if not is_mended:
            raise AlreadyThere

    heard = Heard(refuse_until_mended)
    queue, key = rig.queue("mended"), rig.key("made.v1")
    await bus.react(Reaction(queue, (key,), heard))
    await publish_all(bus, numbered(key, 3))
    for _ in range(2):  # reading leaves them where they are, in their order
        letters = await dead_letters(bus, queue, 3)
        assert sorted(letter.message.id for letter in letters) == ["evt_00000", "evt_00001", "evt_00002"]
    is_mended = True
    await bus.replay_dead(queue, "evt_00001")
    await heard.count(4)
    assert heard.messages[-1] == numbered(key, 1, start=1)[0]
    await bus.discard_dead(queue, "evt_00000")
    assert [letter.message.id for letter in await bus.dead_letters(queue)] == ["evt_00002"]
    for missing in (bus.replay_dead(queue, "evt_00000"), bus.discard_dead(queue, "evt_00001")):
        with pytest.raises(NoSuchDeadLetter):
            await missing
    assert [letter.message.id for letter in await bus.dead_letters(queue)] == ["evt_00002"]
    assert await bus.dead_letters(rig.queue("never-declared")) == []
    with pytest.raises(NoSuchDeadLetter):
        await bus.discard_dead(rig.queue("never-declared"), "evt_00000")
    assert len(heard.messages) == 4


async def test_a_dead_letter_that_dies_again_is_there_once(rig: Rig, bus: Bus) -> None:
    heard = failing(AlreadyThere())
    queue, key = rig.queue("hopeless"), rig.key("made.v1")
    await bus.react(Reaction(queue, (key,), heard))
    await publish_all(bus, [Message("evt_1", key, b"{}")] * 2)
    await heard.count(2)
    await dead_letters(bus, queue, 1)
    await bus.replay_dead(queue, "evt_1")
    await heard.count(3)
    await dead_letters(bus, queue, 1)
    await bus.discard_dead(queue, "evt_1")
    assert await bus.dead_letters(queue) == []


async def test_what_was_not_answered_comes_again(rig: Rig, bus: Bus) -> None:
    async def hang(_message: Message) -> None:
        await asyncio.Event().wait()

    unanswered, heard = Heard(hang), Heard()
    queue, key = rig.queue("interrupted"), rig.key("made.v1")
    await bus.react(Reaction(queue, (key,), unanswered))
    await publish_all(bus, numbered(key, 3))
    await unanswered.count(3)
    await bus.close()
    again = await rig.bus()
    await again.react(Reaction(queue, (key,), heard))
    await heard.count(3)
    assert sorted(heard.messages, key=lambda message: message.id) == numbered(key, 3)


async def test_what_is_never_answered_becomes_a_dead_letter(rig: Rig) -> None:
    async def hang(_message: Message) -> None:
        await asyncio.Event().wait()

    heard = Heard(hang)
    queue, key = rig.queue("poisoned"), rig.key("made.v1")
    for round_number in range(1, 4):
        bus = await rig.bus(delivery_limit=2, close_seconds=0.05)
        await bus.react(Reaction(queue, (key,), heard))
        if round_number == 1:
            await publish_all(bus, [Message("evt_1", key, b"body")])
        await heard.count(round_number)
        await bus.close()
    bus = await rig.bus(delivery_limit=2)
    await bus.react(Reaction(queue, (key,), heard))
    [letter] = await dead_letters(bus, queue, 1)
    assert letter.message == Message("evt_1", key, b"body")
    assert letter.code == RETRIES_EXHAUSTED
    assert len(heard.messages) == 3


async def test_closing_lets_handlers_end_but_not_for_ever(rig: Rig, bus: Bus) -> None:
    ended = asyncio.Event()

    async def linger(message: Message) -> None:
        if message.id == "evt_00001":
            await asyncio.Event().wait()
        await asyncio.sleep(0.2)
        ended.set()

    heard = Heard(linger)
    queue, key = rig.queue("slow"), rig.key("made.v1")
    await bus.react(Reaction(queue, (key,), heard))
    await publish_all(bus, numbered(key, 2))
    await heard.count(2)
    began = time.monotonic()
    await bus.close()
    assert time.monotonic() - began < 20
    assert ended.is_set()
    heard = Heard()
    again = await rig.bus()
    await again.react(Reaction(queue, (key,), heard))
    await heard.count(1)
    await asyncio.sleep(0.1)
    assert heard.ids == ["evt_00001"]  # the one that ended is acknowledged


async def is_refused_soon(key: str, down: Bus) -> None:
    began = time.monotonic()
    with pytest.raises(BusUnavailable):
        await down.publish(numbered(key, 10))
    assert time.monotonic() - began < 20


@pytest.mark.processes
async def test_a_power_cut_loses_no_confirmed_message_and_everything_resumes(rig: Rig, bus: Bus) -> None:
    is_back = False

    async def fail_until_back(_message: Message) -> None:
        if not is_back:
            raise ConnectionError("not yet")

    kept, retried, refused, broadcast = Heard(), Heard(fail_until_back), failing(AlreadyThere()), Heard()
    key = rig.key("made.v1")
    keeping = Reaction(rig.queue("keeping"), (key,), kept)
    retrying = Reaction(rig.queue("retrying"), (key,), retried)
    refusing = Reaction(rig.queue("refusing"), (key,), refused)
    options: dict[str, Any] = {"backoff_seconds": (3.0,), "publish_seconds": 5.0}

    await bus.close()
    bus = await rig.bus(**options)
    await bus.declare([keeping])
    await bus.react(retrying)
    await bus.react(refusing)
    await bus.listen([key], broadcast)
    sent = numbered(key, 300)
    await publish_all(bus, sent)
    await retried.count(300)
    await dead_letters(bus, refusing.queue, 300)
    before = bus
    bus = await rig.power_cut(bus, partial(is_refused_soon, key), **options)
    is_back = True
    if bus is not before:  # a new process starts as the first one did
        await bus.react(retrying)
        await bus.react(refusing)
        await bus.listen([key], broadcast)
    await bus.react(keeping)
    await kept.count(300)
    await eventually(lambda: len({each.id for each in retried.messages if each.attempt == 2}) == 300)
    assert set(kept.ids) == {message.id for message in sent}
    assert len(await bus.dead_letters(refusing.queue)) == 300
    await publish_all(bus, numbered(key, 1, start=900))
    await eventually(lambda: all("evt_00900" in heard.ids for heard in (kept, retried, refused, broadcast)))
