"""Documents of Swagger 2.0: each part and what becomes of it in OpenAPI 3.0, and what is told where nothing can."""

import json
from typing import Any

import pytest

from services.catalog.documents.domain import Document, DocumentRefused
from services.catalog.documents.reading import read
from services.catalog.sandbox.composing import compose
from tests.services.catalog.stage import SPECS, Stage, as_yaml

DONE = {"200": {"description": "Done"}}
JSON = "application/json"
KEYED = "api" + "Key"


def swagger(operation: dict[str, Any] | None = None, /, path: str = "/a", **around: Any) -> dict[str, Any]:
    """A small document of Swagger 2.0 with one operation."""
    described = {"responses": DONE, **(operation or {})}
    paths = {path: {"post": described}}
    return {"swagger": "2.0", "info": {"title": "T", "version": "1"}, "paths": paths, **around}


def converted(document: dict[str, Any]) -> Any:
    found = read(json.dumps(document)).converted
    assert found is not None
    return json.loads(found)


def operation(document: dict[str, Any]) -> Any:
    (item,) = converted(document)["paths"].values()
    return item["post"]


def warnings(document: dict[str, Any]) -> str:
    return "\n".join(read(json.dumps(document)).warnings)


def parameter(**said: Any) -> Any:
    described = {"name": "p", "in": "query", "type": "string", **said}
    (made,) = operation(swagger({"parameters": [described]}))["parameters"]
    return made


def schema(said: dict[str, Any]) -> Any:
    return converted(swagger(definitions={"S": said}))["components"]["schemas"]["S"]


def test_the_whole_becomes_openapi_and_says_so() -> None:
    around: dict[str, Any] = {
        "tags": [{"name": "t"}],
        "externalDocs": {"url": "https://docs.example"},
        "x-own": 1,
        "host": "api.example",
    }
    made = converted(swagger({"summary": "S", "tags": ["t"], "deprecated": True, "x-mine": 2}, **around))
    assert made == {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1"},
        "x-own": 1,
        "servers": [{"url": "//api.example"}],
        "paths": {"/a": {"post": {"summary": "S", "tags": ["t"], "deprecated": True, "x-mine": 2, "responses": DONE}}},
        "tags": [{"name": "t"}],
        "externalDocs": {"url": "https://docs.example"},
    }
    assert "Swagger 2.0 and was converted into OpenAPI 3.0.3" in warnings(swagger())


@pytest.mark.parametrize(
    ("around", "urls"),
    [
        ({}, None),
        ({"basePath": "/v1"}, ["/v1"]),
        ({"basePath": "/"}, ["/"]),
        ({"host": "api.example:8443", "basePath": "/v1/"}, ["//api.example:8443/v1"]),
        ({"host": "api.example", "schemes": ["https", "http"]}, ["https://api.example", "http://api.example"]),
        ({"schemes": ["https"]}, None),
    ],
)
def test_host_path_and_schemes_become_servers(around: dict[str, Any], urls: list[str] | None) -> None:
    made = converted(swagger(**around))
    assert [each["url"] for each in made["servers"]] == urls if urls else "servers" not in made


def test_an_operations_own_schemes_become_its_servers() -> None:
    document = swagger({"schemes": ["wss"]}, host="api.example", basePath="/v1", schemes=["https"])
    assert operation(document)["servers"] == [{"url": "wss://api.example/v1"}]
    assert "schemes without a host" in warnings(swagger({"schemes": ["https"]}))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            {"maxLength": 3, "pattern": "a", "default": "a"},
            {"schema": {"type": "string", "maxLength": 3, "pattern": "a", "default": "a"}},
        ),
        ({"required": True, "description": "D"}, {"required": True, "description": "D", "schema": {"type": "string"}}),
        ({"in": "header"}, {"in": "header", "schema": {"type": "string"}}),
        ({"allowEmptyValue": True}, {"allowEmptyValue": True, "schema": {"type": "string"}}),
        ({"x-nullable": True}, {"schema": {"type": "string", "nullable": True}}),
        ({"x-example": "e", "x-own": 1}, {"example": "e", "x-own": 1, "schema": {"type": "string"}}),
        (
            {"type": "integer", "format": "int64", "maximum": 5, "exclusiveMaximum": True, "enum": [1]},
            {"schema": {"type": "integer", "format": "int64", "maximum": 5, "exclusiveMaximum": True, "enum": [1]}},
        ),
    ],
)
def test_parameters_keep_what_they_say(said: dict[str, Any], expected: dict[str, Any]) -> None:
    assert parameter(**said) == {"name": "p", "in": "query", **expected}


