"""Two organizations on the running platform, seen through the graph: everything that one can have, and somebody from outside."""

import asyncio
import itertools
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from joserfc.jwk import OKPKey

from portico.demo import passwords
from portico.foreign import Graph, Mailbox, Refused, open_account
from tests.certificates import issue

ROLES = ("owner", "administrator", "developer", "observer")
SELDOM = "catalog.guidance_removed.v1"  # what a webhook chooses that is to get nothing
NEVER_GIVEN_OUT = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"
PERIOD = {"from": "2030-01-01T00:00:00Z", "to": "2030-01-02T00:00:00Z"}
TERMS = {"name": "Taken", "rateRequests": 1, "rateSeconds": 1, "approval": "AUTOMATIC"}
WANTED = {"purpose": "To know when the tide comes.", "legalBasis": "The law of the sea, § 1."}
FORM: dict[str, Any] = {
    "legalName": "SIA Grāmata",
    "registrationNumber": "40003 123456",
    "address": "Alberta iela 10, Rīga, LV-1010",
    "country": "lv",
    "email": "office@gramata.example",
    "contact": {"name": "Anna Bērziņa", "email": "anna@gramata.example", "position": "Architect"},
    "providerContact": {"name": "Pēteris Kalns", "email": "peteris@provider.example"},
    "purpose": "To check who lives where.",
    "servicesText": "The register of addresses",
}
CONNECTION: dict[str, Any] = {"purpose": "To check who lives where.", "legalBasis": "The law on registers, section 3"}
_TRACE = re.compile(r"[0-9a-f]{32}")
_numbers = itertools.count(1)


def document(operation_id: str) -> str:
    operation = {"operationId": operation_id, "responses": {"200": {"description": "Fine."}}}
    head = {"openapi": "3.0.3", "info": {"title": f"Interface {operation_id}", "version": "1"}}
    return json.dumps({**head, "paths": {f"/{operation_id}": {"get": operation}}})


def public_key() -> str:
    """Return a public key that nobody has registered, as a JSON Web Key."""
    return json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=False))


