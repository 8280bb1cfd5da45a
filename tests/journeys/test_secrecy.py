"""No secret is found where it does not belong, whatever people do: not in a database, on the bus, in the log, in the metrics."""

import asyncio
import base64
import io
import json
import logging
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from chassis import telemetry
from chassis.bus import Message
from portico.foreign import Graph, Mailbox, Refused, open_account
from tests.journeys.papers import ENTRUSTED, an_organizations_papers
from tests.journeys.quiet_trials import TRIED, a_trials_ways
from tests.journeys.quiet_ways import a_persons_ways, an_applications_ways
from tests.one_process import RunningInProcess, running_platform

JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.")
PREFIXES = re.compile(r"\b(?:pts|ptv|pti|ptr|ptw|pta|ptc|pto|pcs)_[0-9A-Za-z_-]{16,}")
SOMEBODY_ELSES = ("httpx", "httpcore", "mail.log")  # the client of this test, and the mail server that stands in for a real one
DOCUMENT = json.dumps(
    {
        "openapi": "3.0.3",
        "info": {"title": "Tides", "version": "1"},
        "paths": {"/tides": {"get": {"operationId": "tides", "responses": {"200": {"description": "Fine."}}}, "post": TRIED}},
    }
)


@dataclass
class Written:
    """Everything that the platform has written down while people used it, and what must not be in it."""

    places: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    open_names: dict[str, str] = field(default_factory=dict)


@dataclass
class Visit:
    """Somebody who uses the platform and remembers each secret that they saw."""

    running: RunningInProcess
    http: httpx.AsyncClient
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.running.gateway_url}/graphql"

    @property
    def mailbox(self) -> Mailbox:
        return Mailbox(self.http, self.running.mailbox_url)

    async def account(self, name: str, email: str) -> Graph:
        """Open an account; keep its password, its session's token and the token that came by mail."""
        graph, password = Graph(self.http, self.url), secrets.token_urlsafe(24)
        await open_account(graph, self.mailbox, email, password, name=name)
        assert graph.token
        mailed = await self.mailbox.token_for(email, about="verify")
        self.secrets |= {f"{name}'s password": password, f"{name}'s session": graph.token, f"{name}'s mail": mailed}
        return graph


@contextmanager
def captured_log() -> Iterator[io.StringIO]:
    """Take whatever our code and the libraries under it log."""
    text, before, root = io.StringIO(), structlog.get_config(), logging.getLogger()
    handler, level = logging.StreamHandler(text), root.level
    quiet = {name: logging.getLogger(name).level for name in SOMEBODY_ELSES}
    telemetry.start_logging("DEBUG", stream=text)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in quiet:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield text
    finally:
        structlog.configure(**before)
        root.removeHandler(handler)
        root.setLevel(level)
        for name, each in quiet.items():
            logging.getLogger(name).setLevel(each)


@pytest.fixture(scope="module")
async def written(mongo_url: str, tmp_path_factory: pytest.TempPathFactory) -> Written:
    var, prefix = tmp_path_factory.mktemp("secrecy"), f"secrecy_{secrets.token_hex(4)}_"
    found = Written()
    with captured_log() as log:
        async with visited(mongo_url, var, prefix) as (visit, announced):
            found.open_names = await everything(visit)
            found.secrets = visit.secrets
            metrics = await visit.http.get(f"{visit.running.gateway_url}/metrics")
            await until_all_is_audited(visit.running)
            found.places = {"metrics": metrics.text, "databases": await in_databases(visit.running, prefix)}
            found.places["audit"] = await in_databases(visit.running, f"{prefix}audit")
            found.places["bus"] = "".join(path.read_bytes().decode("latin-1") for path in var.glob("bus.sqlite*"))
        found.places |= {"announcements": "\n".join(announced), "log": log.getvalue(), "other files": in_files(var)}
    return found


