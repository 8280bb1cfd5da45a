"""What is true of changing an address."""

from chassis.errors import FieldProblem, Invalid
from services.identity.accounts.domain import User


class SameAddress(Invalid):
    """This is your address already."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("new_email", "give the address that shall replace the present one")])


def require_other(user: User, new_email: str) -> None:
    """Refuse the very address that the user has. Raises ``SameAddress``."""
    if user.email == new_email:
        raise SameAddress
