"""What is true of users."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chassis.errors import Forbidden, Invalid, Unauthenticated
from services.identity.events import UserReachable, UserRegistered
from services.identity.inputs import DEFAULT_LANGUAGE
from services.identity.links.domain import LinkNotValid

VERIFICATION_PREFIX = "ptv"
WELCOME_TTL = timedelta(days=7)


class PlatformRole(StrEnum):
    """What a member of the operator's staff is on the platform itself."""

    OPERATOR_ADMINISTRATOR = "OPERATOR_ADMINISTRATOR"
    BUSINESS_REPRESENTATIVE = "BUSINESS_REPRESENTATIVE"
    SECURITY_OFFICER = "SECURITY_OFFICER"
    SUPPORT = "SUPPORT"
    ANALYST = "ANALYST"
    AUDITOR = "AUDITOR"


class WrongCredentials(Unauthenticated):
    """The e-mail address or the password is not right."""


class AddressNotConfirmed(Forbidden):
    """Confirm your e-mail address first: open the link in the mail that was sent to it, or register again for a new one."""


class NobodyToInvite(Invalid):
    """There is no address to invite anybody by; it may have been erased. Ask for another person to write to."""


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account. There is none before the address is confirmed, unless the operator made it.

    Without a ``password_hash`` no password opens the account: its owner signs in by an outside provider, or has to set one first.
    ``password_is_long`` says that the password is good enough to be the only factor.
    ``granted_roles`` are the platform roles that an administrator of the operator has granted.
    ``rights_version`` grows whenever the user's rights change, so that what was issued before can be told from what is true now.
    """

    id: str
    name: str
    email: str
    email_key: str
    password_hash: str | None
    created_at: datetime
    language: str = DEFAULT_LANGUAGE
    rights_version: int = 0
    password_is_long: bool = False
    granted_roles: tuple[PlatformRole, ...] = ()

    def is_named_operator(self, operator_keys: frozenset[str]) -> bool:
        """Say whether the setting names the user as an administrator of the operator."""
        return self.email_key in operator_keys

    def platform_roles(self, operator_keys: frozenset[str]) -> list[PlatformRole]:
        """Return the roles that the user holds on the platform itself: those that were granted, and that of the setting."""
        named = [PlatformRole.OPERATOR_ADMINISTRATOR] if self.is_named_operator(operator_keys) else []
        return sorted({*self.granted_roles, *named})

    def reachable(self, sealed_address: str, *, is_named_operator: bool) -> UserReachable:
        """Return the fact that the user is called so and reached there; the address is sealed for notifications."""
        named = [PlatformRole.OPERATOR_ADMINISTRATOR] if is_named_operator else []
        return UserReachable(
            user_id=self.id,
            name=self.name,
            language=self.language,
            platform_roles=tuple(str(each) for each in sorted({*self.granted_roles, *named})),
            sealed_address=sealed_address,
        )


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
    language: str = DEFAULT_LANGUAGE

    def confirm(self, user_id: str, now: datetime) -> tuple[User, UserRegistered]:
        """Return the user that the confirmed registration becomes. Raises ``LinkNotValid``."""
        if now >= self.expires_at:
            raise LinkNotValid
        user = User(
            id=user_id,
            name=self.name,
            email=self.email,
            email_key=self.email_key,
            password_hash=self.password_hash,
            created_at=now,
            language=self.language,
            password_is_long=True,
        )
        return user, UserRegistered(user_id=user_id)
