"""What a request may be made of. Whatever comes in, the answer is a GraphQL response, and never a 500."""

import gc
import time
from typing import Any

import orjson
import pytest

from graphql_gateway.engine.front import MOST_KEPT_STEPS, Asked, Front
from graphql_gateway.engine.plan import Step
from graphql_gateway.schema import model

TINY = "{ __typename }"
DEEP = b'{"query":"{__typename}","variables":' + b'{"a":' * 70 + b"1" + b"}" * 70 + b"}"
UNREADABLE = {
    "nothing": b"",
    "null": b"null",
    "text": b'"{ __typename }"',
    "number": b"7",
    "long number": b"7" * 5000,
    "list": b'[{"query":"{ __typename }"}]',
    "bad UTF-8": b'{"query":"{ __typename \xff }"}',
    "lone surrogate": b'{"query":"{ __typename }","variables":{"a":"\\ud800"}}',
    "deep": DEEP,
    "very deep": b"[" * 100_000,
    "many values": b'{"query":"{__typename}","variables":{"a":[' + b"1," * 50_000 + b"1]}}",
    "an unclosed string of escapes": b'{"query":"' + b'\\"' * 400_000,
    "no query": b"{}",
    "query is null": b'{"query":null}',
    "query is a number": b'{"query":7}',
    "variables are text": b'{"query":"{ __typename }","variables":"x"}',
    "extensions are text": b'{"query":"{ __typename }","extensions":"x"}',
    "operation name is a number": b'{"query":"{ __typename }","operationName":7}',
    "not a number": b'{"query":"{ __typename }","variables":{"a":NaN}}',
}


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
@pytest.mark.parametrize("name", UNREADABLE)
async def test_an_unreadable_body_is_a_bad_request(running: Any, name: str, accept: str) -> None:
    response = await running.post(UNREADABLE[name], headers={"accept": accept})
    assert response.status_code == 400
    assert response.headers["content-type"] == f"{accept}; charset=utf-8"
    body = response.json()
    assert "data" not in body
    assert body["errors"][0]["extensions"]["code"] == "BODY_NOT_READABLE"


async def test_the_body_is_read_no_further_than_allowed(running: Any) -> None:
    response = await running.post(b'{"query":"' + b" " * 1024 * 1024 + b'{__typename}"}')
    assert response.status_code == 413
    assert response.json()["errors"][0]["extensions"]["code"] == "BODY_TOO_LARGE"


async def test_who_is_signed_in_may_send_a_large_document(running: Any) -> None:
    running.world.verbs["import_api"] = lambda body, _user: {"api": {"id": str(len(body["document"]))}, "version": {}}
    document = "mutation($i: ImportApiInput!) { importApi(input: $i) { ... on ImportedApi { api { id } } } }"
    large = {"query": document, "variables": {"i": {"productId": "prd_cards", "document": "{[," * (3 * 1024 * 1024)}}}
    response = await running.post(large, token="token-ann")
    assert response.json()["data"]["importApi"]["api"]["id"] == str(9 * 1024 * 1024)
    assert (await running.post(large)).status_code == 413
    assert (await running.post(large, token="made up")).status_code == 401


async def test_a_large_body_of_one_who_cannot_be_checked_is_not_read(running: Any) -> None:
    from starlette.responses import Response

    running.world.broken["identity"] = lambda: Response(b"", 503)
    response = await running.post(b" " * 2 * 1024 * 1024, token="token-ann")
    assert response.status_code == 413


@pytest.mark.parametrize(
    "content_type", ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", ""]
)
async def test_only_json_is_taken(running: Any, content_type: str) -> None:
    response = await running.post({"query": TINY}, headers={"content-type": content_type})
    assert response.status_code == 415


async def test_queries_may_be_asked_by_get_and_nothing_else(running: Any) -> None:
    response = await running.http.get(
        "/graphql", params={"query": "query($a: ID!) { node(id: $a) { id } }", "variables": '{"a":"prd_cards"}'}
    )
    assert response.json() == {"data": {"node": {"id": "prd_cards"}}}
    response = await running.http.get("/graphql", params={"query": "mutation { signOut { __typename } }"})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert (await running.http.put("/graphql", content=b"{}")).status_code == 405


@pytest.mark.parametrize(
    ("accept", "media_type", "status"),
    [
        ("application/graphql-response+json", "application/graphql-response+json", 400),
        ("application/graphql-response+json, application/json;q=0.9", "application/graphql-response+json", 400),
        ("application/json", "application/json", 200),
        ("*/*", "application/json", 200),
    ],
)
async def test_the_media_type_decides_the_status_of_a_request_that_is_not_run(
    running: Any, accept: str, media_type: str, status: int
) -> None:
    response = await running.post({"query": "{ nothing }"}, headers={"accept": accept})
    assert response.status_code == status
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert "data" not in response.json()


async def test_nothing_acceptable(running: Any) -> None:
    assert (await running.post({"query": TINY}, headers={"accept": "image/png"})).status_code == 406


