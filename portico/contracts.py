"""The promises to outsiders, as data: written from the code, compared with it by a test.

* ``contracts/schema.graphql``: the graph.
* ``contracts/events/<key>.json``: the JSON Schema of an event's data; ``<key>.example.json``: one whole message, kept by hand.
* ``contracts/events/README.md``: what each of them says, for people.
* ``contracts/envelope.json``: the JSON Schema of the envelope around each event's data.
* ``contracts/asyncapi.yaml``: all that travels over the bus, for the tools of consumers.
* ``contracts/problems.json``: every code that a refusal can have.

What of it was released last stands in ``contracts/released/``: see ``portico.evolution``.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson

import chassis
import graphql_gateway
import services
from chassis.errors import Invalid, Refusal
from chassis.messages import SCHEMA_BASE, Event
from portico import asyncapi

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = Path("contracts/schema.graphql")
PROBLEMS = Path("contracts/problems.json")
EVENTS = Path("contracts/events")
ENVELOPE = Path("contracts/envelope.json")
ASYNCAPI = Path("contracts/asyncapi.yaml")


def _modules() -> Iterator[ModuleType]:
    for package in (chassis, services, graphql_gateway):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(found.name)


def _classes(parent: type) -> list[type]:
    found = {
        member
        for module in _modules()
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, parent) and member is not parent and member.__module__ == module.__name__
    }
    return sorted(found, key=lambda each: (each.__module__, each.__name__))


def event_classes() -> list[type[Event]]:
    """Return every fact that a service can announce; what several services derive theirs from is none."""
    facts: list[type[Event]] = _classes(Event)
    return sorted((each for each in facts if each.service), key=lambda event: event.key)


def refusal_classes() -> list[type[Refusal]]:
    """Return every refusal that a request can meet."""
    return [each for each in _classes(Refusal) if not each.__name__.startswith("_")]


def _pretty(document: Any) -> str:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"


def event_schema(event: type[Event]) -> dict[str, Any]:
    """Return the JSON Schema of an event's data."""
    body = event.model_json_schema(mode="serialization")
    # Additions are allowed within a version, so a hearer must not reject what it does not know.
    for part in (body, *body.get("$defs", {}).values()):
        part.pop("additionalProperties", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{SCHEMA_BASE}{event.key}.json",
        "description": inspect.getdoc(event),
        **{name: value for name, value in body.items() if name != "description"},
    }


def problems() -> list[dict[str, Any]]:
    """Return the code, status and meaning of every refusal, by code."""
    rows: dict[str, dict[str, Any]] = {}
    for refusal in refusal_classes():
        kind = next(
            each
            for each in reversed(refusal.__mro__)
            if each.__module__ == Invalid.__module__ and each is not Refusal and issubclass(each, Refusal)
        )
        row = {"code": refusal.code, "kind": kind.code, "status": refusal.status, "message": refusal.default_message()}
        known = rows.setdefault(refusal.code, row)
        if (known["kind"], known["status"]) != (row["kind"], row["status"]):
            raise ValueError(f"two refusals share the code {refusal.code} and differ in kind or status")
    rows["INTERNAL"] = {
        "code": "INTERNAL",
        "kind": "INTERNAL",
        "status": 500,
        "message": "Something failed on our side; quote the trace id.",
    }
    return [rows[code] for code in sorted(rows)]


def facts() -> str:
    """Return the page that lists every fact by the service that announces it."""
    lines = [
        "# The facts",
        "",
        "What each event says. The [promises](../../docs/events.md) hold for all. `make contracts` writes this page.",
    ]
    by_service: dict[str, list[type[Event]]] = {}
    for event in event_classes():
        by_service.setdefault(event.key.partition(".")[0], []).append(event)
    for service, events in by_service.items():
        lines += ["", f"## {service.capitalize()}", "", "| fact | says |", "|---|---|"]
        for event in events:
            says = " ".join((inspect.getdoc(event) or "").replace("``", "`").replace("|", "\\|").split())
            lines.append(f"| [{event.key.partition('.')[2]}]({event.key}.json) | {says} |")
    return "\n".join(lines) + "\n"


def examples(root: Path = ROOT) -> dict[str, dict[str, Any]]:
    """Return the golden examples that there are, by their event's key."""
    there = {event.key: root / example_path(event) for event in event_classes()}
    return {key: orjson.loads(path.read_bytes()) for key, path in there.items() if path.exists()}


def expected(root: Path = ROOT) -> dict[Path, str]:
    """Return every generated contract by its path; the golden examples, which are shown in it, are read below the root."""
    from graphql_gateway.schema import sdl

    events = event_classes()
    files = {SCHEMA: sdl().rstrip() + "\n", PROBLEMS: _pretty(problems()), EVENTS / "README.md": facts()}
    files |= {ENVELOPE: _pretty(asyncapi.envelope_schema()), ASYNCAPI: asyncapi.render(events, examples(root))}
    for event in events:
        files[EVENTS / f"{event.key}.json"] = _pretty(event_schema(event))
    return files


def example_path(event: type[Event]) -> Path:
    """Return where an event's golden example stands."""
    return EVENTS / f"{event.key}.example.json"


def write(root: Path) -> list[Path]:
    """Write the contracts anew and return the paths that changed; examples are kept by hand."""
    changed = []
    for path, text in expected(root).items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed
