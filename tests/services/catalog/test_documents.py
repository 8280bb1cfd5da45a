"""Reading documents: what is refused, at which place and why; what is understood of the rest."""

import json
import time
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.catalog.documents.domain import Document, DocumentRefused
from services.catalog.documents.reading import read
from services.catalog.sandbox.composing import compose
from tests.services.catalog.stage import as_yaml, small

HEAD = 'openapi: 3.0.3\ninfo: {title: T, version: "1"}\n'
DONE = {"200": {"description": "Done"}}


def refusal(text: str) -> DocumentRefused:
    with pytest.raises(DocumentRefused) as caught:
        read(text)
    assert caught.value.fields
    return caught.value


def said(text: str) -> list[str]:
    return [f"{each.field}: {each.message}" for each in refusal(text).fields]


def with_paths(paths: Any, **around: Any) -> str:
    return orjson.dumps(small(paths=paths, **around), option=orjson.OPT_INDENT_2).decode()


def operation(**around: Any) -> dict[str, Any]:
    return {"responses": DONE, **around}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "document: line 1, column 1: the document is empty"),
        (" \n ", "document: line 1, column 1: the document is empty"),
        ('{"a": 1,\n  "b": }', "document: line 2, column 8: not JSON: expecting value"),
        ('{"a": 1} x', "document: line 1, column 10: not JSON: extra data"),
        ('{"a": 1,\n "b": 2, "a": 3}', 'document: line 2, column 10: the key "a" stands here for the second time'),
        ("a: 1\nb: 2\na: 3", 'document: line 3, column 1: the key "a" stands here for the second time'),
        ("a: [1, 2", "document: line 2, column 1: while parsing a flow sequence did not find expected ',' or ']'"),
        (
            "a: 1\n\tb: 2",
            "document: line 2, column 1: while scanning a plain scalar found a tab character that violates indentation",
        ),
        ("a: 1\n---\nb: 2", "document: line 2, column 1: a second document begins here; upload one at a time"),
        ("a: &x [*x]", "document: line 1, column 8: *x stands within what it names"),
        ("a: *x", "document: line 1, column 4: nothing is named &x before this"),
        (
            "a: !!python/object:os.system {}",
            "document: line 1, column 4: the tag tag:yaml.org,2002:python/object:os.system is not known here",
        ),
        ("? [a]\n: b", "document: line 1, column 3: a key is a string, not a mapping or a list"),
        ("a: .nan", "document: line 1, column 4: .nan is not a number in JSON: put it between quotation marks if it is a text"),
        (
            "a: [-.Inf]",
            "document: line 1, column 5: -.Inf is not a number in JSON: put it between quotation marks if it is a text",
        ),
        ("a: 1e999", "document: line 1, column 4: the number is too great"),
        ('{"a": 1e999}', "document#/a: line 1, column 2: the number is too great"),
        ('{"a": "\\ud800"}', "document#/a: half of a surrogate pair is not a character"),
        ("[1]", "document#: line 1, column 1: an OpenAPI document is an object"),
        ("just words", "document#: line 1, column 1: an OpenAPI document is an object"),
        ("a: b\x07c", "document: line 1, column 5: the text holds a character that YAML does not allow"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, expected: str) -> None:
    assert said(text) == [expected]


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        (
            '{"swagger": "1.2"}',
            "DOCUMENT_VERSION_NOT_SUPPORTED",
            "document#/swagger: line 1, column 2: Swagger 1.2 cannot be imported",
        ),
        (
            "openapi: 3.2.0",
            "DOCUMENT_VERSION_NOT_SUPPORTED",
            "document#/openapi: line 1, column 1: OpenAPI 3.2.0 cannot be imported",
        ),
        (
            "a: 1",
            "DOCUMENT_NOT_VALID",
            'document#: line 1, column 1: there is no "openapi" that names the version, so this is not an OpenAPI document',
        ),
        (
            "openapi: 3.0",
            "DOCUMENT_NOT_VALID",
            'document#/openapi: line 1, column 1: write the version as a string of three numbers, as in "3.0.3"',
        ),
        ("openapi: 3.0.3", "DOCUMENT_NOT_VALID", 'document#: line 1, column 1: "info" is missing'),
    ],
)
def test_other_versions_are_refused_by_name(text: str, code: str, expected: str) -> None:
    assert refusal(text).code == code
    assert said(text)[0] == expected


def test_whatever_breaks_the_specification_is_told_with_pointer_and_place() -> None:
    text = HEAD + "paths:\n  /a:\n    get:\n      responses:\n        '200': {}\n      surprise: 1\n    put: 5\n"
    assert sorted(said(text)) == [
        'document#/paths/~1a/get/responses/200: line 7, column 9: "description" is missing',
        'document#/paths/~1a/get: line 5, column 5: "surprise" is not known here',
        'document#/paths/~1a/put: line 9, column 5: 5 is not of type "object"',
    ]


def test_a_document_of_3_1_is_checked_by_its_own_schema_and_its_schemas_too() -> None:
    text = with_paths({"/a": {"get": operation()}}, openapi="3.1.0", components={"schemas": {"A": {"type": "strin"}}})
    (only,) = said(text)
    assert only.startswith("document#/components/schemas/A/type: line ")
    fine = with_paths({"/a": {"get": operation()}}, openapi="3.1.0", components={"schemas": {"A": {"type": ["string", "null"]}}})
    assert read(fine).openapi_version == "3.1.0"


def test_no_more_than_twenty_troubles_are_told() -> None:
    paths: Any = {f"/a{number}": {"get": {"responses": {"200": {}}}} for number in range(50)}
    assert len(said(with_paths(paths))) == 20


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("https://example.org/a.yaml#/A", "lies outside the document and is not fetched: bundle it into the document"),
        ("file:///etc/passwd", "lies outside the document and is not fetched: bundle it into the document"),
        ("../other.yaml", "lies outside the document and is not fetched: bundle it into the document"),
        ("#/components/schemas/None", "points at nothing"),
        ("#anchor", "is not a JSON pointer: begin it with #/"),
        ("#/components/schemas/Round", "leads round in a circle and never to anything"),
    ],
)
def test_references_that_lead_nowhere_are_refused_and_nothing_is_fetched(reference: str, reason: str) -> None:
    schemas = {
        "Here": {"$ref": reference},
        "Round": {"$ref": "#/components/schemas/Again"},
        "Again": {"$ref": "#/components/schemas/Round"},
    }
    told = said(with_paths({}, components={"schemas": schemas}))
    assert any(each.startswith("document#/components/schemas/Here/$ref: line ") and each.endswith(reason) for each in told)


def test_what_only_looks_like_a_reference_is_none() -> None:
    looks = {"$ref": "https://example.org/"}
    schema = {
        "type": "object",
        "example": looks,
        "default": looks,
        "properties": {"$ref": {"type": "string"}, "default": {"type": "string"}},
    }
    examples = {"one": {"value": looks}}
    content = {"application/json": {"schema": schema, "examples": examples}}
    responses = {"200": {"description": "Done", "content": content}}
    assert read(with_paths({"/a": {"get": {"responses": responses, "x-more": looks}}})).operations


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        (
            {"/a": {"get": operation(operationId="x"), "put": operation(operationId="x")}},
            'the operationId "x" is that of GET /a too',
        ),
        ({"/a/{id}": {"get": operation()}}, 'the path parameter "id" is not declared under "parameters"'),
        ({"/a/{id}": {}, "/a/{name}": {}}, "the path cannot be told from /a/{id}: only the names of its parameters differ"),
        ({"/a/{id": {}}, "a brace of the path is not closed, not opened, or holds no name"),
        ({"/a/{}": {}}, "a brace of the path is not closed, not opened, or holds no name"),
        ({"/a?b=c": {}}, "a path begins with / and has neither spaces, ? nor # and at most 500 characters"),
        ({"/{a}/{a}": {}}, "the path names a parameter twice"),
    ],
)
def test_what_no_schema_says_is_checked_too(paths: Any, reason: str) -> None:
    told = said(with_paths(paths))
    assert len(told) == 1
    assert told[0].endswith(reason)
    assert told[0].startswith("document#/paths/")


def test_parameters_may_stand_at_the_path_and_behind_references() -> None:
    parameters = {"Id": {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}}
    item = {"parameters": [{"$ref": "#/components/parameters/Id"}], "get": operation()}
    assert read(with_paths({"/a/{id}": item}, components={"parameters": parameters})).operations[0].operation_id == "get_a_{id}"
    unused = {"/a": {"parameters": item["parameters"], "get": operation()}}
    document = read(with_paths(unused, components={"parameters": parameters}))
    assert document.warnings == ('/paths/~1a/get: the path parameter "id" is declared but not in the path.',)


def test_ids_are_derived_where_none_can_be_used_and_never_clash() -> None:
    paths = {
        "/": {"get": operation()},
        "/a": {"get": operation(), "put": operation(operationId="get_a")},
        "/b": {"get": operation(operationId="Ķ")},
    }
    document = read(with_paths(paths))
    assert [each.operation_id for each in document.operations] == ["get_root", "get_a_2", "get_a", "get_b"]
    assert len(document.warnings) == 1


def test_json_and_yaml_say_the_same() -> None:
    from_json, from_yaml = read(orjson.dumps(small()).decode()), read(as_yaml(small()))
    assert from_json.tree == from_yaml.tree
    assert (from_json.media_type, from_yaml.media_type) == ("application/json", "application/yaml")


