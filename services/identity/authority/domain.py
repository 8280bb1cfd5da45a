"""What a passport says."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.principal import AUDIENCE, ISSUER
from services.identity.accounts.domain import Session
from services.identity.organizations.roles import Role, grants_of


def passport_claims(
    session: Session, roles: Mapping[str, Role], platform_roles: list[str], *, now: datetime, ttl: timedelta
) -> dict[str, Any]:
    """Return the claims of a passport: the roles in each organization, and what each of these roles allows."""
    issued_at = int(now.timestamp())
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": session.user_id,
        "sid": session.id,
        "iat": issued_at,
        "exp": min(issued_at + int(ttl.total_seconds()), int(session.expires_at.timestamp()) + 1),
        "organizations": {organization_id: str(role) for organization_id, role in roles.items()},
        "grants": {str(role): list(grants_of(role)) for role in sorted(set(roles.values()))},
        "platform_roles": platform_roles,
    }


def expiry_of(claims: Mapping[str, Any]) -> datetime:
    """Return when a passport expires."""
    return datetime.fromtimestamp(claims["exp"], UTC)
