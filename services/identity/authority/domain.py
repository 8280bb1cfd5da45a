"""What a passport says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.principal import AUDIENCE, ISSUER, MAX_VISITOR_AGE_SECONDS, VISITOR
from services.identity.organizations.roles import Role, grants_of
from services.identity.sessions.domain import Session


@dataclass(frozen=True, slots=True)
class Rights:
    """What a user may do, as of one version: the role in each organization, and the roles on the platform itself."""

    roles: Mapping[str, Role]
    platform_roles: list[str]
    version: int


def passport_claims(session: Session, rights: Rights, *, now: datetime, ttl: timedelta) -> dict[str, Any]:
    """Return the claims of a passport: the roles in each organization, and what each of these roles allows."""
    issued_at = int(now.timestamp())
    roles = rights.roles
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": session.user_id,
        "sid": session.id,
        "iat": issued_at,
        "exp": min(issued_at + int(ttl.total_seconds()), int(session.expires_at.timestamp()) + 1),
        "organizations": {organization_id: str(role) for organization_id, role in roles.items()},
        "grants": {str(role): list(grants_of(role)) for role in sorted(set(roles.values()))},
        "platform_roles": rights.platform_roles,
        "rights_version": rights.version,
    }


def visitor_claims(*, now: datetime) -> dict[str, Any]:
    """Return the claims of a visitor's passport, which carries no rights."""
    issued_at = int(now.timestamp())
    lasting = {"iat": issued_at, "exp": issued_at + MAX_VISITOR_AGE_SECONDS}
    return {"iss": ISSUER, "aud": AUDIENCE, "sub": VISITOR, **lasting}


def expiry_of(claims: Mapping[str, Any]) -> datetime:
    """Return when a passport expires."""
    return datetime.fromtimestamp(claims["exp"], UTC)
