"""What is counted is kept: lots of quotas are reserved before calls pass, allowances of rates are written ahead of what passes.

Calls that need something from the database first wait here until it has come; everybody's needs are fetched together. Reading,
keeping and reserving go on beside one another, so that what is slow holds up only those who wait for it.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from prometheus_client import Counter as Metric

from chassis.mongo import DatabaseUnavailable, DuplicateKey, Store, Transaction
from chassis.principal import system
from chassis.tasks import bounded, end_task
from chassis.telemetry import log
from services.enforcement.limits import repository
from services.enforcement.limits.book import Book
from services.enforcement.limits.claims import now_is
from services.enforcement.limits.counting import NOT_COUNTED, Allowance, Counted, Granted, count
from services.enforcement.limits.quotas import Counter, Quota
from services.enforcement.limits.rates import Bucket

Answer = Callable[[Counted], None]
T = TypeVar("T")
RATE_PATIENCE_SECONDS = 0.25
PATIENCE_SECONDS = 1.0
MOST_WAITING = 10_000
_LOOK_SECONDS = 0.1
_TELL_SECONDS = 1.0
_END_SECONDS = 3.0
_LEAVE_SECONDS = 5.0
_AT_ONCE = 200  # how much is written in one transaction
_TRIES = 5
_BY = system("enforcement.limits")
_ANEW = Metric("portico_rates_begun_anew_total", "Rates that could not be read in time, so that they began anew.")
_UNKEPT = Metric("portico_rates_not_kept_total", "Rates that went on in memory since what passed could not be written in time.")
_log = log("enforcement.limits")


class Waiting(NamedTuple):
    """A call that waits until what it counts against has been fetched, and not for ever: for its rate less long."""

    allowance: Allowance
    granted: Sequence[Granted]
    answer: Answer
    since: float


class Keeper:
    """Fetches what calls wait for, at once; tells what was used about every second."""

    def __init__(self, store: Store, book: Book) -> None:
        self._store = store
        self._book = book
        self._waiting: list[Waiting] = []
        self._wanted = tuple(asyncio.Event() for _ in range(3))
        self._closing = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._expiry: asyncio.TimerHandle | None = None
        self._writing = asyncio.Lock()
        self._keeping = asyncio.Lock()
        self._reserving: dict[str, Counter] = {}
        self._left: set[str] = set()
        self.after_telling: Callable[[Sequence[Counter]], Awaitable[None]] | None = None
        book.wake = self._awaken
        book.is_keeping = True

    def _awaken(self) -> None:
        for each in self._wanted:
            each.set()

    async def start(self) -> None:
        """Begin to fetch and to tell in the background."""
        loop = asyncio.get_running_loop()
        self._closing.clear()
        works = (self._read, self._keep, self._reserve)
        named = zip(works, self._wanted, ("reading", "keeping", "reserving"), strict=True)
        self._tasks = [
            loop.create_task(self._for_ever(work, wanted), name=f"enforcement.limits.{name}") for work, wanted, name in named
        ]
        self._tasks.append(loop.create_task(self._tell_for_ever(), name="enforcement.limits.telling"))

    async def close(self) -> None:
        """Keep everything as it is, give back what was reserved and not used, and stop."""
        # What is being reserved is waited for: cut short, it would be lost.
        self._closing.set()
        self._awaken()
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
            await bounded(self.release({*self._book.buckets, *self._book.counters}), _LEAVE_SECONDS)

    def wait(self, allowance: Allowance, granted: Sequence[Granted], answer: Answer) -> bool:
        """Answer a call once it can be counted, tried now and whenever something has come; say whether it is answered."""
        counted = count(allowance, granted, now_is(), self._book)
        if counted is None and len(self._waiting) >= MOST_WAITING:
            counted = NOT_COUNTED
        if counted is not None:
            answer(counted)
            return True
        self._waiting.append(Waiting(allowance, granted, answer, time.monotonic()))
        if self._expiry is None:
            self._expiry = asyncio.get_running_loop().call_later(RATE_PATIENCE_SECONDS, self._expire)
        return False

    def _expire(self) -> None:
        """Answer those who have waited long enough, also while the database does not answer."""
        self._expiry = None
        self._try_again()
        if self._waiting:
            self._expiry = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._expire)

    def _try_again(self) -> None:
        waiting, self._waiting, now = self._waiting, [], time.monotonic()
        for each in waiting:
            if now - each.since >= RATE_PATIENCE_SECONDS:
                _go_on_without(each.allowance.bucket)
            counted = count(each.allowance, each.granted, now_is(), self._book)
            if counted is None and now - each.since < PATIENCE_SECONDS:
                self._waiting.append(each)
            else:
                each.answer(counted or NOT_COUNTED)

    async def _for_ever(self, work: Callable[[], Awaitable[bool]], wanted: asyncio.Event) -> None:
        while not self._closing.is_set():
            await wanted.wait()
            wanted.clear()
            try:
                has_come = await work()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next round tries again; who waits is told in time
                _log.warning("what calls count against cannot be fetched or kept; trying again", reason=str(error))
                self._book.is_keeping = False
                await asyncio.sleep(0.05)
                has_come = True
            if has_come:
                self._try_again()
                await asyncio.sleep(0)

    async def fetch(self) -> None:
        """Read the allowances and reserve the lots that are wanted, and write down what has run ahead of what is kept."""
        await asyncio.gather(self._read(), self._keep(), self._reserve())

    async def _read(self) -> bool:
        wanted, self._book.buckets_to_read = self._book.buckets_to_read, {}
        buckets = [each for each in wanted.values() if not each.is_loaded]
        if not buckets:
            return False
        try:
            kept = await repository.kept(self._store.reader(), [each.key for each in buckets])
        except DatabaseUnavailable:
            # A rate protects the API: while nobody can say what has passed elsewhere, it begins anew.
            kept = {}
            self._book.is_keeping = False
            _ANEW.inc(sum(not each.is_loaded for each in buckets))
        steady, wall = time.monotonic_ns(), time.time_ns()
        for bucket in buckets:
            found = kept.get(bucket.key)
            if found is not None:
                bucket.restore(found.rate, found.whole_at_ns - wall + steady, steady)
            bucket.is_loaded = True
        return True

    async def _keep(self) -> bool:
        wanted, self._book.buckets_to_keep = self._book.buckets_to_keep, {}
        buckets = [each for each in wanted.values() if each.wants_keeping]
        for part in _parts(buckets):
            try:
                async with self._keeping:
                    await self._keep_some([each for each in part if each.wants_keeping])
            except BaseException:
                for each in buckets:
                    self._book.buckets_to_keep.setdefault(each.key, each)
                self._awaken()
                raise
            self._book.is_keeping = True
            self._try_again()
        return bool(buckets)

    async def _keep_some(self, buckets: Sequence[Bucket]) -> None:
        rates = [each.rate for each in buckets]
        planned = [each.ahead() for each in buckets]
        shift = time.time_ns() - time.monotonic_ns()
        rows = [
            repository.KeptRate(each.key, rate, -(-ahead // rate.requests) + shift)
            for each, rate, ahead in zip(buckets, rates, planned, strict=True)
        ]
        await self._write(partial(repository.keep, allowances=rows))
        for each, rate, ahead in zip(buckets, rates, planned, strict=True):
            each.was_kept(rate, ahead)

    async def _reserve(self) -> bool:
        lots, self._book.lots_to_reserve = self._book.lots_to_reserve, {}
        needed = [(counter, quota) for counter, quota in lots.values() if counter.needs_lot(quota)]
        for part in _parts(needed):
            async with self._writing:
                await self._reserve_some(part)
            self._try_again()
        return bool(needed)

    async def _reserve_some(self, lots: Sequence[tuple[Counter, Quota]]) -> None:
        wanted = [repository.wanted(counter, quota) for counter, quota in lots]
        self._reserving = {counter.id: counter for counter, _ in lots}
        self._left.clear()
        try:
            got = await self._write(partial(repository.reserve, lots=wanted))
        finally:
            self._reserving = {}
        lost = []
        for each, (counter, quota) in zip(wanted, lots, strict=True):
            if counter.id in self._left:
                lost.append((each.key, got[each.key].calls, 0))
            elif counter.key == each.key:
                counter.grant(got[each.key].calls, got[each.key].altogether, quota)
        if lost:
            await self._write(partial(repository.give_back, counts=lost))

    async def _write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Write together what is written together; where somebody else has begun the same, look again."""
        for _ in range(_TRIES):
            with contextlib.suppress(DuplicateKey):
                return await self._store.transact(_BY, work)
        raise DatabaseUnavailable

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
        for part in _parts(untold):
            counts = [(each.key, each.used) for each in part]
            async with self._writing:
                await self._write(partial(repository.tell_used, counts=counts))
            for each, (key, used) in zip(part, counts, strict=True):
                each.is_told = (each.key, each.used) == (key, used)
        used_up, book.used_up = book.used_up, {}
        if self.after_telling is not None:
            await self.after_telling([*untold, *(counter for counter, _ in used_up.values())])
        limits = {counter.key: quota.calls for counter, quota in used_up.values()}
        left = await repository.left_over(self._store.reader(), limits) if limits else set()
        again = [(counter, quota) for counter, quota in used_up.values() if counter.key in left]
        for some in _parts(again):
            async with self._writing:
                await self._reserve_some(some)

    async def release(self, keys: Iterable[str], *, is_standing_in: bool = False) -> None:
        """Leave allowances to their next owner: exact to the call, with nothing reserved.

        An owner that was stood in for keeps its rates itself, and was told what passed.
        """
        keys, book = set(keys), self._book
        self._left |= keys & self._reserving.keys()
        buckets = [book.buckets[key] for key in keys if key in book.buckets and book.buckets[key].is_loaded]
        counters = [book.counters[key] for key in keys if key in book.counters and book.counters[key].is_loaded]
        counts = [(each.key, each.free, each.used) for each in counters]
        steady = time.monotonic_ns()
        shift = time.time_ns() - steady
        rows = [
            repository.KeptRate(each.key, each.rate, -(-each.whole_at // each.rate.requests) + shift)
            for each in buckets
            if not is_standing_in and not each.is_whole(steady)
        ]
        for counter in counters:
            counter.forget()
        for bucket in buckets:
            bucket.forget()
        # What is being written of them comes first: it would undo this.
        async with self._keeping:
            for some in _parts(rows):
                await self._write(partial(repository.keep, allowances=some))
        async with self._writing:
            for part in _parts(counts):
                await self._write(partial(repository.give_back, counts=part))


def _go_on_without(bucket: Bucket) -> None:
    """Let a rate go on in memory whose allowance could not be read, or not be kept, in time."""
    if not bucket.is_loaded:
        bucket.is_loaded = True
        _ANEW.inc()
    elif bucket.whole_at > bucket.waits_above:
        bucket.unkeep()
        _UNKEPT.inc()


def _parts(many: Sequence[T]) -> Iterable[Sequence[T]]:
    return (many[begin : begin + _AT_ONCE] for begin in range(0, len(many), _AT_ONCE))
