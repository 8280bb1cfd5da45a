"""What enforcement's tests stand on: the service as it runs, and calls; beside it who issues tokens and what others announce."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import orjson

from chassis.bus import Bus, Message, Reaction
from chassis.service import Service
from services.enforcement.checks.listener import CheckListener
from services.enforcement.main import proxy_command
from services.enforcement.settings import EnforcementSettings
from tests.services.enforcement.announcing import Announcer, Client, Product, message
from tests.services.enforcement.issuer import AUDIENCE, ISSUER, Issuer
from tests.services.enforcement.upstream import Upstream

__all__ = [
    "AUDIENCE",
    "ISSUER",
    "Announcer",
    "Client",
    "DataPlaneStage",
    "Issuer",
    "Product",
    "Stage",
    "free_port",
    "message",
    "start",
    "until",
]

W = TypeVar("W")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def start(command: list[str], **how: Any) -> subprocess.Popen[bytes]:
    """Start a program and do not wait for it."""
    return subprocess.Popen(command, **how)


_IDLE_AT_MOST = 5


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 60.0) -> Any:
    """Return the condition's first true value."""
    give_up_at = time.monotonic() + seconds
    while True:
        found = await condition()
        if found:
            return found
        assert time.monotonic() < give_up_at, "it did not come about"
        await asyncio.sleep(0.01)


class Stage(Announcer):
    """Announces things and asks the check."""

    def __init__(self, bus: Bus, issuer: Issuer, service: Service) -> None:
        super().__init__(bus, issuer)
        self.service = service

    @property
    def check_port(self) -> int:
        return self.worker(CheckListener).port

    def worker(self, kind: type[W]) -> W:
        """The service's worker of this kind."""
        return next(worker for worker in self.service.workers if isinstance(worker, kind))

    async def check(self, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.check_port}", trust_env=False) as http:
            return await http.request(method, f"/check{path}", headers=headers or {})

    async def check_until(self, status: int, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def asked() -> httpx.Response | None:
            answer = await self.check(method, path, headers)
            return answer if answer.status_code == status else None

        found: httpx.Response = await until(asked)
        return found


class DataPlaneStage(Stage):
    """With a proxy in front; what is announced of calls is kept in ``batches``."""

    def __init__(self, bus: Bus, issuer: Issuer, service: Service, *, settings: EnforcementSettings, upstream: Upstream) -> None:
        super().__init__(bus, issuer, service)
        self.settings = settings
        self.upstream = upstream
        self.batches: list[dict[str, Any]] = []
        self._proxy: subprocess.Popen[bytes] | None = None
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.proxy_port}", trust_env=False)

    @property
    def folder(self) -> Path:
        assert self.settings.data_plane is not None
        return self.settings.data_plane

    @property
    def records(self) -> list[dict[str, Any]]:
        return [record for batch in self.batches for record in batch["records"]]

    async def start(self) -> None:
        async def keep(message: Message) -> None:
            batch = orjson.loads(message.body)["data"]
            if batch not in self.batches:  # a batch may come again, as it was
                self.batches.append(batch)

        await self.service.declare()
        hears_calls = Reaction("analytics.test", ("enforcement.calls_recorded.v1",), keep)
        await self.bus.declare([hears_calls])
        await self.bus.react(hears_calls)
        await self.service.start()
        await self.start_proxy()

    def prepare(self) -> list[str]:
        """The command that starts the proxy; its files are there already."""
        return proxy_command(self.settings)

    async def start_proxy(self) -> None:
        with (self.folder / "proxy.log").open("ab") as output:
            self._proxy = start(self.prepare(), stdout=output, stderr=output, start_new_session=True)

        async def answers() -> bool:
            try:
                return (await self.http.get("/")).status_code == 404
            except httpx.TransportError:
                return False

        await until(answers)

    async def stop_proxy(self, how: int = signal.SIGTERM) -> None:
        """Stop the proxy, or end it as a power failure would: with all of its processes."""
        assert self._proxy is not None
        if how == signal.SIGKILL:
            os.killpg(self._proxy.pid, how)
        else:
            os.kill(self._proxy.pid, how)
        await asyncio.to_thread(self._proxy.wait, 10)

    async def close(self) -> None:
        await self.http.aclose()
        await self.stop_proxy()
        await self.service.close()

    async def call(self, method: str, path: str, headers: dict[str, str] | None = None, **how: Any) -> httpx.Response:
        for _ in range(_IDLE_AT_MOST):
            try:
                return await self.http.request(method, path, headers=headers or {}, **how)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                if method != "GET":
                    raise
                # nginx closes idle connections when its upstreams change: whoever meets that asks once more (RFC 9112, 9.3.1),
                # and may meet the next one of those that it has kept.
        return await self.http.request(method, path, headers=headers or {}, **how)

    async def call_until(self, status: int, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def called() -> httpx.Response | None:
            answer = await self.call(method, path, headers)
            return answer if answer.status_code == status else None

        found: httpx.Response = await until(called)
        return found

    async def record_of(self, answer: httpx.Response) -> dict[str, Any]:
        """The record of the call that was answered so."""
        request_id = answer.headers.get("x-request-id") or answer.json()["request_id"]

        async def found() -> dict[str, Any] | None:
            return next((record for record in self.records if record["id"] == request_id), None)

        record: dict[str, Any] = await until(found)
        return record
