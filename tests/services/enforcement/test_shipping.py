"""Every line of the log once, in numbered batches, whatever is killed, cut off or renamed meanwhile."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.services.enforcement.log_stage import Case, line
from tests.services.enforcement.stage import start, until


@pytest.fixture
async def case(tmp_path: Path) -> Any:
    case = Case(tmp_path)
    await case.admin.start()
    yield case
    await case.shipper.close()
    case.admin.close()


async def test_many_lines_go_out_in_batches_and_the_watermark_says_how_far(case: Case) -> None:
    case.write(1234)
    await case.shipper.start()
    await case.shipped(1234)
    case.assert_exact(1234)
    last = case.wire.batches[-1]
    assert last["calls_total"] == 1234
    assert last["read_through"] is not None

    async def idles() -> bool:
        return len(case.wire.batches[-1]["records"]) == 0

    await until(idles)
    assert case.wire.batches[-1]["read_through"] > last["read_through"]


async def test_the_watermark_waits_for_lines_that_the_proxy_has_not_flushed(case: Case) -> None:
    case.write(3)
    case.admin.lines += 1
    case.admin.calls += 1
    await case.shipper.start()
    await case.shipped(3)
    assert case.wire.batches[-1]["read_through"] is None
    assert case.wire.batches[-1]["calls_total"] == 4
    case.admin.lines -= 1
    case.admin.calls -= 1
    case.write(1)
    await case.shipped(4)

    async def settled() -> bool:
        return case.wire.batches[-1]["read_through"] is not None

    await until(settled)
    case.assert_exact(4)


async def test_half_a_line_waits_for_its_other_half(case: Case) -> None:
    whole = line(0)
    case.log.write_bytes(whole[:50])
    await case.shipper.start()
    await asyncio.sleep(0.3)
    assert case.wire.ids == []
    with case.log.open("ab") as log:
        log.write(whole[50:])
    await case.shipped(1)
    case.assert_exact(1)


async def test_while_the_bus_is_down_calls_wait_and_the_same_batch_goes_out(case: Case) -> None:
    case.wire.is_down = True
    case.write(10)
    await case.shipper.start()

    async def was_refused() -> bool:
        return case.wire.refusals > 0

    await until(was_refused)
    case.write(10)
    case.wire.is_down = False
    await case.shipped(20)
    case.assert_exact(20)


async def test_a_batch_that_nobody_has_a_queue_for_is_not_announced_yet(case: Case) -> None:
    case.wire.has_queue = False
    case.write(5)
    await case.shipper.start()
    await case.shipped(5)
    case.wire.has_queue = True
    await case.shipped(10)
    assert len({message.id for message in case.wire.sent if orjson.loads(message.body)["data"]["records"]}) == 1
    assert len({message.body for message in case.wire.sent[:2]}) == 1


async def test_a_log_that_is_cut_off_goes_on_and_one_that_has_grown_again_too(case: Case) -> None:
    case.write(20)
    await case.shipper.start()
    await case.shipped(20)
    case.log.write_bytes(b"")
    case.write(5)
    await case.shipped(25)
    await case.shipper.close()
    case.log.write_bytes(b"")
    case.write(50)
    await case.make().start()
    await case.shipped(75)
    case.assert_exact(75)


async def test_renamed_files_are_read_to_their_end_in_their_order(case: Case) -> None:
    case.write(10)
    await case.shipper.start()
    await case.shipped(10)
    await case.shipper.close()
    for number in (1, 2):
        case.write(10)
        case.log.rename(case.log.with_name(f"calls.log.{number}"))
        os.utime(case.log.with_name(f"calls.log.{number}"), (number, number))
    case.write(10)
    await case.make().start()
    await case.shipped(40)
    case.assert_exact(40)

    async def are_gone() -> bool:
        return [path.name for path in sorted(case.log.parent.glob("calls.log*"))] == ["calls.log"]

    await until(are_gone)


async def test_a_large_log_is_renamed_and_the_proxy_told(case: Case) -> None:
    case.write(50)
    await case.make(rotate_at=1000).start()
    await case.shipped(50)

    async def was_told() -> bool:
        return case.admin.reopened > 0

    await until(was_told)
    assert not case.log.exists()
    case.write(5)
    await case.shipped(55)
    case.assert_exact(55)


async def test_a_new_run_of_the_proxy_counts_from_nothing_and_the_total_goes_on(case: Case) -> None:
    case.write(10)
    await case.shipper.start()
    await case.shipped(10)
    case.admin.run, case.admin.calls, case.admin.lines = "run-2", 0, 0
    case.write(5, "run-2")
    await case.shipped(15)

    async def whole() -> bool:
        return bool(case.wire.batches[-1]["calls_total"] == 15)

    await until(whole)
    case.assert_exact(15)


async def test_batches_that_a_killed_shipper_left_go_out_again_byte_for_byte(case: Case) -> None:
    case.write(30)
    case.wire.is_down = True
    await case.shipper.start()

    async def is_written() -> bool:
        return case.ledger.read()[1] is not None

    await until(is_written)
    outgoing = case.ledger.read()[1]
    assert outgoing is not None
    assert case.shipper._task is not None
    case.shipper._task.cancel()
    await asyncio.gather(case.shipper._task, return_exceptions=True)
    await case.shipper._source.admin.close()
    case.shipper._source.tail.close()
    case.log.write_bytes(b"")  # even with the log gone
    case.wire.is_down = False
    await case.make().start()
    await case.shipped(30)
    assert (case.wire.sent[0].id, case.wire.sent[0].body) == (outgoing.id, outgoing.body)
    case.assert_exact(30)


_SHIP = """
import asyncio, sys
from pathlib import Path
from chassis.clock import SystemClock
from services.enforcement.calls.ledger import LedgerFile
from services.enforcement.calls.shipper import Log, Shipper
from services.enforcement.calls.standing import Standing
from services.enforcement.calls.tail import Tail
from services.enforcement.proxy.counters import ProxyAdmin

