"""The worker that does what time makes due with client secrets. Any number of processes may run one: each change happens once."""

from functools import partial

from chassis.mongo import Store
from chassis.principal import system
from chassis.repeating import Repeating
from services.identity.applications import access as applications
from services.identity.secrets import actions
from services.identity.secrets.actions import SecretOffice

_POLL_SECONDS = 1.0


class Timekeeper(Repeating):
    """Looks every second for secrets that have ended, fallen silent or come near their end."""

    def __init__(self, store: Store, office: SecretOffice) -> None:
        super().__init__("identity.secrets", every_seconds=_POLL_SECONDS)
        self._store = store
        self._office = office

    async def look(self) -> None:
        """Do everything that is due now. What is due while nobody looks is not valid in the meantime all the same."""
        while await self.look_once():
            pass

    async def look_once(self) -> int:
        """Do some of what is due now, each application in a transaction of its own; return how many there were."""
        due = await applications.due_ids(self._store.reader())
        for application_id in due:
            keep_time = partial(actions.keep_time, application_id=application_id, office=self._office)
            await self._store.transact(system("identity.secrets"), keep_time)
        return len(due)
