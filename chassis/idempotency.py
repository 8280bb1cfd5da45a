"""Doing what is asked under an idempotency key at most once, and answering it the same whenever it is asked again.

A marker is written in the first transaction that a handler opens, so it commits or rolls back together with the effect: what was
done is remembered, what was refused is not. The answer is kept with the marker afterwards, sealed with a key that is derived from
the asker's own one; of that the database has a digest only. So whoever reads the database learns no answer, and whoever does not
know the key of somebody never meets what they did under it.
"""

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, TypeVar

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chassis.errors import Conflict, Invalid, TooMany
from chassis.mongo import Document, DuplicateKey, Index, Store, Transaction
from chassis.telemetry import log

T = TypeVar("T")
Work = Callable[[Transaction], Awaitable[T]]

HEADER = "portico-idempotency-key"
REPLAYED_HEADER = "idempotency-replayed"
KEPT_SECONDS = 24 * 3600
WAIT_SECONDS = 5.0
LONGEST_RUN = timedelta(seconds=60)
LARGEST_ANSWER_BYTES = 256 * 1024
MOST_KEYS_AN_HOUR = 3600
MOST_BYTES_AN_HOUR = 16 * 1024 * 1024
NOT_THE_ASKERS = frozenset({"network_address", "user_agent"})
"""What the gateway adds of whence a request came: it may differ when the same is asked again."""

_MARKERS = "idempotency_markers"
_HOURS = "idempotency_hours"
_HOUR_SECONDS = 3600
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.25
_NONCE_BYTES = 12
INDEXES = (
    Index(_MARKERS, (("done_at", 1),), expire_after_seconds=KEPT_SECONDS),
    Index(_HOURS, (("began_at", 1),), expire_after_seconds=2 * _HOUR_SECONDS),
)
_log = log("idempotency")


class IdempotencyKeyReused(Invalid):
    """This idempotency key was used for the same mutation with another input: take a new key for what is another request."""


class IdempotencyInProgress(Conflict):
    """What was asked under this idempotency key is being done; ask again shortly, with the same key."""


class DoneAlready(Conflict):
    """This was done, but its answer is not kept: look at what it was to change before you ask anything again under a new key."""


class TooManyIdempotencyKeys(TooMany):
    """Too many mutations were asked under idempotency keys within an hour; ask this one again later, with the same key."""


class DoneBefore(Exception):  # noqa: N818 - named as the fact that it reports
    """Another run has committed what is asked here; this run's transaction is rolled back."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered: the bytes, and the status that they came under."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that is asked under a key. ``seal`` is known to nobody but the asker and, while it is asked, to this process."""

    id: bytes
    owner: bytes
    fingerprint: bytes
    seal: bytes

    def sealed(self, answered: Answered) -> bytes:
        """Return an answer as it is kept."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = answered.status.to_bytes(2, "big") + answered.body
        return nonce + AESGCM(self.seal).encrypt(nonce, plain, self.id + self.fingerprint)

    def opened(self, kept: bytes) -> Answered:
        """Return a kept answer. Raises ``InvalidTag`` for what was not sealed for this wish."""
        plain = AESGCM(self.seal).decrypt(kept[:_NONCE_BYTES], kept[_NONCE_BYTES:], self.id + self.fingerprint)
        return Answered(int.from_bytes(plain[:2], "big"), plain[2:])


def wish_of(key: str, owner: str, verb: str, body: Mapping[str, Any]) -> Wish:
    """Return what is asked: the same for the same key, person, verb and input."""
    secret = key.encode("utf-8", "surrogateescape")
    identifier = _digest(b"marker", owner.encode(), verb.encode(), secret)
    derived = HKDF(SHA256(), 64, salt=identifier, info=b"portico idempotency").derive(secret)
    asked = {name: value for name, value in body.items() if name not in NOT_THE_ASKERS}
    # Keyed, because an input may hold a password: a plain digest could be tried against.
    fingerprint = hmac.digest(derived[32:], orjson.dumps(asked, option=orjson.OPT_SORT_KEYS), "sha256")
    return Wish(identifier, _digest(b"owner", owner.encode()), fingerprint, derived[:32])


def _digest(*parts: bytes) -> bytes:
    made = sha256()
    for part in parts:
        made.update(len(part).to_bytes(8, "big") + part)
    return made.digest()


class Attempt:
    """One run of a handler under a key: its first transaction leaves the marker."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self.id = secrets.token_hex(8)
        self.is_done = False

    def marking(self, work: Work[T]) -> Work[T]:
        """Return work that leaves the marker too, where none of this run has committed yet."""
        if self.is_done:
            return work

        async def marked(tx: Transaction) -> T:
            row = {"_id": self._wish.id, "attempt": self.id, "fingerprint": self._wish.fingerprint, "done_at": tx.now}
            try:
                await tx.collection(_MARKERS).insert_one(row)
            except DuplicateKey as error:
                raise DoneBefore from error
            tx.after_commit(self._note)
            return await work(tx)

        return marked

    def _note(self) -> None:
        self.is_done = True


Run = Callable[[Attempt], Awaitable[Answered]]


