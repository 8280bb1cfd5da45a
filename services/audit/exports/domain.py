"""How an export is written: JSON Lines, each the canonical spelling of one object; ``portico/audit_proof.py`` reads it."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from services.audit.acts.domain import canonical
from services.audit.checkpoints.domain import Checkpoint

FORMAT = 1


def export_line(organization_id: str | None, at: str) -> bytes:
    """Return the first line: what is exported."""
    return _line({"export": {"format": FORMAT, "organization": organization_id, "at": at}})


def row_line(row: Mapping[str, Any]) -> bytes:
    """Return the line of an entry as it lies in the database, which somebody may have changed into anything."""
    body = {name: row.get(name) for name in ("chain", "number", "previous", "content")}
    try:
        return _line({"entry": body, "hash": row.get("hash")})
    except ValueError:  # what was put there is no JSON: the hash cannot cover it, however it is written
        return _line({"entry": {**body, "content": repr(body["content"])}, "hash": str(row.get("hash"))})


def checkpoint_line(checkpoint: Checkpoint) -> bytes:
    """Return a signed checkpoint's line."""
    return _line({"checkpoint": checkpoint.content, "signature": checkpoint.signature, "signed_by": checkpoint.signed_by})


def closing(first_line: bytes, *, at: str, checkpoint: int, entries: int) -> dict[str, Any]:
    """Return what is signed at the end of an export."""
    return {"at": at, "checkpoint": checkpoint, "entries": entries, "export": sha256(first_line).hexdigest()}


def closing_message(content: Mapping[str, Any]) -> bytes:
    """Return the bytes that are signed at the end of an export."""
    return canonical({"closing": dict(content)})


def closing_line(content: Mapping[str, Any], signed_by: str, signature: str) -> bytes:
    """Return the last line."""
    return _line({"closing": dict(content), "signature": signature, "signed_by": signed_by})


def _line(document: Mapping[str, Any]) -> bytes:
    return canonical(document) + b"\n"