@pytest.mark.parametrize(
    ("code", "document"),
    [
        ("GRAPHQL_PARSE_FAILED", "{ viewer "),
        ("GRAPHQL_PARSE_FAILED", "{" + " a" * 3000 + "}"),
        ("DOCUMENT_TOO_DEEP", "{ viewer" * 40 + "}" * 40),
        ("TOO_MANY_ALIASES", "{" + " ".join(f"a{number}: __typename" for number in range(31)) + "}"),
        ("TOO_MANY_FIELDS", "{" + "a " * 600 + "}"),
        ("GRAPHQL_VALIDATION_FAILED", "{ viewer { usr { id } } }"),
        ("GRAPHQL_VALIDATION_FAILED", "{ __schema { types { name } } }"),
        ("DOCUMENT_TOO_EXPENSIVE", "{ products(first: 100) { nodes { apis { versions { operations { path } } } } } }"),
        ("DOCUMENT_TOO_EXPENSIVE", "{ products(first: 3) { nodes { apis { versions { document { text } } } } } }"),
        ("BAD_REQUEST", "query A { __typename } query B { __typename }"),
        ("BAD_VARIABLES", "query($id: ID!) { node(id: $id) { id } }"),
    ],
)
async def test_a_document_that_asks_too_much_is_not_run(running: Any, code: str, document: str) -> None:
    answer = await running.ask(document)
    assert "data" not in answer
    assert answer["errors"][0]["extensions"]["code"] == code
    assert not [each for each in running.world.asked if each.path.startswith("/load/")]
    assert "Did you mean" not in orjson.dumps(answer).decode()


async def test_the_price_counts_pages_through_variables(running: Any) -> None:
    document = "query($n: Int) { products(first: $n) { nodes { apis { versions { operations { path } } } } } }"
    assert "data" in await running.ask(document, n=5)
    assert (await running.ask(document, n=50))["errors"][0]["extensions"]["code"] == "DOCUMENT_TOO_EXPENSIVE"


async def test_fragments_that_multiply_are_stopped_while_they_are_planned(running: Any) -> None:
    levels = [
        f"fragment F{n} on Subscription {{ application {{ subscriptions {{ nodes {{ a{n}: id ...F{n + 1} }} }} }} }}"
        for n in range(12)
    ]
    document = '{ subscription(id: "sub_1") { ...F0 } } ' + " ".join(levels) + " fragment F12 on Subscription { id }"
    assert (await running.ask(document))["errors"][0]["extensions"]["code"] == "DOCUMENT_TOO_DEEP"
    wide = [
        f"fragment F{n} on Membership {{ a{n}: organization {{ members {{"
        f" nodes {{ ...F{n + 1} }} edges {{ node {{ ...F{n + 1} }} }} }} }} }}"
        for n in range(5)
    ]
    document = '{ node(id: "mem_1") { ... on Membership { ...F0 } } } ' + " ".join(wide) + " fragment F5 on Membership { id }"
    started_at = time.perf_counter()
    answer = await running.ask(document)
    assert answer["errors"][0]["extensions"]["code"] in ("DOCUMENT_TOO_DEEP", "DOCUMENT_TOO_EXPENSIVE", "BAD_REQUEST")
    assert time.perf_counter() - started_at < 20


async def test_the_dearest_document_that_is_let_in_is_refused_or_read_quickly(running: Any) -> None:
    many = "{" + " ".join(["products { nodes { id title } }"] * 160) + "}"
    started_at = time.perf_counter()
    await running.ask(many)
    assert time.perf_counter() - started_at < 20


async def test_the_schema_is_shown_in_development(start_gateway: Any) -> None:
    from graphql import build_client_schema, get_introspection_query

    async with start_gateway(development=True) as running:
        answer = await running.ask(get_introspection_query(input_value_deprecation=True), token=None)
        assert build_client_schema(answer["data"]).query_type is not None
        mixed = await running.ask("query($n: String!) { a: __type(name: $n) { name } products { totalCount } }", n="Product")
        assert mixed["data"] == {"a": {"name": "Product"}, "products": {"totalCount": 3}}
        assert "Did you mean" in (await running.ask("{ viewr { user { id } } }"))["errors"][0]["message"]
        page = await running.http.get("/graphql", headers={"accept": "text/html"})
        assert "graphiql" in page.text.lower()


async def test_there_is_no_ide_in_production(running: Any) -> None:
    response = await running.http.get("/graphql", headers={"accept": "text/html"})
    assert response.status_code == 406


def test_many_different_documents_do_not_fill_the_memory() -> None:
    fields = " ".join(
        f"a{number}: products(first: 1) {{ nodes {{ apis {{ id versions {{ id label }} }} }} }}" for number in range(28)
    )
    gc.collect()
    before = _count_steps()
    front = Front(model())
    for number in range(100):
        front.ready(Asked(f"query Q{number} {{ {fields} }}"))
    gc.collect()
    assert _count_steps() - before <= MOST_KEPT_STEPS
    assert front._documents.get(f"query Q99 {{ {fields} }}") is not None


def _count_steps() -> int:
    return sum(isinstance(each, Step) for each in gc.get_objects())
