"""The relay: publishes what transactions have put into the outbox, with confirms, and marks it sent.

Rows stay after they were sent (for replaying) for as many days as the store keeps them. A crash between the confirm and the mark
publishes a row twice with the same id: at least once, which is why every reaction has an inbox.
"""

import asyncio
import socket
from collections.abc import Iterable
from datetime import timedelta

from chassis.bus import Bus, BusUnavailable, Message
from chassis.leases import Lease
from chassis.mongo import Index, Store
from chassis.tasks import end_task
from chassis.telemetry import RELAYED, log

BATCH = 200
_POLL_SECONDS = 1.0
_LEASE_SECONDS = 10.0

INDEXES = (
    Index("outbox", (("sent_at", 1), ("_id", 1))),
    Index("outbox", (("subject", 1), ("_id", 1))),
    Index("outbox", (("time", 1), ("_id", 1))),
    Index("outbox", (("expires_at", 1),), expire_after_seconds=0),
    Index("leases", (("until", 1),)),
    Index("sequences", (("n", 1),)),
)


class Relay:
    """Publishes one service's outbox in the order of its rows; one place at a time holds the lease."""

    def __init__(self, service: str, store: Store, bus: Bus, *, place: str | None = None) -> None:
        self._service = service
        self._store = store
        self._bus = bus
        # The place, not the process: the successor of a killed process goes on at once instead of waiting for the lease to lapse.
        self._lease = Lease(store, "relay", place or socket.gethostname(), seconds=_LEASE_SECONDS)
        self._log = log(f"{service}.relay")
        self._task: asyncio.Task[None] | None = None
        self._unheard: set[str] = set()

    async def start(self) -> None:
        """Begin to relay in the background."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"{self._service}.relay")

    async def close(self) -> None:
        """Stop; what is not sent yet stays in the outbox."""
        if self._task is not None:
            await end_task(self._task)
            self._task = None
        if await self._store.ping():
            await self._lease.release()

    @property
    def is_running(self) -> bool:
        """Say whether the background task lives."""
        return self._task is not None and not self._task.done()

    async def _run(self) -> None:
        pause = _POLL_SECONDS
        while True:
            await self._wait(pause)
            try:
                pause = _POLL_SECONDS
                while await self._lease.hold() and await self.relay_batch():
                    pass
            except BusUnavailable as error:
                self._log.warning("the bus does not answer; the outbox waits", reason=str(error))
                pause = 0.5
            except asyncio.CancelledError:
                # A lost broker connection can surface as a cancellation that nobody asked for.
                running = asyncio.current_task()
                if running is None or running.cancelling():
                    raise
                self._log.warning("the bus connection was lost; the outbox waits")
            except Exception:  # noqa: BLE001 - whatever it was, the outbox still has to be relayed
                self._log.exception("relaying failed; trying again")

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):  # not wait_for, which can lose a cancellation in Python 3.11
                await self._store.committed.wait()
        except TimeoutError:
            return
        self._store.committed.clear()

    async def relay_batch(self) -> bool:
        """Publish the oldest unsent rows and mark them; say whether there may be more."""
        outbox = self._store.reader().collection("outbox")
        rows = await outbox.find({"sent_at": None}, sort=[("_id", 1)], limit=BATCH)
        if not rows:
            return False
        batch = [Message(id=row["_id"], key=row["key"], body=bytes(row["body"])) for row in rows]
        routed = await self._bus.publish(batch)
        now = self._store.clock.now()
        expires_at = now + timedelta(days=self._store.outbox_days)
        heard = [message.id for message, is_routed in zip(batch, routed, strict=True) if is_routed]
        unheard = [message.id for message, is_routed in zip(batch, routed, strict=True) if not is_routed]
        for ids, is_routed in ((heard, True), (unheard, False)):
            if ids:
                sent = {"sent_at": now, "expires_at": expires_at, "is_routed": is_routed}
                await outbox.update_many({"_id": {"$in": ids}}, {"$set": sent})
                RELAYED.labels(self._service, "routed" if is_routed else "unroutable").inc(len(ids))
        self._tell_of_unheard(message.key for message, is_routed in zip(batch, routed, strict=True) if not is_routed)
        return len(rows) == BATCH

    def _tell_of_unheard(self, keys: Iterable[str]) -> None:
        """Say of a kind of event that nobody hears it: once, for whoever reads the log learns nothing from the second time."""
        for key in sorted(set(keys) - self._unheard):
            self._unheard.add(key)
            self._log.info("announced to nobody: no reaction is bound to it", key=key)
