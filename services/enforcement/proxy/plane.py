"""What a proxy's configuration is made from, whichever proxy it is, and the names that all of them use."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from services.enforcement.state.upstreams import Upstream

Kind = Literal["envoy", "nginx"]
"""The proxies that the data plane runs on."""
# The name of a run that was started without one.
NO_RUN = "portico"
# What a TLS handshake has shown: to the check, to the authorization server; and what proves to the latter that it is so.
FORWARDED_CERTIFICATE = "x-forwarded-client-cert"
CERTIFICATE_HEADER = "portico-client-certificate"
CERTIFIED_HEADER = "portico-certified"
IDENTITY_PREFIX = "x-portico-"
# Requests for tokens pass the TLS door, too. Their lines name this route: the proxy counts them, but they are no calls.
OAUTH_ROUTE = "oauth"
OAUTH_PATHS = ("/oauth/token", "/oauth/introspect", "/oauth/revoke")
# What a proxy says by itself, by the code of the problem.
CHECK_UNAVAILABLE = "CHECK_UNAVAILABLE"
API_NOT_FOUND = "API_NOT_FOUND"
UPSTREAM_TIMEOUT = "UPSTREAM_TIMEOUT"
UPSTREAM_UNAVAILABLE = "UPSTREAM_UNAVAILABLE"
CALL_NOT_READABLE = "CALL_NOT_READABLE"
SAYS = {
    CHECK_UNAVAILABLE: "The call could not be checked, so it was not let through; try again shortly.",
    API_NOT_FOUND: "No published API is at this path.",
    UPSTREAM_TIMEOUT: "The API did not answer in time.",
    UPSTREAM_UNAVAILABLE: "The API does not answer.",
    CALL_NOT_READABLE: "The request cannot be read as it is.",
}
CHECK_TIMEOUT = "3s"  # longer than the check holds a call back
# What callers are told is ours to say, whatever an upstream answers; and none may send them past us.
NOT_FROM_UPSTREAMS = ("ratelimit", "ratelimit-policy", "alt-svc", "x-envoy-upstream-service-time")
# RFC 9325 section 4.2: forward secrecy and authenticated encryption alone; TLS 1.3 has nothing else.
CIPHERS = tuple(
    f"ECDHE-{signer}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for signer in ("ECDSA", "RSA")
)


@dataclass(frozen=True, slots=True)
class TlsDoor:
    """Where calls are taken over TLS, and the files of the server's certificate and key."""

    address: str
    certificate_file: Path
    key_file: Path


@dataclass(frozen=True, slots=True)
class Fleet:
    """Where members of a fleet ask for their configuration, and what they show there."""

    address: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NginxFiles:
    """Where nginx's own files are, below the data plane's folder."""

    folder: Path

    @property
    def configuration_file(self) -> Path:
        """What nginx is started with."""
        return self.folder / "nginx.conf"

    @property
    def run_file(self) -> Path:
        """The name of the run, written at each start."""
        return self.folder / "run.conf"

    @property
    def pid_file(self) -> Path:
        """Where nginx writes its process id."""
        return self.folder / "nginx.pid"

    @property
    def private_folder(self) -> Path:
        """What only the user of nginx and of enforcement reaches."""
        return self.folder / "counts"

    @property
    def counts_socket(self) -> Path:
        """Where nginx tells what it has counted."""
        return self.private_folder / "socket"

    @property
    def upstreams_file(self) -> Path:
        """Which upstreams there are."""
        return self.folder / "upstreams.conf"

    @property
    def places_file(self) -> Path:
        """What leads to them."""
        return self.folder / "places.conf"

    @property
    def authorities_folder(self) -> Path:
        """The authorities whose certificates count for single upstreams."""
        return self.folder / "authorities"

    @property
    def asked_file(self) -> Path:
        """A line for each question about the counts."""
        return self.private_folder / "asked.log"


@dataclass(frozen=True, slots=True)
class DataPlane:
    """What the configuration is made from. Addresses are ``host:port``.

    ``certified_address`` is where the authorization server takes requests whose client certificates a TLS handshake has shown;
    it knows by ``certified_secret`` that they come from here. ``upstream_calls`` are the most that run to one upstream at a time;
    ``authorities_file`` (PEM), as the proxy finds it, has those that the world trusts. ``fleet`` is None where files are shared.
    """

    folder: Path
    proxy_address: str
    admin_address: str
    check_address: str
    sandbox_address: str
    threads: int = 1
    max_connections: int = 10_000
    upstream_timeout_seconds: float = 15.0
    drain_seconds: int = 5
    tls: TlsDoor | None = None
    certified_address: str = ""
    certified_secret: str = field(default="", repr=False)
    kind: Kind = "envoy"
    upstream_calls: int = 500
    authorities_file: str = "/etc/ssl/certs/ca-certificates.crt"
    fleet: Fleet | None = None
    check_door: Path | None = None
    """The check's socket file, where the proxy is beside it; it is asked there, which is cheaper."""

    @property
    def bootstrap_file(self) -> Path:
        """What Envoy is started with."""
        return self.folder / "bootstrap.json"

    @property
    def dynamic_folder(self) -> Path:
        """What Envoy watches."""
        return self.folder / "dynamic"

    @property
    def client_certificates(self) -> Path:
        """Where the certificates are that are shown to upstreams: a folder for each provider."""
        return self.folder / "certificates"

    @property
    def log_file(self) -> Path:
        """The access log."""
        return self.folder / "log" / "calls.log"

    @property
    def admin_file(self) -> Path:
        """Where Envoy writes the address of its administration."""
        return self.folder / "admin.address"

    @property
    def nginx(self) -> NginxFiles:
        """Where nginx's own files are."""
        return NginxFiles(self.folder)


def client_certificate(plane: DataPlane, upstream: Upstream) -> Path:
    """Return where the certificate shown to an upstream is, and its key, but for their endings; each provider has a folder."""
    assert upstream.client_certificate is not None
    return plane.client_certificates / upstream.organization_id / upstream.client_certificate
