"""What a failing part costs: its own fields, and nothing else."""

import asyncio
from typing import Any

import orjson
from starlette.responses import Response

DOCUMENT = """{
  viewer { user { id } }
  products { totalCount }
  application(id: "app_1") { name subscriptions(first: 1) { nodes { status product { slug } plan { id } } } }
}"""


def down() -> Response:
    return Response(b"no", 503)


async def test_a_service_that_is_down_nulls_its_fields_and_nothing_else(running: Any) -> None:
    running.world.broken["catalog"] = down
    answer = await running.ask(DOCUMENT)
    assert answer["data"] == {
        "viewer": {"user": {"id": "usr_ann"}},
        "products": None,
        "application": {
            "name": "Application 1",
            "subscriptions": {"nodes": [{"status": "ACTIVE", "product": None, "plan": None}]},
        },
    }
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"UNAVAILABLE"}
    assert all(len(error["extensions"]["traceId"]) == 32 for error in answer["errors"])
    assert [error["path"] for error in answer["errors"]] == [
        ["products"],
        ["application", "subscriptions", "nodes", 0, "product"],
        ["application", "subscriptions", "nodes", 0, "plan"],
    ]


async def test_the_catalogue_answers_while_sessions_cannot_be_checked(running: Any) -> None:
    running.world.broken["identity"] = down
    answer = await running.ask(DOCUMENT)
    assert answer["data"] == {"viewer": None, "products": {"totalCount": 3}, "application": None}
    assert [error["path"] for error in answer["errors"]] == [["viewer"], ["application"]]


async def test_an_unknown_failure_says_only_where_to_look(running: Any) -> None:
    running.world.broken["/load/products"] = lambda: Response(b"Traceback: secret", 500)
    answer = await running.ask("{ products { totalCount } }")
    assert "secret" not in orjson.dumps(answer).decode()
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert answer["errors"][0]["extensions"]["traceId"] in answer["errors"][0]["message"]


async def test_a_crash_inside_a_service_is_masked(running: Any) -> None:
    def crash() -> Response:
        raise ZeroDivisionError("secret")

    running.world.broken["/load/products"] = crash
    answer = await running.ask("{ products { totalCount } }")
    assert answer["data"] == {"products": None}
    assert "secret" not in orjson.dumps(answer).decode()


async def test_a_refused_load_says_why(running: Any) -> None:
    from tests.gateway.canned import Refusal

    def refuse() -> Response:
        raise Refusal(422, "PAGE_NOT_READABLE", "after: give the endCursor of a page of this very list")

    running.world.broken["/load/products"] = refuse
    answer = await running.ask('{ products(after: "?") { totalCount } }')
    assert answer["errors"][0]["message"].startswith("after:")
    assert answer["errors"][0]["extensions"]["code"] == "PAGE_NOT_READABLE"


async def test_rows_that_do_not_fit_the_keys_are_a_failure(running: Any) -> None:
    running.world.broken["/load/products"] = lambda: Response(b'{"rows": []}')
    answer = await running.ask("{ products { totalCount } }")
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"


async def test_a_slow_service_is_given_up_in_time(start_gateway: Any, world: Any) -> None:
    async with start_gateway(load_seconds=0.05) as running:
        answer_now = world._answer

        async def slowly(service: str, request: Any) -> Any:
            if service == "catalog":
                await asyncio.sleep(30)
            return await answer_now(service, request)

        world._answer = slowly
        answer = await running.ask(DOCUMENT)
        assert answer["data"]["products"] is None
        assert answer["data"]["viewer"] is not None


async def test_the_trace_of_the_caller_goes_on(running: Any) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    running.world.broken["catalog"] = down
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    answer = await running.ask("{ products { totalCount } }", token=None, headers=headers)
    assert answer["errors"][0]["extensions"]["traceId"] == trace
    assert running.world.asked[-1].headers["traceparent"][3:35] == trace
