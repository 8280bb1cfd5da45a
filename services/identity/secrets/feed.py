"""Since when and until when the calls are known: each data plane's log numbers its batches 1, 2, 3, …, in any order of arrival.

Batches without a gap between them make a run. Within a run every call is known that ended after ``since`` and up to ``until``:
``since`` is the beginning of time for the run that begins with batch 1, and what its first batch says for any other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

GONE_AFTER = timedelta(days=1)
"""A source that has been silent for so long is taken for dismantled."""
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_RUNS = 100


@dataclass(frozen=True, slots=True)
class Run:
    """Batches ``first`` to ``last`` of a source, all of them heard."""

    first: int
    last: int
    since: datetime | None
    until: datetime | None

    def followed_by(self, later: "Run") -> "Run":
        """Return the run together with the one that begins where it ends."""
        since = self.since if self.since is not None else later.since
        return Run(self.first, later.last, since, later.until or self.until)


def run_of(batch: int, read_through: datetime | None) -> Run:
    """Return the run that one batch is."""
    return Run(batch, batch, _BEGINNING if batch == 1 else read_through, read_through)


def _joined(runs: Iterable[Run]) -> list[Run]:
    joined: list[Run] = []
    for run in sorted(runs, key=lambda each: each.first):
        if joined and joined[-1].last + 1 == run.first:
            joined[-1] = joined[-1].followed_by(run)
        else:
            joined.append(run)
    return joined


@dataclass(frozen=True, slots=True)
class Source:
    """One data plane's log, as far as it has been heard."""

    id: str
    runs: tuple[Run, ...] = ()
    heard_at: datetime | None = None

    def has_heard(self, batch: int) -> bool:
        """Say whether a batch has been heard."""
        return any(run.first <= batch <= run.last for run in self.runs)

    def hear(self, batch: int, read_through: datetime | None, now: datetime) -> "Source":
        """Return the source after one more batch; one that was heard before changes nothing."""
        if self.has_heard(batch):
            return replace(self, heard_at=now)
        runs = _joined([*self.runs, run_of(batch, read_through)])
        return replace(self, runs=tuple(runs[-_MOST_RUNS:]), heard_at=now)

    def known_until(self, since: datetime) -> datetime | None:
        """Return until when every call is known that ended after ``since``; None where not even the first are."""
        covering = [run for run in self.runs if run.since is not None and run.since <= since]
        return covering[-1].until if covering else None


def known_until(sources: Sequence[Source], since: datetime, now: datetime) -> datetime | None:
    """Return until when every call of every live source is known that ended after ``since``; None where that cannot be said."""
    live = [each for each in sources if each.heard_at is not None and now - each.heard_at < GONE_AFTER]
    told = [each.known_until(since) for each in live]
    known = [each for each in told if each is not None]
    return min(known) if known and len(known) == len(told) else None
