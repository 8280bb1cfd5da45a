"""How to ask about accounts."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import Field
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.identity.accounts import access, actions, password_rules
from services.identity.accounts.domain import AddressNotConfirmed, Lifetimes, User, WrongCredentials
from services.identity.accounts.passwords import Hasher
from services.identity.inputs import EmailAddress, Input, Name
from services.identity.mail.actions import PostOffice
from services.identity.mint import csrf_token_for


class Register(Input):
    """What ``register`` takes."""

    email: EmailAddress
    password: str
    name: Name


class SignIn(Input):
    """What ``sign_in`` takes. ``network_address`` is added by the gateway, where it knows whence the request came."""

    email: str = Field(max_length=1000)
    password: str = Field(max_length=1000)
    network_address: str | None = Field(None, max_length=100)


@dataclass(frozen=True, slots=True)
class Rules:
    """What differs per place: how long things live, and who operates the platform."""

    lifetimes: Lifetimes
    verification_ttl: timedelta
    operator_keys: frozenset[str]


def user_row(user: User, operator_keys: frozenset[str]) -> dict[str, Any]:
    """Return a user as the user's own programs see it."""
    return {"id": user.id, "name": user.name, "email": user.email, "platform_roles": user.platform_roles(operator_keys)}


class _Handlers:
    def __init__(self, rules: Rules, hasher: Hasher, office: PostOffice) -> None:
        self._rules = rules
        self._hasher = hasher
        self._office = office

    async def register(self, asked: Asked) -> Json:
        given = asked.read(Register)
        password_rules.check(given.password, email=given.email, name=given.name)
        # Hashed before anything is looked up: a known address costs what an unknown one costs.
        wanted = actions.Wanted(given.email, given.name, await self._hasher.hash(given.password))
        await asked.transact(lambda tx: actions.register(tx, wanted, self._office, self._rules.verification_ttl))
        return {"email": given.email}

    async def sign_in(self, asked: Asked) -> Json:
        given = asked.read(SignIn)
        await asked.transact(lambda tx: actions.count_sign_in(tx, given.email, given.network_address))
        user = await actions.find_by_address(asked.reader(), given.email)
        unconfirmed = await actions.find_unconfirmed(asked.reader(), given.email)
        account = user or unconfirmed
        if not await self._hasher.verify(given.password, account.password_hash if account else None):
            raise WrongCredentials
        if user is None:
            raise AddressNotConfirmed
        new_hash = await self._hasher.hash(given.password) if self._hasher.is_outdated(user.password_hash) else None
        opened = await asked.transact(lambda tx: actions.open_session(tx, user, self._rules.lifetimes, new_hash=new_hash))
        return {
            "token": opened.token,
            "expires_at": opened.session.expires_at,
            "csrf_token": csrf_token_for(opened.token),
            "user": user_row(user, self._rules.operator_keys),
        }

    async def sign_out(self, asked: Asked) -> Json:
        await asked.transact(actions.sign_out)
        return {}

    async def viewer(self, asked: Asked) -> Json:
        user = await access.viewer_of(asked.reader())
        row = {"user": user_row(user, self._rules.operator_keys)} if user else None
        return [row for _ in asked.keys]


def routes(edge: Edge, rules: Rules, hasher: Hasher, office: PostOffice) -> list[BaseRoute]:
    """Return the routes of accounts."""
    handlers = _Handlers(rules, hasher, office)
    r = Routes(edge)
    r.do("register", handlers.register)
    r.do("sign_in", handlers.sign_in)
    r.do("sign_out", handlers.sign_out)
    r.load("viewer", handlers.viewer)
    return r.collected
