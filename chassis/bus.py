"""The message bus as services see it, and the rules that hold on every bus.

Two buses keep this promise: `chassis.rabbit` (many processes) and `chassis.local` (one process). One test suite runs on both.

* A message whose ``publish`` returned is not lost: it reaches every declared queue whose pattern matches, at least once.
* A handler that returns has dealt with the message. A refusal is permanent: the message becomes a dead letter at once, with
  the refusal's code. Everything else is transient: the message comes again after a pause, and after the last pause it
  becomes a dead letter with the code ``RETRIES_EXHAUSTED``.
* A message that is handed out again and again without any answer (the process died each time) becomes a dead letter too.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from chassis.errors import NotFound, NotHeardOf, Refusal, TooMany, Unavailable
from chassis.tasks import end_task

BACKOFF_SECONDS = (0.2, 1.0, 5.0, 30.0, 120.0)
"""The pauses before the second, third, … try; one more failure after the last makes a dead letter."""

DELIVERY_LIMIT = 20
"""How often a message may come again after no answer at all (its process died) before it becomes a dead letter."""

RETRIES_EXHAUSTED = "RETRIES_EXHAUSTED"
DEAD_LETTERS_SHOWN = 1_000
LISTENER_BACKLOG = 10_000
REASON_CHARACTERS = 500

T = TypeVar("T")

_TRY_AGAIN = (Unavailable, TooMany, NotHeardOf)  # these refusals say themselves that a later try may succeed
_log = logging.getLogger(__name__)


class BusUnavailable(Unavailable):
    """The message bus does not answer; try again shortly."""


class NoSuchDeadLetter(NotFound):
    """There is no such dead letter in this queue."""


class NoSuchQueue(NotFound):
    """The bus has no such queue."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: ``id`` is the same on every delivery, ``attempt`` counts the tries from 1."""

    id: str
    key: str
    body: bytes
    attempt: int = 1


Handle = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a service does about messages whose key matches one of ``keys``; ``queue`` is its durable name."""

    queue: str
    keys: tuple[str, ...]
    handle: Handle
    prefetch: int = 50


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up: with which code, for what reason, and when."""

    message: Message
    code: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages wait in a queue, and how many of its dead letters are kept."""

    waiting: int
    dead: int


class Listener:
    """A transient broadcast to this process alone: best effort, in order, nothing kept for a listener that is away."""

    def __init__(
        self,
        keys: Sequence[str],
        handle: Handle,
        on_close: Callable[["Listener"], Awaitable[None]],
    ) -> None:
        self.keys = tuple(keys)
        self._handle = handle
        self._on_close = on_close
        self._has_begun = False
        self.gaps = 0
        """How often something may have been missed: the connection was made anew, or the handler was hopelessly behind."""
        self._waiting: asyncio.Queue[Message] = asyncio.Queue(LISTENER_BACKLOG)
        self._worker = in_fresh_context(self._work())

    def offer(self, message: Message) -> None:
        """Hand over a message; it is dropped where the handler is hopelessly behind."""
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:
            self.gaps += 1
            _log.warning("a listener to %s is %d messages behind: one is dropped", self.keys, LISTENER_BACKLOG)

    def renewed(self) -> None:
        """Note that from now on it listens over another connection than before; what came in between it has missed."""
        if self._has_begun:
            self.gaps += 1
        self._has_begun = True

    async def close(self) -> None:
        """Stop listening."""
        await self._on_close(self)
        await end_task(self._worker)

    def stop(self) -> None:
        """Hand out nothing more."""
        self._worker.cancel()

    async def _work(self) -> None:
        while True:
            message = await self._waiting.get()
            try:
                await in_fresh_context(_awaited(self._handle(message)))
            except asyncio.CancelledError:
                if is_asked_to_stop():
                    raise
            except Exception:  # noqa: BLE001 - one failure must not end the listening
                _log.exception("a listener to %s failed on message %s", self.keys, message.id)


class Bus(Protocol):
    """Carries messages from those who announce to the queues of those who react."""

    @property
    def is_connected(self) -> bool:
        """Whether a publish could succeed now."""
        ...

    async def start(self) -> None:
        """Connect; raises `BusUnavailable` where that does not succeed in time."""
        ...

    async def close(self) -> None:
        """Stop consuming, let handlers end, disconnect; takes a bounded time. What was not answered comes again."""
        ...

    async def declare(self, reactions: Sequence[Reaction]) -> None:
        """Make the reactions' queues exist, so that they keep messages from now on. Patterns are added, never removed."""
        ...

    async def publish(self, messages: Sequence[Message]) -> list[bool]:
        """Publish, and return once the bus answers for them: for each, whether any queue or listener gets it.

        Raises `BusUnavailable`, after a bounded time, where the bus does not answer; any of the messages may then have been
        delivered all the same, so publish them again: those who react deduplicate by id.
        """
        ...

    async def react(self, reaction: Reaction) -> None:
        """Begin to hand the messages of the reaction's queue to its handler."""
        ...

    async def listen(self, keys: Sequence[str], handle: Handle) -> Listener:
        """Hear, from now on and while connected, every message whose key matches."""
        ...

    async def put(self, queue: str, messages: Sequence[Message]) -> None:
        """Put messages into one queue alone, past all patterns, and return once the bus answers for them.

        Raises `NoSuchQueue` where it is not declared, and `BusUnavailable` as ``publish`` does.
        """
        ...

    async def counts(self, queue: str) -> Counts:
        """Return how much there is in a queue. Raises `NoSuchQueue`."""
        ...

    async def dead_letters(self, queue: str, most: int = DEAD_LETTERS_SHOWN) -> list[DeadLetter]:
        """Return the dead letters of a queue, oldest first (at most ``most``)."""
        ...

    async def replay_dead(self, queue: str, id: str) -> None:  # noqa: A002 - it is the message's id
        """Put a dead letter back into its queue, as a first attempt."""
        ...

    async def discard_dead(self, queue: str, id: str) -> None:  # noqa: A002 - it is the message's id
        """Remove a dead letter for good."""
        ...


