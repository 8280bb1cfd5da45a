"""The usher: however the platform ends, every call that the proxy has answered stands in its log."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.enforcement.main import data_plane, ushered_proxy_command
from tests.services.enforcement.stage import DataPlaneStage, start, until

pytestmark = pytest.mark.processes


def child_of(pid: int) -> int:
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


async def until_ended(pid: int) -> None:
    async def has_ended() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except FileNotFoundError:
            return True

    await until(has_ended)


@pytest.fixture
async def usher(plane: DataPlaneStage) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """A proxy below an usher, in place of the data plane's own."""
    await plane.stop_proxy()
    with (plane.folder / "usher.log").open("ab") as output:
        started = start(ushered_proxy_command(plane.settings), stdout=output, stderr=output)

    async def answers() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return (await plane.http.get("/")).status_code == 404
        return False

    await until(answers)
    yield started
    if started.poll() is None:
        started.terminate()
        await asyncio.to_thread(started.wait, 10)
    await plane.start_proxy()


async def test_every_answered_call_is_in_the_log(plane: DataPlaneStage, usher: "subprocess.Popen[bytes]") -> None:
    product = await plane.product()
    log = data_plane(plane.settings).log_file
    await asyncio.sleep(0.3)
    before = len(log.read_bytes().splitlines())
    answered = unanswered = 0

    async def keep_calling() -> None:
        nonlocal answered, unanswered
        async with httpx.AsyncClient(base_url=plane.http.base_url, trust_env=False) as http:
            while usher.poll() is None:
                try:
                    await http.get(f"{product.base_path}/pets")
                    answered += 1
                except httpx.TransportError:
                    unanswered += 1
                    await asyncio.sleep(0.02)

    calling = [asyncio.create_task(keep_calling()) for _ in range(8)]
    async with asyncio.timeout(60):
        while answered <= 20:  # noqa: ASYNC110 - it is what is waited for
            await asyncio.sleep(0.05)
    envoy = child_of(usher.pid)
    usher.send_signal(signal.SIGTERM)
    await asyncio.gather(*calling)
    await until_ended(envoy)
    written = len(log.read_bytes().splitlines()) - before
    assert answered <= written <= answered + unanswered


async def test_a_proxy_whose_usher_is_killed_ends_too(usher: "subprocess.Popen[bytes]") -> None:
    envoy = child_of(usher.pid)
    usher.kill()
    await asyncio.to_thread(usher.wait, 10)
    await until_ended(envoy)


async def test_a_second_signal_changes_nothing(usher: "subprocess.Popen[bytes]") -> None:
    envoy = child_of(usher.pid)
    usher.send_signal(signal.SIGINT)
    usher.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(usher.wait, 10) == 0
    await until_ended(envoy)


async def test_a_proxy_that_is_killed_leaves_nothing_behind(usher: "subprocess.Popen[bytes]") -> None:
    proxy = child_of(usher.pid)
    workers = [int(each) for each in Path(f"/proc/{proxy}/task/{proxy}/children").read_text().split()]
    os.kill(proxy, signal.SIGKILL)
    assert await asyncio.to_thread(usher.wait, 60) == 128 + signal.SIGKILL
    for pid in (proxy, *workers):
        await until_ended(pid)
