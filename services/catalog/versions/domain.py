"""What is kept beside a version."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kept:
    """A document's text, compressed, so that the largest one fits; and its media type."""

    packed_text: bytes
    media_type: str
