"""Whether an instance has heard everything that was broadcast until lately.

Each second an instance sends a beat to itself over the bus. Whoever hears a beat has heard every change that was broadcast before
it was sent; so it is fresh for some seconds from the moment of sending. Where beats are missing (the bus was away, the process
stood still), changes may be missing too: beats count again only once the kept copies have been read.
"""

from prometheus_client import Gauge

BEAT_SECONDS = 1.0
_GAP_NS = 3_000_000_000

FRESH = Gauge("portico_check_is_fresh", "Whether the check has heard all changes until lately: it fails closed where not")


class Freshness:
    """Until when an instance may go by its memory."""

    __slots__ = ("_gaps", "_last_sent_ns", "_limit_ns", "_wanted_at_ns", "until_ns")

    def __init__(self, limit_seconds: float) -> None:
        self._limit_ns = int(limit_seconds * 1_000_000_000)
        self._last_sent_ns = 0
        self._gaps = 0
        self._wanted_at_ns: int | None = 0
        self.until_ns = 0

    @property
    def wants_reading(self) -> bool:
        """Say whether changes may be missing, so that the kept copies are to be read."""
        return self._wanted_at_ns is not None

    def is_fresh(self, now_ns: int) -> bool:
        """Say whether the instance may go by its memory at a moment."""
        return now_ns <= self.until_ns

    def hear(self, sent_ns: int, now_ns: int, gaps: int) -> None:
        """Take in a beat of one's own that was sent at a moment; ``gaps`` is how often the bus may have left something out."""
        is_late = bool(self._last_sent_ns) and sent_ns - self._last_sent_ns > _GAP_NS
        if gaps != self._gaps or is_late:
            self._gaps = gaps
            self._wanted_at_ns = now_ns
        self._last_sent_ns = max(sent_ns, self._last_sent_ns)
        self._prolong()

    def read(self, began_ns: int) -> None:
        """Take in that the kept copies have been read, beginning at a moment; the first time with everything that is kept."""
        if not self._last_sent_ns:
            self._last_sent_ns = began_ns
        if self._wanted_at_ns is not None and began_ns >= self._wanted_at_ns:
            self._wanted_at_ns = None
        self._prolong()

    def _prolong(self) -> None:
        if self._wanted_at_ns is None:
            self.until_ns = max(self.until_ns, self._last_sent_ns + self._limit_ns)
