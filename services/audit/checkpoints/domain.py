"""What is true of checkpoints: each says how far the chains go that have grown, and carries the hash of the one before.

What a chain that stands still has come to was said earlier, and is covered through ``previous``; so a checkpoint is as large as
what has happened since the last one, not as the platform. What is signed is the canonical JSON of ``{"checkpoint": {…}}``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

from services.audit.acts.domain import BEFORE_THE_FIRST, canonical
from services.audit.events import ChainHead, CheckpointSigned

MOST_HEADS = 1000
"""How many chains one checkpoint speaks of; of more, the next one does, at once."""


class Head(NamedTuple):
    """How far a chain goes, and the hash of its last entry."""

    chain: str
    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint: ``signed_by`` and ``signature`` are None as long as it is fixed, but not signed yet."""

    number: int
    previous: str
    at: str
    heads: tuple[Head, ...]
    signature: str | None = None
    signed_by: str | None = None

    @property
    def content(self) -> dict[str, Any]:
        """Return what is signed of it."""
        heads = [each._asdict() for each in self.heads]
        return {"number": self.number, "previous": self.previous, "at": self.at, "heads": heads}

    @property
    def hash(self) -> str:
        """Return what the next one carries of it."""
        return sha256(canonical(self.content)).hexdigest()

    @property
    def message(self) -> bytes:
        """Return the bytes that are signed."""
        return canonical({"checkpoint": self.content})

    def signed(self) -> CheckpointSigned:
        """Return the fact that it is signed."""
        assert self.signed_by is not None
        assert self.signature is not None
        heads = tuple(ChainHead(**each._asdict()) for each in self.heads)
        return CheckpointSigned(
            number=self.number,
            previous=self.previous,
            at=self.at,
            heads=heads,
            signature=self.signature,
            signed_by=self.signed_by,
        )


def next_of(former: Checkpoint | None, heads: Iterable[Head], at: str) -> Checkpoint:
    """Return the checkpoint that comes after another one; ``None`` stands before the first."""
    number, previous = (1, BEFORE_THE_FIRST) if former is None else (former.number + 1, former.hash)
    return Checkpoint(number, previous, at, tuple(sorted(heads)))


def is_due(*, uncovered: int, seconds: float, at_most_entries: int, every_seconds: float) -> bool:
    """Say whether it is time to sign: so much has happened, or so long ago was the last one and anything has happened."""
    return uncovered >= at_most_entries or (uncovered > 0 and seconds >= every_seconds)
