"""What audit announces."""

from pydantic import BaseModel, ConfigDict

from chassis.acts import Recorded
from chassis.messages import Event


class ActRecorded(Recorded, service="audit", version=1):
    """Somebody did something here or was refused it, for the audit trail: services hear it, it is meant for no organization."""


class ChainHead(BaseModel):
    """How far a chain goes, and the hash of its last entry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    chain: str
    number: int
    hash: str


class CheckpointSigned(Event, service="audit", version=1):
    """The audit trail was signed: keep this outside of the platform, and nobody can shorten or rewrite the trail unseen.

    The signature is Ed25519 (hexadecimal), by the key named, over the canonical JSON (RFC 8785) of
    ``{"checkpoint": {"at", "heads", "number", "previous"}}``. ``heads`` are of the chains that have grown since the last one.
    """

    number: int
    previous: str
    at: str
    heads: tuple[ChainHead, ...]
    signature: str
    signed_by: str
