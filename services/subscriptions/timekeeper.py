"""The worker that does what time makes due. Any number of processes may run one: each thing happens once."""

from collections.abc import Awaitable, Callable, Sequence

from chassis.mongo import Store, Transaction
from chassis.principal import system
from chassis.repeating import Repeating

_POLL_SECONDS = 1.0

Due = Callable[[Transaction], Awaitable[int]]
"""Does some of what is due, and returns how many there were."""


class Timekeeper(Repeating):
    """Looks every second for what is due: each noun says for itself what that is."""

    def __init__(self, store: Store, dues: Sequence[Due]) -> None:
        super().__init__("subscriptions.timekeeper", every_seconds=_POLL_SECONDS)
        self._store = store
        self._dues = dues

    async def look(self) -> None:
        """Do everything that is due now, each in a transaction of its own; what fails of one noun does not hinder the others."""
        failures: list[Exception] = []
        for due in self._dues:
            try:
                while await self._store.transact(system("subscriptions.timekeeper"), due, patience_seconds=0):
                    pass
            except Exception as error:  # noqa: BLE001 - raised below, after the others
                failures.append(error)
        if failures:
            raise failures[0]
