"""What is published now, as plain facts: what a proxy's routes and clusters are rendered from."""

from typing import NamedTuple

from services.enforcement.state.upstreams import SANDBOX_PREFIX, Upstream


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
