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
from graphql_gateway.clients.answers import INTERNAL, UNAVAILABLE, ask
from graphql_gateway.engine.failures import Failure

RIGHTS_CHANGED = (
    "identity.member_joined.v1",
    "identity.member_removed.v1",
    "identity.role_changed.v1",
    "identity.organization_created.v1",
    "identity.session_ended.v1",
)
_WHOSE = {"identity.organization_created.v1": "owner_id"}
_MOST_KEPT = 20_000


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
        self._listener: Listener | None = None

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
        heard = messages.read(message.body)
        user_id = heard.data.get(_WHOSE.get(heard.key, "user_id"))
        self.forget_user(user_id if isinstance(user_id, str) else None)

    async def start(self, bus: Bus) -> None:
        """Listen to what identity announces."""
        self._listener = await bus.listen(RIGHTS_CHANGED, self.hear)

    async def close(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            await self._listener.close()
