"""Trying an operation: requests are built from the document, and what is sent and answered is held against it."""

import json
from typing import Any

import pytest

from services.catalog.documents.reading import read
from services.catalog.sandbox.checking import Checker
from services.catalog.sandbox.composing import compose
from services.catalog.trials.building import build
from services.catalog.trials.contract import Contract, contract_of
from services.catalog.trials.domain import Given, TrialNotUsable, Wanted
from services.catalog.trials.judging import judge_response, without_required
from tests.services.catalog.stage import OTHER, PROVIDER, SPECS, Answered, Person, Published, Stage

_MONEY = {
    "type": "object",
    "required": ["amount", "id"],
    "properties": {
        "amount": {"type": "number", "minimum": 0},
        "id": {"type": "string", "readOnly": True},
        "pin": {"type": "string", "writeOnly": True},
    },
}


def _parameter(name: str, place: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "schema": schema, **({"required": True} if place == "path" else {}), **more}


def _answer(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"description": "Fine.", "content": {"application/json": {"schema": schema}}, **more}


DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Payments", "version": "1"},
    "components": {"schemas": {"Money": _MONEY}},
    "paths": {
        "/accounts/{id}/payments": {
            "parameters": [_parameter("id", "path", {"type": "string", "maxLength": 8})],
            "get": {
                "operationId": "listPayments",
                "parameters": [
                    _parameter("limit", "query", {"type": "integer", "maximum": 100}, required=True),
                    _parameter("states", "query", {"type": "array", "items": {"type": "string"}}),
                    _parameter("codes", "query", {"type": "array", "items": {"type": "integer"}}, explode=False),
                    _parameter("filter", "query", {"type": "object"}, style="deepObject"),
                    _parameter("X-Channel", "header", {"type": "string"}),
                    _parameter("theme", "cookie", {"type": "string"}),
                ],
                "responses": {
                    "200": _answer(
                        {"type": "array", "items": {"$ref": "#/components/schemas/Money"}},
                        headers={"X-Total": {"required": True, "schema": {"type": "integer"}}},
                    ),
                    "4XX": {"description": "Not so."},
                },
            },
            "post": {
                "operationId": "pay",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Money"}}},
                },
                "responses": {"201": _answer({"$ref": "#/components/schemas/Money"}), "default": {"description": "Not so."}},
            },
        },
        "/lists/{many}/{name}.json": {
            "get": {
                "parameters": [
                    _parameter("many", "path", {"type": "array", "items": {"type": "integer"}}),
                    _parameter("name", "path", {"type": "string"}),
                ],
                "responses": {"200": {"description": "Fine."}},
            }
        },
    },
}
_TOTAL = {"name": "X-Total", "value": "1"}
_JSON = {"name": "Content-Type", "value": "application/json; charset=utf-8"}
DERIVED = "get_lists_{many}_{name}.json"
TREE = read(json.dumps(DOCUMENT))
CHECKER = Checker(without_required(TREE.tree, "writeOnly", TREE.tree), "3.0")


def contract(operation_id: str) -> Contract:
    return contract_of(TREE.tree, next(each for each in TREE.operations if each.operation_id == operation_id))


LIST = contract("listPayments")


@pytest.fixture
async def published(stage: Stage) -> Published:
    return await stage.published("payments", DOCUMENT)


