"""The promise of `chassis.bus`, kept by every bus: who gets what, in which order, and who is told."""

import asyncio
import time
from contextvars import ContextVar

import pytest

from chassis.bus import Bus, BusUnavailable, Message, Reaction, matches
from tests.chassis.bus_contract.rigs import (
    Heard,
    Rig,
    numbered,
    publish_all,
)

PATTERNS = [
    ("a.b.v1", "a.b.v1", True),
    ("a.b.v1", "a.b.v2", False),
    ("a.*.v1", "a.b.v1", True),
    ("a.*.v1", "a.b.c.v1", False),
    ("a.*", "a", False),
    ("a.#", "a", True),
    ("a.#", "a.b.c", True),
    ("a.#", "b.a", False),
    ("#", "a.b", True),
    ("#.v1", "a.b.v1", True),
    ("#.b.#", "a.b.c", True),
    ("#.b.#", "a.c", False),
    ("*.#.c", "a.c", True),
    ("*.#.c", "c", False),
]


async def test_a_pattern_means_the_same_on_every_bus(rig: Rig, bus: Bus) -> None:
    prefixes = [rig.key(str(number)) for number in range(len(PATTERNS))]
    cases = [(f"{prefix}.{case[0]}", f"{prefix}.{case[1]}") for prefix, case in zip(prefixes, PATTERNS, strict=True)]
    await bus.declare([Reaction(rig.queue(f"pattern-{number}"), (case[0],), Heard()) for number, case in enumerate(cases)])
    expected = [is_match for _, _, is_match in PATTERNS]
    assert await bus.publish([Message(f"evt_{number}", case[1], b"{}") for number, case in enumerate(cases)]) == expected
    assert [matches(pattern, key) for pattern, key, _ in PATTERNS] == expected
    assert [matches(pattern, key) for pattern, key in cases] == expected


async def test_every_queue_gets_its_copy_whole(rig: Rig, bus: Bus) -> None:
    first, second, other = Heard(), Heard(), Heard()
    await bus.react(Reaction(rig.queue("first"), (rig.key("made.v1"),), first))
    await bus.react(Reaction(rig.queue("second"), (rig.key("*.v1"), rig.key("made.*")), second))
    await bus.react(Reaction(rig.queue("other"), (rig.key("lost.v1"),), other))
    sent = [Message("evt_1", rig.key("made.v1"), bytes(range(256))), Message("evt_2", rig.key("made.v1"), b"")]
    await publish_all(bus, sent)
    await first.count(2)
    await second.count(2)
    await asyncio.sleep(0.1)
    assert first.messages == sent
    assert second.messages == sent
    assert other.messages == []


async def test_what_no_queue_wants_is_reported_and_only_that(rig: Rig, bus: Bus) -> None:
    await bus.declare([Reaction(rig.queue("one"), (rig.key("known.v1"),), Heard())])
    known, unknown = rig.key("known.v1"), rig.key("unknown.v1")
    # The same id twice at once: a returned message must not be taken for its namesake.
    batch = [Message("evt_1", key, b"{}") for key in (known, unknown, known, unknown)]
    assert await bus.publish(batch) == [True, False, True, False]
    assert await bus.publish([]) == []


async def test_a_declared_queue_keeps_messages_until_somebody_reacts(rig: Rig, bus: Bus) -> None:
    heard = Heard()
    reaction = Reaction(rig.queue("later"), (rig.key("made.v1"),), heard)
    await bus.declare([reaction])
    await bus.declare([reaction])
    await publish_all(bus, numbered(rig.key("made.v1"), 20))
    await bus.close()
    again = await rig.bus()
    await publish_all(again, numbered(rig.key("made.v1"), 5, start=20))  # nothing was declared on this bus object
    await again.react(reaction)
    await heard.count(25)
    assert heard.messages == numbered(rig.key("made.v1"), 25)


async def test_messages_start_in_the_order_of_their_publishing(rig: Rig, bus: Bus) -> None:
    async def linger(message: Message) -> None:
        await asyncio.sleep(0.001 * (int(message.id[-1]) % 5))

    heard = Heard(linger)
    await bus.react(Reaction(rig.queue("ordered"), (rig.key("made.v1"),), heard, prefetch=7))
    for start in range(0, 200, 50):
        await publish_all(bus, numbered(rig.key("made.v1"), 50, start=start))
    await heard.count(200)
    assert heard.messages == numbered(rig.key("made.v1"), 200)


