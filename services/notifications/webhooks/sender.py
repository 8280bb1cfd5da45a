"""The worker that sends what waits, each webhook on a lane of its own: a slow one holds up no other.

A lane belongs to one process at a time, so the order within a subject is kept and an endpoint gets only so much at once, however
many processes there are. Nothing is taken out of the log before it was taken by the endpoint: whoever dies while sending leaves
everything where the next one finds it, and an endpoint may get an event twice, under the same id.
"""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from chassis.ids import new_id
from chassis.mongo import DatabaseUnavailable, Store
from chassis.principal import system
from chassis.repeating import Repeating
from chassis.tasks import end_task
from chassis.telemetry import log as log_of
from services.notifications.webhooks import lanes, log, repository
from services.notifications.webhooks.actions import Desk
from services.notifications.webhooks.deliveries import Attempt, Delivery, Lane, Outcome, in_order
from services.notifications.webhooks.domain import Webhook
from services.notifications.webhooks.postage import post
from services.notifications.webhooks.signing import signed_headers
from services.notifications.webhooks.telling import note_failure, note_success

_BATCH = 100
_CLOSE_SECONDS = 3.0
_HOLD = timedelta(seconds=10)  # whose process has died is free after this
_KEEP_EVERY_SECONDS = 3.0
_WHO = system("notifications.webhooks")
_log = log_of("notifications.webhooks")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much sending may take: seconds for one try, tries at once for one endpoint and in all, seconds between looks."""

    seconds: float
    at_once: int
    at_once_in_all: int
    every_seconds: float = 1.0


class Sender(Repeating):
    """Finds for which webhooks something is due, and lets each one's lane work."""

    def __init__(self, store: Store, desk: Desk, bounds: Bounds) -> None:
        super().__init__("notifications.webhooks", every_seconds=bounds.every_seconds, wanted=desk.wanted)
        self._store = store
        self._desk = desk
        self._bounds = bounds
        self._holder = new_id("snd")
        self._in_all = asyncio.Semaphore(bounds.at_once_in_all)
        self._working: dict[str, asyncio.Task[None]] = {}
        self._closing = asyncio.Event()

    async def look(self) -> None:
        """Begin to work on every lane on which something is due."""
        reader = self._store.reader()
        due = [each for each in await log.find_webhooks_with_due(reader) if each not in self._working]
        if not due:
            return
        known = await lanes.find(reader, due)
        for webhook_id in due:
            lane = known.get(webhook_id)
            if lane is not None and not lane.rests_at(reader.now) and webhook_id not in self._working:
                task = asyncio.get_running_loop().create_task(self._work(webhook_id), name=f"webhook {webhook_id}")
                self._working[webhook_id] = task
                task.add_done_callback(partial(self._forget, webhook_id))
        await log.forget(reader, [each for each in due if each not in known])

    async def close(self) -> None:
        """Stop; tries that have begun may end, within a bound."""
        await super().close()
        self._closing.set()
        working = list(self._working.values())
        if working:
            await asyncio.wait(working, timeout=_CLOSE_SECONDS)
        await asyncio.gather(*(end_task(task) for task in working))

    def _forget(self, webhook_id: str, _ended: "asyncio.Task[None]") -> None:
        self._working.pop(webhook_id, None)

    async def _work(self, webhook_id: str) -> None:
        has_sent = False
        keeping = asyncio.get_running_loop().create_task(self._keep(webhook_id), name=f"keeping webhook {webhook_id}")
        try:
            while not self._closing.is_set() and await self._send_some(webhook_id):
                has_sent = True
        except DatabaseUnavailable:
            _log.warning("the database does not answer; what is to be sent waits", webhook_id=webhook_id)
        except Exception:  # noqa: BLE001 - whatever happened on one lane, it is tried again
            _log.exception("a lane failed; trying again", webhook_id=webhook_id)
        finally:
            await end_task(keeping)
            with suppress(DatabaseUnavailable):
                await lanes.leave(self._store.reader(), webhook_id, self._holder)
        if has_sent:
            self._desk.wanted.set()  # something may have come after the last look

    async def _keep(self, webhook_id: str) -> None:
        """Keep a lane for as long as it works; where another process has it since, the next batch finds that out."""
        while True:
            await asyncio.sleep(_KEEP_EVERY_SECONDS)
            with suppress(DatabaseUnavailable):
                await lanes.take(self._store.reader(), webhook_id, self._holder, _HOLD)

    async def _send_some(self, webhook_id: str) -> bool:
        """Send the next few on a lane; say whether there may be more to do now."""
        reader = self._store.reader()
        lane = await lanes.take(reader, webhook_id, self._holder, _HOLD)
        if lane is None or lane.rests_at(reader.now):
            return False
        webhook = (await repository.find(reader, [webhook_id])).get(webhook_id)
        if webhook is None:
            await log.forget(reader, [webhook_id])
            return False
        if not webhook.is_enabled:
            # It was disabled between an announcement and its delivery.
            await self._store.transact(_WHO, lambda tx: log.give_up(tx, webhook_id, self._desk.kept_for, overdue_only=False))
            return False
        batch = await log.find_due(reader, webhook_id, _BATCH)
        if not batch:
            return False
        if lane.failures:
            batch = in_order(batch)[0][:1]  # an endpoint that has failed is tried with one event
        paces = _Paces(self._bounds, self._in_all, self._closing)
        return await _Sending(self._store, self._desk, paces, webhook=webhook, lane=lane).run(batch)


