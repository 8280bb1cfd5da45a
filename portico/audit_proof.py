"""Verifies an export of the audit trail, without anything else of Portico: this one file, Python, and ``cryptography``.

An export is JSON Lines, each line in its canonical spelling (RFC 8785), each of one of four kinds, in this order::

    {"export": {format, organization, …}}                                   the first line; organization null: everything
    {"entry": {chain, content, number, previous}, "hash": …}                hash = SHA-256 of what stands behind "entry":
    {"checkpoint": {at, heads, number, previous}, "signature": …, "signed_by": …} covers the entries between it and the one before
    {"closing": {at, checkpoint, entries, export}, "signature": …, "signed_by": …} the last line

Entries of a chain are numbered from 1; ``previous`` is the hash of the entry before (64 zeros for the first). The ``heads`` of a
checkpoint say for every chain that has grown since the last checkpoint how far it goes now, and the hash of its last entry.
Checkpoints are numbered and chained likewise, by the SHA-256 of what stands behind "checkpoint":. Before each of them stand
the entries that it covers, ordered by chain and number. Signatures are Ed25519, over the line's object without ``signature`` and
``signed_by``, as in ``{"checkpoint":{…}}``. So whoever lacks the key cannot change a covered entry: its hash would be another
one, then that of each later entry, then the head in a checkpoint that they cannot sign. What is held here is one hash a chain,
however long the chains are.

Run by itself: ``python audit_proof.py FILE --keys audit.public.json [--checkpoint FILE]``; it ends with 0 (whole), 1 (faults) or
2 (could not be verified).
"""

import argparse
import base64
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = 1
FILE, CHECKPOINTS = "(file)", "(checkpoints)"
LONGEST_LINE = 64 * 2**20
_FIRST = "0" * 64
_EXPORT = re.compile(rb'\{"export":(\{.*\})\}\n')
_ENTRY = re.compile(rb'\{"entry":(\{.*\}),"hash":"([0-9a-f]{64})"\}\n')
_SIGNED = re.compile(rb'(\{"(checkpoint|closing)":(\{.*\})),"signature":"([0-9a-f]{128})","signed_by":"([\w-]+)"\}\n')

Keys = Mapping[str, Ed25519PublicKey]


class CannotVerify(Exception):  # noqa: N818 - a fact about what was given, told to whoever verifies
    """What was given cannot be read; the message names it and the mend."""


class Head(NamedTuple):
    """How far a chain goes, and the hash of its last entry."""

    number: int
    hash: str


class Fault(NamedTuple):
    """The first thing that is wrong with a chain (or with the checkpoints, or the file): at which entry, and what."""

    chain: str
    number: int
    what: str
    says: str