@pytest.mark.parametrize(
    ("format_", "style"),
    [
        (None, {"style": "form", "explode": False}),
        ("csv", {"style": "form", "explode": False}),
        ("multi", {"style": "form", "explode": True}),
        ("ssv", {"style": "spaceDelimited", "explode": False}),
        ("pipes", {"style": "pipeDelimited", "explode": False}),
        ("tsv", {"style": "form", "explode": False}),
    ],
)
def test_the_way_in_which_lists_are_written_stays(format_: str | None, style: dict[str, Any]) -> None:
    said = {"type": "array", "items": {"type": "integer"}, **({"collectionFormat": format_} if format_ else {})}
    assert parameter(**said) == {"name": "p", "in": "query", "schema": {"type": "array", "items": {"type": "integer"}}, **style}
    document = swagger({"parameters": [{"name": "p", "in": "query", **said}]})
    assert ("tsv" in warnings(document)) == (format_ == "tsv")


def test_lists_in_path_and_header_are_separated_by_commas() -> None:
    said = {
        "name": "p",
        "in": "path",
        "required": True,
        "type": "array",
        "items": {"type": "string"},
        "collectionFormat": "pipes",
    }
    document = swagger({"parameters": [said]}, path="/a/{p}")
    (made,) = operation(document)["parameters"]
    assert (made["style"], made["required"]) == ("simple", True)
    assert '"pipes" has no counterpart here' in warnings(document)


def test_lists_within_lists_and_headers_of_the_protocol_are_told() -> None:
    nested = {"name": "p", "in": "query", "type": "array", "items": {"type": "array", "items": {"type": "string"}}}
    header = {"name": "Accept", "in": "header", "type": "string"}
    told = warnings(swagger({"parameters": [nested, header]}))
    assert "lists within lists" in told
    assert 'passes over the header parameter "Accept"' in told


BODY = {"name": "b", "in": "body", "required": True, "description": "D", "schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("said", "around", "kinds"),
    [
        ({}, {}, [JSON]),
        ({"consumes": ["application/xml", JSON]}, {"consumes": ["text/plain"]}, ["application/xml", JSON]),
        ({}, {"consumes": ["text/plain"]}, ["text/plain"]),
        ({"consumes": []}, {"consumes": ["text/plain"]}, [JSON]),
    ],
)
def test_a_body_is_told_for_each_media_type(said: dict[str, Any], around: dict[str, Any], kinds: list[str]) -> None:
    document = swagger({"parameters": [BODY], **said}, **around)
    content = {kind: {"schema": {"type": "object"}} for kind in kinds}
    assert operation(document)["requestBody"] == {"required": True, "description": "D", "content": content}
    assert "parameters" not in operation(document)
    assert ("application/json is assumed" in warnings(document)) == (kinds == [JSON])


def test_a_body_of_a_method_without_one_is_told() -> None:
    document = swagger()
    document["paths"]["/a"] = {"get": {"parameters": [BODY], "responses": DONE}}
    assert "a body of GET" in warnings(document)


@pytest.mark.parametrize(
    ("fields", "consumes", "kinds"),
    [
        ([{"type": "string"}], [], ["application/x-www-form-urlencoded"]),
        ([{"type": "file"}], [], ["multipart/form-data"]),
        ([{"type": "file"}], ["application/x-www-form-urlencoded"], ["multipart/form-data"]),
        ([{"type": "string"}], [JSON, "multipart/form-data"], ["multipart/form-data"]),
    ],
)
def test_form_fields_become_a_body(fields: list[dict[str, Any]], consumes: list[str], kinds: list[str]) -> None:
    named = [{"name": f"f{number}", "in": "formData", **each} for number, each in enumerate(fields)]
    body = operation(swagger({"parameters": named, "consumes": consumes}))["requestBody"]
    assert list(body["content"]) == kinds
    described = body["content"][kinds[0]]["schema"]["properties"]["f0"]
    assert described == ({"type": "string", "format": "binary"} if fields[0]["type"] == "file" else {"type": "string"})


def test_form_fields_say_which_are_needed_and_how_lists_are_written() -> None:
    many = {"type": "array", "items": {"type": "string"}, "collectionFormat": "multi"}
    fields = [
        {"name": "a", "in": "formData", "type": "string", "required": True, "description": "D"},
        {"name": "b", "in": "formData", **many},
    ]
    assert operation(swagger({"parameters": fields}))["requestBody"] == {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "a": {"type": "string", "description": "D"},
                        "b": {"type": "array", "items": {"type": "string"}},
                    },
                    "required": ["a"],
                },
                "encoding": {"b": {"style": "form", "explode": True}},
            }
        },
    }