folder = Path(sys.argv[1])

class Appender:
    is_connected = True
    async def publish(self, messages):
        with (folder / "sent").open("ab") as sent:
            for message in messages:
                sent.write(message.id.encode() + b" " + message.body + b"\\n")
        return [True for _ in messages]

async def main():
    standing = Standing(folder / "announced.moment")
    log = Log(Tail(folder / "calls.log"), LedgerFile(folder / "announced.ledger"), ProxyAdmin(folder / "admin.address"), standing)
    shipper = Shipper(log, Appender(), SystemClock())
    await shipper.start()
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.processes
async def test_a_shipper_that_is_killed_again_and_again_loses_and_doubles_nothing(case: Case, tmp_path: Path) -> None:
    sent = tmp_path / "sent"

    def announced() -> dict[str, bytes]:
        whole = sent.read_bytes().rpartition(b"\n")[0].splitlines() if sent.exists() else []
        batches: dict[str, bytes] = {}
        for each in whole:
            name, _, body = each.partition(b" ")
            assert batches.setdefault(name.decode(), body) == body, "the same id with other bytes"
        return batches

    def ids() -> list[str]:
        by_number = sorted((orjson.loads(body)["data"] for body in announced().values()), key=lambda data: data["batch"])
        return [record["id"] for data in by_number for record in data["records"]]

    for _ in range(4):
        case.write(3000)
        before = len(announced())
        process = start([sys.executable, "-c", _SHIP, str(tmp_path)])

        async def has_begun(before: int = before) -> bool:
            return len(announced()) > before

        await until(has_begun, 20)
        process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(process.wait)
    process = start([sys.executable, "-c", _SHIP, str(tmp_path)])

    async def has_all() -> bool:
        return len(ids()) >= 12_000

    await until(has_all, 30)
    process.kill()
    await asyncio.to_thread(process.wait)
    assert ids() == [f"c-{number}" for number in range(12_000)]
