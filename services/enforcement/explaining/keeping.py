"""Which refusals can be explained later: a few of each application and second, kept in batches.

The chain is told at the moment of the refusal, from memory, and written down within the second. An application that is refused
a thousand times in a second is refused so for the same few reasons; so of each application only some are kept, and all together
have a bound. The answer to the call says whether its refusal is kept.
"""

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from prometheus_client import Counter as Metric

from chassis.mongo import Store
from chassis.repeating import Repeating
from chassis.tasks import bounded
from services.enforcement.checks.domain import Decided
from services.enforcement.explaining import repository
from services.enforcement.explaining.domain import Explanation, caller_of, explanation_of
from services.enforcement.state.world import World

_NANOSECONDS = 1_000_000_000
_MOST_WAITING = 1000
_BATCH = 200
_LOOK_SECONDS = 0.25
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{7,127}")
_NOT_KEPT = Metric("portico_refusals_not_kept_total", "Refused calls that cannot be explained later, because there were many.")


class Allowance:
    """How many refusals are kept within a span of time: of one application, and altogether."""

    def __init__(self, seconds: int, most_of_one: int, most: int) -> None:
        self._span_ns = seconds * _NANOSECONDS
        self._most_of_one = most_of_one
        self._most = most
        self._number = -1
        self._of_one: dict[str, int] = {}
        self._altogether = 0

    def has_room(self, holder: str, now_ns: int) -> bool:
        """Say whether one more may be kept."""
        number = now_ns // self._span_ns
        if number != self._number:
            self._number, self._altogether = number, 0
            self._of_one.clear()
        return self._of_one.get(holder, 0) < self._most_of_one and self._altogether < self._most

    def take(self, holder: str) -> None:
        """Count one that is kept."""
        self._of_one[holder] = self._of_one.get(holder, 0) + 1
        self._altogether += 1


class Keeping(Repeating):
    """Keeps refusals: told of each at once, it writes them down in the background."""

    def __init__(self, store: Store, world: World, epoch: Callable[[], int]) -> None:
        super().__init__("enforcement.refusals", every_seconds=_LOOK_SECONDS)
        self._store = store
        self._world = world
        self._epoch = epoch
        self._waiting: deque[Explanation] = deque()
        self._writing = asyncio.Lock()
        self._allowances = (Allowance(1, 3, 50), Allowance(60, 10, 200))

    def take(self, refused: Decided) -> bool:
        """Take a refusal that was just given, if it is one of those to be kept; say whether it is."""
        if not self._has_room(refused):
            _NOT_KEPT.inc()
            return False
        self._waiting.append(replace(explanation_of(self._world, refused), epoch=self._epoch()))
        return True

    def _has_room(self, refused: Decided) -> bool:
        if _ID.fullmatch(refused.request_id) is None or len(self._waiting) >= _MOST_WAITING:
            return False
        application = caller_of(self._world, refused)
        # Calls of nobody share one place: they cannot take that of others.
        holder = "" if application is None else application.id
        if not all(each.has_room(holder, refused.now.steady_ns) for each in self._allowances):
            return False
        for each in self._allowances:
            each.take(holder)
        return True

    def waiting(self, request_id: str) -> Explanation | None:
        """Return a refusal that is not written down yet."""
        return next((each for each in self._waiting if each.request_id == request_id), None)

    async def look(self) -> None:
        """Write down what waits; what cannot be written goes on waiting, as far as there is room."""
        async with self._writing:
            while self._waiting:
                batch = [self._waiting[number] for number in range(min(len(self._waiting), _BATCH))]
                await repository.add(self._store.reader(), batch)
                for _ in batch:
                    self._waiting.popleft()

    async def close(self) -> None:
        """Stop, and write down what waits, within bounds."""
        await super().close()
        with contextlib.suppress(Exception):
            await bounded(self.look(), 3)
