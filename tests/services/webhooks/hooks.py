"""The stage of webhooks: notifications with its sender at work, and somebody who administers an organization."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from chassis.bus import Message
from chassis.clock import SystemClock
from services.notifications.webhooks.sender import Sender
from tests.services.stage import Answered, Person, Stage, envelope
from tests.services.webhooks.receiver import Receiver

OWN = "org_own"
PATIENCE_SECONDS = 60.0
_numbers = itertools.count(1)


class MovingClock:
    """The machine's clock, and a way to move it on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead


def fact(
    key: str = "identity.application_created.v1",
    *,
    subject: str = "",
    sequence: int = 1,
    audience: str = OWN,
    organization: str = OWN,
    data: Mapping[str, Any] | None = None,
) -> Message:
    """Return an announcement of something that happened to an organization."""
    about = subject or f"app_{next(_numbers)}"
    return envelope(key, about, sequence, {"application_id": about, **(data or {})}, audience=audience, organization=organization)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - it is what is looked at
            await asyncio.sleep(0.01)


@dataclass
class Hooks:
    """Notifications on its stage, with a clock that can be moved."""

    stage: Stage
    clock: MovingClock
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def owner(self) -> Person:
        return self.stage.member(OWN, "OWNER")

    @property
    def sender(self) -> Sender:
        return next(each for each in self.stage.service.workers if isinstance(each, Sender))

    async def create(self, url: str, *event_types: str, organization_id: str = OWN) -> str:
        """Make a webhook and return its id; its secret is kept in ``secrets``."""
        owner = self.stage.member(organization_id, "OWNER")
        wanted = {"organization_id": organization_id, "url": url, "event_types": list(event_types) or ["*"]}
        made = (await owner.do("create_webhook", **wanted)).result
        webhook_id = str(made["webhook"]["id"])
        self.secrets[webhook_id] = made["secret"]
        return webhook_id

    async def do(self, verb: str, webhook_id: str, **more: Any) -> Answered:
        return await self.owner.do(verb, webhook_id=webhook_id, **more)

    async def webhook(self, webhook_id: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = (await self.owner.load("webhooks_by_id", [webhook_id])).rows[0]
        return found

    async def deliveries(self, webhook_id: str, status: str | None = None) -> list[dict[str, Any]]:
        """Return the log of a webhook, the oldest first."""
        args = {"first": 100, **({"status": status} if status else {})}
        found: list[dict[str, Any]] = (await self.owner.load("deliveries_by_webhook", [webhook_id], **args)).rows[0]["nodes"]
        return found[::-1]

    async def hear(self, *facts: Message) -> None:
        """Let the reactions of webhooks deal with announcements; what others remember of them is not looked at here."""
        for message in facts:
            for reaction in self.stage.service.wired_reactions():
                if "webhooks" in reaction.queue and message.key in reaction.keys:
                    await reaction.handle(message)

    async def announced(self, fact_name: str) -> list[dict[str, Any]]:
        """Return what was announced of this kind, in order."""
        return [each for each in await self.stage.announced() if each["type"].endswith(f".{fact_name}.v1")]

    async def hear_own(self) -> None:
        """Let the service hear what it has announced itself."""
        for each in await self.stage.announced():
            await self.hear(Message(each["id"], each["type"].removeprefix("portico."), orjson.dumps(each)))

    async def settled(self, webhook_id: str, status: str, count: int) -> list[dict[str, Any]]:
        """Wait until so many deliveries stand so."""
        return await self._log(webhook_id, lambda log: len(log) >= count, status)

    async def tried(self, webhook_id: str, attempts: int) -> list[dict[str, Any]]:
        """Wait until the log shows so many attempts in all, and return it."""
        return await self._log(webhook_id, lambda log: sum(len(each["attempts"]) for each in log) >= attempts)

    async def _log(
        self, webhook_id: str, is_enough: Callable[[list[dict[str, Any]]], bool], status: str | None = None
    ) -> list[dict[str, Any]]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                if is_enough(found := await self.deliveries(webhook_id, status)):
                    return found
                await asyncio.sleep(0.05)

    async def next_attempt(self, receiver: Receiver) -> None:
        """Move the clock beyond every pause, and wait until the receiver is asked again.

        What came of the last attempt is noted before: otherwise its pause would begin at the moment that the clock is moved to.
        """
        await until(lambda: not self.sender._working)
        before = len(receiver.got)
        self.clock.ahead += timedelta(hours=1, minutes=20)
        await until(lambda: len(receiver.got) > before)
