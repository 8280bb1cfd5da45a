"""What is true of signing in: what is asked for, how often it may be tried, and what is told."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.errors import Conflict, FieldProblem, Forbidden, Invalid, NotFound
from services.identity.accounts.domain import User
from services.identity.throttles import Limit

QUARTER = timedelta(minutes=15)
REMEMBERED_FOR = timedelta(days=30)
FAILURES = Limit("failed-sign-ins", tries=10, window=QUARTER)
"""The failure that reaches the limit is announced, and no other of its window."""
LETTERS = Limit("failed-sign-ins-letter", tries=1, window=timedelta(days=1))
BEGINNINGS = Limit("sign-in-begun", tries=100, window=QUARTER)


@dataclass(frozen=True, slots=True)
class Limits:
    """How often one kind of proof may be tried: for an account from one network, for an account, from one network."""

    pair: Limit
    account: Limit
    network: Limit


PASSWORDS = Limits(
    Limit("sign-in-pair", tries=10, window=QUARTER),
    Limit("sign-in-account", tries=20, window=QUARTER),
    Limit("sign-in-network", tries=200, window=QUARTER),
)
CODES = Limits(
    Limit("second-factor-pair", tries=10, window=QUARTER),
    Limit("second-factor-account", tries=20, window=QUARTER),
    Limit("second-factor-network", tries=200, window=QUARTER),
)


class CodeNeeded(Invalid):
    """You have a second factor: give a code or a recovery code with the password."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("code", "give the code that your app shows, or a recovery code")])


class SignInNotBegun(NotFound):
    """This way of signing in was not begun here, was finished already, or has lapsed; begin anew."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("state", "give the state that was given at the beginning; it is good once")])


class SignInAndLink(Conflict):
    """An account with the provider's e-mail address exists already: sign in to it and link the provider there."""


class AddressNotVouchedFor(Forbidden):
    """The provider does not vouch for your e-mail address: register with a password, then link the provider."""


class IdentityTaken(Conflict):
    """This account with the provider is linked to another account here; unlink it there first."""


class SigningInAtThisMoment(Conflict):
    """Somebody signs in for the first time with this very account of the provider; begin anew."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How somebody has proved who they are: by these methods. ``is_enough`` where no second factor is asked for any more."""

    methods: tuple[str, ...]
    is_enough: bool = False


@dataclass(frozen=True, slots=True)
class Needed:
    """A second factor is to be given: for this challenge, by one of the methods, until it expires.

    ``passkey_options`` is what the browser is asked where a passkey is among the methods (JSON).
    """

    user: User
    challenge: str
    methods: tuple[str, ...]
    expires_at: datetime
    passkey_options: str | None


@dataclass(frozen=True, slots=True)
class Alarm:
    """Somebody fails repeatedly to sign in; ``user_id`` is None where nobody has the address that was tried."""

    id: str
    user_id: str | None
    tries: int
    window_seconds: int
