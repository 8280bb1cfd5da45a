"""What a real proxy takes from nobody: paths that hide something, ids that callers make up, orders that an upstream gives."""

import asyncio
from typing import Any

import pytest

from tests.services.enforcement.stage import Client, DataPlaneStage, Product, until
from tests.services.enforcement.test_told import PATHS

pytestmark = pytest.mark.processes
DEPTHS = [(f"depth{depth}", "GET", "/" + "/".join(f"{{p{each}}}" for each in range(depth))) for depth in range(4)]
HTML = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"


async def ready(plane: DataPlaneStage, **how: Any) -> tuple[Client, Product]:
    client, product = await plane.application(), await plane.product(**how)
    await plane.subscribe(client, product)
    await plane.call_until(405, "PATCH", f"{product.base_path}/pets", client.headers)
    return client, product


async def raw(plane: DataPlaneStage, request: str) -> bytes:
    """Send bytes as they are and return the answer's head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.settings.proxy_port)
    writer.write(request.encode())
    try:
        async with asyncio.timeout(60):
            return await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()


async def test_the_upstream_gets_the_path_that_was_decided_on(plane: DataPlaneStage) -> None:
    client, product = await ready(plane, operations=DEPTHS)
    for written, meant in PATHS:
        if plane.settings.proxy == "nginx" and written.startswith("/.."):
            continue  # it refuses by itself what leads above the root
        path = written.replace("/api", product.base_path)
        before = len(plane.upstream.seen)
        token = client.headers["authorization"]
        head = await raw(plane, f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\nconnection: close\r\n\r\n")
        status = int(head.split()[1])
        if meant is None:
            assert (status, len(plane.upstream.seen)) == (400, before), written
        elif meant.endswith("/a/"):
            assert (status, len(plane.upstream.seen)) == (404, before), written  # no operation ends so
        else:
            assert status == 200, written
            assert plane.upstream.seen[-1]["request"].split()[1] == meant.replace("/api", product.base_path)


async def test_the_id_of_a_call_is_ours(plane: DataPlaneStage) -> None:
    client, product = await ready(plane)
    plane.upstream.answers["/pets/ids"] = HTML + b"x-request-id: theirs\r\n\r\nok"
    answer = await plane.call("GET", f"{product.base_path}/pets/ids", {**client.headers, "x-request-id": "mine"})
    (told,) = answer.headers.get_list("x-request-id")
    assert told not in ("mine", "theirs")
    assert plane.upstream.seen[-1]["x-request-id"] == told
    assert (await plane.record_of(answer))["operation_id"] == "getPet"


async def test_no_caller_takes_away_who_calls(plane: DataPlaneStage) -> None:
    client, product = await ready(plane)
    named = {"connection": "close, X-Portico-Organization"}
    assert (await plane.call("GET", f"{product.base_path}/pets", client.headers | named)).status_code == 200
    assert plane.upstream.seen[-1]["x-portico-organization"] == client.organization_id


async def test_an_upstream_gives_the_proxy_no_orders(plane: DataPlaneStage) -> None:
    client, product = await ready(plane)
    orders = b"x-accel-redirect: /.portico/check\r\nx-accel-limit-rate: 1\r\nportico-upstream: http://127.0.0.1:1\r\n"
    plane.upstream.answers["/pets/orders"] = HTML + orders + b"portico-verdict: a|b|c|d|e|f|g|h|i\r\n\r\nok"
    answer = await plane.call("GET", f"{product.base_path}/pets/orders", client.headers)
    assert (answer.status_code, answer.text) == (200, "ok")
    record = await plane.record_of(answer)
    assert (record["application_id"], record["rejection"]) == (client.application_id, None)


async def test_conditions_and_ranges_are_the_upstreams_to_judge(plane: DataPlaneStage) -> None:
    client, product = await ready(plane)
    dated = b'etag: "new"\r\nlast-modified: Mon, 01 Jan 2024 00:00:00 GMT\r\naccept-ranges: bytes\r\n\r\nok'
    plane.upstream.answers["/pets/dated"] = HTML + dated
    for condition in (
        {"if-match": '"old"'},
        {"if-none-match": '"new"'},
        {"if-modified-since": "Mon, 01 Jan 2024 00:00:00 GMT"},
        {"if-unmodified-since": "Sun, 01 Jan 2023 00:00:00 GMT"},
        {"range": "bytes=0-0"},
    ):
        answer = await plane.call("GET", f"{product.base_path}/pets/dated", client.headers | condition)
        assert (answer.status_code, answer.text) == (200, "ok"), condition
        assert condition.items() <= plane.upstream.seen[-1].items()


async def test_an_answer_of_the_upstream_passes_whatever_its_status(plane: DataPlaneStage) -> None:
    client, product = await ready(plane)
    for status in (400, 401, 403, 404, 405, 409, 410, 429, 500, 502, 503, 504):
        told = f"HTTP/1.1 {status} Told\r\ncontent-length: 5\r\ncontent-type: text/plain\r\n\r\ntheir".encode()
        plane.upstream.answers[f"/pets/{status}"] = told
        answer = await plane.call("GET", f"{product.base_path}/pets/{status}", client.headers)
        assert (answer.status_code, answer.text, answer.headers["content-type"]) == (status, "their", "text/plain")
        record = await plane.record_of(answer)
        assert (record["status"], record["rejection"]) == (status, None)


async def test_bytes_are_those_of_the_bodies_however_they_travel(plane: DataPlaneStage) -> None:
    client, product = await ready(plane)
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
    plane.upstream.answers["/pets"] = chunked

    async def pieces() -> Any:
        for _ in range(3):
            yield b"x" * 100

    answer = await plane.call("POST", f"{product.base_path}/pets", client.headers, content=pieces())
    del plane.upstream.answers["/pets"]
    assert answer.text == "abcdefg"
    record = await plane.record_of(answer)
    assert (record["status"], record["bytes_in"]) == (200, 300)
    # nginx counts the marks between the pieces, too.
    assert record["bytes_out"] == 7 if plane.settings.proxy == "envoy" else 7 < record["bytes_out"] < 20


async def test_an_upstream_that_goes_away_is_a_problem_and_recorded(plane: DataPlaneStage) -> None:
    client, product = await ready(plane)
    plane.upstream.answers["/pets/gone"] = b""
    answer = await plane.call("GET", f"{product.base_path}/pets/gone", client.headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "UPSTREAM_UNAVAILABLE")
    assert answer.headers["content-type"] == "application/problem+json"
    record = await plane.record_of(answer)
    assert (record["rejection"], record["operation_id"]) == ("UPSTREAM_UNAVAILABLE", "getPet")


async def test_what_is_no_request_is_refused_and_counted(plane: DataPlaneStage) -> None:
    before = len([each for each in plane.records if each["rejection"] == "CALL_NOT_READABLE"])
    for request in ("GET / HTTP/1.1\r\n\r\n", f"GET / HTTP/1.1\r\nhost: x\r\nlong: {'x' * 40_000}\r\n\r\n"):
        assert int((await raw(plane, request)).split()[1]) in (400, 431)
    last = await plane.call("GET", "/nowhere")
    at = (await plane.record_of(last))["at"]
    async with asyncio.timeout(60):
        while not plane.batches[-1]["read_through"] or plane.batches[-1]["read_through"] <= at:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert plane.batches[-1]["calls_total"] == plane.batches[-1]["records_total"]
    assert len([each for each in plane.records if each["rejection"] == "CALL_NOT_READABLE"]) == before + 2


async def test_a_caller_who_goes_away_is_recorded_as_such(plane: DataPlaneStage) -> None:
    client, product = await ready(plane)
    before = len(plane.upstream.seen)
    _, writer = await asyncio.open_connection("127.0.0.1", plane.settings.proxy_port)
    head = f"host: x\r\nauthorization: {client.headers['authorization']}"
    writer.write(f"GET {product.base_path}/slow HTTP/1.1\r\n{head}\r\n\r\n".encode())
    async with asyncio.timeout(60):
        while len(plane.upstream.seen) == before:  # noqa: ASYNC110 - it is what is waited for
            await asyncio.sleep(0.01)
    writer.close()

    async def recorded() -> list[dict[str, Any]]:
        return [
            each for each in plane.records if each["application_id"] == client.application_id and each["operation_id"] == "slow"
        ]

    (record,) = await until(recorded, 60)
    assert (record["status"], record["rejection"]) == (499, None)


async def test_a_refusal_does_not_wait_for_the_body(plane: DataPlaneStage) -> None:
    _, product = await ready(plane)
    answer = await plane.call("POST", f"{product.base_path}/pets", {}, content=b"x" * 2_000_000)
    assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_MISSING")
    assert (await plane.record_of(answer))["rejection"] == "TOKEN_MISSING"
