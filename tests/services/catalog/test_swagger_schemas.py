"""Documents of Swagger 2.0: schemas, references and what guards operations; what is refused, and what is kept."""

import json
from typing import Any

import pytest

from services.catalog.documents.domain import Document, DocumentRefused
from services.catalog.documents.reading import read
from services.catalog.sandbox.composing import compose
from tests.services.catalog.stage import SPECS, Stage, as_yaml
from tests.services.catalog.swagger_documents import (
    BODY,
    JSON,
    KEYED,
    converted,
    operation,
    schema,
    swagger,
    warnings,
)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"type": "string", "x-nullable": True}, {"type": "string", "nullable": True}),
        ({"type": "string", "x-nullable": False}, {"type": "string"}),
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        ({"type": "null"}, {"nullable": True}),
        ({"type": "array"}, {"type": "array", "items": {}}),
        ({"type": "array", "items": [{"type": "string"}]}, {"type": "array", "items": {"type": "string"}}),
        (
            {"type": "array", "items": [{"type": "string"}, {"type": "integer"}]},
            {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
        ),
        ({"properties": {"file": {"type": "string"}}}, {"properties": {"file": {"type": "string"}}}),
        ({"additionalProperties": {"type": "string"}}, {"additionalProperties": {"type": "string"}}),
        ({"additionalProperties": False}, {"additionalProperties": False}),
        ({"example": {"$ref": "x", "type": "file"}}, {"example": {"$ref": "x", "type": "file"}}),
        (
            {"discriminator": "kind", "required": ["kind"], "properties": {"kind": {"type": "string"}}},
            {"discriminator": {"propertyName": "kind"}, "required": ["kind"], "properties": {"kind": {"type": "string"}}},
        ),
        ({"allOf": [{"$ref": "#/definitions/S"}]}, {"allOf": [{"$ref": "#/components/schemas/S"}]}),
        (
            {"properties": {"s": {"$ref": "#/definitions/S", "x-nullable": True}}},
            {"properties": {"s": {"nullable": True, "allOf": [{"$ref": "#/components/schemas/S"}]}}},
        ),
    ],
)
def test_schemas_say_the_same(said: dict[str, Any], expected: dict[str, Any]) -> None:
    assert schema(said) == expected


def test_definitions_whose_names_cannot_stay_are_renamed_and_found() -> None:
    definitions = {
        "List«Pet»": {"type": "array", "items": {"$ref": "#/definitions/Pet"}},
        "List_Pet": {"type": "string"},
        "Pet": {"discriminator": "kind", "required": ["kind"], "properties": {"kind": {"type": "string"}}},
        "Old Cat": {"allOf": [{"$ref": "#/definitions/Pet"}]},
    }
    answer = {"description": "D", "schema": {"$ref": "#/definitions/List%C2%ABPet%C2%BB"}}
    document = swagger(
        {"responses": {"200": answer, "201": {**answer, "schema": {"$ref": "#/definitions/Old Cat"}}}}, definitions=definitions
    )
    made = converted(document)
    assert set(made["components"]["schemas"]) == {"List_Pet_2", "List_Pet", "Pet", "Old_Cat"}
    assert made["components"]["schemas"]["Pet"]["discriminator"]["mapping"] == {"Old Cat": "#/components/schemas/Old_Cat"}
    answers = made["paths"]["/a"]["post"]["responses"]
    assert answers["200"]["content"][JSON]["schema"] == {"$ref": "#/components/schemas/List_Pet_2"}
    assert answers["201"]["content"][JSON]["schema"] == {"$ref": "#/components/schemas/Old_Cat"}
    assert "/definitions/Old Cat: is named Old_Cat now." in warnings(document)


