"""Trying an operation: the gateway hands on what each service makes, in order, and shows nobody the token."""

from typing import Any

import orjson

from tests.gateway.canned import Refusal

TRY = """
  mutation($input: TryOperationInput!) { tryOperation(input: $input) {
    __typename
    ... on Trial { id applicationId application { id } versionId operationId environment countedAs rejection durationMs requestId
      request { method url headers { name value } body } requestVerdict { outcome findings { place message } findingsTotal note }
      response { status headers { name value } body bytes truncated } responseVerdict { outcome note } }
    ... on Problem { code message fields { field message } }
  } }
"""
ASKED = {
    "applicationId": "app_1",
    "versionId": "ver_1",
    "operationId": "list",
    "environment": "SANDBOX",
    "parameters": [{"name": "limit", "value": "1", "place": "QUERY"}],
    "headers": [{"name": "accept-language", "value": "lv"}],
    "body": "{}",
}
TOKEN = "the-token"
CONFORMS = {"outcome": "CONFORMS", "findings": [], "findings_total": 0, "note": None}
OPERATION = {"version_id": "ver_1", "operation_id": "list"}
REQUEST = {
    "method": "GET",
    "target": "/list?limit=1",
    "headers": [{"name": "a", "value": "b"}],
    "body": "{}",
    "base_path": "/a/b/v1",
}
RESPONSE = {"status": 200, "headers": [{"name": "c", "value": "d"}], "body": "[]", "bytes": 2, "truncated": False}
CALLED = {
    "request": {"method": "GET", "path": "/a/b/v1/list?limit=1", "headers": REQUEST["headers"], "body": "{}"},
    "response": RESPONSE,
    "duration_ms": 1.5,
    "request_id": "r-1",
    "counted_as": "SANDBOX",
    "rejection": None,
}


def parts(running: Any, **instead: Any) -> None:
    """Let each service do its part; ``instead`` are refusals."""
    made = {
        "try_operation": {"trial_id": "trl_1", "access_token": TOKEN},
        "prepare_trial": {**REQUEST, "verdict": CONFORMS, "product_id": "prd_1", "call_url": "https://calls.example/a/b/v1"},
        "call_operation": CALLED,
        "judge_trial": CONFORMS,
    }

    def do(verb: str) -> Any:
        def answer(_body: Any, _user: Any) -> Any:
            if verb in instead:
                raise instead[verb]
            return made[verb]

        return answer

    for verb in made:
        running.world.verbs[verb] = do(verb)


def asked(running: Any) -> list[tuple[str, Any]]:
    """What services were asked to do."""
    paths = [(each.path.removeprefix("/do/"), each.body) for each in running.world.asked if each.path.startswith("/do/")]
    return [each for each in paths if not each[0].startswith("issue_")]


async def test_each_service_does_its_part_and_the_token_is_not_shown(running: Any) -> None:
    parts(running)
    answer = await running.ask(TRY, input=ASKED)
    trial = answer["data"]["tryOperation"]
    assert (trial["__typename"], trial["id"], trial["application"]) == ("Trial", "trl_1", {"id": "app_1"})
    assert trial["request"] == {
        "method": "GET",
        "url": "https://calls.example/a/b/v1/list?limit=1",
        "headers": REQUEST["headers"],
        "body": "{}",
    }
    assert trial["response"] == RESPONSE
    assert (trial["environment"], trial["countedAs"], trial["durationMs"], trial["requestId"]) == (
        "SANDBOX",
        "SANDBOX",
        1.5,
        "r-1",
    )
    assert (trial["requestVerdict"]["outcome"], trial["responseVerdict"]["outcome"]) == ("CONFORMS", "CONFORMS")
    assert TOKEN not in orjson.dumps(answer).decode()
    where = {"environment": "SANDBOX"}
    wanted = {name: ASKED[name] for name in ("parameters", "headers", "body")}
    answered = {"status": 200, "headers": RESPONSE["headers"], "body": "[]", "is_truncated": False, "is_refused": False}
    assert asked(running) == [
        ("try_operation", {"application_id": "app_1", **OPERATION, **where}),
        ("prepare_trial", {**OPERATION, **wanted}),
        ("call_operation", {**OPERATION, **where, **REQUEST, "access_token": TOKEN}),
        ("judge_trial", {**OPERATION, "answered": answered}),
    ]


EXPLAIN = "mutation($input: TryOperationInput!) { tryOperation(input: $input) { ... on Trial { explanation { code } } } }"


async def test_why_the_platform_refused_it_is_asked_where_it_did(running: Any) -> None:
    for rejection, keys in ((None, []), ("NOT_SUBSCRIBED", ["r-1"])):
        running.world.asked.clear()
        parts(running)
        running.world.verbs["call_operation"] = lambda _body, _user, code=rejection: {**CALLED, "rejection": code}
        answer = await running.ask(EXPLAIN, input=ASKED)
        assert (answer["data"]["tryOperation"]["explanation"] is not None) == bool(keys)
        loads = [each.body["keys"] for each in running.world.asked if each.path == "/load/refusals_by_request"]
        assert loads == ([keys] if keys else [])


async def test_what_refuses_a_part_is_the_answer_and_ends_it(running: Any) -> None:
    refusal = Refusal(422, "TRIAL_NOT_USABLE", "headers.0.name: no", {"fields": [{"field": "headers.0.name", "message": "no"}]})
    for number, verb in enumerate(("try_operation", "prepare_trial", "call_operation")):
        running.world.asked.clear()
        parts(running, **{verb: refusal})
        problem = (await running.ask(TRY, input=ASKED))["data"]["tryOperation"]
        assert (problem["code"], problem["fields"]) == ("TRIAL_NOT_USABLE", [{"field": "headers.0.name", "message": "no"}])
        assert [each for each, _ in asked(running)] == ["try_operation", "prepare_trial", "call_operation"][: number + 1]


async def test_that_the_data_plane_does_not_answer_is_told_as_it_is(running: Any) -> None:
    parts(running, call_operation=Refusal(503, "DATA_PLANE_UNAVAILABLE", "The data plane does not answer.", {}))
    problem = (await running.ask(TRY, input=ASKED))["data"]["tryOperation"]
    assert (problem["code"], problem["message"]) == ("DATA_PLANE_UNAVAILABLE", "The data plane does not answer.")


async def test_a_call_that_was_made_is_shown_whatever_can_be_said_of_it(running: Any) -> None:
    parts(running, judge_trial=Refusal(409, "ALREADY_RETIRED", "It is over.", {}))
    trial = (await running.ask(TRY, input={name: ASKED[name] for name in ("applicationId", "versionId", "operationId")}))["data"][
        "tryOperation"
    ]
    assert trial["response"]["status"] == 200
    assert trial["responseVerdict"] == {"outcome": "NOT_JUDGED", "note": "It is over."}
    assert asked(running)[0][1]["environment"] == "PRODUCTION"
    assert asked(running)[1] == ("prepare_trial", OPERATION)
