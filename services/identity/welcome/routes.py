"""How to ask to be welcomed."""

from datetime import timedelta

from pydantic import Field
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.identity.accounts.actions import Wanted, count_registration, register
from services.identity.inputs import DEFAULT_LANGUAGE, EmailAddress, Input, LanguageCode, Name
from services.identity.mail.actions import PostOffice
from services.identity.passwords import rules
from services.identity.passwords.hashing import Hasher
from services.identity.welcome import actions


class Register(Input):
    """What ``register`` takes. ``network_address`` is added by the gateway, where it knows whence the request came."""

    email: EmailAddress
    password: str = Field(max_length=1000)
    name: Name
    language: LanguageCode = DEFAULT_LANGUAGE
    network_address: str | None = Field(None, max_length=100)


class VerifyEmail(Input):
    """What ``verify_email`` takes."""

    token: str = Field(max_length=200)


class _Handlers:
    def __init__(self, hasher: Hasher, office: PostOffice, verification_ttl: timedelta) -> None:
        self._hasher = hasher
        self._office = office
        self._verification_ttl = verification_ttl

    async def register(self, asked: Asked) -> Json:
        given = asked.read(Register)
        await count_registration(asked.reader(), given.email, given.network_address)
        rules.check(given.password, email=given.email, name=given.name)
        # Hashed before anything is looked up: a known address costs what an unknown one costs.
        password_hash = await self._hasher.hash(given.password)
        wanted = Wanted(given.email, given.name, password_hash, given.language)
        await asked.transact(lambda tx: register(tx, wanted, self._office, self._verification_ttl))
        return {"email": given.email}

    async def verify_email(self, asked: Asked) -> Json:
        given = asked.read(VerifyEmail)
        user = await asked.transact(lambda tx: actions.verify_email(tx, given.token, self._office.book))
        return {"user_id": user.id}


def routes(edge: Edge, hasher: Hasher, office: PostOffice, verification_ttl: timedelta) -> list[BaseRoute]:
    """Return the routes of the welcome."""
    handlers = _Handlers(hasher, office, verification_ttl)
    r = Routes(edge)
    r.do("register", handlers.register)
    r.do("verify_email", handlers.verify_email)
    return r.collected
