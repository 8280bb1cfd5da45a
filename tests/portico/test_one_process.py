"""The whole platform in one process: what every address of it promises."""

import httpx

from tests.one_process import RunningInProcess


async def test_every_part_is_ready(platform: RunningInProcess) -> None:
    async with httpx.AsyncClient(base_url=platform.gateway_url) as http:
        ready = await http.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        assert (await http.get("/health/live")).status_code == 200
        assert "portico_requests" in (await http.get("/metrics")).text
        assert (await http.get("/.well-known/jwks.json")).json()["keys"] == platform.public_keys()
        metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
        assert metadata["issuer"] == platform.gateway_url
    for part in platform.whole.parts.values():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(part.app), base_url="http://part") as http:
            assert (await http.get("/health/ready")).json()["status"] == "ready", part.name


async def test_mail_reaches_the_mailbox(platform: RunningInProcess) -> None:
    document = "mutation($input: RegisterInput!) { register(input: $input) { __typename ... on Problem { message } } }"
    asked = {"email": "mail@example.com", "password": "a long enough passphrase", "name": "Maija"}
    async with httpx.AsyncClient(timeout=20) as http:
        answer = await http.post(f"{platform.gateway_url}/graphql", json={"query": document, "variables": {"input": asked}})
        assert answer.json()["data"]["register"]["__typename"] == "Registered", answer.text
        for _ in range(100):
            mails = (await http.get(f"{platform.mailbox_url}/api/messages", params={"to": "mail@example.com"})).json()
            if mails:
                break
    assert len(mails) == 1
    assert mails[0]["links"][0].startswith(platform.gateway_url)
