"""A task that is ended has ended: also one that loses a cancellation, and one that never ends keeps nobody waiting."""

import asyncio

import pytest

from chassis.tasks import bounded, end_task


async def losing(cancellations: int) -> None:
    for _ in range(cancellations):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue
    await asyncio.sleep(60)


async def begun(losses: int) -> "asyncio.Task[None]":
    task = asyncio.create_task(losing(losses))
    await asyncio.sleep(0)
    return task


@pytest.mark.parametrize("losses", [0, 1, 2])
async def test_a_task_that_loses_cancellations_is_ended(losses: int) -> None:
    task = await begun(losses)
    assert await end_task(task)
    assert task.cancelled()


async def test_a_task_that_does_not_end_is_left_behind() -> None:
    task = await begun(3)
    assert not await end_task(task, seconds=0.05)
    assert not task.done()
    assert await end_task(task)


async def test_what_has_failed_has_ended() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    assert await end_task(task)


async def test_bounded_work_raises_what_it_raised_and_its_bound_also_where_it_does_not_end() -> None:
    assert await bounded(asyncio.sleep(0, "done"), 5) == "done"
    with pytest.raises(ZeroDivisionError):
        await bounded(failing(), 5)
    with pytest.raises(TimeoutError):
        await bounded(losing(1), 0.01)


async def failing() -> None:
    raise ZeroDivisionError
