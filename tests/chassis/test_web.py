"""A service's HTTP edge: passports, bodies, refusals, failures, health."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import BaseModel, Field
from starlette.types import ASGIApp

from chassis.calls import Answer, AsgiCaller, Call
from chassis.errors import Conflict, FieldProblem, Invalid, TooMany
from chassis.principal import KeyRing, PassportVerifier
from chassis.web import Asked, Edge, Routes, service_app


class Lamp(BaseModel):
    name: str = Field(min_length=1)
    watts: int


class LampIsOut(Conflict):
    """The lamp is out."""


@pytest.fixture
def app(make_store: Any, tmp_path: Path) -> ASGIApp:
    keys = tmp_path / "keys.json"
    keys.write_text('{"keys": []}')
    edge = Edge(make_store("web"), PassportVerifier(KeyRing(keys)))
    routes = Routes(edge)

    async def make_lamp(asked: Asked) -> Any:
        lamp = asked.read(Lamp)
        return {"name": lamp.name, "asker": asked.principal.id}

    async def refuse(asked: Asked) -> Any:
        raise {"out": LampIsOut, "much": TooMany, "odd": Invalid}[asked.body["how"]](
            None, fields=[FieldProblem("how", "another way")], retry_after_seconds=3
        )

    async def fail(_asked: Asked) -> Any:
        raise RuntimeError("postgres://secret@inside")

    async def by_id(asked: Asked) -> Any:
        return [{"id": key} for key in asked.ids]

    routes.do("make_lamp", make_lamp)
    routes.do("refuse", refuse)
    routes.do("fail", fail)
    routes.load("lamps_by_id", by_id)

    async def ready() -> dict[str, bool]:
        return {"wick": False}

    return service_app("lamps", routes.collected, ready)


async def ask(app: ASGIApp, path: str, body: object = None, **more: Any) -> tuple[Answer, Any]:
    sent = body if isinstance(body, bytes) else orjson.dumps(body)
    answer = await AsgiCaller({"lamps": app}).call(Call("lamps", path, sent, **more))
    is_json = "json" in answer.headers.get("content-type", "")
    return answer, orjson.loads(answer.body) if is_json else None


async def test_a_do_route_answers_with_its_result(app: ASGIApp) -> None:
    _, document = await ask(app, "/do/make_lamp", {"name": "a", "watts": 3})
    assert document == {"result": {"name": "a", "asker": None}}


async def test_a_load_route_answers_in_the_order_of_its_keys(app: ASGIApp) -> None:
    _, document = await ask(app, "/load/lamps_by_id", {"keys": ["b", "a"]})
    assert document == {"rows": [{"id": "b"}, {"id": "a"}]}


async def test_each_unusable_field_is_named(app: ASGIApp) -> None:
    answer, problem = await ask(app, "/do/make_lamp", {"name": "", "watts": "many"})
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["code"] == "INPUT_NOT_USABLE"
    assert [each["field"] for each in problem["fields"]] == ["name", "watts"]


@pytest.mark.parametrize(
    ("how", "status", "code"), [("out", 409, "LAMP_IS_OUT"), ("much", 429, "TOO_MANY"), ("odd", 422, "INVALID")]
)
async def test_a_refusal_is_a_problem_document(app: ASGIApp, how: str, status: int, code: str) -> None:
    answer, problem = await ask(app, "/do/refuse", {"how": how})
    assert (answer.status, problem["code"], problem["status"]) == (status, code, status)
    assert problem["fields"] == [{"field": "how", "message": "another way"}]
    assert (problem["retry_after_seconds"], answer.headers["retry-after"]) == (3, "3")
    assert len(problem["trace_id"]) == 32


async def test_an_unexpected_failure_is_masked_and_traceable(app: ASGIApp, capfd: pytest.CaptureFixture[str]) -> None:
    traceparent = f"00-{'ab' * 16}-{'cd' * 8}-01"
    answer, problem = await ask(app, "/do/fail", {}, headers={"traceparent": traceparent})
    assert (answer.status, problem["code"], problem["trace_id"]) == (500, "INTERNAL", "ab" * 16)
    assert b"secret@inside" not in answer.body


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b"\xff\xfe", b'"x"', b'{"keys": 3}', b'{"keys": [1]}'])
async def test_a_body_of_a_wrong_shape_is_refused(app: ASGIApp, body: bytes) -> None:
    answer, problem = await ask(app, "/load/lamps_by_id", body)
    assert (answer.status, problem["code"]) == (400, "BODY_NOT_READABLE")


async def test_too_many_keys_are_refused(app: ASGIApp) -> None:
    answer, _ = await ask(app, "/load/lamps_by_id", {"keys": ["a"] * 1001})
    assert answer.status == 400


async def test_a_bad_passport_is_refused_before_anything_else(app: ASGIApp) -> None:
    answer, problem = await ask(app, "/do/make_lamp", b"not json", headers={"portico-passport": "a.b.c"})
    assert (answer.status, problem["code"]) == (401, "PASSPORT_NOT_ACCEPTED")


async def test_an_unknown_address_is_a_problem_too(app: ASGIApp) -> None:
    answer, problem = await ask(app, "/do/make_tea", {})
    assert (answer.status, problem["code"]) == (404, "NO_SUCH_ROUTE")


async def test_health_and_metrics(app: ASGIApp) -> None:
    live, _ = await ask(app, "/health/live", method="GET")
    ready, parts = await ask(app, "/health/ready", method="GET")
    metrics, _ = await ask(app, "/metrics", method="GET")
    assert (live.status, ready.status, parts["parts"]) == (200, 503, {"wick": False})
    assert b"portico_requests" in metrics.body


async def test_a_method_that_an_address_does_not_take_is_a_problem_of_one_status(app: ASGIApp) -> None:
    answer, problem = await ask(app, "/do/make_lamp", method="GET")
    assert (answer.status, problem["status"], problem["code"], answer.headers["allow"]) == (405, 405, "NO_SUCH_ROUTE", "POST")
