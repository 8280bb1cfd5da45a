"""The door to what is kept about a person: that person's alone."""

from typing import Any

from chassis.mongo import Reader
from services.identity.accounts.access import require_viewer
from services.identity.accounts.domain import User
from services.identity.organizations.access import standings_of
from services.identity.privacy import repository
from services.identity.privacy.domain import KEPT_ELSEWHERE


async def all_about(reader: Reader, proven: User) -> dict[str, Any]:
    """Return everything that identity keeps about the one who asks, who has proved who they are. Raises ``SignInFirst``."""
    user = await require_viewer(reader)
    assert user.id == proven.id
    standings = await standings_of(reader, user.id)
    told = await repository.tell(reader, user)
    for membership in told["memberships"]:
        standing = standings.get(membership["organization_id"])
        if standing is not None:
            membership |= {"organization_name": standing.organization.name, "role": str(standing.role)}
    return {
        "exported_at": reader.now,
        "account": {
            "id": user.id,
            "name": user.name,
            "email": user.email,
            "language": user.language,
            "created_at": user.created_at,
            "has_password": user.password_hash is not None,
            "platform_roles_granted": [str(each) for each in user.granted_roles],
        },
        **told,
        "kept_elsewhere": [dict(each) for each in KEPT_ELSEWHERE],
    }
