"""What notes, once, from when on the answers are known: the queue is there, so nothing is missed any more."""

from chassis.mongo import DuplicateKey, Store
from chassis.principal import system
from services.audit.holdings import actions


class Beginning:
    """Notes at the first start that announcements are heard from now on."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def start(self) -> None:
        """Note it, unless an earlier start or another process has."""
        try:
            await self._store.transact(system("audit.holdings"), actions.begin)
        except DuplicateKey:
            return

    async def close(self) -> None:
        """Nothing goes on."""
