"""The check as proxies ask it, and the state that it decides from."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from chassis.bus import Message
from chassis.inbox import wire
from chassis.local import LocalBus
from chassis.service import Service
from services.enforcement.checks.listener import CheckListener
from services.enforcement.limits.rates import Rate
from services.enforcement.main import build
from services.enforcement.reactions import REACTIONS
from services.enforcement.settings import EnforcementSettings
from services.enforcement.state import repository
from services.enforcement.state.copies import copy_of
from services.enforcement.state.feed import Feed
from services.enforcement.state.world import World
from tests.services.enforcement.hearing import has_heard
from tests.services.enforcement.stage import Issuer, Stage, message, until


async def _ready(stage: Stage, **plan: Any) -> tuple[Any, Any, str]:
    client, product = await stage.application(), await stage.product(**plan)
    subscription_id = await stage.subscribe(client, product)
    await has_heard(stage, client, product)
    await stage.check_until(405, "PATCH", f"{product.base_path}/pets", client.headers)
    return client, product, subscription_id


async def _start_workers(service: Service) -> None:
    """A further instance on the same bus: the reactions are the first one's already."""
    for worker in service.workers:
        await worker.start()


async def _close_workers(service: Service) -> None:
    for worker in reversed(service.workers):
        await worker.close()


async def test_other_proxies_tell_the_call_in_headers(stage: Stage) -> None:
    client, product, _ = await _ready(stage)
    path = f"{product.base_path}/pets/7?x=/check"
    forms: list[dict[str, str]] = [
        {"x-original-uri": path, "x-original-method": "GET"},
        {"x-original-url": f"https://api.example.org{path}", "x-original-method": "GET"},
        {"x-forwarded-uri": path, "x-forwarded-method": "GET"},
    ]
    for form in forms:
        for asked in ("", "/"):
            answer = await stage.check("POST", asked, {**client.headers, **form})
            assert (answer.status_code, answer.headers["x-portico-operation"]) == (200, "getPet")
    # Where the path itself tells the call, a caller's headers tell nothing.
    answer = await stage.check("GET", f"{product.base_path}/pets", {**client.headers, "x-forwarded-uri": "/evil"})
    assert answer.headers["x-portico-operation"] == "listPets"


@pytest.mark.parametrize("fact", ["secret", "application", "subscription"])
async def test_what_is_revoked_passes_no_more(stage: Stage, fact: str) -> None:
    client, product, subscription_id = await _ready(stage)
    path = f"{product.base_path}/pets"
    assert (await stage.check("GET", path, client.headers)).status_code == 200
    ids = {"application_id": client.application_id, "organization_id": client.organization_id, "client_id": client.client_id}
    if fact == "secret":
        await stage.announce("identity.secret_retired", client.application_id, secret_id=client.secret_id, **ids)
        answer = await stage.check_until(401, "GET", path, client.headers)
        assert answer.json()["code"] == "SECRET_RETIRED"
        other = {"authorization": "Bearer " + stage.issuer.token(client.client_id, "sec_other")}
        assert (await stage.check("GET", path, other)).status_code == 200
    elif fact == "application":
        await stage.announce("identity.application_deleted", client.application_id, **ids)
        answer = await stage.check_until(401, "GET", path, client.headers)
        assert answer.json()["code"] == "APPLICATION_UNKNOWN"
    else:
        await stage.subscribe(client, product, "CANCELLED", subscription_id)
        answer = await stage.check_until(403, "GET", path, client.headers)
        assert answer.json()["code"] == "NOT_SUBSCRIBED"


async def test_a_pending_subscription_is_none_yet(stage: Stage) -> None:
    client, product = await stage.application(), await stage.product()
    subscription_id = await stage.subscribe(client, product, "PENDING")
    path = f"{product.base_path}/pets"
    assert (await stage.check_until(403, "GET", path, client.headers)).json()["code"] == "NOT_SUBSCRIBED"
    await stage.subscribe(client, product, "ACTIVE", subscription_id)
    await stage.check_until(200, "GET", path, client.headers)


async def test_an_open_test_product_needs_an_application_and_no_subscription(stage: Stage) -> None:
    client, product = await stage.application(), await stage.product("OPEN_TEST")
    path = f"{product.base_path}/pets"
    answer = await stage.check_until(200, "GET", path, client.headers)
    assert answer.headers["ratelimit-policy"] == '"rate";q=5;w=1;portico-burst=10'
    assert "x-portico-subscription" not in answer.headers
    assert (await stage.check("GET", path)).status_code == 401
    stranger = {"authorization": "Bearer " + stage.issuer.token("nobody")}
    assert (await stage.check("GET", path, stranger)).json()["code"] == "APPLICATION_UNKNOWN"


async def test_a_changed_plan_is_in_force_at_once(stage: Stage) -> None:
    client, product, _ = await _ready(stage, rate_requests=1, rate_seconds=3600, burst=1)
    path = f"{product.base_path}/pets"
    assert (await stage.check("GET", path, client.headers)).status_code == 200
    assert (await stage.check("GET", path, client.headers)).status_code == 429
    await stage.plan(product, "plan_changed", rate_requests=1, rate_seconds=3600, burst=3)
    await stage.check_until(200, "GET", path, client.headers)


