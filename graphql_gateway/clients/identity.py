"""Sessions: a session token becomes a passport, which is kept for a moment and dropped when identity says that rights changed."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from chassis import messages
from chassis.bus import Bus, Listener, Message
from chassis.calls import Call, Caller
from chassis.clock import Clock
from chassis.errors import Unauthenticated, Unavailable
from chassis.principal import RIGHTS_CHANGED, SESSION_ENDED
from chassis.tasks import end_task
from graphql_gateway.clients.answers import INTERNAL, UNAVAILABLE, ask
from graphql_gateway.engine.failures import Failure

RIGHTS_FACTS = (RIGHTS_CHANGED, SESSION_ENDED)
_MOST_KEPT = 20_000
_FETCH_AGAIN_SECONDS = 1.0


class SessionEnded(Unauthenticated):
    """The session has ended; sign in again."""


class PassportNotIssued(Unavailable):
    """Sessions cannot be checked at the moment; try again shortly."""


@dataclass(frozen=True, slots=True)
class Passport:
    """A passport as the gateway passes it on, and until when it may be used."""

    text: str
    user_id: str
    usable_until: datetime


class Sessions:
    """Turns session tokens into passports."""

    def __init__(self, caller: Caller, clock: Clock, kept_seconds: float = 10.0) -> None:
        self._caller = caller
        self._clock = clock
        self._kept_for = timedelta(seconds=kept_seconds)
        self._kept: OrderedDict[str, Passport] = OrderedDict()
        self._issuing: dict[str, asyncio.Task[Passport]] = {}
        self._epoch = 0
        self._visitor: tuple[str, datetime] | None = None
        self._listener: Listener | None = None
        self._asking_for_visitor = asyncio.Lock()
        self._fetching: asyncio.Task[None] | None = None

    async def passport(self, token: str) -> Passport:
        """Return a passport for a session. Raises ``SessionEnded`` or ``PassportNotIssued``."""
        found = self._kept.get(token)
        if found is not None and found.usable_until > self._clock.now():
            return found
        issuing = self._issuing.get(token)
        if issuing is None:
            issuing = self._issuing[token] = asyncio.create_task(self._issue(token, self._epoch))
            issuing.add_done_callback(lambda done: self._issued(token, done))
        return await asyncio.shield(issuing)

    async def visitor(self) -> str:
        """Return the passport of whoever has no session. Raises ``PassportNotIssued``."""
        if self._visitor is not None and (self._visitor[1] > self._clock.now() or self._asking_for_visitor.locked()):
            return self._visitor[0]
        async with self._asking_for_visitor:
            return await self._visitor_passport()

    async def _visitor_passport(self) -> str:
        if self._visitor is None or self._visitor[1] <= self._clock.now():
            answer = await ask(self._caller, Call("identity", "/do/issue_visitor_passport", b"{}"))
            if isinstance(answer, Failure):
                if self._visitor is None:
                    raise PassportNotIssued
                return self._visitor[0]
            result: dict[str, Any] = answer["result"]
            moment = self._clock.now()
            # Renewed at half of its life, so that visitors are served while identity is away.
            renew_at = moment + (datetime.fromisoformat(result["expires_at"]) - moment) / 2
            self._visitor = (result["passport"], renew_at)
        return self._visitor[0]

    async def _fetch_visitor(self) -> None:
        """Have a visitor's passport before the first visitor comes, so that they are served though identity may be away then."""
        while self._visitor is None:
            try:
                await self.visitor()
            except PassportNotIssued:
                await asyncio.sleep(_FETCH_AGAIN_SECONDS)

    def forget_visitor(self) -> None:
        """Drop the visitor's passport: the keys may have changed."""
        self._visitor = None

    def _issued(self, token: str, done: asyncio.Task[Passport]) -> None:
        if self._issuing.get(token) is done:
            del self._issuing[token]
        if not done.cancelled():
            done.exception()  # those who wait are told; a failure that nobody waits for any more is not news

    async def _issue(self, token: str, epoch: int) -> Passport:
        call = Call("identity", "/do/issue_passport", orjson.dumps({"token": token}))
        answer = await ask(self._caller, call)
        if isinstance(answer, Failure):
            if answer.code in {UNAVAILABLE, INTERNAL}:
                raise PassportNotIssued
            raise SessionEnded
        result: dict[str, Any] = answer["result"]
        expires_at = datetime.fromisoformat(result["expires_at"])
        passport = Passport(result["passport"], result["user_id"], min(expires_at, self._clock.now() + self._kept_for))
        if epoch == self._epoch:  # rights may have changed while it was issued
            self._kept[token] = passport
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return passport

    def forget(self, token: str) -> None:
        """Drop a session's passport: the next one shows fresh rights."""
        self._epoch += 1
        self._kept.pop(token, None)
        self._issuing.pop(token, None)

    def forget_user(self, user_id: str | None) -> None:
        """Drop a user's passports, or everybody's where it is not known whose."""
        self._epoch += 1
        self._issuing.clear()
        if user_id is None:
            self._kept.clear()
        else:
            for token in [token for token, passport in self._kept.items() if passport.user_id == user_id]:
                del self._kept[token]

    async def hear(self, message: Message) -> None:
        """Drop the passports that a fact of identity makes stale."""
        user_id = messages.read(message.body).data.get("user_id")
        self.forget_user(user_id if isinstance(user_id, str) else None)

    async def start(self, bus: Bus) -> None:
        """Listen to what identity announces."""
        self._listener = await bus.listen(RIGHTS_FACTS, self.hear)
        self._fetching = asyncio.create_task(self._fetch_visitor(), name="gateway.visitor")

    async def close(self) -> None:
        """Stop listening."""
        if self._fetching is not None:
            await end_task(self._fetching)
        if self._listener is not None:
            await self._listener.close()
