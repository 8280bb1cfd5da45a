"""What the code does and what `contracts/` promises are the same."""

from pathlib import Path

import jsonschema
import orjson
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from chassis.messages import Event, read
from portico import asyncapi, contracts, releasing

ROOT = Path(__file__).parents[2]
EVENTS = contracts.event_classes()
EXPECTED = contracts.expected()
by_key = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.key)


@pytest.mark.parametrize("path", EXPECTED, ids=str)
def test_a_contract_is_what_the_code_does(path: Path) -> None:
    target = ROOT / path
    assert target.exists(), f"{path} is missing: run `make contracts` and commit it"
    assert target.read_text(encoding="utf-8") == EXPECTED[path], f"{path} differs: run `make contracts` and look"


def test_no_contract_outlives_its_code() -> None:
    everything = {path.relative_to(ROOT) for path in (ROOT / "contracts").rglob("*") if path.is_file()}
    kept = {path for path in everything if not path.is_relative_to(releasing.RELEASED)}
    promised = {*EXPECTED, *(contracts.example_path(event) for event in EVENTS)}
    assert kept - {releasing.DECLARED} == promised


@by_key
def test_the_golden_example_is_a_message_of_the_event(event: type[Event]) -> None:
    body = (ROOT / contracts.example_path(event)).read_bytes()
    heard = read(body)
    assert heard.key == event.key
    assert heard.sequence >= 1
    assert JSONFormat().read(CloudEvent, body).get_source() == f"/services/{event.service}"
    jsonschema.validate(orjson.loads(body), asyncapi.envelope_schema(), format_checker=jsonschema.FormatChecker())
    jsonschema.validate(heard.data, contracts.event_schema(event), format_checker=jsonschema.FormatChecker())
    assert event.model_validate_json(orjson.dumps(heard.data)).model_dump(mode="json") == heard.data


@by_key
def test_an_event_says_what_it_means_and_carries_no_secret(event: type[Event]) -> None:
    assert event.__doc__
    assert event.__doc__ != Event.__doc__
    names = orjson.dumps(contracts.event_schema(event)).decode().lower()
    for word in ("password", "token", "email", "client_secret", "secret_hash"):
        assert f'"{word}"' not in names


def test_codes_are_unique_in_meaning() -> None:
    rows = contracts.problems()
    assert len({row["code"] for row in rows}) == len(rows)
    assert {row["kind"] for row in rows} >= {"INVALID", "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "CONFLICT", "TOO_MANY"}