async def test_a_quota_ends_counts_only_what_passes_and_survives_a_restart(
    bus: LocalBus, issuer: Issuer, make_store: Callable[..., Any]
) -> None:
    store = make_store("enforcement")
    settings = EnforcementSettings(keys_dir=issuer.folder, data_plane=None)
    service = build(settings, bus, store)
    await service.declare()
    await service.start()
    stage = Stage(bus, issuer, service)
    client, product, _ = await _ready(stage, quota_calls=3, quota_period="MONTH")
    path = f"{product.base_path}/pets"
    answer = await stage.check("GET", path, client.headers)
    assert '"quota";q=3;w=2592000' in answer.headers["ratelimit-policy"]
    assert '"quota";r=2;t=' in answer.headers["ratelimit"]
    assert (await stage.check("GET", f"{path}/7", client.headers)).status_code == 200

    async def copied() -> bool:
        return len(await repository.copies_after(store.reader(), None)) >= 5

    await until(copied, 60)
    await service.close()
    again = build(settings, bus, store)
    await _start_workers(again)
    stage = Stage(bus, issuer, again)
    first = await stage.check("GET", path, client.headers)
    assert first.status_code == 200
    answer = await stage.check("GET", path, client.headers)
    assert (answer.status_code, answer.json()["code"]) == (429, "QUOTA_EXCEEDED")
    assert answer.headers["ratelimit"] == f'"quota";r=0;t={answer.headers["retry-after"]}'
    await _close_workers(again)


def _announcements() -> list[Message]:
    ids = {"application_id": "app_x", "organization_id": "org_x", "client_id": "client-x"}
    subscription = {"subscription_id": "sub_x", "application_id": "app_x", "product_id": "prd_x", "plan_id": "pln_x"}
    terms = {"plan_id": "pln_x", "product_id": "prd_x", "rate_seconds": 1, "burst": 2}
    operations = [{"operation_id": "list", "method": "GET", "path": "/pets"}]
    version = {"version_id": "ver_x", "product_id": "prd_x", "base_path": "/a/b/v1", "operations": operations}
    product = {"product_id": "prd_x", "organization_id": "org_p"}
    return [
        message("identity.application_created.v1", "app_x", 1, {**ids, "name": "First"}),
        message("identity.secret_issued.v1", "app_x", 2, {**ids, "secret_id": "sec_x"}),
        message("identity.application_changed.v1", "app_x", 3, {**ids, "client_id": "client-y"}),
        message("identity.secret_retired.v1", "app_x", 4, {**ids, "secret_id": "sec_x"}),
        message("catalog.product_created.v1", "prd_x", 1, {**product, "sensitivity": "STANDARD"}),
        message("catalog.product_changed.v1", "prd_x", 2, {**product, "sensitivity": "OPEN_TEST"}),
        message("catalog.api_version_published.v1", "ver_x", 1, version),
        message("catalog.upstream_changed.v1", "upstream:ver_x", 1, {"version_id": "ver_x", **_UPSTREAM, "url": None}),
        message("catalog.upstream_changed.v1", "upstream:ver_x", 2, {"version_id": "ver_x", **_UPSTREAM}),
        message("catalog.plan_created.v1", "pln_x", 1, {**terms, "rate_requests": 5}),
        message("catalog.plan_changed.v1", "pln_x", 2, {**terms, "rate_requests": 50, "quota_calls": 9, "quota_period": "DAY"}),
        message("subscriptions.subscription_requested.v1", "sub_x", 1, {**subscription, "status": "PENDING"}),
        message("subscriptions.subscription_activated.v1", "sub_x", 2, {**subscription, "status": "ACTIVE"}),
        message("subscriptions.subscription_cancelled.v1", "sub_x", 3, {**subscription, "status": "CANCELLED"}),
    ]


_UPSTREAM: dict[str, Any] = {
    "organization_id": "org_p",
    "url": "https://api.zoo.example/v2",
    "timeout_seconds": 5,
    "host_header": None,
    "authorities": None,
    "client_certificate": None,
}
_KEPT = {
    "app_x": {"kind": "application", "sequence": 3, "organization_id": "org_x", "client_id": "client-y", "is_deleted": False},
    "sec_x": {"kind": "secret", "sequence": 4, "application_id": "app_x", "is_retired": True},
    "prd_x": {
        "kind": "product",
        "sequence": 2,
        "organization_id": "org_p",
        "sensitivity": "OPEN_TEST",
        "needs_permission": False,
        "stays_open": False,
        "needs_agreement": False,
    },
    "upstream:ver_x": {"kind": "upstream", "sequence": 2, "version_id": "ver_x", **_UPSTREAM},
    "ver_x": {
        "kind": "version",
        "sequence": 1,
        "product_id": "prd_x",
        "base_path": "/a/b/v1",
        "operations": [{"operation_id": "list", "method": "GET", "path": "/pets"}],
    },
    "pln_x": {
        "kind": "plan",
        "sequence": 2,
        "product_id": "prd_x",
        "rate_requests": 50,
        "rate_seconds": 1,
        "burst": 2,
        "quota_calls": 9,
        "quota_period": "DAY",
        "quota_time_zone": "UTC",
    },
    "sub_x": {
        "kind": "subscription",
        "sequence": 3,
        "application_id": "app_x",
        "product_id": "prd_x",
        "plan_id": "pln_x",
        "status": "CANCELLED",
        "causes": [],
    },
}


