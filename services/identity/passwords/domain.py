"""What is true of replacing a password."""

from dataclasses import dataclass

from chassis.errors import Conflict, FieldProblem, Forbidden
from services.identity.events import PasswordChanged

CHANGE, RESET = "CHANGE", "RESET"


class WrongPassword(Forbidden):
    """The password is not right."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("password", "give the password that you sign in with")])


class PasswordChangedMeanwhile(Conflict):
    """The password has been changed at this very moment by somebody else; look who is signed in, and try again."""


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A password that has been checked, as it is kept."""

    hash: str
    is_long: bool


def changed(user_id: str, by: str) -> PasswordChanged:
    """Return the fact that a user has another password."""
    return PasswordChanged(user_id=user_id, by=by)
