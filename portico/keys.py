"""The key files (``docs/settings.md``: PORTICO_KEYS_DIR): made where missing, replaced, and the public ones handed on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from portico.trouble import Trouble, sentence_of
from services.enforcement.proxy import certificate
from services.identity import key_rotation
from services.identity.key_rotation import KeyState, Rotation, RotationUnderWay
from services.identity.keys import (
    JWKS_MAX_AGE_SECONDS,
    NOTICES_KEY,
    SIGNING_ALGORITHMS,
    KeyFileNotUsable,
    make_missing_keys,
    write_new,
)

PURPOSES = tuple(SIGNING_ALGORITHMS)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Trouble(sentence_of(error, folder)) from error
    except (KeyFileNotUsable, RotationUnderWay) as error:
        raise Trouble(str(error)) from error


def make_keys(folder: Path) -> list[str]:
    """Make the key files that are missing and return their names; take out public keys whose time is over. Raises ``Trouble``."""
    with _told(folder):
        made = make_missing_keys(folder)
        key_rotation.tidy(folder)
        return made


def make_certificates(folder: Path, hosts: Sequence[str]) -> list[str]:
    """Make the data plane's TLS certificate where none was given, for these names; return what was made. Raises ``Trouble``."""
    with _told(folder):
        try:
            return certificate.make_missing(folder, hosts)
        except ValueError as error:
            raise Trouble(f"The files in {folder} are no certificate and key: put the right ones there, or none.") from error


def publish_keys(folder: Path, public: Path) -> None:
    """Copy the public files into a folder for everybody. Raises ``Trouble``."""
    with _told(public):
        key_rotation.hand_on(folder, public)


def share_notices_key(folder: Path, shared: Path) -> None:
    """Copy the key that identity and notifications share into a folder for notifications. Raises ``Trouble``."""
    with _told(shared):
        shared.mkdir(parents=True, exist_ok=True)
        key = (folder / NOTICES_KEY).read_bytes()
        if not write_new(shared / NOTICES_KEY, key, 0o600) and (shared / NOTICES_KEY).read_bytes() != key:
            raise Trouble(f"{shared / NOTICES_KEY} is another key than {folder / NOTICES_KEY}: remove it, then run this again.")


def rotate_keys(folder: Path, purpose: str, overlap_seconds: int, public: Path | None) -> Rotation:
    """Let a new key sign after an overlap of some seconds. Raises ``Trouble``."""
    if purpose not in PURPOSES:
        raise Trouble(f"There are no keys for {purpose}: name one of {', '.join(PURPOSES)}.")
    if overlap_seconds < 0:
        raise Trouble("The overlap cannot be negative: give seconds, or 0 to change over at once.")
    with _told(folder):
        return key_rotation.rotate(folder, purpose, overlap_seconds, public)


def key_states(folder: Path) -> list[KeyState]:
    """Return how each signing key stands. Raises ``Trouble``."""
    with _told(folder):
        return key_rotation.states(folder)


def is_short(overlap_seconds: int) -> bool:
    """Say whether verifiers elsewhere may still keep a published key set without the new key when it begins to sign."""
    return overlap_seconds <= JWKS_MAX_AGE_SECONDS


def moment_of(seconds: int | None) -> str:
    """Return a moment as people read it."""
    return "-" if not seconds else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
