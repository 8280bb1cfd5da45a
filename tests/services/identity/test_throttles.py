"""Soft limits: counted exactly, whoever tries at the same moment, and over when their window is."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chassis.mongo import Store
from chassis.principal import ANONYMOUS
from services.identity import throttles
from services.identity.throttles import Limit, TriedTooOften
from tests.services.mail_server import MovingClock

LIMIT = Limit("tries", tries=3, window=timedelta(minutes=15))


@pytest.fixture
async def store(make_store: Callable[..., Store]) -> Store:
    made = make_store("throttles", MovingClock())
    await made.ensure_indexes(throttles.INDEXES)
    return made


async def test_two_hundred_tries_at_once_are_counted_one_by_one(store: Store) -> None:
    counted = await asyncio.gather(*(throttles.count(store.reader(), LIMIT, "x") for _ in range(200)))
    assert sorted(each.tries for each in counted) == list(range(1, 201))
    assert sum(not each.is_over for each in counted) == LIMIT.tries
    assert len({each.ends_at for each in counted}) == 1


async def test_a_window_begins_with_the_first_try_and_ends_by_itself(store: Store) -> None:
    clock: Any = store.clock
    for _ in range(3):
        await throttles.count_try(store.reader(), LIMIT, "x")
    clock.ahead += timedelta(minutes=14)
    with pytest.raises(TriedTooOften) as refused:
        await throttles.count_try(store.reader(), LIMIT, "x")
    assert 1 <= (refused.value.retry_after_seconds or 0) <= 60
    await throttles.count_try(store.reader(), LIMIT, "another")
    clock.ahead += timedelta(minutes=1)
    again = await asyncio.gather(*(throttles.count(store.reader(), LIMIT, "x") for _ in range(20)))
    assert sorted(each.tries for each in again) == list(range(1, 21))


async def test_what_is_taken_back_or_forgotten_does_not_count(store: Store) -> None:
    reader = store.reader()
    for _ in range(3):
        await throttles.count_try(reader, LIMIT, "x")
    await throttles.forgive_try(reader, LIMIT, "x")
    await throttles.forgive_try(reader, LIMIT, "unknown")
    await throttles.count_try(reader, LIMIT, "x")
    await throttles.forget_tries(reader, LIMIT, "x")
    assert (await throttles.count(reader, LIMIT, "x")).tries == 1


async def test_inside_a_transaction_a_count_is_rolled_back_with_the_rest(store: Store) -> None:
    async def work(tx: Any) -> None:
        await throttles.count_try(tx, LIMIT, "x")

    counted = await asyncio.gather(*(store.transact(ANONYMOUS, work) for _ in range(6)), return_exceptions=True)
    assert [type(each) for each in counted].count(TriedTooOften) == 3
    # The refused ones have left nothing.
    assert (await throttles.count(store.reader(), LIMIT, "x")).tries == 4


async def test_addresses_are_not_kept_in_the_clear(store: Store) -> None:
    await throttles.count(store.reader(), LIMIT, "anna@example.com")
    rows = await store.reader().collection("throttles").find({})
    assert "anna" not in str(rows)
