"""The worker that signs the audit trail again and again."""

from chassis.repeating import Repeating
from services.audit.checkpoints.actions import Notary


class Checkpointing(Repeating):
    """Looks every so many seconds whether a checkpoint is due. Any number of processes may run one: each is made once."""

    def __init__(self, notary: Notary, *, every_seconds: float) -> None:
        super().__init__("audit.checkpoints", every_seconds=every_seconds)
        self._notary = notary

    async def look(self) -> None:
        """Make the checkpoint that is due, if one is."""
        await self._notary.cover_what_is_due()
