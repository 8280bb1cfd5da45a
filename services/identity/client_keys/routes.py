"""How to ask about client keys."""

from typing import Any

from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.identity.client_keys import access, actions
from services.identity.client_keys.domain import ClientKey, read_public_key
from services.identity.inputs import Input


class RegisterClientKey(Input):
    """What ``register_client_key`` takes; ``jwk`` is a public JSON Web Key as text."""

    application_id: str
    jwk: str


class RemoveClientKey(Input):
    """What ``remove_client_key`` takes."""

    client_key_id: str


def _row(key: ClientKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "application_id": key.application_id,
        "kid": key.key.kid,
        "thumbprint": key.key.thumbprint,
        "algorithms": list(key.key.algorithms),
        "created_at": key.created_at,
    }


async def _register_client_key(asked: Asked) -> Json:
    given = asked.read(RegisterClientKey)
    asked.principal.require_signed_in()
    key = read_public_key(given.jwk)
    return _row(await asked.transact(lambda tx: actions.register_client_key(tx, given.application_id, key)))


async def _remove_client_key(asked: Asked) -> Json:
    given = asked.read(RemoveClientKey)
    key = await asked.transact(lambda tx: actions.remove_client_key(tx, given.client_key_id))
    return {"id": key.id, "application_id": key.application_id}


async def _client_keys_by_application(asked: Asked) -> Json:
    ids = asked.ids
    found = await access.of_applications(asked.reader(), ids)
    return [[_row(key) for key in found[each]] if each in found else None for each in ids]


def routes(edge: Edge) -> list[BaseRoute]:
    """Return the routes of client keys."""
    r = Routes(edge)
    r.do("register_client_key", _register_client_key)
    r.do("remove_client_key", _remove_client_key)
    r.load("client_keys_by_application", _client_keys_by_application)
    return r.collected
