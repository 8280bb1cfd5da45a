"""Replacing the keys that sign passports, access tokens and checkpoints, without one of them being refused.

The new public key is published first. The private file then says from when the new key signs: an overlap later, so that by then
every verifier knows it. The former public key stays until the last thing signed with it has expired, which checkpoints of the
audit trail never do. Each step is one file put in place whole; after a sudden end between two of them everything that was signed
is still accepted, and the next run puts things in order.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import orjson

from services.identity.keys import SIGNING_ALGORITHMS, Jwk, new_key, public_part, read_private, read_published

DEFAULT_OVERLAP_SECONDS = 600
# The longest that anything signed for a purpose is valid, and a minute for clocks that differ; None is for good.
LONGEST_VALID_SECONDS = {"passport": 60 + 60, "tokens": 600 + 60, "audit": None}
AUDIT = "audit"


class RotationUnderWay(Exception):  # noqa: N818 - a fact about the place, told to the one who rotates
    """A new key is published already and does not sign yet; wait for it, or rotate with an overlap of 0 to use it at once."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """A key that takes over: which, from when (seconds since 1970), and until when what its predecessor signed is accepted.

    Without ``former_until`` that is for good.
    """

    kid: str
    signs_from: int
    former_kid: str
    former_until: int | None


@dataclass(frozen=True, slots=True)
class KeyState:
    """How a key stands: NEXT (published, does not sign yet), SIGNING, or VERIFYING (signs no more)."""

    purpose: str
    kid: str
    algorithm: str
    state: str
    signs_from: int
    until: int | None


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time change the keys of a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _put(path: Path, keys: list[Jwk], mode: int) -> None:
    """Put a key set in place whole, on the disk before anybody reads it; what is there already stays."""
    content = orjson.dumps({"keys": keys})
    if path.exists() and path.read_bytes() == content:
        return
    draft = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read_published(path: Path) -> list[Jwk]:
    return read_published(path) if path.exists() else []


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of one purpose; the public one may have a copy elsewhere, for everybody."""

    purpose: str
    folder: Path
    public_folder: Path | None

    @property
    def private(self) -> Path:
        return self.folder / f"{self.purpose}.private.json"

    @property
    def public(self) -> Path:
        return self.folder / f"{self.purpose}.public.json"

    def publish(self, keys: list[Jwk]) -> None:
        _put(self.public, keys, 0o644)
        if self.public_folder is not None:
            self.public_folder.mkdir(parents=True, exist_ok=True)
            _put(self.public_folder / self.public.name, keys, 0o644)

    def settle(self, moment: int) -> None:
        """Make the published keys what the private ones call for: those that sign no more end in time."""
        private = read_private(self.private)
        longest = LONGEST_VALID_SECONDS[self.purpose]
        ends = {former["kid"]: later["signs_from"] + (longest or 0) for former, later in pairwise(private)}
        signing = private[-1]["kid"]
        published = {each["kid"]: each for each in _read_published(self.public)}
        wanted = []
        for kid, jwk in (published | {each["kid"]: public_part(each) for each in private}).items():
            if kid == signing or longest is None:
                wanted.append({name: value for name, value in jwk.items() if name != "exp"})
                continue
            # Published but never used, or from before times were kept: until nothing signed with it can be left.
            until = ends.get(kid) or published[kid].get("exp") or moment + longest
            if until > moment:
                wanted.append({**jwk, "exp": until})
        self.publish(wanted)


def rotate(
    folder: Path,
    purpose: str,
    overlap_seconds: int = DEFAULT_OVERLAP_SECONDS,
    public_folder: Path | None = None,
    *,
    now: float | None = None,
) -> Rotation:
    """Publish a new key that signs after the overlap. Raises ``RotationUnderWay``, ``KeyFileNotUsable`` or ``OSError``.

    With an overlap of 0 the new key signs at once: for a key that must not sign any longer.
    """
    moment = int(time.time() if now is None else now)
    files = _Files(purpose, folder, public_folder)
    with _alone(folder):
        private = read_private(files.private)
        begun = [each for each in private if each["signs_from"] <= moment] or private[:1]
        current, pending = begun[-1], private[len(begun) :]
        if pending and overlap_seconds:
            raise RotationUnderWay(f"The next key of {purpose} is published and signs in {pending[0]['signs_from'] - moment} s.")
        signs_from = moment + overlap_seconds
        fresh = {**pending[0], "signs_from": signs_from} if pending else new_key(purpose, signs_from)
        known = [each for each in _read_published(files.public) if each["kid"] != fresh["kid"]]
        files.publish([*known, public_part(fresh)])
        _put(files.private, [current, fresh], 0o600)
        files.settle(moment)
    longest = LONGEST_VALID_SECONDS[purpose]
    return Rotation(fresh["kid"], signs_from, current["kid"], None if longest is None else signs_from + longest)


def tidy(folder: Path, public_folder: Path | None = None, *, now: float | None = None) -> None:
    """Take out the published keys that nobody needs any more, and finish what a rotation that ended suddenly has left."""
    moment = int(time.time() if now is None else now)
    with _alone(folder):
        for purpose in SIGNING_ALGORITHMS:
            _Files(purpose, folder, public_folder).settle(moment)


def hand_on(folder: Path, public_folder: Path) -> None:
    """Copy the published keys into a folder for everybody; no rotation comes in between."""
    with _alone(folder):
        for purpose in SIGNING_ALGORITHMS:
            files = _Files(purpose, folder, public_folder)
            files.publish(_read_published(files.public))


def hand_to_audit(folder: Path, audit_folder: Path) -> None:
    """Copy the key that signs checkpoints, and no other private one, into a folder that audit alone reads."""
    audit_folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        files = _Files(AUDIT, folder, audit_folder)
        _put(audit_folder / files.private.name, read_private(files.private), 0o600)
        files.publish(_read_published(files.public))


def states(folder: Path, *, now: float | None = None) -> list[KeyState]:
    """Return how each signing key stands, the oldest first. Raises ``KeyFileNotUsable``."""
    moment = time.time() if now is None else now
    found = []
    for purpose, algorithm in SIGNING_ALGORITHMS.items():
        files = _Files(purpose, folder, None)
        private = read_private(files.private)
        signing = ([each for each in private if each["signs_from"] <= moment] or private[:1])[-1]["kid"]
        times = {each["kid"]: int(each["signs_from"]) for each in private}
        for jwk in _read_published(files.public):
            kid, until = jwk["kid"], jwk.get("exp")
            state = "SIGNING" if kid == signing else "NEXT" if times.get(kid, 0) > moment else "VERIFYING"
            if until is None or until > moment:
                found.append(KeyState(purpose, kid, jwk.get("alg", algorithm), state, times.get(kid, 0), until))
    return found
