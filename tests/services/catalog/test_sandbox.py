"""The sandbox: composing answers, choosing one, answering calls."""

from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.calls import Call
from services.catalog.documents.reading import read
from services.catalog.sandbox.composing import compose
from services.catalog.sandbox.domain import Answer, Preference, choose, read_preference
from services.catalog.sandbox.patterns import TooDifficultError, text_for
from services.catalog.sandbox.routes import SandboxApp
from services.catalog.sandbox.values import Composer
from tests.services.catalog.stage import Stage, small


def made(schema: Any, schemas: dict[str, Any] | None = None, *, uses_examples: bool = True) -> Any:
    return Composer({"components": {"schemas": schemas or {}}}, uses_examples=uses_examples).compose(schema)


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


SCHEMAS: list[dict[str, Any]] = [
    {"type": "string", "minLength": 3, "maxLength": 3},
    {"type": "string", "minLength": 40},
    {"type": "string", "pattern": r"^(-?\d{1,14}){1}(\.\d{1,4}){0,1}$"},
    {"type": "string", "pattern": r"^(?!\s)(.*)(\S)$", "minLength": 1, "maxLength": 34},
    {"type": "string", "pattern": r"^[A-Z0-9]{18,18}[0-9]{2,2}$"},
    {"type": "string", "pattern": r"^(Mon|Tue), \d{2} (Jan|Feb) \d{4}$"},
    {"type": "string", "pattern": r"^[^\d\s]+@\w+\.(?:lv|com)$", "minLength": 12},
    {"type": "string", "pattern": "^\\u0061\\x62[c-e]?$"},
    {"type": "string", "enum": ["b", "a"]},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "uuid"},
    {"type": "integer", "minimum": 11, "maximum": 11},
    {"type": "integer", "minimum": 10, "exclusiveMinimum": True, "maximum": 20},
    {"type": "integer", "multipleOf": 7, "minimum": 15},
    {"type": "integer", "maximum": -5},
    {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 1, "exclusiveMaximum": True},
    {"type": "number", "multipleOf": 0.5, "minimum": 0.6},
    {"type": "boolean"},
    {"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "string", "enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "string"}, "maxItems": 0},
    {
        "type": "object",
        "required": ["a", "free"],
        "properties": {"a": {"type": "string"}},
        "additionalProperties": {"type": "integer"},
    },
    {"type": "object", "minProperties": 2, "additionalProperties": {"type": "boolean"}},
    {"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "required": ["c"], "maxProperties": 1},
    {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"properties": {"b": {"type": "integer"}}},
        ]
    },
    {"allOf": [{"type": "string", "minLength": 2}, {"minLength": 9, "maxLength": 9}]},
    {"oneOf": [{"type": "null"}, {"type": "integer"}]},
    {"anyOf": [{"type": "string", "maxLength": 2}, {"type": "integer"}]},
    {"properties": {"a": {"items": {"type": "string"}}}, "required": ["a"]},
    {"type": ["null", "string"]},
    {"const": {"a": [1]}},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False, "minItems": 2},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: str(orjson.dumps(schema), "ascii")[:60])
@pytest.mark.parametrize("uses_examples", [True, False])
def test_values_keep_to_the_schema_that_they_are_made_for(schema: dict[str, Any], uses_examples: bool) -> None:
    is_old = isinstance(schema.get("exclusiveMinimum"), bool)
    validator: Any = jsonschema.Draft4Validator if is_old else jsonschema.Draft202012Validator
    validator(schema).validate(made(schema, uses_examples=uses_examples))


@pytest.mark.parametrize(
    "schema", [{"multipleOf": 1e-320}, {"multipleOf": 0.1, "minimum": 1e308}, {"multipleOf": 0.1, "maximum": -1e308}]
)
@pytest.mark.parametrize("kind", ["number", "integer"])
def test_steps_that_are_too_many_to_count_do_no_harm(schema: dict[str, Any], kind: str) -> None:
    assert isinstance(made({"type": kind, **schema}), int | float)


def test_the_documents_own_words_come_first() -> None:
    assert made({"type": "string", "example": "Mine", "default": "Other", "enum": ["Third"]}) == "Mine"
    assert made({"type": "string", "examples": ["Mine", "Other"]}) == "Mine"
    assert made({"type": "string", "default": "Other", "enum": ["Third"]}) == "Other"
    assert made({"type": "string", "enum": [None, "Third"]}) == "Third"
    assert made({"type": "string", "example": "Mine", "enum": ["Third"]}, uses_examples=False) == "Third"


def test_what_is_only_sent_is_not_answered() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "password": {"type": "string", "writeOnly": True}}}
    assert made(schema) == {"a": 1}


