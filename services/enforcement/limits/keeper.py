"""What is counted is kept: lots of quotas are reserved before calls pass, allowances of rates are written ahead of what passes.

Calls that need something from the database first wait here until it has come; everybody's needs are fetched together.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

from chassis.mongo import DatabaseUnavailable, Store
from chassis.tasks import bounded, end_task
from chassis.telemetry import log
from services.enforcement.limits import repository
from services.enforcement.limits.book import Book
from services.enforcement.limits.counting import NOT_COUNTED, Counted
from services.enforcement.limits.quotas import Counter, Quota
from services.enforcement.limits.rates import Bucket

Attempt = Callable[[], Counted | None]
Answer = Callable[[Counted], None]
PATIENCE_SECONDS = 1.0
MOST_WAITING = 10_000
_TELL_SECONDS = 1.0
_END_SECONDS = 2.0
_TOGETHER = 16  # reservations that are under way at the same time
_log = log("enforcement.limits")


class Waiting(NamedTuple):
    """A call that waits until what it counts against has been fetched, and not for ever."""

    attempt: Attempt
    answer: Answer
    until: float


class Keeper:
    """Fetches what calls wait for, at once; tells what was used about every second."""

    def __init__(self, store: Store, book: Book) -> None:
        self._store = store
        self._book = book
        self._waiting: list[Waiting] = []
        self._wanted = asyncio.Event()
        self._closing = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._expiry: asyncio.TimerHandle | None = None
        self.after_telling: Callable[[Sequence[Counter]], Awaitable[None]] | None = None
        book.wake = self._wanted.set
        book.is_keeping = True

    async def start(self) -> None:
        """Begin to fetch and to tell in the background."""
        loop = asyncio.get_running_loop()
        self._closing.clear()
        self._tasks = [
            loop.create_task(self._fetch_for_ever(), name="enforcement.limits"),
            loop.create_task(self._tell_for_ever(), name="enforcement.limits.telling"),
        ]

    async def close(self) -> None:
        """Keep everything as it is, give back what was reserved and not used, and stop."""
        # What is being reserved is waited for: cut short, it would be lost.
        self._closing.set()
        self._wanted.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_END_SECONDS)
        for task in self._tasks:
            await end_task(task)
        if self._expiry is not None:
            self._expiry.cancel()
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.answer(NOT_COUNTED)
        with contextlib.suppress(Exception):
            await bounded(self.release(list(self._book.places)), 3)

    def wait(self, attempt: Attempt, answer: Answer) -> bool:
        """Answer a call once it can be counted, tried now and whenever something has come; say whether it is answered."""
        counted = attempt()
        if counted is not None:
            answer(counted)
            return True
        if len(self._waiting) >= MOST_WAITING:
            answer(NOT_COUNTED)
            return True
        self._waiting.append(Waiting(attempt, answer, time.monotonic() + PATIENCE_SECONDS))
        self._wanted.set()
        if self._expiry is None:
            self._expiry = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._expire)
        return False

    def _expire(self) -> None:
        """Answer those who have waited long enough, also while the database does not answer."""
        self._expiry = None
        self._try_again()
        if self._waiting:
            self._expiry = asyncio.get_running_loop().call_later(0.1, self._expire)

    async def _fetch_for_ever(self) -> None:
        while not self._closing.is_set():
            if not self._waiting:
                await self._wanted.wait()
            self._wanted.clear()
            try:
                await self.fetch()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next round tries again; who waits is told in time
                _log.warning("what calls count against cannot be fetched; trying again", reason=str(error))
                self._book.is_keeping = False
                await asyncio.sleep(0.05)
            else:
                self._book.is_keeping = True
                await asyncio.sleep(0)
            self._try_again()

    def _try_again(self) -> None:
        waiting, self._waiting, now = self._waiting, [], time.monotonic()
        for each in waiting:
            counted = each.attempt()
            if counted is None and now < each.until:
                self._waiting.append(each)
                self._wanted.set()
            else:
                each.answer(counted or NOT_COUNTED)

    async def fetch(self) -> None:
        """Read the allowances and reserve the lots that are wanted, and write down what has run ahead of what is kept."""
        book = self._book
        to_read, book.buckets_to_read = book.buckets_to_read, {}
        lots, book.lots_to_reserve = book.lots_to_reserve, {}
        to_keep, book.buckets_to_keep = book.buckets_to_keep, {}
        work = []
        if to_read:
            work.append(self._read([each for each in to_read.values() if not each.is_loaded]))
        if to_keep:
            work.append(self._keep(to_keep.values()))
        reservations = iter(lots.values())
        work += [self._reserve_each(reservations) for _ in range(min(_TOGETHER, len(lots)))]
        outcomes = await asyncio.gather(*work, return_exceptions=True)
        for each in outcomes:
            if isinstance(each, BaseException):
                raise each

    async def _read(self, buckets: list[Bucket]) -> None:
        try:
            kept = await repository.kept(self._store.reader(), [each.key for each in buckets])
        except DatabaseUnavailable:
            # A rate protects the API: while nobody can say what has passed elsewhere, it begins anew.
            kept = {}
            self._book.is_keeping = False
        steady, wall = time.monotonic_ns(), time.time_ns()
        for bucket in buckets:
            found = kept.get(bucket.key)
            if found is not None:
                bucket.restore(found.rate, found.whole_at_ns - wall + steady, steady)
            bucket.is_loaded = True

    async def _reserve_each(self, lots: Iterable[tuple[Counter, Quota]]) -> None:
        for counter, quota in lots:
            if not counter.needs_lot(quota):
                continue
            began_at = counter.began_at
            got = await repository.reserve(self._store.reader(), counter, quota.lot, quota.calls)
            if counter.began_at == began_at:
                counter.grant(got.calls, got.altogether, quota)

    async def _keep(self, buckets: Iterable[Bucket]) -> None:
        shift = time.time_ns() - time.monotonic_ns()
        loaded = [each for each in buckets if each.is_loaded]
        rows = [repository.Kept(each.key, each.rate, each.keep(ahead=True) + shift) for each in loaded]
        try:
            await repository.keep(self._store.reader(), rows)
        except BaseException:
            for each in loaded:
                each.unkeep()
                self._book.wants_keeping(each)
            raise

    async def _tell_for_ever(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                await bounded(self._closing.wait(), _TELL_SECONDS)
            try:
                await self.tell()
            except Exception as error:  # noqa: BLE001 - the counts are safe; telling them comes again
                _log.warning("what was used cannot be told; trying again", reason=str(error))

    async def tell(self) -> None:
        """Write down what was used since, and look again at quotas that seemed used up."""
        book = self._book
        untold = [each for each in book.counters.values() if not each.is_told]
        counts = [(each.key, each.used) for each in untold]
        await repository.tell_used(self._store.reader(), counts)
        for each, (key, used) in zip(untold, counts, strict=True):
            each.is_told = (each.key, each.used) == (key, used)
        used_up, book.used_up = book.used_up, {}
        if self.after_telling is not None:
            await self.after_telling([*untold, *(counter for counter, _ in used_up.values())])
        for counter, quota in used_up.values():
            got = await repository.reserve(self._store.reader(), counter, quota.lot, quota.calls)
            counter.grant(got.calls, got.altogether, quota)

    async def release(self, keys: Iterable[str]) -> None:
        """Leave allowances to their next owner: exact to the call, with nothing reserved."""
        book = self._book
        buckets = [book.buckets[key] for key in keys if key in book.buckets and book.buckets[key].is_loaded]
        counters = [book.counters[key] for key in keys if key in book.counters and book.counters[key].is_loaded]
        counts = [(each.key, each.free, each.used) for each in counters]
        steady = time.monotonic_ns()
        missing = [each for each in buckets if each.kept and not each.is_whole(steady)]
        shift = time.time_ns() - steady
        rows = [repository.Kept(each.key, each.rate, each.keep(ahead=False) + shift) for each in missing]
        for counter in counters:
            counter.forget()
        for bucket in buckets:
            bucket.forget()
        await repository.keep(self._store.reader(), rows)
        await repository.give_back(self._store.reader(), counts)
