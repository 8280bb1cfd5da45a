"""Calls as the data plane reports them, handed to identity's reactions one batch at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chassis.messages import to_timestamp
from tests.services.identity.world import World
from tests.services.stage import envelope

KEY = "enforcement.calls_recorded.v1"


def record(at: datetime, secret_id: str | None, rejection: str | None = None, **more: Any) -> dict[str, Any]:
    """One call as it is announced; what identity does not read is there, too."""
    seen = {"id": "5c3e5c0e", "status": 401 if rejection else 200, "application_id": "app_1", "duration_ms": 3.4}
    return {**seen, "at": int(at.timestamp() * 1000), "secret_id": secret_id, "rejection": rejection, **more}


class DataPlane:
    """One data plane's log: its batches are numbered from 1."""

    def __init__(self, world: World, source: str = "plane") -> None:
        self.world = world
        self.source = source
        self.batch = 0

    def wrap(self, batch: int, records: Sequence[Any], read_through: datetime | None) -> Any:
        """Return the announcement of one batch."""
        through = None if read_through is None else int(read_through.timestamp() * 1000)
        told = {"source": self.source, "batch": batch, "records": list(records), "records_total": 0, "calls_total": 0}
        time = to_timestamp(self.world.clock.now())
        return envelope(KEY, self.source, batch, {**told, "read_through": through}, time=time)

    async def hand(self, message: Any) -> None:
        """Let identity's reaction deal with an announcement."""
        [reaction] = [each for each in self.world.service.wired_reactions() if KEY in each.keys]
        await reaction.handle(message)

    async def report(self, *records: dict[str, Any], read_through: datetime | None = None) -> Any:
        """Report calls (or none), read through until now unless something else is said."""
        self.batch += 1
        message = self.wrap(self.batch, records, read_through or self.world.clock.now())
        await self.hand(message)
        return message
