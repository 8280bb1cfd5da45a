"""Limits are shared by all instances: each allowance has one owner among them, and whoever checks a call asks the owner.

What this instance owns itself is counted at once. An owner that cannot be asked is stood in for by the next one in order, which
tells it afterwards what passed: what passes twice in the meantime is missing later.
"""

import asyncio
import contextlib
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from chassis.mongo import Store
from chassis.tasks import bounded, end_task
from chassis.telemetry import log
from services.enforcement.limits import members, wire
from services.enforcement.limits.book import Book
from services.enforcement.limits.claims import Claim, Later, Now
from services.enforcement.limits.counting import NOT_COUNTED, PASSED, Allowance, Counted, Granted, Moment, count
from services.enforcement.limits.door import Door
from services.enforcement.limits.keeper import Keeper
from services.enforcement.limits.members import Member, Ring
from services.enforcement.limits.peers import Peer

_RENEW_SECONDS = 1.0
_CHARGE_SECONDS = 0.05
_GREETED_SECONDS = 0.5
_STANDS_IN_NS = 1_000_000_000
_MOST_TERMS = 50_000
_log = log("enforcement.limits.sharing")

Answer = Callable[[Counted], None]
Understood = tuple[Allowance, tuple[Granted, ...]]


class Sharing:
    """Counts what this instance owns, asks the others about the rest, and answers what they ask."""

    def __init__(
        self, store: Store, book: Book, instance_id: str, *, host: str = "127.0.0.1", port: int = 0, address: str = ""
    ) -> None:
        self.id = instance_id
        self.ring = Ring(self.id)
        self.keeper = Keeper(store, book)
        self.door = Door(self, host, port)
        self.peers: dict[str, Peer] = {}
        self._store = store
        self._book = book
        self._host = host
        self._address = address
        self._terms: dict[bytes, Understood] = {}
        self._debts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._stood_in: set[str] = set()
        self._gone: set[str] = set()
        self._charging: asyncio.TimerHandle | None = None
        self._look_again = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False

    async def start(self) -> None:
        """Open the door, be a member, and know the others before the first call is counted."""
        self._is_closing = False
        self._gone.clear()
        await self.keeper.start()
        await self.door.start()
        await self._renew()
        await self._look()
        await asyncio.gather(*(peer.until_greeted(_GREETED_SECONDS) for peer in self.peers.values()))
        self._task = asyncio.get_running_loop().create_task(self._run(), name="enforcement.limits.sharing")

    async def close(self) -> None:
        """Leave everything to its next owner, then go."""
        self._is_closing = True
        if self._task is not None:
            await end_task(self._task)
        self._charge()
        await self.keeper.close()
        with contextlib.suppress(Exception):
            await bounded(members.leave(self._store.reader(), self.id), 2)
        for peer in self.peers.values():
            peer.say_goodbye()
        await asyncio.gather(*(peer.close() for peer in self.peers.values()))
        await self.door.close()

    def take(self, claim: Claim, granted: Sequence[Granted], now: Moment) -> Counted | Later:
        """Count one call, here or where it is owned."""
        allowance = claim.allowance
        if self.ring.is_alone or self.ring.owner(allowance.place) == self.id:
            counted = count(allowance, granted, now, self._book)
            if counted is not None:
                return counted
            later = Later()
            self.keeper.wait(lambda: count(allowance, granted, _now(), self._book), later.know)
            return later
        errand = Errand(self, allowance, granted, claim.terms(granted))
        errand.go_on()
        return errand.later

    def here(self, allowance: Allowance, granted: Sequence[Granted], answer: Answer) -> bool:
        """Count one call here, for whomever, and say whether it is answered; where another one owns it, tell it so."""
        owner = self.ring.owner(allowance.place)

        def counted(outcome: Counted) -> None:
            if owner != self.id:
                self._stood_in.add(allowance.place)
                if outcome.outcome == PASSED:
                    self._owe(owner, allowance.bucket.key)
            answer(outcome)

        return self.keeper.wait(lambda: count(allowance, granted, _now(), self._book), counted)

    def asked(self, terms: bytes, answer: Answer) -> bool:
        """Count one call that another instance checks, and say whether it is answered. Raises ``FrameNotReadable``."""
        if self._is_closing:
            answer(NOT_COUNTED)
            return True
        allowance, granted = self._understood(terms)
        return self.here(allowance, granted, answer)

    def refunded(self, terms: bytes) -> None:
        """Take back from the rate a call that passed here and, since the answer was late, elsewhere. Raises ``FrameNotReadable``.

        A quota takes nothing back: what it has counted once is never given out again.
        """
        bucket = self._understood(terms)[0].bucket
        if bucket.is_loaded:
            bucket.charge(-1, time.monotonic_ns())

    def _understood(self, terms: bytes) -> Understood:
        known = self._terms.get(terms)
        if known is None or not self._book.is_current(known[0]):
            known = self._known(wire.read_terms(terms))
            if len(self._terms) >= _MOST_TERMS:
                self._terms.clear()
            self._terms[terms] = known
        return known

    def _known(self, terms: wire.Terms) -> Understood:
        now = _now()
        allowance = self._book.allowance(terms.key, terms.place, terms.latest, now)
        return allowance, tuple(self._book.granted(each, terms.place, quota, now) for each, quota in terms.permits)

    def charged(self, key: str, calls: int) -> None:
        """Take over calls that passed elsewhere."""
        bucket = self._book.buckets.get(key)
        if bucket is not None and bucket.is_loaded:
            bucket.charge(calls, time.monotonic_ns())
            self._book.wants_keeping(bucket)

    def _owe(self, owner: str, key: str) -> None:
        self._debts[owner][key] += 1
        if self._charging is None:
            self._charging = asyncio.get_running_loop().call_later(_CHARGE_SECONDS, self._charge)

    def _charge(self) -> None:
        """Tell the owners what passed here in their stead; those that cannot be told now are told when they can."""
        if self._charging is not None:
            self._charging.cancel()
            self._charging = None
        for owner, debts in list(self._debts.items()):
            peer = self.peers.get(owner)
            if peer is None or peer.is_usable:
                del self._debts[owner]
                for key, calls in debts.items():
                    if peer is not None:
                        peer.charge(key, calls)
        if self._debts:
            self._charging = asyncio.get_running_loop().call_later(_CHARGE_SECONDS, self._charge)

    def came(self, instance_id: str) -> None:
        """Hear of an instance that has just named itself: if it is a new one, look who it is."""
        if instance_id not in self.peers:
            self._look_again.set()

    def went(self, instance_id: str) -> None:
        """Hear of an instance that is going."""
        self._gone.add(instance_id)
        self.ring.become({each for each in self.ring.ids if each != instance_id})
        self._look_again.set()

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await bounded(self._look_again.wait(), _RENEW_SECONDS)
            self._look_again.clear()
            try:
                await self._renew()
                await self._look()
                await self._stand_back()
            except Exception as error:  # noqa: BLE001 - the members that are known stay, and a later look may succeed
                _log.warning("the instances cannot be read; those that are known stay", reason=str(error))

    async def _renew(self) -> None:
        host = self._host if self._host not in ("", "0.0.0.0", "::") else socket.gethostname()  # noqa: S104 - listened on, told otherwise
        address = self._address or f"{host}:{self.door.port}"
        await members.renew(self._store.reader(), Member(self.id, address, self.door.secret))

    async def _look(self) -> None:
        """Know the members that there are now, and leave to the new ones what is theirs."""
        found = {each.id: each for each in await members.members(self._store.reader()) if each.id not in self._gone}
        found.pop(self.id, None)
        for gone in [each for each in self.peers if each not in found]:
            self._debts.pop(gone, None)
            await self.peers.pop(gone).close()
        for each in found.values():
            if each.id not in self.peers:
                self.peers[each.id] = peer = Peer(each, self.id)
                peer.start()
        former = self.ring.ids
        if self.ring.become(set(found)) and set(self.ring.ids) - set(former):
            await self.keeper.release(await self._others(self._loaded()))

    def _loaded(self) -> list[str]:
        buckets, counters = self._book.buckets, self._book.counters
        return [key for key, each in buckets.items() if each.is_loaded] + [
            key for key, each in counters.items() if each.is_loaded
        ]

    async def _others(self, keys: list[str]) -> list[str]:
        """Return those of these keys that another instance owns."""
        theirs = []
        for number, key in enumerate(keys):
            if number % 500 == 499:
                await asyncio.sleep(0)
            if self.ring.owner(self._book.places[key]) != self.id:
                theirs.append(key)
        return theirs

    async def _stand_back(self) -> None:
        """Leave to their owners what was counted in their stead, once nobody asks for it here any more."""
        if not self._stood_in:
            return
        now, book = time.monotonic_ns(), self._book
        theirs = [key for key in self._loaded() if book.places[key] in self._stood_in]
        busy = {book.places[key] for key in theirs if key in book.buckets and now - book.buckets[key].used_ns <= _STANDS_IN_NS}
        self._stood_in &= busy
        await self.keeper.release(await self._others([key for key in theirs if book.places[key] not in busy]))


class Errand:
    """One call on its way to whoever counts it: each member in order is tried once, this instance too."""

    __slots__ = ("_allowance", "_at", "_granted", "_order", "_sharing", "_terms", "later")

    def __init__(self, sharing: Sharing, allowance: Allowance, granted: Sequence[Granted], terms: bytes) -> None:
        self.later = Later()
        self._sharing = sharing
        self._allowance = allowance
        self._granted = granted
        self._terms = terms
        self._order = sharing.ring.order(allowance.place)
        self._at = 0

    def go_on(self) -> None:
        """Try the next one."""
        sharing = self._sharing
        while self._at < len(self._order):
            member = self._order[self._at]
            self._at += 1
            if member == sharing.id:
                sharing.here(self._allowance, self._granted, self.later.know)
                return
            peer = sharing.peers.get(member)
            if peer is not None and peer.is_usable:
                peer.ask(self._terms, self._hear)
                return
        self.later.know(NOT_COUNTED)

    def _hear(self, counted: Counted | None) -> None:
        if counted is None:
            self.go_on()
        else:
            self.later.know(counted)


def _now() -> Now:
    return Now(time.monotonic_ns(), time.time_ns())
