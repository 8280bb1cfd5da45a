"""Transactions: all or nothing, run again on conflict, patient with what has not been heard of yet."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from chassis import messages
from chassis.clock import SystemClock
from chassis.errors import Conflict, NotHeardOf
from chassis.messages import Event
from chassis.mongo import DatabaseUnavailable, DuplicateKey, Index, Store, Transaction, connect, is_in_transaction
from chassis.principal import ANONYMOUS, Principal


class LampLit(Event, service="lamps", version=1):
    lamp_id: str


ALICE = Principal(id="usr_alice")


@pytest.fixture
async def store(make_store: Callable[..., Store]) -> Store:
    store = make_store("lamps")
    await store.ensure_indexes(
        [
            Index("outbox", (("sent_at", 1),)),
            Index("sequences", (("n", 1),)),
            Index("lamps", (("name", 1),), unique=True),
            Index("counters", (("n", 1),)),
        ]
    )
    return store


async def light(tx: Transaction, lamp_id: str) -> None:
    await tx.collection("lamps").insert_one({"_id": lamp_id, "name": lamp_id})
    await tx.emit(LampLit(lamp_id=lamp_id), subject=lamp_id, organization="org_1", audience=["org_1", "org_2"])


async def test_state_and_event_commit_together(store: Store) -> None:
    await store.transact(ALICE, lambda tx: light(tx, "lamp_1"))

    (row,) = await store.reader().collection("outbox").find({})
    heard = messages.read(bytes(row["body"]))
    assert (heard.key, heard.subject, heard.sequence) == ("lamps.lamp_lit.v1", "lamp_1", 1)
    assert (heard.actor, heard.organization, heard.audience) == ("usr_alice", "org_1", ("org_1", "org_2"))
    assert heard.data == {"lamp_id": "lamp_1"}
    assert row["sent_at"] is None


async def test_a_refusal_leaves_neither_state_nor_event(store: Store) -> None:
    async def light_and_refuse(tx: Transaction) -> None:
        await light(tx, "lamp_1")
        raise Conflict

    with pytest.raises(Conflict):
        await store.transact(ALICE, light_and_refuse)

    for name in ("lamps", "outbox", "sequences"):
        assert await store.reader().collection(name).count_documents({}) == 0


async def test_sequences_count_from_one_without_gaps_under_concurrency_and_rollback(store: Store) -> None:
    async def announce(tx: Transaction, *, fails: bool) -> None:
        await tx.emit(LampLit(lamp_id="lamp_1"), subject="lamp_1")
        if fails:
            raise Conflict

    outcomes = await asyncio.gather(
        *(store.transact(ALICE, partial(announce, fails=n % 3 == 0)) for n in range(12)), return_exceptions=True
    )

    rows = await store.reader().collection("outbox").find({})
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 4
    assert sorted(messages.read(bytes(row["body"])).sequence for row in rows) == list(range(1, 9))


async def test_work_is_run_again_on_a_write_conflict_and_nothing_is_lost(store: Store) -> None:
    await store.transact(ALICE, lambda tx: tx.collection("counters").insert_one({"_id": "c", "n": 0}))

    async def count_up(tx: Transaction) -> None:
        counter = await tx.collection("counters").find_one({"_id": "c"})
        assert counter is not None
        await asyncio.sleep(0.002)
        await tx.collection("counters").replace_one({"_id": "c"}, {"_id": "c", "n": counter["n"] + 1})

    await asyncio.gather(*(store.transact(ALICE, count_up) for _ in range(8)))

    counter = await store.reader().collection("counters").find_one({"_id": "c"})
    assert counter is not None
    assert counter["n"] == 8


async def test_what_has_not_been_heard_of_is_waited_for(store: Store) -> None:
    async def need_lamp(tx: Transaction) -> str:
        lamp = await tx.collection("lamps").find_one({"_id": "lamp_late"})
        if lamp is None:
            raise NotHeardOf
        return str(lamp["name"])

    waiting = asyncio.create_task(store.transact(ALICE, need_lamp, patience_seconds=5))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await store.transact(ALICE, lambda tx: light(tx, "lamp_late"))
    assert await waiting == "lamp_late"


async def test_patience_ends(store: Store) -> None:
    async def never(_tx: Transaction) -> None:
        raise NotHeardOf

    with pytest.raises(NotHeardOf) as refusal:
        await store.transact(ALICE, never, patience_seconds=0.1)
    assert refusal.value.code == "NOT_FOUND"


async def test_a_duplicate_names_its_fields(store: Store) -> None:
    await store.transact(ALICE, lambda tx: tx.collection("lamps").insert_one({"_id": "a", "name": "same"}))
    with pytest.raises(DuplicateKey) as duplicate:
        await store.transact(ALICE, lambda tx: tx.collection("lamps").insert_one({"_id": "b", "name": "same"}))
    assert duplicate.value.fields == ("name",)


async def test_what_waits_for_the_commit_runs_after_it_and_only_then(store: Store) -> None:
    seen: list[tuple[str, bool]] = []

    async def work(tx: Transaction, *, fails: bool) -> None:
        tx.after_commit(lambda: seen.append(("committed", is_in_transaction())))
        assert is_in_transaction()
        if fails:
            raise Conflict

    await store.transact(ALICE, lambda tx: work(tx, fails=False))
    with pytest.raises(Conflict):
        await store.transact(ALICE, lambda tx: work(tx, fails=True))
    assert seen == [("committed", False)]


async def test_transactions_do_not_nest(store: Store) -> None:
    async def nested(_tx: Transaction) -> None:
        await store.transact(ANONYMOUS, lambda tx: light(tx, "lamp_1"))

    with pytest.raises(AssertionError, match="open already"):
        await store.transact(ANONYMOUS, nested)


async def test_waiting_for_what_never_comes_costs_the_database_little(store: Store) -> None:
    runs = 0

    async def never(_tx: Transaction) -> None:
        nonlocal runs
        runs += 1
        raise NotHeardOf

    with pytest.raises(NotHeardOf):
        await store.transact(ALICE, never, patience_seconds=1.0)
    assert 5 <= runs <= 15


async def test_several_processes_may_make_the_collections_at_once(make_store: Callable[..., Store]) -> None:
    for _ in range(5):
        store = make_store("beginning")
        await asyncio.gather(*(store.ensure_indexes([Index("lamps", (("name", 1),), unique=True)]) for _ in range(6)))
        assert await store.database.list_collection_names() == ["lamps"]


async def test_a_database_that_does_not_answer_is_unavailable_inside_a_transaction_and_outside() -> None:
    store = Store(connect("mongodb://127.0.0.1:1/?directConnection=true", timeout_seconds=0.2), "nowhere", SystemClock())
    things = store.reader().collection("things")
    for asked in (things.find_one({}), things.find({}), things.aggregate([]), things.count_documents({}), things.insert_one({})):
        with pytest.raises(DatabaseUnavailable):
            await asked
    with pytest.raises(DatabaseUnavailable):
        await store.transact(ALICE, lambda tx: light(tx, "lamp_1"))
    assert not await store.ping()
    store.client.close()