def test_what_a_path_says_for_all_its_operations_reaches_each() -> None:
    document = swagger()
    query = {"name": "q", "in": "query", "type": "string"}
    document["paths"]["/a"]["parameters"] = [query, BODY]
    document["paths"]["/a"]["put"] = {"responses": DONE, "parameters": [{**BODY, "schema": {"type": "string"}}]}
    item = converted(document)["paths"]["/a"]
    assert [each["name"] for each in item["parameters"]] == ["q"]
    assert item["post"]["requestBody"]["content"][JSON]["schema"] == {"type": "object"}
    assert item["put"]["requestBody"]["content"][JSON]["schema"] == {"type": "string"}


def test_shared_parameters_and_responses_stay_shared() -> None:
    around: dict[str, Any] = {
        "parameters": {
            "Q": {"name": "q", "in": "query", "type": "string"},
            "B": BODY,
            "F": {"name": "f", "in": "formData", "type": "string"},
        },
        "responses": {"None": {"description": "None", "schema": {"type": "string"}}},
        "produces": ["text/plain"],
    }
    leads = [{"$ref": "#/parameters/Q"}, {"$ref": "#/parameters/B"}]
    document = swagger({"parameters": leads, "responses": {"404": {"$ref": "#/responses/None"}}}, **around)
    described = operation(document)
    assert described["parameters"] == [{"$ref": "#/components/parameters/Q"}]
    assert described["requestBody"] == {"$ref": "#/components/requestBodies/B"}
    assert described["responses"] == {"404": {"$ref": "#/components/responses/None"}}
    parts = converted(document)["components"]
    assert list(parts) == ["responses", "parameters", "requestBodies"]
    assert parts["responses"]["None"]["content"] == {"text/plain": {"schema": {"type": "string"}}}
    # Where the operation has media types of its own, what is shared is written out for them.
    own = operation(
        swagger({"parameters": leads, "responses": {"404": leads_to("None")}, "produces": [JSON], "consumes": ["a/b"]}, **around)
    )
    assert list(own["responses"]["404"]["content"]) == [JSON]
    assert list(own["requestBody"]["content"]) == ["a/b"]
    form = operation(swagger({"parameters": [{"$ref": "#/parameters/F"}]}, **around))
    assert list(form["requestBody"]["content"]) == ["application/x-www-form-urlencoded"]


def leads_to(name: str) -> dict[str, str]:
    return {"$ref": f"#/responses/{name}"}


@pytest.mark.parametrize(
    ("said", "around", "content"),
    [
        (
            {"schema": {"type": "string"}},
            {"produces": ["a/b", "c/d"]},
            {"a/b": {"schema": {"type": "string"}}, "c/d": {"schema": {"type": "string"}}},
        ),
        ({"schema": {"type": "string"}}, {}, {JSON: {"schema": {"type": "string"}}}),
        ({"schema": {"type": "file"}}, {}, {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}),
        ({"examples": {JSON: {"a": 1}}}, {}, {JSON: {"example": {"a": 1}}}),
        (
            {"schema": {"type": "string"}, "examples": {"c/d": "x"}},
            {"produces": ["a/b"]},
            {"a/b": {"schema": {"type": "string"}}, "c/d": {"schema": {"type": "string"}, "example": "x"}},
        ),
        ({}, {"produces": ["a/b"]}, None),
    ],
)
def test_answers_are_told_for_each_media_type(said: dict[str, Any], around: dict[str, Any], content: Any) -> None:
    answer = operation(swagger({"responses": {"200": {"description": "D", **said}}}, **around))["responses"]["200"]
    assert answer.get("content") == content


def test_headers_of_answers_get_schemas() -> None:
    headers = {
        "X-Left": {"type": "integer", "description": "D", "x-own": 1},
        "X-Ids": {"type": "array", "items": {"type": "string"}},
    }
    answer = operation(swagger({"responses": {"default": {"description": "D", "headers": headers}}}))["responses"]["default"]
    assert answer["headers"] == {
        "X-Left": {"description": "D", "x-own": 1, "schema": {"type": "integer"}},
        "X-Ids": {"schema": {"type": "array", "items": {"type": "string"}}},
    }


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
