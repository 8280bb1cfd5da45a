"""How what is sent is signed: the headers of Standard Webhooks, with HMAC-SHA256 under each secret that signs now."""

import base64
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from chassis.messages import CONTENT_TYPE

_MARK = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new secret as it is shown, once."""
    return _MARK + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return what one secret signs: the id, the time and the very bytes."""
    key = base64.b64decode(secret.removeprefix(_MARK))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def signed_headers(signing: Sequence[str], message_id: str, at: datetime, body: bytes) -> list[tuple[str, str]]:
    """Return the headers that a body is sent with."""
    timestamp = int(at.timestamp())
    return [
        ("content-type", CONTENT_TYPE),
        ("user-agent", "portico-webhooks"),
        ("webhook-id", message_id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", " ".join(signature(each, message_id, timestamp, body) for each in signing)),
        ("content-length", str(len(body))),
    ]
