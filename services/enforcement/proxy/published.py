"""What is published now, as plain facts: what a proxy's routes and clusters are rendered from."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from chassis.telemetry import log
from services.enforcement.state.upstreams import SANDBOX_PREFIX, Upstream

LEAVING_SECONDS = 2.0
_log = log("enforcement.proxy")


class Published(NamedTuple):
    """A version that can be called at its base path.

    ``upstream`` is None where the sandbox answers in production too. ``addresses`` are the numbers that its name stands for and
    that may be connected to; none where it stands for nothing, or leads where no call may go. ``stays_open`` says that calls pass
    while they cannot be checked.
    """

    base_path: str
    version_id: str
    product_id: str
    upstream: Upstream | None = None
    addresses: tuple[str, ...] = ()
    stays_open: bool = False

    @property
    def is_usable(self) -> bool:
        """Say whether a proxy can tell its base path from others'."""
        path = self.base_path
        is_path = path.startswith("/") and not path.endswith("/") and not set(path) & set("?#\\")
        return is_path and not path.startswith(f"{SANDBOX_PREFIX}/")


class Standing:
    """What a proxy has to know: what is published and, for a moment, the upstreams that no route leads to any more.

    Clusters and routes are taken over apart from each other; so what a route leads to comes before it, and goes after it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._leaving: dict[Upstream, tuple[float, Published]] = {}
        self.published: tuple[Published, ...] | None = None

    def take(self, published: Sequence[Published]) -> bool:
        """Take over what is published now; say whether anything is different."""
        usable = tuple(each for each in published if each.is_usable)
        if usable == self.published:
            return False
        if len(usable) < len(published):
            _log.warning("some base paths cannot be routes", paths=[each.base_path for each in published if not each.is_usable])
        named = {each.upstream for each in usable}
        gone = [each for each in self.published or () if each.upstream is not None and each.upstream not in named]
        self._leaving = {upstream: kept for upstream, kept in self._leaving.items() if upstream not in named}
        self._leaving |= {each.upstream: (self._clock(), each) for each in gone if each.upstream is not None}
        self.published = usable
        return True

    def tidy(self) -> bool:
        """Forget what no route has led to for a moment; say whether there was any."""
        until = self._clock() - LEAVING_SECONDS
        staying = {upstream: kept for upstream, kept in self._leaving.items() if kept[0] > until}
        is_different = len(staying) < len(self._leaving)
        self._leaving = staying
        return is_different

    @property
    def with_upstreams(self) -> list[Published]:
        """Return what is published, and what has been, as far as its upstream has to be known."""
        return [*(self.published or ()), *(each for _, each in self._leaving.values())]
