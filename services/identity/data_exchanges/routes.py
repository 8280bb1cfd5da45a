"""How to ask about data exchanges."""

from typing import Any

from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.identity.data_exchanges import access
from services.identity.data_exchanges.domain import DataExchange


def data_exchange_row(data_exchange: DataExchange) -> dict[str, Any]:
    """Return a data exchange as those see it who may."""
    return {
        "id": data_exchange.id,
        "organization_id": data_exchange.organization_id,
        "number": data_exchange.number,
        "assigned_at": data_exchange.assigned_at,
    }


async def _data_exchanges_by_id(asked: Asked) -> Json:
    ids = asked.ids
    found = await access.visible(asked.reader(), ids)
    return [data_exchange_row(found[key]) if key in found else None for key in ids]


async def _data_exchanges_by_organization(asked: Asked) -> Json:
    ids = asked.ids
    found = await access.of_organizations(asked.reader(), ids)
    return [data_exchange_row(found[key]) if key in found else None for key in ids]


def routes(edge: Edge) -> list[BaseRoute]:
    """Return the routes of data exchanges."""
    r = Routes(edge)
    r.load("data_exchanges_by_id", _data_exchanges_by_id)
    r.load("data_exchanges_by_organization", _data_exchanges_by_organization)
    return r.collected
