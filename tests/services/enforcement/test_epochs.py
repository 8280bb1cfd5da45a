"""Changes are numbered, applied and acknowledged by every instance; then they are announced as in force."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest

from chassis.bus import Listener
from chassis.clock import SystemClock, steady_ns
from chassis.local import LocalBus
from chassis.service import Service
from services.enforcement.epochs import repository as kept
from services.enforcement.epochs.acknowledging import Beating, Following, Presence
from services.enforcement.epochs.domain import Acknowledgement, Instance, Silence, those_waited_for
from services.enforcement.epochs.freshness import Freshness
from services.enforcement.epochs.numberer import Numberer
from services.enforcement.main import build
from services.enforcement.settings import EnforcementSettings
from services.enforcement.state import numbering
from services.enforcement.state.feed import Feed
from tests.services.enforcement.stage import Client, Issuer, Product, Stage, message, until

SECOND = 1_000_000_000


class Three:
    """Three instances on one database and one bus; the first one has the reactions."""

    def __init__(self, bus: LocalBus, issuer: Issuer, services: list[Service]) -> None:
        self.stages = [Stage(bus, issuer, each) for each in services]
        self.first = self.stages[0]
        self.store = services[0].store

    async def start(self) -> None:
        await self.first.service.declare()
        await self.first.service.start()
        for stage in self.stages[1:]:
            for worker in stage.service.workers:
                await worker.start()

    async def close(self) -> None:
        for stage in reversed(self.stages[1:]):
            for worker in reversed(stage.service.workers):
                await worker.close()
        await self.first.service.close()

    async def ready(self) -> tuple[Client, Product, str]:
        client, product = await self.first.application(), await self.first.product()
        subscription_id = await self.first.subscribe(client, product)
        for stage in self.stages:
            await stage.check_until(200, "GET", f"{product.base_path}/pets", client.headers)
        return client, product, subscription_id

    async def copy(self, copy_id: str) -> dict[str, Any]:
        return (await numbering.find(self.store.reader(), [copy_id])).get(copy_id, {})

    async def in_force(self, copy_id: str, sequence: int) -> numbering.InForce:
        """Wait until a thing is in force as of an announcement."""

        since: numbering.InForce = await until(lambda: self.is_in_force(copy_id, sequence), 60)
        return since

    async def is_in_force(self, copy_id: str, sequence: int) -> numbering.InForce | None:
        copy = await self.copy(copy_id)
        return numbering.in_force_of(copy) if copy.get("sequence", 0) >= sequence else None

    async def applied(self, thing: str, count: int) -> list[dict[str, Any]]:
        """Wait until so many announcements were made that changes of a thing are in force."""

        async def found() -> list[dict[str, Any]] | None:
            rows = await self.store.reader().collection("outbox").find({"subject": thing}, sort=[("_id", 1)])
            return [orjson.loads(row["body"]) for row in rows] if len(rows) >= count else None

        announced: list[dict[str, Any]] = await until(found, 60)
        return announced


@pytest.fixture
async def three(issuer: Issuer, bus: LocalBus, make_store: Callable[..., Any]) -> AsyncIterator[Three]:
    settings = EnforcementSettings(keys_dir=issuer.folder, data_plane=None, fresh_seconds=3)
    store = make_store("enforcement")
    three = Three(bus, issuer, [build(settings, bus, store) for _ in range(3)])
    await three.start()
    yield three
    await three.close()


async def test_a_change_is_in_force_once_all_three_have_acknowledged_it_and_says_so_once(three: Three) -> None:
    client, product, subscription_id = await three.ready()
    since = await three.in_force(subscription_id, 1)
    assert since.instances == 3
    await three.first.subscribe(client, product, "CANCELLED", subscription_id, audience=["org_a", "org_b"])
    later = await three.in_force(subscription_id, 2)
    for stage in three.stages:
        assert (await stage.check("GET", f"{product.base_path}/pets", client.headers)).status_code == 403
    assert later.at >= since.at
    first, second = await three.applied(subscription_id, 2)
    assert second["type"] == "portico.enforcement.change_applied.v1"
    told = second["data"]
    assert told["changed"] == {"kind": "subscription", "id": subscription_id}
    assert (told["sequence"], told["instances"]) == (2, 3)
    assert told["epoch"] > first["data"]["epoch"]
    assert told["worst_lag_ms"] == later.worst_lag_ms >= 0
    assert second["audience"] == "org_a,org_b"


async def test_epochs_count_without_gaps_and_every_instance_reaches_the_last(three: Three) -> None:
    await three.ready()
    reader = three.store.reader()

    async def all_there() -> bool:
        last = await numbering.numbered_through(reader)
        instances = await kept.instances(reader)
        is_idle = not await numbering.without_number(reader) and not await kept.pending_epochs(reader)
        return is_idle and len(instances) == 3 and all(each.acknowledged.epoch == last for each in instances)

    await until(all_there, 60)
    rows = await reader.collection("epochs").find({"_id": {"$gt": 0}}, sort=[("_id", 1)])
    assert [row["_id"] for row in rows] == list(range(1, await numbering.numbered_through(reader) + 1))
    named = [change["id"] for row in rows for change in row["changes"]]
    assert sorted(named) == sorted(set(named))


async def test_an_instance_that_hears_nothing_holds_a_change_up_until_it_lets_nothing_through(three: Three) -> None:
    client, product, subscription_id = await three.ready()
    await three.in_force(subscription_id, 1)
    deaf = three.stages[2]
    # It hears nothing, reads nothing and says nothing any more, but goes on answering: as one does that is cut off.
    for kind in (Presence, Following, Beating, Numberer):
        await _end(deaf, kind)
    await deaf.worker(Feed).close()
    await three.first.subscribe(client, product, "SUSPENDED", subscription_id, causes=["PROVIDER"])
    began = time.monotonic()
    await three.first.check_until(403, "GET", f"{product.base_path}/pets", client.headers)
    refused_at = None
    while not await three.is_in_force(subscription_id, 2):
        answer = await deaf.check("GET", f"{product.base_path}/pets", client.headers)
        refused_at = refused_at or (time.monotonic() if answer.status_code == 503 else None)
        assert answer.status_code == (503 if refused_at else 200)
        assert time.monotonic() - began < 60
    assert refused_at is not None, "a change counted as in force while calls passed by the former state"
    assert answer.json()["code"] == "ENFORCEMENT_NOT_FRESH"
    assert answer.headers["portico-freshness"] == "stale"
    assert await deaf.service.ready_checks["freshness"]() is False
    assert (await three.in_force(subscription_id, 2)).instances == 2


async def _end(stage: Stage, kind: type[Any]) -> None:
    """End a worker as a sudden death would: nothing is said or written about it."""
    task = stage.worker(kind)._task
    task.cancel()


async def _grow_stale(stage: Stage) -> None:
    """Let an instance hear itself no more, and wait until it is not fresh."""
    await _end(stage, Beating)
    # A beat may be on its way still, and make it fresh once more: it comes before what is announced now.
    await stage.announce("identity.organization_deleted", "org_of_nobody", organization_id="org_of_nobody")
    sequence = stage.announced_of("org_of_nobody")

    async def is_stale() -> bool:
        return stage.worker(Feed)._world.knows("org_of_nobody", sequence) and not await stage.service.ready_checks["freshness"]()

    await until(is_stale, 60)


async def test_calls_to_a_product_that_stays_open_pass_though_the_check_is_not_fresh(three: Three) -> None:
    client, closed, _ = await three.ready()
    product = await three.first.product(rate_requests=1000)
    told = {"slug": "zoo", "title": "Zoo", "sensitivity": "STANDARD", "organization_id": "org_provider"}
    await three.first.announce("catalog.product_changed", product.id, product_id=product.id, when_unchecked="OPEN", **told)
    await three.first.subscribe(client, product)
    stale = three.stages[1]
    await stale.check_until(200, "GET", f"{product.base_path}/pets", client.headers)
    await _grow_stale(stale)
    answer = await stale.check("GET", f"{product.base_path}/pets", client.headers)
    assert (answer.status_code, answer.headers["portico-freshness"]) == (200, "stale")
    assert (await stale.check("GET", f"{closed.base_path}/pets", client.headers)).status_code == 503


async def test_a_call_that_meets_one_that_is_not_fresh_is_counted_nowhere(three: Three) -> None:
    client, product = await three.first.application(), await three.first.product(rate_requests=1, rate_seconds=3600, burst=1)
    await three.first.subscribe(client, product)
    path, stale = f"{product.base_path}/pets", three.stages[1]
    await stale.check_until(404, "GET", f"{product.base_path}/never", client.headers)
    await three.first.check_until(404, "GET", f"{product.base_path}/never", client.headers)
    await _grow_stale(stale)
    for _ in range(3):
        answer = await stale.check("GET", path, client.headers)
        assert (answer.status_code, answer.json()["code"]) == (503, "ENFORCEMENT_NOT_FRESH")
    assert (await three.first.check("GET", path, client.headers)).status_code == 200, "its one call was left"
    assert (await three.first.check("GET", path, client.headers)).status_code == 429


async def test_what_is_known_to_be_withdrawn_is_refused_as_ever_by_one_that_is_not_fresh(three: Three) -> None:
    client, product, subscription_id = await three.ready()
    await three.first.subscribe(client, product, "CANCELLED", subscription_id)
    deaf = three.stages[1]
    await deaf.check_until(403, "GET", f"{product.base_path}/pets", client.headers)
    await _grow_stale(deaf)
    answer = await deaf.check("GET", f"{product.base_path}/pets", client.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "NOT_SUBSCRIBED")
    assert answer.headers["portico-freshness"] == "stale"


async def test_what_the_broadcast_missed_is_acknowledged_after_it_has_been_read(three: Three) -> None:
    client, product, subscription_id = await three.ready()
    await three.in_force(subscription_id, 1)
    feed = three.stages[1].worker(Feed)
    listener: Listener | None = feed._listener
    assert listener is not None
    await listener.close()
    await three.first.subscribe(client, product, "CANCELLED", subscription_id)
    since = await three.in_force(subscription_id, 2)
    assert since.instances == 3
    assert feed._world.knows(subscription_id, 2)


async def test_an_instance_that_ends_is_waited_for_no_more(three: Three) -> None:
    client, product, subscription_id = await three.ready()
    await three.stages[2].worker(Presence).close()
    await three.first.subscribe(client, product, "CANCELLED", subscription_id)
    assert (await three.in_force(subscription_id, 2)).instances == 2


async def test_what_is_said_again_is_numbered_and_not_announced_anew(three: Three) -> None:
    data = {"organization_id": "org_gone"}
    announced = await three.first.announce("identity.organization_deleted", "org_gone", **data)
    body = orjson.loads(announced.body) | {"republished": True, "id": "evt_again", "sequence": 2}
    await three.in_force("org_gone", 1)
    await three.first.bus.publish([type(announced)("evt_again", announced.key, orjson.dumps(body))])
    await three.in_force("org_gone", 2)
    assert [each["data"]["sequence"] for each in await three.applied("org_gone", 1)] == [1]


def test_beats_prove_freshness_and_a_gap_asks_for_a_reading() -> None:
    fresh = Freshness(10)
    assert not fresh.is_fresh(steady_ns())
    fresh.read(100 * SECOND)
    assert fresh.is_fresh(110 * SECOND)
    assert not fresh.is_fresh(111 * SECOND)
    fresh.hear(101 * SECOND, 101 * SECOND, 0)
    assert fresh.is_fresh(111 * SECOND)
    # It stood still for twenty seconds: an old beat proves nothing, and a new one asks for a reading first.
    fresh.hear(102 * SECOND, 122 * SECOND, 0)
    assert not fresh.is_fresh(122 * SECOND)
    fresh.hear(122 * SECOND, 122 * SECOND, 0)
    assert fresh.wants_reading
    assert not fresh.is_fresh(122 * SECOND)
    fresh.read(121 * SECOND)
    assert not fresh.is_fresh(122 * SECOND), "that reading began before"
    fresh.read(122 * SECOND)
    assert fresh.is_fresh(132 * SECOND)
    # The connection was made anew between two beats.
    fresh.hear(123 * SECOND, 123 * SECOND, 1)
    assert fresh.wants_reading
    assert not fresh.is_fresh(133 * SECOND)


def _instance(instance_id: str, beats: int, epoch: int = 0) -> Instance:
    now = SystemClock().now()
    return Instance(instance_id, "here", now, now, beats, is_fresh=True, acknowledged=Acknowledgement(epoch))


def test_silence_is_told_by_the_watchers_own_clock() -> None:
    silence = Silence(10 * SECOND)
    assert silence.look([_instance("a", 1), _instance("b", 1)], 0) == frozenset()
    assert silence.look([_instance("a", 2), _instance("b", 1)], 10 * SECOND) == frozenset()
    assert silence.look([_instance("a", 2), _instance("b", 1)], 11 * SECOND) == {"b"}
    assert silence.look([_instance("a", 2), _instance("b", 2)], 12 * SECOND) == frozenset()


def test_those_who_are_behind_are_waited_for_unless_excused() -> None:
    instances = [_instance("a", 1, 7), _instance("b", 1, 8), _instance("c", 1, 6)]
    assert those_waited_for(7, instances, frozenset()) == ["c"]
    assert those_waited_for(8, instances, frozenset({"c"})) == ["a"]


def test_lags_of_the_last_epochs_are_remembered() -> None:
    merged = Acknowledgement(3, {3: 5}).merged(Acknowledgement(2, {1: 9, 2: 1}))
    assert (merged.epoch, merged.lag_at(2), merged.lag_at(3), merged.lag_at(17)) == (3, 1, 5, 9)
    many = Acknowledgement(200, {number: number for number in range(200)}).merged(merged)
    assert len(many.lags) == 64


async def test_a_copy_that_its_reaction_does_not_write_is_written_by_whoever_numbers(three: Three) -> None:
    client, product, subscription_id = await three.ready()
    await three.in_force(subscription_id, 1)
    # The message is in the hands of an instance that stands still: the broadcast comes, the reaction does not.
    announced = message(
        "subscriptions.subscription_cancelled.v1", subscription_id, 2, _cancelled(client, product, subscription_id)
    )
    for stage in three.stages:
        listener = stage.worker(Feed)._listener
        assert listener is not None
        listener.offer(announced)
    assert (await three.in_force(subscription_id, 2)).instances == 3
    # It comes late, and again, and changes nothing.
    await three.first.bus.publish([announced, announced])
    assert [each["data"]["sequence"] for each in await three.applied(subscription_id, 2)] == [1, 2]


def _cancelled(client: Client, product: Product, subscription_id: str) -> dict[str, Any]:
    ids = {"application_id": client.application_id, "organization_id": client.organization_id, "product_id": product.id}
    return {"subscription_id": subscription_id, "plan_id": product.plan_id, "status": "CANCELLED", **ids}
