"""What the platform writes to people, and when a mail is tried again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

GIVE_UP_AFTER = timedelta(hours=24)
_LONGEST_PAUSE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it is composed."""

    to: str
    subject: str
    text: str


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after so many failed tries: 1 s, 2 s, 4 s … up to ten minutes."""
    return min(timedelta(seconds=2 ** min(attempts - 1, 20)), _LONGEST_PAUSE)


def is_hopeless(reply_code: int | None, created_at: datetime, now: datetime) -> bool:
    """Say whether to give up: the server refused for good (5xx), or a day has passed."""
    return (reply_code is not None and 500 <= reply_code < 600) or now - created_at >= GIVE_UP_AFTER
