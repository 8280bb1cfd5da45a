"""A service's HTTP edge: passports, bodies, refusals, failures, health."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import BaseModel, Field
from starlette.types import ASGIApp

from chassis.calls import Answer, AsgiCaller, Call
from chassis.errors import Conflict, FieldProblem, Invalid, TooMany
from chassis.web import Asked, Edge, Routes, service_app
from tests.passports import make_verifier, make_visitor_passport


class Lamp(BaseModel):
    name: str = Field(min_length=1)
    watts: int


class LampIsOut(Conflict):
    """The lamp is out."""


@dataclass
class Lamps:
    """A small service, and a passport that it takes."""

    app: ASGIApp
    passport: str


@pytest.fixture
def lamps(make_store: Any, tmp_path: Path) -> Lamps:
    edge = Edge(make_store("web"), make_verifier(tmp_path))
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

    return Lamps(service_app("lamps", routes.collected, ready), make_visitor_passport(tmp_path))


async def ask(lamps: Lamps, path: str, body: object = None, **more: Any) -> tuple[Answer, Any]:
    sent = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"portico-passport": lamps.passport} | more.pop("headers", {})
    answer = await AsgiCaller({"lamps": lamps.app}).call(Call("lamps", path, sent, headers, **more))
    is_json = "json" in answer.headers.get("content-type", "")
    return answer, orjson.loads(answer.body) if is_json else None


async def test_a_do_route_answers_with_its_result(lamps: Lamps) -> None:
    _, document = await ask(lamps, "/do/make_lamp", {"name": "a", "watts": 3})
    assert document == {"result": {"name": "a", "asker": None}}


async def test_a_load_route_answers_in_the_order_of_its_keys(lamps: Lamps) -> None:
    _, document = await ask(lamps, "/load/lamps_by_id", {"keys": ["b", "a"]})
    assert document == {"rows": [{"id": "b"}, {"id": "a"}]}


async def test_each_unusable_field_is_named(lamps: Lamps) -> None:
    answer, problem = await ask(lamps, "/do/make_lamp", {"name": "", "watts": "many"})
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["code"] == "INPUT_NOT_USABLE"
    assert problem["fields"] == [
        {"field": "name", "message": "this may not be empty"},
        {"field": "watts", "message": "give a whole number"},
    ]
    assert problem["detail"] == "name: this may not be empty; watts: give a whole number"


@pytest.mark.parametrize(
    ("how", "status", "code"), [("out", 409, "LAMP_IS_OUT"), ("much", 429, "TOO_MANY"), ("odd", 422, "INVALID")]
)
async def test_a_refusal_is_a_problem_document(lamps: Lamps, how: str, status: int, code: str) -> None:
    answer, problem = await ask(lamps, "/do/refuse", {"how": how})
    assert (answer.status, problem["code"], problem["status"]) == (status, code, status)
    assert problem["fields"] == [{"field": "how", "message": "another way"}]
    assert (problem["retry_after_seconds"], answer.headers["retry-after"]) == (3, "3")
    assert len(problem["trace_id"]) == 32


async def test_an_unexpected_failure_is_masked_and_traceable(lamps: Lamps, capfd: pytest.CaptureFixture[str]) -> None:
    traceparent = f"00-{'ab' * 16}-{'cd' * 8}-01"
    answer, problem = await ask(lamps, "/do/fail", {}, headers={"traceparent": traceparent})
    assert (answer.status, problem["code"], problem["trace_id"]) == (500, "INTERNAL", "ab" * 16)
    assert b"secret@inside" not in answer.body


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b"\xff\xfe", b'"x"', b'{"keys": 3}', b'{"keys": [1]}'])
async def test_a_body_of_a_wrong_shape_is_refused(lamps: Lamps, body: bytes) -> None:
    answer, problem = await ask(lamps, "/load/lamps_by_id", body)
    assert (answer.status, problem["code"]) == (400, "BODY_NOT_READABLE")


async def test_too_many_keys_are_refused(lamps: Lamps) -> None:
    answer, _ = await ask(lamps, "/load/lamps_by_id", {"keys": ["a"] * 1001})
    assert answer.status == 400


@pytest.mark.parametrize(("passport", "code"), [("a.b.c", "PASSPORT_NOT_ACCEPTED"), ("", "PASSPORT_MISSING")])
async def test_a_bad_passport_is_refused_before_anything_else(lamps: Lamps, passport: str, code: str) -> None:
    answer, problem = await ask(lamps, "/do/make_lamp", b"not json", headers={"portico-passport": passport})
    assert (answer.status, problem["code"]) == (401, code)


async def test_an_unknown_address_is_a_problem_too(lamps: Lamps) -> None:
    answer, problem = await ask(lamps, "/do/make_tea", {})
    assert (answer.status, problem["code"]) == (404, "NO_SUCH_ROUTE")


async def test_health_and_metrics(lamps: Lamps) -> None:
    live, _ = await ask(lamps, "/health/live", method="GET")
    ready, parts = await ask(lamps, "/health/ready", method="GET")
    metrics, _ = await ask(lamps, "/metrics", method="GET")
    assert (live.status, ready.status, parts["parts"]) == (200, 503, {"wick": False})
    assert b"portico_requests" in metrics.body


async def test_a_method_that_an_address_does_not_take_is_a_problem_of_one_status(lamps: Lamps) -> None:
    answer, problem = await ask(lamps, "/do/make_lamp", method="GET")
    assert (answer.status, problem["status"], problem["code"], answer.headers["allow"]) == (405, 405, "NO_SUCH_ROUTE", "POST")
