"""The worker that makes planned reports, one after the other."""

from chassis.mongo import Store
from chassis.repeating import Repeating
from services.recertification.report import actions
from services.recertification.report.apart import Press


class Printer(Repeating):
    """Looks every so many seconds for reports that are to be made."""

    def __init__(self, store: Store, press: Press, *, every_seconds: float) -> None:
        super().__init__("recertification.report", every_seconds=every_seconds)
        self._store = store
        self._press = press

    async def look(self) -> None:
        """Make every report that is due."""
        while await actions.make_one(self._store, self._press):
            pass
