"""The promise to those who read exports: the JSON Schema of one line."""

from typing import Any

_HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_NUMBER = {"type": "integer", "minimum": 1}
_TEXT = {"type": "string"}
_SIGNATURE = {"signature": {"type": "string", "pattern": "^[0-9a-f]{128}$"}, "signed_by": _TEXT}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": sorted(properties), "additionalProperties": False}


def _says(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, **schema}


_HEAD = _object(chain=_TEXT, number=_NUMBER, hash=_HASH)
_ENTRY = _object(chain=_TEXT, number=_NUMBER, previous=_HASH, content={"type": "object"})
_CHECKPOINT = _object(number=_NUMBER, previous=_HASH, at=_TEXT, heads={"type": "array", "items": _HEAD})
_COUNT = {"type": "integer", "minimum": 0}

LINE: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://portico.dev/contracts/audit-export.json",
    "title": "A line of an export of the audit trail",
    "description": (
        "Each line is the canonical JSON (RFC 8785) of one object and a line feed. The first says what is exported; then, for "
        "each checkpoint, the entries that it covers, ordered by chain and number, and the checkpoint; the last line closes it. "
        "An entry's hash is SHA-256 over the canonical JSON of `entry`; a signature is Ed25519 over that of the line's object "
        "without `signature` and `signed_by`, by the key of that name in audit.public.json."
    ),
    "oneOf": [
        _says(
            "The first line.", _object(export=_object(format={"const": 1}, organization={"type": ["string", "null"]}, at=_TEXT))
        ),
        _says("One entry of a chain: an organization's, or `platform`.", _object(entry=_ENTRY, hash=_HASH)),
        _says("How far the chains go that have grown since the last one.", _object(checkpoint=_CHECKPOINT, **_SIGNATURE)),
        _says(
            "The last line; `export` is the SHA-256 of the first.",
            _object(closing=_object(at=_TEXT, checkpoint=_COUNT, entries=_COUNT, export=_HASH), **_SIGNATURE),
        ),
    ],
}
