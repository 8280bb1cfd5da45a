"""The worker that announces, once at start, what is not announced as it is."""

from chassis.mongo import Store
from chassis.principal import system
from chassis.repeating import Repeating
from services.identity.announcing import actions
from services.identity.mail.actions import AddressBook

_AGAIN_SECONDS = 60.0


class Announcer(Repeating):
    """Looks at start, and again now and then for what could not be announced then."""

    def __init__(self, store: Store, book: AddressBook) -> None:
        super().__init__("identity.announcing", every_seconds=_AGAIN_SECONDS)
        self._store = store
        self._book = book

    async def look(self) -> None:
        """Announce what is not announced as it is."""
        await self._store.transact(system("identity.announcing"), actions.announce_roles)
        await actions.announce_people(self._store, self._book)
