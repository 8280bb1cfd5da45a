"""How to ask about accounts."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.identity.accounts import access, actions
from services.identity.accounts.domain import User
from services.identity.inputs import Input, LanguageCode, Name
from services.identity.mail.actions import AddressBook
from services.identity.sessions.domain import Lifetimes


class ChangeProfile(Input):
    """What ``change_profile`` takes; what is left out stays."""

    name: Name | None = None
    language: LanguageCode | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What differs per place: how long things live, and who operates the platform."""

    lifetimes: Lifetimes
    verification_ttl: timedelta
    book: AddressBook

    @property
    def operator_keys(self) -> frozenset[str]:
        """Return the addresses of those whom the setting names."""
        return self.book.operator_keys


def user_row(user: User, operator_keys: frozenset[str]) -> dict[str, Any]:
    """Return a user as the user's own programs see it."""
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "language": user.language.upper(),
        "platform_roles": user.platform_roles(operator_keys),
    }


class _Handlers:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    async def change_profile(self, asked: Asked) -> Json:
        given = asked.read(ChangeProfile)
        book = self._rules.book
        user = await asked.transact(lambda tx: actions.change_profile(tx, book, name=given.name, language=given.language))
        return user_row(user, self._rules.operator_keys)

    async def viewer(self, asked: Asked) -> Json:
        user = await access.viewer_of(asked.reader())
        row = {"user": user_row(user, self._rules.operator_keys)} if user else None
        return [row for _ in asked.keys]


def routes(edge: Edge, rules: Rules) -> list[BaseRoute]:
    """Return the routes of accounts."""
    handlers = _Handlers(rules)
    r = Routes(edge)
    r.do("change_profile", handlers.change_profile)
    r.load("viewer", handlers.viewer)
    return r.collected
