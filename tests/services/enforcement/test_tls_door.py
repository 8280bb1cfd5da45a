"""The TLS door of a real proxy: who gets through the handshake, what of a certificate travels on, what no caller can forge."""

import asyncio
import socket
import ssl
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest

from chassis.local import LocalBus
from services.enforcement.main import build, data_plane, proxy_command
from services.enforcement.proxy import certificate, files
from services.enforcement.proxy.plane import Kind
from services.enforcement.proxy.published import Published
from services.enforcement.settings import EnforcementSettings
from tests.certificates import Issued, a_key, issue
from tests.services.enforcement.stage import DataPlaneStage, Issuer, free_port, start, until
from tests.services.enforcement.upstream import Upstream

pytestmark = pytest.mark.processes
SECRET = "what the proxy shows to the certified edge: 100%"
FORGED = {
    "x-forwarded-client-cert": "Hash=" + "a" * 64 + ';Cert="forged"',
    "portico-client-certificate": "forged",
    "portico-certified": "forged",
}


@dataclass
class TlsStage:
    """A data plane with a TLS door; ``certified`` stands for the gateway's certified edge."""

    plane: DataPlaneStage
    certified: Upstream
    settings: EnforcementSettings
    folder: Path
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.settings.proxy_tls_port}"

    def client(self, shown: Issued | None = None, **how: Any) -> httpx.AsyncClient:
        """Return a client that trusts this place's authority and shows a certificate."""
        context = ssl.create_default_context(cafile=str(self.folder / "tls" / "ca.pem"))
        if shown is not None:
            context.load_cert_chain(*shown.write(self.folder / "clients", shown.hash))
        made = httpx.AsyncClient(base_url=self.url, verify=context, trust_env=False, **how)
        self.clients.append(made)
        return made


@pytest.fixture(scope="module")
async def tls(
    issuer: Issuer, make_store: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, proxy: Kind
) -> AsyncIterator[TlsStage]:
    folder = tmp_path_factory.mktemp("tls")
    bus = LocalBus(folder / "bus.sqlite")
    await bus.start()
    upstream, certified = Upstream(), Upstream()
    certificate.make_missing(folder / "tls")
    settings = EnforcementSettings(
        keys_dir=issuer.folder,
        data_plane=folder / "plane",
        proxy=proxy,
        proxy_port=free_port(),
        proxy_tls_port=free_port(),
        tls_certificate_file=folder / "tls" / "server.pem",
        tls_key_file=folder / "tls" / "server.key",
        sandbox_address=await upstream.start(),
        certified_address=await certified.start(),
        certified_secret=SECRET,
        upstream_timeout_seconds=1.0,
    )
    plane = DataPlaneStage(bus, issuer, build(settings, bus, make_store("enforcement")), settings=settings, upstream=upstream)
    await plane.start()
    stage = TlsStage(plane, certified, settings, folder)
    yield stage
    for client in stage.clients:
        await client.aclose()
    await plane.close()
    await upstream.close()
    await certified.close()
    await bus.close()


async def test_calls_pass_with_a_certificate_and_without_one(tls: TlsStage) -> None:
    client, product = await tls.plane.application(), await tls.plane.product()
    await tls.plane.subscribe(client, product)
    path = f"{product.base_path}/pets"
    await tls.plane.call_until(200, "GET", path, client.headers)
    for shown in (None, issue()):
        answer = await tls.client(shown).get(path, headers=client.headers | FORGED)
        assert answer.status_code == 200
        seen = tls.plane.upstream.seen[-1]
        assert not {"authorization", *FORGED} & set(seen)
        assert (await tls.plane.record_of(answer))["operation_id"] == "listPets"
    plain = await tls.plane.call("GET", path, client.headers | FORGED)
    assert plain.status_code == 200
    assert not {"authorization", *FORGED} & set(tls.plane.upstream.seen[-1])


