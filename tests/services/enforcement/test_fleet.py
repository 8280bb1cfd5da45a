"""A fleet: members ask for their configuration and guard calls as the proxy that shares files does; what they take is followed.

The tests of the data plane are the same ones; here they run against a member.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import orjson
import pytest

from chassis.local import LocalBus
from services.enforcement.main import build, fleet_plane
from services.enforcement.proxy.fleet.discovery import CLUSTERS, ROUTES, Discovery, Question
from services.enforcement.proxy.published import Published
from services.enforcement.settings import EnforcementSettings
from services.enforcement.state.upstreams import Upstream as Named
from tests.services.enforcement.fleet import SECRET, FleetStage
from tests.services.enforcement.stage import DataPlaneStage, Issuer, free_port
from tests.services.enforcement.test_data_plane import (
    test_a_path_of_no_published_version_never_reaches_an_upstream,
    test_a_published_version_is_callable_and_a_cancelled_subscription_is_not_without_a_restart,
    test_an_allowed_call_carries_who_calls_to_the_upstream_and_its_limits_to_the_caller,
    test_nothing_passes_while_the_check_is_down,
    test_refusals_are_problems_and_are_recorded_with_what_is_known,
    test_the_batches_are_gapless_and_reach_the_proxys_own_count,
)
from tests.services.enforcement.test_unchecked import test_calls_of_an_open_product_pass_unchecked_and_say_so
from tests.services.enforcement.test_upstreams import (
    test_a_slow_upstream_and_a_broken_one_are_told_apart,
    test_production_goes_to_the_upstream_and_the_sandbox_stays,
    upstream,
)
from tests.services.enforcement.test_upstreams_tls import serve, test_an_upstream_that_proves_its_name_is_called
from tests.services.enforcement.upstream import Upstream

__all__ = [
    "serve",
    "test_a_path_of_no_published_version_never_reaches_an_upstream",
    "test_a_published_version_is_callable_and_a_cancelled_subscription_is_not_without_a_restart",
    "test_a_slow_upstream_and_a_broken_one_are_told_apart",
    "test_an_allowed_call_carries_who_calls_to_the_upstream_and_its_limits_to_the_caller",
    "test_an_upstream_that_proves_its_name_is_called",
    "test_calls_of_an_open_product_pass_unchecked_and_say_so",
    "test_nothing_passes_while_the_check_is_down",
    "test_production_goes_to_the_upstream_and_the_sandbox_stays",
    "test_refusals_are_problems_and_are_recorded_with_what_is_known",
    "test_the_batches_are_gapless_and_reach_the_proxys_own_count",
    "upstream",
]
pytestmark = pytest.mark.processes
PETS = Published("/zoo/pets/v1", "ver_1", "prd_1")
SERVED = PETS._replace(
    upstream=Named("ver_1", "https://api.zoo.example", "/v1", 5.0, "api.zoo.example"), addresses=("93.184.216.34:443",)
)


@pytest.fixture(scope="module")
async def plane(
    issuer: Issuer, make_store: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FleetStage]:
    """The whole data plane with a member of a fleet, started once for this file."""
    folder = tmp_path_factory.mktemp("fleet")
    bus = LocalBus(folder / "bus.sqlite")
    await bus.start()
    sandbox = Upstream()
    settings = EnforcementSettings(
        keys_dir=issuer.folder,
        data_plane=folder / "plane",
        fleet_folder=folder / "plane",
        discovery_port=free_port(),
        discovery_secret=SECRET,
        proxy_port=free_port(),
        sandbox_address=await sandbox.start(),
        upstream_timeout_seconds=1.0,
        upstream_loopback=True,
        upstream_calls=4,
    )
    stage = FleetStage(bus, issuer, build(settings, bus, make_store("enforcement")), settings=settings, upstream=sandbox)
    await stage.start()
    yield stage
    await stage.close()
    await sandbox.close()
    await bus.close()


def discovery() -> tuple[Discovery, "Time"]:
    """A discovery that has not been told anything yet, and the time that it lives in."""
    time = Time()
    settings = EnforcementSettings(discovery_port=1, discovery_secret=SECRET, data_plane=None)
    return Discovery(fleet_plane(settings, 1), time), time


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def ask(asked: Discovery, kind: str, version: str = "", member: str = "one") -> tuple[str, list[Any]] | None:
    answer = await asked.answer(Question(kind, member, ("calls",) if kind == ROUTES else (), version), hold_seconds=0)
    if answer is None:
        return None
    told = orjson.loads(answer)
    return told["version_info"], told["resources"]


async def test_versions_follow_from_what_is_said_so_that_every_instance_says_the_same() -> None:
    (one, _), (other, _) = discovery(), discovery()
    assert await ask(one, CLUSTERS) is None  # nothing is known yet, so nothing is taken away
    for each in (one, other):
        each.take([PETS])
    first = await ask(one, ROUTES)
    assert first is not None
    assert first == await ask(other, ROUTES)
    assert await ask(one, ROUTES, first[0]) is None
    other.take([SERVED])
    second = await ask(other, ROUTES)
    assert second is not None
    assert second[0] != first[0]


async def test_routes_come_once_the_member_knows_where_they_lead() -> None:
    asked, time = discovery()
    asked.take([PETS])
    clusters, routes = await ask(asked, CLUSTERS), await ask(asked, ROUTES)
    assert clusters is not None
    assert routes is not None
    assert await ask(asked, CLUSTERS, clusters[0]) is None
    asked.take([SERVED])
    assert await ask(asked, ROUTES, routes[0]) is None
    more = await ask(asked, CLUSTERS, clusters[0])
    assert more is not None
    assert [each["name"].split(":")[0] for each in more[1]] == ["check", "sandbox", "upstream"]
    assert await ask(asked, ROUTES, routes[0]) is None
    assert await ask(asked, CLUSTERS, more[0]) is None
    assert await ask(asked, ROUTES, routes[0]) is not None
    # What no route leads to any more goes a little later.
    asked.take([PETS])
    time.now += 1
    asked.tidy()
    assert await ask(asked, CLUSTERS, more[0]) is None
    time.now += 2
    asked.tidy()
    less = await ask(asked, CLUSTERS, more[0])
    assert less is not None
    assert less[0] == clusters[0]


async def test_who_refuses_is_known_and_is_not_given_the_same_at_once() -> None:
    asked, time = discovery()
    asked.take([PETS])
    given = await ask(asked, CLUSTERS)
    assert given is not None
    assert await ask(asked, CLUSTERS, "") is None
    assert asked.members["one"].refused["clusters"][0] == given[0]
    assert await ask(asked, CLUSTERS, member="two") == given
    time.now += 11
    assert await ask(asked, CLUSTERS, "") == given
    assert await ask(asked, CLUSTERS, given[0]) is None
    assert asked.members["one"].refused == {}
    time.now += 400
    asked.tidy()
    assert asked.members == {}


async def test_a_member_that_waits_is_told_at_once() -> None:
    asked, _ = discovery()
    asked.take([PETS])
    given = await ask(asked, CLUSTERS)
    assert given is not None
    waiting = asyncio.create_task(asked.answer(Question(CLUSTERS, "one", (), given[0]), hold_seconds=60))
    await asyncio.sleep(0)
    asked.take([SERVED])
    answer = await asyncio.wait_for(waiting, 60)
    assert answer is not None
    assert orjson.loads(answer)["type_url"] == "type.googleapis.com/envoy.config.cluster.v3.Cluster"


async def status_of_length(plane: DataPlaneStage, length: str) -> int:
    """The answer to a question that says that it is so long."""
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.settings.discovery_port)
    lines = ["POST /v3/discovery:clusters HTTP/1.1", f"authorization: Bearer {SECRET}", f"content-length: {length}", "", ""]
    writer.write("\r\n".join(lines).encode())
    answer = await reader.read()
    writer.close()
    return int(answer.split()[1])


BODY: dict[str, Any] = {"node": {"id": "stranger"}, "resource_names": [], "version_info": ""}
REFUSED: list[tuple[str, dict[str, Any], int]] = [
    ("/v3/discovery:clusters", {"json": BODY}, 401),
    ("/v3/discovery:clusters", {"json": BODY, "headers": {"authorization": "Bearer wrong"}}, 401),
    ("/v3/discovery:clusters", {"json": BODY, "headers": {"authorization": f"Basic {SECRET}"}}, 401),
    ("/v3/discovery:secrets", {"json": BODY, "headers": {"authorization": f"Bearer {SECRET}"}}, 400),
    ("/v3/discovery:clusters", {"content": b"{", "headers": {"authorization": f"Bearer {SECRET}"}}, 400),
    ("/v3/discovery:clusters", {"json": [], "headers": {"authorization": f"Bearer {SECRET}"}}, 400),
    ("/v3/discovery:clusters", {"json": {"node": {"id": 1}}, "headers": {"authorization": f"Bearer {SECRET}"}}, 400),
    ("/", {"json": BODY, "headers": {"authorization": f"Bearer {SECRET}"}}, 404),
]


async def test_nobody_is_told_anything_without_the_secret_or_for_a_wrong_question(plane: DataPlaneStage) -> None:
    address = f"http://127.0.0.1:{plane.settings.discovery_port}"
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=60) as http:
        for path, how, status in REFUSED:
            answer = await http.post(path, **how)
            assert (answer.status_code, answer.content) == (status, b""), path
        assert (await http.get("/v3/discovery:clusters")).status_code == 404
        assert await status_of_length(plane, "5000000") == 413
        assert await status_of_length(plane, "-1") == await status_of_length(plane, "") == 411
        allowed = await http.post("/v3/discovery:clusters", json=BODY, headers={"authorization": f"Bearer {SECRET}"})
        assert allowed.status_code == 200
        assert {each["name"].split(":")[0] for each in allowed.json()["resources"]} >= {"check", "sandbox"}


def test_a_fleet_needs_a_secret() -> None:
    for secret in ("", "short", "x" * 31, "x" * 40 + "%"):
        with pytest.raises(ValueError, match="DISCOVERY_SECRET"):
            EnforcementSettings(discovery_port=1, discovery_secret=secret)
