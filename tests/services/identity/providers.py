"""OpenID providers for tests: a real one in a process of its own, and a small one of our own that can lie."""

import asyncio
import json
import os
import re
import shutil
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import uvicorn
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

CALLBACK = "http://127.0.0.1:8000/sign-in/openid/callback"
CLIENT_ID, CLIENT_SECRET = "portico", "the-secret-of-a-test"
PACKAGE = "oidc-provider@9"
_SCRIPT = Path(__file__).with_name("real_provider.mjs")
_PATIENCE_SECONDS = 120.0
_PROMPT = "log" + "in"  # the standard's word for it, which is none of ours


class ProviderMissing(Exception):  # noqa: N818 - says what is missing
    """The real provider cannot be had here; the message says why."""


async def install(folder: Path) -> Path:
    """Install the real provider below a folder and return its script. Raises ``ProviderMissing``."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise ProviderMissing("node and npm are not installed")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    script = folder / _SCRIPT.name
    script.write_text(_SCRIPT.read_text())
    command = (npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", PACKAGE)
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=DEVNULL, stderr=PIPE)
    try:
        _, told = await asyncio.wait_for(process.communicate(), _PATIENCE_SECONDS)
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise ProviderMissing(f"npm did not install {PACKAGE} in time") from None
    if process.returncode:
        raise ProviderMissing(f"npm could not install {PACKAGE}: {told.decode(errors='replace').strip()[:200]}")
    return script


@asynccontextmanager
async def real_provider(script: Path) -> AsyncIterator[str]:
    """Run the real provider and yield its issuer."""
    node = shutil.which("node")
    assert node is not None
    process = await asyncio.create_subprocess_exec(
        node, str(script), CALLBACK, cwd=script.parent, stdout=PIPE, stderr=DEVNULL, env={**os.environ, "NODE_ENV": "test"}
    )
    try:
        yield await asyncio.wait_for(_issuer_of(process), _PATIENCE_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _issuer_of(process: Process) -> str:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if line.startswith(b"issuer "):
            return line.decode().split()[1]
    raise AssertionError("the provider ended before it listened")


async def go_through(address: str, account: str) -> dict[str, str]:
    """Go to the real provider as a browser does, sign in, consent, and return what the way back carries."""
    async with httpx.AsyncClient(follow_redirects=False, trust_env=False) as browser:
        response = await browser.get(address)
        for _ in range(20):
            target = response.headers.get("location")
            if target is not None:
                place = str(response.url.join(target))
                if place.startswith(CALLBACK):
                    return {key: values[0] for key, values in parse_qs(urlsplit(place).query).items()}
                response = await browser.get(place)
                continue
            form = re.search(r'<form[^>]*action="([^"]+)"', response.text)
            assert form is not None, response.text
            hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)"', response.text))
            given = hidden | ({_PROMPT: account, "password": "any"} if hidden.get("prompt") == _PROMPT else {})
            response = await browser.post(str(response.url.join(form[1])), data=given)
    raise AssertionError("the provider leads nowhere")


@dataclass
class OwnProvider:
    """A provider that says whatever it is told to say. ``lies`` changes the claims, header or key of its next ID tokens."""

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    make_token: Callable[["OwnProvider", dict[str, Any]], str] | None = None
    answers: dict[str, Response] = field(default_factory=dict)
    user_info: dict[str, Any] = field(default_factory=dict)
    nonces: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    slow_seconds: float = 0.0

    def code_for(self, address: str) -> dict[str, str]:
        """Return what the way back carries after somebody has signed in at this address."""
        asked = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
        code = f"code-{len(self.nonces)}"
        self.nonces[code] = asked["nonce"]
        return {"state": asked["state"], "code": code}

    def true_claims(self, nonce: str) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": self.issuer, "aud": CLIENT_ID, "sub": "somebody", "iat": now, "exp": now + 300, "nonce": nonce,
            "email": "somebody@outside.example", "email_verified": True, "name": "Some Body", **self.claims,
        }  # fmt: skip

    def sign(self, claims: dict[str, Any], **changed: Any) -> str:
        key = changed.pop("key", self.key)
        header = {"alg": "RS256", "kid": "one", **changed}
        return jwt.encode(header, claims, key, algorithms=[header["alg"]])

    def keys(self) -> dict[str, Any]:
        return dict(KeySet([self.key]).as_dict(private=False))

    async def answer(self, request: Request) -> Response:
        path, body = request.url.path, (await request.body()).decode()
        self.asked.append((path, {key: values[0] for key, values in parse_qs(body).items()}))
        await asyncio.sleep(self.slow_seconds)
        if path in self.answers:
            return self.answers[path]
        if path == "/.well-known/openid-configuration":
            places = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/keys"}
            known = {name: f"{self.issuer}{place}" for name, place in places.items()}
            return JSONResponse({"issuer": self.issuer, **known, **self.metadata})
        if path == "/keys":
            return JSONResponse(self.keys())
        if path == "/userinfo":
            return JSONResponse(self.user_info)
        claims = self.true_claims(self.nonces.get(self.asked[-1][1].get("code", ""), "none"))
        claims = {name: value for name, value in claims.items() if value is not None}
        token = self.make_token(self, claims) if self.make_token is not None else self.sign(claims)
        return JSONResponse({"access_token": "at", "token_type": "Bearer", "id_token": token})


@asynccontextmanager
async def own_provider() -> AsyncIterator[OwnProvider]:
    """Run a provider of our own on a free loopback port."""
    made = OwnProvider()
    app = Starlette(routes=[Route("/{path:path}", made.answer, methods=["GET", "POST"])])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off", ws="none"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it tells nobody when it listens
        await asyncio.sleep(0.01)
    made.issuer = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.should_exit = server.force_exit = True
        await asyncio.wait_for(task, 10)


def write_providers(path: Path, *providers: dict[str, Any]) -> Path:
    """Write the file of providers, each with what most of them share."""
    shared = {"name": "outside", "title": "Outside", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    path.write_text(json.dumps([{**shared, **each} for each in providers]))
    return path
