"""What is true of users and sessions."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import FieldProblem, Forbidden, NotFound, Unauthenticated
from services.identity.events import SessionEnded, UserRegistered

SESSION_PREFIX = "pts"
VERIFICATION_PREFIX = "ptv"
OPERATOR_ADMINISTRATOR = "OPERATOR_ADMINISTRATOR"


class WrongCredentials(Unauthenticated):
    """The e-mail address or the password is not right."""


class AddressNotConfirmed(Forbidden):
    """Confirm your e-mail address first: open the link in the mail that was sent to it, or register again for a new one."""


class LinkNotValid(NotFound):
    """The link is not valid, or not any more; register again for a new one."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("token", "give the token of the newest mail; it is good once, for a day")])


class SessionNotLive(Unauthenticated):
    """The session is over; sign in again."""


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account. There is none before the address is confirmed."""

    id: str
    name: str
    email: str
    email_key: str
    password_hash: str
    created_at: datetime

    def platform_roles(self, operator_keys: frozenset[str]) -> list[str]:
        """Return the roles that the user holds on the platform itself."""
        return [OPERATOR_ADMINISTRATOR] if self.email_key in operator_keys else []


@dataclass(frozen=True, slots=True)
class Registration:
    """Somebody's wish for an account, until its address is confirmed. Each try stands alone, with its own password.

    So nobody can choose the password of an account that somebody else confirms later with a registration of their own.
    """

    id: str
    name: str
    email: str
    email_key: str
    password_hash: str
    token_hash: str
    created_at: datetime
    expires_at: datetime

    def confirm(self, user_id: str, now: datetime) -> tuple[User, UserRegistered]:
        """Return the user that the confirmed registration becomes. Raises ``LinkNotValid``."""
        if now >= self.expires_at:
            raise LinkNotValid
        user = User(user_id, self.name, self.email, self.email_key, self.password_hash, created_at=now)
        return user, UserRegistered(user_id=user_id)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a session lives: ``idle`` after its last use, ``absolute`` after its beginning."""

    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in program or browser. Of its token only the fingerprint is kept."""

    id: str
    user_id: str
    token_hash: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime

    def is_live(self, now: datetime) -> bool:
        """Say whether the session has not lapsed."""
        return now < self.expires_at

    def used(self, now: datetime, lifetimes: Lifetimes) -> "Session":
        """Return the session as it is after being used now: its life is prolonged, within the absolute limit."""
        ends_at = self.created_at + lifetimes.absolute
        return replace(self, seen_at=now, expires_at=min(now + lifetimes.idle, ends_at))

    def is_worth_noting(self, now: datetime, lifetimes: Lifetimes) -> bool:
        """Say whether a use now is to be written down: not every one is, a hundredth of the idle time apart is enough."""
        return now - self.seen_at >= lifetimes.idle / 100

    def end(self) -> SessionEnded:
        """Return the fact that the session is over."""
        return SessionEnded(user_id=self.user_id, session_id=self.id)


def begin_session(session_id: str, user_id: str, token_hash: str, *, now: datetime, lifetimes: Lifetimes) -> Session:
    """Return a new session."""
    expires_at = now + min(lifetimes.idle, lifetimes.absolute)
    return Session(session_id, user_id, token_hash, created_at=now, seen_at=now, expires_at=expires_at)