def test_schemas_that_lead_back_into_themselves_end() -> None:
    tree: Any = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "parent": ref("Tree")}}
    children = {**tree, "properties": {**tree["properties"], "children": {"type": "array", "items": ref("Tree")}}}
    value = made(ref("Tree"), {"Tree": children})
    jsonschema.Draft202012Validator({**children, "components": {"schemas": {"Tree": children}}}).validate(value)
    assert len(orjson.dumps(value)) < 5000
    endless = {"type": "object", "required": ["next"], "properties": {"next": ref("Endless")}}
    assert made(ref("Endless"), {"Endless": endless}) is None
    choice = {"oneOf": [{"type": "object", "required": ["next"], "properties": {"next": ref("Choice")}}, {"type": "string"}]}
    value = made(ref("Choice"), {"Choice": choice})
    jsonschema.Draft202012Validator({**choice, "components": {"schemas": {"Choice": choice}}}).validate(value)


def test_the_alternative_is_told_by_its_discriminator() -> None:
    pet = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}}
    schema = {"oneOf": [ref("Cat")], "discriminator": {"propertyName": "kind", "mapping": {"feline": "#/components/schemas/Cat"}}}
    assert made(schema, {"Cat": pet}) == {"kind": "feline"}
    assert made({**schema, "discriminator": {"propertyName": "kind"}}, {"Cat": pet}) == {"kind": "Cat"}


@pytest.mark.parametrize(
    "pattern", ["(", "[a", "a{", "*", "(?P<x", "\\", "(?<name>a", "\\p{L}", "a)", "\\ud800", "\\xz", "\\u12"]
)
def test_expressions_that_are_not_understood_are_given_up(pattern: str) -> None:
    with pytest.raises(TooDifficultError):
        text_for(pattern, 0)
    assert isinstance(made({"type": "string", "pattern": pattern}), str)


@given(st.text(alphabet="ab01-^$.|?*+()[]{}\\,:=!<>PdDwWsSxuU\u0101 ", max_size=30), st.integers(0, 5))
def test_whatever_the_expression_a_text_is_made_or_it_is_given_up(pattern: str, extra: int) -> None:
    try:
        text_for(pattern, extra).encode()
    except TooDifficultError:
        return


def answers_of(responses: dict[str, Any], **around: Any) -> list[Answer]:
    document = read(orjson.dumps(small(paths={"/a": {"get": {"operationId": "a", "responses": responses}}}, **around)).decode())
    return compose(document).answers["a"]


def test_an_example_that_breaks_its_schema_does_not_come_first() -> None:
    media = {"schema": {"type": "integer"}, "examples": {"bad": {"value": "x"}, "good": {"value": 5}}}
    answers = answers_of({"200": {"description": "Done", "content": {"application/json": media}}})
    assert [(each.example, each.body) for each in answers] == [("good", b"5"), ("bad", b'"x"')]
    media = {"schema": {"type": "integer"}, "example": "x"}
    answers = answers_of({"200": {"description": "Done", "content": {"application/json": media}}})
    assert [each.body for each in answers] == [b"1", b'"x"']


def test_other_media_types_are_written_as_they_are() -> None:
    person = {
        "type": "object",
        "properties": {"name": {"type": "string", "example": "A & B"}, "tag": {"type": "array", "items": {"type": "integer"}}},
    }
    content = {
        "application/xml": {"schema": person},
        "text/plain": {"example": "Hello"},
        "application/pdf": {"schema": {"type": "string", "format": "binary"}},
        "application/*": {"schema": person},
        "nonsense": {"schema": person},
    }
    headers = {
        "X-Next": {"schema": {"type": "integer", "example": 7}},
        "Content-Type": {"schema": {"type": "string"}},
        "X-Bad": {"schema": {}, "example": "a\nb"},
    }
    answers = answers_of({"200": {"description": "Done", "content": content, "headers": headers}})
    bodies = {each.media_type: each.body for each in answers}
    assert bodies["application/xml"] == b'<?xml version="1.0" encoding="UTF-8"?><root><name>A &amp; B</name><tag>1</tag></root>'
    assert bodies["text/plain"] == b"Hello"
    assert bodies["application/pdf"] == b""
    assert bodies["application/json"] == b'{"name":"A & B","tag":[1]}'
    assert len(answers) == 4
    assert answers[0].headers == (("x-next", "7"),)


