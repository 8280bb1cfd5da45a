"""The worker that closes requests that were solved long enough ago. Any number of processes may run one."""

from chassis.mongo import Store
from chassis.principal import system
from chassis.repeating import Repeating
from services.notifications.support.actions import close_solved

_PAUSE_SECONDS = 60.0


class SupportTimekeeper(Repeating):
    """Looks once a minute."""

    def __init__(self, store: Store) -> None:
        super().__init__("notifications.support", every_seconds=_PAUSE_SECONDS)
        self._store = store

    async def look(self) -> None:
        """Close what was solved 14 days ago."""
        while await self._store.transact(system("notifications.support"), close_solved):
            pass
