"""What is true of deliveries: what of an event an organization gets, what came of a try, and when the next one is. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chassis.messages import Heard
from services.notifications.events import WebhookDelivered, WebhookFailed

DELIVERY_PREFIX = "whd"
GIVE_UP_AFTER = timedelta(hours=24)
HOLDS_ITS_SUBJECT_FOR_TRIES = 6
_FIRST_PAUSE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 3600.0
_LONGEST_REST_SECONDS = 300.0
_REFUSALS_IN_A_ROW = 3
_TOLD_AGAIN_AFTER = timedelta(hours=1)
_OF_ENDPOINT = frozenset((408, 429, 502, 503, 504))


class Status(StrEnum):
    """Where a delivery stands."""

    WAITING = "WAITING"
    DELIVERED = "DELIVERED"
    GIVEN_UP = "GIVEN_UP"


class Failure(StrEnum):
    """Why a try ended without an answer."""

    NOT_REACHABLE = "NOT_REACHABLE"
    TIMED_OUT = "TIMED_OUT"
    NOT_HTTP = "NOT_HTTP"
    ADDRESS_NOT_ALLOWED = "ADDRESS_NOT_ALLOWED"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try: the status that was answered, or why there was no answer."""

    status: int | None
    failure: Failure | None
    duration_ms: int
    retry_after: timedelta | None = None

    @property
    def is_success(self) -> bool:
        """Say whether the event was taken."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Say whether nothing is wanted there ever again."""
        return self.status == 410

    @property
    def says_of_endpoint(self) -> bool:
        """Say whether it tells of the endpoint as a whole, and not perhaps of this very event."""
        return self.failure is not None or self.status in _OF_ENDPOINT or self.retry_after is not None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try, as the log tells it."""

    at: datetime
    outcome: Outcome
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event that a webhook is to get, as it is sent; ``tries`` are those since it was last asked for."""

    id: str
    webhook_id: str
    event_id: str
    key: str
    subject: str
    sequence: int
    body: bytes
    created_at: datetime
    give_up_at: datetime
    status: Status = Status.WAITING
    tries: int = 0
    due_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()

    def next_try(self, outcome: Outcome, now: datetime, share: float) -> datetime | None:
        """Return when to try again after this failure, or None where it is given up; ``share`` (0 to 1) is the jitter."""
        last_at = self.last_try_at(now)
        if now >= last_at:
            return None
        return min(now + max(pause_after(self.tries + 1, share), outcome.retry_after or timedelta(0)), last_at)

    def last_try_at(self, now: datetime) -> datetime:
        """Return when it is tried for the last time: what we could not even try ourselves gets its day all the same."""
        return now + GIVE_UP_AFTER if not self.tries and now >= self.give_up_at else self.give_up_at


def pause_after(tries: int, share: float, longest_seconds: float = _LONGEST_PAUSE_SECONDS) -> timedelta:
    """Return how long to wait after so many failed tries: 5 s, 10 s, 20 s … up to an hour, each a quarter more or less."""
    seconds = min(_FIRST_PAUSE_SECONDS * 2 ** min(tries - 1, 20), longest_seconds)
    return timedelta(seconds=seconds * (0.75 + 0.5 * share))


@dataclass(frozen=True, slots=True)
class Lane:
    """How sending to one webhook goes; one process at a time has it.

    ``failures`` are those in a row that tell of the endpoint. ``delivering_since`` is the first success, or the first after
    failures. ``untold`` deliveries were given up and not announced yet.
    """

    webhook_id: str
    failures: int = 0
    rests_until: datetime | None = None
    failing_since: datetime | None = None
    delivering_since: datetime | None = None
    untold: int = 0
    told_at: datetime | None = None

    def rests_at(self, now: datetime) -> bool:
        """Say whether nothing is sent at this moment."""
        return self.rests_until is not None and now < self.rests_until

    def has_failed_for_a_day(self, now: datetime) -> bool:
        """Say whether it did nothing but fail for as long as a delivery is tried."""
        return self.failing_since is not None and now - self.failing_since >= GIVE_UP_AFTER

    @property
    def needs_success_noted(self) -> bool:
        """Say whether a success is news."""
        return self.failing_since is not None or self.delivering_since is None

    def fail(self, outcome: Outcome, now: datetime, *, is_news: bool, share: float) -> "Lane":
        """Return the lane after a failure; ``is_news`` says that it is more than one more word of what was known just now."""
        failures = self.failures + is_news
        rests = outcome.says_of_endpoint or (is_news and failures >= _REFUSALS_IN_A_ROW)
        rests_until = self.rests_until
        if rests:
            pause = pause_after(max(failures, 1), share, _LONGEST_REST_SECONDS)
            until = now + min(max(pause, outcome.retry_after or timedelta(0)), GIVE_UP_AFTER)
            rests_until = max(until, rests_until) if rests_until else until
        return replace(self, failures=failures, rests_until=rests_until, failing_since=self.failing_since or now)

    def succeed(self, organization_id: str, event_id: str, now: datetime) -> "tuple[Lane, WebhookDelivered]":
        """Return the lane after a success that is news, and the fact."""
        fact = WebhookDelivered(
            webhook_id=self.webhook_id, organization_id=organization_id, event_id=event_id, failing_since=self.failing_since
        )
        return replace(self, failures=0, rests_until=None, failing_since=None, delivering_since=now), fact

    def tell(self, organization_id: str, now: datetime, *, at_once: bool = False) -> "tuple[Lane, WebhookFailed | None]":
        """Return the fact that deliveries were given up, unless that was told within the hour."""
        if not self.untold or (self.told_at is not None and now - self.told_at < _TOLD_AGAIN_AFTER and not at_once):
            return self, None
        fact = WebhookFailed(
            webhook_id=self.webhook_id,
            organization_id=organization_id,
            given_up=self.untold,
            failing_since=self.failing_since,
        )
        return replace(self, untold=0, told_at=now), fact

    def reset(self) -> "Lane":
        """Return the lane as it begins anew, once somebody has enabled its webhook."""
        return replace(self, failures=0, rests_until=None, failing_since=None)


def shown_to(heard: Heard, organization_id: str) -> dict[str, Any]:
    """Return what of an event's data one organization gets.

    What is sealed is for a service alone. A list of organizations is for the one within which the event happened; any other one
    finds only itself there.
    """
    is_its_own = organization_id == heard.organization
    return {
        name: _shown(name, value, organization_id, is_its_own=is_its_own) for name, value in heard.data.items() if _goes(name)
    }


def _goes(name: str) -> bool:
    return not name.startswith("sealed_")


def _shown(name: str, value: object, organization_id: str, *, is_its_own: bool) -> object:
    if name.endswith("organization_ids") and isinstance(value, Sequence) and not is_its_own:
        return [each for each in value if each == organization_id]
    if isinstance(value, Mapping):
        return {key: each for key, each in value.items() if _goes(str(key))}
    return value


def in_order(batch: Sequence[Delivery]) -> list[list[Delivery]]:
    """Return a batch by subject, each in the order of its sequence: one subject's go out one after the other."""
    by_subject: dict[str, list[Delivery]] = {}
    for each in batch:
        by_subject.setdefault(each.subject, []).append(each)
    return [sorted(each, key=lambda delivery: delivery.sequence) for each in by_subject.values()]
