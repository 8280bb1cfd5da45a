"""An application proves itself by a certificate: registered in the graph, shown in TLS, bound to its tokens, revoked."""

import asyncio
import json
import secrets
import ssl
import subprocess
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from portico.foreign import Graph, Mailbox, open_account
from tests.certificates import Issued, issue
from tests.journeys.running import RunningPlatform, client, new_platform

pytestmark = pytest.mark.processes
GRANT = {"grant_type": "client_credentials"}
PLAN = "Starter"


@dataclass
class Shop:
    """An application that is subscribed to the address register, and the one who owns it."""

    platform: RunningPlatform
    graph: Graph
    application_id: str
    client_id: str
    secret: str
    path: str

    @property
    def authority(self) -> Path:
        return self.platform.var / "keys" / "tls" / "ca.pem"

    def tls(self, shown: Issued | None = None) -> httpx.AsyncClient:
        """Return a client of the TLS door that shows a certificate."""
        context = ssl.create_default_context(cafile=str(self.authority))
        if shown is not None:
            context.load_cert_chain(*shown.write(self.platform.var.parent / "clients", shown.hash))
        return httpx.AsyncClient(base_url=self.platform.data_plane_tls, verify=context, trust_env=False, timeout=20)

    async def register(self, shown: Issued) -> str:
        """Register a certificate and return its id."""
        selection = "... on Certificate { id status applicationId }"
        made = await self.graph.do("registerCertificate", selection, applicationId=self.application_id, pem=shown.pem)
        assert (made["status"], made["applicationId"]) == ("VALID", self.application_id)
        return str(made["id"])

    async def token(self, shown: Issued | None = None, **given: Any) -> httpx.Response:
        async with self.tls(shown) as http:
            return await http.post("/oauth/token", data={**GRANT, "client_id": self.client_id}, **given)

    async def call(self, token: str, shown: Issued | None = None) -> httpx.Response:
        async with self.tls(shown) as http:
            return await http.get(self.path, params={"q": "Brivibas"}, headers={"authorization": f"Bearer {token}"})

    async def plain_call(self, token: str, **headers: str) -> httpx.Response:
        async with client() as http:
            url = self.platform.place.data_plane + self.path
            return await http.get(url, params={"q": "Brivibas"}, headers={"authorization": f"Bearer {token}", **headers})


@pytest.fixture(scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningPlatform]:
    running = new_platform(tmp_path_factory.mktemp("certificates"))
    await running.start()
    yield running
    await running.stop()


@pytest.fixture(scope="module")
async def shop(platform: RunningPlatform) -> AsyncIterator[Shop]:
    async with client() as http:
        graph = Graph(http, f"{platform.gateway}/graphql")
        email = f"shop-{secrets.token_hex(6)}@partner.example"
        await open_account(graph, Mailbox(http, platform.place.mailbox), email, secrets.token_urlsafe(18), name="Shop")
        organization = await graph.do("createOrganization", "... on Organization { id }", name="Shop")
        selection = "... on CreatedApplication { clientSecret application { id clientId } }"
        made = await graph.do("createApplication", selection, organizationId=organization["id"], name="Shop")
        document = """{ product(slug: "addresses") { id plans { id name }
          apis { versions { status basePath: callUrl operations { operationId method path } } } } }"""
        product = (await graph.ask(document))["product"]
        plan = next(each["id"] for each in product["plans"] if each["name"] == PLAN)
        application = made["application"]
        wanted = {"applicationId": application["id"], "productId": product["id"], "planId": plan}
        await graph.do("subscribe", "... on Subscription { id }", **wanted)
        version = next(each for api in product["apis"] for each in api["versions"] if each["status"] == "PUBLISHED")
        operation = next(each for each in version["operations"] if each["method"] == "GET" and "{" not in each["path"])
        path = httpx.URL(version["basePath"]).path + operation["path"]
        yield Shop(platform, graph, application["id"], application["clientId"], made["clientSecret"], path)


