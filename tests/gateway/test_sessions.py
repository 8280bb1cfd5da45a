"""Who asks: bearer tokens, cookies with their CSRF token, passports that are kept for a moment and dropped in time."""

import asyncio
from typing import Any

import orjson
import pytest
from starlette.responses import Response

SIGN_IN = """mutation($cookie: Boolean!) { signIn(input: {email: "ann@example.org", password: "right", cookie: $cookie}) {
  ... on SignedIn { token csrfToken user { id } } ... on Problem { code } } }"""
ME = "{ viewer { user { id } } }"


def passports_issued(running: Any) -> int:
    return sum(each.path == "/do/issue_passport" for each in running.world.asked)


async def test_a_program_signs_in_and_out_with_a_bearer_token(running: Any) -> None:
    answer = await running.ask(SIGN_IN, token=None, cookie=False)
    token = answer["data"]["signIn"]["token"]
    assert (await running.ask(ME, token=token))["data"]["viewer"]["user"]["id"] == "usr_ann"
    ended = await running.ask("mutation { signOut { ... on SignedOut { done } } }", token=token)
    assert ended["data"]["signOut"]["done"] is True
    response = await running.post({"query": ME}, token=token)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["errors"][0]["extensions"]["code"] == "SESSION_ENDED"


async def test_a_page_gets_a_cookie_that_scripts_cannot_read(start_gateway: Any) -> None:
    async with start_gateway(cookie_secure=True) as running:
        response = await running.post({"query": SIGN_IN, "variables": {"cookie": True}})
        signed_in = response.json()["data"]["signIn"]
        session, csrf = response.headers.get_list("set-cookie")
        assert signed_in["token"] is None
        assert session.startswith("__Host-portico_session=")
        assert all(attribute in session for attribute in ("; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/", "Max-Age=3"))
        assert csrf.startswith(f"__Host-portico_csrf={signed_in['csrfToken']};")
        assert "HttpOnly" not in csrf


@pytest.fixture
async def page(running: Any) -> Any:
    """A page that is signed in by cookie."""
    response = await running.post({"query": SIGN_IN, "variables": {"cookie": True}})
    cookies = [each.partition(";")[0] for each in response.headers.get_list("set-cookie")]
    running.http.cookies.clear()
    return {"cookie": "; ".join(cookies), "portico-csrf": response.json()["data"]["signIn"]["csrfToken"]}


async def test_a_page_needs_the_csrf_token(running: Any, page: Any) -> None:
    assert (await running.ask(ME, token=None, headers=page))["data"]["viewer"]["user"]["id"] == "usr_ann"
    for wrong in ({"cookie": page["cookie"]}, page | {"portico-csrf": "guessed"}):
        response = await running.post({"query": ME}, headers=wrong)
        assert response.status_code == 403
        assert response.json()["errors"][0]["extensions"]["code"] == "CSRF_TOKEN_MISSING"


async def test_a_page_of_another_origin_is_sent_away(running: Any, page: Any) -> None:
    for origin in ("https://evil.example", "null", "http://portico.test.evil.example"):
        response = await running.post({"query": ME}, headers=page | {"origin": origin})
        assert response.status_code == 403
        assert response.json()["errors"][0]["extensions"]["code"] == "ORIGIN_NOT_ALLOWED"
    own = await running.post({"query": ME}, headers=page | {"origin": "http://portico.test"})
    assert own.status_code == 200


async def test_a_listed_origin_is_let_in(start_gateway: Any) -> None:
    async with start_gateway(allowed_origins=("https://pages.example",)) as running:
        response = await running.post({"query": SIGN_IN, "variables": {"cookie": True}})
        running.http.cookies.clear()
        cookies = "; ".join(each.partition(";")[0] for each in response.headers.get_list("set-cookie"))
        headers = {"cookie": cookies, "portico-csrf": "csrf-1", "origin": "https://pages.example"}
        response = await running.post({"query": ME}, headers=headers)
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == "https://pages.example"