@dataclass
class World:
    """Two organizations: the first with everything in it, the second with nothing but an application."""

    url: str
    mailbox: Mailbox
    mark: str = field(default_factory=lambda: secrets.token_hex(4))
    people: dict[str, Graph] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    done: dict[str, set[str]] = field(default_factory=dict)
    """By mutation: the ids of the requests in which it was done, whoever did it."""

    async def note(self, response: httpx.Response) -> None:
        """Note which mutations a response says were done just now."""
        sent = json.loads(response.request.content) if response.request.content[:1] == b"{" else {}
        if not str(sent.get("query", "")).startswith("mutation") or "idempotency-replayed" in response.headers:
            return
        await response.aread()
        data = response.json().get("data") or {} if response.status_code == 200 else {}
        for verb, result in data.items():
            if isinstance(result, dict) and not (result.get("__typename") == "Problem" or {"code", "message"} <= result.keys()):
                self.done.setdefault(verb, set()).add(response.headers["x-request-id"])

    async def name_of(self, organization: str, who: str) -> str:
        """Return what an organization is called now (some test may have renamed it), as one of its members sees it."""
        text = "query($id: ID!) { organization(id: $id) { name } }"
        return str((await self.people[who].ask(text, id=self.ids[organization]))["organization"]["name"])

    async def make(self, who: str, verb: str, selection: str, **input_: Any) -> dict[str, Any]:
        return await self.people[who].do(verb, selection, **input_)

    def address_of(self, name: str) -> str:
        return f"{name}-{self.mark}@strangers.example"

    async def join(self, name: str) -> str:
        """Let somebody become a member of the first organization, as their name says, or as an Observer."""
        role = name.upper() if name in ROLES else "OBSERVER"
        return await self.join_to(self.ids["organization"], name, role)

    async def join_to(self, organization_id: str, name: str, role: str) -> str:
        """Let the Owner invite somebody, who accepts; return the membership's id."""
        wanted = {"organizationId": organization_id, "email": self.address_of(name), "role": role}
        invited = await self.make("owner", "inviteMember", "... on Invitation { id }", **wanted)
        accepted = await self.make(name, "acceptInvitation", "... on Membership { id role }", invitationId=invited["id"])
        return str(accepted["id"])

    async def team(self) -> str:
        """Return an organization like the first, with nothing in it, which may be spoiled: see ``spoil``."""
        if "team" not in self.ids:
            wanted = {"name": "Of the team"}
            made = (await self.make("owner", "createOrganization", "... on Organization { id }", **wanted))["id"]
            for name in (*ROLES[1:], "spare"):
                await self.join_to(made, name, name.upper() if name in ROLES else "OBSERVER")
            self.ids["team"] = made
        return self.ids["team"]

    def spoil(self, organization_id: str) -> None:
        """Say that something was changed in an organization; if it was the team's, the next one is a new one."""
        if self.ids.get("team") == organization_id:
            del self.ids["team"]

    async def application(self, who: str = "owner", organization: str = "organization") -> dict[str, Any]:
        selection = "... on CreatedApplication { application { id clientId secrets { id } } }"
        wanted = {"organizationId": self.ids[organization], "name": f"Application {next(_numbers)}"}
        made: dict[str, Any] = (await self.make(who, "createApplication", selection, **wanted))["application"]
        return made

    async def product(self, title: str, *, is_published: bool, **more: Any) -> dict[str, str]:
        """Make a product of the first organization with a plan of either approval and a version of an API."""
        wanted = {"organizationId": self.ids["organization"], "title": title, **more}
        product = await self.make("owner", "createProduct", "... on Product { id slug }", **wanted)
        ids = {"product": product["id"], "slug": product["slug"]}
        for approval in ("AUTOMATIC", "BY_PROVIDER"):
            terms = {**TERMS, "name": approval, "approval": approval, "productId": product["id"]}
            ids[approval] = (await self.make("owner", "createPlan", "... on Plan { id }", **terms))["id"]
        ids |= await self.version(product["id"], f"{product['slug']}-operation")
        if is_published:
            await self.make("owner", "publishVersion", "... on Version { id }", versionId=ids["version"])
        return ids

    async def version(self, product_id: str, operation_id: str) -> dict[str, str]:
        selection = "... on ImportedApi { api { id } version { id } }"
        made = await self.make("owner", "importApi", selection, productId=product_id, document=document(operation_id))
        return {"api": made["api"]["id"], "version": made["version"]["id"]}

    async def subscription(self, application_id: str, plan: str = "public_plan", who: str = "owner") -> str:
        wanted = {"applicationId": application_id, "productId": self.ids["public_product"], "planId": self.ids[plan]}
        return str((await self.make(who, "subscribe", "... on Subscription { id }", **wanted))["id"])

    async def permission(self, application_id: str, who: str = "owner") -> str:
        """Let somebody ask that an application may call the public product."""
        wanted = {"applicationId": application_id, "productId": self.ids["public_product"], **WANTED}
        return str((await self.make(who, "requestPermission", "... on Permission { id }", **wanted))["id"])

    async def told(self, who: str, query: str, foreign: str, absent: str, **variables: Any) -> tuple[Any, Any]:
        """Ask the same about what is foreign and about what does not exist; return both answers, whole but for the two names."""
        filled = json.loads(json.dumps(variables).replace("<it>", foreign))
        return await self.told_of(who, query, filled, {foreign: absent})

    async def told_of(self, who: str, query: str, variables: Any, instead: dict[str, str]) -> tuple[Any, Any]:
        """Ask about what is foreign, and with other names ``instead`` about what does not exist; return both answers so."""
        answers = []
        for names in ({each: each for each in instead}, instead):
            text = json.dumps(variables)
            for foreign, name in names.items():
                text = text.replace(foreign, name)
            headers = {"authorization": f"Bearer {self.people[who].token}"} if self.people[who].token else {}
            sent = {"query": query, "variables": json.loads(text)}
            answer = await self.people[who]._http.post(self.url, json=sent, headers=headers)
            kept = {
                key: _TRACE.sub("<trace>", value)
                for key, value in answer.headers.items()
                if key not in ("date", "content-length")
            }
            said = _TRACE.sub("<trace>", answer.text)
            for name in names.values():
                said = said.replace(name, "<it>")
            answers.append((answer.status_code, kept, said))
        return answers[0], answers[1]


