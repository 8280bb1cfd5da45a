"""Versions: importing a document as a draft, publishing it, reading it back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from services.catalog.documents.domain import DocumentNotValid, DocumentTooComplex, DocumentTooLarge, Trouble
from services.catalog.versions.reading import DocumentReader, Limits
from tests.services.catalog.stage import PLAN, PROVIDER, Stage, as_yaml, random_text, small


async def test_a_document_becomes_a_draft_of_a_new_api(stage: Stage) -> None:
    product = await stage.product()
    imported = await stage.draft(product["id"])
    version, api = imported["version"], imported["api"]
    assert (api["slug"], api["title"], imported["operations"], imported["warnings"]) == ("account-api", "Account API", 2, [])
    assert (version["label"], version["status"], version["openapi_version"]) == ("1.0", "DRAFT", "3.0.3")
    assert version["base_path"] == "/accounts/account-api/1.0"
    assert version["call_url"] == "https://calls.example/accounts/account-api/1.0"
    assert imported["product"]["apis"] == [api]
    assert imported["product"]["status"] == "DRAFT"


async def test_names_are_taken_from_the_input_before_the_document(stage: Stage) -> None:
    product = await stage.product()
    imported = await stage.draft(product["id"], label="v2", slug="balances", title="Balances")
    assert imported["version"]["base_path"] == "/accounts/balances/v2"
    second = await stage.draft(product["id"], label="v3", slug="balances", title="Another title")
    assert second["api"]["id"] == imported["api"]["id"]
    assert (second["api"]["title"], len(second["api"]["versions"])) == ("Balances", 2)


async def test_the_documents_own_version_is_made_fit_for_a_path(stage: Stage) -> None:
    product = await stage.product()
    for given, label in (("2024 / beta", "2024-beta"), ("../../up", "up"), ("v1.0+build", "v1.0-build")):
        document = small(info={"title": f"T {label}", "version": given})
        assert (await stage.draft(product["id"], document))["version"]["label"] == label
    unusable = orjson.dumps(small(info={"title": "Данные", "version": "?"})).decode()
    answered = await stage.provider.do("import_api", product_id=product["id"], document=unusable)
    assert (answered.code, answered.body["fields"][0]["field"]) == ("NAME_NEEDED", "label")
    answered = await stage.provider.do("import_api", product_id=product["id"], document=unusable, label="v1")
    assert (answered.code, answered.body["fields"][0]["field"]) == ("NAME_NEEDED", "slug")
    for label in ("..", "a/b", "", "-", "a" * 41):
        answered = await stage.provider.do("import_api", product_id=product["id"], document=unusable, label=label)
        assert answered.code == "INPUT_NOT_USABLE"


async def test_a_label_is_given_once_within_an_api(stage: Stage) -> None:
    product = await stage.product()
    document = orjson.dumps(small()).decode()
    importing = [stage.provider.do("import_api", product_id=product["id"], document=document) for _ in range(3)]
    answers = await asyncio.gather(*importing)
    assert sorted(each.status for each in answers) == [200, 409, 409]
    assert {each.code for each in answers if each.status == 409} == {"VERSION_LABEL_TAKEN"}
    upper = await stage.provider.do("import_api", product_id=product["id"], document=document, label="V1")
    lower = await stage.provider.do("import_api", product_id=product["id"], document=document, label="v1")
    assert (upper.status, lower.code) == (200, "VERSION_LABEL_TAKEN")


async def test_a_refused_document_leaves_nothing(stage: Stage) -> None:
    product = await stage.product()
    answered = await stage.provider.do("import_api", product_id=product["id"], document='{"openapi": "3.0.3",}')
    assert (answered.status, answered.code) == (422, "DOCUMENT_NOT_READABLE")
    assert answered.said == ["document: line 1, column 21: not JSON: expecting property name enclosed in double quotes"]
    assert (await stage.provider.load("products_by_id", [product["id"]])).rows == [product]


async def test_who_may_not_import_is_told_so_before_the_document_is_read(stage: Stage) -> None:
    product = await stage.product()
    body = {"product_id": product["id"], "document": "not a document"}
    assert (await stage.stranger.do("import_api", **body)).code == "NOT_FOUND"
    assert (await stage.member(PROVIDER, "OBSERVER").do("import_api", **body)).code == "ROLE_NOT_ALLOWED"
    assert (await stage.anonymous.do("import_api", **body)).code == "SIGN_IN_FIRST"
    assert (await stage.provider.do("import_api", **body)).code == "DOCUMENT_NOT_VALID"


@pytest.mark.parametrize("write", [as_yaml, lambda document: orjson.dumps(document).decode()])
async def test_document_and_operations_are_read_back_as_they_were(stage: Stage, write: Any) -> None:
    text = "\n" + write(small()) + "\n\n"
    published = await stage.published("accounts", text)
    (kept,) = (await stage.anonymous.load("documents_by_version", [published.version_id])).rows
    media_type = "application/json" if text.strip().startswith("{") else "application/yaml"
    assert kept == {"text": text, "media_type": media_type}
    (operations,) = (await stage.anonymous.load("operations_by_version", [published.version_id])).rows
    around = {"method": "GET", "tags": [], "deprecated": False}
    assert operations == [
        {"operation_id": "listAccounts", "path": "/accounts", "summary": "List accounts", **around},
        {"operation_id": "get_accounts_{id}", "path": "/accounts/{id}", "summary": None, **around},
    ]


async def test_publishing_announces_what_can_be_called(stage: Stage) -> None:
    published = await stage.published()
    (told,) = await stage.facts("api_version_published")
    (row,) = (await stage.anonymous.load("products_by_id", [published.product_id])).rows
    assert told == {
        "version_id": published.version_id,
        "api_id": row["apis"][0]["id"],
        "product_id": published.product_id,
        "organization_id": PROVIDER,
        "product_slug": "accounts",
        "title": "Account API",
        "label": "1.0",
        "base_path": "/accounts/account-api/1.0",
        "operations": [
            {"operation_id": "listAccounts", "method": "GET", "path": "/accounts"},
            {"operation_id": "get_accounts_{id}", "method": "GET", "path": "/accounts/{id}"},
        ],
    }
    assert (row["status"], published.version["status"]) == ("PUBLISHED", "PUBLISHED")
    assert row["apis"][0]["versions"][0]["published_at"] is not None


async def test_a_version_is_published_once(stage: Stage) -> None:
    product = await stage.product()
    await stage.provider.do("create_plan", product_id=product["id"], **PLAN)
    version_id = (await stage.draft(product["id"]))["version"]["id"]
    answers = await asyncio.gather(*(stage.provider.do("publish_version", version_id=version_id) for _ in range(4)))
    assert sorted(each.status for each in answers) == [200, 409, 409, 409]
    assert {each.code for each in answers if each.status == 409} == {"ALREADY_PUBLISHED"}
    assert len(await stage.facts("api_version_published")) == 1


@pytest.mark.parametrize("sensitivity", ["OPEN_TEST", "STANDARD"])
async def test_without_a_plan_nothing_is_published(stage: Stage, sensitivity: str) -> None:
    product = await stage.product(sensitivity=sensitivity)
    version_id = (await stage.draft(product["id"]))["version"]["id"]
    answered = await stage.provider.do("publish_version", version_id=version_id)
    assert (answered.status, answered.code) == (409, "NO_PLAN_YET")


async def test_a_document_without_operations_is_kept_but_not_published(stage: Stage) -> None:
    product = await stage.product()
    await stage.provider.do("create_plan", product_id=product["id"], **PLAN)
    imported = await stage.draft(product["id"], small(paths={}))
    assert imported["warnings"] == ["The document describes no operation, so the version cannot be published."]
    answered = await stage.provider.do("publish_version", version_id=imported["version"]["id"])
    assert (answered.status, answered.code) == (409, "NOTHING_TO_CALL")


async def test_the_largest_document_is_kept_and_a_larger_one_refused(stage: Stage) -> None:
    product = await stage.product()
    most = 10 * 1024 * 1024
    around = orjson.dumps(small(**{"x-filling": ""})).decode()
    text = orjson.dumps(small(**{"x-filling": random_text(most - len(around) - 4)})).decode()
    assert most - 8 < len(text) <= most
    version = (await stage.draft(product["id"], text))["version"]
    (kept,) = (await stage.provider.load("documents_by_version", [version["id"]])).rows
    assert kept["text"] == text
    answered = await stage.provider.do("import_api", product_id=product["id"], document=text + " " * 10, label="2")
    assert (answered.status, answered.code) == (413, "DOCUMENT_TOO_LARGE")


def reader(**limits: Any) -> DocumentReader:
    return DocumentReader(Limits(**{"max_bytes": 10**7, "seconds": 20.0, "memory_bytes": 2 * 1024**3, "at_once": 2, **limits}))


async def test_reading_that_takes_too_long_is_ended() -> None:
    with pytest.raises(DocumentTooComplex):
        await reader(seconds=0.01).read("a: " * 1000)


async def test_reading_that_takes_too_much_memory_is_ended() -> None:
    text = "openapi: 3.0.3\nx: [" + "a," * 1_000_000 + "]"
    with pytest.raises(DocumentTooComplex):
        await reader(memory_bytes=180 * 1024**2).read(text)


async def longest_pause_while(reading: asyncio.Task[Any]) -> float:
    loop, longest = asyncio.get_running_loop(), 0.0
    while not reading.done():
        before = loop.time()
        await asyncio.sleep(0.001)
        longest = max(longest, loop.time() - before)
    return longest


async def is_once_below(seconds: float, pause: Callable[[], Awaitable[float]]) -> bool:
    """Say whether a pause is ever this short: a busy machine makes some longer, a blocked loop makes all so."""
    for _ in range(4):
        if await pause() < seconds:
            return True
    return False


async def test_the_loop_runs_on_while_a_document_is_read() -> None:
    text = "openapi: 3.0.3\nx-long: [" + "a, " * 300_000 + "b]\n"

    async def pause() -> float:
        reading = asyncio.create_task(reader().read(text))
        longest = await longest_pause_while(reading)
        with pytest.raises(DocumentNotValid):
            await reading
        return longest

    assert await is_once_below(0.5, pause)


async def test_the_loop_runs_on_while_a_large_document_is_taken_over() -> None:
    text = orjson.dumps(small(**{"x-filling": random_text(9_000_000)})).decode()

    async def pause() -> float:
        reading = asyncio.create_task(reader().read(text))
        longest = await longest_pause_while(reading)
        assert len((await reading).packed_text) > 6_000_000
        return longest

    assert await is_once_below(0.3, pause)


async def test_documents_beyond_the_bound_wait() -> None:
    one_at_a_time = reader(at_once=1)
    texts = [orjson.dumps(small(info={"title": str(n), "version": "1"})).decode() for n in range(3)]
    readings = await asyncio.gather(*(one_at_a_time.read(text) for text in texts))
    assert [each.title for each in readings] == ["0", "1", "2"]


async def test_size_is_counted_in_bytes() -> None:
    with pytest.raises(DocumentTooLarge):
        await reader(max_bytes=1000).read("ā" * 600)


def test_a_place_is_told_in_the_field() -> None:
    assert DocumentNotValid(troubles=[Trouble("wrong", "/a", 3, 4)]).fields[0].field == "document#/a"
    assert DocumentNotValid(troubles=[Trouble("wrong", "/a", 3, 4)]).fields[0].message == "line 3, column 4: wrong"


NASTY = [
    "",
    "\x00",
    "[" * 100_000,
    "- " * 50_000,
    "a: &a [*a]",
    '{"openapi": "3.0.3", "info": {"title": "\\ud800", "version": "1"}, "paths": {}}',
    '{"openapi": "3.0.3", "info": {"title": 1e999, "version": 99999999999999999999}, "paths": {}}',
    "openapi: 3.0.3\ninfo: {title: !!python/name:os.system x, version: '1'}\npaths: {}",
    '{"openapi": "3.0.3", "info": {"title": "", "version": ""}, "paths": {}}',
    '{"swagger": {"a": ["' + "x" * 1000 + '"]}}',
    '{"openapi": "3.1.0", "info": {"title": "A", "version": "1"}, "paths": {"/a\\u0000": {}}}',
]


async def test_no_document_makes_the_service_fail(stage: Stage) -> None:
    product = await stage.product()
    for text in NASTY:
        answered = await stage.provider.do("import_api", product_id=product["id"], document=text)
        assert answered.status == 422, text[:80]
        assert answered.body["fields"], text[:80]
        assert answered.body["detail"]


async def test_strange_but_valid_names_are_kept_as_they_are(stage: Stage) -> None:
    operation = {
        "operationId": "get $all.of%them",
        "tags": ["$tag", "a.b"],
        "summary": "Žirafe\u2028",
        "responses": {"200": {"description": ""}},
    }
    document = small(paths={"/a%2Fb/$x.y/{id}~1": {"parameters": [_path_parameter()], "get": operation}})
    published = await stage.published("strange", document)
    (listed,) = (await stage.anonymous.load("operations_by_version", [published.version_id])).rows
    assert [(each["operation_id"], each["path"], each["tags"]) for each in listed] == [
        ("get $all.of%them", "/a%2Fb/$x.y/{id}~1", ["$tag", "a.b"])
    ]
    assert (await stage.call(published.version_id, "get $all.of%them")).status == 200


def _path_parameter() -> dict[str, Any]:
    return {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}


async def test_a_provider_is_warned_of_examples_that_break_their_own_schema(stage: Stage) -> None:
    product = await stage.product()
    media = {"schema": {"type": "integer"}, "example": "one"}
    responses = {"200": {"description": "Done", "content": {"application/json": media}}}
    imported = await stage.draft(product["id"], small(paths={"/a": {"get": {"responses": responses}}}))
    assert imported["warnings"] == ["The sandbox's answers do not all keep to their own schemas: get_a."]
    assert (await stage.call(imported["version"]["id"], "get_a")).body == b"1"
