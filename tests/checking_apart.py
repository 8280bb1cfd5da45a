"""Several instances of the check as processes of their own, over a real RabbitMQ and a database server."""

import asyncio
import os
import re
import signal
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx

from chassis.calls import HttpCaller
from chassis.ids import new_id
from chassis.mongo import connect
from chassis.rabbit import RabbitBus
from portico import serve
from portico.children import Child, Program
from portico.place import Place
from tests.many_processes import ROOT, free_port
from tests.passports import make_keys, make_passport
from tests.services.enforcement.stage import Announcer, Issuer

LISTENS = re.compile(r"listens at (http://\S+)")
START_SECONDS = 180.0


class Checks(Announcer):
    """The instances, and what announces to them."""

    def __init__(self, folder: Path, mongo_url: str, rabbitmq_url: str, **environment: str) -> None:
        super().__init__(RabbitBus(rabbitmq_url), Issuer(folder))
        make_keys(folder)
        self.folder = folder
        self.children: list[FreezableChild] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.urls: list[str] = []
        self.check_ports: list[int] = []
        self._stack = AsyncExitStack()
        prefix = f"apart_{os.getpid()}_{new_id('t')[-6:]}_"
        client = connect(mongo_url)
        self._stack.callback(client.close)
        self._place = Place(client, self.bus, folder, prefix)
        self.store = self._place.store("enforcement")
        self.environment = {
            "PORTICO_MONGO_URL": mongo_url,
            "PORTICO_RABBITMQ_URL": rabbitmq_url,
            "PORTICO_DATABASE_PREFIX": prefix,
            "PORTICO_KEYS_DIR": str(folder),
            "PORTICO_PORT": "0",
            "PORTICO_ENFORCEMENT_DATA_PLANE": "none",
            "PYTHONPATH": str(ROOT),
            **environment,
        }

    async def __aenter__(self) -> Self:
        await self.bus.start()
        self._stack.push_async_callback(self.bus.close)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for task in self.tasks:
            task.cancel()
        for child in self.children:
            child.resume_if_frozen()
        await self._stack.aclose()

    async def start(self, count: int) -> None:
        """Start so many more instances, the first one alone: it makes what is common to them."""
        for _ in range(count):
            await self.start_one()

    async def start_one(self) -> float:
        """Start one more instance and return after how many seconds it decided about calls."""
        port = free_port()
        began = time.monotonic()
        child = FreezableChild(self._program(f"check-{len(self.children)}", "enforcement", port))
        child.start()
        self._stack.push_async_callback(child.stop)
        found = await child.wait_ready(START_SECONDS)
        assert found is not None
        self.children.append(child)
        self.urls.append(found.group(1))
        self.check_ports.append(port)
        return time.monotonic() - began

    async def start_part(self, part: str) -> HttpCaller:
        """Start another part of the platform, and return what asks it."""
        child = Child(self._program(part, part, free_port()))
        child.start()
        self._stack.push_async_callback(child.stop)
        found = await child.wait_ready(START_SECONDS)
        assert found is not None
        caller = HttpCaller({part: found.group(1)})
        self._stack.push_async_callback(caller.close)
        return caller

    def _program(self, name: str, part: str, check_port: int) -> Program:
        environment = {**self.environment, "PORTICO_ENFORCEMENT_CHECK_PORT": str(check_port)}
        command = (sys.executable, *serve.command(part))
        return Program(name, command, self.folder / f"{name}.log", ready=LISTENS, environment=environment)

    def passport(self, **organizations: str) -> str:
        """Return a passport with these roles."""
        return make_passport(self.folder, "usr_1", organizations=organizations)

    async def instances(self) -> list[dict[str, Any]]:
        """Return what the instances have written of themselves."""
        found: list[dict[str, Any]] = await self.store.reader().collection("instances").find({"beats": {"$exists": True}})
        return found

    def kill(self, number: int) -> None:
        """End an instance as a power failure would."""
        os.kill(self.children[number].pid, signal.SIGKILL)

    async def load(self, number: int, name: str, keys: list[Any], **organizations: str) -> list[Any]:
        """Ask an instance over its internal HTTP."""
        async with httpx.AsyncClient(base_url=self.urls[number], trust_env=False) as http:
            headers = {"portico-passport": self.passport(**organizations)}
            answer = await http.post(f"/load/{name}", json={"keys": keys, "args": {}}, headers=headers, timeout=20)
            assert answer.status_code == 200, answer.text
            rows: list[Any] = answer.json()["rows"]
            return rows


class FreezableChild(Child):
    """A program that can stand still for a while."""

    is_frozen = False

    def freeze(self) -> None:
        """Let it stand still, without closing anything."""
        os.kill(self.pid, signal.SIGSTOP)
        self.is_frozen = True

    def resume_if_frozen(self) -> None:
        """Let it go on."""
        if self.is_frozen:
            os.kill(self.pid, signal.SIGCONT)
            self.is_frozen = False


class Answer(NamedTuple):
    """One call: when it was sent, when it was answered, and how."""

    sent: float
    answered: float
    status: int


class Client:
    """A caller that asks one instance again and again over one connection, and notes what it was told and when."""

    def __init__(self, port: int, path: str, headers: dict[str, str], *, pause_seconds: float) -> None:
        self._request = f"GET /check{path} HTTP/1.1\r\nhost: check\r\n".encode()
        self._request += "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n"
        self._port = port
        self._pause_seconds = pause_seconds
        self.answers: list[Answer] = []

    async def run(self) -> None:
        """Call until cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while True:
                sent = time.monotonic()
                writer.write(self._request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
                await reader.readexactly(length)
                self.answers.append(Answer(sent, time.monotonic(), int(head.split(b" ", 2)[1])))
                await asyncio.sleep(self._pause_seconds)
        finally:
            writer.close()

    def last_passed(self) -> "Answer":
        """Return the last call that passed."""
        return max(each for each in self.answers if each.status in (200, 429))

    def first_refused_after(self, moment: float) -> float:
        """Return when the first call was answered that was sent after a moment and refused."""
        return min(each.answered for each in self.answers if each.sent >= moment and each.status in (403, 503))
