"""What only a broker can do to us: fall silent, vanish, forget queues, carry what others published."""

import asyncio
import socket
import time

import aio_pika
import pytest

from chassis.bus import Bus, BusUnavailable, Message, Reaction
from chassis.rabbit import RabbitBus
from tests.chassis.bus_contract.rigs import Heard, RabbitRig, Wire, eventually, numbered, publish_all

pytestmark = pytest.mark.rabbitmq


async def fails_within(bus: Bus, messages: list[Message], seconds: float) -> None:
    began = time.monotonic()
    with pytest.raises(BusUnavailable):
        await bus.publish(messages)
    assert time.monotonic() - began < seconds
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.processes
async def test_a_frozen_broker_hangs_nobody_and_kills_no_publisher(rabbit: RabbitRig) -> None:
    hasty = await rabbit.bus(publish_seconds=0.5)
    closing = await rabbit.bus(publish_seconds=0.5)
    # Silence is noticed by the heartbeat, long before this bus's own deadline: the client then cancels whoever waits.
    patient = await rabbit.bus(publish_seconds=60, heartbeat_seconds=1)
    heard, key = Heard(), rabbit.key("made.v1")
    await patient.react(Reaction(rabbit.queue("frozen"), (key,), heard))
    big = [Message(f"evt_big_{number}", key, bytes(200_000)) for number in range(50)]  # more than the socket's buffers hold
    rabbit.node.freeze()
    try:
        waiting = asyncio.create_task(fails_within(patient, numbered(key, 50), 50))
        await fails_within(hasty, numbered(key, 50), 10)
        await fails_within(hasty, big, 10)
        await fails_within(closing, big, 10)
        began = time.monotonic()
        await closing.close()
        assert time.monotonic() - began < 30
        await waiting
        assert not patient.is_connected
    finally:
        rabbit.node.thaw()
    await eventually(lambda: hasty.is_connected and patient.is_connected)
    for bus in (hasty, patient):
        await publish_all(bus, numbered(key, 1, start=77))
    await heard.count(2)
    await eventually(lambda: heard.ids.count("evt_00077") == 2)


async def test_starting_without_a_broker_fails_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never says a word
        port = silent.getsockname()[1]
        for url in (f"amqp://127.0.0.1:{port}/", "amqp://127.0.0.1:1/"):
            bus = RabbitBus(url, connect_seconds=0.3)
            began = time.monotonic()
            with pytest.raises(BusUnavailable):
                await bus.start()
            assert time.monotonic() - began < 20
            assert not bus.is_connected
            await bus.close()


async def test_a_deleted_queue_is_made_again_and_consumed(rabbit: RabbitRig) -> None:
    bus, heard, broadcast = await rabbit.bus(), Heard(), Heard()
    queue, key = rabbit.queue("deleted"), rabbit.key("made.v1")
    await bus.react(Reaction(queue, (key,), heard))
    await bus.listen([key], broadcast)
    async with await aio_pika.connect(rabbit.node.url) as connection:
        await (await connection.channel()).queue_delete(queue)
    await eventually(lambda: not bus.is_connected)
    await eventually(lambda: bus.is_connected)
    await publish_all(bus, numbered(key, 5))
    await heard.count(5)
    await broadcast.count(5)


async def test_a_retry_that_finds_no_delay_queue_loses_nothing(rabbit: RabbitRig) -> None:
    async def fail_once(message: Message) -> None:
        if message.attempt == 1:
            raise ConnectionError("not yet")

    bus, heard = await rabbit.bus(backoff_seconds=(0.123,)), Heard(fail_once)
    queue, key = rabbit.queue("delayed"), rabbit.key("made.v1")
    await bus.react(Reaction(queue, (key,), heard))
    async with await aio_pika.connect(rabbit.node.url) as connection:
        channel = await connection.channel()
        await channel.exchange_delete("portico.retry.123")
    await until_accepted(bus, numbered(key, 5))  # the first hop into nowhere ends the connection, which is made anew
    await eventually(lambda: {each.id for each in heard.messages if each.attempt == 2} == {each.id for each in numbered(key, 5)})


async def test_a_handler_outlives_its_connection(rabbit: RabbitRig) -> None:
    ended, go_on = [], asyncio.Event()

    async def wait(message: Message) -> None:
        await go_on.wait()
        ended.append(message.id)

    async with Wire(rabbit.node.url) as wire:
        bus, heard = await rabbit.bus(url=wire.url), Heard(wait)
        queue, key = rabbit.queue("outliving"), rabbit.key("made.v1")
        await bus.react(Reaction(queue, (key,), heard))
        await publish_all(bus, numbered(key, 1))
        await heard.count(1)
        wire.cut()
        await heard.count(2)  # the broker hands it out again, while the first handler is still at work
        go_on.set()
        await eventually(lambda: ended == ["evt_00000"] * 2)
        await bus.close()


async def test_a_connection_cut_at_any_moment_loses_nothing(rabbit: RabbitRig) -> None:
    async def fail_sometimes(message: Message) -> None:
        await asyncio.sleep(0.002)
        if message.attempt == 1 and int(message.id[-1]) % 3 == 0:
            raise ConnectionError("not yet")

    async with Wire(rabbit.node.url) as wire:
        bus, heard = await rabbit.bus(url=wire.url, publish_seconds=3), Heard(fail_sometimes)
        key = rabbit.key("made.v1")
        await bus.react(Reaction(rabbit.queue("shaken"), (key,), heard))
        for start in range(0, 600, 100):
            asyncio.get_running_loop().call_later(0.01 * (start / 100), wire.cut)
            await until_accepted(bus, numbered(key, 100, start))
        wanted = {each.id for each in numbered(key, 600)}
        await eventually(lambda: {each.id for each in heard.messages if succeeds(each)} == wanted)
        await bus.close()


async def until_accepted(bus: Bus, messages: list[Message]) -> None:
    """Publish as the relay does: again and again until the bus answers for all."""
    while True:
        try:
            return await publish_all(bus, messages)
        except BusUnavailable:
            await asyncio.sleep(0.05)


def succeeds(message: Message) -> bool:
    return message.attempt > 1 or int(message.id[-1]) % 3 != 0


async def test_messages_of_others_are_read_too(rabbit: RabbitRig) -> None:
    async def refuse(_message: Message) -> None:
        raise ValueError("whatever it is")

    bus, heard = await rabbit.bus(backoff_seconds=(0.05,)), Heard(refuse)
    queue, key = rabbit.queue("foreign"), rabbit.key("made.v1")
    await bus.react(Reaction(queue, (key,), heard))
    async with await aio_pika.connect(rabbit.node.url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("portico.events")
        named = aio_pika.Message(b"named", message_id="evt_theirs", headers={"portico-attempt": "many"})
        nameless = aio_pika.Message(b"nameless")
        for message in (named, nameless):
            await exchange.publish(message, key)
    await heard.count(4)
    await eventually_dead(bus, queue, 2)
    letters = {letter.message.body: letter.message for letter in await bus.dead_letters(queue)}
    assert letters[b"named"] == Message("evt_theirs", key, b"named", attempt=2)
    assert letters[b"nameless"].key == key
    await bus.discard_dead(queue, letters[b"nameless"].id)
    assert len(await bus.dead_letters(queue)) == 1


async def eventually_dead(bus: Bus, queue: str, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(await bus.dead_letters(queue)) != count:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
