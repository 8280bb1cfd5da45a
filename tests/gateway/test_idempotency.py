"""Idempotency keys at the gateway: read, refused before anything runs, told apart for each mutation, and answered for."""

from typing import Any

import orjson
import pytest
from starlette.responses import Response

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
DO = "mutation($i: ChangeApplicationInput!) { changeApplication(input: $i) { __typename } }"
DO_TWO = """mutation($i: ChangeApplicationInput!) {
  one: changeApplication(input: $i) { __typename }  two: changeApplication(input: $i) { __typename } }"""
INPUT = {"i": {"applicationId": "app_1", "name": "Other"}}
HEADER = "portico-idempotency-key"


@pytest.fixture
def changing(running: Any) -> Any:
    """A gateway over a service that changes applications, and says of those that it is told to that it had done so before."""
    running.world.verbs["change_application"] = lambda _body, _user: {"id": "app_1"}
    return running


def kept(running: Any, *replayed: bool) -> None:
    """Let the service answer one time after the other, from what is kept or not."""
    answers = iter(replayed)

    def answer() -> Response:
        headers = {"idempotency-replayed": "true"} if next(answers) else {}
        return Response(orjson.dumps({"result": {"id": "app_1"}}), 200, headers)

    running.world.broken["/do/change_application"] = answer


def sent_keys(running: Any) -> list[str | None]:
    return [each.headers.get(HEADER) for each in running.world.asked if each.path == "/do/change_application"]


async def post(running: Any, document: str = DO, *, headers: Any = None, extensions: Any = None, **more: Any) -> Any:
    body = {"query": document, "variables": INPUT, **({} if extensions is None else {"extensions": extensions}), **more}
    return await running.post(body, token="token-ann", headers=headers)


@pytest.mark.parametrize(
    ("headers", "extensions"),
    [
        ({"idempotency-key": KEY}, None),
        ({"idempotency-key": f'"{KEY}"'}, None),
        ({"idempotency-key": f' "{KEY}" '}, None),
        (None, {"idempotencyKey": KEY}),
        ({"idempotency-key": f'"{KEY}"'}, {"idempotencyKey": KEY}),
    ],
)
async def test_all_ways_to_send_a_key_say_the_same(changing: Any, headers: Any, extensions: Any) -> None:
    await post(changing, headers={"idempotency-key": KEY})
    await post(changing, headers=headers, extensions=extensions)
    first, second = sent_keys(changing)
    assert first is not None
    assert first == second


async def test_the_key_itself_stays_with_the_client(changing: Any) -> None:
    await post(changing, headers={"idempotency-key": KEY})
    assert all(KEY not in f"{each.headers} {each.body}" for each in changing.world.asked)


async def test_without_a_key_none_is_passed_on(changing: Any) -> None:
    await post(changing)
    await post(changing, headers={HEADER: "sent by a stranger to the gateway"})
    assert sent_keys(changing) == [None, None]


@pytest.mark.parametrize(
    ("headers", "extensions"),
    [
        ({"idempotency-key": "too-short"}, None),
        ({"idempotency-key": ""}, None),
        ({"idempotency-key": "x" * 201}, None),
        ({"idempotency-key": f'"{KEY}'}, None),
        ({"idempotency-key": f'"{KEY}";p=1'}, None),
        ({"idempotency-key": f'"{KEY}\\n"'}, None),
        ({"idempotency-key": f'"{KEY}\\'}, None),
        ({"idempotency-key": "1234567890123456\t"[:16] + "\t1"}, None),
        ({"idempotency-key": "ključ-ki-je-predolg".encode()}, None),
        (None, {"idempotencyKey": "ключ" * 8}),
        (None, {"idempotencyKey": "line\nbreak-of-sixteen"}),
        (None, {"idempotencyKey": 1234567890123456}),
        (None, {"idempotencyKey": [KEY]}),
        ({"idempotency-key": KEY}, {"idempotencyKey": f"{KEY}-another"}),
    ],
)
async def test_a_malformed_key_is_refused_before_anything_runs(changing: Any, headers: Any, extensions: Any) -> None:
    answer = await post(
        changing, headers={"accept": "application/graphql-response+json", **(headers or {})}, extensions=extensions
    )
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (400, "IDEMPOTENCY_KEY_NOT_USABLE")
    assert "16 to 200 printable ASCII characters" in error["message"]
    assert sent_keys(changing) == []


async def test_two_headers_are_not_one(changing: Any) -> None:
    headers = [("content-type", "application/json"), ("authorization", "Bearer token-ann")]
    keys = [("idempotency-key", KEY), ("idempotency-key", f"{KEY}-another")]
    content = orjson.dumps({"query": DO, "variables": INPUT})
    answer = await changing.http.post("/graphql", content=content, headers=[*headers, *keys])
    assert answer.json()["errors"][0]["extensions"]["code"] == "IDEMPOTENCY_KEY_NOT_USABLE"


async def test_escapes_in_a_quoted_key_are_read(changing: Any) -> None:
    await post(changing, headers={"idempotency-key": '"a \\"quoted\\" key \\\\ of mine"'})
    await post(changing, extensions={"idempotencyKey": 'a "quoted" key \\ of mine'})
    first, second = sent_keys(changing)
    assert first == second


@pytest.mark.parametrize("key", [KEY, "short"])
async def test_a_query_ignores_it(running: Any, key: str) -> None:
    answer = await running.post(
        {"query": "{ viewer { user { id } } }", "extensions": {"idempotencyKey": key}},
        token="token-ann",
        headers={"idempotency-key": key},
    )
    assert answer.json() == {"data": {"viewer": {"user": {"id": "usr_ann"}}}}
    assert all(HEADER not in each.headers for each in running.world.asked)


async def test_each_mutation_of_a_document_has_a_key_of_its_own(changing: Any) -> None:
    for _ in range(2):
        await post(changing, DO_TWO, headers={"idempotency-key": KEY})
    first_one, first_two, second_one, second_two = sent_keys(changing)
    assert (first_one, first_two) == (second_one, second_two)
    assert first_one != first_two


async def test_what_was_kept_is_said_of_a_single_mutation(changing: Any) -> None:
    kept(changing, False, True)
    first, second = [await post(changing, headers={"idempotency-key": KEY}) for _ in range(2)]
    assert "idempotency-replayed" not in first.headers
    assert "extensions" not in first.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert second.json() == {**first.json(), "extensions": {"idempotency": {"replayed": ["changeApplication"]}}}


async def test_what_was_kept_is_said_of_each_of_several(changing: Any) -> None:
    kept(changing, True, False)
    answer = await post(changing, DO_TWO, headers={"idempotency-key": KEY})
    assert answer.json()["extensions"] == {"idempotency": {"replayed": ["one"]}}
    assert "idempotency-replayed" not in answer.headers


async def test_an_event_stream_says_it_too(changing: Any) -> None:
    kept(changing, True)
    answer = await post(changing, headers={"idempotency-key": KEY, "accept": "text/event-stream"})
    assert '"replayed":["changeApplication"]' in answer.text


async def test_pages_of_allowed_origins_may_send_and_see_it(start_gateway: Any) -> None:
    origin = {"origin": "https://pages.example"}
    async with start_gateway(allowed_origins=("https://pages.example",)) as running:
        asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type, idempotency-key"}
        preflight = await running.http.options("/graphql", headers={**origin, **asked})
        assert preflight.status_code == 200
        answer = await running.post({"query": "{ __typename }"}, headers=origin)
        assert "idempotency-replayed" in answer.headers["access-control-expose-headers"]
