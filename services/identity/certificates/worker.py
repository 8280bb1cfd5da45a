"""The worker that looks whose certificate ends soon."""

from chassis.mongo import Store
from chassis.repeating import Repeating
from services.identity.certificates.actions import remind_due

_POLL_SECONDS = 1.0


class Reminder(Repeating):
    """Announces in the background that certificates end soon, by the store's clock."""

    def __init__(self, store: Store, poll_seconds: float = _POLL_SECONDS) -> None:
        super().__init__("identity.certificates", every_seconds=poll_seconds)
        self._store = store

    async def look(self) -> None:
        """Remind of what is due."""
        await remind_due(self._store)