def test_a_reference_into_the_middle_of_something_leads_to_a_component_of_its_own() -> None:
    tree = {
        "type": "object",
        "properties": {
            "next": {"$ref": "#/definitions/T/properties/leaf"},
            "leaf": {"properties": {"up": {"$ref": "#/definitions/T/properties/leaf"}}},
        },
    }
    made = converted(swagger(definitions={"T": tree}))["components"]["schemas"]
    name = "definitions_T_properties_leaf"
    assert made["T"]["properties"]["next"] == {"$ref": f"#/components/schemas/{name}"}
    assert made[name] == {"properties": {"up": {"$ref": f"#/components/schemas/{name}"}}}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"type": "basic", "description": "D"}, {"type": "http", "scheme": "basic", "description": "D"}),
        ({"type": KEYED, "name": "X", "in": "header"}, {"type": KEYED, "name": "X", "in": "header"}),
        (
            {
                "type": "oauth2",
                "flow": "implicit",
                "authorizationUrl": "https://a.example",
                "scopes": {"r": "Read", "x-own": "1"},
            },
            {"type": "oauth2", "flows": {"implicit": {"authorizationUrl": "https://a.example", "scopes": {"r": "Read"}}}},
        ),
        (
            {"type": "oauth2", "flow": "password", "tokenUrl": "https://t.example", "scopes": {}},
            {"type": "oauth2", "flows": {"password": {"tokenUrl": "https://t.example", "scopes": {}}}},
        ),
        (
            {"type": "oauth2", "flow": "application", "tokenUrl": "https://t.example", "scopes": {}},
            {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://t.example", "scopes": {}}}},
        ),
        (
            {
                "type": "oauth2",
                "flow": "accessCode",
                "authorizationUrl": "https://a.example",
                "tokenUrl": "https://t.example",
                "scopes": {},
            },
            {
                "type": "oauth2",
                "flows": {
                    "authorizationCode": {"authorizationUrl": "https://a.example", "tokenUrl": "https://t.example", "scopes": {}}
                },
            },
        ),
    ],
)
def test_ways_to_prove_who_asks_are_kept(said: dict[str, Any], expected: dict[str, Any]) -> None:
    document = swagger({"security": [{"my way": []}]}, securityDefinitions={"my way": said}, security=[{"my way": []}])
    made = converted(document)
    assert made["components"]["securitySchemes"] == {"my_way": expected}
    assert made["security"] == made["paths"]["/a"]["post"]["security"] == [{"my_way": []}]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({**swagger(), "swagger": 2.0}, "document#/swagger"),
        ({**swagger(), "swagger": "1.2"}, "document#/swagger"),
        ({**swagger(), "info": {}}, "document#/info"),
        (swagger({"parameters": [{"name": "p", "in": "query"}]}), "document#/paths/~1a/post/parameters/0"),
        (swagger(definitions={"S": {"type": "strin"}}), "document#/definitions/S"),
        (swagger(definitions={"S": {"$ref": "#/definitions/None"}}), "document#/definitions/S/$ref"),
        (swagger(definitions={"S": {"$ref": "https://e.example/a"}}), "document#/definitions/S/$ref"),
        (swagger(definitions={"S": {"$ref": "#/definitions/S"}}), "document#/definitions/S/$ref"),
        (swagger(path="/{p}"), "document#/paths/~1{p}/post"),
    ],
)
def test_what_breaks_the_specification_is_told_with_its_place_in_the_old_document(document: dict[str, Any], said: str) -> None:
    with pytest.raises(DocumentRefused) as caught:
        read(as_yaml(document))
    assert any(each.field.startswith(said) and "line " in each.message for each in caught.value.fields), caught.value.fields


def test_an_example_that_looks_like_a_reference_is_none() -> None:
    answer = {"description": "D", "examples": {JSON: {"$ref": "https://e.example/"}}}
    assert operation(swagger({"responses": {"200": answer}}))["responses"]["200"]["content"][JSON]["example"]["$ref"]


async def test_the_converted_document_is_shown_and_what_was_imported_is_kept_beside(stage: Stage) -> None:
    answer = {"description": "D", "schema": {"type": "string"}, "examples": {JSON: "hello"}}
    text = as_yaml(swagger({"operationId": "say", "responses": {"200": answer}}, produces=[JSON]))
    published = await stage.published("accounts", text)
    (shown,) = (await stage.anonymous.load("documents_by_version", [published.version_id])).rows
    (kept,) = (await stage.anonymous.load("originals_by_version", [published.version_id])).rows
    assert kept == {"text": text, "media_type": "application/yaml"}
    assert (shown["media_type"], json.loads(shown["text"])["openapi"]) == (JSON, "3.0.3")
    assert published.version["openapi_version"] == "3.0.3"
    said = await stage.call(published.version_id, "say", method="POST")
    assert (said.status, said.body) == (200, b'"hello"')


async def test_the_original_of_a_draft_is_not_for_strangers(stage: Stage) -> None:
    version = (await stage.draft((await stage.product())["id"], swagger()))["version"]
    for person in (stage.anonymous, stage.stranger):
        assert (await person.load("originals_by_version", [version["id"]])).rows == [None]
    assert (await stage.provider.load("originals_by_version", [version["id"]])).rows[0]["media_type"] == JSON


@pytest.mark.skipif(not (SPECS / "bcgov-news-swagger2.json").exists(), reason="the published document is not here")
def test_a_published_document_of_swagger_is_converted() -> None:
    document: Document = read((SPECS / "bcgov-news-swagger2.json").read_text(encoding="utf-8-sig"))
    assert len(document.operations) == 27
    assert set(compose(document).answers) == {each.operation_id for each in document.operations}


def test_what_grows_without_measure_while_it_is_converted_is_too_complex() -> None:
    large = {"type": "string", "description": "x" * 100_000}
    kinds = [f"a/b{number}" for number in range(500)]
    with pytest.raises(DocumentRefused) as caught:
        read(json.dumps(swagger({"parameters": [{**BODY, "schema": large}], "consumes": kinds})))
    assert caught.value.code == "DOCUMENT_TOO_COMPLEX"
