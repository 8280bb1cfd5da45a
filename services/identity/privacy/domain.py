"""What is true of telling and erasing what is kept about a person."""

from collections.abc import Sequence

from chassis.errors import Conflict, FieldProblem
from services.identity.events import UserErased

KEPT_ELSEWHERE = (
    {
        "by": "notifications",
        "what": "what you were told, and of what you are mailed; it is forgotten with the account",
        "read": "viewer { inbox noticePreferences }",
    },
)
"""What other services keep about a person, and where the person reads it."""


class OwnsOrganizations(Conflict):
    """You are the Owner of organizations that others need; hand each of them over or delete it, then erase your account."""

    def __init__(self, names: Sequence[str]) -> None:
        named = ", ".join(names)
        message = f"{self.default_message().rstrip('.')}: {named}."
        super().__init__(message, fields=[FieldProblem("organizations", f"hand over or delete: {named}")])


def erased(user_id: str) -> UserErased:
    """Return the fact that a person's account and data are gone."""
    return UserErased(user_id=user_id)
