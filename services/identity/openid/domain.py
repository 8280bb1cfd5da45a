"""What is true of outside identities and of the way to them through a provider."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.errors import Conflict, FieldProblem, NotFound, Unauthenticated, Unavailable, invalid
from services.identity.events import OutsideIdentityLinked, OutsideIdentityUnlinked
from services.identity.throttles import Limit

STATE_PREFIX = "pto"
STATE_TTL = timedelta(minutes=10)
LONGEST_RETURN = 500
BEGINNINGS = Limit("openid-begun", tries=100, window=timedelta(minutes=15))


class NoSuchProvider(NotFound):
    """There is no such provider."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("provider", "name one of openIdProviders")])


class ProviderDown(Unavailable):
    """The provider does not answer; try again shortly, or sign in another way."""


class ProviderAnswerNotAccepted(Unauthenticated):
    """What the provider answered does not prove who you are; begin anew, or sign in another way."""


class NotLinked(NotFound):
    """Your account is not linked to this provider."""


class LinkedAlready(Conflict):
    """Your account is linked to this provider already; unlink it first."""


class LastWayIn(Conflict):
    """You have no password and no passkey: set a password first, then unlink the provider."""


@dataclass(frozen=True, slots=True)
class OutsideIdentity:
    """Who somebody is with a provider: the issuer's ``sub``. At most one account here has it."""

    id: str
    user_id: str
    provider: str
    issuer: str
    subject: str
    linked_at: datetime
    last_used_at: datetime

    def linked(self) -> OutsideIdentityLinked:
        """Return the fact that its owner can sign in by it."""
        return OutsideIdentityLinked(user_id=self.user_id, provider=self.provider)

    def unlinked(self) -> OutsideIdentityUnlinked:
        """Return the fact that its owner cannot sign in by it any more."""
        return OutsideIdentityUnlinked(user_id=self.user_id, provider=self.provider)


@dataclass(frozen=True, slots=True)
class Way:
    """A way to a provider and back, begun and not yet finished; ``user_id`` is who links, or None where somebody signs in.

    Of its token (``state``) only the fingerprint is kept; ``verifier`` (PKCE) waits sealed.
    """

    id: str
    state_hash: str
    provider: str
    nonce: str
    verifier: str
    return_to: str
    user_id: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a provider says of somebody. ``email`` is None unless the provider has verified that the address is theirs."""

    issuer: str
    subject: str
    email: str | None
    name: str | None


def read_return(path: str | None) -> str:
    """Return where a page goes on afterwards: a path of this very portal. Raises ``Invalid``."""
    if not path:
        return "/"
    is_path = path.startswith("/") and not path.startswith(("//", "/\\"))
    if not is_path or len(path) > LONGEST_RETURN or not path.isascii() or any(ord(each) <= 32 or each == "\\" for each in path):
        raise invalid("return_to", "give a path of this portal, such as /products")
    return path
