"""Documents of Swagger 2.0: each part and what becomes of it in OpenAPI 3.0, and what is told where nothing can."""

from typing import Any

import pytest

from tests.services.catalog.swagger_documents import (
    BODY,
    DONE,
    JSON,
    converted,
    operation,
    parameter,
    swagger,
    warnings,
)


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


@pytest.mark.parametrize(("format_", "is_told"), [(None, True), ("csv", True), ("pipes", True), ("multi", False)])
def test_lists_that_become_parts_are_told(format_: str | None, is_told: bool) -> None:
    field = {"name": "l", "in": "formData", "type": "array", "items": {"type": "string"}}
    field |= {"collectionFormat": format_} if format_ else {}
    document = swagger({"parameters": [field], "consumes": ["multipart/form-data"]})
    assert ('each value of the form field "l" becomes a part of its own' in warnings(document)) == is_told
    assert "becomes a part" not in warnings(swagger({"parameters": [field]}))


def test_form_fields_that_are_said_to_be_json_are_told() -> None:
    field = {"name": "l", "in": "formData", "type": "string"}
    said = "form fields are not sent as application/json; application/x-www-form-urlencoded is assumed."
    assert said in warnings(swagger({"parameters": [field], "consumes": [JSON]}))
    assert "is assumed" not in warnings(swagger({"parameters": [field]}))


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
