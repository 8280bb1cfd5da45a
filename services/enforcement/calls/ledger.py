"""What has been announced of the access log, on disk: written before a batch goes out, and after it is confirmed.

The file holds a line of facts and, while a batch is on its way, the batch's own bytes: whatever happens in between, the batch
that goes out again is the same, byte for byte, even when the log has been cut off meanwhile.
"""

import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from chassis.ids import new_id


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the log: which file (by inode and by how it begins), and up to which byte it has been read."""

    inode: int = 0
    beginning: str = ""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the proxy: its lines that were read, and its own count of ended requests when last asked."""

    lines: int = 0
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Ledger:
    """How far the log is announced. ``settled`` are requests of runs that are over and forgotten one by one.

    ``others`` are the requests among those read that were no calls: the proxy counts them, and nobody is told of them.
    """

    source: str
    batch: int = 0
    records_total: int = 0
    read_through: int | None = None
    settled: int = 0
    others: int = 0
    place: Place = field(default_factory=Place)
    runs: dict[str, Run] = field(default_factory=dict)

    @property
    def calls_total(self) -> int:
        """Return the calls of this source that have ended. A run counts by what is more: its counter, or its lines."""
        return self.settled + sum(max(each.lines, each.calls) for each in self.runs.values()) - self.others

    def counted(self, run: str, calls: int) -> "Ledger":
        """Return the ledger after the proxy's own count of a run has been read."""
        known = self.runs.get(run, Run())
        return replace(self, runs={**self.runs, run: replace(known, calls=max(known.calls, calls))})

    def settle(self, running: str) -> "Ledger":
        """Return the ledger with all but the last few runs that are over summed up."""
        over = [name for name in self.runs if name != running][:-8]
        settled = sum(max(self.runs[name].lines, self.runs[name].calls) for name in over)
        return replace(
            self, settled=self.settled + settled, runs={name: each for name, each in self.runs.items() if name not in over}
        )


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A batch on its way: its id, its bytes, and the ledger as it will be once the batch is confirmed."""

    id: str
    body: bytes
    then: Ledger


class LedgerFile:
    """Keeps the ledger; every change is on the disk before the call returns."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[Ledger, Outgoing | None]:
        """Return the ledger and the batch that was on its way, if any. Without a file a new source begins."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return Ledger(source=new_id("dataplane").replace("_", "-")), None
        facts, _, body = content.partition(b"\n")
        document = orjson.loads(facts)
        ledger = _ledger(document["ledger"])
        if document["outgoing"] is None:
            return ledger, None
        return ledger, Outgoing(document["outgoing"]["id"], body, _ledger(document["outgoing"]["then"]))

    def write(self, ledger: Ledger, outgoing: Outgoing | None) -> None:
        """Put the ledger, and the batch on its way, into place."""
        described = None if outgoing is None else {"id": outgoing.id, "then": asdict(outgoing.then)}
        facts = orjson.dumps({"ledger": asdict(ledger), "outgoing": described})
        beside = self._path.with_name(f".{self._path.name}.new")
        with beside.open("wb") as file:
            file.write(facts + b"\n" + (outgoing.body if outgoing else b""))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _ledger(document: dict[str, Any]) -> Ledger:
    runs = {name: Run(**each) for name, each in document["runs"].items()}
    return Ledger(**{**document, "place": Place(**document["place"]), "runs": runs})
