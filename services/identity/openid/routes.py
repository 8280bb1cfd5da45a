"""How to ask about outside providers and one's identities with them."""

from typing import Any

from pydantic import Field
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.identity import throttles
from services.identity.inputs import Input
from services.identity.openid import access, actions
from services.identity.openid.actions import OpenIdOffice
from services.identity.openid.domain import BEGINNINGS, read_return
from services.identity.openid.providers import require_provider

BEGINS = "it begins something that lasts for minutes and does nothing by itself: whoever did not hear of it begins anew"


class BeginOpenIdSignIn(Input):
    """What ``begin_open_id_sign_in`` and ``link_open_id`` take."""

    provider: str = Field(max_length=100)
    return_to: str | None = Field(None, max_length=2000)
    network_address: str | None = Field(None, max_length=100)


class UnlinkOpenId(Input):
    """What ``unlink_open_id`` takes."""

    provider: str = Field(max_length=100)


class _Handlers:
    def __init__(self, office: OpenIdOffice) -> None:
        self._office = office

    async def begin_open_id_sign_in(self, asked: Asked) -> Json:
        return await self._begin(asked, actions.begin)

    async def link_open_id(self, asked: Asked) -> Json:
        asked.principal.require_signed_in()
        return await self._begin(asked, actions.begin_link)

    async def _begin(self, asked: Asked, keep: Any) -> Json:
        given = asked.read(BeginOpenIdSignIn)
        provider = require_provider(self._office.providers, given.provider)
        return_to = read_return(given.return_to)
        network = throttles.network_of(given.network_address)
        if network is not None:
            await throttles.count_try(asked.reader(), BEGINNINGS, network)
        begun = actions.new_beginning()
        address = await self._office.client.authorization_address(provider, begun.state, begun.secrets)
        await asked.transact(lambda tx: keep(tx, provider, begun, return_to, office=self._office))
        return {"url": address, "state": begun.state}

    async def unlink_open_id(self, asked: Asked) -> Json:
        given = asked.read(UnlinkOpenId)
        identity = await asked.transact(lambda tx: actions.unlink(tx, given.provider))
        return {"provider": identity.provider}

    async def open_id_providers(self, asked: Asked) -> Json:
        rows = [{"name": each.name, "title": each.title} for each in self._office.providers.values()]
        return [rows for _ in asked.keys]

    async def outside_identities_of_viewer(self, asked: Asked) -> Json:
        rows = [
            {
                "provider": each.provider,
                "title": self._title_of(each.provider),
                "linked_at": each.linked_at,
                "last_used_at": each.last_used_at,
            }
            for each in await access.own_identities(asked.reader())
        ]
        return [rows for _ in asked.keys]

    def _title_of(self, name: str) -> str:
        provider = self._office.providers.get(name)
        return provider.title if provider else name


def routes(edge: Edge, office: OpenIdOffice) -> list[BaseRoute]:
    """Return the routes of outside identities."""
    handlers = _Handlers(office)
    r = Routes(edge)
    r.do("begin_open_id_sign_in", handlers.begin_open_id_sign_in, without_keys=BEGINS)
    r.do("link_open_id", handlers.link_open_id, without_keys=BEGINS)
    r.do("unlink_open_id", handlers.unlink_open_id)
    r.load("open_id_providers", handlers.open_id_providers)
    r.load("outside_identities_of_viewer", handlers.outside_identities_of_viewer)
    return r.collected
