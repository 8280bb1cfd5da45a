"""Proving at the edge, before something grave is done, that the one who asks knows the account's password.

A password is hashed outside of any transaction; the action that follows makes sure that it is still the one that was proved
(``actions.hold_unchanged``).
"""

from chassis.errors import FieldProblem, Invalid
from chassis.web import Asked
from services.identity.accounts.access import require_viewer
from services.identity.accounts.domain import User
from services.identity.passwords import actions
from services.identity.passwords.domain import WrongPassword
from services.identity.passwords.hashing import Hasher
from services.identity.sessions.access import require_fresh


class PasswordNeeded(Invalid):
    """This asks for your password."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("password", "give the password that you sign in with")])


class Prover:
    """Verifies the password of the one who asks; tries are counted before they are made."""

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher

    async def prove(self, asked: Asked, password: str | None, *, fresh_is_enough: bool = False) -> User:
        """Return the one who asks, who has given the right password.

        Who has no password (or gives none, where ``fresh_is_enough``) has to have signed in a moment ago instead. Raises
        ``SignInFirst``, ``PasswordNeeded``, ``WrongPassword``, ``SignInAgain``, ``SessionNotLive``, ``TriedTooOften`` or
        ``TooBusyToHash``.
        """
        reader = asked.reader()
        user = await require_viewer(reader)
        if user.password_hash is None or (password is None and fresh_is_enough):
            await require_fresh(reader)
            return user
        if password is None:
            raise PasswordNeeded
        await actions.count_proof(reader, user.id)
        if not await self._hasher.verify(password, user.password_hash):
            raise WrongPassword
        await actions.forget_proofs(reader, user.id)
        return user
