"""What is true of the operator's staff."""

from chassis.errors import Conflict, FieldProblem, Forbidden, NotFound
from services.identity.accounts.domain import PlatformRole, User
from services.identity.events import PlatformRoleGranted, PlatformRoleWithdrawn


class OperatorOnly(Forbidden):
    """Only an administrator of the operator may do this."""


class NoSuchUser(NotFound):
    """There is no such user; whoever is to be of the staff registers first."""

    def __init__(self, field: str) -> None:
        super().__init__(fields=[FieldProblem(field, "name somebody who has an account")])


class RoleFromSetting(Conflict):
    """The platform's setting of the operator's addresses gives this role; take the address out of it, then the role is gone."""


class LastAdministrator(Conflict):
    """Nobody else is an administrator of the operator; grant the role to somebody else first."""


def grant(user: User, role: PlatformRole) -> PlatformRoleGranted | None:
    """Return the fact that a user holds one more role, or None where it was granted before."""
    return None if role in user.granted_roles else PlatformRoleGranted(user_id=user.id, role=role)


def withdraw(user: User, role: PlatformRole, operator_keys: frozenset[str]) -> PlatformRoleWithdrawn | None:
    """Return the fact that a user does not hold a role any more, or None where it was not held. Raises ``RoleFromSetting``."""
    if role is PlatformRole.OPERATOR_ADMINISTRATOR and user.is_named_operator(operator_keys):
        raise RoleFromSetting
    return PlatformRoleWithdrawn(user_id=user.id, role=role) if role in user.granted_roles else None
