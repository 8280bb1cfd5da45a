"""How often a secret was used lately, counted in slots of time.

A window begins at the beginning of its first slot, so a count may reach up to one slot further back than the window that it is
named after: it never says that nobody called when somebody did.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SLOT = timedelta(minutes=5)
NOTED_EVERY = timedelta(seconds=30)
"""The issuing of a token is written down at most this often for a secret; the last one may be so much later than the note."""

Counts = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Called:
    """One call that was made with a token of a secret; ``is_refused``: refused since the secret was retired."""

    at: datetime
    is_refused: bool


def _number(moment: datetime, slot: timedelta) -> int:
    return int((moment - datetime.fromtimestamp(0, UTC)) // slot)


def _count(counts: Counts, moments: Iterable[datetime], slot: timedelta, since: datetime) -> Counts:
    """Return the counts with these moments, without the slots that lie before."""
    counted = dict(counts)
    for moment in moments:
        number = _number(moment, slot)
        counted[number] = counted.get(number, 0) + 1
    return {number: calls for number, calls in counted.items() if number >= _number(since, slot)}


def _sum(counts: Counts, slot: timedelta, since: datetime) -> int:
    return sum(calls for number, calls in counts.items() if number >= _number(since, slot))


def _latest(moments: Iterable[datetime | None]) -> datetime | None:
    return max((each for each in moments if each is not None), default=None)


@dataclass(frozen=True, slots=True)
class Use:
    """What is known of a secret's use: its last call and its calls by slots of five minutes and by hours, and its last token."""

    secret_id: str
    called_at: datetime | None = None
    issued_at: datetime | None = None
    slots: Counts = field(default_factory=dict)
    hours: Counts = field(default_factory=dict)
    refused_hours: Counts = field(default_factory=dict)

    @property
    def used_at(self) -> datetime | None:
        """Return when the secret was used last: for a token, or by a call with one (refused for whatever else, too)."""
        return _latest([self.called_at, self.issued_at])

    def calls_last_hour(self, now: datetime) -> int:
        """Return the calls of the last 60 to 65 minutes."""
        return _sum(self.slots, SLOT, now - HOUR)

    def calls_last_day(self, now: datetime) -> int:
        """Return the calls of the last 24 to 25 hours."""
        return _sum(self.hours, HOUR, now - DAY)

    def refused_last_day(self, now: datetime) -> int:
        """Return the calls of the last 24 to 25 hours that were refused since the secret was retired."""
        return _sum(self.refused_hours, HOUR, now - DAY)

    def heard(self, calls: Iterable[Called], now: datetime) -> "Use":
        """Return the use with these calls; in which order calls are heard makes no difference.

        A call cannot have ended later than it is heard: a data plane whose clock is ahead counts for now.
        """
        heard = [replace(each, at=min(each.at, now)) for each in calls]
        answered = [each.at for each in heard if not each.is_refused]
        refused = [each.at for each in heard if each.is_refused]
        return replace(
            self,
            called_at=_latest([self.called_at, *answered]),
            slots=_count(self.slots, answered, SLOT, now - HOUR),
            hours=_count(self.hours, answered, HOUR, now - DAY),
            refused_hours=_count(self.refused_hours, refused, HOUR, now - DAY),
        )
