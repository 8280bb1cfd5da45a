"""The seals: what identity tells notifications alone is opened, and what waits in the database is closed.

Both stand on the one key file that identity and notifications share, ``notices.key``; what is kept here is sealed under a key of
its own that is drawn from it.
"""

import base64
import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class KeyFileNotUsable(Exception):  # noqa: N818 - a fact about the place, told to the one who starts the service
    """The key file is missing or cannot be read; the message names it and the mend."""


class SealNotBroken(Exception):  # noqa: N818 - a fact about what was sealed
    """What is sealed was not sealed under this key, or is about something else."""


class Seal:
    """AES-256-GCM, bound to the id of what the text is about."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, text: str, about: str) -> str:
        """Return the sealed text."""
        nonce = os.urandom(_NONCE_BYTES)
        return base64.urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, text.encode(), about.encode())).decode()

    def open(self, sealed: str, about: str) -> str:
        """Return the text. Raises ``SealNotBroken``."""
        try:
            whole = base64.urlsafe_b64decode(sealed)
            return self._cipher.decrypt(whole[:_NONCE_BYTES], whole[_NONCE_BYTES:], about.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise SealNotBroken("it was sealed under another key, or is about something else") from error


def read_key(path: Path) -> bytes:
    """Return the key of a file. Raises ``KeyFileNotUsable``."""
    try:
        key = base64.urlsafe_b64decode(path.read_bytes())
    except (OSError, ValueError) as error:
        raise KeyFileNotUsable(f"The key file {path} cannot be read: run `portico keys` to make it.") from error
    if len(key) != 32:
        raise KeyFileNotUsable(f"The key file {path} holds no key of 32 bytes: put back the one that was made.")
    return key


def shared_seal(path: Path) -> Seal:
    """Return what opens that which identity has sealed. Raises ``KeyFileNotUsable``."""
    return Seal(read_key(path))


def own_seal(path: Path, purpose: str) -> Seal:
    """Return what seals here for one purpose, such as ``mail``; nobody else needs to open it. Raises ``KeyFileNotUsable``."""
    return Seal(hmac.digest(read_key(path), f"notifications {purpose}".encode(), "sha256"))
