"""Who asks: the passport that identity mints, read and verified by every service for itself.

A passport is a JWT (type ``passport+jwt``, signed with Ed25519, at most a minute old). It carries the user's id, the session, the
role in each organization, and for each such role the actions that it allows; so the table of roles lives in one place, and yet
every service decides for itself. A visitor's passport says only that identity let somebody in who is nobody: it carries no rights
at all, so it may be older. Without any passport nothing is answered.

It also carries the version of the user's rights. Every service hears when they change and takes none of the older versions any
more: a change of role is in force everywhere as soon as it is heard, not a minute later.
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

from chassis import messages
from chassis.bus import Message
from chassis.errors import Forbidden, NotFound, Unauthenticated
from chassis.telemetry import log

HEADER = "portico-passport"
ALGORITHM = "Ed25519"
TYPE = "passport+jwt"
ISSUER = "portico/identity"
AUDIENCE = "portico/services"
MAX_AGE_SECONDS = 60
VISITOR = "visitor"
MAX_VISITOR_AGE_SECONDS = 12 * 3600
RIGHTS_CHANGED = "identity.rights_changed.v1"
SESSION_ENDED = "identity.session_ended.v1"
_LEEWAY_SECONDS = 5
_log = log("passports")
_MANY = 10_000


class PassportNotAccepted(Unauthenticated):
    """The passport is not one that identity signed lately."""


class PassportMissing(Unauthenticated):
    """Ask with a passport that identity has issued."""


class PassportOutdated(Unauthenticated):
    """The rights have changed since this passport was issued; ask with a new one."""


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
    rights_version: int = 0

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
            raise NotFound().within(organization_id)
        if action not in self.grants.get(role, frozenset()):
            raise RoleNotAllowed(f"As {role.lower()} of the organization you may not do this ({action}).").within(organization_id)

    def has_platform_role(self, *roles: str) -> bool:
        """Say whether one of these platform roles is held."""
        return any(role in self.platform_roles for role in roles)


ANONYMOUS = Principal()


def system(part: str) -> Principal:
    """Return the principal under which a part of the platform acts by itself (reactions, timers)."""
    return Principal(id=f"system:{part}")


class KeyRing:
    """Public keys (a JWKS file), read again when the file changes, so that keys rotate without a restart.

    A file that cannot be read changes nothing: the known keys stay. A key with an ``exp`` (seconds since 1970) ends then.
    """

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._looked_at = float("-inf")
        self._seen: tuple[int, int] | None = None
        self._published: list[dict[str, Any]] = []
        self._keys = KeySet([])

    def keys(self) -> KeySet:
        """Return the key set; looks at the file at most once a second."""
        moment = time.monotonic()
        if not self._published or moment - self._looked_at > 1.0:
            self._looked_at = moment
            self._read()
            self._leave_out_ended()
        return self._keys

    def _read(self) -> None:
        try:
            state = self._path.stat()
            seen = (state.st_mtime_ns, state.st_ino)
            if seen == self._seen:
                return
            published = orjson.loads(self._path.read_bytes())["keys"]
            self._keys = KeySet.import_key_set({"keys": published})
        except (OSError, ValueError, KeyError, TypeError, JoseError) as error:
            _log.warning("the passport keys cannot be read; the known ones stay", path=str(self._path), reason=str(error))
            return
        self._published, self._seen = published, seen

    def _leave_out_ended(self) -> None:
        moment = self._now()
        live = [each for each in self._published if each.get("exp", moment + 1) > moment]
        if len(live) != len(self._published):
            self._published = live
            self._keys = KeySet.import_key_set({"keys": live})


class Outdated:
    """What this process has heard of rights that changed and sessions that ended, for as long as a passport lives."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._versions: dict[str, tuple[float, int]] = {}
        self._ended: dict[str, float] = {}

    def hear(self, key: str, data: Mapping[str, Any]) -> None:
        """Take note of an announcement of identity."""
        forget_at = self._now() + MAX_AGE_SECONDS + _LEEWAY_SECONDS
        if key == RIGHTS_CHANGED:
            known = self._versions.get(data["user_id"], (0.0, 0))[1]
            self._versions[data["user_id"]] = (forget_at, max(known, data["rights_version"]))
        elif key == SESSION_ENDED:
            self._ended[data["session_id"]] = forget_at
        if len(self._versions) + len(self._ended) > _MANY:
            self._forget()

    def includes(self, principal: Principal) -> bool:
        """Say whether a passport says what is not true any more."""
        if principal.session_id in self._ended:
            return True
        known = self._versions.get(principal.id or "")
        return known is not None and principal.rights_version < known[1]

    def _forget(self) -> None:
        moment = self._now()
        self._versions = {key: each for key, each in self._versions.items() if each[0] > moment}
        self._ended = {key: forget_at for key, forget_at in self._ended.items() if forget_at > moment}


class PassportVerifier:
    """Verifies passports against identity's public keys; remembers the verified ones until they expire."""

    def __init__(self, ring: KeyRing, *, now: Callable[[], float] = time.time) -> None:
        self._ring = ring
        self._now = now
        self._verified: dict[str, tuple[float, Principal]] = {}
        self._outdated = Outdated(now)

    def verify(self, passport: str | None) -> Principal:
        """Return who stands behind a passport. Raises ``PassportMissing``, ``PassportNotAccepted`` or ``PassportOutdated``."""
        if not passport:
            raise PassportMissing
        principal = self._principal_of(passport)
        if self._outdated.includes(principal):
            raise PassportOutdated
        return principal

    async def hear(self, message: Message) -> None:
        """Take note of rights that changed and of sessions that ended."""
        heard = messages.read(message.body)
        self._outdated.hear(heard.key, heard.data)

    def _principal_of(self, passport: str) -> Principal:
        moment = self._now()
        known = self._verified.get(passport)
        if known is not None and known[0] > moment:
            return known[1]
        claims = self._read(passport)
        principal = _to_principal(claims)
        if len(self._verified) > _MANY:
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
        longest = MAX_VISITOR_AGE_SECONDS if claims["sub"] == VISITOR else MAX_AGE_SECONDS
        if token.header.get("typ") != TYPE or claims["exp"] - claims["iat"] > longest:
            raise PassportNotAccepted
        if claims["exp"] <= self._now():
            raise PassportNotAccepted
        return claims


def _to_principal(claims: Mapping[str, Any]) -> Principal:
    if claims["sub"] == VISITOR:
        return ANONYMOUS
    try:
        return Principal(
            id=str(claims["sub"]),
            session_id=claims.get("sid"),
            organizations={str(key): str(role) for key, role in claims["organizations"].items()},
            grants={role: frozenset(actions) for role, actions in claims["grants"].items()},
            platform_roles=frozenset(claims.get("platform_roles", ())),
            rights_version=int(claims.get("rights_version", 0)),
        )
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise PassportNotAccepted from error
