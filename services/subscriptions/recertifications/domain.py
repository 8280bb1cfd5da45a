"""What is true of things that somebody was asked to confirm."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

SUBSCRIPTION, PERMISSION, AGREEMENT = "SUBSCRIPTION", "PERMISSION", "AGREEMENT"
KINDS = frozenset({SUBSCRIPTION, PERMISSION, AGREEMENT})
"""The kinds of things that are owned here."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a thing in one campaign, and when that was said."""

    item_id: str
    is_confirmed: bool
    at: datetime


def is_unconfirmed(outcomes: Iterable[Outcome]) -> bool:
    """Say whether a thing is not confirmed: what was said last counts, in whichever campaign."""
    last = max(outcomes, key=lambda each: (each.at, each.item_id), default=None)
    return last is not None and not last.is_confirmed
