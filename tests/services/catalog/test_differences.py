"""What is different between two documents, and what of it breaks callers."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from services.catalog.differences.domain import MOST_DIFFERENCES
from services.catalog.differences.operations import Side, compare
from services.catalog.documents import meaning
from services.catalog.documents.references import resolve

Json = dict[str, Any]
GET, POST = "/paths/~1pets/get", "/paths/~1pets/post"


def schemas() -> Json:
    """A pet and its owner, who refer to each other."""
    pet = {
        "type": "object",
        "required": ["id", "name"],
        "properties": {
            "id": {"type": "integer", "format": "int32", "readOnly": True},
            "name": {"type": "string", "maxLength": 40},
            "kind": {"type": "string", "enum": ["CAT", "DOG"]},
            "born": {"type": "string", "format": "date"},
            "owner": {"$ref": "#/components/schemas/Owner"},
            "secret": {"type": "string", "writeOnly": True},
        },
    }
    owner = {
        "type": "object",
        "properties": {"pets": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}, "age": {"type": "integer"}},
    }
    return {"Pet": pet, "Owner": owner}


def document() -> Json:
    """A document with something of everything."""
    limit = {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}}
    mark = {"name": "X-Mark", "in": "header", "required": True, "schema": {"type": "string"}}
    listed = {
        "description": "All",
        "headers": {"X-Total": {"schema": {"type": "integer"}}},
        "content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}}},
    }
    body = {
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Pet"}},
            "application/xml": {"schema": {"type": "string"}},
        }
    }
    one = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Pets", "version": "1"},
        "paths": {
            "/pets": {
                "parameters": [mark],
                "get": {
                    "operationId": "list",
                    "parameters": [limit],
                    "responses": {"200": listed, "404": {"description": "None"}},
                },
                "post": {
                    "operationId": "add",
                    "requestBody": body,
                    "responses": {
                        "201": {"description": "Added", "content": {"application/json": {"schema": {"type": "object"}}}}
                    },
                },
            },
            "/pets/{id}": {"get": {"operationId": "one", "parameters": [one], "responses": {"200": {"description": "One"}}}},
        },
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}, "other": {"type": "http", "scheme": "basic"}},
        },
    }


def at(tree: Json, place: str) -> Any:
    exists, node = resolve(tree, f"#{place}")
    assert exists, place
    return node


def sides(former: Json, later: Json) -> list[Json]:
    """Return the differences of two trees that are documents."""
    found = compare(*(Side(tree, meaning.read_paths(tree).operations) for tree in (former, later)))
    rows: list[Json] = found.to_row()["differences"]
    return rows


Change = Callable[[Json], Any]
LIMIT = f"{GET}/parameters/0"
PET = "/components/schemas/Pet"
BODY = f"{POST}/requestBody/content"
# What is changed (in a copy of the document, the earlier or the later), and the kinds found with whether they break.
CASES: dict[str, tuple[Change, dict[str, bool]]] = {
    "an operation removed": (lambda it: it["paths"].pop("/pets/{id}"), {"OPERATION_REMOVED": True}),
    "an operation deprecated": (lambda it: at(it, GET).update(deprecated=True), {"OPERATION_DEPRECATED": False}),
    "another operation id": (lambda it: at(it, GET).update(operationId="all"), {"OPERATION_ID_CHANGED": True}),
    "a parameter removed": (lambda it: at(it, GET).update(parameters=[]), {"PARAMETER_REMOVED": True}),
    "a path's parameter removed": (lambda it: at(it, "/paths/~1pets").pop("parameters"), {"PARAMETER_REMOVED": True}),
    "a required parameter added": (
        lambda it: at(it, GET)["parameters"].append({"name": "q", "in": "query", "required": True, "schema": {}}),
        {"REQUIRED_PARAMETER_ADDED": True},
    ),
    "an optional parameter added": (
        lambda it: at(it, GET)["parameters"].append({"name": "q", "in": "query", "schema": {}}),
        {"PARAMETER_ADDED": False},
    ),
    "a parameter made required": (lambda it: at(it, LIMIT).update(required=True), {"PARAMETER_BECAME_REQUIRED": True}),
    "a parameter made optional": (
        lambda it: at(it, "/paths/~1pets/parameters/0").update(required=False),
        {"PARAMETER_BECAME_OPTIONAL": False},
    ),
    "a parameter of a wider type": (
        lambda it: at(it, f"{LIMIT}/schema").update(type="number"),
        {"TYPE_WIDENED": False},
    ),
    "a parameter in another form": (lambda it: at(it, LIMIT).update(explode=False), {"PARAMETER_STYLE_CHANGED": True}),
    "a parameter with a lower maximum": (lambda it: at(it, f"{LIMIT}/schema").update(maximum=50), {"LIMIT_NARROWED": True}),
    "a parameter with a higher maximum": (lambda it: at(it, f"{LIMIT}/schema").update(maximum=500), {"LIMIT_WIDENED": False}),
    "a parameter without a maximum": (lambda it: at(it, f"{LIMIT}/schema").pop("maximum"), {"LIMIT_WIDENED": False}),
    "a parameter with a pattern": (
        lambda it: at(it, "/paths/~1pets/parameters/0/schema").update(pattern="^a"),
        {"PATTERN_CHANGED": True},
    ),
    "a parameter with a rule": (lambda it: at(it, f"{LIMIT}/schema").update(multipleOf=10), {"RULE_CHANGED": True}),
    "a body removed": (lambda it: at(it, POST).pop("requestBody"), {"REQUEST_BODY_REMOVED": True}),
    "a body required": (lambda it: at(it, f"{POST}/requestBody").update(required=True), {"REQUEST_BODY_BECAME_REQUIRED": True}),
    "an optional body added": (
        lambda it: at(it, GET).update(requestBody={"content": {"text/plain": {}}}),
        {"REQUEST_BODY_ADDED": False},
    ),
    "a required body added": (
        lambda it: at(it, GET).update(requestBody={"required": True, "content": {"text/plain": {}}}),
        {"REQUIRED_REQUEST_BODY_ADDED": True},
    ),
    "a media type of a body removed": (lambda it: at(it, BODY).pop("application/xml"), {"MEDIA_TYPE_REMOVED": True}),
    "a media type of a body added": (lambda it: at(it, BODY).update({"text/csv": {}}), {"MEDIA_TYPE_ADDED": False}),
    "a media type of an answer removed": (
        lambda it: at(it, f"{GET}/responses/200/content").clear(),
        {"MEDIA_TYPE_REMOVED": True},
    ),
    "a status removed": (lambda it: at(it, f"{GET}/responses").pop("404"), {"RESPONSE_REMOVED": True}),
    "a status added": (lambda it: at(it, f"{GET}/responses").update({"409": {"description": ""}}), {"RESPONSE_ADDED": False}),
    "a header of an answer removed": (
        lambda it: at(it, f"{GET}/responses/200").pop("headers"),
        {"RESPONSE_HEADER_REMOVED": True},
    ),
    "security added": (lambda it: it.update(security=[{"token": []}]), {"SECURITY_ADDED": True}),
    "security for one operation": (lambda it: at(it, GET).update(security=[{"token": []}]), {"SECURITY_ADDED": True}),
    "security that may be left out": (lambda it: it.update(security=[{}, {"token": []}]), {}),
    "another description": (lambda it: at(it, GET).update(description="Otherwise", summary="x", tags=["y"]), {}),
    "another name of a path's parameter": (
        lambda it: it["paths"].update({"/pets/{petId}": renamed(it["paths"].pop("/pets/{id}"))}),
        {},
    ),
    "another place of a parameter": (
        lambda it: at(it, GET)["parameters"].append(it["paths"]["/pets"].pop("parameters")[0]),
        {"PARAMETER_REMOVED": True},
    ),
    "another spelling of a media type": (
        lambda it: at(it, BODY).update({"Application/JSON": at(it, BODY).pop("application/json")}),
        {},
    ),
}


def renamed(item: Json) -> Json:
    item["get"]["parameters"][0]["name"] = "petId"
    return item


def kinds(rows: list[Json]) -> dict[str, bool]:
    return {each["kind"]: each["breaking"] for each in rows}


@pytest.mark.parametrize(("change", "expected"), CASES.values(), ids=CASES)
def test_a_change_is_found_for_what_it_is(change: Change, expected: dict[str, bool]) -> None:
    former, later = document(), document()
    change(later)
    assert kinds(sides(former, later)) == expected


def test_an_operation_that_was_added_breaks_nothing() -> None:
    former, later = document(), document()
    del former["paths"]["/pets/{id}"]
    (only,) = sides(former, later)
    assert (only["kind"], only["breaking"], only["operation"]) == ("OPERATION_ADDED", False, "GET /pets/{id}")


def test_a_parameter_of_another_type_breaks() -> None:
    former, later = document(), document()
    at(later, LIMIT).update(schema={"type": "string", "maximum": 100})
    (only,) = sides(former, later)
    assert only == {
        "kind": "TYPE_CHANGED",
        "operation": "GET /pets",
        "operations": ["GET /pets"],
        "operations_total": 1,
        "place": f"{LIMIT}/schema/type",
        "is_in_former": False,
        "says": 'The query parameter "limit" is string now, and was integer.',
        "breaking": True,
    }


# A change of the schema Pet, which travels both ways; what is found, with the ways that it breaks: sent, received.
SHARED: dict[str, tuple[Change, dict[str, tuple[bool, bool]]]] = {
    "a property removed": (lambda pet: pet["properties"].pop("born"), {"PROPERTY_REMOVED": (True, True)}),
    "an optional property added": (lambda pet: pet["properties"].update(x={}), {"PROPERTY_ADDED": (False, False)}),
    "a required property added": (
        lambda pet: (pet["properties"].update(x={}), pet["required"].append("x")),
        {"REQUIRED_PROPERTY_ADDED": (True, False)},
    ),
    "a property made required": (lambda pet: pet["required"].append("kind"), {"PROPERTY_BECAME_REQUIRED": (True, False)}),
    "a property made optional": (lambda pet: pet["required"].remove("name"), {"PROPERTY_BECAME_OPTIONAL": (False, True)}),
    "an enumeration with less": (lambda pet: pet["properties"]["kind"]["enum"].remove("DOG"), {"ENUM_NARROWED": (True, False)}),
    "an enumeration with more": (lambda pet: pet["properties"]["kind"]["enum"].append("FISH"), {"ENUM_WIDENED": (False, True)}),
    "no enumeration": (lambda pet: pet["properties"]["kind"].pop("enum"), {"ENUM_WIDENED": (False, True)}),
    "another type": (lambda pet: pet["properties"]["name"].update(type="boolean"), {"TYPE_CHANGED": (True, True)}),
    "null as well": (lambda pet: pet["properties"]["name"].update(nullable=True), {"TYPE_WIDENED": (False, True)}),
    "any type": (lambda pet: pet["properties"]["name"].pop("type"), {"TYPE_WIDENED": (False, True)}),
    "another format": (lambda pet: pet["properties"]["born"].update(format="date-time"), {"FORMAT_CHANGED": (True, True)}),
    "no format": (lambda pet: pet["properties"]["born"].pop("format"), {"FORMAT_WIDENED": (False, True)}),
    "a format": (lambda pet: pet["properties"]["name"].update(format="uuid"), {"FORMAT_NARROWED": (True, False)}),
    "a shorter text": (lambda pet: pet["properties"]["name"].update(maxLength=20), {"LIMIT_NARROWED": (True, False)}),
    "a longer text": (lambda pet: pet["properties"]["name"].update(maxLength=80), {"LIMIT_WIDENED": (False, False)}),
    "no other properties": (
        lambda pet: pet.update(additionalProperties=False),
        {"OTHER_PROPERTIES_FORBIDDEN": (True, False)},
    ),
}


@pytest.mark.parametrize(("change", "expected"), SHARED.values(), ids=SHARED)
def test_a_shared_schema_breaks_by_the_way_it_travels(change: Change, expected: dict[str, tuple[bool, bool]]) -> None:
    former, later = document(), document()
    change(at(later, PET))
    found = sides(former, later)
    ways = {
        kind: tuple(
            next(each["breaking"] for each in found if each["kind"] == kind and each["operation"] == operation)
            for operation in ("POST /pets", "GET /pets")
        )
        for kind in {each["kind"] for each in found}
    }
    assert ways == expected
    # Each once, though the schema refers to itself through its owner.
    assert len(found) == 2 * len(expected)


def test_what_is_only_read_is_not_asked_of_requests_and_the_other_way_round() -> None:
    former, later = document(), document()
    at(later, PET)["properties"]["id"]["type"] = "string"
    at(later, PET)["properties"]["secret"]["type"] = "integer"
    found = sides(former, later)
    assert {(each["operation"], each["place"].split("/")[5]) for each in found if each["kind"] == "TYPE_CHANGED"} == {
        ("GET /pets", "id"),
        ("POST /pets", "secret"),
    }


def test_what_is_nested_in_a_circle_is_found_at_its_place() -> None:
    former, later = document(), document()
    at(later, "/components/schemas/Owner")["properties"]["age"]["type"] = "string"
    found = sides(former, later)
    assert {each["place"] for each in found} == {"/components/schemas/Owner/properties/age/type"}
    assert found[0]["says"] == '"age" below "owner" of each item of the answer 200 is string now, and was integer.'


def test_all_of_and_references_are_looked_through() -> None:
    former, later = document(), document()
    pet = at(later, PET)
    name = {"type": "object", "properties": {"name": pet["properties"].pop("name")}, "required": ["name"]}
    pet["required"].remove("name")
    later["components"]["schemas"] |= {
        "Named": name,
        "Body": {"allOf": [{"$ref": "#/components/schemas/Named"}, {"$ref": f"#{PET}"}]},
    }
    at(later, f"{BODY}/application~1json")["schema"] = {"$ref": "#/components/schemas/Body"}
    at(later, f"{GET}/responses/200/content/application~1json/schema")["items"] = {"$ref": "#/components/schemas/Body"}
    owner = at(later, "/components/schemas/Owner")
    owner["properties"]["pets"]["items"] = {"$ref": "#/components/schemas/Body"}
    assert sides(former, later) == []


@pytest.mark.parametrize("keyword", ["oneOf", "anyOf"])
def test_alternatives_are_told_apart_by_their_names(keyword: str) -> None:
    former, later = document(), document()
    both = [{"$ref": f"#{PET}"}, {"$ref": "#/components/schemas/Owner"}]
    for tree, alternatives in ((former, both[:1]), (later, both[::-1])):
        at(tree, f"{BODY}/application~1json")["schema"] = {keyword: alternatives}
        at(tree, f"{GET}/responses/200/content/application~1json")["schema"] = {keyword: alternatives}
    assert {(each["kind"], each["operation"], each["breaking"]) for each in sides(former, later)} == {
        ("ALTERNATIVE_ADDED", "POST /pets", False),
        ("ALTERNATIVE_ADDED", "GET /pets", True),
    }
    assert {(each["kind"], each["breaking"]) for each in sides(later, former)} == {
        ("ALTERNATIVE_REMOVED", True),
        ("ALTERNATIVE_REMOVED", False),
    }


def test_one_thing_that_becomes_a_choice_is_one_of_its_alternatives() -> None:
    former, later = document(), document()
    at(later, f"{BODY}/application~1json")["schema"] = {"oneOf": [{"$ref": f"#{PET}"}, {"type": "string"}]}
    (only,) = sides(former, later)
    assert (only["kind"], only["breaking"]) == ("ALTERNATIVE_ADDED", False)


def test_security_that_asks_for_more_breaks_and_for_less_does_not() -> None:
    former, later = document(), document()
    former["security"] = [{"token": ["read"]}, {"other": []}]
    for given, kind, breaks in (
        ([{"token": ["read"]}], "SECURITY_CHANGED", True),
        ([{"token": ["read", "write"]}, {"other": []}], "SECURITY_CHANGED", True),
        ([{"token": []}, {"other": []}], "SECURITY_REMOVED", False),
        ([], "SECURITY_REMOVED", False),
    ):
        later["security"] = given
        assert kinds(sides(former, later)) == {kind: breaks}, given


def test_3_1_speaks_of_types_in_lists_and_of_constants() -> None:
    former, later = document(), document()
    for tree in (former, later):
        tree["openapi"] = "3.1.0"
    name = at(former, PET)["properties"]["name"]
    name["type"] = ["string", "null"]
    at(former, PET)["properties"]["kind"] = {"const": "CAT"}
    at(later, PET)["properties"]["kind"] = {"enum": ["CAT"]}
    assert {(each["kind"], each["operation"], each["breaking"]) for each in sides(former, later)} == {
        ("TYPE_NARROWED", "POST /pets", True),
        ("TYPE_NARROWED", "GET /pets", False),
    }


def test_the_same_document_has_no_differences_and_the_breaking_ones_come_first() -> None:
    assert sides(document(), document()) == []
    later = document()
    at(later, GET)["parameters"].append({"name": "q", "in": "query", "schema": {}})
    del later["paths"]["/pets/{id}"]
    assert [each["breaking"] for each in sides(document(), later)] == [True, False]


def test_what_many_operations_share_is_one_difference() -> None:
    former, later = document(), document()
    for tree in (former, later):
        for number in range(40):
            tree["paths"][f"/copies/{number}"] = {"get": {**copy.deepcopy(at(tree, GET)), "operationId": f"copy{number}"}}
    at(later, PET)["properties"]["name"]["type"] = "integer"
    received = next(each for each in sides(former, later) if each["operation"] == "GET /pets")
    assert (received["operations_total"], len(received["operations"])) == (41, 20)


def test_there_is_an_end_to_differences_and_to_looking() -> None:
    former, later = document(), document()
    many = {f"p{number}": {"type": "string"} for number in range(MOST_DIFFERENCES + 10)}
    at(former, PET)["properties"] |= many
    found = compare(*(Side(tree, meaning.read_paths(tree).operations) for tree in (former, later)))
    assert (len(found.differences), found.is_complete) == (MOST_DIFFERENCES, False)


def test_schemas_that_refer_to_each_other_everywhere_are_compared() -> None:
    names = [f"S{number}" for number in range(60)]
    properties = {name: {"allOf": [{"$ref": f"#/components/schemas/{name}"}, {"type": "object"}]} for name in names}
    former = document()
    former["components"]["schemas"] |= {name: {"type": "object", "properties": properties} for name in names}
    at(former, PET)["properties"]["all"] = {"$ref": "#/components/schemas/S0"}
    later = copy.deepcopy(former)
    later["components"]["schemas"]["S59"]["properties"] = {"only": {"type": "string"}}
    found = sides(former, later)
    assert {each["kind"] for each in found} == {"PROPERTY_REMOVED", "PROPERTY_ADDED"}


def test_a_chain_that_is_too_deep_is_given_up_and_said_so() -> None:
    deep: Json = {"type": "string"}
    for _ in range(90):
        deep = {"type": "object", "properties": {"a": deep}}
    former, later = document(), document()
    at(former, PET)["properties"]["deep"] = deep
    at(later, PET)["properties"]["deep"] = copy.deepcopy(deep)
    found = compare(*(Side(tree, meaning.read_paths(tree).operations) for tree in (former, later)))
    assert (found.differences, found.is_complete) == ({}, False)
