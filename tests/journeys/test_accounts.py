"""A person's own things through the graph: password, address, sessions, language, what is kept, and its end."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from portico.foreign import Graph, Mailbox, NotUnderstood, Refused, open_account

PASSWORD, NEW = "a long walk by the river", "another walk along the shore"
SESSIONS = "{ viewer { sessions { id userAgent networkAddress methods isCurrent createdAt seenAt expiresAt } } }"
VERBS: dict[str, dict[str, Any]] = {
    "changeProfile": {"name": "Nobody"},
    "changePassword": {"currentPassword": PASSWORD, "password": NEW},
    "requestEmailChange": {"newEmail": "nobody@accounts.example", "password": PASSWORD},
    "endSession": {"sessionId": "ses_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"},
    "exportMyData": {"password": PASSWORD},
    "eraseMyAccount": {"password": PASSWORD},
}
THINGS = {
    "changeProfile": "... on User { id name language }",
    "changePassword": "... on ChangedPassword { userId }",
    "requestEmailChange": "... on WrittenTo { email }",
    "endSession": "... on EndedSession { sessionId }",
    "exportMyData": "... on MyData { document exportedAt }",
    "eraseMyAccount": "... on ErasedAccount { userId }",
    "requestPasswordReset": "... on WrittenTo { email }",
    "resetPassword": "... on AccountReady { email }",
    "setPassword": "... on AccountReady { email }",
    "confirmEmailChange": "... on AccountReady { email }",
}
_numbers = itertools.count(1)


@dataclass
class Place:
    """The running platform, as people reach it."""

    http: httpx.AsyncClient
    url: str
    mailbox: Mailbox

    def nobody(self) -> Graph:
        return Graph(self.http, self.url)

    async def person(self, name: str = "Person") -> tuple[Graph, str]:
        email = f"own-{next(_numbers)}@accounts.example"
        graph = self.nobody()
        await open_account(graph, self.mailbox, email, PASSWORD, name=name)
        return graph, email


@pytest.fixture
async def place(platform: Any) -> AsyncIterator[Place]:
    async with httpx.AsyncClient(timeout=30, headers={"user-agent": "Journey/1.0"}) as http:
        yield Place(http, f"{platform.gateway_url}/graphql", Mailbox(http, platform.mailbox_url))


async def done(graph: Graph, verb: str, **given: Any) -> dict[str, Any]:
    return await graph.do(verb, THINGS[verb], **given)


@asynccontextmanager
async def refused(code: str) -> AsyncIterator[None]:
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.code == code, caught.value.problem


async def test_sessions_are_seen_and_ended_by_their_owner(place: Place) -> None:
    person, email = await place.person()
    phone = place.nobody()
    await phone.sign_in(email, PASSWORD)
    sessions = (await phone.ask(SESSIONS))["viewer"]["sessions"]
    assert [each["isCurrent"] for each in sessions] == [True, False]
    assert (sessions[0]["userAgent"], sessions[0]["methods"]) == ("Journey/1.0", ["PASSWORD"])
    assert sessions[0]["networkAddress"]
    stranger, _ = await place.person()
    for each in (sessions[1]["id"], VERBS["endSession"]["sessionId"]):
        async with refused("NO_SUCH_SESSION"):
            await done(stranger, "endSession", sessionId=each)
    assert (await done(phone, "endSession", sessionId=sessions[1]["id"]))["sessionId"] == sessions[1]["id"]
    await until_signed_out(person)
    text = "mutation { endOtherSessions { ... on EndedSessions { ended } } }"
    assert (await phone.ask(text))["endOtherSessions"] == {"ended": 0}


async def until_signed_out(graph: Graph) -> None:
    """Wait until a session that was ended elsewhere opens nothing any more."""
    async with asyncio.timeout(5):
        while True:
            try:
                await graph.ask("{ viewer { user { id } } }")
            except NotUnderstood as ended:
                message = str(ended)
                break
            await asyncio.sleep(0.02)
    assert "ended" in message


async def test_a_profile_is_ones_own(place: Place) -> None:
    person, _ = await place.person("Anna")
    assert (await done(person, "changeProfile", language="LV"))["language"] == "LV"
    assert (await done(person, "changeProfile", name="Anna Marija"))["name"] == "Anna Marija"
    seen = await person.ask("{ viewer { user { name language } } }")
    assert seen["viewer"]["user"] == {"name": "Anna Marija", "language": "LV"}


async def test_a_forgotten_password_is_replaced_by_mail(place: Place) -> None:
    person, email = await place.person()
    nobody = place.nobody()
    assert (await done(nobody, "requestPasswordReset", email=email))["email"] == email
    assert (await done(nobody, "requestPasswordReset", email="nobody@accounts.example"))["email"]
    token = await place.mailbox.token_for(email, about="new password")
    async with refused("PASSWORD_NOT_ACCEPTED"):
        await done(nobody, "resetPassword", token=token, password="short")
    assert (await done(nobody, "resetPassword", token=token, password=NEW))["email"] == email
    for verb in ("resetPassword", "setPassword"):
        async with refused("LINK_NOT_VALID"):
            await done(nobody, verb, token=token, password=PASSWORD)
    await until_signed_out(person)
    async with refused("WRONG_CREDENTIALS"):
        await place.nobody().sign_in(email, PASSWORD)
    await nobody.sign_in(email, NEW)
    async with refused("WRONG_PASSWORD"):
        await done(nobody, "changePassword", currentPassword=PASSWORD, password=PASSWORD)
    await done(nobody, "changePassword", currentPassword=NEW, password=PASSWORD)
    await place.nobody().sign_in(email, PASSWORD)


async def test_an_address_becomes_another_one(place: Place) -> None:
    person, email = await place.person()
    wanted = f"new.{email}"
    assert (await done(person, "requestEmailChange", newEmail=wanted, password=PASSWORD))["email"] == wanted
    token = await place.mailbox.token_for(wanted, about="confirm")
    assert (await done(place.nobody(), "confirmEmailChange", token=token))["email"] == wanted
    async with refused("LINK_NOT_VALID"):
        await done(place.nobody(), "confirmEmailChange", token=token)
    assert (await person.ask("{ viewer { user { email } } }"))["viewer"]["user"]["email"] == wanted


async def test_what_is_kept_is_read_and_erased(place: Place) -> None:
    person, email = await place.person("Zigmārs")
    told = json.loads((await done(person, "exportMyData"))["document"])
    assert (told["account"]["email"], told["account"]["name"]) == (email, "Zigmārs")
    async with refused("PASSWORD_NEEDED"):
        await done(person, "eraseMyAccount")
    await done(person, "eraseMyAccount", password=PASSWORD)
    await until_signed_out(person)
    async with refused("WRONG_CREDENTIALS"):
        await place.nobody().sign_in(email, PASSWORD)


@pytest.mark.parametrize("verb", VERBS)
async def test_nobody_has_no_account_to_change(place: Place, verb: str) -> None:
    async with refused("SIGN_IN_FIRST"):
        await done(place.nobody(), verb, **VERBS[verb])


async def test_nobody_sees_no_sessions(place: Place) -> None:
    assert (await place.nobody().ask(SESSIONS))["viewer"] is None
    text = "mutation { endOtherSessions { ... on Problem { code } } signOut { ... on Problem { code } } }"
    assert await place.nobody().ask(text) == {"endOtherSessions": {"code": "SIGN_IN_FIRST"}, "signOut": {"code": "SIGN_IN_FIRST"}}
