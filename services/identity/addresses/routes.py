"""How to ask for another address."""

from datetime import timedelta

from pydantic import Field
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.identity.addresses import actions
from services.identity.inputs import EmailAddress, Input
from services.identity.mail.actions import PostOffice
from services.identity.passwords.hashing import Hasher
from services.identity.passwords.proof import Prover


class RequestEmailChange(Input):
    """What ``request_email_change`` takes; ``password`` may only be left out by who has none."""

    new_email: EmailAddress
    password: str | None = Field(None, max_length=1000)


class ConfirmEmailChange(Input):
    """What ``confirm_email_change`` takes."""

    token: str = Field(max_length=200)


class _Handlers:
    def __init__(self, prover: Prover, office: PostOffice, ttl: timedelta) -> None:
        self._prover = prover
        self._office = office
        self._ttl = ttl

    async def request_email_change(self, asked: Asked) -> Json:
        given = asked.read(RequestEmailChange)
        proven = await self._prover.prove(asked, given.password)
        await actions.count_change(asked.reader(), proven.id, given.new_email)
        await asked.transact(lambda tx: actions.request_email_change(tx, proven, given.new_email, self._office, ttl=self._ttl))
        return {"email": given.new_email}

    async def confirm_email_change(self, asked: Asked) -> Json:
        given = asked.read(ConfirmEmailChange)
        user = await asked.transact(lambda tx: actions.confirm_email_change(tx, given.token, self._office))
        return {"email": user.email}


def routes(edge: Edge, hasher: Hasher, office: PostOffice, ttl: timedelta) -> list[BaseRoute]:
    """Return the routes of addresses."""
    handlers = _Handlers(Prover(hasher), office, ttl)
    r = Routes(edge)
    r.do("request_email_change", handlers.request_email_change)
    r.do("confirm_email_change", handlers.confirm_email_change)
    return r.collected
