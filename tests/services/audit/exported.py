"""Exports for tests, written by the code that writes real ones, with a key of the test's own."""

import base64
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portico.audit_proof import Fault, Report, Verifier, read_keys
from services.audit.acts.domain import Entry, canonical, first_of, next_of
from services.audit.checkpoints import domain as checkpoints
from services.audit.checkpoints.domain import Checkpoint, Head
from services.audit.exports import domain as exports

KID = "test-key"
AT = "2030-01-01T00:00:00.000Z"


def content(number: int, **more: Any) -> dict[str, Any]:
    """Return what an entry says."""
    return {
        "at": AT,
        "event_id": f"evt_{number}",
        "service": "identity",
        "verb": "rename_organization",
        "actor": "usr_1",
        "organization_id": "org_1",
        "request_id": None,
        "outcome": "DONE",
        "code": None,
        "changes": [{"kind": "Organization", "id": "org_1", "before": {"name": "ā"}, "after": {"name": "Ž", "n": number}}],
        **more,
    }


@dataclass
class Trail:
    """A trail that is written, checkpointed and exported in memory."""

    organization_id: str | None = None
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    last: dict[str, Entry] = field(default_factory=dict)
    covered: dict[str, int] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    waiting: list[Entry] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    entries: int = 0

    def __post_init__(self) -> None:
        self.lines.append(exports.export_line(self.organization_id, AT))

    def write(self, chain: str, count: int = 1) -> None:
        for _ in range(count):
            former = self.last.get(chain)
            said = content(former.number + 1 if former else 1)
            entry = next_of(former, said) if former else first_of(chain, said)
            self.last[chain] = entry
            if self.organization_id in (None, chain):
                self.waiting.append(entry)

    def sign(self, message: bytes) -> tuple[str, str]:
        return KID, self.private.sign(message).hex()

    def cover(self) -> Checkpoint:
        grown = (each for each in self.last.values() if each.number > self.covered.get(each.chain, 0))
        heads = [Head(each.chain, each.number, each.hash) for each in grown]
        fixed = checkpoints.next_of(self.checkpoint, heads, AT)
        key, signature = self.sign(fixed.message)
        self.checkpoint = Checkpoint(fixed.number, fixed.previous, fixed.at, fixed.heads, signature, key)
        self.covered |= {each.chain: each.number for each in heads}
        ordered = sorted(self.waiting, key=lambda each: (each.chain, each.number))
        self.entries += len(ordered)
        self.lines += [exports.row_line(asdict(each)) for each in ordered]
        self.waiting = []
        self.lines.append(exports.checkpoint_line(self.checkpoint))
        return self.checkpoint

    def closed(self) -> list[bytes]:
        """Return the whole export, with what is not covered covered."""
        number = self.cover().number
        said = exports.closing(self.lines[0], at=AT, checkpoint=number, entries=self.entries)
        return [*self.lines, exports.closing_line(said, *self.sign(exports.closing_message(said)))]

    @property
    def keys(self) -> bytes:
        """Return the public key as ``audit.public.json`` has it."""
        raw = self.private.public_key().public_bytes_raw()
        x = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        return canonical({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": KID, "x": x}]})

    def verify(self, lines: Iterable[bytes], outside: dict[int, str] | None = None) -> Report:
        verifier = Verifier(read_keys(self.keys), outside)
        for line in lines:
            verifier.take(line)
        return verifier.end()


def made(*chains: str, rounds: int = 3, count: int = 3, organization_id: str | None = None) -> Trail:
    """Return a trail in which each chain has grown between checkpoints."""
    trail = Trail(organization_id)
    for _ in range(rounds):
        for chain in chains:
            trail.write(chain, count)
        trail.cover()
    return trail


def first_faults(report: Report) -> dict[str, Fault]:
    return {each.chain: each for each in report.faults}


Change = Callable[[list[bytes]], list[bytes]]
