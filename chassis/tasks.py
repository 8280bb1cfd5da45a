"""Ending what runs in the background, for certain.

A cancellation can be lost on its way: Python 3.11's ``wait_for`` loses one that comes as its wait ends, and libraries below us
catch some. Whoever cancels once and then waits may wait for ever; so a task is asked until it has ended, and within a bound.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from chassis.telemetry import log

T = TypeVar("T")

END_SECONDS = 10.0
_ASK_AGAIN_SECONDS = 1.0
_log = log("tasks")


async def end_task(task: "asyncio.Task[Any]", *, seconds: float = END_SECONDS) -> bool:
    """Cancel a task until it has ended, and say whether it has; after so many seconds it is left behind, told to the log."""
    until = asyncio.get_running_loop().time() + seconds
    while not task.done():
        left = until - asyncio.get_running_loop().time()
        if left <= 0:
            _log.error(
                "a task does not end; it is left behind", task=task.get_name(), at=[str(each) for each in task.get_stack()]
            )
            return False
        task.cancel()
        await asyncio.wait({task}, timeout=min(_ASK_AGAIN_SECONDS, left))
    if not task.cancelled():
        task.exception()  # what ended is over: nobody waits for its outcome any more
    return True


async def bounded(work: Awaitable[T], seconds: float) -> T:
    """Return what the work returns, within so long. Raises ``TimeoutError`` in time, also where it does not end when told to."""
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        await end_task(task, seconds=1.0)
        raise
    if not done:
        await end_task(task, seconds=1.0)
        raise TimeoutError
    return task.result()