async def test_prefetch_bounds_how_many_are_handled_at_once(rig: Rig, bus: Bus) -> None:
    running, most = 0, 0

    async def work(_message: Message) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1

    heard = Heard(work)
    await bus.react(Reaction(rig.queue("bounded"), (rig.key("made.v1"),), heard, prefetch=3))
    await publish_all(bus, numbered(rig.key("made.v1"), 30))
    await heard.count(30)
    assert most == 3


async def test_a_handler_sees_no_context_of_its_publisher_and_leaks_none(rig: Rig, bus: Bus) -> None:
    variable: ContextVar[str] = ContextVar("variable", default="nothing")
    seen: list[str] = []

    async def look(message: Message) -> None:
        seen.append(variable.get())
        variable.set(message.id)

    variable.set("the publisher's")
    heard = Heard(look)
    await bus.react(Reaction(rig.queue("contexts"), (rig.key("made.v1"),), heard, prefetch=1))
    listener = await bus.listen([rig.key("made.v1")], heard)
    await publish_all(bus, numbered(rig.key("made.v1"), 3))
    await heard.count(6)
    assert seen == ["nothing"] * 6
    assert variable.get() == "the publisher's"
    await listener.close()


async def test_a_key_that_a_reaction_no_longer_wants_is_dropped(rig: Rig, bus: Bus) -> None:
    queue, former, present = rig.queue("changed"), rig.key("former.v1"), rig.key("present.v1")
    await bus.declare([Reaction(queue, (former, present), Heard())])
    await publish_all(bus, [Message("evt_1", former, b"{}"), Message("evt_2", present, b"{}")])
    heard = Heard()
    await bus.react(Reaction(queue, (present,), heard))
    await heard.count(1)
    await asyncio.sleep(0.1)
    assert heard.ids == ["evt_2"]
    assert await bus.dead_letters(queue) == []


async def test_a_queue_has_one_reaction_on_a_bus(rig: Rig, bus: Bus) -> None:
    reaction = Reaction(rig.queue("single"), (rig.key("made.v1"),), Heard())
    await bus.react(reaction)
    with pytest.raises(ValueError, match="has its reaction already"):
        await bus.react(reaction)


async def test_every_listener_hears_while_it_listens(rig: Rig, bus: Bus) -> None:
    async def stumble(message: Message) -> None:
        if message.id == "evt_00001":
            raise RuntimeError("a listener's failure is its own")

    first, second, reacting = Heard(stumble), Heard(), Heard()
    await bus.react(Reaction(rig.queue("reacting"), (rig.key("made.v1"),), reacting))
    listening = await bus.listen([rig.key("made.v1"), rig.key("only.*")], first)
    await (await rig_sibling(rig, bus)).listen([rig.key("#")], second)
    await publish_all(bus, numbered(rig.key("made.v1"), 3))
    await publish_all(bus, [Message("evt_9", rig.key("only.listeners"), b"{}")])
    for heard, count in ((first, 4), (second, 4), (reacting, 3)):
        await heard.count(count)
    assert first.messages == second.messages
    await listening.close()
    await publish_all(bus, numbered(rig.key("made.v1"), 1, start=5))
    await second.count(5)
    assert len(first.messages) == 4


async def rig_sibling(rig: Rig, bus: Bus) -> Bus:
    """Another process's bus where there can be one; the same bus otherwise."""
    try:
        return await rig.bus()
    except BusUnavailable:
        return bus


async def test_a_closed_bus_says_so(rig: Rig, bus: Bus) -> None:
    await bus.close()
    await bus.close()
    assert not bus.is_connected
    began = time.monotonic()
    for refused in (
        bus.publish([Message("evt_1", rig.key("made.v1"), b"{}")]),
        bus.declare([Reaction(rig.queue("closed"), (rig.key("made.v1"),), Heard())]),
        bus.listen([rig.key("#")], Heard()),
        bus.dead_letters(rig.queue("closed")),
    ):
        with pytest.raises(BusUnavailable):
            await refused
    assert time.monotonic() - began < 10


async def test_many_messages_go_through(rig: Rig, bus: Bus) -> None:
    heard = Heard()
    await bus.react(Reaction(rig.queue("many"), (rig.key("made.v1"),), heard, prefetch=200))
    await asyncio.gather(*(publish_all(bus, numbered(rig.key("made.v1"), 250, start)) for start in range(0, 2000, 250)))
    await heard.count(2000)
    assert len(set(heard.ids)) == 2000
    await bus.close()
    again, rest = await rig.bus(), Heard()
    await again.react(Reaction(rig.queue("many"), (rig.key("made.v1"),), rest))
    await asyncio.sleep(0.2)
    assert rest.messages == []  # every acknowledgement arrived
