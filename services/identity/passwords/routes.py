"""How to ask for another password."""

from datetime import timedelta

from pydantic import Field
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.identity.accounts.domain import User
from services.identity.factors.access import has_second_factor
from services.identity.inputs import DEFAULT_LANGUAGE, EmailAddress, Input, LanguageCode
from services.identity.links.domain import Purpose
from services.identity.mail.actions import PostOffice
from services.identity.passwords import access, actions, rules
from services.identity.passwords.domain import NewPassword
from services.identity.passwords.hashing import Hasher
from services.identity.passwords.proof import Prover

_TYPED = 1000


class ChangePassword(Input):
    """What ``change_password`` takes; ``current_password`` may only be left out by who has none."""

    current_password: str | None = Field(None, max_length=_TYPED)
    password: str = Field(max_length=_TYPED)


class RequestPasswordReset(Input):
    """What ``request_password_reset`` takes. ``network_address`` is added by the gateway, where it knows it."""

    email: EmailAddress
    language: LanguageCode = DEFAULT_LANGUAGE
    network_address: str | None = Field(None, max_length=100)


class SetByLink(Input):
    """What ``reset_password`` and ``set_password`` take: the mail's token and the password that is wanted."""

    token: str = Field(max_length=200)
    password: str = Field(max_length=_TYPED)


class _Handlers:
    def __init__(self, hasher: Hasher, office: PostOffice, reset_ttl: timedelta) -> None:
        self._hasher = hasher
        self._prover = Prover(hasher)
        self._office = office
        self._reset_ttl = reset_ttl

    async def change_password(self, asked: Asked) -> Json:
        given = asked.read(ChangePassword)
        proven = await self._prover.prove(asked, given.current_password)
        new = await self._checked(asked, proven, given.password)
        await asked.transact(lambda tx: actions.change_password(tx, proven, new, self._office))
        return {"user_id": proven.id}

    async def request_password_reset(self, asked: Asked) -> Json:
        given = asked.read(RequestPasswordReset)
        await actions.count_reset(asked.reader(), given.email, given.network_address)
        forgotten = actions.Forgotten(given.email, given.language)
        await asked.transact(lambda tx: actions.request_reset(tx, forgotten, self._office, self._reset_ttl))
        return {"email": given.email}

    async def reset_password(self, asked: Asked) -> Json:
        given = asked.read(SetByLink)
        user = await access.user_of_link(asked.reader(), given.token, Purpose.RESET_PASSWORD)
        new = await self._checked(asked, user, given.password)
        user = await asked.transact(lambda tx: actions.reset_password(tx, given.token, new, self._office))
        return {"email": user.email}

    async def set_password(self, asked: Asked) -> Json:
        given = asked.read(SetByLink)
        user = await access.user_of_link(asked.reader(), given.token, Purpose.SET_PASSWORD)
        new = await self._checked(asked, user, given.password)
        user = await asked.transact(lambda tx: actions.set_first_password(tx, given.token, new, self._office))
        return {"email": user.email}

    async def _checked(self, asked: Asked, user: User, password: str) -> NewPassword:
        """Return a password as it is to be kept for a user, if it is accepted."""
        has_other = await has_second_factor(asked.reader(), user.id)
        rules.check(password, email=user.email, name=user.name, has_second_factor=has_other)
        return NewPassword(await self._hasher.hash(password), rules.is_long(password))


def routes(edge: Edge, hasher: Hasher, office: PostOffice, reset_ttl: timedelta) -> list[BaseRoute]:
    """Return the routes of passwords."""
    handlers = _Handlers(hasher, office, reset_ttl)
    r = Routes(edge)
    r.do("change_password", handlers.change_password)
    r.do("request_password_reset", handlers.request_password_reset)
    r.do("reset_password", handlers.reset_password)
    r.do("set_password", handlers.set_password)
    return r.collected
