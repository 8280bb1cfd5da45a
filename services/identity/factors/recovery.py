"""Recovery codes: what stands in, once each, for a factor that was lost. Sixty random bits, written to be typed."""

import secrets

from services.identity.keys import Pepper

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # no letter that is read as a digit or another letter (Crockford's base32)
_LOOKS_LIKE = str.maketrans({"I": "1", "L": "1", "O": "0", "-": "", " ": ""})
_LENGTH = 12


def new_code() -> str:
    """Return a new code, such as ``7K2M-QX9D-04TZ``."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return "-".join(letters[start : start + 4] for start in range(0, _LENGTH, 4))


def hash_of(pepper: Pepper, user_id: str, code: str) -> str:
    """Return what is kept of a user's code; how it was typed makes no difference."""
    return pepper.hash(f"{user_id}:{code.upper().translate(_LOOKS_LIKE)}")
