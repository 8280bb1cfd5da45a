"""What is true of the factors that prove who somebody is, and of the challenges that they answer."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import Conflict, FieldProblem, Forbidden, Invalid, NotFound, Unauthenticated
from services.identity.events import SecondFactorEnrolled, SecondFactorRemoved

TOTP = "TOTP"
PASSKEY = "PASSKEY"
RECOVERY_CODE = "RECOVERY_CODE"
CHALLENGE_PREFIX = "ptc"
CHALLENGE_TTL = timedelta(minutes=5)
MOST_ANSWERS = 5
MOST_FACTORS = 20
RECOVERY_CODES = 10


class CodeNotRight(Unauthenticated):
    """The code is not right, or was used already; give the newest one that the app shows, or a recovery code."""


class PasskeyNotAccepted(Unauthenticated):
    """The passkey does not prove who you are here."""


class ChallengeNotLive(NotFound):
    """The challenge is answered or lapsed; begin anew."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("challenge", "give the newest challenge; it is good for five minutes")])


class NoSuchFactor(NotFound):
    """You have no such factor."""


class FactorOnAlready(Conflict):
    """This factor is on already; to have another one, enrol it anew."""


class TooManyFactors(Conflict):
    """You have as many factors as one may have; remove one first."""


class PasskeyKnown(Conflict):
    """This passkey is registered already."""


class NoSecondFactor(Conflict):
    """Recovery codes stand in for a second factor, and you have none; enrol one first."""


class SetLongPasswordFirst(Conflict):
    """Without a second factor the password has to have at least 15 characters; change it first, then remove the factor."""


class AnswerOneWay(Invalid):
    """Answer with exactly one of: a code, a recovery code, a passkey."""


class UserVerificationNeeded(Forbidden):
    """To sign in by a passkey alone it has to verify you (by a PIN or a finger); this one did not."""


@dataclass(frozen=True, slots=True)
class Factor:
    """Something that its owner has: an app that shows codes, or a passkey.

    A ``TOTP`` factor is off until its first code is confirmed; ``secret`` is sealed, ``last_step`` the last time step whose code
    was used. A ``PASSKEY`` has a ``credential_id`` and ``public_key`` (base64url) and the ``sign_count`` of its last use.
    """

    id: str
    user_id: str
    kind: str
    name: str
    is_on: bool
    created_at: datetime
    last_used_at: datetime | None = None
    secret: str = ""
    last_step: int = 0
    credential_id: str | None = None
    public_key: str = ""
    sign_count: int = 0

    def turn_on(self, step: int, now: datetime) -> "Factor":
        """Return the factor as it is once its first code was right. Raises ``FactorOnAlready``."""
        if self.is_on:
            raise FactorOnAlready
        return replace(self, is_on=True, last_step=step, last_used_at=now)

    def enrolled(self) -> SecondFactorEnrolled:
        """Return the fact that the factor counts from now on."""
        return SecondFactorEnrolled(user_id=self.user_id, factor_id=self.id, kind=self.kind)

    def removed(self) -> SecondFactorRemoved:
        """Return the fact that the factor counts no more."""
        return SecondFactorRemoved(user_id=self.user_id, factor_id=self.id, kind=self.kind)


@dataclass(frozen=True, slots=True)
class Challenge:
    """Something that is to be proved within five minutes, once. Of its token only the fingerprint is kept.

    ``purpose`` is SECOND_FACTOR, PASSKEY_SIGN_IN or PASSKEY_REGISTRATION; ``methods`` are the proofs given so far.
    """

    id: str
    token_hash: str
    purpose: str
    user_id: str | None
    methods: tuple[str, ...]
    expires_at: datetime
    answers: int = 0


SECOND_FACTOR = "SECOND_FACTOR"
PASSKEY_SIGN_IN = "PASSKEY_SIGN_IN"
PASSKEY_REGISTRATION = "PASSKEY_REGISTRATION"


def check_removal(remaining: int, *, has_password: bool, password_is_long: bool) -> None:
    """Refuse to leave a short password alone (NIST SP 800-63B: 8 characters do only beside a second factor).

    Raises ``SetLongPasswordFirst``.
    """
    if remaining == 0 and has_password and not password_is_long:
        raise SetLongPasswordFirst
