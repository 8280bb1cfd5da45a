"""The snippets for other proxies (`deploy/proxies`), each driven with a real one; Traefik's has its own file."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.local import LocalBus
from services.enforcement.checks.listener import CheckListener
from services.enforcement.main import build
from services.enforcement.settings import EnforcementSettings
from tests.services.enforcement.stage import Client, Issuer, Product, Stage, free_port, start, until
from tests.services.enforcement.upstream import Upstream

pytestmark = pytest.mark.processes
FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "proxies"
PLACES = os.pathsep.join(
    [os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", str(FOLDER.parents[1] / ".tools/traefik/bin")]
)
FORGED = {
    "X-Portico-Organization": "org_evil",
    "X-Portico-Other": "evil",
    "portico-upstream": "http://127.0.0.1:1",
    "portico-target": "/evil",
    "x-request-id": "mine",
}


@dataclass
class Behind:
    """A proxy that asks the stage's check; ``client`` may call ``product`` through it."""

    stage: Stage
    upstream: Upstream
    http: httpx.AsyncClient
    port: int
    client: Client
    product: Product
    kind: str

    async def call(self, method: str, path: str, headers: dict[str, str] | None = None, **how: Any) -> httpx.Response:
        return await self.http.request(method, path, headers={**self.client.headers, **(headers or {})}, **how)


@dataclass(frozen=True)
class Where:
    """Where a proxy listens, and what it reaches."""

    listen: str
    check: str
    sandbox: str
    folder: Path


def _command(kind: str, where: Where) -> tuple[list[str], dict[str, str]]:
    listen, check = where.listen, where.check
    binary = shutil.which(kind, path=PLACES)
    if kind == "traefik":
        return _traefik(binary, where), {}
    if binary is None:
        pytest.skip(f"There is no {kind} on this machine: `make proxies` may install one.")
    if kind == "caddy":
        run = [binary, "run", "--adapter", "caddyfile", "--config", str(FOLDER / "Caddyfile")]
        return run, {"LISTEN": f"http://{listen}", "CHECK": check}
    lua = {"PORTICO_LUA": str(FOLDER / "portico.lua"), "PORTICO_LISTEN": listen, "PORTICO_CHECK": check}
    return [binary, "-db", "-f", str(FOLDER / "haproxy.cfg")], lua


def _traefik(binary: str | None, where: Where) -> list[str]:
    if binary is None:
        pytest.skip("There is no Traefik on this machine: `make traefik` fetches one.")
    told = (FOLDER / "traefik.yml").read_text().replace("127.0.0.1:8001", where.check).replace("127.0.0.1:8081", where.sandbox)
    (where.folder / "calls.yml").write_text(told)
    settings = {
        "entrypoints.calls.address": where.listen,
        "providers.file.filename": where.folder / "calls.yml",
        "global.checknewversion": "false",
        "global.sendanonymoususage": "false",
    }
    return [binary, *(f"--{name}={value}" for name, value in settings.items())]


async def _started(stage: Stage, upstream: Upstream, http: httpx.AsyncClient, kind: str) -> Behind:
    async def answers() -> bool:
        try:
            answer = await http.get("/")
            # Some say 404 themselves until they have read what they are told.
            return answer.status_code == 404 and "problem" in answer.headers.get("content-type", "")
        except httpx.TransportError:
            return False

    await until(answers, 60)
    client, product = await stage.application(), await stage.product(rate_requests=1000, burst=1000)
    await stage.subscribe(client, product)
    await stage.check_until(405, "PATCH", f"{product.base_path}/pets", client.headers)
    return Behind(stage, upstream, http, int(str(http.base_url.port)), client, product, kind)


@pytest.fixture(scope="module", params=["caddy", "haproxy"])
async def behind(
    request: pytest.FixtureRequest, issuer: Issuer, make_store: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Behind]:
    async with running(request.param, issuer, make_store, tmp_path_factory.mktemp("other")) as made:
        yield made


