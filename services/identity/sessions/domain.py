"""What is true of sessions."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chassis.errors import NotFound, Unauthenticated
from services.identity.events import SessionEnded

SESSION_PREFIX = "pts"
METHODS = ("PASSWORD", "TOTP", "RECOVERY_CODE", "PASSKEY", "OPENID")
FRESH_FOR = timedelta(minutes=15)
USER_AGENT_LENGTH = 200


class SessionNotLive(Unauthenticated):
    """The session is over; sign in again."""


class SignInAgain(Unauthenticated):
    """This asks for a session that began a moment ago; sign in again and repeat it."""


class NoSuchSession(NotFound):
    """You have no such session."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a session lives: ``idle`` after its last use, ``absolute`` after its beginning."""

    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of the program or browser that signed in, for its owner to recognise it by."""

    user_agent: str | None = None
    network_address: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in program or browser. Of its token only the fingerprint is kept.

    ``methods`` are the proofs that were given at ``authenticated_at`` (one or more of ``METHODS``).
    """

    id: str
    user_id: str
    token_hash: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    authenticated_at: datetime
    methods: tuple[str, ...] = ("PASSWORD",)
    seen: Seen = field(default_factory=Seen)

    def is_live(self, now: datetime) -> bool:
        """Say whether the session has not lapsed."""
        return now < self.expires_at

    def is_fresh(self, now: datetime) -> bool:
        """Say whether its owner has proved who they are a moment ago."""
        return now - self.authenticated_at <= FRESH_FOR

    def proved(self, methods: Sequence[str], now: datetime) -> "Session":
        """Return the session as it is after its owner has proved anew who they are."""
        return replace(self, methods=tuple(methods), authenticated_at=now)

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


def begin_session(
    session_id: str, user_id: str, token_hash: str, *, now: datetime, lifetimes: Lifetimes, seen: Seen, methods: Sequence[str]
) -> Session:
    """Return a new session."""
    return Session(
        id=session_id,
        user_id=user_id,
        token_hash=token_hash,
        created_at=now,
        seen_at=now,
        expires_at=now + min(lifetimes.idle, lifetimes.absolute),
        authenticated_at=now,
        methods=tuple(methods),
        seen=Seen(_printable(seen.user_agent), seen.network_address),
    )


def _printable(text: str | None) -> str | None:
    """Return what a program calls itself, as it may be shown: one line of at most ``USER_AGENT_LENGTH`` characters."""
    shown = "".join(each if unicodedata.category(each)[0] not in "CZ" else " " for each in text or "")
    return " ".join(shown.split())[:USER_AGENT_LENGTH] or None
