"""Getting a token and calling: what every journey ends with."""

import asyncio
import time
from typing import Any

import httpx

from portico.journeys.traveller import PATIENCE_SECONDS, Traveller, expect

FILLED = {"{code}": "101234567", "{number}": "01000010001"}


async def ask_for_token(t: Traveller, client_id: str, secret: str) -> httpx.Response:
    """Return what the token endpoint answers to a Client ID and a Client Secret (OAuth 2.0 client credentials)."""
    metadata = (await t.http.get(f"{t.place.gateway}/.well-known/oauth-authorization-server")).json()
    return await t.http.post(metadata["token_endpoint"], data={"grant_type": "client_credentials"}, auth=(client_id, secret))


async def access_token(t: Traveller, client_id: str, secret: str) -> str:
    """Return an access token."""
    answer = await ask_for_token(t, client_id, secret)
    expect(answer.status_code == 200, f"the token endpoint answers 200, not {answer.status_code}: {answer.text}")
    return str(answer.json()["access_token"])


def targets_of(product: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return (operation, method, URL) for each operation of the product's published version."""
    version = next(v for api in product["apis"] for v in api["versions"] if v["status"] == "PUBLISHED")
    targets = []
    for operation in version["operations"]:
        path = operation["path"]
        for name, value in FILLED.items():
            path = path.replace(name, value)
        targets.append((operation["operationId"], operation["method"], version["callUrl"] + path))
    return targets


async def call(t: Traveller, target: tuple[str, str, str], token: str) -> httpx.Response:
    """Return what the data plane answers to a call of one operation."""
    _, method, url = target
    body = {"json": {"text": "Brivibas iela 1"}} if method == "POST" else {"params": {"q": "Brivibas"}}
    return await t.http.request(method, url, headers={"authorization": f"Bearer {token}"}, **body)  # type: ignore[arg-type]


async def answers(t: Traveller, target: tuple[str, str, str], token: str, status: int) -> httpx.Response:
    """Call until the answer has this status: a change may take a moment to be in force. Raises ``Mismatch``."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = await call(t, target, token)
        if answer.status_code == status:
            return answer
        text = f"{target[0]} answers {status}, not {answer.status_code}: {answer.text[:300]}"
        expect(time.monotonic() < give_up_at, text)
        await asyncio.sleep(0.05)