@asynccontextmanager
async def running(kind: str, issuer: Issuer, make_store: Callable[..., Any], folder: Path) -> AsyncIterator[Behind]:
    """Start a proxy of another kind, and the check that it asks."""
    listen = f"127.0.0.1:{free_port()}"
    check = free_port()
    bus = LocalBus(folder / "bus.sqlite")
    await bus.start()
    upstream = Upstream()
    sandbox = await upstream.start()
    command, environment = _command(kind, Where(listen, f"127.0.0.1:{check}", sandbox, folder))
    settings = EnforcementSettings(
        keys_dir=issuer.folder, data_plane=None, check_port=check, sandbox_address=sandbox, upstream_loopback=True
    )
    service = build(settings, bus, make_store("enforcement"))
    await service.declare()
    await service.start()
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "proxy.log").open("ab") as output:
        process = start(command, stdout=output, stderr=output, env={**os.environ, **home, **environment}, start_new_session=True)
    async with httpx.AsyncClient(base_url=f"http://{listen}", trust_env=False) as http:
        yield await _started(Stage(bus, issuer, service), upstream, http, kind)
    process.kill()
    await asyncio.to_thread(process.wait, 60)
    await service.close()
    await upstream.close()
    await bus.close()


async def test_an_allowed_call_carries_who_calls_and_its_limits(behind: Behind) -> None:
    target = f"{behind.product.base_path}/pets/7?secret=1"
    answer = await behind.call("GET", target, FORGED)
    assert (answer.status_code, answer.text) == (200, "hello")
    assert answer.headers["ratelimit-policy"].startswith('"rate";q=1000')
    assert answer.headers["ratelimit"].startswith('"rate";r=')
    assert not [name for name in answer.headers if name.startswith(("portico-", "x-portico-"))]
    seen = behind.upstream.seen[-1]
    assert seen["request"] == f"GET {target} HTTP/1.1"
    ours = {name: value for name, value in seen.items() if "portico" in name and value}
    assert ours.pop("x-portico-subscription").startswith("sub_")
    assert ours == {
        "x-portico-application": behind.client.application_id,
        "x-portico-organization": behind.client.organization_id,
        "x-portico-product": behind.product.id,
        "x-portico-version": behind.product.version_id,
        "x-portico-operation": "getPet",
        "x-portico-plan": behind.product.plan_id,
    }
    assert "authorization" not in seen
    assert seen["x-request-id"] == answer.headers["x-request-id"] != "mine"


