"""Ways through outside providers: what begins one, what finishes it, and a world that knows providers."""

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any, Protocol

import pytest

from services.identity.openid.client import ProviderClient
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.providers import OwnProvider, own_provider, write_providers
from tests.services.identity.world import Person, Said, World


class MakeOutside(Protocol):
    """Make an identity that knows providers: ``await world_with({"issuer": …})``."""

    def __call__(self, *providers: dict[str, Any]) -> Awaitable[World]: ...


@pytest.fixture
async def outside() -> AsyncIterator[OwnProvider]:
    """A provider of our own."""
    async with own_provider() as running:
        yield running


@pytest.fixture
def world_with(make_world: MakeWorld, tmp_path: Path) -> MakeOutside:
    """Make an identity that knows providers."""

    async def make(*providers: dict[str, Any]) -> World:
        return await make_world(openid_providers_file=write_providers(tmp_path / "providers.json", *providers))

    return make


async def begin(world: World, by: Person | None = None, verb: str = "begin_open_id_sign_in", **given: Any) -> dict[str, str]:
    begun: dict[str, str] = (await world.do(verb, by, **{"provider": "outside", **given})).result
    return begun


async def sign_in(world: World, outside: OwnProvider, by: Person | None = None, **given: Any) -> Said:
    begun = await begin(world)
    return await world.do("finish_open_id_sign_in", by, **outside.code_for(begun["url"]), **given)


async def link(world: World, outside: OwnProvider, person: Person) -> Said:
    begun = await begin(world, person, "link_open_id")
    return await world.do("finish_open_id_sign_in", person, **outside.code_for(begun["url"]))


def client_of(world: World) -> ProviderClient:
    return next(each for each in world.service.workers if isinstance(each, ProviderClient))