async def test_a_bound_token_works_with_its_certificate_alone_until_that_is_revoked(shop: Shop) -> None:
    own, other = issue(common="own"), issue(common="other")
    certificate_id = await shop.register(own)
    other_id = await shop.register(other)
    answer = await shop.token(own)
    assert answer.status_code == 200, answer.text
    token = answer.json()["access_token"]
    called = await shop.call(token, own)
    assert called.status_code == 200, called.text
    for refused in (
        await shop.call(token),
        await shop.call(token, other),
        await shop.plain_call(token),
        await shop.plain_call(token, **{"x-forwarded-client-cert": f"Hash={own.hash}"}),
    ):
        assert refused.status_code == 401, refused.text
    revoked = await shop.graph.do("revokeCertificate", "... on Certificate { status }", certificateId=certificate_id)
    assert revoked["status"] == "REVOKED"
    async with asyncio.timeout(10):
        refused = await shop.call(token, own)
        while refused.status_code == 200:
            refused = await shop.call(token, own)
    assert refused.status_code == 401
    assert (await shop.token(own)).json()["error"] == "invalid_client"
    again = (await shop.token(other)).json()["access_token"]
    assert (await shop.call(again, other)).status_code == 200
    [seen] = (await shop.graph.ask(
        "query($id: ID!) { application(id: $id) { certificates { id status lastUsedAt } } }", id=shop.application_id
    )).values()  # fmt: skip
    mine = {each["id"]: each for each in seen["certificates"]}
    assert (mine[certificate_id]["status"], mine[other_id]["status"]) == ("REVOKED", "VALID")
    assert mine[certificate_id]["lastUsedAt"]
    assert mine[other_id]["lastUsedAt"]
    await shop.graph.do("revokeCertificate", "... on Certificate { id }", certificateId=other_id)


async def test_curl_gets_a_token_and_calls_with_its_certificate(shop: Shop) -> None:
    own = issue(common="curl")
    certificate_id = await shop.register(own)
    certificate, key = own.write(shop.platform.var.parent / "clients", "curl")

    async def curl(*arguments: str, shows: bool = True) -> str:
        shown = ("--cert", str(certificate), "--key", str(key)) if shows else ()
        command = ("curl", "--silent", "--noproxy", "*", "--cacert", str(shop.authority), *shown, *arguments)
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
        return done.stdout

    form = ("--data", "grant_type=client_credentials", "--data", f"client_id={shop.client_id}")
    got = json.loads(await curl(*form, f"{shop.platform.data_plane_tls}/oauth/token"))
    bearer = ("--header", f"authorization: Bearer {got['access_token']}", "--output", "/dev/null", "--write-out", "%{http_code}")
    url = f"{shop.platform.data_plane_tls}{shop.path}?q=Brivibas"
    assert await curl(*bearer, url) == "200"
    assert await curl(*bearer, url, shows=False) == "401"
    await shop.graph.do("revokeCertificate", "... on Certificate { id }", certificateId=certificate_id)


async def test_no_header_of_a_callers_stands_for_a_handshake(shop: Shop) -> None:
    own = issue(common="forged")
    certificate_id = await shop.register(own)
    forged = {
        "portico-client-certificate": quote(own.pem),
        "x-forwarded-client-cert": f'Hash={own.hash};Cert="{quote(own.pem)}"',
        "portico-certified": "guessed",
    }
    over_tls = await shop.token(headers=forged)
    assert (over_tls.status_code, over_tls.json()["error"]) == (401, "invalid_client")
    async with client() as http:
        at_gateway = await http.post(
            f"{shop.platform.gateway}/oauth/token", data={**GRANT, "client_id": shop.client_id}, headers=forged
        )
        assert (at_gateway.status_code, at_gateway.json()["error"]) == (401, "invalid_client")
        at_plain_door = await http.post(f"{shop.platform.place.data_plane}/oauth/token", data=GRANT, headers=forged)
        assert at_plain_door.status_code == 404
        with_secret = await http.post(
            f"{shop.platform.gateway}/oauth/token", data=GRANT, auth=(shop.client_id, shop.secret), headers=forged
        )
    assert "cnf" not in _claims(with_secret.json()["access_token"])
    with_other = await shop.token(issue(common="unknown"), headers=forged)
    assert with_other.json()["error"] == "invalid_client"
    await shop.graph.do("revokeCertificate", "... on Certificate { id }", certificateId=certificate_id)


async def test_the_metadata_and_the_address_table_tell_the_tls_address(shop: Shop) -> None:
    printed = shop.platform.output.read_text()
    assert shop.platform.data_plane_tls in printed
    assert str(shop.authority) in printed
    async with client() as http:
        metadata = (await http.get(f"{shop.platform.gateway}/.well-known/oauth-authorization-server")).json()
    assert metadata["mtls_endpoint_aliases"]["token_endpoint"] == f"{shop.platform.data_plane_tls}/oauth/token"
    assert metadata["tls_client_certificate_bound_access_tokens"] is True


async def test_no_private_key_lies_open_or_in_a_log(shop: Shop) -> None:
    keys = list((shop.platform.var / "keys").rglob("*.key"))
    assert {"ca.key", "server.key"} <= {each.name for each in keys}
    assert {each.stat().st_mode & 0o777 for each in keys} == {0o600}
    for written in (shop.platform.output, *(shop.platform.var / "log").iterdir()):
        assert "PRIVATE KEY" not in written.read_text(errors="replace"), written


def _claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims
