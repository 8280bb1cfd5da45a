"""Which changes of a schema, an answer or a way in break callers, each tried in a request and in a response."""

from typing import Any

import pytest

from services.catalog.differences.operations import Side, compare
from services.catalog.documents import meaning
from services.catalog.documents.references import resolve

Json = dict[str, Any]
ANYTHING: Json = {}
PATH = "/things"


def with_schema(schema: Json, *, sent: bool, openapi: str = "3.1.0") -> Json:
    content = {"application/json": {"schema": schema}}
    answer: Json = {"description": "", **({} if sent else {"content": content})}
    operation: Json = {
        "operationId": "do",
        "responses": {"200": answer},
        **({"requestBody": {"content": content}} if sent else {}),
    }
    shared = {
        "Cat": {"type": "object", "properties": {"kind": {"type": "string"}}},
        "Dog": {"type": "object", "properties": {"kind": {"type": "string"}}},
    }
    return {"openapi": openapi, "paths": {PATH: {"post": operation}}, "components": {"schemas": shared}}


def rows(former: Json, later: Json) -> list[Json]:
    found = compare(*(Side(tree, meaning.read_paths(tree).operations) for tree in (former, later)))
    listed: list[Json] = found.to_row()["differences"]
    return listed


def verdicts(former: Json, later: Json, *, openapi: tuple[str, str] = ("3.1.0", "3.1.0")) -> tuple[bool, bool]:
    """Say whether the change breaks callers where it is sent, and where it is received."""
    breaks = []
    for sent in (True, False):
        found = rows(
            *(with_schema(each, sent=sent, openapi=version) for each, version in zip((former, later), openapi, strict=True))
        )
        breaks.append(any(each["breaking"] for each in found))
    return breaks[0], breaks[1]


def choice(*names: str, told: Json | None = None) -> Json:
    alternatives = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    return {"oneOf": alternatives, **({"discriminator": told} if told else {})}


NUMBER, TEXT = {"type": "number"}, {"type": "string"}
NEVER, SENT, RECEIVED, ALWAYS = (False, False), (True, False), (False, True), (True, True)
CASES: dict[str, tuple[Json, Json, tuple[bool, bool]]] = {
    "integer to number": ({"type": "integer"}, NUMBER, RECEIVED),
    "number to integer": (NUMBER, {"type": "integer"}, SENT),
    "int32 to double": ({"type": "integer", "format": "int32"}, {"type": "number", "format": "double"}, RECEIVED),
    "uri to uri-reference": ({**TEXT, "format": "uri"}, {**TEXT, "format": "uri-reference"}, RECEIVED),
    "a least length of nothing": (TEXT, {**TEXT, "minLength": 0}, NEVER),
    "a least number of nothing": ({"type": "array"}, {"type": "array", "minItems": 0}, NEVER),
    "a minimum of nothing": (NUMBER, {**NUMBER, "minimum": 0}, SENT),
    "an exclusive limit that becomes inclusive": ({**NUMBER, "exclusiveMaximum": 9}, {**NUMBER, "maximum": 9}, NEVER),
    "an inclusive limit that becomes exclusive": ({**NUMBER, "maximum": 9}, {**NUMBER, "exclusiveMaximum": 9}, SENT),
    "a lower limit that becomes exclusive": ({**NUMBER, "minimum": 9}, {**NUMBER, "exclusiveMinimum": 9}, SENT),
    "an exclusive limit further away": ({**NUMBER, "maximum": 9}, {**NUMBER, "exclusiveMaximum": 99}, NEVER),
    "values of a map that were free": ({"type": "object"}, {"type": "object", "additionalProperties": TEXT}, SENT),
    "values of a map that become free": ({"type": "object", "additionalProperties": TEXT}, {"type": "object"}, RECEIVED),
    "values of a map, said to be free": ({"type": "object"}, {"type": "object", "additionalProperties": {}}, NEVER),
    "a map that opens": ({"type": "object", "additionalProperties": False}, {"type": "object"}, NEVER),
    "items that were free": ({"type": "array"}, {"type": "array", "items": TEXT}, SENT),
    "items that become free": ({"type": "array", "items": TEXT}, {"type": "array"}, RECEIVED),
    "items, said to be free": ({"type": "array"}, {"type": "array", "items": {"description": "Any"}}, NEVER),
    "a list that becomes a text": ({"type": "array", "items": TEXT}, TEXT, ALWAYS),
    "a name required that nothing describes": (ANYTHING, {"required": ["a"]}, SENT),
    "a name not required any more that nothing describes": ({"required": ["a"]}, ANYTHING, RECEIVED),
    "a required name that is described at last": ({"required": ["a"]}, {"required": ["a"], "properties": {"a": {}}}, NEVER),
    "a property that is only read now": (
        {"properties": {"a": TEXT}},
        {"properties": {"a": {**TEXT, "readOnly": True}}},
        SENT,
    ),
    "a property that is only written now": (
        {"properties": {"a": TEXT}},
        {"properties": {"a": {**TEXT, "writeOnly": True}}},
        RECEIVED,
    ),
    "a required property that was only read": (
        {"required": ["a"], "properties": {"a": {**TEXT, "readOnly": True}}},
        {"required": ["a"], "properties": {"a": TEXT}},
        SENT,
    ),
    "alternatives that fall away as a whole": (
        {"type": "object", "properties": {"a": {}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {"type": "object", "properties": {"a": {}}},
        RECEIVED,
    ),
    "alternatives that come as a whole": (
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": {"a": {}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        SENT,
    ),
    "a type that becomes one of two": (TEXT, {"anyOf": [TEXT, {"type": "null"}]}, RECEIVED),
    "alternatives in another order": (choice("Cat", "Dog"), choice("Dog", "Cat"), NEVER),
    "alternatives told apart as before": (
        choice("Cat", "Dog", told={"propertyName": "kind"}),
        choice("Cat", "Dog", told={"propertyName": "kind", "mapping": {"Cat": "#/components/schemas/Cat", "Dog": "Dog"}}),
        NEVER,
    ),
    "an alternative with a further name": (
        choice("Cat", "Dog", told={"propertyName": "kind"}),
        choice("Cat", "Dog", told={"propertyName": "kind", "mapping": {"Cat": "Cat", "kitten": "Cat"}}),
        RECEIVED,
    ),
    "an alternative with another name": (
        choice("Cat", "Dog", told={"propertyName": "kind"}),
        choice("Cat", "Dog", told={"propertyName": "kind", "mapping": {"cat": "#/components/schemas/Cat"}}),
        ALWAYS,
    ),
}


@pytest.mark.parametrize(("former", "later", "expected"), CASES.values(), ids=CASES)
def test_a_change_breaks_by_the_way_it_travels(former: Json, later: Json, expected: tuple[bool, bool]) -> None:
    assert verdicts(former, later) == expected


def test_the_same_limit_in_the_words_of_3_0_and_of_3_1_is_no_difference() -> None:
    former, later = {**NUMBER, "maximum": 9, "exclusiveMaximum": True}, {**NUMBER, "exclusiveMaximum": 9}
    for pair, versions in (((former, later), ("3.0.3", "3.1.0")), ((later, former), ("3.1.0", "3.0.3"))):
        for sent in (True, False):
            trees = [with_schema(each, sent=sent, openapi=version) for each, version in zip(pair, versions, strict=True)]
            assert rows(*trees) == []


def test_limits_are_told_to_the_last_digit_and_at_their_place() -> None:
    (said,) = rows(*(with_schema({"type": "integer", "maximum": each}, sent=True) for each in (9007199254740993, 1234567)))
    assert said["says"] == "The body has 1234567 as its maximum now, and had 9007199254740993."
    (said,) = rows(*(with_schema(each, sent=True) for each in ({**NUMBER, "maximum": 9}, {**NUMBER, "exclusiveMaximum": 9.5})))
    assert said["says"] == "The body has 9.5 (exclusive) as its maximum now, and had 9."
    assert said["place"].endswith("/schema/exclusiveMaximum")


def test_beside_a_reference_3_1_says_something_and_3_0_does_not() -> None:
    lead = {"$ref": "#/components/schemas/Cat"}
    later = {**lead, "required": ["kind"]}
    (said,) = rows(with_schema(lead, sent=True), with_schema(later, sent=True))
    assert (said["kind"], said["breaking"]) == ("PROPERTY_BECAME_REQUIRED", True)
    (said,) = rows(with_schema(lead, sent=True), with_schema({**lead, "maxProperties": 3}, sent=True))
    assert said["place"].endswith("/application~1json/schema/maxProperties")
    assert rows(*(with_schema(each, sent=True, openapi="3.0.3") for each in (lead, later))) == []


def test_null_beside_a_reference_is_null_in_3_0() -> None:
    lead: Json = {"allOf": [{"$ref": "#/components/schemas/Cat"}]}
    old = ("3.0.3", "3.0.3")
    assert verdicts(lead, {**lead, "nullable": True}, openapi=old) == RECEIVED
    assert verdicts({**lead, "nullable": True}, lead, openapi=old) == SENT
    within = {"properties": {"cat": lead}}
    assert verdicts(within, {"properties": {"cat": {**lead, "nullable": True}}}, openapi=old) == RECEIVED


def of(operation: Json, **more: Any) -> Json:
    described = {"operationId": "do", "responses": {"200": {"description": ""}}, **operation}
    return {"openapi": "3.0.3", "paths": {PATH: {"get": described}}, **more}


def text_answer(schema: Json, media_type: str = "application/json") -> Json:
    return {"description": "", "content": {media_type: {"schema": schema}}}


def kinds(former: Json, later: Json) -> dict[str, bool]:
    return {each["kind"]: each["breaking"] for each in rows(former, later)}


def test_what_stood_for_a_status_is_what_callers_were_told_of_it() -> None:
    number, text = text_answer({"type": "integer"}), text_answer(TEXT)
    for general, status in (("default", "404"), ("4XX", "404"), ("2XX", "204")):
        former = of({"responses": {general: text}})
        assert kinds(former, of({"responses": {general: text, status: text}})) == {"RESPONSE_ADDED": False}
        assert kinds(former, of({"responses": {general: text, status: number}})) == {
            "RESPONSE_ADDED": False,
            "TYPE_CHANGED": True,
        }
        specific = of({"responses": {general: text, status: text}})
        assert kinds(specific, former) == {}
        assert kinds(of({"responses": {general: text, status: number}}), former) == {"TYPE_CHANGED": True}
    assert kinds(of({"responses": {"200": text, "default": text}}), of({"responses": {"default": text}})) == {
        "RESPONSE_REMOVED": True
    }


@pytest.mark.parametrize("name", ["X-Total", "x-total", "ETag"])
def test_a_header_of_an_answer_is_one_however_it_is_spelled(name: str) -> None:
    former = of({"responses": {"200": {"description": "", "headers": {name: {"schema": TEXT}}}}})
    assert kinds(former, of({})) == {"RESPONSE_HEADER_REMOVED": True}
    other = of({"responses": {"200": {"description": "", "headers": {name.swapcase(): {"schema": TEXT}}}}})
    assert kinds(former, other) == {}


def test_media_types_within_others() -> None:
    def body(*media_types: str) -> Json:
        return of({"requestBody": {"content": {each: {"schema": TEXT} for each in media_types}}})

    def answered(*media_types: str) -> Json:
        content = {each: {"schema": TEXT} for each in media_types}
        return of({"responses": {"200": {"description": "", "content": content}}})

    for named in ("application/json; charset=utf-8", 'application/json;charset="UTF-8"'):
        assert kinds(body("application/json"), body(named)) == kinds(answered(named), answered("application/json")) == {}
    for around in ("application/*", "*/*"):
        assert not any(kinds(body("application/json"), body(around)).values())
        assert kinds(body(around), body("application/json"))["MEDIA_TYPE_REMOVED"]
        assert not any(kinds(answered(around), answered("application/json")).values())
        assert kinds(answered("application/json"), answered(around))["MEDIA_TYPE_REMOVED"]
    assert kinds(body("application/json;v=1"), body("application/json;v=2"))["MEDIA_TYPE_REMOVED"]


def test_a_parameter_that_is_written_as_a_document_now_is_read_in_another_form() -> None:
    plain = {"name": "q", "in": "query", "schema": TEXT}
    written = {"name": "q", "in": "query", "content": {"application/json": {"schema": TEXT}}}
    for pair in ((plain, written), (written, plain)):
        assert kinds(*(of({"parameters": [each]}) for each in pair)) == {"PARAMETER_STYLE_CHANGED": True}


def guarded(security: list[Json], **schemes: Json) -> Json:
    return of({"security": security}, components={"securitySchemes": schemes})


KEY: Json = {"type": "key", "in": "header", "name": "X-Key"}
BEARER: Json = {"type": "http", "scheme": "bearer"}


def flows(**tokens: str) -> Json:
    return {"type": "oauth2", "flows": {name: {"tokenUrl": url, "scopes": {}} for name, url in tokens.items()}}


SECURED: dict[str, tuple[Json, Json, dict[str, bool]]] = {
    "another name": (guarded([{"a": []}], a=KEY), guarded([{"b": []}], b={**KEY, "name": "x-key"}), {}),
    "another kind": (guarded([{"a": []}], a=KEY), guarded([{"a": []}], a=BEARER), {"SECURITY_CHANGED": True}),
    "another place": (
        guarded([{"a": []}], a=KEY),
        guarded([{"a": []}], a={**KEY, "in": "query"}),
        {"SECURITY_CHANGED": True},
    ),
    "another spelling": (guarded([{"a": []}], a=BEARER), guarded([{"a": []}], a={**BEARER, "scheme": "Bearer"}), {}),
    "a further way in": (
        guarded([{"a": []}], a=KEY, b=BEARER),
        guarded([{"a": []}, {"b": []}], a=KEY, b=BEARER),
        {"SECURITY_REMOVED": False},
    ),
    "a way in less": (
        guarded([{"a": []}, {"b": []}], a=KEY, b=BEARER),
        guarded([{"a": []}], a=KEY, b=BEARER),
        {"SECURITY_CHANGED": True},
    ),
    "both ways in together": (
        guarded([{"a": []}], a=KEY, b=BEARER),
        guarded([{"a": [], "b": []}], a=KEY, b=BEARER),
        {"SECURITY_CHANGED": True},
    ),
    "a further flow": (
        guarded([{"a": ["read"]}], a=flows(password="https://a.example/")),
        guarded([{"a": ["read"]}], a=flows(password="https://a.example/", clientCredentials="https://a.example/")),
        {"SECURITY_REMOVED": False},
    ),
    "a flow less": (
        guarded([{"a": []}], a=flows(password="https://a.example/", clientCredentials="https://a.example/")),
        guarded([{"a": []}], a=flows(password="https://a.example/")),
        {"SECURITY_CHANGED": True},
    ),
    "less scopes": (
        guarded([{"a": ["read", "write"]}], a=flows(password="https://a.example/")),
        guarded([{"a": ["read"]}], a=flows(password="https://a.example/")),
        {"SECURITY_REMOVED": False},
    ),
}


@pytest.mark.parametrize(("former", "later", "expected"), SECURED.values(), ids=SECURED)
def test_ways_in_are_told_by_what_they_are(former: Json, later: Json, expected: dict[str, bool]) -> None:
    assert kinds(former, later) == expected


def test_what_is_not_there_any_more_is_shown_where_it_stood() -> None:
    content = {"application/json": {"schema": TEXT}}
    former = of({"requestBody": {"content": content}}, security=[{"a": []}], components={"securitySchemes": {"a": KEY}})
    later = of({"requestBody": {"content": {"application/json": {}}}})
    found = rows(former, later)
    assert {each["kind"] for each in found} == {"TYPE_WIDENED", "SECURITY_REMOVED"}
    assert all(resolve(later, f"#{each['place']}")[0] for each in found)
