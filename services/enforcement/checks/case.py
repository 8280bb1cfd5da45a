"""The call that is decided about: what was sent, what its token says, and what of it has been found in memory."""

from typing import NamedTuple
from urllib.parse import quote

from chassis.errors import Unauthenticated
from services.enforcement.state.leases import Lease
from services.enforcement.state.matching import NOTHING, Match
from services.enforcement.state.permits import Permit
from services.enforcement.state.upstreams import PRODUCTION
from services.enforcement.state.versions import Version
from services.enforcement.state.world import Application, World


class Credentials(NamedTuple):
    """What a verified token says: for which Client ID, by which credentials, until when (seconds since 1970).

    ``marks`` are the ids that may be withdrawn: the secret, key or certificate it was issued for, and its own. ``scope`` is what
    it is narrowed to, or None. ``thumbprint`` is the SHA-256 (hex) of the certificate it is bound to, or None.
    """

    client_id: str
    secret_id: str | None
    expires_at: float
    marks: tuple[str, ...] = ()
    scope: frozenset[str] | None = None
    thumbprint: str | None = None


class Rejected(NamedTuple):
    """Credentials that cannot be used, and why.

    ``client_id`` is known of a token that was genuine and has expired: nobody calls by it, but whose it was can be told.
    """

    refusal: type[Unauthenticated]
    detail: str = ""
    client_id: str | None = None


class Asked(NamedTuple):
    """What is to be called: the path as sent (percent-encoded), without its query; and the certificate that was shown, if any.

    The path is what lies below its environment. The certificate is as the proxy that verified it tells it: ``Hash=<SHA-256 in
    hex>``, perhaps among other pairs.
    """

    method: str
    path: str
    certificate: str | None = None
    environment: str = PRODUCTION


class Now(NamedTuple):
    """The moment of a decision: on a clock that never goes back, and on the wall."""

    steady_ns: int
    wall_ns: int


class Case:
    """One call, and what has been found about it so far; the links of the chain judge it one after the other.

    Of ``credentials`` and ``rejected`` one is there.
    """

    __slots__ = (
        "application",
        "certificate",
        "covering",
        "credentials",
        "is_fresh",
        "lease",
        "match",
        "now",
        "rejected",
        "version",
        "world",
    )

    certificate: str | None
    version: Version | None
    match: Match
    rejected: Rejected | None
    credentials: Credentials | None
    application: Application | None

    def __init__(
        self, world: World, asked: Asked | None, credentials: Credentials | Rejected, now: Now, *, is_fresh: bool = True
    ) -> None:
        """Find what can be found; where nothing was sent, whoever asks says what is meant.

        ``is_fresh`` says whether what is in memory is known to be what holds.
        """
        self.world = world
        self.is_fresh = is_fresh
        self.now = now
        self.lease: Lease | None = None
        self.covering: tuple[Permit, ...] = ()
        if asked is None:
            self.certificate, self.version, self.match = None, None, NOTHING
        else:
            self.certificate = asked.certificate
            self.version, self.match = locate(world, asked)
        if isinstance(credentials, Rejected):
            self.rejected, self.credentials, self.application = credentials, None, None
        else:
            self.rejected, self.credentials = None, credentials
            self.application = world.application_of(credentials.client_id)

    def find_lease(self) -> Lease | None:
        """Look up the application's right to call the product, and return it; None where it has none."""
        application, version = self.application, self.version
        if application is not None and version is not None:
            self.lease = self.world.lease(application.id, version.product_id, self.now.steady_ns, self.now.wall_ns)
        return self.lease


def locate(world: World, asked: Asked) -> tuple[Version | None, Match]:
    """Return the published version and the operation that a call means, as far as it means any."""
    path = asked.path
    # A base path has three segments: the fourth slash ends it.
    third = path.find("/", path.find("/", path.find("/") + 1) + 1)
    end = path.find("/", third + 1)
    version = world.version_at(path if end < 0 else path[:end])
    if version is None:
        return None, NOTHING
    return version, version.matcher.find(asked.method, "/" if end < 0 else path[end:])


def shown_thumbprint(certificate: str | None) -> str | None:
    """Return the SHA-256 (hex) of the one certificate that was shown; None for none, or for several (nobody can say which)."""
    if certificate is None or "," in certificate:
        return None
    found = [pair[5:] for pair in certificate.split(";") if pair[:5].lower() == "hash="]
    return found[0].lower() if len(found) == 1 else None


def scope_form(operation_id: str) -> str:
    """Return an operation's id as it stands in a scope: what RFC 6749 section 3.3 has no room for is percent-encoded."""
    return quote(operation_id, safe="!#$&'()*+,/:;<=>?@[]^`{|}")
