"""The worker that removes the files whose time is over."""

from chassis.mongo import Store
from chassis.repeating import Repeating
from chassis.telemetry import log
from services.identity.files.actions import remove_lapsed

_PAUSE_SECONDS = 60.0
_log = log("identity.files")


class Keeper(Repeating):
    """Looks once a minute; what it does not get to, it removes the next time."""

    def __init__(self, store: Store) -> None:
        super().__init__("identity.files", every_seconds=_PAUSE_SECONDS)
        self._store = store

    async def look(self) -> None:
        """Remove what has lapsed."""
        removed = await remove_lapsed(self._store)
        if removed:
            _log.info("files that hung on nothing were removed", files=removed)