@dataclass(frozen=True, slots=True)
class _Paces:
    """What all lanes of this process share."""

    bounds: Bounds
    in_all: asyncio.Semaphore
    closing: asyncio.Event


class _Sending:
    """Sending one batch to one endpoint."""

    def __init__(self, store: Store, desk: Desk, paces: _Paces, *, webhook: Webhook, lane: Lane) -> None:
        self._store = store
        self._desk = desk
        self._paces = paces
        self._webhook = webhook
        self._lane: Lane | None = lane
        self._at_once = asyncio.Semaphore(paces.bounds.at_once)
        self._noting = asyncio.Lock()
        self._is_stopped = False

    async def run(self, batch: list[Delivery]) -> bool:
        """Send it, subject by subject side by side; say whether the lane may go on."""
        async with asyncio.TaskGroup() as group:
            for of_subject in in_order(batch):
                group.create_task(self._send_one_by_one(of_subject))
        return not self._is_stopped

    async def _send_one_by_one(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            async with self._at_once, self._paces.in_all:
                webhook = await self._as_it_is_now()
                if webhook is None:
                    return
                outcome = await self._try(webhook, delivery)
            if not outcome.is_success:
                await self._note_failure(delivery, outcome)
                return
            await self._note_success(delivery, outcome)

    async def _as_it_is_now(self) -> Webhook | None:
        """Return the webhook, or None where nothing more is sent; a batch may take minutes, and a change counts at once."""
        if self._is_stopped or self._paces.closing.is_set():
            return None
        webhook = (await repository.find(self._store.reader(), [self._webhook.id])).get(self._webhook.id)
        if webhook is None or not webhook.is_enabled:
            self._is_stopped = True
            return None
        return webhook

    async def _try(self, webhook: Webhook, delivery: Delivery) -> Outcome:
        now = self._store.clock.now()
        secrets = [self._desk.seal.open(each.sealed, webhook.id) for each in webhook.secrets_at(now)]
        headers = signed_headers(secrets, delivery.event_id, now, delivery.body)
        return await post(self._desk.door, webhook.url, headers, delivery.body, seconds=self._paces.bounds.seconds)

    async def _note_success(self, delivery: Delivery, outcome: Outcome) -> None:
        reader = self._store.reader()
        await log.note_delivered(reader, delivery.id, Attempt(reader.now, outcome), self._desk.kept_for)
        async with self._noting:
            if self._lane is not None and self._lane.needs_success_noted:
                self._lane = await self._store.transact(_WHO, lambda tx: note_success(tx, self._webhook, delivery.event_id))

    async def _note_failure(self, delivery: Delivery, outcome: Outcome) -> None:
        async with self._noting:
            # A second refusal of one event says nothing new of the endpoint; nor do tries that ran side by side.
            is_news = not self._is_stopped and (outcome.says_of_endpoint or not delivery.tries)
            share = random.random()  # noqa: S311 - jitter, not a secret
            self._lane = await self._store.transact(
                _WHO, lambda tx: note_failure(tx, self._desk, delivery, outcome, is_news=is_news, share=share)
            )
            if self._lane is None or self._lane.rests_at(self._store.clock.now()):
                self._is_stopped = True
