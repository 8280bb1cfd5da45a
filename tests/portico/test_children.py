"""Children: they start, tell when they are ready, are started again, and never outlive the platform."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from portico.children import Child, Keeper, Program, wait_until_free
from portico.trouble import Trouble

READY = re.compile(r"ready (\d+)")
SLEEPER = "import time; print('ready 7', flush=True); time.sleep(60)"
STUBBORN = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready 7', flush=True); time.sleep(60)"


def program(folder: Path, code: str, *, lock: bool = False) -> Program:
    return Program(
        "child",
        (sys.executable, "-c", code),
        folder / "child.log",
        ready=READY,
        lock=folder / "child.lock" if lock else None,
    )


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_child_tells_when_it_is_ready_and_stops(tmp_path: Path) -> None:
    child = Child(program(tmp_path, SLEEPER))
    child.start()
    found = await child.wait_ready()
    assert found is not None
    assert found.group(1) == "7"
    await child.stop()
    assert child.exit_code() == -signal.SIGTERM
    assert not is_alive(child.pid)


async def test_a_child_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    child = Child(program(tmp_path, STUBBORN))
    child.start()
    await child.wait_ready()
    await child.stop(grace_seconds=0.1)
    assert child.exit_code() == -signal.SIGKILL


async def test_a_child_that_waits_for_a_connection_notices_that_it_is_asked_to_stop(tmp_path: Path) -> None:
    waiter = (
        "import signal, socket, sys; signal.signal(signal.SIGTERM, lambda *_: None); "
        "server = socket.create_server(('127.0.0.1', 0)); print('ready', server.getsockname()[1], flush=True); "
        "server.accept(); sys.exit(5)"
    )
    child = Child(program(tmp_path, waiter))
    child.start()
    found = await child.wait_ready()
    assert found is not None
    child.program = replace(child.program, knock_at=int(found.group(1)))
    await child.stop()
    assert child.exit_code() == 5


async def test_a_child_that_cannot_start_is_one_sentence_with_its_last_words(tmp_path: Path) -> None:
    child = Child(program(tmp_path, "import sys; sys.exit('the disk is on fire')"))
    child.start()
    with pytest.raises(Trouble, match=r"ended by itself with exit code 1\..*the disk is on fire"):
        await child.wait_ready()


async def test_a_child_that_dies_is_reported_and_started_again(tmp_path: Path) -> None:
    reports: list[str] = []
    keeper = Keeper(reports.append)
    child = Child(program(tmp_path, SLEEPER))
    child.start()
    await child.wait_ready()
    keeper.watch(child)
    first = child.pid
    os.kill(first, signal.SIGKILL)
    for _ in range(200):
        await asyncio.sleep(0.02)
        if child.pid != first and child.exit_code() is None:
            break
    await keeper.end(child)
    assert reports == [f"The child (process {first}) ended by itself with signal SIGKILL. It is started again."]
    assert not is_alive(child.pid)


async def test_a_child_that_keeps_dying_ends_the_platform(tmp_path: Path) -> None:
    keeper = Keeper(lambda _: None, deaths_allowed=2)
    child = Child(program(tmp_path, "print('ready 1'); print('no more')"))
    child.start()
    keeper.watch(child)
    sentence = await asyncio.wait_for(keeper.gave_up, 20)
    await keeper.end(child)
    assert "keeps doing so" in sentence
    assert "no more" in sentence


async def test_a_child_holds_its_lock_for_as_long_as_it_lives(tmp_path: Path) -> None:
    child = Child(program(tmp_path, SLEEPER, lock=True))
    child.start()
    await child.wait_ready()
    with pytest.raises(Trouble, match="has not ended after 0 seconds"):
        await wait_until_free(tmp_path / "child.lock", "child", timeout_seconds=0.1)
    await child.stop()
    await wait_until_free(tmp_path / "child.lock", "child", timeout_seconds=1)


PARENT = """
import asyncio, sys, time
from pathlib import Path
from portico.children import Child
from tests.portico.test_children import SLEEPER, program
child = Child(program(Path(sys.argv[1]), SLEEPER))
child.start()
asyncio.run(child.wait_ready())
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.processes
def test_a_child_ends_when_the_platform_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    give_up_at = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < give_up_at:
        time.sleep(0.02)
    assert not is_alive(pid)
