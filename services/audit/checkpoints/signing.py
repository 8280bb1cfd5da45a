"""The key that signs checkpoints and exports: ``audit.private.json``, as ``portico keys`` makes and replaces it."""

import base64
import time
from collections.abc import Callable
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.errors import Unavailable

FILE = "audit.private.json"


class SigningKeyMissing(Unavailable):
    """The key that signs the audit trail cannot be read: run `portico keys` to make it."""


class SigningKey:
    """Signs with the key whose time it is; the file is read whenever something is signed, so a rotation needs no restart."""

    def __init__(self, folder: Path, *, now: Callable[[], float] = time.time) -> None:
        self._path = folder / FILE
        self._now = now

    def sign(self, message: bytes) -> tuple[str, str]:
        """Return the key's name and the signature in hexadecimal digits. Raises ``SigningKeyMissing``."""
        try:
            keys = sorted(orjson.loads(self._path.read_bytes())["keys"], key=lambda each: int(each.get("signs_from", 0)))
            begun = [each for each in keys if int(each.get("signs_from", 0)) <= self._now()] or keys[:1]
            kid, private = str(begun[-1]["kid"]), str(begun[-1]["d"])
            key = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(private + "=" * (-len(private) % 4)))
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise SigningKeyMissing(f"The key file {self._path} holds no key: run `portico keys` to make it.") from error
        return kid, key.sign(message).hex()
