"""Enforcement, started as a program of its own by whoever measures it."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.dataplane.callers import Issuer


@dataclass(slots=True)
class Enforcing:
    """Where it is, and in the end what was announced of the calls."""

    pid: int
    check_port: int
    proxy_port: int
    proxy_pid: int | None
    shipper_pid: int | None = None
    announced: dict[str, int] = field(default_factory=dict)


@asynccontextmanager
async def start_enforcement(
    folder: Path, issuer: Issuer, mongo_url: str, *, callers: int, upstream_port: int = 1, proxy: str = ""
) -> AsyncIterator[Enforcing]:
    """Run enforcement, behind a proxy where one is named; stop it in the end, when everything is announced."""
    name = proxy or "alone"
    own = folder / name
    own.mkdir()
    command = [sys.executable, "-m", "bench.dataplane.enforcing", "--name", name, "--folder", str(own)]
    command += ["--keys", str(issuer.folder), "--mongo-url", mongo_url, "--callers", str(callers)]
    command += ["--upstream-port", str(upstream_port), *(["--proxy", proxy] if proxy else [])]
    with (own / "said.log").open("wb") as said:
        program = await asyncio.create_subprocess_exec(*command, stdout=said, stderr=said)
    while not (own / "ready.json").exists():
        if program.returncode is not None:
            raise RuntimeError(f"enforcement has not started:\n{(own / 'said.log').read_text()[-3000:]}")
        await asyncio.sleep(0.05)
    ready = json.loads((own / "ready.json").read_text())
    found = Enforcing(program.pid, ready["check_port"], ready["proxy_port"], ready.get("proxy_pid"), ready.get("shipper_pid"))
    try:
        yield found
    finally:
        program.terminate()
        async with asyncio.timeout(120):
            await program.wait()
        if program.returncode:
            raise RuntimeError(f"enforcement has failed:\n{(own / 'said.log').read_text()[-3000:]}")
        found.announced = json.loads((own / "announced.json").read_text())