def test_what_is_too_large_is_left_out() -> None:
    media = {"schema": {"type": "string"}, "example": "x" * 300_000}
    answers = answers_of({"200": {"description": "Done", "content": {"application/json": media}}})
    assert [each.body for each in answers] == [b'"string"']


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", Preference()),
        ("code=404", Preference(404)),
        ('example="full"; foo, code=500', Preference(500, "full")),
        ("respond-async, Code=404, code=500", Preference(404)),
        ("code=abc, code=99, example=", Preference()),
        ("code = 404", Preference(404)),
        ("=;,;\x00", Preference()),
    ],
)
def test_preferences_are_read_as_the_rfc_has_it(header: str, expected: Preference) -> None:
    assert read_preference(header) == expected


JSON, XML = "application/json; charset=utf-8", "application/xml"
ANSWERS = [
    Answer("404", JSON, None, (), b"none"),
    Answer("200", JSON, "first", (), b"1"),
    Answer("200", JSON, "second", (), b"2"),
    Answer("200", XML, None, (), b"<a/>"),
    Answer("5XX", JSON, None, (), b"broken"),
    Answer("default", JSON, None, (), b"else"),
]


@pytest.mark.parametrize(
    ("accept", "prefer", "expected"),
    [
        ("", "", (200, b"1", ())),
        ("*/*", "example=second", (200, b"2", ("example=second",))),
        ("*/*", "example=none", (200, b"1", ())),
        ("application/xml", "", (200, b"<a/>", ())),
        ("application/json;q=0.5, application/*;q=0.9", "", (200, b"<a/>", ())),
        ("text/html, */*;q=0.1", "", (200, b"1", ())),
        ("*/*", "code=404", (404, b"none", ("code=404",))),
        ("*/*", "code=503", (503, b"broken", ("code=503",))),
        ("*/*", "code=418", (418, b"else", ("code=418",))),
        ("*/*", "code=201", (200, b"1", ())),
        ("text/html", "", None),
        ("application/json;q=0", "", None),
        (",;,", "", (200, b"1", ())),
    ],
)
def test_the_answer_that_fits_best_is_chosen(accept: str, prefer: str, expected: Any) -> None:
    chosen = choose(ANSWERS, accept, read_preference(prefer))
    assert (None if chosen is None else (chosen.status, chosen.answer.body, chosen.applied)) == expected


async def test_calls_are_answered(stage: Stage) -> None:
    published = await stage.published()
    listed = await stage.call(published.version_id, "listAccounts")
    assert (listed.status, listed.headers["content-type"], listed.body) == (
        200,
        "application/json",
        b'[{"id":"acc-1","balance":1.0}]',
    )
    missing = await stage.call(published.version_id, "get_accounts_{id}", prefer="code=404")
    assert (missing.status, missing.headers["content-type"]) == (404, "application/problem+json")
    assert (missing.headers["preference-applied"], missing.body) == ("code=404", b'{"title":"No such account"}')
    head = await stage.call(published.version_id, "listAccounts", method="HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", listed.headers["content-length"])
    refused = await stage.call(published.version_id, "listAccounts", accept="text/html")
    assert (refused.status, orjson.loads(refused.body)["code"]) == (406, "NOT_ACCEPTABLE")
    assert "application/json" in orjson.loads(refused.body)["detail"]


@pytest.mark.parametrize(
    ("version", "operation"), [("", ""), ("ver_none", "listAccounts"), ("own", "none"), ("own", ""), ("own:listAccounts", "")]
)
async def test_what_is_not_described_is_not_found(stage: Stage, version: str, operation: str) -> None:
    published = await stage.published()
    answer = await stage.call(version.replace("own", published.version_id), operation)
    problem = orjson.loads(answer.body)
    assert (answer.status, answer.headers["content-type"], problem["code"]) == (
        404,
        "application/problem+json",
        "NO_SUCH_OPERATION",
    )


async def test_an_operation_is_read_once_and_the_memory_is_bounded(stage: Stage) -> None:
    published = await stage.published()
    app = SandboxApp(stage.service.store, 1)
    stage.sandbox.app = app
    for _ in range(3):
        for operation in ("listAccounts", "get_accounts_{id}"):
            assert (await stage.call(published.version_id, operation)).status == 200
    assert len(app._answers) == 1
    for number in range(20):
        await stage.call(published.version_id, "listAccounts", accept=f"*/*, a/{number}")
    assert len(app._written) == 4


async def test_the_sandbox_tells_how_it_is_but_a_call_to_that_path_is_a_call(stage: Stage) -> None:
    answer = await stage.caller.call(Call("sandbox", "/health/ready", method="GET"))
    assert (answer.status, orjson.loads(answer.body)["parts"]) == (200, {"database": True})
    called = await stage.caller.call(Call("sandbox", "/health/ready", method="GET", headers={"x-portico-version": "ver_none"}))
    assert called.status == 404
