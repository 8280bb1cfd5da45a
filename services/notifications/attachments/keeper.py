"""The worker that removes the attachments whose time is over."""

from chassis.mongo import Store
from chassis.repeating import Repeating
from chassis.telemetry import log
from services.notifications.attachments.actions import remove_lapsed

_PAUSE_SECONDS = 60.0
_log = log("notifications.attachments")


class Keeper(Repeating):
    """Looks once a minute; what it does not get to, it removes the next time."""

    def __init__(self, store: Store) -> None:
        super().__init__("notifications.attachments", every_seconds=_PAUSE_SECONDS)
        self._store = store

    async def look(self) -> None:
        """Remove what has lapsed."""
        removed = await remove_lapsed(self._store)
        if removed:
            _log.info("attachments that hung on nothing were removed", files=removed)
