"""The socket at which the proxy beside enforcement asks: for its owner alone, and taken over by each new run."""

import asyncio
import stat
from pathlib import Path

import orjson
import pytest

from services.enforcement.checks.check import Check
from services.enforcement.checks.listener import CheckListener
from services.enforcement.checks.tokens import Keys, Tokens
from services.enforcement.epochs.freshness import Freshness
from services.enforcement.limits.rates import Rate
from services.enforcement.main import check_door, data_plane, fleet_plane
from services.enforcement.proxy.envoy.clusters import clusters
from services.enforcement.settings import EnforcementSettings
from services.enforcement.state.world import World
from tests.services.enforcement.stage import DataPlaneStage


def _listener(door: Path) -> CheckListener:
    tokens = Tokens(Keys(door.parent / "none.json"), "issuer", "audience")
    return CheckListener(Check(World(Rate(1, 1, 1)), tokens, lambda: False, Freshness(60)), "127.0.0.1", 0, door)


async def _asked(door: Path) -> bytes:
    reader, writer = await asyncio.open_unix_connection(door)
    writer.write(b"GET /envoy/zoo/a/v1 HTTP/1.1\r\n\r\n")
    answer = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return answer


async def test_a_new_run_takes_over_the_socket_of_the_former_one(tmp_path: Path) -> None:
    door = tmp_path / "check" / "socket"
    former, following = _listener(door), _listener(door)
    await former.start()
    assert (await _asked(door)).startswith(b"HTTP/1.1 503 ")
    assert stat.S_IMODE(door.stat().st_mode) == 0o600
    assert stat.S_IMODE(door.parent.stat().st_mode) == 0o700
    # The former one may have been killed, or may still be about to end.
    await following.start()
    assert (await _asked(door)).startswith(b"HTTP/1.1 503 ")
    await former.close()
    assert (await _asked(door)).startswith(b"HTTP/1.1 503 ")
    await following.close()
    with pytest.raises(ConnectionRefusedError):
        await _asked(door)
    await following.start()
    assert (await _asked(door)).startswith(b"HTTP/1.1 503 ")
    await following.close()


@pytest.mark.processes
async def test_the_proxy_beside_it_asks_there(plane: DataPlaneStage) -> None:
    door = plane.folder / "check" / "socket"
    if plane.settings.proxy == "nginx":
        assert f'server "unix:{door}"' in data_plane(plane.settings).nginx.configuration_file.read_text()
    else:
        found = orjson.loads((plane.folder / "dynamic" / "clusters.json").read_bytes())["resources"]
        assert str(door) in str(next(each for each in found if each["name"] == "check"))
    client, product = await plane.application(), await plane.product()
    await plane.subscribe(client, product)
    await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)


def test_others_ask_at_the_address(tmp_path: Path) -> None:
    settings = EnforcementSettings(data_plane=tmp_path / "plane", discovery_port=1, discovery_secret="s" * 32)
    assert check_door(settings) == tmp_path / "plane" / "check" / "socket"
    for other in ({"check_address": "check:8001"}, {"data_plane": None}, {"data_plane": tmp_path / ("x" * 100)}):
        assert check_door(settings.model_copy(update=other)) is None
    named = data_plane(settings.model_copy(update={"check_address": "check:8001"}))
    for plane in (fleet_plane(settings, 8001), named):
        assert "pipe" not in str(clusters(plane))