class Ledger:
    """What was done under keys in one service's database. ``wait_seconds`` is how long a second asker waits for the first."""

    def __init__(self, store: Store, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._store = store
        self._wait_seconds = wait_seconds
        self._running: dict[bytes, asyncio.Task[tuple[Answered, bool]]] = {}

    async def answer(self, wish: Wish, run: Run) -> tuple[Answered, bool]:
        """Return the answer, and whether it is a kept one; run only what was not done yet.

        Raises what the run raises, ``IdempotencyKeyReused``, ``IdempotencyInProgress``, ``DoneAlready`` or
        ``TooManyIdempotencyKeys``.
        """
        give_up_at = self._loop_time() + self._wait_seconds
        while (other := self._running.get(wish.id)) is not None:
            await asyncio.wait({other}, timeout=max(0.0, give_up_at - self._loop_time()))
            if not other.done():
                raise _in_progress()
        # Whoever asks may go away; what has begun is finished nevertheless, and its answer kept for when they come back.
        task = asyncio.get_running_loop().create_task(self._once(wish, run))
        self._running[wish.id] = task
        task.add_done_callback(lambda ended: self._end(wish.id, ended))
        await asyncio.wait({task})
        return task.result()

    def _loop_time(self) -> float:
        return asyncio.get_running_loop().time()

    def _end(self, identifier: bytes, ended: "asyncio.Task[tuple[Answered, bool]]") -> None:
        del self._running[identifier]
        if not ended.cancelled():
            ended.exception()  # where nobody waits for the outcome any more, it is no fault of the loop

    async def _once(self, wish: Wish, run: Run) -> tuple[Answered, bool]:
        marker = await self._find(wish)
        if marker is None:
            bytes_kept = await self._count(wish)
            attempt = Attempt(wish)
            try:
                answered = await run(attempt)
            except DoneBefore:
                marker = await self._find(wish)
            except Exception:
                if attempt.is_done:
                    await self._keep(wish, attempt, None)
                raise
            else:
                if attempt.is_done:
                    await self._keep(wish, attempt, answered if bytes_kept < MOST_BYTES_AN_HOUR else None)
                return answered, False
        return await self._kept_answer(wish, marker), True

    async def _find(self, wish: Wish) -> Document | None:
        return await self._store.reader().collection(_MARKERS).find_one({"_id": wish.id})

    async def _count(self, wish: Wish) -> int:
        """Count one more key of this person, and return how many bytes of theirs are kept in this hour."""
        now = self._store.clock.now()
        seconds = int(now.timestamp())
        hours, this_hour = self._store.reader().collection(_HOURS), {"_id": _hour(wish, seconds)}
        hour = await hours.find_one_and_update(this_hour, {"$inc": {"keys": 1}})
        if hour is None:
            with suppress(DuplicateKey):  # where two begin the hour at the same moment, one of them is not counted
                await hours.insert_one({**this_hour, "keys": 1, "bytes": 0, "began_at": now})
            return 0
        if hour["keys"] > MOST_KEYS_AN_HOUR:
            raise TooManyIdempotencyKeys(retry_after_seconds=_HOUR_SECONDS - seconds % _HOUR_SECONDS)
        return int(hour["bytes"])

    async def _keep(self, wish: Wish, attempt: Attempt, answered: Answered | None) -> None:
        """Keep the answer with the marker, or that there is none: what was done stays done either way."""
        reader = self._store.reader()
        change: Document = {"is_lost": True}
        if answered is not None and len(answered.body) <= LARGEST_ANSWER_BYTES:
            change = {"answer": wish.sealed(answered)}
        try:
            await reader.collection(_MARKERS).update_one({"_id": wish.id, "attempt": attempt.id}, {"$set": change})
            if "answer" in change:
                counted = {"$inc": {"bytes": len(change["answer"])}}
                await reader.collection(_HOURS).update_one({"_id": _hour(wish, int(reader.now.timestamp()))}, counted)
        except Exception:  # noqa: BLE001 - it is done, and whoever asks is to be told so
            _log.exception("the answer to a mutation under a key could not be kept")

    async def _kept_answer(self, wish: Wish, marker: Document | None) -> Answered:
        give_up_at, pause = self._loop_time() + self._wait_seconds, _FIRST_PAUSE_SECONDS
        while marker is not None:
            if not hmac.compare_digest(marker["fingerprint"], wish.fingerprint):
                raise IdempotencyKeyReused
            if "answer" in marker:
                return _opened(wish, marker)
            if marker.get("is_lost") or self._store.clock.now() - marker["done_at"] > LONGEST_RUN:
                raise _done_already(marker)
            if self._loop_time() >= give_up_at:
                break
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
            marker = await self._find(wish)
        raise _in_progress()


def _hour(wish: Wish, seconds: int) -> bytes:
    return _digest(b"hour", wish.owner, str(seconds // _HOUR_SECONDS).encode())


def _opened(wish: Wish, marker: Document) -> Answered:
    try:
        return wish.opened(marker["answer"])
    except InvalidTag as error:
        _log.warning("a kept answer cannot be opened")
        raise _done_already(marker) from error


def _in_progress() -> IdempotencyInProgress:
    return IdempotencyInProgress(retry_after_seconds=5)


def _done_already(marker: Document) -> DoneAlready:
    return DoneAlready(f"This was done at {marker['done_at']:%Y-%m-%dT%H:%M:%SZ}, but its answer is not kept: {_LOOK}")


_LOOK = "look at what it was to change before you ask anything again under a new key."
