"""Identifiers: a prefix that tells the kind, then a ULID (48 bits of milliseconds, 80 random bits), so that ids sort by birth."""

import os
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80
_state = {"milliseconds": 0, "random": 0}


def _next_ulid_number() -> int:
    """Return a 128-bit number greater than every one returned before by this process."""
    milliseconds = time.time_ns() // 1_000_000
    if milliseconds > _state["milliseconds"]:
        _state["milliseconds"] = milliseconds
        # The top random bit stays free, so that counting up within a millisecond cannot overflow.
        _state["random"] = int.from_bytes(os.urandom(10), "big") >> 1
    else:
        _state["random"] += 1 + (os.urandom(1)[0] & 0x3F)
    return (_state["milliseconds"] << _RANDOM_BITS) | _state["random"]


def new_id(prefix: str) -> str:
    """Return a new identifier such as ``app_01JD3Y…`` (26 characters of Crockford base 32 after the prefix)."""
    number = _next_ulid_number()
    digits = []
    for _ in range(26):
        digits.append(_ALPHABET[number & 31])
        number >>= 5
    return f"{prefix}_{''.join(reversed(digits))}"


def prefix_of(identifier: str) -> str:
    """Return the kind that an identifier's prefix tells, or an empty string where there is none."""
    head, mark, _ = identifier.partition("_")
    return head if mark else ""
