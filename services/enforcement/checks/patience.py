"""Calls that come before their announcement: held back for a moment instead of being refused at machine speed.

Whoever subscribes and calls at once may be faster than the event that tells of the subscription. So a call with a genuine token
that is refused for something not heard of is decided again for up to a second. What was heard to have ended is refused at once.
It is bounded: an application waits once per product in ``FORGET_NS``, and only so many calls wait at the same time.
"""

from services.enforcement.checks.case import Credentials, Rejected
from services.enforcement.checks.domain import Verdict
from services.enforcement.checks.refusals import ApplicationUnknown, NotSubscribed
from services.enforcement.state.world import World

HOLD_NS = 1_000_000_000
PAUSE_SECONDS = 0.02
FORGET_NS = 30_000_000_000
MOST_HELD = 64
_MOST_REMEMBERED = 10_000


class Patience:
    """Says which refusals are held back, and keeps count of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._last_held: dict[tuple[str, str | None], int] = {}
        self._held = 0

    def takes(self, verdict: Verdict, credentials: Credentials | Rejected, now_ns: int) -> bool:
        """Say whether a verdict is held back; whoever is told so calls ``release`` in the end."""
        if isinstance(credentials, Rejected) or self._held >= MOST_HELD or not self.may_be_overturned(verdict):
            return False
        pair = (credentials.client_id, verdict.version.product_id if verdict.version else None)
        last = self._last_held.get(pair)
        if last is not None and now_ns - last < FORGET_NS:
            return False
        if len(self._last_held) >= _MOST_REMEMBERED:
            self._last_held.clear()
        self._last_held[pair] = now_ns
        self._held += 1
        return True

    def may_be_overturned(self, verdict: Verdict) -> bool:
        """Say whether an announcement that is under way could change the verdict."""
        application, version = verdict.application, verdict.version
        if verdict.refusal is ApplicationUnknown:
            return application is None
        if verdict.refusal is not NotSubscribed or application is None or version is None:
            return False
        return not self._world.has_ended(application.id, version.product_id)

    def release(self) -> None:
        """Count a call that was held back as answered."""
        self._held -= 1
