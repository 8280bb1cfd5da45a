"""What a letter is, and when a mail is tried again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

GIVE_UP_AFTER = timedelta(days=3)
_LONGEST_PAUSE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it is composed, the same in plain text and in HTML.

    ``message_id`` is the header of that name with its angle brackets; without it the mail's own id makes one. Both are the same
    on every try. ``in_reply_to`` and ``references`` put a mail into a thread, ``reply_to`` is where answers go, and
    ``unsubscribe_url`` where its reader turns such mails off.
    """

    subject: str
    text: str
    html: str | None = None
    reply_to: str | None = None
    message_id: str | None = None
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    unsubscribe_url: str | None = None


@dataclass(frozen=True, slots=True)
class To:
    """Whom a mail is for: a user, who is written to at the address of the moment in which it is sent, or an address."""

    user_id: str | None = None
    address: str | None = None


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after so many failed tries: 1 s, 2 s, 4 s … up to ten minutes."""
    return min(timedelta(seconds=2 ** min(attempts - 1, 20)), _LONGEST_PAUSE)


def is_for_good(reply_code: int | None) -> bool:
    """Say whether a mail server's answer is its last word about the mail (5xx)."""
    return reply_code is not None and 500 <= reply_code < 600


def is_hopeless(created_at: datetime, now: datetime) -> bool:
    """Say whether a mail was tried for long enough."""
    return now - created_at >= GIVE_UP_AFTER
