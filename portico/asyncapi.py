"""The AsyncAPI document: what travels over the bus, for those who consume it; generated from the event classes.

It refers to the JSON Schemas beside it (`events/…`, `envelope.json`) instead of repeating them.
"""

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from chassis.messages import CONTENT_TYPE, Event

EXCHANGE = "portico.events"
ENVELOPE_ID = "https://portico.dev/contracts/envelope.json"
_BINDING_VERSION = "0.3.0"
_TYPE = "^portico\\.[a-z_]+\\.[a-z_]+\\.v[0-9]+$"
_TRACEPARENT = "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"
_ABOUT = """What happens in Portico, announced on RabbitMQ.

Every message is a CloudEvents 1.0 envelope in structured JSON, published to the durable topic exchange `portico.events` under its
type without `portico.` as the routing key. Bind a durable queue of your own. An event comes at least once: deduplicate by `id`.
`sequence` counts the facts of one source about one subject, from 1 and without gaps: restore the order with it. A version never
changes its shape but by additions: ignore fields and values that you do not know. A new shape is a new version beside the old."""


def _text(says: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": says, **more}


def envelope_schema() -> dict[str, Any]:
    """Return the JSON Schema of the envelope that every event travels in."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ENVELOPE_ID,
        "title": "Envelope",
        "description": "CloudEvents 1.0 in structured JSON, with the extensions from `sequence` to `traceparent`.",
        "type": "object",
        "properties": {
            "specversion": _text("The version of CloudEvents.", const="1.0"),
            "id": _text("Stable: the same on every redelivery. Deduplicate on it.", minLength=1),
            "source": _text("Who announces it.", pattern="^/services/[a-z_]+$"),
            "type": _text("What happened: `portico.`, the service, the fact and its version.", pattern=_TYPE),
            "subject": _text("The id of the thing that the fact is about.", minLength=1),
            "time": _text("When it was committed, UTC.", format="date-time"),
            "datacontenttype": _text("What `data` is.", const="application/json"),
            "dataschema": _text("Where the JSON Schema of `data` is.", format="uri"),
            "sequence": {
                "type": "integer",
                "minimum": 0,
                "description": "Counts the facts of this source about this subject, from 1, without gaps; "
                "of what is republished, the number that they have reached.",
            },
            "actor": _text("Who did it: a user's id, or `system:` and the part. Absent where nobody did."),
            "organization": _text("The id of the organization within which it was done. Absent where it was within none."),
            "audience": _text("Ids of the organizations that may hear of it, separated by commas. Absent: none."),
            "traceparent": _text("The W3C trace context of the request behind it.", pattern=_TRACEPARENT),
            "republished": {
                "type": "boolean",
                "description": "True where nothing has happened now: a thing is stated as it is, for those who are new.",
            },
            "data": {"type": "object", "description": "The fact itself; its schema is the message's."},
        },
        "required": [
            "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "sequence", "data",
        ],
    }  # fmt: skip


def payload_schema(event: type[Event]) -> dict[str, Any]:
    """Return what a whole message of an event is: the envelope, with its type and its data pinned down."""
    pinned = {
        "type": {"const": f"portico.{event.key}"},
        "source": {"const": f"/services/{event.service}"},
        "data": {"$ref": f"./events/{event.key}.json"},
    }
    return {"allOf": [{"$ref": "./envelope.json"}, {"type": "object", "properties": pinned}]}


def document(events: Sequence[type[Event]], examples: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the document; the examples are whole messages by their event's key."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:portico:events",
        "info": {
            "title": "Portico events",
            "version": "1.0.0",
            "description": _ABOUT,
            "contact": {"name": "The operator of this Portico", "url": "https://portico.dev"},
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": service} for service in sorted({event.service for event in events})],
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": _servers(),
        "channels": {event.key: _channel(event) for event in events},
        "operations": {f"send.{event.key}": _operation(event) for event in events},
        "components": {
            "messages": {event.key: _message(event, examples.get(event.key)) for event in events},
            "messageTraits": {"persistent": _persistent()},
            "securitySchemes": {
                "brokerUser": {"type": "userPassword", "description": "A user of the broker that may read from the exchange."}
            },
        },
    }


def render(events: Sequence[type[Event]], examples: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the document as YAML, in a stable order."""
    head = "# Generated from the event classes by `portico contracts`; do not edit.\n"
    return head + yaml.dump(
        document(events, examples), Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False
    )


class _PlainDumper(yaml.SafeDumper):
    """Writes what occurs twice twice: readers of the file need not know YAML's references."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML calls it so
        return True


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_PlainDumper.add_representer(str, _block)


def _servers() -> dict[str, Any]:
    security = [{"$ref": "#/components/securitySchemes/brokerUser"}]
    address = {"default": "rabbitmq:5672", "description": "Host and port of the broker; in compose rabbitmq:5672."}
    secured = {"default": "rabbitmq:5671", "description": "Host and port of the broker's TLS listener."}
    return {
        "inside": {
            "host": "{broker}",
            "protocol": "amqp",
            "protocolVersion": "0.9.1",
            "description": "RabbitMQ, within the platform's own network.",
            "variables": {"broker": address},
            "security": security,
        },
        "secured": {
            "host": "{broker}",
            "protocol": "amqps",
            "protocolVersion": "0.9.1",
            "description": "The same over TLS, where the operator opens it.",
            "variables": {"broker": secured},
            "security": security,
        },
    }


def _says(event: type[Event]) -> str:
    return " ".join((inspect.getdoc(event) or "").replace("``", "`").split())


def _title(event: type[Event]) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", event.__name__).capitalize()


def _channel(event: type[Event]) -> dict[str, Any]:
    exchange = {"name": EXCHANGE, "type": "topic", "durable": True, "autoDelete": False, "vhost": "/"}
    return {
        "address": event.key,
        "title": _title(event),
        "messages": {event.key: {"$ref": f"#/components/messages/{event.key}"}},
        "tags": [{"name": event.service}],
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": _BINDING_VERSION}},
    }


def _operation(event: type[Event]) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{event.key}"},
        "title": f"{event.service} announces: {_title(event).lower()}",
        "messages": [{"$ref": f"#/channels/{event.key}/messages/{event.key}"}],
        "tags": [{"name": event.service}],
        "bindings": {"amqp": {"deliveryMode": 2, "mandatory": True, "timestamp": False, "bindingVersion": _BINDING_VERSION}},
    }


def _message(event: type[Event], example: Mapping[str, Any] | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": event.key,
        "title": _title(event),
        "summary": _says(event),
        "tags": [{"name": event.service}],
        "payload": payload_schema(event),
        "traits": [{"$ref": "#/components/messageTraits/persistent"}],
    }
    if example is not None:
        told["examples"] = [{"name": event.key, "headers": {"portico-id": example["id"]}, "payload": dict(example)}]
    return told


def _persistent() -> dict[str, Any]:
    return {
        "contentType": CONTENT_TYPE,
        "headers": {
            "type": "object",
            "properties": {"portico-id": {"type": "string", "description": "The event's id, as in the envelope."}},
        },
        "bindings": {"amqp": {"messageType": "CloudEvents 1.0, structured", "bindingVersion": _BINDING_VERSION}},
    }
