"""The worker that does what time makes due. Any number of processes may run one: each thing is done once."""

from collections.abc import Awaitable, Callable, Sequence

from chassis.mongo import DatabaseUnavailable, Store, Transaction
from chassis.principal import system
from chassis.repeating import Repeating
from chassis.telemetry import log

Due = Callable[[Transaction], Awaitable[int]]
"""Does some of what is due at ``tx.now`` and returns how many things that were; it is called until none is left."""

_log = log("recertification.timekeeper")


class Timekeeper(Repeating):
    """Looks every so many seconds for what has become due with campaigns."""

    def __init__(self, store: Store, due: Sequence[Due], *, every_seconds: float) -> None:
        super().__init__("recertification.timekeeper", every_seconds=every_seconds)
        self._store = store
        self._due = tuple(due)

    async def look(self) -> None:
        """Do everything that is due now; what cannot be done holds up nothing else."""
        for each in self._due:
            try:
                while await self._store.transact(system("recertification.timekeeper"), each):
                    pass
            except DatabaseUnavailable:
                # It does not answer, or somebody else does the same just now; what is left is due at the next look.
                _log.warning("what is due waits", due=getattr(each, "__name__", "?"))
            except Exception:  # noqa: BLE001 - whatever happened to one thing, the others are still due
                _log.exception("something that is due could not be done; trying again", due=getattr(each, "__name__", "?"))