@dataclass
class Report:
    """What was found; ``covered_until`` is the time of the last checkpoint whose signature is good."""

    faults: list[Fault] = field(default_factory=list)
    organization: str | None = None
    entries: int = 0
    chains: int = 0
    checkpoints: int = 0
    covered_until: str | None = None

    @property
    def is_whole(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.faults


class Verifier:
    """Takes an export line by line. ``outside`` are checkpoints held elsewhere: the hash of each by its number."""

    def __init__(self, keys: Keys, outside: Mapping[int, str] | None = None) -> None:
        self._keys = keys
        self._outside = dict(outside or {})
        self._heads: dict[str, Head] = {}
        self._moved: dict[str, int] = {}  # chains with entries since the last checkpoint, and the first of these
        self._place = ("", 0)  # chain and number of the line before, since the last checkpoint
        self._last = Head(0, _FIRST)  # the last checkpoint
        self._faulty: set[str] = set()
        self._export = b""
        self._is_closed = False
        self.report = Report()

    def take(self, line: bytes) -> None:
        """Look at one line, with its line feed."""
        try:
            if self._is_closed:
                self._blame(FILE, self.report.entries, "ADDED", "lines stand behind the closing")
            elif not self._export:
                self._take_export(line)
            elif found := _ENTRY.fullmatch(line):
                self._take_entry(json.loads(found[1]), sha256(found[1]).hexdigest(), found[2].decode())
            elif found := _SIGNED.fullmatch(line):
                body, kind = json.loads(found[3]), found[2].decode()
                wrong = self._signature_fault(found[1] + b"}", found[5].decode(), found[4].decode())
                take: Callable[..., None] = self._take_checkpoint if kind == "checkpoint" else self._take_closing
                take(body, sha256(found[3]).hexdigest(), wrong)
            else:
                self._blame(FILE, self.report.entries, "UNREADABLE", "a line is not as exports are written")
        except (ValueError, TypeError, KeyError, RecursionError):
            self._blame(FILE, self.report.entries, "UNREADABLE", "a line is not as exports are written")

    def end(self) -> Report:
        """Say what was found, now that no more lines come."""
        if not self._is_closed:
            self._blame(FILE, self.report.entries, "TRUNCATED", "the export ends without its closing")
        for number in sorted(self._outside):
            says = f"the checkpoint {number} that is held outside is missing"
            self._blame(CHECKPOINTS, number, "TRUNCATED", says)
        self.report.chains = len(self._heads)
        return self.report

    def _blame(self, chain: str, number: int, what: str, says: str) -> None:
        """Note what is wrong, unless something was wrong with this chain already."""
        if chain not in self._faulty:
            self._faulty.add(chain)
            self.report.faults.append(Fault(chain, number, what, says))

    def _take_export(self, line: bytes) -> None:
        found = _EXPORT.fullmatch(line)
        self._export = line
        if found is None:
            self._blame(FILE, 0, "TRUNCATED", "the first line does not say what is exported")
            return
        body = json.loads(found[1])
        self.report.organization = body["organization"]
        if body["format"] != FORMAT:
            self._blame(FILE, 0, "UNREADABLE", f"the export has the format {body['format']}, and this verifies {FORMAT}")

    def _take_entry(self, body: dict[str, Any], computed: str, told: str) -> None:
        chain, number = str(body["chain"]), int(body["number"])
        head = self._heads.get(chain, Head(0, _FIRST))
        self.report.entries += 1
        if computed != told:
            self._blame(chain, min(number, head.number + 1), "EDITED", "its hash does not cover what it says")
        elif self.report.organization not in (None, chain):
            self._blame(chain, number, "FOREIGN", "the export is of another organization")
        elif number > head.number + 1:
            self._blame(chain, head.number + 1, "MISSING", f"after {head.number} comes {number}")
        elif number <= head.number:
            self._blame(chain, number, "REPEATED", f"it comes after {head.number}")
        elif body["previous"] != head.hash:
            self._blame(chain, number, "BROKEN", "it does not carry the hash of the entry before")
        elif (chain, number) <= self._place:
            says = f"{chain} {number} stands too late: entries are ordered by chain and number before each checkpoint"
            self._blame(FILE, self.report.entries, "OUT_OF_PLACE", says)
        self._heads[chain] = Head(number, told)
        self._moved.setdefault(chain, number)
        self._place = (chain, number)

    def _signature_fault(self, signed: bytes, kid: str, signature: str) -> tuple[str, str] | None:
        if (key := self._keys.get(kid)) is None:
            return "UNKNOWN_KEY", f"it is signed with a key that is not among those given ({kid})"
        try:
            key.verify(bytes.fromhex(signature), signed)
        except (InvalidSignature, ValueError):
            return "FORGED", "its signature is not of what it says"
        return None

    def _take_checkpoint(self, body: dict[str, Any], hash_: str, wrong: tuple[str, str] | None) -> None:
        number, former = int(body["number"]), self._last
        self._place = ("", 0)
        if wrong:
            self._blame(CHECKPOINTS, number, *wrong)
            return
        if number != former.number + 1:
            what = "MISSING" if number > former.number else "REPEATED"
            self._blame(CHECKPOINTS, min(number, former.number + 1), what, f"after checkpoint {former.number} comes {number}")
        elif body["previous"] != former.hash:
            self._blame(CHECKPOINTS, number, "BROKEN", "it does not carry the hash of the checkpoint before")
        if self._outside.pop(number, hash_) != hash_:
            self._blame(CHECKPOINTS, number, "OTHER_HISTORY", "it is not the one that is held outside")
        self._compare({str(each["chain"]): Head(int(each["number"]), str(each["hash"])) for each in body["heads"]}, number)
        self._last, self._moved = Head(number, hash_), {}
        self.report.checkpoints += 1
        self.report.covered_until = str(body["at"])

    def _compare(self, heads: Mapping[str, Head], checkpoint: int) -> None:
        """Compare what a checkpoint covers with the entries that stand before it."""
        for chain, covered in heads.items():
            if self.report.organization not in (None, chain):
                continue
            found = self._heads.get(chain, Head(0, _FIRST))
            if found.number < covered.number:
                says = f"checkpoint {checkpoint} covers entries up to {covered.number}"
                self._blame(chain, found.number + 1, "TRUNCATED", says)
            elif found.number > covered.number:
                says = f"checkpoint {checkpoint} covers entries up to {covered.number}, and more stand before it"
                self._blame(chain, covered.number + 1, "INSERTED", says)
            elif found.hash != covered.hash:
                since = self._moved.get(chain, covered.number)
                says = f"the entries {since} to {covered.number} are not those that checkpoint {checkpoint} covers"
                self._blame(chain, since, "REWRITTEN", says)
        if CHECKPOINTS not in self._faulty:  # one that is missing may have covered them
            self._blame_uncovered(chain for chain in self._moved if chain not in heads)

    def _blame_uncovered(self, chains: Iterable[str]) -> None:
        for chain in chains:
            self._blame(chain, self._moved[chain], "NOT_COVERED", "no checkpoint covers it")

    def _take_closing(self, body: dict[str, Any], _hash: str, wrong: tuple[str, str] | None) -> None:
        self._is_closed = True
        self._blame_uncovered(self._moved)
        if wrong:
            self._blame(FILE, self.report.entries, *wrong)
        elif body["export"] != sha256(self._export).hexdigest():
            self._blame(FILE, 0, "EDITED", "the first line is not the one that was closed")
        elif (body["checkpoint"], body["entries"]) != (self._last.number, self.report.entries):
            says = f"it was closed after checkpoint {body['checkpoint']} with {body['entries']} entries"
            self._blame(FILE, self.report.entries, "TRUNCATED", says)


def read_keys(text: bytes) -> Keys:
    """Return the public keys of a JSON Web Key Set, by name. Raises ``CannotVerify``."""
    try:
        listed = [each for each in json.loads(text)["keys"] if each["crv"] == "Ed25519"]
        return {str(each["kid"]): Ed25519PublicKey.from_public_bytes(_decoded(each["x"])) for each in listed}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CannotVerify("The keys are no key set with Ed25519 keys: give audit.public.json.") from error


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def read_outside(text: bytes, keys: Keys) -> dict[int, str]:
    """Return the hashes of checkpoints held outside, by number: lines of an export, or announcements, one a line.

    Raises ``CannotVerify`` where one is not signed with one of the keys.
    """
    held = {}
    for line in text.splitlines():
        try:
            found = json.loads(line)
            found = found.get("data", found)  # an announcement carries it as its data
            body = found.get("checkpoint") or {name: found[name] for name in ("number", "previous", "at", "heads")}
            spelled = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
            keys[found["signed_by"]].verify(bytes.fromhex(found["signature"]), b'{"checkpoint":' + spelled + b"}")
            held[int(body["number"])] = sha256(spelled).hexdigest()
        except (ValueError, TypeError, KeyError, AttributeError, InvalidSignature) as error:
            raise CannotVerify("The checkpoint held outside is none that one of these keys has signed.") from error
    return held


def lines_of(file: IO[bytes]) -> Iterator[bytes]:
    """Yield a file's lines; one that is longer than any export's comes in pieces, which are no lines of one."""
    return iter(lambda: file.readline(LONGEST_LINE), b"")


def verify(
    file: Path, keys: Path, outside: Path | None, tell: Callable[[int, int], None] = lambda _lines, _bytes: None
) -> Report:
    """Verify an export; ``tell`` hears now and then how many lines and bytes were read. Raises ``CannotVerify``."""
    path = keys
    try:
        known = read_keys(keys.read_bytes())
        path = outside or file
        verifier = Verifier(known, read_outside(outside.read_bytes(), known) if outside else None)
        path = file
        read = 0
        with file.open("rb") as opened:
            for number, line in enumerate(lines_of(opened), 1):
                verifier.take(line)
                read += len(line)
                if number % 10_000 == 0:
                    tell(number, read)
    except OSError as error:
        raise CannotVerify(f"{path} cannot be read ({error.strerror}).") from error
    return verifier.end()


def count(number: int, one: str, several: str = "") -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else several or one + 's'}"


def sentences(report: Report) -> Iterator[str]:
    """Yield what a person is told of a report."""
    for each in report.faults:
        yield f"{each.what} {each.chain} entry {each.number}: {each.says}"
    of = report.organization or "all organizations and the platform"
    entries = f"{count(report.entries, 'entry', 'entries')} in {count(report.chains, 'chain')}"
    counted = f"{entries}, {count(report.checkpoints, 'checkpoint')}, of {of}"
    until = f"covered by signatures until {report.covered_until}" if report.covered_until else "covered by no good signature"
    yield f"{counted}; {until}: {'whole' if report.is_whole else count(len(report.faults), 'fault')}."


def main(arguments: list[str] | None = None) -> int:
    """Verify the files named and print what was found; return the exit code."""
    parser = argparse.ArgumentParser(description="Verify an export of Portico's audit trail.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--keys", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path)
    given = parser.parse_args(arguments)
    try:
        report = verify(given.file, given.keys, given.checkpoint)
    except CannotVerify as reason:
        print(reason, file=sys.stderr)
        return 2
    for sentence in sentences(report):
        print(sentence)
    return 0 if report.is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