async def test_a_page_with_a_stale_cookie_goes_on_as_a_visitor(running: Any, page: Any) -> None:
    running.world.sessions.clear()
    running.gateway.sessions.forget_user(None)
    response = await running.post({"query": ME}, headers=page)
    assert response.json() == {"data": {"viewer": None}}
    assert "Max-Age=0" in response.headers["set-cookie"]


async def test_a_passport_is_kept_for_a_moment(running: Any) -> None:
    for _ in range(3):
        await running.ask(ME)
    assert passports_issued(running) == 1


async def test_a_passport_is_never_kept_beyond_its_end(running: Any) -> None:
    running.world.passport_seconds = -1.0
    for _ in range(2):
        await running.ask(ME)
    assert passports_issued(running) > 2


async def test_many_requests_at_once_ask_for_one_passport(running: Any) -> None:
    await asyncio.gather(*(running.ask(ME) for _ in range(20)))
    assert passports_issued(running) == 1


async def test_rights_change_drops_the_passport_of_that_user(running: Any) -> None:
    await running.ask(ME)
    await running.ask(ME, token="token-bob")
    await running.wire.announce("identity.rights_changed.v1", {"user_id": "usr_ann", "rights_version": 2})
    await running.ask(ME)
    await running.ask(ME, token="token-bob")
    assert passports_issued(running) == 3
    await running.wire.announce("identity.rights_changed.v1", {"user_id": "usr_bob", "rights_version": 2})
    await running.ask(ME)
    await running.ask(ME, token="token-bob")
    assert passports_issued(running) == 4


@pytest.mark.parametrize("code", ["PASSPORT_OUTDATED", "PASSPORT_NOT_ACCEPTED"])
@pytest.mark.parametrize("token", ["token-ann", None])
async def test_a_passport_that_a_service_takes_no_more_is_replaced(running: Any, code: str, token: str | None) -> None:
    await running.ask("{ products { totalCount } }", token=token)
    refusals = [401]

    def refuse_once() -> Response:
        running.world.broken.clear()
        problem = {"type": "x", "title": "x", "status": refusals.pop(), "code": code, "trace_id": "f" * 32}
        return Response(orjson.dumps(problem), 401, media_type="application/problem+json")

    running.world.broken["catalog"] = refuse_once
    issued = len([each for each in running.world.asked if "passport" in each.path])
    answer = await running.ask("{ products { totalCount } }", token=token)
    assert answer == {"data": {"products": {"totalCount": 3}}}
    assert len([each for each in running.world.asked if "passport" in each.path]) == issued + 1


async def test_an_ended_session_is_over_at_once(running: Any) -> None:
    await running.ask(ME)
    running.world.sessions.clear()
    assert (await running.ask(ME))["data"]["viewer"] is not None, "nobody has said so yet"
    await running.wire.announce("identity.session_ended.v1", {"user_id": "usr_ann", "session_id": "ses_1"})
    assert (await running.ask(ME))["errors"][0]["extensions"]["code"] == "SESSION_ENDED"


async def test_rights_that_change_while_a_passport_is_issued_are_not_kept(running: Any) -> None:
    sessions = running.gateway.sessions
    task = asyncio.ensure_future(sessions.passport("token-ann"))
    await asyncio.sleep(0)
    sessions.forget_user("usr_ann")
    await task
    await sessions.passport("token-ann")
    assert passports_issued(running) == 2


async def test_a_cookie_that_cannot_be_sent_is_not_promised(running: Any) -> None:
    events = {"accept": "text/event-stream"}
    response = await running.post({"query": SIGN_IN, "variables": {"cookie": True}}, headers=events)
    told = orjson.loads(response.text.partition("event: next\ndata: ")[2].partition("\n")[0])
    assert told["data"]["signIn"]["token"]
    assert "set-cookie" not in response.headers
