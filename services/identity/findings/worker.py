"""The worker that lets the signatures of files be examined."""

from chassis.mongo import Store
from chassis.repeating import Repeating
from services.identity.findings.actions import ExaminingOffice, examine_due

_PAUSE_SECONDS = 5.0


class Examiner(Repeating):
    """Looks at once when a file waits, and every few seconds for what others have left."""

    def __init__(self, store: Store, office: ExaminingOffice) -> None:
        super().__init__("identity.findings", every_seconds=_PAUSE_SECONDS, wanted=office.has_waiting)
        self._store = store
        self._office = office

    async def look(self) -> None:
        """Examine what waits."""
        await examine_due(self._store, self._office.judge)