@asynccontextmanager
async def visited(mongo_url: str, var: Path, prefix: str) -> AsyncIterator[tuple[Visit, list[str]]]:
    announced: list[str] = []

    async def hear(message: Message) -> None:
        announced.append(f"{message.id} {message.key} {message.body.decode()}")

    async with running_platform(mongo_url, var, prefix) as running, httpx.AsyncClient(timeout=20) as http:
        listener = await running.whole.place.bus.listen(["#"], hear)
        yield Visit(running, http), announced
        await listener.close()


async def in_databases(running: RunningInProcess, prefix: str) -> str:
    """Return the raw bytes of every document of every collection of every service."""
    client, kept, seen = running.whole.place.client, [], set()
    for name in await client.list_database_names():
        if name.startswith(prefix):
            seen.add(name.removeprefix(prefix))
            for collection in await client[name].list_collection_names():
                kept += [batch async for batch in client[name][collection].find_raw_batches({})]
    assert seen >= {"identity", "catalog", "subscriptions", "enforcement", "analytics", "audit"} or seen == {""}
    return b"".join(kept).decode("latin-1")


async def until_all_is_audited(running: RunningInProcess) -> None:
    """Wait until the audit trail has every act that was announced."""
    parts: dict[str, Any] = running.whole.parts
    entries = parts["audit"].store.reader().collection("entries")
    announced: set[str] = set()
    for name in ("identity", "catalog", "subscriptions"):
        outbox = parts[name].store.reader().collection("outbox")
        announced |= {row["_id"] for row in await outbox.find({"key": f"{name}.act_recorded.v1"})}
    assert len(announced) > 20
    async with asyncio.timeout(60):
        while announced - {row["content"]["event_id"] for row in await entries.find({})}:  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.2)


def in_files(var: Path) -> str:
    """Return what else lies in the platform's folder; mails that arrived lie with whoever got them."""
    files = [path for path in sorted(var.rglob("*")) if path.is_file() and "mail" not in path.relative_to(var).parts]
    assert files
    return "".join(path.read_bytes().decode("latin-1") for path in files)


async def everything(visit: Visit) -> dict[str, str]:
    """Do whatever there is to do with secrets, well and badly; return names that are no secret."""
    owner = await visit.account("Owner", "owner@secrecy.example")
    organization = await owner.do("createOrganization", "... on Organization { id }", name="Keepers of quiet")
    await invite(visit, owner, organization["id"])
    client_id = await applications(visit, owner, organization["id"])
    await a_persons_ways(visit)
    await page_session(visit)
    await mistakes(visit)
    await owner.ask("mutation { signOut { __typename } }")
    return {"organization": organization["id"], "client id": client_id}


async def invite(visit: Visit, owner: Graph, organization_id: str) -> None:
    email = "colleague@secrecy.example"
    for name in (email, "never-comes@secrecy.example"):
        invited = {"organizationId": organization_id, "email": name, "role": "DEVELOPER"}
        await owner.do("inviteMember", "... on Invitation { id }", **invited)
        visit.secrets[f"invitation of {name}"] = await visit.mailbox.token_for(name, about="invit")
    colleague = await visit.account("Colleague", email)
    await colleague.do("acceptInvitation", "... on Membership { id }", token=visit.secrets[f"invitation of {email}"])


async def applications(visit: Visit, owner: Graph, organization_id: str) -> str:
    """Create an application, rotate its secret, get tokens in every way, subscribe; return the Client ID."""
    selection = "clientSecret application { id clientId }"
    made = await owner.do(
        "createApplication", f"... on CreatedApplication {{ {selection} }}", organizationId=organization_id, name="A"
    )
    application = made["application"]
    rotated = await owner.do("rotateSecret", f"... on RotatedSecret {{ {selection} }}", applicationId=application["id"])
    visit.secrets |= {"first client secret": made["clientSecret"], "second client secret": rotated["clientSecret"]}
    url, form = f"{visit.running.gateway_url}/oauth/token", {"grant_type": "client_credentials"}
    client_id, secret = application["clientId"], rotated["clientSecret"]
    for name, answer in (
        ("basic", await visit.http.post(url, data=form, auth=(client_id, secret))),
        ("post", await visit.http.post(url, data={**form, "client_id": client_id, "client_secret": secret})),
    ):
        assert answer.status_code == 200, answer.text
        visit.secrets[f"access token, {name}"] = answer.json()["access_token"]
    visit.secrets["basic credentials"] = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    await visit.http.post(url, data=form, auth=(client_id, made["clientSecret"]))
    await visit.http.post(url, params={**form, "client_id": client_id, "client_secret": secret})
    product_id, operator = await subscribe(visit, owner, organization_id, application["id"])
    ids = {"organization": organization_id, "application": application["id"], "product": product_id}
    await an_organizations_papers(visit, owner, operator, ids)
    await a_trials_ways(visit, owner, application["id"], product_id)
    await an_applications_ways(visit, owner, application)
    return str(client_id)


