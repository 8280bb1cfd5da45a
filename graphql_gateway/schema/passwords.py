"""Passwords and addresses: how somebody replaces what they sign in with."""

from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import does, planned
from graphql_gateway.schema.described import input_, type_
from graphql_gateway.schema.languages import Language
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.services import IDENTITY


@input_
class ChangePasswordInput:
    """The present password and the one that shall replace it; who has none may leave the present one out."""

    current_password: str | None = strawberry.UNSET
    password: str


@input_
class RequestPasswordResetInput:
    """Which account's password was forgotten; the language is for a letter to an address without an account."""

    email: str
    language: Language = Language.EN


@input_
class ResetPasswordInput:
    """The token that the mail carries, and the new password."""

    token: str
    password: str


@input_
class SetPasswordInput:
    """The token that the letter of welcome carries, and the first password."""

    token: str
    password: str


@input_
class RequestEmailChangeInput:
    """The address that shall replace the present one, and the password; who has none may leave it out."""

    new_email: str
    password: str | None = strawberry.UNSET


@input_
class ConfirmEmailChangeInput:
    """The token that the mail to the new address carries."""

    token: str


@type_
class ChangedPassword:
    """A user with another password."""

    user_id: strawberry.ID


@type_
class WrittenTo:
    """An address that a mail was sent to, whatever it says."""

    email: str


@type_
class AccountReady:
    """An account to sign in to, by its address."""

    email: str


@type_
class PasswordMutations:
    """How passwords and addresses become other ones."""

    @does(IDENTITY, "change_password")
    def change_password(
        self, input_: Annotated[ChangePasswordInput, strawberry.argument(name="input")]
    ) -> Annotated[ChangedPassword | Problem, strawberry.union("ChangePasswordResult")]:
        """Replace one's password; all other sessions end."""
        planned(input_)

    @does(IDENTITY, "request_password_reset", adds=("network_address",))
    def request_password_reset(
        self, input_: Annotated[RequestPasswordResetInput, strawberry.argument(name="input")]
    ) -> Annotated[WrittenTo | Problem, strawberry.union("RequestPasswordResetResult")]:
        """Ask for a mail with which to choose a new password. The answer is the same for every address."""
        planned(input_)

    @does(IDENTITY, "reset_password")
    def reset_password(
        self, input_: Annotated[ResetPasswordInput, strawberry.argument(name="input")]
    ) -> Annotated[AccountReady | Problem, strawberry.union("ResetPasswordResult")]:
        """Choose a new password by a mailed token; all sessions end, and a second factor goes on being asked for."""
        planned(input_)

    @does(IDENTITY, "set_password")
    def set_password(
        self, input_: Annotated[SetPasswordInput, strawberry.argument(name="input")]
    ) -> Annotated[AccountReady | Problem, strawberry.union("SetPasswordResult")]:
        """Choose the first password of an account that was made for one."""
        planned(input_)

    @does(IDENTITY, "request_email_change")
    def request_email_change(
        self, input_: Annotated[RequestEmailChangeInput, strawberry.argument(name="input")]
    ) -> Annotated[WrittenTo | Problem, strawberry.union("RequestEmailChangeResult")]:
        """Ask for another address; a mail to it brings the token that confirms it."""
        planned(input_)

    @does(IDENTITY, "confirm_email_change")
    def confirm_email_change(
        self, input_: Annotated[ConfirmEmailChangeInput, strawberry.argument(name="input")]
    ) -> Annotated[AccountReady | Problem, strawberry.union("ConfirmEmailChangeResult")]:
        """Take the new address into use; from now on it is what one signs in with."""
        planned(input_)