def given(**values: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


async def prepared(who: Person, version_id: str, operation_id: str, **wanted: Any) -> Answered:
    return await who.do("prepare_trial", version_id=version_id, operation_id=operation_id, **wanted)


async def test_a_request_is_built_as_the_document_says_that_it_is_written(stage: Stage, published: Published) -> None:
    parameters = [
        *given(id="a b;c?#", limit="20", codes="[1,2]", filter='{"from": "x&y"}', theme="dark; x"),
        *({"name": "states", "value": each, "place": "QUERY"} for each in ("NEW", "DONE")),
        {"name": "x-channel", "value": "web"},
    ]
    headers = [{"name": "Accept-Language", "value": "lv"}]
    built = (await prepared(stage.stranger, published.version_id, "listPayments", parameters=parameters, headers=headers)).result
    query = "limit=20&states=NEW&states=DONE&codes=1,2&filter%5Bfrom%5D=x%26y"
    assert (built["method"], built["target"]) == ("GET", f"/accounts/a%20b%3Bc%3F%23/payments?{query}")
    sent = {each["name"]: each["value"] for each in built["headers"]}
    assert sent == {"x-channel": "web", "accept-language": "lv", "cookie": "theme=dark%3B%20x"}
    assert built["verdict"] == {"outcome": "CONFORMS", "findings": [], "findings_total": 0, "note": None}
    assert built["base_path"] == published.version["base_path"]
    assert built["call_url"] == f"https://calls.example{built['base_path']}"


async def test_what_does_not_keep_to_the_document_is_built_and_said(stage: Stage, published: Published) -> None:
    parameters = given(id="much too long", limit="many")
    built = (await prepared(stage.stranger, published.version_id, "listPayments", parameters=parameters)).result
    assert built["target"] == "/accounts/much%20too%20long/payments?limit=many"
    verdict = built["verdict"]
    assert (verdict["outcome"], [each["place"] for each in verdict["findings"]]) == (
        "DEVIATES",
        ["parameters.id", "parameters.limit"],
    )
    body = {"parameters": given(id="a"), "body": '{"amount": -1, "id": 1}'}
    found = (await prepared(stage.stranger, published.version_id, "pay", **body)).result["verdict"]["findings"]
    assert [each["place"] for each in found] == ["body#/amount", "body#/id"]
    empty = (await prepared(stage.stranger, published.version_id, "pay", parameters=given(id="a"))).result
    assert empty["verdict"]["findings"] == [{"place": "body", "message": "is required, and missing"}]


async def test_what_is_only_ever_answered_need_not_be_sent(stage: Stage, published: Published) -> None:
    built = (await prepared(stage.stranger, published.version_id, "pay", parameters=given(id="a"), body='{"amount": 1}')).result
    assert built["verdict"]["outcome"] == "CONFORMS"
    assert built["headers"] == [{"name": "content-type", "value": "application/json"}]


async def test_an_operation_without_an_id_of_its_own_and_lists_in_its_path(stage: Stage, published: Published) -> None:
    parameters = given(many="[1,2]", name="..")
    built = (await prepared(stage.stranger, published.version_id, DERIVED, parameters=parameters)).result
    assert built["target"] == "/lists/1,2/...json"


@pytest.mark.parametrize("value", ["../../other/v1", "..", ".", "a/b", "a\\b", "", "a\x00b"])
def test_no_value_leads_out_of_the_operations_path(value: str) -> None:
    with pytest.raises(TrialNotUsable) as refused:
        build(LIST, Wanted((Given("id", value), Given("limit", "1"))), CHECKER)
    assert refused.value.fields[0].field in ("parameters", "parameters.0.value")


BAD_HEADERS = [
    ("X-A", "one\r\nX-B: two"),
    ("X-A\r\nX-B", "two"),
    ("X-A", "žagata"),
    ("X_A", "two"),
    ("", "two"),
    *((name, "x") for name in ("Host", "Authorization", "Cookie", "Content-Length", "Transfer-Encoding", "Connection", "TE")),
    *((name, "x") for name in ("X-Request-Id", "X-Portico-Application", "portico-verdict", "X-Envoy-Retry-On")),
    *((name, "x") for name in ("X-Forwarded-For", "X-Original-Uri", "Accept-Encoding", "Expect", "Upgrade")),
]


@pytest.mark.parametrize(("name", "value"), BAD_HEADERS, ids=[str(number) for number, _ in enumerate(BAD_HEADERS)])
def test_a_header_that_is_not_the_callers_to_say_is_refused(name: str, value: str) -> None:
    with pytest.raises(TrialNotUsable) as refused:
        build(LIST, Wanted((Given("id", "a"), Given("limit", "1")), ((name, value),)), CHECKER)
    assert [each.field.rpartition(".")[0] for each in refused.value.fields] == ["headers.0"]


async def test_what_cannot_be_built_is_refused_field_by_field(stage: Stage, published: Published) -> None:
    wanted = {"parameters": [{"name": "nonsense", "value": "1"}, {"name": "limit", "value": "1", "place": "PATH"}]}
    refused = await prepared(stage.stranger, published.version_id, "listPayments", **wanted)
    assert refused.said == [
        "parameters.0.name: the operation has no such parameter; it has: id, limit, states, codes, filter, X-Channel, theme",
        "parameters.1.name: the operation has no such parameter; it has: id, limit, states, codes, filter, X-Channel, theme",
        'parameters: give the path parameter "id"',
    ]


async def test_what_is_too_much_or_not_known_is_refused(empty_stage: Stage) -> None:
    many = [{"name": "id", "value": "x"}] * 201
    for name, value in (
        ("body", "x" * (256 * 1024 + 1)),
        ("parameters", [{"name": "id", "value": "x" * 8001}]),
        ("parameters", many),
        ("headers", many[:51]),
        ("url", "http://127.0.0.1/"),
    ):
        refused = await prepared(empty_stage.stranger, "ver_1", "listPayments", **{name: value})
        assert (refused.status, refused.code) == (422, "INPUT_NOT_USABLE"), name


async def test_only_published_operations_can_be_tried(stage: Stage, published: Published) -> None:
    product = await stage.product("hidden")
    draft = (await stage.draft(product["id"], DOCUMENT))["version"]["id"]
    for version_id, operation_id in (
        (draft, "pay"),
        ("ver_none", "pay"),
    ):
        for verb, more in (("prepare_trial", {}), ("judge_trial", {"answered": _answered(200)})):
            refused = await stage.stranger.do(verb, version_id=version_id, operation_id=operation_id, **more)
            assert (refused.status, refused.code) == (404, "NOT_FOUND"), (verb, version_id, operation_id)
    for operation_id in ("no-such", "/etc/passwd"):
        for verb, more in (("prepare_trial", {}), ("judge_trial", {"answered": _answered(200)})):
            refused = await stage.stranger.do(verb, version_id=published.version_id, operation_id=operation_id, **more)
            assert (refused.status, refused.code) == (422, "TRIAL_NOT_USABLE"), (verb, operation_id)
            assert "it has: listPayments" in str(refused.body), refused.body
    own = await prepared(stage.provider, draft, "pay", parameters=given(id="a"), body='{"amount": 1}')
    assert (own.status, own.code) == (409, "NOT_PUBLISHED_YET")


async def test_a_retired_version_cannot_be_tried(stage: Stage, published: Published) -> None:
    owner = stage.member(PROVIDER, "OWNER")
    ended = await owner.do("deprecate_version", version_id=published.version_id, sunset_at="2099-01-01T00:00:00Z")
    assert ended.status == 200, ended.body
    tried = await prepared(stage.stranger, published.version_id, "pay", parameters=given(id="a"), body='{"amount": 1}')
    assert tried.status == 200
    ended = await owner.do("retire_version", version_id=published.version_id, despite_traffic="It is over.")
    assert ended.status == 200, ended.body
    refused = await prepared(stage.member(OTHER, "OWNER"), published.version_id, "pay")
    assert (refused.status, refused.code) == (409, "ALREADY_RETIRED")


async def test_nobody_tries_anything(stage: Stage, published: Published) -> None:
    asked = await prepared(stage.anonymous, published.version_id, "pay")
    assert (asked.status, asked.code) == (401, "SIGN_IN_FIRST")


def _answered(status: int, body: str | None = None, *headers: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"status": status, "headers": list(headers), "body": body, "is_truncated": False, "is_refused": False, **more}


JUDGED: list[tuple[str, dict[str, Any], str, list[str]]] = [
    ("listPayments", _answered(200, '[{"amount": 1, "id": "x"}]', _JSON, _TOTAL), "CONFORMS", []),
    ("listPayments", _answered(200, '[{"amount": "1"}]', _JSON, _TOTAL), "DEVIATES", ["body#/0", "body#/0/amount"]),
    ("listPayments", _answered(200, "[]", _JSON), "DEVIATES", ["headers.x-total"]),
    ("listPayments", _answered(200, "[]", _JSON, {"name": "x-total", "value": "many"}), "DEVIATES", ["headers.x-total"]),
    ("listPayments", _answered(200, "[", _JSON, _TOTAL), "DEVIATES", ["body"]),
    (
        "listPayments",
        _answered(200, "<a/>", {"name": "content-type", "value": "text/xml"}, _TOTAL),
        "DEVIATES",
        ["headers.content-type"],
    ),
    ("listPayments", _answered(200, "", _TOTAL), "DEVIATES", ["body"]),
    ("listPayments", _answered(200, "[", _JSON, _TOTAL, is_truncated=True), "NOT_JUDGED", []),
    ("listPayments", _answered(200, None, _JSON, _TOTAL), "NOT_JUDGED", []),
    ("listPayments", _answered(404, "anything"), "CONFORMS", []),
    ("listPayments", _answered(500, "anything"), "DEVIATES", ["status"]),
    ("pay", _answered(201, '{"amount": 1, "id": "x"}', _JSON), "CONFORMS", []),
    ("pay", _answered(500, "anything"), "CONFORMS", []),
]


@pytest.mark.parametrize(
    ("operation", "answered", "outcome", "places"), JUDGED, ids=[str(number) for number, _ in enumerate(JUDGED)]
)
def test_a_response_is_held_against_the_document(
    operation: str, answered: dict[str, Any], outcome: str, places: list[str]
) -> None:
    verdict = judge_response(contract(operation), CHECKER, answered)
    assert (verdict.outcome, [each.place for each in verdict.findings]) == (outcome, places)
    assert (verdict.note is not None) == (outcome == "NOT_JUDGED")


async def test_a_response_is_judged_through_the_service(stage: Stage, published: Published) -> None:
    asked = {"version_id": published.version_id, "operation_id": "pay"}
    answered = _answered(201, '{"amount": -1, "id": "x"}', _JSON)
    judged = (await stage.stranger.do("judge_trial", **asked, answered=answered)).result
    assert (judged["outcome"], judged["findings"][0]["place"]) == ("DEVIATES", "body#/amount")
    judged = (await stage.stranger.do("judge_trial", **asked, answered={**answered, "is_refused": True})).result
    assert (judged["outcome"], judged["findings"]) == ("NOT_JUDGED", [])


async def test_a_document_of_openapi_3_1_and_one_that_is_large(stage: Stage) -> None:
    later = {**DOCUMENT, "openapi": "3.1.0", "x-filling": ["x" * 1000] * 500}
    published = await stage.published("later", later)
    built = await prepared(stage.stranger, published.version_id, "pay", parameters=given(id="a"), body='{"amount": -1}')
    assert [each["place"] for each in built.result["verdict"]["findings"]] == ["body#/amount"]


async def test_a_pattern_that_never_ends_ends(stage: Stage) -> None:
    schema = {"type": "string", "pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}
    slow: dict[str, Any] = {
        **DOCUMENT,
        "paths": {
            "/slow": {
                "post": {
                    "operationId": "slow",
                    "requestBody": {"content": {"application/json": {"schema": {"type": "array", "items": schema}}}},
                    "responses": {"200": {"description": "Fine."}},
                }
            }
        },
    }
    published = await stage.published("slow", slow)
    built = await prepared(stage.stranger, published.version_id, "slow", body=f'["{"a" * 60}"]')
    assert built.status == 200
    assert built.result["verdict"]["outcome"] == "DEVIATES"


@pytest.mark.skipif(not SPECS.is_dir(), reason="the published documents are not beside this repository")
@pytest.mark.parametrize(
    "name", ["openbanking-account-info.json", "openbanking-vrp.yaml", "bcgov-gwells.yaml", "bcgov-news-swagger2.json"]
)
def test_of_real_documents_every_operation_can_be_built_and_the_sandbox_keeps_to_them(name: str) -> None:
    document = read((SPECS / name).read_text())
    answers, tree = compose(document).answers, document.tree
    sending, judging = (Checker(without_required(tree, flag, tree), "3.0") for flag in ("readOnly", "writeOnly"))
    for operation in document.operations:
        found = contract_of(tree, operation)
        parameters = tuple(Given(each.name, "1") for each in found.parameters if each.place == "path")
        assert "{" not in build(found, Wanted(parameters), sending).target
        for answer in answers[operation.operation_id]:
            headers = [{"name": key, "value": value} for key, value in answer.headers]
            headers += [{"name": "content-type", "value": answer.media_type}] if answer.media_type else []
            told = _answered(answer.status(), answer.body.decode(), *headers)
            assert judge_response(found, judging, told).findings == (), (operation.operation_id, answer.statuses)