@asynccontextmanager
async def two_organizations(platform: Any) -> AsyncIterator[World]:
    """Let the people come and the organizations be made."""
    async with httpx.AsyncClient(timeout=20) as http:
        made = World(f"{platform.gateway_url}/graphql", Mailbox(http, platform.mailbox_url))
        http.event_hooks = {"response": [made.note]}
        made.people = {name: Graph(http, made.url) for name in (*ROLES, "spare", "stranger", "nobody", "operator")}
        await _operator(made, platform)
        for name in (*ROLES, "spare", "stranger"):
            user = await open_account(
                made.people[name], made.mailbox, made.address_of(name), secrets.token_urlsafe(18), name=name.title()
            )
            made.ids[f"user_{name}"] = user["id"]
        for name, who in (("organization", "owner"), ("own_organization", "stranger")):
            made.ids[name] = (await made.make(who, "createOrganization", "... on Organization { id }", name=f"Of {who}"))["id"]
        standing = "... on ProviderStanding { name }"
        await made.make("operator", "grantProviderStanding", standing, organizationId=made.ids["organization"])
        for name in (*ROLES[1:], "spare"):
            made.ids["membership"] = await made.join(name)
        await _furnish(made)
        yield made


async def _operator(world: World, platform: Any) -> None:
    graph = world.people["operator"]
    password = passwords(platform.whole.place.keys_dir.parent / "demo.json")[platform.operator_email]
    try:
        await graph.sign_in(platform.operator_email, password)
    except Refused:
        await open_account(graph, world.mailbox, platform.operator_email, password, name="Olga Operator")


async def _hook(world: World) -> None:
    hooked = {"organizationId": world.ids["organization"], "url": "https://hooks.strangers.example/", "eventTypes": [SELDOM]}
    made = await world.make("owner", "createWebhook", "... on CreatedWebhook { webhook { id } }", **hooked)
    world.ids["webhook"] = made["webhook"]["id"]


async def _ask_for_help(world: World) -> None:
    ids = world.ids
    asked = {"subject": "Which tide?", "text": "The high one?", "about": ids["application"]}
    of_organization = {"organizationId": ids["organization"], **asked}
    made = await world.make("owner", "openSupportRequest", "... on SupportRequest { id }", **of_organization)
    ids["support_request"] = made["id"]


async def _furnish(world: World) -> None:
    ids = world.ids
    public = await world.product(f"Tides {world.mark}", is_published=True)
    draft = await world.product(f"Unheard-of whirlpools {world.mark}", is_published=False)
    ids |= {"public_product": public["product"], "public_slug": public["slug"], "public_plan": public["AUTOMATIC"]}
    ids |= {"public_plan_by_provider": public["BY_PROVIDER"], "public_version": public["version"]}
    ids |= {"product": draft["product"], "slug": draft["slug"], "plan": draft["AUTOMATIC"], "word": "whirlpools"}
    ids |= {"version": draft["version"], "api": draft["api"]}
    ids |= {"public_operation": f"{public['slug']}-operation", "operation": f"{draft['slug']}-operation"}
    ids["version_beside"] = (await world.version(public["product"], "hidden-beside"))["version"]
    application = await world.application()
    ids |= {"application": application["id"], "secret": application["secrets"][0]["id"]}
    ids["subscription"] = await world.subscription(application["id"])
    ids["permission"] = await world.permission(application["id"])
    ids["own_application"] = (await world.application("stranger", "own_organization"))["id"]
    invited = {"organizationId": ids["organization"], "email": world.address_of("invited"), "role": "OBSERVER"}
    ids["invitation"] = (await world.make("owner", "inviteMember", "... on Invitation { id }", **invited))["id"]
    ids["invitation_token"] = await world.mailbox.token_for(world.address_of("invited"), about="invit")
    category = {"slug": f"category-{world.mark}", "names": [{"language": "EN", "name": "Registers"}]}
    ids["category"] = (await world.make("operator", "createCategory", "... on Category { id }", **category))["id"]
    drafted = {"organizationId": ids["organization"], "form": FORM}
    ids["request"] = (await world.make("owner", "draftOnboardingRequest", "... on OnboardingRequest { id }", **drafted))["id"]
    registered = {"organizationId": ids["organization"], "pem": issue().pem}
    ids["certificate"] = (await world.make("owner", "registerCertificate", "... on Certificate { id }", **registered))["id"]
    keyed = {"applicationId": application["id"], "jwk": public_key()}
    ids["client_key"] = (await world.make("owner", "registerClientKey", "... on ClientKey { id }", **keyed))["id"]
    await _hook(world)
    await _connect(world)
    await _ask_for_help(world)
    await _ask_for_confirmation(world)
    sessions = (await world.people["owner"].ask("{ viewer { sessions { id } } }"))["viewer"]["sessions"]
    ids["session"] = sessions[0]["id"]
    ids |= {"user": ids["user_developer"], "email": world.address_of("developer")}
    for scope in ("application", "public_product"):  # analytics hears of them in its own time
        await _until_usage_is_seen(world, scope)


