"""Where a version's calls go in production, as far as its provider says. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Upstream:
    """The provider's own system: ``url`` ends without a slash, and an operation's path follows it.

    ``authorities`` are certificates (PEM) that its own has to be signed by, instead of those that the world trusts;
    ``client_certificate`` names the one that the data plane shows to it.
    """

    url: str
    timeout_seconds: int
    host_header: str | None = None
    authorities: str | None = None
    client_certificate: str | None = None
