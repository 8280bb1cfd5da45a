"""A sketch of durations: counts in buckets whose borders grow by a constant factor, as DDSketch has it.

A bucket's middle is within one per cent of every duration that falls into it, so each quantile is within one per cent of a
duration that really has that rank. Sketches of parts add up to the sketch of the whole, bucket by bucket,
which in the database is ``$inc``.
"""

import math
from collections.abc import Iterable, Mapping

RELATIVE_ERROR = 0.01
SHORTEST_MS = 0.001
"""Durations below a microsecond count as one."""
LONGEST_MS = 86_400_000.0
"""Durations above a day count as one."""

_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(_GAMMA)


def bucket_of(duration_ms: float) -> int:
    """Return the number (0 to about 1,260) of the bucket that a duration falls into."""
    held = min(max(duration_ms, SHORTEST_MS), LONGEST_MS)
    return math.ceil(math.log(held / SHORTEST_MS) / _LOG_GAMMA - 1e-9)


def duration_of(bucket: int) -> float:
    """Return the duration in milliseconds that stands for all that fall into the bucket."""
    return SHORTEST_MS * 2 * _GAMMA**bucket / (_GAMMA + 1)


class Sketch:
    """How many durations fell into which bucket."""

    __slots__ = ("counts",)

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts: dict[int, int] = dict(counts or {})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sketch) and self.counts == other.counts

    __hash__ = None  # type: ignore[assignment] # it changes

    def add(self, duration_ms: float) -> None:
        """Count one duration."""
        bucket = bucket_of(duration_ms)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1

    def merge(self, counts: Iterable[tuple[int, int]]) -> None:
        """Count what another sketch has counted."""
        mine = self.counts
        for bucket, count in counts:
            mine[bucket] = mine.get(bucket, 0) + count

    def quantiles(self, ranks: Iterable[float]) -> list[float | None]:
        """Return for each rank (0 to 1, ascending) the duration that has that share of the others below it, None without any."""
        wanted = list(ranks)
        total = sum(self.counts.values())
        if not total:
            return [None] * len(wanted)
        found: list[float | None] = []
        ordered = iter(sorted(self.counts.items()))
        bucket, passed = next(ordered)
        for rank in wanted:
            position = math.floor(rank * (total - 1))
            while passed <= position:
                bucket, count = next(ordered)
                passed += count
            found.append(duration_of(bucket))
        return found
