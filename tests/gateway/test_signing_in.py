"""Signing in through the graph and through the page where browsers come back from a provider."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chassis.clock import SystemClock
from chassis.messages import to_timestamp
from tests.gateway.canned import USERS, Refusal

SIGN_IN = """mutation($cookie: Boolean!) { signIn(input: {email: "ann@example.org", password: "right", cookie: $cookie}) {
  __typename ... on SignedIn { token } ... on SecondFactorNeeded { challenge methods expiresAt passkeyOptions }
  ... on Problem { code } } }"""
BEGIN = """mutation { beginOpenIdSignIn(input: {provider: "eid", returnTo: "/products"}) {
  __typename ... on OpenIdBegun { url state } ... on Problem { code } } }"""
CALLBACK = "/sign-in/openid/callback"
NEEDED = {
    "kind": "SecondFactorNeeded", "challenge": "ptc_1", "methods": ["TOTP", "RECOVERY_CODE"],
    "expires_at": "2026-11-23T10:00:00Z", "passkey_options": None, "return_to": "/products",
}  # fmt: skip


def signed_in() -> dict[str, Any]:
    row = {"kind": "SignedIn", "token": "token-ann", "csrf_token": "csrf-1", "user": USERS["usr_ann"], "return_to": "/products"}
    return row | {"expires_at": to_timestamp(SystemClock().now())}


async def test_a_union_of_several_things_is_told_by_the_results_kind(running: Any) -> None:
    running.world.verbs["sign_in"] = lambda _body, _user: NEEDED
    answer = await running.post({"query": SIGN_IN, "variables": {"cookie": True}})
    assert answer.json()["data"]["signIn"] == {
        "__typename": "SecondFactorNeeded", "challenge": "ptc_1", "methods": ["TOTP", "RECOVERY_CODE"],
        "expiresAt": "2026-11-23T10:00:00Z", "passkeyOptions": None,
    }  # fmt: skip
    assert "set-cookie" not in answer.headers, "there is no session yet"
    running.world.verbs["sign_in"] = lambda _body, _user: signed_in()
    answer = await running.ask(SIGN_IN, token=None, cookie=False)
    assert answer == {"data": {"signIn": {"__typename": "SignedIn", "token": "token-ann"}}}


@pytest.mark.parametrize("kind", [None, "Problem", "User", 7, "Nothing"])
async def test_a_kind_that_the_union_has_not_is_our_own_fault(running: Any, kind: Any) -> None:
    running.world.verbs["sign_in"] = lambda _body, _user: {**NEEDED, "kind": kind}
    answer = await running.ask(SIGN_IN, token=None, cookie=False)
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"


async def test_a_second_factor_begins_the_session_by_cookie_too(running: Any) -> None:
    running.world.verbs["answer_second_factor"] = lambda _body, _user: signed_in()
    document = """mutation { answerSecondFactor(input: {challenge: "ptc_1", code: "123456", cookie: true}) {
      ... on SignedIn { token csrfToken } } }"""
    response = await running.post({"query": document})
    assert response.json()["data"]["answerSecondFactor"] == {"token": None, "csrfToken": "csrf-1"}
    assert response.headers.get_list("set-cookie")[0].startswith("portico_session=token-ann|csrf-1;")
    body = running.world.asked[-1].body
    assert (body["challenge"], body["code"]) == ("ptc_1", "123456")
    assert {"network_address", "user_agent"} <= set(body)
    assert "cookie" not in body


@pytest.fixture
async def begun(running: Any) -> dict[str, str]:
    """A browser that has begun: its cookie, and the state that it comes back with."""
    address = {"url": "https://eid.example/auth?state=pto_1", "state": "pto_1"}
    running.world.verbs["begin_open_id_sign_in"] = lambda _body, _user: address
    response = await running.post({"query": BEGIN})
    assert response.json()["data"]["beginOpenIdSignIn"]["state"] == "pto_1"
    [cookie] = response.headers.get_list("set-cookie")
    assert all(each in cookie for each in ("portico_outside=pto_1;", "Max-Age=600", "HttpOnly", "SameSite=Lax"))
    running.http.cookies.clear()
    return {"cookie": cookie.partition(";")[0]}


async def back(running: Any, headers: dict[str, str], **parameters: str) -> Any:
    running.http.cookies.clear()
    return await running.http.get(CALLBACK, params=parameters, headers=headers)


async def test_a_browser_comes_back_signed_in(running: Any, begun: Any) -> None:
    running.world.verbs["finish_open_id_sign_in"] = lambda _body, _user: signed_in()
    response = await back(running, begun, state="pto_1", code="code-1", iss="https://eid.example")
    assert (response.status_code, response.headers["location"]) == (303, "/products")
    session, csrf, outside = response.headers.get_list("set-cookie")
    assert session.startswith("portico_session=token-ann|csrf-1;")
    assert csrf.startswith("portico_csrf=csrf-1;")
    assert outside.startswith("portico_outside=; Max-Age=0;")
    assert (response.headers["cache-control"], response.headers["referrer-policy"]) == ("no-store", "no-referrer")
    body = running.world.asked[-1].body
    assert (body["state"], body["code"], body["issuer"]) == ("pto_1", "code-1", "https://eid.example")


async def test_a_second_factor_is_given_on_a_page_that_tells_nobody_its_challenge(running: Any, begun: Any) -> None:
    running.world.verbs["finish_open_id_sign_in"] = lambda _body, _user: NEEDED
    response = await back(running, begun, state="pto_1", code="code-1")
    target = urlsplit(response.headers["location"])
    assert (response.status_code, target.path, target.query) == (303, "/sign-in/second-factor", "")
    given = {name: values[0] for name, values in parse_qs(target.fragment).items()}
    assert given == {"challenge": "ptc_1", "methods": "TOTP,RECOVERY_CODE", "returnTo": "/products"}
    page = await running.http.get(target.path)
    assert page.status_code == 200
    assert "connect-src 'self'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    "headers",
    [{}, {"cookie": "portico_outside="}, {"cookie": "portico_outside=pto_2"}, {"cookie": "portico_session=pto_1"}],
)
async def test_a_browser_that_did_not_begin_does_not_come_back(running: Any, headers: dict[str, str]) -> None:
    response = await back(running, headers, state="pto_1", code="code-1")
    assert response.status_code == 400
    assert "not begun in this browser" in response.text
    assert not [each for each in running.world.asked if each.path == "/do/finish_open_id_sign_in"]
    assert (await back(running, {"cookie": "portico_outside="})).status_code == 400


async def test_what_the_provider_says_is_not_shown(running: Any, begun: Any) -> None:
    told = {"error": "access_denied", "error_description": "<script>alert(1)</script>"}
    response = await back(running, begun, state="pto_1", **told)
    assert response.status_code == 400
    assert "did not sign you in" in response.text
    assert "alert(1)" not in response.text
    for odd in ({"code": "x" * 5000}, {"code": "x", "iss": "y" * 600}, {}):
        assert (await back(running, begun, state="pto_1", **odd)).status_code == 400
    response = await running.http.get(f"{CALLBACK}?state=%ff&code=%fe", headers=begun)
    assert response.status_code == 400


async def test_a_refusal_is_shown_as_a_page(running: Any, begun: Any) -> None:
    def refuse(_body: Any, _user: Any) -> Any:
        raise Refusal(409, "SIGN_IN_AND_LINK", "Sign in & link <there>.")

    running.world.verbs["finish_open_id_sign_in"] = refuse
    response = await back(running, begun, state="pto_1", code="code-1")
    assert response.status_code == 400
    assert "Sign in &amp; link &lt;there&gt;." in response.text
    assert "portico_session" not in str(response.headers)


async def test_whoever_links_comes_back_as_themselves(running: Any, begun: Any) -> None:
    users = []

    def finish(_body: Any, user: str | None) -> Any:
        users.append(user)
        return {"kind": "OpenIdLinked", "provider": "eid", "return_to": "/account"}

    running.world.verbs["finish_open_id_sign_in"] = finish
    for cookie in ("token-ann|csrf-1", "stale|csrf-1"):
        headers = {"cookie": f"{begun['cookie']}; portico_session={cookie}"}
        response = await back(running, headers, state="pto_1", code="code-1")
        assert (response.status_code, response.headers["location"]) == (303, "/account")
        assert "portico_session" not in str(response.headers)
    assert users == ["usr_ann", None]


async def test_a_provider_that_is_down_is_said_to_be(running: Any) -> None:
    def refuse(_body: Any, _user: Any) -> Any:
        raise Refusal(503, "PROVIDER_DOWN", "The provider does not answer.")

    running.world.verbs["begin_open_id_sign_in"] = refuse
    response = await running.post({"query": BEGIN})
    assert response.json()["data"]["beginOpenIdSignIn"]["code"] == "PROVIDER_DOWN"
    assert "set-cookie" not in response.headers