async def test_a_refusal_is_the_checks_own(behind: Behind) -> None:
    pets = f"{behind.product.base_path}/pets"
    before = len(behind.upstream.seen)
    for method, path, headers, status, code in (
        ("GET", pets, {"authorization": "Bearer a.b.c"}, 401, "TOKEN_INVALID"),
        ("GET", f"{behind.product.base_path}/cars", {}, 404, "OPERATION_NOT_FOUND"),
        ("DELETE", pets, {}, 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/no/such/api/pets", {}, 404, "API_NOT_FOUND"),
        ("GET", f"{pets}/a%2fb", {}, 400, "CALL_NOT_READABLE"),
    ):
        answer = await behind.call(method, path, headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-request-id"] == answer.json()["request_id"]
        assert "portico-verdict" not in answer.headers
        assert ("www-authenticate" in answer.headers) == (status == 401)
    assert (await behind.call("DELETE", pets)).headers["allow"] == "GET, POST"
    assert len(behind.upstream.seen) == before


async def test_no_caller_takes_away_who_calls(behind: Behind) -> None:
    await behind.call("GET", f"{behind.product.base_path}/pets", {"connection": "close, X-Portico-Organization"})
    assert behind.upstream.seen[-1]["x-portico-organization"] == behind.client.organization_id


async def test_an_escape_stays_as_it_was_written(behind: Behind) -> None:
    target = f"{behind.product.base_path}/pets/a%20b%25%3f?x=%2f&y"
    assert (await behind.call("GET", target)).status_code == 200
    assert behind.upstream.seen[-1]["request"].split()[1] == target


async def test_a_call_goes_where_the_check_says(behind: Behind) -> None:
    target = f"{behind.product.base_path}/pets/a%20b%25?x=%2f"
    assert (await behind.call("GET", f"/sandbox{target}")).status_code == 200
    assert behind.upstream.seen[-1]["request"].split()[1] == target
    own = Upstream()
    if behind.kind == "caddy":
        # It cannot put another path in front as it was written, so it calls no upstream of a version's own.
        await behind.stage.serve(behind.product, f"http://{await own.start()}/zoo")

        async def is_refused() -> bool:
            return (await behind.call("GET", target)).status_code == 503

        await until(is_refused, 60)
        await behind.stage.serve(behind.product, None)
        await until(lambda: _passes(behind, target), 60)
        assert own.seen == []
        await own.close()
        return
    await behind.stage.serve(behind.product, f"http://{await own.start()}/zoo", host_header="zoo.internal")

    async def arrives() -> bool:
        await behind.call("GET", target)
        return bool(own.seen)

    await until(arrives, 60)
    assert own.seen[-1]["request"].split()[1] == "/zoo/pets/a%20b%25?x=%2f"
    assert own.seen[-1]["host"] == "zoo.internal"
    await behind.stage.serve(behind.product, None)

    await until(lambda: _passes(behind, target), 60)
    await own.close()


async def _passes(behind: Behind, target: str) -> bool:
    before = len(behind.upstream.seen)
    return (await behind.call("GET", target)).status_code == 200 and len(behind.upstream.seen) > before


async def test_a_body_passes(behind: Behind) -> None:
    answer = await behind.call("POST", f"{behind.product.base_path}/pets", content=b"x" * 100_000)
    assert answer.status_code == 200
    assert behind.upstream.seen[-1]["request"].startswith("POST ")


async def test_nobody_is_let_in_for_one_call_and_sent_to_another(behind: Behind) -> None:
    before = len(behind.upstream.seen)
    pets = f"{behind.product.base_path}/pets"
    for told in ("x-original-uri", "x-original-url", "x-forwarded-uri"):
        answer = await behind.call("GET", f"{behind.product.base_path}/cars", {told: pets, "x-original-method": "GET"})
        assert answer.status_code in (400, 404)
    for told in ("x-original-method", "x-forwarded-method"):
        assert (await behind.call("DELETE", pets, {told: "GET"})).status_code in (400, 405)
    for path in (f"{pets}/../../../../evil", f"{pets}//7", f"{behind.product.base_path}/./pets"):
        reader, writer = await asyncio.open_connection("127.0.0.1", behind.port)
        head = f"host: 127.0.0.1:{behind.port}\r\nauthorization: {behind.client.headers['authorization']}\r\nconnection: close"
        writer.write(f"GET {path} HTTP/1.1\r\n{head}\r\n\r\n".encode())
        assert (await reader.read()).split()[1] in (b"400", b"404"), path
        writer.close()
    assert len(behind.upstream.seen) == before


async def test_nothing_passes_while_the_check_is_down(behind: Behind) -> None:
    path = f"{behind.product.base_path}/pets"
    assert (await behind.call("GET", path)).status_code == 200
    before = len(behind.upstream.seen)
    listener = behind.stage.worker(CheckListener)
    port = listener.port
    await listener.close()
    answer = await behind.call("GET", path)
    listener._port = port
    await listener.start()
    assert (answer.status_code, answer.json()["code"]) == (503, "CHECK_UNAVAILABLE")
    assert len(behind.upstream.seen) == before

    async def passes() -> bool:
        return (await behind.call("GET", path)).status_code == 200

    await until(passes, 60)
