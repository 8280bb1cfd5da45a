"""A process that is killed within a transaction: its successor at the same place is not kept waiting for what it held."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from chassis.clock import SystemClock
from chassis.mongo import Store, Transaction, connect
from chassis.principal import ANONYMOUS

ROOT = Path(__file__).parents[2]


def store_at(url: str, name: str) -> Store:
    return Store(connect(url), name, SystemClock())


async def hold(url: str, name: str) -> None:
    """Hold a document in an open transaction until killed (run as a program)."""

    async def work(tx: Transaction) -> None:
        await tx.collection("things").update_one({"_id": "held"}, {"$inc": {"n": 1}})
        sys.stdout.write("holding\n")
        sys.stdout.flush()
        await asyncio.sleep(600)

    await store_at(url, name).transact(ANONYMOUS, work)


async def count_up(tx: Transaction) -> None:
    await tx.collection("things").update_one({"_id": "held"}, {"$inc": {"n": 1}})


async def test_what_a_killed_process_held_is_free_for_its_successor(mongo_url: str, make_store: Callable[[str], Store]) -> None:
    store = make_store("sudden")
    await store.reader().collection("things").insert_one({"_id": "held", "n": 0})
    code = f"import asyncio; from tests.chassis.test_sudden_end import hold; asyncio.run(hold({mongo_url!r}, {store.name!r}))"
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"holding\n"
    holder.kill()
    await holder.wait()

    await store.end_former_transactions()
    async with asyncio.timeout(5):
        await store.transact(ANONYMOUS, count_up)
    held = await store.reader().collection("things").find_one({"_id": "held"})
    assert held is not None
    assert held["n"] == 1


async def test_ending_the_sessions_of_one_that_lives_only_makes_it_run_again(make_store: Callable[[str], Store]) -> None:
    store = make_store("alive")
    await store.reader().collection("things").insert_one({"_id": "held", "n": 0})
    runs = 0

    async def slow(tx: Transaction) -> None:
        nonlocal runs
        runs += 1
        await count_up(tx)
        if runs == 1:
            await store.end_former_transactions()
        await tx.collection("things").update_one({"_id": "held"}, {"$set": {"by": runs}})

    await store.transact(ANONYMOUS, slow)
    held = await store.reader().collection("things").find_one({"_id": "held"})
    assert held == {"_id": "held", "n": 1, "by": 2}
