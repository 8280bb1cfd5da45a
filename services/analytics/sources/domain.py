"""What a source has told, and how whole the count of calls therefore is.

A source numbers its batches 1, 2, 3, …; they may arrive in any order. Only what stands before the first gap moves
``read_through``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

GONE_AFTER = timedelta(days=1)
"""A source that has been silent for so long is taken for dismantled: it does not hold the watermark back any more."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a batch says of its source. ``read_through``: every call that ended up to then is in the batches up to this one."""

    number: int
    records: int
    counted: int
    read_through: datetime | None


@dataclass(frozen=True, slots=True)
class Source:
    """One data plane's log, as far as it has been heard.

    ``contiguous``: the last batch before the first gap; ``read_through``: what that batch says; ``waiting``: how many batches
    beyond the gap have been heard; ``ingested``: records counted in all; ``newest`` and ``counted``: the highest batch heard and
    the data plane's own count of ended calls that it carries.
    """

    id: str
    contiguous: int = 0
    read_through: datetime | None = None
    waiting: int = 0
    ingested: int = 0
    newest: int = 0
    counted: int = 0
    heard_at: datetime | None = None

    @property
    def missing(self) -> int:
        """Return how many calls the data plane has counted that have not been ingested."""
        return max(0, self.counted - self.ingested)

    def is_past(self, moment: datetime) -> bool:
        """Say whether every call of this source that ended before the moment is known to be ingested."""
        return self.read_through is not None and self.read_through >= moment

    def hear(self, arrival: Arrival, beyond: Mapping[int, datetime | None], now: datetime) -> "Source":
        """Return the source after one more batch; ``beyond`` tells ``read_through`` of the batches that waited behind a gap."""
        heard = replace(
            self,
            ingested=self.ingested + arrival.records,
            newest=max(self.newest, arrival.number),
            counted=arrival.counted if arrival.number > self.newest else self.counted,
            heard_at=now,
        )
        if arrival.number != self.contiguous + 1:
            return replace(heard, waiting=self.waiting + 1)
        told = {arrival.number: arrival.read_through, **beyond}
        contiguous = arrival.number
        while contiguous + 1 in told:
            contiguous += 1
        walked = contiguous - arrival.number
        return replace(
            heard, contiguous=contiguous, read_through=told[contiguous] or self.read_through, waiting=self.waiting - walked
        )


def watermark_of(sources: Sequence[Source], now: datetime) -> datetime | None:
    """Return up to when every call of every live source has been ingested; None while one of them has not said."""
    live = [each for each in sources if each.heard_at is not None and now - each.heard_at < GONE_AFTER] or sources
    told = [each.read_through for each in live]
    known = [each for each in told if each is not None]
    return min(known) if known and len(known) == len(told) else None


def completeness_of(sources: Iterable[Source], end: datetime, calls: int) -> float:
    """Return which part of the calls that ended before ``end``, at least, is among these ``calls``.

    A source that has been read through to the end lacks nothing. Of another one everything that its data plane has counted and
    that was not ingested might belong here. Without any source nothing is known, and the answer is 0.
    """
    heard = list(sources)
    if not heard:
        return 0.0
    missing = sum(each.missing for each in heard if not each.is_past(end))
    return calls / (calls + missing) if missing else 1.0
