"""A call that comes before its announcement waits for it, once and bounded; everything else is refused at once."""

import asyncio
import time

import httpx

from services.enforcement.checks.listener import CheckListener
from tests.services.enforcement.stage import Client, Product, Stage


async def _known(stage: Stage) -> tuple[Client, Product]:
    """A client and a product that the check has heard of, and no subscription."""
    client, product, other = await stage.application(), await stage.product(), await stage.product("OPEN_TEST")
    await stage.check_until(200, "GET", f"{other.base_path}/pets", client.headers)
    return client, product


async def _refused_at_once(stage: Stage, target: str, client: Client) -> None:
    """What is held back takes a second each time; of many calls on a busy machine at least one is faster than that."""
    seconds = []
    for _ in range(20):
        began = time.monotonic()
        assert (await stage.check("GET", target, client.headers)).status_code == 403
        seconds.append(time.monotonic() - began)
    assert min(seconds) < 0.9


async def test_a_call_before_its_subscription_is_heard_of_waits_for_it(stage: Stage) -> None:
    client, product = await _known(stage)
    call = asyncio.create_task(stage.check("GET", f"{product.base_path}/pets", client.headers))
    await asyncio.sleep(0.1)
    assert not call.done()
    await stage.subscribe(client, product, "PENDING", "sub_early")
    await stage.subscribe(client, product, "ACTIVE", "sub_early")
    assert (await call).status_code == 200


async def test_a_call_before_its_application_is_heard_of_waits_for_it(stage: Stage) -> None:
    product = await stage.product("OPEN_TEST")
    client, _ = await _known(stage)
    token = stage.issuer.token("client-late", "sec_late")
    call = asyncio.create_task(stage.check("GET", f"{product.base_path}/pets", {"authorization": f"Bearer {token}"}))
    await asyncio.sleep(0.1)
    assert not call.done()
    data = {"application_id": "app_late", "organization_id": client.organization_id, "client_id": "client-late"}
    await stage.announce("identity.application_created", "app_late", name="Late", **data)
    assert (await call).status_code == 200


async def test_it_waits_once_and_then_refuses_at_once(stage: Stage) -> None:
    client, product = await _known(stage)
    target = f"{product.base_path}/pets"
    first = await stage.check("GET", target, client.headers)
    assert first.status_code == 403
    await _refused_at_once(stage, target, client)


async def test_what_has_ended_is_refused_at_once(stage: Stage) -> None:
    client, product = await _known(stage)
    target = f"{product.base_path}/pets"
    await stage.subscribe(client, product, "ACTIVE", "sub_ended")
    await stage.check_until(200, "GET", target, client.headers)
    await stage.subscribe(client, product, "CANCELLED", "sub_ended")
    await stage.check_until(403, "GET", target, client.headers)
    await _refused_at_once(stage, target, client)


async def test_requests_behind_a_waiting_one_are_answered_in_their_order(stage: Stage) -> None:
    client, product = await _known(stage)
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.check_port)
    head = f"GET /check{product.base_path}/pets HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {client.token}\r\n\r\n"
    writer.write(head.encode() + b"GET /check/a/b/c HTTP/1.1\r\nhost: x\r\n\r\nGET /elsewhere HTTP/1.1\r\nhost: x\r\n\r\n")
    statuses = []
    for _ in range(3):
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
        statuses.append(answer.lstrip(b"\r\n").split(b" ")[1] if answer.startswith(b"HTTP") else answer)
        length = int(httpx.Headers(_headers(answer)).get("content-length", "0"))
        await reader.readexactly(length)
    assert statuses == [b"403", b"401", b"404"]
    writer.close()


def _headers(answer: bytes) -> list[tuple[str, str]]:
    lines = answer.decode().split("\r\n")[1:]
    return [(name, value) for name, _, value in (line.partition(": ") for line in lines) if name]


async def test_a_caller_that_goes_away_gives_its_place_back(stage: Stage) -> None:
    client, product = await _known(stage)
    _, writer = await asyncio.open_connection("127.0.0.1", stage.check_port)
    head = f"GET /check{product.base_path}/pets HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {client.token}\r\n\r\n"
    writer.write(head.encode())
    await asyncio.sleep(0.1)
    patience = stage.worker(CheckListener)._check._patience
    assert patience._held == 1
    writer.close()
    for _ in range(100):
        if patience._held == 0:
            break
        await asyncio.sleep(0.02)
    assert patience._held == 0
