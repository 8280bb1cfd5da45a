"""Work that is done again and again: at once when wanted, whatever failed before, and it stops when it is told to."""

import asyncio

import pytest

from chassis.repeating import Repeating


class Counting(Repeating):
    def __init__(self, wanted: asyncio.Event, *, every_seconds: float = 60) -> None:
        super().__init__("counting", every_seconds=every_seconds, wanted=wanted)
        self.looks = 0

    async def look(self) -> None:
        self.looks += 1
        if self.looks == 1:
            raise ZeroDivisionError


async def looks_of(worker: Counting, count: int) -> None:
    async with asyncio.timeout(10):
        while worker.looks < count:  # noqa: ASYNC110 - it is what is looked at
            await asyncio.sleep(0.001)


async def test_it_looks_at_the_start_again_after_a_failure_and_when_it_is_wanted() -> None:
    worker = Counting(wanted := asyncio.Event())
    await worker.start()
    await looks_of(worker, 1)
    wanted.set()
    await looks_of(worker, 2)
    await worker.close()
    wanted.set()
    await asyncio.sleep(0.01)
    assert worker.looks == 2


async def test_it_looks_again_after_its_pause() -> None:
    worker = Counting(asyncio.Event(), every_seconds=0.001)
    await worker.start()
    await looks_of(worker, 5)
    await worker.close()


@pytest.mark.parametrize("steps", range(6))
async def test_it_stops_also_where_it_is_wanted_at_the_same_moment(steps: int) -> None:
    worker = Counting(wanted := asyncio.Event())
    await worker.start()
    await looks_of(worker, 1)
    wanted.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await worker.close()
