"""The platform as a user runs it: a process of its own, started by its command, on free ports and a folder of its own."""

import asyncio
import json
import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from portico.journeys.traveller import Place

ROOT = Path(__file__).parents[2]
READY_WITHIN_SECONDS = 180


def free_ports(number: int) -> list[int]:
    """Return ports that nobody listens on just now."""
    sockets = [socket.socket() for _ in range(number)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def children_of(pid: int) -> set[int]:
    """Return the ids of all processes that descend from one."""
    found: set[int] = set()
    for task in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(task.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if parent == pid:
            child = int(task.parent.name)
            found |= {child} | children_of(child)
    return found


def is_alive(pid: int) -> bool:
    """Say whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until_ended(pids: set[int], seconds: float = 20) -> None:
    """Wait until none of the processes runs."""
    async with asyncio.timeout(seconds):
        while any(is_alive(pid) for pid in pids):  # noqa: ASYNC110 - other processes tell it in no other way
            await asyncio.sleep(0.05)


@dataclass
class RunningPlatform:
    """``portico up`` in a process of its own."""

    var: Path
    gateway_port: int
    data_plane_port: int
    mailbox_port: int
    data_plane_tls_port: int
    settings: dict[str, str] = field(default_factory=dict)
    output: Path = field(init=False)
    process: asyncio.subprocess.Process | None = None

    def __post_init__(self) -> None:
        self.output = self.var.parent / "up.log"

    def environment(self) -> dict[str, str]:
        """Return the environment in which the platform and its journey run."""
        return {
            **os.environ,
            "PORTICO_VAR": str(self.var),
            "PORTICO_GATEWAY_PORT": str(self.gateway_port),
            "PORTICO_DATA_PLANE_PORT": str(self.data_plane_port),
            "PORTICO_DATA_PLANE_TLS_PORT": str(self.data_plane_tls_port),
            "PORTICO_MAILBOX_PORT": str(self.mailbox_port),
            "PYTHONUNBUFFERED": "1",
            **self.settings,
        }

    @property
    def gateway(self) -> str:
        """Return the gateway's address."""
        return f"http://127.0.0.1:{self.gateway_port}"

    @property
    def data_plane_tls(self) -> str:
        """Return the data plane's address over TLS."""
        return f"https://127.0.0.1:{self.data_plane_tls_port}"

    @property
    def place(self) -> Place:
        """Return what the journey needs to know."""
        from portico.demo import PROVIDER

        passwords = json.loads((self.var / "demo.json").read_text())
        return Place(
            gateway=self.gateway,
            data_plane=f"http://127.0.0.1:{self.data_plane_port}",
            mailbox=f"http://127.0.0.1:{self.mailbox_port}",
            provider_email=PROVIDER,
            provider_password=passwords[PROVIDER],
        )

    async def start(self) -> None:
        """Start the command and wait until it says that it is ready."""
        with self.output.open("w") as output:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "portico", "up", cwd=ROOT, env=self.environment(), stdout=output, stderr=output
            )
        async with asyncio.timeout(READY_WITHIN_SECONDS):
            while "is ready" not in self.output.read_text():
                assert self.process.returncode is None, f"it ended:\n{self.output.read_text()}"
                await asyncio.sleep(0.05)

    async def stop(self) -> int:
        """Ask it to stop as Ctrl-C does, and return its exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        return await asyncio.wait_for(self.process.wait(), 40)

    async def kill(self) -> None:
        """End it as a power failure would, and wait until its children have noticed."""
        assert self.process is not None
        pids = children_of(self.process.pid)
        self.process.kill()
        await self.process.wait()
        await until_ended(pids)


def new_platform(folder: Path, **settings: str) -> RunningPlatform:
    """Return a platform that is not started yet, on free ports and an empty folder, with these settings besides."""
    gateway, data_plane, mailbox, data_plane_tls = free_ports(4)
    return RunningPlatform(folder / "var", gateway, data_plane, mailbox, data_plane_tls, settings)


async def run_command(platform: RunningPlatform, *arguments: str) -> tuple[int, str]:
    """Run another command of the command line against the platform; return its exit code and output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "portico", *arguments, cwd=ROOT, env=platform.environment(),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 230)
    return process.returncode or 0, output.decode()


def client() -> httpx.AsyncClient:
    """Return a client that waits as long as a person would."""
    return httpx.AsyncClient(timeout=20)
