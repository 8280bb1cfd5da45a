"""A queue in figures: how much waits, for how long, and with whom; the same for every service that keeps a queue for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Held:
    """What one person holds of a queue (nobody: ``user_id`` None): how many things, and since when the oldest of them."""

    user_id: str | None
    waiting: int
    since_ms: int


def backlog(held: Sequence[Held] | None, now: datetime) -> dict[str, Any] | None:
    """Return a queue in figures as services answer it: what nobody holds comes first, then who holds something the longest.

    Of a queue that is not for whoever asks (None) nothing is told.
    """
    if held is None:
        return None
    now_ms = round(now.timestamp() * 1000)
    ordered = sorted(held, key=lambda each: (each.user_id is not None, each.since_ms, each.user_id or ""))
    holders = [
        {"user_id": each.user_id, "waiting": each.waiting, "oldest_seconds": max(now_ms - each.since_ms, 0) // 1000}
        for each in ordered
    ]
    oldest = max((int(each["oldest_seconds"] or 0) for each in holders), default=None)
    return {"waiting": sum(each.waiting for each in held), "oldest_seconds": oldest, "holders": holders}
