"""A batch of records: where the log stands after some lines, and the message that announces them, packed once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chassis import messages
from services.enforcement.calls.ledger import Ledger, Outgoing, Run
from services.enforcement.calls.lines import Line, Record
from services.enforcement.calls.tail import Piece
from services.enforcement.events import CallsRecorded


def after(ledger: Ledger, piece: Piece, lines: Sequence[Line]) -> Ledger:
    """Return the ledger after these lines have been read."""
    runs = dict(ledger.runs)
    for run, count in Counter(line.run for line in lines).items():
        known = runs.get(run, Run())
        runs[run] = replace(known, lines=known.lines + count)
    calls = sum(line.record is not None for line in lines)
    return replace(
        ledger,
        place=piece.place,
        records_total=ledger.records_total + calls,
        others=ledger.others + len(lines) - calls,
        runs=runs,
    )


def pack(then: Ledger, records: Sequence[Record], now: datetime) -> Outgoing:
    """Return the batch that leads to this ledger: ``CallsRecorded``, made without looking at each record once more."""
    data = {
        "source": then.source,
        "batch": then.batch,
        "records": records,
        "records_total": then.records_total,
        "calls_total": then.calls_total,
        "read_through": then.read_through,
    }
    event_id = f"calls_{then.source}_{then.batch}"
    around = messages.Circumstances(subject=then.source, sequence=then.batch, time=now)
    return Outgoing(event_id, messages.to_bytes(messages.envelope_of(CallsRecorded, event_id, data, around)), then)
