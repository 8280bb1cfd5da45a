"""What the shipper's tests stand on: lines as Envoy writes them, its administration, a bus with a switch, one log."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from chassis.bus import BusUnavailable, Message
from chassis.clock import SystemClock
from services.enforcement.calls.ledger import LedgerFile
from services.enforcement.calls.shipper import Log, Rotation, Shipper
from services.enforcement.calls.standing import Standing
from services.enforcement.calls.tail import Tail
from services.enforcement.proxy.counters import ProxyAdmin
from tests.services.enforcement.stage import until


def line(number: int, run: str = "run-1", **fields: Any) -> bytes:
    """A line as Envoy writes it: the fields in the order of their names."""
    logged = {
        "run": run,
        "unique_id": f"u-{number}",
        "request_id": f"c-{number}",
        "started": str(1_900_000_000_000 + number),
        "duration_us": 1500,
        "duration_ms": 1,
        "status": 200,
        "flags": "-",
        "details": "via_upstream",
        "bytes_in": 0,
        "bytes_out": 5,
        "verdict": "app_1|org_1|sec_1|prd_1|ver_1|get%20Pet|pln_1|sub_1|",
        **fields,
    }
    return orjson.dumps(logged, option=orjson.OPT_SORT_KEYS) + b"\n"


class Admin:
    """An Envoy's administration, on a real socket, that counts what it is told to."""

    def __init__(self, folder: Path) -> None:
        self.address_file = folder / "admin.address"
        self.run, self.calls, self.lines, self.reopened = "run-1", 0, 0, 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address_file.write_text("{}:{}".format(*self._server.sockets[0].getsockname()))

    def close(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            body = b"OK"
            if b"/server_info" in head:
                body = orjson.dumps({"node": {"id": self.run}})
            elif b"/stats" in head:
                counts = {"http.calls.downstream_rq_total": self.calls, "http.calls.downstream_rq_active": 0}
                body = "".join(f"{name}: {value}\n" for name, value in counts.items()).encode()
                body += f"filesystem.write_buffered: {self.lines}\n".encode()
            elif b"/reopen_logs" in head:
                self.reopened += 1
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()


class Wire:
    """The bus as far as a shipper sees it, with a switch; what went out is kept as it went out."""

    is_connected = True

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.refusals = 0
        self.is_down = False
        self.has_queue = True

    async def publish(self, messages: Sequence[Message]) -> list[bool]:
        if self.is_down:
            self.refusals += 1
            raise BusUnavailable
        self.sent.extend(messages)
        return [self.has_queue for _ in messages]

    @property
    def batches(self) -> list[dict[str, Any]]:
        return [orjson.loads(message.body)["data"] for message in self.sent]

    @property
    def ids(self) -> list[str]:
        return [record["id"] for batch in self.batches for record in batch["records"]]


class Case:
    """One log and its shipper."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "calls.log"
        self.ledger = LedgerFile(folder / "announced.ledger")
        self.standing = Standing(folder / "announced.moment")
        self.admin, self.wire = Admin(folder), Wire()
        self.written = 0
        self.shipper = self.make()

    def make(self, rotate_at: int = 1 << 30) -> Shipper:
        source = Log(Tail(self.log), self.ledger, ProxyAdmin(self.admin.address_file), self.standing)
        self.shipper = Shipper(source, self.wire, SystemClock(), Rotation(source, self.log, rotate_at))
        return self.shipper

    def write(self, count: int, run: str = "run-1", **fields: Any) -> None:
        with self.log.open("ab") as log:
            for _ in range(count):
                log.write(line(self.written, run, **fields))
                self.written += 1
        self.admin.calls += count
        self.admin.lines += count

    async def shipped(self, count: int) -> None:
        async def has_shipped() -> bool:
            return len(self.wire.ids) >= count

        await until(has_shipped)

    def assert_exact(self, count: int) -> None:
        assert self.wire.ids == [f"c-{number}" for number in range(count)]
        assert [batch["batch"] for batch in self.wire.batches] == list(range(1, len(self.wire.batches) + 1))
        totals = 0
        for batch in self.wire.batches:
            totals += len(batch["records"])
            assert batch["records_total"] == totals
            assert len(batch["records"]) <= 500
