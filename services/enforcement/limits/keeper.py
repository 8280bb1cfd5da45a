"""How counts against quotas are shared and kept."""

import asyncio
import contextlib

from chassis.mongo import Store
from chassis.tasks import bounded, end_task
from chassis.telemetry import log
from services.enforcement.limits import repository
from services.enforcement.limits.quotas import Counter

_ROUNDS_IN_USE = 60  # how many saves long a count that nobody here adds to is still looked at
_log = log("enforcement.quotas")


class QuotaKeeper:
    """Saves what was counted against quotas about every second, and takes over what other instances have counted.

    Between two saves each instance knows its own calls exactly and the others' as of a second ago: a quota shared by several
    instances can be overrun by what they let pass within that second. A killed instance forgets at most its last second.
    """

    def __init__(self, store: Store, counters: dict[str, Counter]) -> None:
        self._store = store
        self._counters = counters
        self._task: asyncio.Task[None] | None = None
        self._rounds: dict[str, int] = {}

    async def start(self) -> None:
        """Begin to save in the background."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="enforcement.quotas")

    async def close(self) -> None:
        """Save once more and stop."""
        if self._task is not None:
            await end_task(self._task)
        with contextlib.suppress(Exception):
            await bounded(self.save(), 3)

    async def _run(self) -> None:
        while True:
            try:
                await self.save()
            except Exception as error:  # noqa: BLE001 - whatever it is, the counts stay in memory and the next save takes them
                _log.warning("quota counts cannot be saved; trying again", reason=str(error))
            await asyncio.sleep(1.0)

    async def save(self) -> None:
        """Add what is not saved yet to the kept counts, and take over the sums of those that are new or lately in use."""
        reader = self._store.reader()
        for subscription_id, counter in list(self._counters.items()):
            self._rounds.setdefault(subscription_id, _ROUNDS_IN_USE)
            taken = counter.unsaved
            if not taken:
                continue
            self._rounds[subscription_id] = _ROUNDS_IN_USE
            count = repository.Count(subscription_id, counter.period, counter.began_at, counter.ends_at_ns, taken)
            await repository.add_calls(reader, count)
            if counter.began_at == count.began_at:
                counter.saved, counter.unsaved = counter.saved + taken, counter.unsaved - taken
        self._rounds.update({key: rounds - 1 for key, rounds in self._rounds.items() if rounds > 0})
        in_use = [key for key, rounds in self._rounds.items() if rounds > 0]
        if in_use:
            self._take_over(await repository.counts(reader, in_use))

    def _take_over(self, counts: dict[tuple[str, str, str], int]) -> None:
        for (subscription_id, period, began_at), calls in counts.items():
            counter = self._counters.get(subscription_id)
            if counter is not None and (counter.period, counter.began_at) == (period, began_at):
                counter.saved = calls
