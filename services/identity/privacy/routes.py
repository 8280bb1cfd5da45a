"""How to ask for what is kept about oneself, and for its end."""

import orjson
from pydantic import Field
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.identity.inputs import Input
from services.identity.mail.actions import PostOffice
from services.identity.passwords.hashing import Hasher
from services.identity.passwords.proof import Prover
from services.identity.privacy import access, actions

_WRITTEN = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z


class ExportMyData(Input):
    """What ``export_my_data`` takes: the password, or nothing within a quarter of an hour after signing in."""

    password: str | None = Field(None, max_length=1000)


class EraseMyAccount(Input):
    """What ``erase_my_account`` takes; ``password`` may only be left out by who has none."""

    password: str | None = Field(None, max_length=1000)


class _Handlers:
    def __init__(self, prover: Prover, office: PostOffice) -> None:
        self._prover = prover
        self._office = office

    async def export_my_data(self, asked: Asked) -> Json:
        given = asked.read(ExportMyData)
        proven = await self._prover.prove(asked, given.password, fresh_is_enough=True)
        about = await access.all_about(asked.reader(), proven)
        return {"document": orjson.dumps(about, option=_WRITTEN).decode(), "exported_at": about["exported_at"]}

    async def erase_my_account(self, asked: Asked) -> Json:
        given = asked.read(EraseMyAccount)
        proven = await self._prover.prove(asked, given.password)
        user = await asked.transact(lambda tx: actions.erase_account(tx, proven, self._office))
        return {"user_id": user.id}


def routes(edge: Edge, hasher: Hasher, office: PostOffice) -> list[BaseRoute]:
    """Return the routes of privacy."""
    handlers = _Handlers(Prover(hasher), office)
    r = Routes(edge)
    r.do("export_my_data", handlers.export_my_data)
    r.do("erase_my_account", handlers.erase_my_account)
    return r.collected
