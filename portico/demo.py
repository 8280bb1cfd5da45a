"""The demonstration: accounts and a catalogue, made through the public graph as any outsider would make them.

It can be loaded again and again: what is there already stays as it is.
"""

import asyncio
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from portico.demo_texts import load_catalogue_texts, load_guidance
from portico.foreign import Graph, Mailbox, Refused, open_account

OPERATOR = "operator@portico.example"
PROVIDER = "provider@portico.example"
DEVELOPER = "developer@portico.example"
_NAMES = {OPERATOR: "Olga Operator", PROVIDER: "Peter Provider", DEVELOPER: "Dace Developer"}
_PROVIDER_ORGANIZATION = "Agency of Registers"
_DOCUMENTS = Path(__file__).parent / "demonstration"


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """A plan of the demonstration: calls in so many seconds, burst, calls a day."""

    name: str
    rate: tuple[int, int]
    burst: int
    calls_a_day: int | None = None
    approval: str = "AUTOMATIC"


@dataclass(frozen=True, slots=True)
class DemoProduct:
    """A product of the demonstration with the document of its one API."""

    slug: str
    title: str
    summary: str
    document: str
    sensitivity: str
    tags: tuple[str, ...]
    plans: tuple[DemoPlan, ...]
    prerequisites: tuple[str, ...] = ()


PRODUCTS = (
    DemoProduct(
        "weather", "Weather observations", "What the weather stations measure, for trying things out.", "weather.yaml",
        "OPEN_TEST", ("weather", "test"), (DemoPlan("Open", (5, 1), 20),),
    ),
    DemoProduct(
        "addresses", "Address register", "Search, read and check addresses of the whole country.", "addresses.yaml",
        "STANDARD", ("registers", "addresses"),
        (DemoPlan("Starter", (5, 1), 60, 10_000), DemoPlan("Professional", (200, 1), 400)),
    ),
    DemoProduct(
        "parcels", "Land parcels", "Boundaries and use of land parcels; each subscription is decided on.", "parcels.yaml",
        "STANDARD", ("registers", "land"), (DemoPlan("Reviewed", (10, 1), 20, 5_000, "BY_PROVIDER"),),
    ),
    DemoProduct(
        "accounts", "Account information", "Balances and transactions, under banking secrecy.", "accounts.yaml",
        "CONFIDENTIAL", ("banking",), (DemoPlan("Partner", (50, 1), 100),), ("AGREEMENT",),
    ),
    DemoProduct(
        "persons", "Population register", "Who lives where, for recipients that are onboarded and permitted.", "persons.yaml",
        "STANDARD", ("registers", "persons"), (DemoPlan("Register", (10, 1), 20, 5_000),), ("ONBOARDING", "PERMISSION"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the platform is."""

    graphql: str
    mailbox: str


def passwords(path: Path) -> dict[str, str]:
    """Return the demonstration accounts' passwords, made once and kept in a file that only its owner reads."""
    if path.exists():
        kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    made = {email: "-".join(secrets.token_hex(3) for _ in range(3)) for email in (OPERATOR, PROVIDER, DEVELOPER)}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(made), encoding="utf-8")
    draft.replace(path)
    return made


async def load(addresses: Addresses, known: dict[str, str], say: Callable[[str], None]) -> None:
    """Load what is missing of the demonstration; ``say`` is told of each step that takes longer."""
    async with httpx.AsyncClient(timeout=30) as http:
        mailbox = Mailbox(http, addresses.mailbox)
        say("demonstration: accounts")
        graphs = await asyncio.gather(*(_account(http, addresses, mailbox, email, password=known[email]) for email in _NAMES))
        operator, provider, _developer = graphs
        say("demonstration: a provider")
        organization_id = await _provider_organization(operator, provider)
        for product in PRODUCTS:
            say(f"demonstration: {product.title}")
            await _product(provider, organization_id, product)
        say("demonstration: texts in three languages")
        await load_catalogue_texts(operator, provider)
        await load_guidance(operator)


async def _account(http: httpx.AsyncClient, addresses: Addresses, mailbox: Mailbox, email: str, *, password: str) -> Graph:
    graph = Graph(http, addresses.graphql)
    try:
        await graph.sign_in(email, password)
    except Refused:
        await open_account(graph, mailbox, email, password, name=_NAMES[email])
    return graph


async def _provider_organization(operator: Graph, provider: Graph) -> str:
    data = await provider.ask("{ viewer { memberships { organization { id name isProvider } } } }")
    for membership in data["viewer"]["memberships"]:
        organization = membership["organization"]
        if organization["name"] == _PROVIDER_ORGANIZATION:
            organization_id = str(organization["id"])
            is_provider = bool(organization["isProvider"])
            break
    else:
        made = await provider.do("createOrganization", "... on Organization { id }", name=_PROVIDER_ORGANIZATION)
        organization_id, is_provider = str(made["id"]), False
    if not is_provider:
        selection = "... on ProviderStanding { organizationId }"
        await operator.do("grantProviderStanding", selection, organizationId=organization_id)
    return organization_id


async def _product(provider: Graph, organization_id: str, wanted: DemoProduct) -> None:
    document = "query($slug: String!) { product(slug: $slug) { id plans { name } apis { versions { id status } } } }"
    product: dict[str, Any] | None = (await provider.ask(document, slug=wanted.slug))["product"]
    if product is None:
        selection = "... on Product { id plans { name } apis { versions { id status } } }"
        product = await provider.do(
            "createProduct", selection, organizationId=organization_id, slug=wanted.slug, title=wanted.title,
            summary=wanted.summary, sensitivity=wanted.sensitivity, tags=list(wanted.tags),
            prerequisites=list(wanted.prerequisites),
        )  # fmt: skip
    await _plans(provider, product, wanted)
    versions = [version for api in product["apis"] for version in api["versions"]]
    if not versions:
        text = (_DOCUMENTS / wanted.document).read_text(encoding="utf-8")
        selection = "... on ImportedApi { version { id status } }"
        versions = [(await provider.do("importApi", selection, productId=product["id"], document=text))["version"]]
    for version in versions:
        if version["status"] == "DRAFT":
            await provider.do("publishVersion", "... on Version { id }", versionId=version["id"])


async def _plans(provider: Graph, product: dict[str, Any], wanted: DemoProduct) -> None:
    present = {plan["name"] for plan in product["plans"]}
    for plan in wanted.plans:
        if plan.name in present:
            continue
        quota = {"quotaCalls": plan.calls_a_day, "quotaPeriod": "DAY"} if plan.calls_a_day else {}
        await provider.do(
            "createPlan", "... on Plan { id }", productId=product["id"], name=plan.name, rateRequests=plan.rate[0],
            rateSeconds=plan.rate[1], burst=plan.burst, approval=plan.approval, **quota,
        )  # fmt: skip
