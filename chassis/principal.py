"""Who asks: the passport that identity mints, read and verified by every service for itself.

A passport is a JWT (type ``passport+jwt``, signed with Ed25519, at most a minute old). It carries the user's id, the session, the
role in each organization, and for each such role the actions that it allows; so the table of roles lives in one place, and yet
every service decides for itself.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chassis.errors import Forbidden, NotFound, Unauthenticated

HEADER = "portico-passport"
ALGORITHM = "Ed25519"
TYPE = "passport+jwt"
ISSUER = "portico/identity"
AUDIENCE = "portico/services"
MAX_AGE_SECONDS = 60
_LEEWAY_SECONDS = 5


class PassportNotAccepted(Unauthenticated):
    """The passport is not one that identity signed lately."""


class SignInFirst(Unauthenticated):
    """Sign in first."""


class RoleNotAllowed(Forbidden):
    """Your role in the organization does not allow this."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The one who asks, or nobody (``id`` is None)."""

    id: str | None = None
    session_id: str | None = None
    organizations: Mapping[str, str] = field(default_factory=dict)
    grants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    platform_roles: frozenset[str] = frozenset()

    @property
    def is_anonymous(self) -> bool:
        """Say whether nobody is signed in."""
        return self.id is None

    def require_signed_in(self) -> str:
        """Return the user's id. Raises ``SignInFirst``."""
        if self.id is None:
            raise SignInFirst
        return self.id

    def role_in(self, organization_id: str) -> str | None:
        """Return the role held in an organization, or None for a stranger."""
        return self.organizations.get(organization_id)

    def is_member(self, organization_id: str) -> bool:
        """Say whether the principal belongs to the organization."""
        return organization_id in self.organizations

    def may(self, action: str, organization_id: str) -> bool:
        """Say whether the role held in the organization allows the action."""
        role = self.organizations.get(organization_id)
        return role is not None and action in self.grants.get(role, frozenset())

    def require(self, action: str, organization_id: str) -> None:
        """Refuse unless the role allows the action; to a stranger the organization does not exist.

        Raises ``SignInFirst``, ``NotFound`` or ``RoleNotAllowed``.
        """
        self.require_signed_in()
        role = self.organizations.get(organization_id)
        if role is None:
            raise NotFound
        if action not in self.grants.get(role, frozenset()):
            raise RoleNotAllowed(f"As {role.lower()} of the organization you may not do this ({action}).")

    def has_platform_role(self, *roles: str) -> bool:
        """Say whether one of these platform roles is held."""
        return any(role in self.platform_roles for role in roles)


ANONYMOUS = Principal()


def system(part: str) -> Principal:
    """Return the principal under which a part of the platform acts by itself (reactions, timers)."""
    return Principal(id=f"system:{part}")


class KeyRing:
    """Public keys (a JWKS file), read again when the file changes, so that keys rotate without a restart."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at = 0.0
        self._changed_at = 0.0
        self._keys: KeySet | None = None

    def keys(self) -> KeySet:
        """Return the key set; looks at the file at most once a second."""
        moment = time.monotonic()
        if self._keys is None or moment - self._read_at > 1.0:
            self._read_at = moment
            changed_at = self._path.stat().st_mtime
            if self._keys is None or changed_at != self._changed_at:
                self._changed_at = changed_at
                self._keys = KeySet.import_key_set(orjson.loads(self._path.read_bytes()))
        return self._keys


class PassportVerifier:
    """Verifies passports against identity's public keys; remembers the verified ones until they expire."""

    def __init__(self, ring: KeyRing, *, now: Callable[[], float] = time.time) -> None:
        self._ring = ring
        self._now = now
        self._verified: dict[str, tuple[float, Principal]] = {}

    def verify(self, passport: str | None) -> Principal:
        """Return who stands behind a passport; without one, nobody. Raises ``PassportNotAccepted``."""
        if not passport:
            return ANONYMOUS
        moment = self._now()
        known = self._verified.get(passport)
        if known is not None and known[0] > moment:
            return known[1]
        claims = self._read(passport)
        principal = _to_principal(claims)
        if len(self._verified) > 10_000:
            self._verified.clear()
        self._verified[passport] = (float(claims["exp"]), principal)
        return principal

    def _read(self, passport: str) -> dict[str, Any]:
        try:
            token = jwt.decode(passport, self._ring.keys(), algorithms=[ALGORITHM])
            jwt.JWTClaimsRegistry(
                now=lambda: int(self._now()),
                leeway=_LEEWAY_SECONDS,
                iss={"essential": True, "value": ISSUER},
                aud={"essential": True, "value": AUDIENCE},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
            ).validate(token.claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise PassportNotAccepted from error
        claims: dict[str, Any] = token.claims
        if token.header.get("typ") != TYPE or claims["exp"] - claims["iat"] > MAX_AGE_SECONDS:
            raise PassportNotAccepted
        if claims["exp"] <= self._now():
            raise PassportNotAccepted
        return claims


def _to_principal(claims: Mapping[str, Any]) -> Principal:
    try:
        return Principal(
            id=str(claims["sub"]),
            session_id=claims.get("sid"),
            organizations={str(key): str(role) for key, role in claims["organizations"].items()},
            grants={role: frozenset(actions) for role, actions in claims["grants"].items()},
            platform_roles=frozenset(claims.get("platform_roles", ())),
        )
    except (KeyError, AttributeError, TypeError) as error:
        raise PassportNotAccepted from error
