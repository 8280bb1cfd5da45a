"""Both example consumers come to know the truth: through repetition, disorder, a kill, a broker's end, and their own absence."""

import json
import random

import pytest

from services.identity.events import ApplicationCreated, ApplicationDeleted, SecretIssued
from tests.examples.announcing import Announcer
from tests.examples.consuming import Consumer
from tests.rabbit_node import RabbitNode

pytestmark = [pytest.mark.rabbitmq, pytest.mark.processes]


async def test_everything_twice_and_out_of_order_comes_to_the_same(consumer: Consumer, announcer: Announcer) -> None:
    await consumer.start()
    for number in range(12):
        await announcer.live(f"Application {number}", renames=number % 4, ends=number % 5 == 0)
    await announcer.rename_organization()
    rows = await announcer.rows()
    shuffled = [*rows, *rows]
    random.Random(7).shuffle(shuffled)
    await announcer.announce_again(shuffled)
    await consumer.comes_to_know(announcer.expected)
    await announcer.relay()  # and once more, in order
    last = [row for row in rows if row["subject"].startswith("app_")][-1]
    sequence = json.loads(bytes(last["body"]))["sequence"]
    await consumer.says(f"{last['subject']} {sequence}: known", 2)
    assert await consumer.known() == announcer.expected
    assert await consumer.stop() == 0


async def test_killed_in_the_middle_it_goes_on_where_it_was(consumer: Consumer, announcer: Announcer) -> None:
    await consumer.start()
    for number in range(60):
        await announcer.live(f"Application {number}", ends=number % 6 == 0)
    await announcer.relay()
    await consumer.says(": applied")
    await consumer.kill()
    for number in range(10):
        await announcer.live(f"Later application {number}")
    await announcer.relay()
    await consumer.start()
    await consumer.comes_to_know(announcer.expected)
    assert await consumer.stop() == 0


async def test_a_broker_that_ends_and_comes_back(consumer: Consumer, announcer: Announcer, broker: RabbitNode) -> None:
    await consumer.start()
    await announcer.live("Before")
    await announcer.relay()
    await consumer.comes_to_know(announcer.expected)
    broker.end()
    await announcer.live("Meanwhile")
    await consumer.says("no connection, or no longer")
    broker.start()
    await consumer.says(f"consuming {consumer.queue}", 2)
    await announcer.reconnected()
    await announcer.relay()
    await consumer.comes_to_know(announcer.expected)
    assert await consumer.stop() == 0


async def test_what_was_announced_while_it_was_away_waits_for_it(consumer: Consumer, announcer: Announcer) -> None:
    await consumer.start()
    assert await consumer.stop() == 0
    for number in range(5):
        await announcer.live(f"Application {number}")
    await announcer.relay()
    assert await consumer.known() == []
    await consumer.start()
    await consumer.comes_to_know(announcer.expected)


async def test_a_gap_is_told_and_closed_by_a_replay(consumer: Consumer, announcer: Announcer) -> None:
    await consumer.start()
    application_id = await announcer.live("Address finder", renames=3)
    rows = await announcer.rows(application_id)
    await announcer.hold_back(rows[1:3])
    await announcer.relay()
    await consumer.says(f"gap: {application_id} of /services/identity: sequence 2 to 3 has not come")
    first = json.loads(bytes(rows[0]["body"]))
    assert f"run `portico replay --service identity --queue {consumer.queue} --from {first['time']}`" in consumer.told()
    assert (await consumer.known())[0]["name"] == "Address finder"
    assert await consumer.stop() == 0  # what waits is not forgotten
    await consumer.start()
    await announcer.announce_again(rows)
    await consumer.comes_to_know(announcer.expected)


async def test_a_new_one_begins_with_what_is_stated_anew(consumer: Consumer, announcer: Announcer) -> None:
    """Of what is older than the outbox keeps, the thing itself is stated, at the number that its facts have reached."""
    await consumer.start()
    application_id = await announcer.live("Address finder", renames=4)
    ended_id = await announcer.live("Ended", ends=True)
    rows = await announcer.rows()
    last = [row for row in rows if row["subject"] == application_id][-1]
    await announcer.hold_back([row for row in rows if row["_id"] != last["_id"]])
    await announcer.relay()  # the sixth fact about the one, and nothing about the other
    which = f"--service identity --queue {consumer.queue}"
    await consumer.says(
        f"gap: {application_id} of /services/identity: sequence 1 to 5 has not come; run `portico republish {which}`"
    )
    (row,) = announcer.expected
    about = {"application_id": application_id, "organization_id": row["organization_id"], "client_id": row["client_id"]}
    # One thing is told by several facts, all with the number that has been reached; one that has ended, by two.
    await announcer.state_anew(application_id, 6, SecretIssued(**about, secret_id="sec_1"))
    for _ in range(2):
        await announcer.state_anew(application_id, 6, ApplicationCreated(**about, name=row["name"]))
    ended = {**about, "application_id": ended_id}
    await announcer.state_anew(ended_id, 5, ApplicationDeleted(**ended))
    await announcer.state_anew(ended_id, 4, ApplicationCreated(**ended, name="Ended"))
    await consumer.says(f"{ended_id} 4: older than what is known")
    await consumer.comes_to_know(announcer.expected)
    await announcer.announce_again(rows)  # whoever knows as much already changes nothing
    await consumer.says(f"{rows[-1]['subject']} 5: older than what is known")
    assert await consumer.known() == announcer.expected


async def test_what_is_no_event_goes_to_the_dead_queue(consumer: Consumer, announcer: Announcer) -> None:
    await consumer.start()
    for body in (b"\xff", b"[]", b'{"specversion": "1.0", "id": "1"}'):
        await announcer.publish("identity.application_created.v1", body)
    await announcer.live("Address finder")
    await announcer.relay()
    await consumer.comes_to_know(announcer.expected)
    assert await consumer.stop() == 0
    assert await consumer.waiting(f"{consumer.queue}.dead") == 3
    assert await consumer.waiting() == 0


async def test_it_hears_the_keys_that_it_chose(consumer: Consumer, announcer: Announcer) -> None:
    consumer.environment |= {"CONSUMER_KEYS": "identity.application_created.v1, catalog.#", "CONSUMER_QUEUE_TYPE": "classic"}
    await consumer.start()
    application_id = await announcer.live("Address finder")
    rows = await announcer.rows(application_id)
    await announcer.relay()
    await consumer.says(f"{application_id} 1: applied")
    assert await consumer.stop() == 0
    assert len(rows) > 1
    assert consumer.count(application_id) == 1


async def test_without_a_brokers_address_it_says_what_to_set(consumer: Consumer) -> None:
    code, _, complained = await consumer.once(CONSUMER_BROKER_URL="")
    assert code == 2
    assert complained.strip() == ("Set CONSUMER_BROKER_URL to the broker's address, such as amqp://user:password@host:5672/.")
