"""Data-exchange numbers: how they are written, and that none is ever given twice."""

from pathlib import Path
from typing import Any

import pytest

from chassis.mongo import Store, Transaction
from chassis.principal import ANONYMOUS
from services.identity.data_exchanges import repository
from services.identity.data_exchanges.actions import assign
from services.identity.data_exchanges.domain import AlreadyOnboarded, DataExchange, NumberPattern, PatternNotUsableError
from tests.services.identity.world import World
from tests.services.mail_server import MovingClock


@pytest.mark.parametrize(
    ("pattern", "number"),
    [
        ("DX-{year}-{counter:06d}", "DX-2026-000007"),
        ("{counter}", "7"),
        ("{counter:04}/{year}", "0007/2026"),
        ("VRAA.{year}_{counter:09d}", "VRAA.2026_000000007"),
    ],
)
def test_a_pattern_writes_numbers(pattern: str, number: str) -> None:
    assert NumberPattern(pattern).write(2026, 7) == number


@pytest.mark.parametrize(
    "pattern",
    [
        "", "DX-{year}", "{counter!r}", "{counter:x}", "{counter:>20}", "{counter:7d}", "{counter:7}", "{counter.real}",
        "{counter[0]}", "{0}", "{}", "{counter}{secret}", "{counter", "DX {counter}", "-{counter}", "Nº{counter}",
        "{counter:099d}", "x" * 40 + "{counter}", "{counter:{year}}",
    ],
)  # fmt: skip
def test_a_pattern_that_cannot_tell_organizations_apart_is_refused(pattern: str) -> None:
    with pytest.raises(PatternNotUsableError, match=r".+"):
        NumberPattern(pattern)


async def test_a_platform_with_a_wrong_pattern_does_not_start(make_store: Any, tmp_path: Path) -> None:
    clock = MovingClock()
    world = World(make_store("identity", clock), tmp_path, clock, data_exchange_pattern="DX-{year}")
    with pytest.raises(PatternNotUsableError, match="counter"):
        await world.start()
    await world.bus.close()
    await world.inbox.close()


@pytest.fixture
async def store(make_store: Any) -> Store:
    made: Store = make_store("exchanges")
    from chassis import mongo, outbox

    await made.ensure_indexes([*mongo.INDEXES, *outbox.INDEXES, *repository.INDEXES])
    return made


async def give(store: Store, organization_id: str, pattern: str = "DX-{counter:03d}") -> DataExchange:
    return await store.transact(ANONYMOUS, lambda tx: assign(tx, organization_id, "onb_1", NumberPattern(pattern)))


async def test_numbers_only_grow_also_after_one_is_gone(store: Store) -> None:
    assert [(await give(store, f"org_{number}")).number for number in range(3)] == ["DX-001", "DX-002", "DX-003"]
    await store.reader().collection("data_exchanges").delete_one({"number": "DX-003"})
    assert (await give(store, "org_4")).number == "DX-004"
    with pytest.raises(AlreadyOnboarded):
        await give(store, "org_1")
    assert (await give(store, "org_5")).number == "DX-005"


async def test_what_is_rolled_back_was_never_given(store: Store) -> None:
    async def fails(tx: Transaction) -> None:
        await assign(tx, "org_1", "onb_1", NumberPattern("DX-{counter:03d}"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.transact(ANONYMOUS, fails)
    assert await store.reader().collection("data_exchanges").find({}) == []
    assert (await give(store, "org_2")).number == "DX-001"


async def test_a_new_pattern_does_not_give_an_old_number_again(store: Store) -> None:
    assert (await give(store, "org_1", "1{counter}")).number == "11"
    for number in range(2, 11):
        await give(store, f"org_{number}", "x{counter}")
    # The eleventh would be called as the first one is.
    assert (await give(store, "org_11", "{counter}")).number == "12"
