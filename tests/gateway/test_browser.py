"""The pages of development in a real browser."""

import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from graphql_gateway.pages.graphiql import FILES
from portico.servers import HttpServer
from tests.gateway import browser
from tests.gateway.browser import Tab
from tests.gateway.canned import Refusal, World

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy/graphiql.py"
pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(browser.PROGRAM is None, reason="Chromium is not installed: apt-get install chromium"),
]
OUTCOME = "document.querySelector('#outcome.good, #outcome.bad')?.innerText"


@pytest.fixture(scope="module")
def graphiql() -> Path:
    """GraphiQL's files, fetched where they are missing."""
    folder = ROOT / ".tools/graphiql"
    subprocess.run([sys.executable, str(SCRIPT), "--seconds", "20"], check=True, capture_output=True)
    if not all((folder / name).is_file() for name in FILES):
        pytest.skip("GraphiQL's files are absent and could not be fetched: make graphiql")
    return folder


@pytest.fixture(scope="module")
async def tab(tmp_path_factory: Any) -> AsyncIterator[Tab]:
    """A page of a browser."""
    async with browser.open_tab(tmp_path_factory.mktemp("chromium")) as each:
        yield each


@pytest.fixture
def serve(start_gateway: Any) -> Any:
    """Serve a gateway in development: ``async with serve() as address``."""

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[str]:
        async with start_gateway(development=True, **settings) as running:
            listening = socket.create_server(("127.0.0.1", 0))
            server = HttpServer("gateway", running.gateway.app, listening)
            await server.start()
            try:
                yield f"http://127.0.0.1:{server.port}"
            finally:
                await server.close()

    return start


async def fill_in(tab: Tab, **fields: str) -> None:
    await tab.wait_for("document.querySelector('#form:not([hidden])') !== null")
    for name, value in fields.items():
        await tab.run(f"document.querySelector('#{name}').value = {value!r}")
    await tab.run("document.querySelector('#send').click()")


async def test_graphiql_shows_itself_and_asks_the_graph(serve: Any, tab: Tab, graphiql: Path) -> None:
    async with serve(graphiql_dir=graphiql) as address:
        tab.complaints.clear()
        await tab.open(f"{address}/graphql")
        assert await tab.wait_for("document.querySelector('.graphiql-toolbar') !== null")
        assert await tab.run("document.title") == "Portico"
        await tab.wait_for("document.querySelector('.graphiql-execute-button') !== null")
        await tab.run("document.querySelector('.graphiql-execute-button').click()")
        shown = "document.querySelector('.result-window .CodeMirror')?.CodeMirror.getValue()"
        assert "Prd_Accounts" in await tab.wait_for(f"{shown}?.includes('totalCount') && {shown}")
        assert await tab.run("performance.getEntriesByType('resource').every(each => each.name.startsWith(location.origin))")
        assert tab.complaints == []
        await tab.open("about:blank")


async def test_the_page_without_graphiql_names_this_gateway(serve: Any, tab: Tab, tmp_path: Path) -> None:
    async with serve(graphiql_dir=tmp_path) as address:
        await tab.open(f"{address}/graphql")
        assert f"curl -s {address}/graphql" in await tab.wait_for("document.querySelector('#catalogue')?.innerText")


async def test_an_address_is_confirmed_with_one_press(serve: Any, tab: Tab, world: World) -> None:
    world.verbs["verify_email"] = lambda body, _user: {"user_id": "usr_ann"} if body["token"] == "t-1" else _refuse()
    async with serve() as address:
        tab.complaints.clear()
        await tab.open(f"{address}/verify-email#token=t-1")
        assert not [each for each in world.asked if each.path != "/do/issue_visitor_passport"]
        await fill_in(tab)
        assert "is confirmed" in await tab.wait_for(OUTCOME)
        await tab.open(f"{address}/verify-email#token=t-2")
        await fill_in(tab)
        assert await tab.wait_for(OUTCOME) == "This link was used already."
        await tab.open(f"{address}/verify-email")
        assert "has no token" in await tab.wait_for(OUTCOME)
        assert tab.complaints == []


async def test_an_invitation_is_accepted_by_who_signs_in(serve: Any, tab: Tab, world: World) -> None:
    def accept(body: Any, user: str | None) -> dict[str, Any]:
        assert (body["token"], user) == ("t-3", "usr_bob")
        world.members["usr_bob"]["org_ann"] = "OBSERVER"
        return world._membership("usr_bob", "org_ann")

    world.verbs["accept_invitation"] = accept
    async with serve() as address:
        await tab.open(f"{address}/accept-invitation#token=t-3")
        await fill_in(tab, email="bob@example.org", password="wrong")
        assert await tab.wait_for(OUTCOME) == "E-mail address or password is wrong."
        await fill_in(tab, password="right")
        assert "a member of Ann now, in the role observer" in await tab.wait_for(OUTCOME.replace(", #outcome.bad", ""))
        assert await tab.run("document.cookie + localStorage.length + sessionStorage.length") == "00"