_OF_ITS_WRITING = ("_id", "heard_at", "epoch", "announced_at", "audience", "is_republished", "in_force")


@pytest.mark.parametrize("order", ["in order", "backwards"])
async def test_copies_are_the_same_twice_and_out_of_order(make_store: Callable[..., Any], order: str) -> None:
    store = make_store("enforcement")
    await store.ensure_indexes([*repository.INDEXES])
    reactions = wire("enforcement", store, REACTIONS)
    announced = _announcements()
    for each in [*announced, *announced] if order == "in order" else [*reversed(announced), *announced]:
        for reaction in reactions:
            if each.key in reaction.keys:
                await reaction.handle(each)
    copies = {each.id: each for each in await repository.copies_after(store.reader(), None)}
    kept = {key: {name: each.fields[name] for name in each.fields if name not in _OF_ITS_WRITING} for key, each in copies.items()}
    assert kept == _KEPT


def test_the_state_in_memory_is_the_same_in_any_order() -> None:
    from chassis import messages

    copies = [copy_of(messages.read(each.body)) for each in _announcements()]
    straight, mixed = World(Rate(1, 1, 1)), World(Rate(1, 1, 1))
    for copy in copies:
        straight.apply(copy)
    for copy in [*reversed(copies), *copies]:
        mixed.apply(copy)
    for world in (straight, mixed):
        application = world.application_of("client-y")
        assert application is not None
        assert world.application_of("client-x") is None
        assert world.withdrawn_among(("sec_x",)) == "secret"
        assert [each.base_path for each in world.versions()] == ["/a/b/v1"]
        assert world.upstream_of("ver_x", "PRODUCTION").prefix == "/v2"
        assert world.upstream_of("ver_x", "SANDBOX").environment == "SANDBOX"
        lease = world.lease("app_x", "prd_x", 0, 0)
        assert lease is not None
        assert lease.subscription_id is None


async def test_an_announcement_without_a_needed_field_is_a_dead_letter(stage: Stage) -> None:
    await stage.announce("catalog.plan_created", "pln_bad", plan_id="pln_bad")

    async def dead() -> list[Any]:
        return await stage.bus.dead_letters("enforcement.remember_plan")

    letters = await until(dead)
    assert [each.code for each in letters] == ["ANNOUNCEMENT_NOT_USABLE"]


async def test_nothing_is_decided_before_the_state_is_loaded_and_what_was_kept_is_loaded(
    bus: LocalBus, issuer: Issuer, make_store: Callable[..., Any]
) -> None:
    store = make_store("enforcement")
    settings = EnforcementSettings(keys_dir=issuer.folder, data_plane=None)
    first = build(settings, bus, store)
    await first.declare()
    await first.start()
    stage = Stage(bus, issuer, first)
    client, product, _ = await _ready(stage)

    async def copied() -> bool:
        return len(await repository.copies_after(store.reader(), None)) >= 6

    await until(copied)
    await first.close()
    second = build(settings, bus, store)
    listener = Stage(bus, issuer, second).worker(CheckListener)
    await listener.start()
    early = Stage(bus, issuer, second)
    assert (await early.check("GET", f"{product.base_path}/pets", client.headers)).status_code == 503
    assert await second.ready_checks["state"]() is False
    await listener.close()
    await _start_workers(second)
    assert (await early.check("GET", f"{product.base_path}/pets", client.headers)).status_code == 200
    await _close_workers(second)


async def test_what_the_broadcast_missed_is_taken_from_the_copies(stage: Stage) -> None:
    client, product, subscription_id = await _ready(stage)
    listener = stage.worker(Feed)._listener
    assert listener is not None
    await listener.close()
    await stage.subscribe(client, product, "CANCELLED", subscription_id)
    await stage.check_until(403, "GET", f"{product.base_path}/pets", client.headers)


async def test_several_requests_on_one_connection_and_garbage(stage: Stage) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.check_port)
    writer.write(b"GET /check/a/b/c HTTP/1.1\r\nhost: x\r\n\r\nGET /elsewhere HTTP/1.1\r\nhost: x\r\n\r\n")
    first = await reader.readuntil(b"}")
    assert first.startswith(b"HTTP/1.1 401 ")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 404 ")
    writer.write(b"GARBAGE\r\n\r\n")
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.check_port)
    writer.write(b"GET /check/a HTTP/1.1\r\nx: " + b"a" * 200_000)
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
