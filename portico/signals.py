"""Ctrl-C and SIGTERM: the first asks for an orderly end, during the start as well."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any


class StopRequested(Exception):  # noqa: N818 - it is a wish, not an error
    """A person or the system asks the platform to end."""


def stop_event() -> asyncio.Event:
    """Return the event that Ctrl-C and SIGTERM set."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, asked.set)
    return asked


async def unless_stopped(work: Coroutine[Any, Any, None], asked: asyncio.Event) -> None:
    """Do the work; when the stop is asked for meanwhile, cancel it. Raises ``StopRequested``."""
    working = asyncio.create_task(work)
    waiting = asyncio.create_task(asked.wait())
    try:
        await asyncio.wait([working, waiting], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise StopRequested
        working.result()
    finally:
        for task in (working, waiting):
            task.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)