async def test_signing_in_says_who_one_is(serve: Any, tab: Tab, world: World) -> None:
    async with serve() as address:
        await tab.open(f"{address}/sign-in")
        await fill_in(tab, email="ann@example.org", password="right")
        assert "Your account works, Ann." in await tab.wait_for(OUTCOME)
        assert "usr_ann" not in world.sessions.values(), "the page keeps nobody signed in"


async def test_a_letters_link_shows_how_the_thing_stands_to_who_may_see_it(serve: Any, tab: Tab, world: World) -> None:
    world.subscriptions["sub_1"] |= {"status": "SUSPENDED", "reason": "An audit."}
    async with serve() as address:
        await tab.open(f"{address}/subscriptions/sub_1")
        await fill_in(tab, email="ann@example.org", password="right")
        said = await tab.wait_for(OUTCOME)
        assert said.endswith("SUSPENDED. An audit.")
        assert 'node(id: "sub_1")' in await tab.run("document.querySelector('#hint').innerText")
        await tab.open(f"{address}/permissions/sub_1")
        await fill_in(tab, email="ann@example.org", password="right")
        assert await tab.wait_for(OUTCOME) == "There is nothing here for Ann."
        await tab.open(f"{address}/subscriptions/sub_none")
        await fill_in(tab, email="ann@example.org", password="right")
        assert await tab.wait_for(OUTCOME) == "There is nothing here for Ann."
        assert "usr_ann" not in world.sessions.values(), "the page keeps nobody signed in"


async def test_a_password_is_chosen_by_a_mailed_link(serve: Any, tab: Tab, world: World) -> None:
    def choose(body: Any, _user: str | None) -> dict[str, Any]:
        if body["token"] != "t-4":
            _refuse()
        return {"email": f"{body['password']}@example.org"}

    world.verbs["reset_password"] = world.verbs["set_password"] = choose
    async with serve() as address:
        tab.complaints.clear()
        for page, said in (("reset-password", "a new password"), ("set-password", "has a password now")):
            await tab.open(f"{address}/{page}#token=t-4")
            await fill_in(tab, password="river")
            outcome = await tab.wait_for(OUTCOME)
            assert "river@example.org" in outcome
            assert said in outcome
            await tab.open(f"{address}/{page}#token=t-5")
            await fill_in(tab, password="river")
            assert await tab.wait_for(OUTCOME) == "This link was used already."
        assert await tab.run("document.querySelector('#password').labels[0].innerText") == "New password"
        assert tab.complaints == []


async def test_who_forgot_the_password_asks_for_a_mail(serve: Any, tab: Tab, world: World) -> None:
    world.verbs["request_password_reset"] = lambda body, _user: {"email": body["email"]}
    world.verbs["confirm_email_change"] = lambda body, _user: {"email": f"{body['token']}@example.org"}
    async with serve() as address:
        await tab.open(f"{address}/forgot-password")
        await fill_in(tab, email="ann@example.org")
        assert "on its way" in await tab.wait_for(OUTCOME)
        await tab.open(f"{address}/confirm-address#token=new")
        await fill_in(tab)
        assert "sign in with new@example.org" in await tab.wait_for(OUTCOME)


async def test_a_second_factor_is_asked_for_where_there_is_one(serve: Any, tab: Tab, world: World) -> None:
    needed = {"challenge": "c-1", "methods": ["TOTP", "RECOVERY_CODE"], "expires_at": "2030-01-01T00:00:00Z"}
    sign_in = world.verbs["sign_in"]
    world.verbs["sign_in"] = lambda _body, _user: {"kind": "SecondFactorNeeded", **needed}

    def answer(body: Any, user: str | None) -> Any:
        if body.get("code") != "123456":
            _refuse()
        return sign_in({"email": "ann@example.org", "password": "right", "network_address": None}, user)

    world.verbs["answer_second_factor"] = answer
    async with serve() as address:
        await tab.open(f"{address}/sign-in")
        await fill_in(tab, email="ann@example.org", password="right")
        await tab.wait_for("document.querySelector('#outcome').innerText.includes('second factor')")
        await fill_in(tab, code="000000")
        assert await tab.wait_for(OUTCOME) == "This link was used already."
        await fill_in(tab, code="123 456")
        assert "Your account works, Ann." in await tab.wait_for(OUTCOME.replace(", #outcome.bad", ""))


async def test_every_field_has_a_label(serve: Any, tab: Tab) -> None:
    async with serve() as address:
        await tab.open(f"{address}/sign-in")
        await tab.wait_for("document.querySelector('#form:not([hidden])') !== null")
        assert await tab.run("[...document.querySelectorAll('input')].map(each => each.labels[0].innerText).join()") == (
            "E-mail address,Password,Code of your app, or a recovery code"
        )


def _refuse() -> dict[str, Any]:
    raise Refusal(409, "LINK_USED", "This link was used already.")