@pytest.mark.parametrize("kind", ["P-256", "P-384", "P-521", "RSA-2048", "Ed25519"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_every_kind_of_key_that_can_be_registered_gets_through_the_handshake(
    tls: TlsStage, kind: str, version: ssl.TLSVersion
) -> None:
    shown = issue(key=a_key(kind), common=f"{kind} {version.name}")
    client = tls.client(shown)
    client._transport._pool._ssl_context.maximum_version = version  # type: ignore[attr-defined]
    assert (await client.post("/oauth/token")).status_code == 200
    assert unquote(tls.certified.seen[-1]["portico-client-certificate"]) == shown.pem


async def test_token_requests_reach_the_certified_edge_with_what_the_handshake_showed(tls: TlsStage) -> None:
    shown = issue()
    for path in ("/oauth/token", "/oauth/introspect?x=1", "/oauth/revoke"):
        answer = await tls.client(shown).post(path, headers={"authorization": "Basic abc", **FORGED}, content=b"grant_type=x")
        assert answer.status_code == 200
        seen = tls.certified.seen[-1]
        assert seen["request"] == f"POST {path} HTTP/1.1"
        assert unquote(seen["portico-client-certificate"]) == shown.pem
        assert (seen["portico-certified"], seen["authorization"]) == (SECRET, "Basic abc")
        assert "x-forwarded-client-cert" not in seen
    answer = await tls.client().post("/oauth/token", headers=FORGED)
    assert answer.status_code == 200
    seen = tls.certified.seen[-1]
    assert seen.get("portico-client-certificate") in (None, "", "-")
    assert seen["portico-certified"] == SECRET


async def test_the_plain_door_leads_to_no_authorization_server(tls: TlsStage) -> None:
    before = len(tls.certified.seen)
    assert (await tls.plane.call("POST", "/oauth/token", FORGED)).status_code == 404
    assert (await tls.client().get("/oauth/other")).status_code == 404
    assert len(tls.certified.seen) == before


async def test_token_requests_are_no_calls(tls: TlsStage) -> None:
    before = len(tls.plane.records)
    for _ in range(5):
        await tls.client(issue()).post("/oauth/token")
    answer = await tls.plane.call("GET", "/nowhere")
    await tls.plane.record_of(answer)

    async def is_whole() -> bool:
        last = tls.plane.batches[-1]
        return bool(last["records_total"] == last["calls_total"])

    await until(is_whole)
    assert [record["rejection"] for record in tls.plane.records[before:]][-1] == "API_NOT_FOUND"
    assert len(tls.plane.records) == tls.plane.batches[-1]["records_total"]


@asynccontextmanager
async def listening(tls: TlsStage) -> AsyncIterator[tuple[EnforcementSettings, list[str]]]:
    """Run a proxy whose check refuses everything and keeps what it was asked; give its settings and the questions."""
    lines: list[str] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    folder = tls.folder / "listening"
    settings = tls.settings.model_copy(
        update={
            "data_plane": folder,
            "proxy_port": free_port(),
            "proxy_tls_port": free_port(),
            "check_address": f"127.0.0.1:{server.sockets[0].getsockname()[1]}",
        }
    )
    plane = data_plane(settings)
    files.prepare(plane)
    if plane.kind == "envoy":
        files.write_routes(plane, [Published("/api", "ver_1", "prd_1")])
    with (folder / "envoy.log").open("ab") as output:
        envoy = start(proxy_command(settings), stdout=output, stderr=output)
    try:
        yield settings, lines
    finally:
        envoy.terminate()
        await asyncio.to_thread(envoy.wait, 10)
        server.close()


async def test_the_check_learns_of_the_certificate_from_the_handshake_alone(tls: TlsStage) -> None:
    async with listening(tls) as (settings, lines):
        shown = issue()
        # Envoy tells the hash of what it was shown; nginx, which cannot hash it, all of it.
        told = {
            "envoy": f"x-forwarded-client-cert: hash={shown.hash}\r\n",
            "nginx": f"portico-client-certificate: {quote(shown.pem, safe='~').lower()}\r\n",
        }[settings.proxy]
        tls_url, plain_url = f"https://localhost:{settings.proxy_tls_port}/api/x", f"http://127.0.0.1:{settings.proxy_port}/api/x"
        client = tls.client(shown)

        async def answers() -> bool:
            try:
                return (await client.get(tls_url, headers=FORGED)).status_code == 403
            except httpx.TransportError:
                return False

        await until(answers)
        assert told in lines[-1]
        assert "forged" not in lines[-1]
        for http, url in ((tls.client(), tls_url), (client, plain_url)):
            assert (await http.get(url, headers=FORGED)).status_code == 403
            assert "-cert" not in lines[-1]
            assert "forged" not in lines[-1]


async def test_only_modern_tls_gets_in(tls: TlsStage) -> None:
    for minimum, maximum, ciphers, gets_in in (
        ("tls1_3", "tls1_3", "DEFAULT", True),
        ("tls1_2", "tls1_2", "ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("tls1_2", "tls1_2", "ECDHE-ECDSA-AES128-SHA", False),
        ("tls1", "tls1_1", "DEFAULT@SECLEVEL=0", False),
    ):
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{tls.settings.proxy_tls_port}", "-cipher", ciphers]
        command += ["-min_protocol", minimum.replace("tls", "TLSv").replace("_", "."), "-brief"]
        command += ["-max_protocol", maximum.replace("tls", "TLSv").replace("_", ".")]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        assert (b"CONNECTION ESTABLISHED" in output) == gets_in, output.decode()


async def test_http_2_is_spoken_over_tls(tls: TlsStage) -> None:
    process = await asyncio.create_subprocess_exec(
        "curl", "--silent", "--cacert", str(tls.folder / "tls" / "ca.pem"), "--http2", "--output", "/dev/null",
        "--write-out", "%{http_version} %{http_code}", f"{tls.url}/nowhere", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert output == b"2 404"


async def test_a_renewed_server_certificate_is_taken_over_while_it_runs(tls: TlsStage) -> None:
    def served() -> bytes:
        context = ssl.create_default_context(cafile=str(tls.folder / "tls" / "ca.pem"))
        with (
            socket.create_connection(("127.0.0.1", tls.settings.proxy_tls_port)) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as wrapped,
        ):
            return wrapped.getpeercert(binary_form=True) or b""

    before = await asyncio.to_thread(served)
    assert certificate.make_missing(tls.folder / "tls") == []
    assert certificate.make_missing(tls.folder / "tls", ["another.example"]) == ["server.key", "server.pem"]

    async def is_new() -> bool:
        return await asyncio.to_thread(served) != before

    await until(is_new)


def test_private_files_are_for_their_owner_alone(tls: TlsStage) -> None:
    secret = "nginx.conf" if tls.settings.proxy == "nginx" else "dynamic/routes-tls.json"
    private = [*(tls.folder / "tls").glob("*.key"), tls.plane.folder / secret]
    assert len(private) == 3
    for path in private:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for path in (tls.folder / "plane").rglob("*"):
        if path.is_file() and path != tls.plane.folder / secret:
            text = path.read_text(errors="replace")
            assert "PRIVATE KEY" not in text, path
            assert SECRET not in text, path


def test_a_certificate_of_somebody_elses_stays(tmp_path: Path) -> None:
    issue().write(tmp_path, "server")
    before = (tmp_path / "server.pem").read_text()
    assert certificate.make_missing(tmp_path, ["x.example"]) == []
    assert (tmp_path / "server.pem").read_text() == before
