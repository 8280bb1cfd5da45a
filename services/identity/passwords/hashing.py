"""Hashing passwords: argon2id in a few threads of its own, because each hash takes 46 MiB and a tenth of a second.

What waits for a thread is bounded too: a flood of sign-ins is answered with "try again" rather than with all of the memory.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from chassis.errors import Unavailable
from services.identity.passwords.rules import prepare

_MEMORY_KIB = 46 * 1024

T = TypeVar("T")


class TooBusyToHash(Unavailable):
    """Too many people are signing in at this moment; try again shortly."""


class Hasher:
    """Hashes and verifies passwords, at most ``threads`` at a time and with at most ``most_waiting`` in all."""

    def __init__(self, threads: int = 2, *, most_waiting: int = 64) -> None:
        self._argon2 = PasswordHasher(time_cost=1, memory_cost=_MEMORY_KIB, parallelism=1)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._waiting = 0
        self._most_waiting = most_waiting
        self._nobodys_hash: str | None = None

    async def start(self) -> None:
        """Prepare the hash that stands in for an account that does not exist."""
        await self._nobody()

    async def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """Return the password's hash. Raises ``TooBusyToHash``."""
        return await self._run(partial(self._argon2.hash, prepare(password)))

    async def verify(self, password: str, kept: str | None) -> bool:
        """Say whether this is the password; without an account (None) the same work is done and the answer is no."""
        is_right = await self._run(partial(self._matches, prepare(password), kept or await self._nobody()))
        return is_right and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Say whether a hash was made with other parameters than today's."""
        return self._argon2.check_needs_rehash(kept)

    async def _nobody(self) -> str:
        if self._nobodys_hash is None:
            self._nobodys_hash = await self._run(partial(self._argon2.hash, "nobody's password"))
        return self._nobodys_hash

    def _matches(self, password: str, kept: str) -> bool:
        try:
            return self._argon2.verify(kept, password)
        except (Argon2Error, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= self._most_waiting:
            raise TooBusyToHash(retry_after_seconds=2)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1
