"""Upstreams over TLS: whose certificates count, for which names, and what is shown to them."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.certificates import Issued, authority, issue
from tests.services.enforcement.stage import Client, DataPlaneStage, Product
from tests.services.enforcement.upstream import Upstream

pytestmark = pytest.mark.processes
ROOT, STRANGER = authority("Upstreams"), authority("Strangers")
UNAVAILABLE = (503, "UPSTREAM_UNAVAILABLE")


@dataclass
class System:
    """A provider's own system over TLS."""

    upstream: Upstream
    port: int

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"


def server(names: Sequence[str], by: Issued = ROOT) -> Issued:
    alternatives: list[x509.GeneralName] = [
        x509.IPAddress(ip_address(each)) if each[0].isdigit() else x509.DNSName(each) for each in names
    ]
    return issue(by=by, usages=[ExtendedKeyUsageOID.SERVER_AUTH], extensions=[(x509.SubjectAlternativeName(alternatives), False)])


Serve = Callable[..., Awaitable[System]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    started: list[Upstream] = []

    async def serve(shown: Issued, wants: Issued | None = None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> System:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*shown.write(tmp_path, shown.hash))
        context.maximum_version = version
        if wants is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=wants.pem)
        upstream = Upstream(context)
        started.append(upstream)
        return System(upstream, int((await upstream.start()).rpartition(":")[2]))

    yield serve
    for each in started:
        await each.close()


async def prepared(plane: DataPlaneStage) -> tuple[Client, Product]:
    client, product = await plane.application(), await plane.product()
    await plane.subscribe(client, product)
    await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    return client, product


async def outcome(plane: DataPlaneStage, client: Client, product: Product) -> tuple[int, str | None]:
    """Return what a call comes to once it does not go to the sandbox any more."""
    async with asyncio.timeout(60):
        while True:
            before = len(plane.upstream.seen)
            answer = await plane.call("GET", f"{product.base_path}/pets", client.headers)
            if len(plane.upstream.seen) == before:
                return answer.status_code, None if answer.status_code == 200 else answer.json()["code"]
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_an_upstream_that_proves_its_name_is_called(plane: DataPlaneStage, serve: Serve, version: ssl.TLSVersion) -> None:
    client, product = await prepared(plane)
    system = await serve(server(["localhost"]), version=version)
    await plane.serve(product, f"{system.url}/v1", authorities=ROOT.pem)
    assert await outcome(plane, client, product) == (200, None)
    assert system.upstream.seen[-1]["request"] == "GET /v1/pets HTTP/1.1"
    assert system.upstream.shown[-1] is None
    by_number = await serve(server(["127.0.0.1"]))
    await plane.serve(product, f"https://127.0.0.1:{by_number.port}", authorities=ROOT.pem)
    if plane.settings.proxy == "nginx":
        # It knows names alone: of a certificate for a number it says that it is another's.
        async with asyncio.timeout(60):
            while await outcome(plane, client, product) != UNAVAILABLE:
                pass
        assert by_number.upstream.seen == []
        return
    async with asyncio.timeout(60):
        while not by_number.upstream.seen:
            await outcome(plane, client, product)


@pytest.mark.parametrize(
    ("shown", "trusted"),
    [
        (server(["other.example"]), ROOT.pem),
        (server(["localhost"], by=STRANGER), ROOT.pem),
        (server(["localhost"]), None),
        (issue(by=ROOT), ROOT.pem),
    ],
    ids=["another name", "another authority", "no authority of the world", "no name"],
)
async def test_an_upstream_that_does_not_is_not(plane: DataPlaneStage, serve: Serve, shown: Issued, trusted: str | None) -> None:
    client, product = await prepared(plane)
    system = await serve(shown)
    await plane.serve(product, system.url, authorities=trusted)
    assert await outcome(plane, client, product) == UNAVAILABLE
    assert system.upstream.seen == []


async def test_a_certificate_of_the_data_plane_is_shown_to_the_upstream_and_can_be_replaced(
    plane: DataPlaneStage, serve: Serve
) -> None:
    client, product = await prepared(plane)
    system = await serve(server(["localhost"]), wants=ROOT)
    first, second = issue(by=ROOT), issue(by=ROOT)
    # Without its files no call goes there, and above all none without a certificate.
    await plane.serve(product, system.url, authorities=ROOT.pem, client_certificate="portico")
    assert await outcome(plane, client, product) == UNAVAILABLE
    for shown in (first, second):
        shown.write(plane.folder / "certificates" / "org_provider", "portico")
        async with asyncio.timeout(60):
            while fingerprint(system) != shown.hash:
                assert await outcome(plane, client, product) in (UNAVAILABLE, (200, None))
                await asyncio.sleep(0.05)
    assert await outcome(plane, client, product) == (200, None)


async def test_a_certificate_of_another_provider_is_not_shown(plane: DataPlaneStage, serve: Serve) -> None:
    client, product = await prepared(plane)
    system = await serve(server(["localhost"]), wants=ROOT)
    issue(by=ROOT).write(plane.folder / "certificates" / "org_other", "theirs")
    await plane.serve(product, system.url, authorities=ROOT.pem, client_certificate="theirs")
    assert await outcome(plane, client, product) == UNAVAILABLE
    assert system.upstream.seen == []


def fingerprint(system: System) -> str | None:
    shown = system.upstream.shown[-1:]
    return hashlib.sha256(shown[0]).hexdigest() if shown and shown[0] else None
