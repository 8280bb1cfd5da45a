"""Documents as real publishers release them, imported and published by a provider through the graph; and very large ones."""

import hashlib
import json
import random
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from portico.demo import passwords
from portico.foreign import Graph, Mailbox, Refused, open_account

DOCUMENTS = Path(__file__).parents[3] / "shared" / "specs"
NAMES = ("openbanking-account-info.json", "openbanking-vrp.yaml", "bcgov-gwells.yaml")
SELECTION = "... on ImportedApi { operationCount warnings api { slug title } version { id label status openapiVersion } }"
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
MEGABYTE = 1024 * 1024


@dataclass
class Provider:
    """Somebody who may publish."""

    graph: Graph
    http: httpx.AsyncClient
    url: str
    organization_id: str

    async def product(self, title: str) -> str:
        """Make a product with a plan."""
        wanted = {"organizationId": self.organization_id, "title": f"{title} {secrets.token_hex(4)}"}
        product = await self.graph.do("createProduct", "... on Product { id }", **wanted)
        terms = {"productId": product["id"], "name": "Basic", "rateRequests": 5, "rateSeconds": 1, "approval": "AUTOMATIC"}
        await self.graph.do("createPlan", "... on Plan { id }", **terms)
        return str(product["id"])

    async def bring(self, text: str) -> dict[str, Any]:
        """Import a document into a new product."""
        return await self.graph.do("importApi", SELECTION, productId=await self.product("Real"), document=text)


@pytest.fixture(scope="module")
async def provider(platform: Any) -> AsyncIterator[Provider]:
    url = f"{platform.gateway_url}/graphql"
    async with httpx.AsyncClient(timeout=60) as http:
        graph, operator, mailbox = Graph(http, url), Graph(http, url), Mailbox(http, platform.mailbox_url)
        password = passwords(platform.whole.place.keys_dir.parent / "demo.json")[platform.operator_email]
        try:
            await operator.sign_in(platform.operator_email, password)
        except Refused:
            await open_account(operator, mailbox, platform.operator_email, password, name="Olga Operator")
        email = f"publisher-{secrets.token_hex(4)}@agency.example"
        await open_account(graph, mailbox, email, secrets.token_urlsafe(18), name="Paula Publisher")
        made = await graph.do("createOrganization", "... on Organization { id }", name="Agency")
        await operator.do("grantProviderStanding", "... on ProviderStanding { name }", organizationId=made["id"])
        yield Provider(graph, http, url, made["id"])


def text_of(name: str) -> str:
    path = DOCUMENTS / name
    if not path.exists():
        pytest.skip(f"the real documents are not here: {path} is absent")
    return path.read_text(encoding="utf-8")


def expected_operations(name: str, text: str) -> set[tuple[str, str]]:
    """Return (method, path) of the document's operations, found without the platform's code."""
    tree = json.loads(text) if name.endswith(".json") else yaml.safe_load(text)
    return {(method.upper(), path) for path, item in tree["paths"].items() for method in item if method in METHODS}


@pytest.mark.parametrize("name", NAMES)
async def test_a_real_document_is_imported_published_and_found(provider: Provider, name: str) -> None:
    text = text_of(name)
    product_id = await provider.product(name.partition(".")[0])
    imported = await provider.graph.do("importApi", SELECTION, productId=product_id, document=text)
    assert (imported["version"]["status"], imported["version"]["openapiVersion"]) == ("DRAFT", "3.0.0")
    expected = expected_operations(name, text)
    assert imported["operationCount"] == len(expected)

    visitor = Graph(provider.http, provider.url)
    of_version = """query($id: ID!) { node(id: $id) { ... on Version { status publishedAt callUrl operationCount
      operations { operationId method path summary } document { text mediaType } } } }"""
    version_id = imported["version"]["id"]
    assert (await visitor.ask(of_version, id=version_id))["node"] is None
    await provider.graph.do("publishVersion", "... on Version { id }", versionId=version_id)
    seen = (await visitor.ask(of_version, id=version_id))["node"]
    assert (seen["status"], seen["operationCount"]) == ("PUBLISHED", len(expected))
    assert {(each["method"], each["path"]) for each in seen["operations"]} == expected
    assert len({each["operationId"] for each in seen["operations"]}) == len(expected)
    assert seen["document"]["text"] == text
    assert seen["document"]["mediaType"] == ("application/json" if name.endswith(".json") else "application/yaml")

    searched = "query($search: String!) { products(search: $search, first: 100) { nodes { id } } }"
    first = seen["operations"][0]
    for search in (name.partition(".")[0].replace("-", " "), first["operationId"], first["summary"] or first["path"]):
        found = (await visitor.ask(searched, search=search))["products"]["nodes"]
        assert product_id in [each["id"] for each in found], search


