"""Where the calls of a version go: to its own upstream in production, to the sandbox otherwise."""

from typing import NamedTuple
from urllib.parse import urlsplit

from services.enforcement.state.copies import Fields

PRODUCTION = "PRODUCTION"
SANDBOX = "SANDBOX"
# In front of a base path it means the sandbox, whatever else the version has; no product has it as its slug.
SANDBOX_PREFIX = "/sandbox"
_IN_SANDBOX = f"{SANDBOX_PREFIX}/"


class Upstream(NamedTuple):
    """What answers calls: ``origin`` is scheme, host and port, ``prefix`` stands in front of an operation's path there.

    ``authorities`` (PEM) sign its certificate, None means those that the world trusts; ``client_certificate`` names the one of
    the organization's that is shown to it. Where the sandbox is, and how long it may take, is known to the proxy.
    """

    name: str
    origin: str
    prefix: str
    timeout_seconds: float
    host: str = ""
    organization_id: str = ""
    authorities: str | None = None
    client_certificate: str | None = None

    @property
    def environment(self) -> str:
        """Return what a call is that it answers."""
        return SANDBOX if self.name == THE_SANDBOX.name else PRODUCTION


THE_SANDBOX = Upstream("sandbox", "", "", 0.0)


def upstream_from(fields: Fields) -> Upstream | None:
    """Return the upstream that a copy tells of, or None where it tells that there is none."""
    if fields["url"] is None:
        return None
    parts = urlsplit(fields["url"])
    return Upstream(
        name=fields["version_id"],
        origin=f"{parts.scheme}://{parts.netloc}",
        prefix=parts.path.rstrip("/"),
        timeout_seconds=float(fields["timeout_seconds"]),
        host=fields.get("host_header") or parts.netloc,
        organization_id=fields["organization_id"],
        authorities=fields.get("authorities"),
        client_certificate=fields.get("client_certificate"),
    )


def environment_of(path: str) -> tuple[str, str]:
    """Return which environment a path asks for, and the path below that."""
    if path.startswith(_IN_SANDBOX):
        return SANDBOX, path[len(SANDBOX_PREFIX) :]
    return PRODUCTION, path