async def _connect(world: World) -> None:
    """Let the first organization ask to be connected to a confidential product of its own."""
    ids, confidential = world.ids, {"sensitivity": "CONFIDENTIAL", "sensitivityKinds": ["PERSONAL_DATA"]}
    ids["confidential_product"] = (await world.product(f"Registers {world.mark}", is_published=True, **confidential))["product"]
    wish = {"organizationId": ids["organization"], "productId": ids["confidential_product"]}
    filed = {**wish, **CONNECTION, "applicationIds": [ids["application"]]}
    selection = "... on ConnectionRequest { id documents { id } approval { id } }"
    request = await world.make("owner", "fileConnectionRequest", selection, **filed)
    ids |= {"connection_request": request["id"], "agreement": request["documents"][0]["id"], "step": request["approval"][0]["id"]}
    ids["notice"] = await _first_notice(world, "administrator")


async def _ask_for_confirmation(world: World) -> None:
    """Let the first organization start a campaign over its certificates, once it is heard that it has some."""
    scope = {"side": "ORGANIZATION", "organizationId": world.ids["organization"], "kinds": ["CERTIFICATE"]}
    async with asyncio.timeout(60):
        while not (await world.make("owner", "previewCampaign", "... on CampaignPreview { items }", **scope))["items"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    due_at = (datetime.now(UTC) + timedelta(days=300)).isoformat()
    said = {**scope, "title": f"Look {world.mark}", "reason": "It is time.", "dueAt": due_at}
    selection = "... on Campaign { id items { nodes { id } } }"
    campaign = await world.make("owner", "startCampaign", selection, **said)
    world.ids |= {"campaign": campaign["id"], "item": campaign["items"]["nodes"][0]["id"]}


async def _first_notice(world: World, who: str) -> str:
    """Return a notice of somebody who was told what another one did."""
    async with asyncio.timeout(60):
        while not (nodes := await _inbox(world, who)):  # noqa: ASYNC110 - it is told in its own time
            await asyncio.sleep(0.05)
    return str(nodes[0]["id"])


async def _inbox(world: World, who: str) -> list[dict[str, Any]]:
    found = (await world.people[who].ask("{ viewer { inbox { nodes { id } } } }"))["viewer"]["inbox"]
    return [] if found is None else list(found["nodes"])


async def _until_usage_is_seen(world: World, scope: str) -> None:
    asked = {**PERIOD, "applicationId" if scope == "application" else "productId": world.ids[scope]}
    text = "query($input: UsageInput!) { usage(input: $input) { totals { calls } } }"
    async with asyncio.timeout(10):
        while (await world.people["owner"].ask(text, input=asked))["usage"] is None:  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.05)


def absent_for(world: World, name: str) -> str:
    """Return what looks like the thing's id (or slug, word, token, address) and was never given out."""
    given = world.ids[name]
    prefix, mark, _ = given.partition("_")
    if mark and name not in ("invitation_token", "slug", "word", "email"):
        return f"{prefix}_{NEVER_GIVEN_OUT}"
    return f"{given[:4]}{'x' * len(given[4:])}" if name != "email" else "x" * 12 + "@strangers.example"


def filled(world: World, values: dict[str, Any], name: str) -> dict[str, Any]:
    """Return input with the world's ids in it; the one in question stays open."""
    return {
        key: "<it>" if value == f"${name}" else world.ids[value[1:]] if isinstance(value, str) and value[:1] == "$" else value
        for key, value in values.items()
    }