async def test_what_is_no_json_is_refused_with_its_place(provider: Provider) -> None:
    text = text_of("bcgov-geocoder.json")
    with pytest.raises(Refused) as refused:
        await provider.bring(text)
    assert refused.value.code == "DOCUMENT_NOT_READABLE"
    (field,) = refused.value.problem["fields"]
    assert re.match(r"line 108, column 13\b", field["message"]), field
    assert field["field"] == "document"


async def test_swagger_2_is_converted_and_what_was_imported_is_kept(provider: Provider) -> None:
    name = "bcgov-news-swagger2.json"
    text = text_of(name)
    product_id = await provider.product("news")
    imported = await provider.graph.do("importApi", SELECTION, productId=product_id, document=text)
    assert imported["operationCount"] == len(expected_operations(name, text))
    of_version = """query($id: ID!) { node(id: $id) { ... on Version { openapiVersion source { url sha256 }
      document { text mediaType } originalDocument { text } } } }"""
    seen = (await provider.graph.ask(of_version, id=imported["version"]["id"]))["node"]
    assert (seen["openapiVersion"], seen["document"]["mediaType"]) == ("3.0.3", "application/json")
    assert json.loads(seen["document"]["text"])["openapi"] == "3.0.3"
    assert seen["originalDocument"]["text"] == text
    assert seen["source"] == {"url": None, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def large(size: int, *, words: str = "described") -> str:
    """Return a document of exactly this many bytes, of few operations and a description that does not compress well."""
    operation = {"operationId": "read", "responses": {"200": {"description": "Fine."}}}
    info = {"title": f"Large {size}", "version": "1", "description": words}
    tree = {"openapi": "3.0.3", "info": info, "paths": {"/read": {"get": operation}}}
    missing = size - len(json.dumps(tree))
    info["description"] += random.Random(size).randbytes(missing // 2 + 1).hex()[:missing]
    return json.dumps(tree)


@pytest.mark.parametrize("size", [MEGABYTE + 1, 9_500_000, 10 * MEGABYTE])
async def test_a_document_up_to_the_limit_is_imported(provider: Provider, size: int) -> None:
    text = large(size)
    assert len(text) == size
    imported = await provider.bring(text)
    assert imported["operationCount"] == 1
    node = "query($id: ID!) { node(id: $id) { ... on Version { document { text } } } }"
    seen = await provider.graph.ask(node, id=imported["version"]["id"])
    assert seen["node"]["document"]["text"] == text


async def test_one_byte_more_is_refused_with_a_clear_code(provider: Provider) -> None:
    with pytest.raises(Refused) as refused:
        await provider.bring(large(10 * MEGABYTE + 1))
    assert refused.value.code == "DOCUMENT_TOO_LARGE"
    assert "10,485,760" in str(refused.value.problem["message"])


@pytest.mark.parametrize("is_signed_in", [True, False])
async def test_a_request_beyond_every_limit_is_refused_before_it_is_read(provider: Provider, is_signed_in: bool) -> None:
    size = 13 * MEGABYTE if is_signed_in else MEGABYTE + 1
    text = "mutation($input: ImportApiInput!) { importApi(input: $input) { __typename } }"
    sent = {"query": text, "variables": {"input": {"productId": "prd_any", "document": "x" * size}}}
    headers = {"accept": "application/graphql-response+json"}
    headers |= {"authorization": f"Bearer {provider.graph.token}"} if is_signed_in else {}
    answer = await provider.http.post(provider.url, json=sent, headers=headers)
    assert answer.status_code == 413
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "BODY_TOO_LARGE"