async def subscribe(visit: Visit, owner: Graph, organization_id: str, application_id: str) -> tuple[str, Graph]:
    """Offer a product and subscribe to it; return its id, and the operator."""
    operator = await visit.account("Operator", visit.running.operator_email)
    await operator.do("grantProviderStanding", "... on ProviderStanding { name }", organizationId=organization_id)
    product = await owner.do("createProduct", "... on Product { id }", organizationId=organization_id, title="Tides")
    terms = {"productId": product["id"], "name": "Basic", "rateRequests": 5, "rateSeconds": 1, "approval": "BY_PROVIDER"}
    plan = await owner.do("createPlan", "... on Plan { id }", **terms)
    imported = await owner.do("importApi", "... on ImportedApi { version { id } }", productId=product["id"], document=DOCUMENT)
    await owner.do("publishVersion", "... on Version { id }", versionId=imported["version"]["id"])
    wanted = {"applicationId": application_id, "productId": product["id"], "planId": plan["id"]}
    subscription = await owner.do("subscribe", "... on Subscription { id }", **wanted)
    await owner.do("approveSubscription", "... on Subscription { status }", subscriptionId=subscription["id"])
    return str(product["id"]), operator


async def page_session(visit: Visit) -> None:
    """Sign in as a page does, ask, and sign out."""
    password = visit.secrets["Owner's password"]
    mutation = "mutation($input: SignInInput!) { signIn(input: $input) { ... on SignedIn { token csrfToken } } }"
    async with httpx.AsyncClient(timeout=20) as page:
        input_ = {"email": "owner@secrecy.example", "password": password, "cookie": True}
        answer = await page.post(visit.url, json={"query": mutation, "variables": {"input": input_}})
        signed_in = answer.json()["data"]["signIn"]
        assert signed_in["token"] is None
        cookies = {f"cookie {cookie.name}": str(cookie.value) for cookie in page.cookies.jar}
        assert len(cookies) == 2
        visit.secrets |= {"CSRF token": signed_in["csrfToken"], **cookies}
        for cookie in list(cookies.values()):
            visit.secrets |= {f"part of a cookie: {each[:4]}": each for each in re.split(r"[.:|]", cookie) if len(each) > 20}
        headers = {"portico-csrf": signed_in["csrfToken"]}
        asked = await page.post(visit.url, json={"query": "{ viewer { user { email } } }"}, headers=headers)
        assert asked.json()["data"]["viewer"]["user"]["email"] == "owner@secrecy.example"
        sign_out = {"query": "mutation { signOut { __typename } }"}
        assert (await page.post(visit.url, json=sign_out, headers={"portico-csrf": "x" * 43})).status_code == 403
        assert (await page.post(visit.url, json=sign_out, headers=headers)).json()["data"]["signOut"]["__typename"] == "SignedOut"


