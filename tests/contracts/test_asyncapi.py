"""The AsyncAPI document is read by the parser of the specification's makers, and says of each fact what the code does."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource

from chassis.messages import CONTENT_TYPE, Circumstances, Event, envelope
from chassis.rabbit.wire import EXCHANGE
from portico import asyncapi, contracts, releasing
from tests.node_programs import NodeMissing, laid_out, node

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("asyncapi")
EVENTS = contracts.event_classes()
DOCUMENT = yaml.safe_load((ROOT / contracts.ASYNCAPI).read_text("utf-8"))
BASE = "https://portico.dev/contracts/"
READ_SECONDS = 240.0
AT = datetime(2026, 11, 23, 8, tzinfo=UTC)


def parse(folder: Path, document: Path) -> dict[str, Any]:
    command = (node(), "parse.mjs", str(document))
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=READ_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return laid_out(PROGRAM, tmp_path_factory.mktemp("asyncapi") / "program")
    except NodeMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def read(parser: Path) -> dict[str, Any]:
    return parse(parser, ROOT / contracts.ASYNCAPI)


def test_the_parser_finds_neither_errors_nor_warnings(read: dict[str, Any]) -> None:
    assert [each for each in read["diagnostics"] if each["severity"] in ("error", "warning")] == []


def test_the_parser_understands_every_fact(read: dict[str, Any]) -> None:
    channels = {each["address"]: each for each in read["channels"]}
    assert channels.keys() == {event.key for event in EVENTS}
    for event in EVENTS:
        channel = channels[event.key]
        assert (channel["action"], channel["service"], channel["contentType"]) == ("send", event.service, CONTENT_TYPE)
        assert channel["exchange"]["name"] == EXCHANGE
        assert (channel["exchange"]["type"], channel["exchange"]["durable"]) == ("topic", True)
        assert channel["type"] == f"portico.{event.key}"
        assert {"sequence", "actor", "organization", "audience", "traceparent"} <= set(channel["attributes"])
        assert set(channel["fields"]) == set(event.model_fields)
        assert channel["example"] == json.loads((ROOT / contracts.example_path(event)).read_text("utf-8"))


def test_the_parser_would_say_so(parser: Path, tmp_path: Path) -> None:
    broken = tmp_path / "asyncapi.yaml"
    broken.write_text((ROOT / contracts.ASYNCAPI).read_text("utf-8"), "utf-8")  # its schemas are not beside it
    told = parse(parser, broken)["diagnostics"]
    assert any(each["severity"] == "error" for each in told)


@pytest.fixture(scope="module")
def schemas() -> Registry[Any]:
    files = releasing.kept(ROOT / "contracts")
    return Registry().with_resources(
        (BASE + name, Resource.from_contents(json.loads(text)))
        for name, text in files.items()
        if name != "problems.json" and name.endswith(".json")
    )


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.key)
def test_a_message_is_what_the_document_says(event: type[Event], schemas: Registry[Any]) -> None:
    message = DOCUMENT["components"]["messages"][event.key]
    whole = {**message["payload"], "$id": BASE + "asyncapi.yaml", "$schema": "https://json-schema.org/draft/2020-12/schema"}
    validator = jsonschema.Draft202012Validator(whole, registry=schemas, format_checker=jsonschema.FormatChecker())
    (example,) = message["examples"]
    validator.validate(example["payload"])
    made = envelope(
        event.model_validate_json(json.dumps(example["payload"]["data"])),
        "evt_01KBG1FE1ZK4QP7A0NV1K1NTAM",
        Circumstances(
            subject="thg_1", sequence=2, time=AT, actor="system:tests", organization="org_1", audience=("org_1", "org_2")
        ),
    )
    validator.validate(json.loads(json.dumps(made)))
    for broken in ({**made, "sequence": -1}, {**made, "type": "portico.other.thing.v1"}, {**made, "data": []}):
        assert not validator.is_valid(broken)


def test_the_document_names_the_exchange_of_the_bus() -> None:
    assert asyncapi.EXCHANGE == EXCHANGE
