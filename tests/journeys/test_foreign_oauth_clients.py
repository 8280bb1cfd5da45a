"""Four programs that others have written get tokens of the running platform, call with them, look at them and end them."""

import asyncio
import json
import secrets
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession  # type: ignore[import-untyped]
from authlib.oauth2.rfc7523 import PrivateKeyJWT  # type: ignore[import-untyped]
from joserfc.jwk import ECKey
from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from portico.foreign import Graph, Mailbox, open_account
from tests.journeys.running import RunningPlatform, client, new_platform, run_command

pytestmark = pytest.mark.processes
DISCOVERY = "/.well-known/oauth-authorization-server"


@dataclass
class Shop:
    """A subscribed application with a secret and a key, and where to call."""

    platform: RunningPlatform
    client_id: str
    secret: str
    key: ECKey
    url: str

    def call(self, token: str) -> requests.Response:
        return requests.get(self.url, params={"q": "Brivibas"}, headers={"authorization": f"Bearer {token}"}, timeout=20)

    def metadata(self) -> dict[str, Any]:
        described: dict[str, Any] = requests.get(self.platform.gateway + DISCOVERY, timeout=20).json()
        return described


@pytest.fixture(scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    platform = new_platform(tmp_path_factory.mktemp("oauth"))
    await platform.start()
    try:
        async with client() as http:
            yield await _open_shop(platform, http)
    finally:
        await platform.stop()


async def _open_shop(platform: RunningPlatform, http: httpx.AsyncClient) -> Shop:
    graph = Graph(http, f"{platform.gateway}/graphql")
    email = f"shop-{secrets.token_hex(6)}@partner.example"
    await open_account(graph, Mailbox(http, platform.place.mailbox), email, secrets.token_urlsafe(18), name="Shop")
    organization = await graph.do("createOrganization", "... on Organization { id }", name="Shop")
    selection = "... on CreatedApplication { clientSecret application { id clientId } }"
    made = await graph.do("createApplication", selection, organizationId=organization["id"], name="Shop")
    application = made["application"]
    key = ECKey.generate_key("P-256", {"alg": "ES256"}, auto_kid=True)
    jwk = json.dumps(key.as_dict(private=False))
    registered = await graph.do(
        "registerClientKey", "... on ClientKey { id kid algorithms }", applicationId=application["id"], jwk=jwk
    )
    assert (registered["kid"], registered["algorithms"]) == (key.kid, ["ES256"])
    seen = (await graph.ask("query($id: ID!) { application(id: $id) { clientKeys { id } } }", id=application["id"]))[
        "application"
    ]
    assert seen == {"clientKeys": [{"id": registered["id"]}]}
    document = """{ product(slug: "addresses") { id plans { id name }
      apis { versions { status callUrl operations { operationId method path } } } } }"""
    product = (await graph.ask(document))["product"]
    plan = next(each["id"] for each in product["plans"] if each["name"] == "Starter")
    wanted = {"applicationId": application["id"], "productId": product["id"], "planId": plan}
    await graph.do("subscribe", "... on Subscription { id }", **wanted)
    version = next(each for api in product["apis"] for each in api["versions"] if each["status"] == "PUBLISHED")
    operation = next(each for each in version["operations"] if each["method"] == "GET" and "{" not in each["path"])
    url = version["callUrl"] + operation["path"]
    return Shop(platform, application["clientId"], made["clientSecret"], key, url)


def _works_and_ends(shop: Shop, token: str, revoke: Any) -> None:
    """Call with a token, end it, and call again until that is refused."""
    called = shop.call(token)
    assert called.status_code == 200, called.text
    revoke()
    for _ in range(100):
        refused = shop.call(token)
        if refused.status_code == 401:
            break
    assert (refused.status_code, refused.json()["code"]) == (401, "TOKEN_REVOKED")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
async def test_authlib(shop: Shop, method: str) -> None:
    def use() -> None:
        described = shop.metadata()
        assert method in described["token_endpoint_auth_methods_supported"]
        secret = shop.key if method == "private_key_jwt" else shop.secret
        ways = {"token_endpoint_auth_method": method, "revocation_endpoint_auth_method": method}
        with AuthlibSession(shop.client_id, secret, **ways, scope="addresses") as session:

            def prove_anew() -> None:
                # It would write an hour, and an id that stays the same once claims are given: both are refused here.
                if method == "private_key_jwt":
                    soon = {"exp": int(time.time()) + 60}
                    session.register_client_auth_method(PrivateKeyJWT(described["token_endpoint"], claims=soon, alg="ES256"))

            prove_anew()
            token = session.fetch_token(described["token_endpoint"], grant_type="client_credentials")
            assert token["scope"] == "addresses"
            introspection, revocation = described["introspection_endpoint"], described["revocation_endpoint"]
            prove_anew()
            seen = session.introspect_token(introspection, token=token["access_token"]).json()
            assert (seen["active"], seen["client_id"]) == (True, shop.client_id)
            prove_anew()
            _works_and_ends(shop, token["access_token"], lambda: session.revoke_token(revocation, token=token["access_token"]))
            prove_anew()
            assert session.introspect_token(introspection, token=token["access_token"]).json() == {"active": False}

    await asyncio.to_thread(use)


async def test_requests_oauthlib(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")

    def use() -> None:
        described = shop.metadata()
        auth = HTTPBasicAuth(shop.client_id, shop.secret)
        with OAuth2Session(client=BackendApplicationClient(client_id=shop.client_id)) as session:
            token = session.fetch_token(described["token_endpoint"], auth=auth)
            assert session.get(shop.url, params={"q": "Brivibas"}, timeout=20).status_code == 200
        given = {"token": token["access_token"]}
        _works_and_ends(
            shop, token["access_token"], lambda: requests.post(described["revocation_endpoint"], given, auth=auth, timeout=20)
        )

    await asyncio.to_thread(use)


OPENID_CLIENT = """
import * as oauth from 'openid-client'
const given = JSON.parse(process.env.GIVEN)
const insecure = { algorithm: 'oauth2', execute: [oauth.allowInsecureRequests] }
const key = await crypto.subtle.importKey('jwk', given.jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
const proofs = {
  basic: oauth.ClientSecretBasic(given.secret),
  post: oauth.ClientSecretPost(given.secret),
  key: oauth.PrivateKeyJwt({ key, kid: given.jwk.kid }),
}
for (const [name, proof] of Object.entries(proofs)) {
  const config = await oauth.discovery(new URL(given.issuer), given.client_id, undefined, proof, insecure)
  const token = await oauth.clientCredentialsGrant(config, { scope: 'addresses' })
  const call = () => fetch(given.url, { headers: { authorization: `Bearer ${token.access_token}` } })
  const called = (await call()).status
  const before = await oauth.tokenIntrospection(config, token.access_token)
  await oauth.tokenRevocation(config, token.access_token)
  const after = await oauth.tokenIntrospection(config, token.access_token)
  let refused = 0
  for (let tries = 0; tries < 100 && refused !== 401; tries++) refused = (await call()).status
  console.log(JSON.stringify([name, called, before.active, after.active, refused]))
}
"""


def _installed(folder: Path) -> str | None:
    """Install openid-client into a folder; return what stands in the way, if anything."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "there is no node or npm here"
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "openid-client@6"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=90, check=False)
    except subprocess.TimeoutExpired:
        return "the npm registry does not answer"
    return None if done.returncode == 0 else f"openid-client cannot be installed: {done.stderr.strip()[-200:]}"


async def test_openid_client(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module", "private": true}')
    hindrance = await asyncio.to_thread(_installed, tmp_path)
    if hindrance is not None:
        pytest.skip(hindrance)
    given = {
        "issuer": shop.platform.gateway,
        "client_id": shop.client_id,
        "secret": shop.secret,
        "jwk": shop.key.as_dict(private=True),
        "url": f"{shop.url}?q=Brivibas",
    }
    (tmp_path / "use.mjs").write_text(OPENID_CLIENT)
    environment = {"PATH": "/usr/bin:/bin:/usr/local/bin", "GIVEN": json.dumps(given)}
    done = await asyncio.to_thread(
        subprocess.run,
        ["node", "use.mjs"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = [[name, 200, True, False, 401] for name in ("basic", "post", "key")]
    assert [json.loads(line) for line in done.stdout.splitlines()] == expected


async def test_curl(shop: Shop) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")

    def curl(*arguments: str) -> str:
        command = ["curl", "--silent", "--show-error", "--max-time", "20", "--noproxy", "*", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def use() -> None:
        described = json.loads(curl(shop.platform.gateway + DISCOVERY))
        user = ("--user", f"{shop.client_id}:{shop.secret}")
        said = json.loads(curl(*user, "--data", "grant_type=client_credentials", described["token_endpoint"]))
        token = said["access_token"]
        seen = json.loads(curl(*user, "--data-urlencode", f"token={token}", described["introspection_endpoint"]))
        assert (seen["active"], seen["sub"]) == (True, shop.client_id)
        status = curl("--output", "/dev/null", "--write-out", "%{http_code}", "--oauth2-bearer", token, f"{shop.url}?q=Brivibas")
        assert status == "200"
        revoke = (*user, "--data-urlencode", f"token={token}", described["revocation_endpoint"])
        _works_and_ends(shop, token, lambda: curl(*revoke))

    await asyncio.to_thread(use)


async def test_nothing_is_refused_while_the_running_platform_changes_its_key(shop: Shop) -> None:
    def token_and_call() -> int:
        described = shop.metadata()
        said = requests.post(
            described["token_endpoint"], {"grant_type": "client_credentials"}, auth=(shop.client_id, shop.secret), timeout=20
        )
        return shop.call(said.json()["access_token"]).status_code

    code, output = await run_command(shop.platform, "keys", "rotate", "tokens", "--overlap", "3")
    assert code == 0, output
    statuses = []
    for _ in range(20):
        statuses.append(await asyncio.to_thread(token_and_call))
        await asyncio.sleep(0.25)
    assert set(statuses) <= {200, 429}, statuses
    assert 200 in statuses[-5:]
    code, output = await run_command(shop.platform, "keys", "list")
    assert (code, output.count("VERIFYING")) == (0, 1), output
    published = await asyncio.to_thread(lambda: requests.get(shop.metadata()["jwks_uri"], timeout=20).json())
    assert len(published["keys"]) == 2
