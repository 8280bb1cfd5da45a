"""Where the calls of a version go: to its own upstream in production, to the sandbox otherwise."""

from typing import NamedTuple

PRODUCTION = "PRODUCTION"
SANDBOX = "SANDBOX"
# In front of a base path it means the sandbox, whatever else the version has; no product has it as its slug.
SANDBOX_PREFIX = "/sandbox"


class Upstream(NamedTuple):
    """What answers calls: ``origin`` is scheme, host and port, ``prefix`` stands in front of an operation's path there.

    Where the sandbox is, and how long it may take, is known to the proxy.
    """

    name: str
    origin: str
    prefix: str
    timeout_seconds: float

    @property
    def environment(self) -> str:
        """Return what a call is that it answers."""
        return SANDBOX if self.name == THE_SANDBOX.name else PRODUCTION


THE_SANDBOX = Upstream("sandbox", "", "", 0.0)


def environment_of(path: str) -> tuple[str, str]:
    """Return which environment a path asks for, and the path below that."""
    if path.startswith(f"{SANDBOX_PREFIX}/"):
        return SANDBOX, path[len(SANDBOX_PREFIX) :]
    return PRODUCTION, path
