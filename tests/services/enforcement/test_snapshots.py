"""A snapshot of the copies: what it holds is what the copies say, and what came later comes on top."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.local import LocalBus
from chassis.mongo import Store
from services.enforcement.main import build
from services.enforcement.settings import EnforcementSettings
from services.enforcement.state import numbering, repository, snapshots
from services.enforcement.state.copies import Copy
from services.enforcement.state.feed import Feed
from services.enforcement.state.renewing import renew
from services.enforcement.state.snapshots import Snapshot
from tests.services.enforcement.stage import Issuer


def _subscription(number: int, sequence: int = 1, status: str = "ACTIVE") -> Copy:
    ids = {"application_id": f"app_{number}", "product_id": "prd_1", "plan_id": "pln_1"}
    return Copy("subscription", f"sub_{number}", sequence, {**ids, "status": status, "causes": []})


def _token(token_id: str, expires_at: datetime) -> Copy:
    return Copy("token", token_id, 1, {"expires_at": expires_at})


@dataclass
class Kept:
    """A database with a number of copies in it."""

    store: Store

    async def put(self, copy: Copy, epoch: int) -> None:
        document = {"_id": copy.id, "kind": copy.kind, "sequence": copy.sequence, "epoch": epoch, **copy.fields}
        await self.store.reader().collection("copies").replace_one({"_id": copy.id}, document, upsert=True)
        await self.store.reader().collection("epochs").replace_one({"_id": 0}, {"_id": 0, "last": epoch}, upsert=True)


@pytest.fixture
async def kept(make_store: Callable[..., Any]) -> Kept:
    store: Store = make_store("enforcement")
    await store.ensure_indexes([*repository.INDEXES])
    return Kept(store)


async def test_it_reads_back_as_it_was_written_the_latest_of_each_thing(kept: Kept) -> None:
    reader = kept.store.reader()
    later = datetime.now(UTC) + timedelta(hours=1)
    copies = [_subscription(1, 2, "SUSPENDED"), *(_subscription(number) for number in range(5_001)), _token("jti_1", later)]
    assert await snapshots.read(reader) is None
    await snapshots.write(reader, Snapshot(7, copies))
    found = await snapshots.read(reader)
    assert found is not None
    assert found.epoch == 7
    assert {each.id: each for each in found.copies} == {each.id: each for each in [*copies[1:], copies[0]]}
    await snapshots.write(reader, Snapshot(8, copies[:1]))
    found = await snapshots.read(reader)
    assert found == Snapshot(8, copies[:1])
    assert await reader.collection("snapshots").count_documents({}) == 2, "the former one is gone"


async def test_one_that_cannot_be_read_is_none_and_tokens_that_are_over_are_left_out(kept: Kept) -> None:
    reader = kept.store.reader()
    past = datetime.now(UTC) - timedelta(hours=1)
    await snapshots.write(reader, Snapshot(7, [_subscription(1), _token("jti_1", past)]))
    found = await snapshots.read(reader)
    assert found is not None
    assert [each.id for each in found.copies] == ["sub_1"]
    await reader.collection("snapshots").update_one({"_id": "head"}, {"$set": {"format": 99}})
    assert await snapshots.read(reader) is None
    await snapshots.write(reader, Snapshot(7, [_subscription(1)]))
    assert await snapshots.read(reader) is not None
    await reader.collection("snapshots").delete_many({"_id": {"$ne": "head"}})
    assert await snapshots.read(reader) is None
    assert await snapshots.head_of(reader) is None


async def _copied(kept: Kept, count: int, epoch: int, sequence: int = 1) -> None:
    """Keep copies of an epoch."""
    rows = [_subscription(number, sequence) for number in range(count)]
    documents = [
        {"_id": each.id, "kind": each.kind, "sequence": each.sequence, "epoch": epoch, "rank": rank, **each.fields}
        for rank, each in enumerate(rows)
    ]
    # By their rank: the embedded database looks for each of some thousand ids among all of them.
    await kept.store.reader().collection("copies").delete_many({"rank": {"$lt": count}})
    await kept.store.reader().collection("copies").insert_many(documents)
    await kept.store.reader().collection("epochs").replace_one({"_id": 0}, {"_id": 0, "last": epoch}, upsert=True)


async def _layers(kept: Kept) -> list[int]:
    head = await snapshots.head_of(kept.store.reader())
    assert head is not None
    return [sum(sizes) for _, sizes in head.layers]


async def test_it_is_renewed_by_what_has_changed_and_laid_anew_when_that_is_much(kept: Kept) -> None:
    reader = kept.store.reader()
    await _copied(kept, snapshots.WORTH_IT - 1, 1)
    assert not await renew(reader), "so few are read one by one"
    await _copied(kept, 4 * snapshots.WORTH_IT, 2)
    assert await renew(reader)
    assert await _layers(kept) == [4 * snapshots.WORTH_IT]
    assert not await renew(reader), "nothing has changed since"
    layers = await _layers(kept)
    for turn in range(2):
        await _copied(kept, snapshots.WORTH_IT, 3 + turn, 2 + turn)
        assert await renew(reader)
        layers.append(snapshots.WORTH_IT)
        assert await _layers(kept) == layers
    await _copied(kept, snapshots.WORTH_IT + 1, 5, 4)
    assert await renew(reader)
    await _copied(kept, snapshots.WORTH_IT, 6, 5)
    assert await renew(reader)
    assert await _layers(kept) == [4 * snapshots.WORTH_IT], "more than half of it had changed"
    found = await snapshots.read(reader)
    assert found is not None
    assert found.epoch == 6
    sequences = {each.id: each.sequence for each in found.copies}
    assert [sequences[f"sub_{number}"] for number in (0, 1_999, 2_000, 2_001)] == [5, 5, 4, 1]


async def test_one_whose_parts_are_gone_is_written_anew_from_all_copies(kept: Kept) -> None:
    reader = kept.store.reader()
    await _copied(kept, snapshots.WORTH_IT, 1)
    assert await renew(reader)
    await reader.collection("snapshots").delete_many({"_id": {"$ne": "head"}})
    assert await renew(reader)
    assert await _layers(kept) == [snapshots.WORTH_IT]


async def test_a_new_instance_knows_the_snapshot_and_what_came_later(kept: Kept, issuer: Issuer, bus: LocalBus) -> None:
    reader = kept.store.reader()
    for number in range(3):
        await kept.put(_subscription(number), 1)
    await snapshots.write(reader, Snapshot(1, [_subscription(number) for number in range(3)]))
    await kept.put(_subscription(1, 2, "CANCELLED"), 2)
    await kept.put(_subscription(3), 3)
    await reader.collection("copies").update_one({"_id": "sub_3"}, {"$set": {"epoch": numbering.NOT_YET}})
    service = build(EnforcementSettings(keys_dir=issuer.folder, data_plane=None), bus, kept.store)
    (feed,) = [each for each in service.workers if isinstance(each, Feed)]
    await feed.start()
    assert [feed._world.knows(f"sub_{number}", 1 + (number == 1)) for number in range(4)] == [True] * 4
    assert feed._task is not None
    await feed.close()
    assert feed._world.has_ended("app_1", "prd_1")


async def test_what_is_left_for_the_next_is_what_was_read(kept: Kept, issuer: Issuer, bus: LocalBus) -> None:
    service = build(EnforcementSettings(keys_dir=issuer.folder, data_plane=None), bus, kept.store)
    (feed,) = [each for each in service.workers if isinstance(each, Feed)]
    await feed._leave(Snapshot(3, [_subscription(1), _subscription(1, 2, "CANCELLED")]))
    assert await snapshots.read(kept.store.reader()) == Snapshot(3, [_subscription(1, 2, "CANCELLED")])
