"""How long a new instance of the check takes until it decides, and how much memory a subscription takes in it.

The embedded database (or that which ``--mongo-url`` names) holds 10,000 applications with a secret each and 30,000 subscriptions.
An instance is started as a process of its own, over RabbitMQ, several times; and in this process the same is loaded once more, to
be measured by ``tracemalloc``: when it is loaded, and when every subscription has been called with while three instances share
the limits.
"""

import argparse
import asyncio
import gc
import signal
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chassis.ids import new_id
from chassis.mongo import Store
from portico.database import start_database
from services.enforcement.limits import wire
from services.enforcement.limits.book import Book
from services.enforcement.limits.rates import Rate
from services.enforcement.limits.sharing import Sharing
from services.enforcement.state import repository, snapshots
from services.enforcement.state.world import World
from tests.checking_apart import Checks
from tests.rabbit_node import RabbitNode
from tests.services.enforcement.stage import until

PROMISE_SECONDS = 3.0
PROMISE_BYTES = 2048
_PRODUCTS = 100
_PLANS = 200


def _copies(applications: int, subscriptions: int) -> Iterator[dict[str, Any]]:
    """Give the copies that so many applications and subscriptions leave."""
    now = datetime.now(UTC)
    written = {"sequence": 1, "heard_at": now, "announced_at": now, "epoch": 1, "is_republished": False, "in_force": None}
    ids = [new_id("app") for _ in range(applications)]
    products, plans = [new_id("prd") for _ in range(_PRODUCTS)], [new_id("pln") for _ in range(_PLANS)]
    owners = {each: new_id("org") for each in ids}
    for each in ids:
        told = {"organization_id": owners[each], "client_id": new_id("cid"), "is_deleted": False, "audience": [owners[each]]}
        yield {"_id": each, "kind": "application", **written, **told}
        yield {"_id": new_id("sec"), "kind": "secret", **written, "application_id": each, "is_retired": False, "audience": []}
    for each in products:
        told = {"organization_id": "org_provider", "sensitivity": "STANDARD", "needs_permission": False, "audience": []}
        yield {"_id": each, "kind": "product", **written, **told}
    for each in plans:
        terms = {"rate_requests": 10, "rate_seconds": 1, "burst": 20, "quota_calls": 100_000, "quota_period": "DAY"}
        yield {"_id": each, "kind": "plan", **written, "product_id": products[0], **terms, "audience": []}
    for number in range(subscriptions):
        application = ids[number % applications]
        told = {
            "application_id": application,
            "product_id": products[(number // applications * 7 + number) % _PRODUCTS],
            "plan_id": plans[number % _PLANS],
            "status": "ACTIVE",
            "causes": [],
            "audience": [owners[application], "org_provider"],
        }
        yield {"_id": new_id("sub"), "kind": "subscription", **written, **told}


async def _fill(store: Store, applications: int, subscriptions: int) -> None:
    await store.ensure_indexes(repository.INDEXES)
    batch: list[dict[str, Any]] = []
    for each in _copies(applications, subscriptions):
        batch.append(each)
        if len(batch) == 2000:
            await store.reader().collection("copies").insert_many(batch)
            batch = []
    await store.reader().collection("copies").insert_many(batch)
    await store.reader().collection("epochs").insert_one({"_id": 0, "last": 1})


async def _load(store: Store, world: World) -> list[tuple[str, str]]:
    """Load everything as a new instance does without a snapshot; return which applications may call which products."""
    pairs = []
    for copy in await repository.copies_after(store.reader(), None):
        world.apply(copy)
        if copy.kind == "subscription":
            pairs.append((copy.fields["application_id"], copy.fields["product_id"]))
    return pairs


async def _memory(store: Store, subscriptions: int) -> tuple[float, float]:
    """Return the bytes a subscription when all is loaded, and when each has been called with at each of three instances."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    book = Book()
    sharing = Sharing(store, book, "ins_one")
    sharing.ring.become({"ins_two", "ins_three"})
    world = World(Rate(5, 1, 10), book, sharing)
    pairs = await _load(store, world)
    await store.reader().collection("copies").find_one({"_id": "none"})  # the driver lets go of what it has read last
    gc.collect()
    listed = sys.getsizeof(pairs) + sum(sys.getsizeof(pair) for pair in pairs)
    loaded = tracemalloc.get_traced_memory()[0] - listed
    for pair in pairs:
        _call(world, sharing, pair)
    gc.collect()
    called = tracemalloc.get_traced_memory()[0] - listed
    tracemalloc.stop()
    return (loaded - before) / subscriptions, (called - before) / subscriptions


def _call(world: World, sharing: Sharing, pair: tuple[str, str]) -> None:
    """Leave behind what a call leaves: here, or, of what is counted here, at each of the others."""
    lease = world.lease(*pair, time.monotonic_ns(), time.time_ns())
    assert lease is not None
    claim = lease.claim
    if sharing.ring.owner(claim.allowance.place) == sharing.id:
        asked = wire.Terms(claim.allowance.place, claim.allowance.bucket.key, claim.latest, ())
        sent = bytes(memoryview(wire.terms_bytes(asked)))  # in its own size, as it comes from a connection
        sharing._understood(sent)  # noqa: SLF001 - what is asked, without an answer to it
    else:
        sharing.ring.order(claim.allowance.place)
        claim.terms(())


async def run(applications: int, subscriptions: int, starts: int, *, mongo_url: str | None) -> bool:
    """Measure, and say whether the promises are kept."""
    folder = Path(tempfile.mkdtemp(prefix="portico-bench-"))
    database = None
    if mongo_url is None:
        database, mongo_url = await start_database(folder / "data", folder / "database.log", is_durable=False)
    node = RabbitNode()
    try:
        node.start()
        async with Checks(folder, mongo_url, node.url) as checks:
            await checks.start_one()  # what is common to all is made by the first one
            await _fill(checks.store, applications, subscriptions)
            print(f"the first one, which leaves a snapshot: {await checks.start_one():.2f} s", flush=True)
            await until(lambda: snapshots.read(checks.store.reader()), 60)
            took = [await checks.start_one() for _ in range(starts)]
            began = time.monotonic()
            await _load(checks.store, World(Rate(5, 1, 10)))
            print(f"all copies read and applied without a snapshot: {time.monotonic() - began:.2f} s", flush=True)
            began = time.monotonic()
            snapshot = await snapshots.read(checks.store.reader())
            assert snapshot is not None
            world = World(Rate(5, 1, 10))
            for copy in snapshot.copies:
                world.apply(copy)
            print(f"with it: {time.monotonic() - began:.2f} s", flush=True)
            loaded, called = await _memory(checks.store, subscriptions)
    finally:
        node.remove()
        if database is not None:
            await database.stop()
    print(f"from the start of the process to its readiness: median {statistics.median(took):.2f} s, worst {max(took):.2f} s")
    print(f"memory a subscription: {loaded:.0f} bytes loaded, {called:.0f} bytes when called with")
    return max(took) <= PROMISE_SECONDS and called <= PROMISE_BYTES


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--applications", type=int, default=10_000)
    parser.add_argument("--subscriptions", type=int, default=30_000)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--mongo-url", default=None)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended, too
    is_kept = asyncio.run(run(asked.applications, asked.subscriptions, asked.starts, mongo_url=asked.mongo_url))
    print("The promises are kept." if is_kept else f"More than {PROMISE_SECONDS:g} s or {PROMISE_BYTES} bytes.")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