def test_yaml_is_read_as_json_would_mean_it() -> None:
    text = (
        HEAD + "paths: {}\nx-a: {on: yes, 200: 2020-01-01, n: ~, t: true, h: 0x10, f: 1.5, s: '1', o: 0o17, <<: {m: 1, t: no}}\n"
    )
    expected = {"on": "yes", "200": "2020-01-01", "n": None, "t": True, "h": 16, "f": 1.5, "s": "1", "o": 15, "m": 1}
    assert read(text).tree["x-a"] == expected
    assert read("\ufeff" + text).tree["x-a"] == expected


BOMBS = {
    "billion laughs": HEAD + "paths: {}\nx-0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"x-{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)),
    "deep JSON": "[" * 200_000,
    "deep objects": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "deep YAML": "- " * 100_000,
    "deep flow YAML": "a: " + "[" * 100_000,
    "many anchors": HEAD + "".join(f"x-{n}: &a{n} 1\n" for n in range(50_000)),
    "long number": '{"a": ' + "9" * 100_000 + "}",
    "long YAML number": "a: " + "9" * 100_000,
    "many keys": "{" + ",".join(f'"{n}":1' for n in range(200_000)) + "}",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_in_time(name: str) -> None:
    began = time.process_time()
    refusal(BOMBS[name])
    assert time.process_time() - began < 8


def _doubling(keyword: str) -> str:
    schemas: dict[str, Any] = {f"S{n}": {keyword: [{"$ref": f"#/components/schemas/S{n + 1}"}] * 2} for n in range(40)}
    schemas["S40"] = {"type": "string"}
    return _answering({"$ref": "#/components/schemas/S0"}, schemas)


def _widening() -> str:
    schemas: dict[str, Any] = {
        f"S{n}": {"type": "object", "properties": {name: {"$ref": f"#/components/schemas/S{n + 1}"} for name in "abcdefgh"}}
        for n in range(20)
    }
    schemas["S20"] = {"type": "string"}
    return _answering({"$ref": "#/components/schemas/S0"}, schemas)


def _answering(schema: Any, schemas: Any) -> str:
    responses = {"200": {"description": "Done", "content": {"application/json": {"schema": schema}}}}
    return with_paths({"/a": {"get": {"responses": responses}}}, components={"schemas": schemas})


@pytest.mark.parametrize(
    "text",
    [
        _doubling("allOf"),
        _doubling("anyOf"),
        _widening(),
        _answering({"type": "string", "pattern": "^(a+)+(b+)+(c|cc)+$", "minLength": 3000}, {}),
        _answering({"type": "string", "pattern": "((((x{9999}){9999}){9999}){9999})"}, {}),
        _answering({"type": "array", "minItems": 10**8, "items": {"type": "string", "minLength": 10**8}}, {}),
    ],
    ids=["allOf", "anyOf", "wide", "pattern", "repeated", "long"],
)
def test_schemas_that_explode_are_answered_in_time(text: str) -> None:
    began = time.process_time()
    answers = compose(read(text)).answers
    assert answers["get_a"]
    assert time.process_time() - began < 3


keys = st.sampled_from(
    [
        "openapi",
        "info",
        "title",
        "version",
        "paths",
        "/a",
        "/a/{id}",
        "get",
        "put",
        "parameters",
        "responses",
        "200",
        "description",
        "content",
        "application/json",
        "schema",
        "$ref",
        "type",
        "properties",
        "items",
        "required",
        "enum",
        "allOf",
        "oneOf",
        "example",
        "examples",
        "components",
        "schemas",
        "tags",
        "operationId",
        "name",
        "in",
        "x-a",
        "nullable",
        "pattern",
    ]
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ["3.0.3", "3.1.0", "#/components/schemas/A", "#/paths", "string", "object", "array", "path", "query", "[a-", "^a+$"]
    )
)
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5), max_leaves=20)


def outcome(text: str) -> Document | None:
    try:
        document = read(text)
    except DocumentRefused:
        return None
    compose(document)
    return document


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=200) | st.text(alphabet="{}[]:,\"'&*!-? \nab01#|>%@`\t\\", max_size=60))
def test_whatever_is_sent_is_read_or_refused(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    outcome(text)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(keys, trees, max_size=5), st.booleans())
def test_whatever_hangs_on_the_tree_is_read_or_refused(grown: dict[str, Any], is_yaml: bool) -> None:
    document = small(**grown)
    outcome(as_yaml(document) if is_yaml else json.dumps(document))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees, trees, st.sampled_from(["3.0.3", "3.1.0"]))
@example({"required": True, "$ref": None}, {}, "3.1.0")
@example({"required": True, "$ref": "#/components/schemas/A"}, {}, "3.1.0")
@example({"required": True, "$ref": "#/components/schemas/A"}, {}, "3.0.3")
def test_whatever_a_schema_says_is_answered_or_refused(schema: Any, component: Any, version: str) -> None:
    responses = {"200": {"description": "Done", "content": {"application/json": {"schema": schema}}}}
    paths = {"/a": {"get": {"responses": responses}}}
    outcome(json.dumps(small(openapi=version, paths=paths, components={"schemas": {"A": component}})))
