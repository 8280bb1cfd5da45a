"""What a check has to do with limits: it claims a call, and hears at once or a little later what came of it."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from services.enforcement.limits import wire
from services.enforcement.limits.book import Book, Latest
from services.enforcement.limits.counting import NOT_COUNTED, Allowance, Counted, Granted, Moment, count


class Now(NamedTuple):
    """The moment of a decision: on a clock that never goes back, and on the wall."""

    steady_ns: int
    wall_ns: int


def now_is() -> Now:
    """Return this moment."""
    return Now(time.monotonic_ns(), time.time_ns())


class Claim:
    """The right to call a product, as far as limits are concerned: it lasts as long as the terms do."""

    __slots__ = ("_plain", "_sent", "allowance", "latest")

    def __init__(self, allowance: Allowance, latest: Latest) -> None:
        self.allowance = allowance
        self.latest = latest
        self._plain: bytes | None = None
        """What is sent where no permission is needed, as is usual."""
        self._sent: dict[tuple[str, ...], bytes] | None = None

    def terms(self, granted: Sequence[Granted]) -> bytes:
        """Return the terms as they are sent to whoever counts."""
        if not granted:
            if self._plain is None:
                self._plain = self._told(granted)
            return self._plain
        if self._sent is None:
            self._sent = {}
        key = tuple([each.id for each in granted])
        sent = self._sent.get(key)
        if sent is None:
            sent = self._sent[key] = self._told(granted)
        return sent

    def _told(self, granted: Sequence[Granted]) -> bytes:
        permits = tuple((each.id, each.quota) for each in granted)
        whole = wire.Terms(self.allowance.place, self.allowance.bucket.key, self.latest, permits)
        # A copy: what is serialized keeps all the room that it was written in, twenty times as much.
        return bytes(memoryview(wire.terms_bytes(whole)))


class Later:
    """What came of a call that is still being counted: somebody else counts it, or something has to be fetched first."""

    __slots__ = ("_call", "_counted")

    def __init__(self) -> None:
        self._call: Callable[[Counted], None] | None = None
        self._counted: Counted | None = None

    def know(self, counted: Counted) -> None:
        """Let it be known."""
        self._counted = counted
        if self._call is not None:
            self._call(counted)

    def when_known(self, call: Callable[[Counted], None]) -> None:
        """Call a plain function once it is known, which may be now."""
        if self._counted is not None:
            call(self._counted)
        else:
            self._call = call


class Limits(Protocol):
    """Whoever counts calls."""

    def take(self, claim: Claim, granted: Sequence[Granted], now: Moment) -> Counted | Later:
        """Count one call against everything that it is limited by, or against nothing."""
        ...


class Alone:
    """Counts in memory, and nothing is kept."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def take(self, claim: Claim, granted: Sequence[Granted], now: Moment) -> Counted | Later:
        """Count one call."""
        return count(claim.allowance, granted, now, self._book) or NOT_COUNTED
