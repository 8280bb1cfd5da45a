"""The gate before every proof: how often it may be tried, softly, so that nobody is ever locked out by somebody else.

A try is counted before it is made, for an address whether anybody has it or not. What is refused at the network is not counted
for the account; so a stranger at one place cannot fill an account's count alone. And where the account's count is full, a network
from which its owner has signed in within thirty days still passes: a stranger elsewhere cannot keep the owner out.
"""

import asyncio
from dataclasses import dataclass, field

from chassis.ids import new_id
from chassis.mongo import Reader
from services.identity import throttles
from services.identity.keys import Pepper
from services.identity.signing_in import repository
from services.identity.signing_in.domain import FAILURES, REMEMBERED_FOR, Alarm, Limits


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who tries, as far as it is known: the compared form of the address, and the network (where the gateway tells it)."""

    email_key: str
    network: str | None

    @property
    def pair(self) -> str:
        """Return what the tries for this account from this network are counted under."""
        return f"{self.email_key}|{self.network}"


def visitor(email_key: str, network_address: str | None) -> Visitor:
    """Return who tries."""
    return Visitor(email_key, throttles.network_of(network_address))


@dataclass(frozen=True, slots=True)
class Gate:
    """Counts tries and remembers networks; ``has_alarm`` wakes the one who announces failures."""

    pepper: Pepper
    has_alarm: asyncio.Event = field(default_factory=asyncio.Event)

    async def admit(self, reader: Reader, limits: Limits, who: Visitor) -> None:
        """Count a try, before it is made. Raises ``TriedTooOften``."""
        if who.network is not None:
            await throttles.count_try(reader, limits.network, who.network)
            await throttles.count_try(reader, limits.pair, who.pair)
        counted = await throttles.count(reader, limits.account, who.email_key)
        if counted.is_over and not await self._is_known(reader, who):
            raise counted.refusal(reader.now)

    async def note_success(self, reader: Reader, limits: Limits, who: Visitor) -> None:
        """Begin to count anew for the account, from this network and from all; for the network it was no guess."""
        await throttles.forget_tries(reader, limits.account, who.email_key)
        if who.network is not None:
            await throttles.forget_tries(reader, limits.pair, who.pair)
            await throttles.forgive_try(reader, limits.network, who.network)

    async def remember(self, reader: Reader, who: Visitor, user_id: str) -> None:
        """Keep that the account was signed in to from this network."""
        if who.network is not None:
            await repository.remember(reader, self._fingerprint(who), user_id, reader.now + REMEMBERED_FOR)

    async def note_failure(self, reader: Reader, who: Visitor, user_id: str | None) -> None:
        """Count a try that failed. The same is written whether anybody has the address or not."""
        counted = await throttles.count(reader, FAILURES, who.email_key)
        if counted.tries == FAILURES.tries:
            window_seconds = int(FAILURES.window.total_seconds())
            await repository.add_alarm(reader, Alarm(new_id("alm"), user_id, counted.tries, window_seconds))
            self.has_alarm.set()

    async def _is_known(self, reader: Reader, who: Visitor) -> bool:
        return who.network is not None and await repository.is_known(reader, self._fingerprint(who))

    def _fingerprint(self, who: Visitor) -> str:
        return self.pepper.hash(who.pair)