async def mistakes(visit: Visit) -> None:
    """Put secrets where they do not belong: what is refused is not written down either."""
    graph, known = Graph(visit.http, visit.url), visit.secrets
    typed = {"mistyped password": secrets.token_urlsafe(24), "mistyped token": f"pts_{secrets.token_urlsafe(32)}"}
    known |= typed | {"short password": "too-7f3a91c2", "mistyped mail token": f"ptv_{secrets.token_urlsafe(32)}"}
    for verb, selection, input_ in (
        ("signIn", "... on SignedIn { token }", {"email": "owner@secrecy.example", "password": known["mistyped password"]}),
        (
            "register",
            "... on Registered { email }",
            {"email": "new@secrecy.example", "password": known["short password"], "name": "N"},
        ),
        (
            "register",
            "... on Registered { email }",
            {"email": known["mistyped password"], "password": known["Owner's password"], "name": ""},
        ),
        ("verifyEmail", "... on VerifiedEmail { userId }", {"token": known["mistyped mail token"]}),
        ("verifyEmail", "... on VerifiedEmail { userId }", {"token": known["Owner's mail"]}),
        ("verifyEmail", "... on VerifiedEmail { userId }", {"token": known["Owner's session"] * 9}),
    ):
        with pytest.raises(Refused):
            await graph.do(verb, selection, **input_)
    bearer = {"authorization": f"Bearer {known['mistyped token']}"}
    assert (await visit.http.post(visit.url, json={"query": "{ viewer { user { id } } }"}, headers=bearer)).status_code == 401
    await broken_requests(visit)


async def broken_requests(visit: Visit) -> None:
    """Send secrets in documents that cannot be read, in the wrong header, and in addresses."""
    known, secret = visit.secrets, visit.secrets["Owner's password"]
    for body in (
        f'{{"query": "{secret}',
        f'{{"query": 7, "x": "{secret}"}}',
        json.dumps({"query": f'mutation {{ "{secret}" }}'}),
    ):
        answer = await visit.http.post(visit.url, content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (200, 400)
    wrong_type = {"query": "mutation($input: SignInInput!) { signIn(input: $input) { __typename } }"}
    await visit.http.post(visit.url, json={**wrong_type, "variables": {"input": {"email": [secret], "password": secret}}})
    access_token = known["access token, basic"]
    await visit.http.post(visit.url, json={"query": "{ __typename }"}, headers={"authorization": f"Bearer {access_token}"})
    await visit.http.post(visit.url, json={"query": "{ __typename }"}, headers={"portico-passport": access_token})
    gateway, mailed = visit.running.gateway_url, known["Owner's mail"]
    for path in (f"/verify?token={mailed}", f"/{mailed}", f"/graphql?query={secret}", f"/oauth/token?client_secret={secret}"):
        assert (await visit.http.get(f"{gateway}{path}")).status_code < 500
    form = {"content-type": "application/x-www-form-urlencoded"}
    for content in (f"grant_type={secret}", f"client_secret={secret}&client_secret={secret}", f"=%%{secret}"):
        assert (await visit.http.post(f"{gateway}/oauth/token", content=content, headers=form)).status_code < 500


PLACES = ("databases", "audit", "bus", "announcements", "log", "metrics", "other files")


@pytest.mark.parametrize("place", PLACES)
async def test_no_secret_is_written_down(written: Written, place: str) -> None:
    text = written.places[place]
    assert text
    assert [name for name, secret in written.secrets.items() if secret in text] == []
    assert PREFIXES.findall(text) == []
    assert JWT.findall(text) == []


@pytest.mark.parametrize("place", [each for each in PLACES if each != "databases"])
async def test_what_people_entrust_is_in_the_database_alone(written: Written, place: str) -> None:
    assert [name for name, words in ENTRUSTED.items() if words in written.places[place]] == []


async def test_the_audit_trail_names_people_by_their_ids_alone(written: Written) -> None:
    assert "secrecy.example" not in written.places["audit"]
    assert "register" in written.places["audit"]


async def test_what_people_entrust_would_be_found(written: Written) -> None:
    assert [name for name, words in ENTRUSTED.items() if words not in written.places["databases"]] == []


async def test_the_search_would_find_what_is_there(written: Written) -> None:
    assert set(written.places) == set(PLACES)
    for place in ("databases", "announcements"):
        for name in written.open_names.values():
            assert name in written.places[place]
    assert '"part"' in written.places["log"]
    assert "portico_requests_total" in written.places["metrics"]
    assert JWT.search(written.secrets["access token, basic"])
    assert PREFIXES.fullmatch(written.secrets["second client secret"])
    assert len(written.secrets) >= 20
    assert all(len(secret) >= 12 for secret in written.secrets.values())