@dataclass(frozen=True, slots=True)
class Done:
    """The message is dealt with."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The message shall come again after a pause."""

    after_seconds: float


@dataclass(frozen=True, slots=True)
class Bury:
    """The message becomes a dead letter."""

    code: str
    reason: str


Verdict = Done | Retry | Bury


async def try_once(reaction: Reaction, message: Message, backoff_seconds: Sequence[float]) -> Verdict:
    """Run a reaction's handler on a message and say what becomes of the message."""
    if not any(matches(pattern, message.key) for pattern in reaction.keys):
        return Done()  # bound by an earlier release whose reaction wanted this key
    try:
        await reaction.handle(message)
    except asyncio.CancelledError as stray:
        if is_asked_to_stop():
            raise
        failure: BaseException = stray  # a lost connection somewhere below: nobody cancelled this task
    except Exception as failed:  # noqa: BLE001 - whatever fails decides the message's way, nothing else
        failure = failed
    else:
        return Done()
    if isinstance(failure, Refusal) and not isinstance(failure, _TRY_AGAIN):
        return Bury(failure.code, _printable(failure.message))
    reason = _printable(f"{type(failure).__name__}: {failure}")
    if message.attempt > len(backoff_seconds):
        return Bury(RETRIES_EXHAUSTED, reason)
    _log.warning("%s failed on message %s, attempt %d: %s", reaction.queue, message.id, message.attempt, reason)
    return Retry(backoff_seconds[message.attempt - 1])


def is_asked_to_stop() -> bool:
    """Tell a real cancellation of the running task from a `CancelledError` that a lost connection left behind."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def in_fresh_context(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Run work as a task that sees no context variable of whoever started it, nor leaks one back."""
    return asyncio.create_task(work, context=Context())


@lru_cache(maxsize=10_000)
def matches(pattern: str, key: str) -> bool:
    """Say whether a key matches a topic pattern: ``*`` stands for one word, ``#`` for any number of words, none included."""
    return _words_match(pattern.split("."), key.split("."))


def _words_match(pattern: list[str], words: list[str]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "#":
        return any(_words_match(pattern[1:], words[skipped:]) for skipped in range(len(words) + 1))
    return bool(words) and pattern[0] in {"*", words[0]} and _words_match(pattern[1:], words[1:])


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:REASON_CHARACTERS]


async def _awaited(handling: Awaitable[None]) -> None:
    await handling
