"""Every part as its own process, over a real RabbitMQ and a database server: started by the commands that containers run."""

import asyncio
import json
import os
import re
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from chassis.clock import SystemClock
from portico import demo, serve
from portico.authority import ANCHORS, open_authority
from portico.children import Child, Program
from portico.composition import SUPPORT_ADDRESS
from portico.journeys.traveller import Place
from portico.keys import make_certificates, make_keys
from portico.mailbox import Mailbox, mailbox_app
from portico.place import settings_of
from portico.servers import HttpServer
from portico.trouble import bind
from services.enforcement.main import proxy_command
from services.enforcement.settings import EnforcementSettings

ROOT = Path(__file__).resolve().parents[1]
LISTENS = re.compile(r"listens at (http://\S+)")
START_SECONDS = 180.0


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with bind("127.0.0.1", 0, "a free port") as listening:
        port: int = listening.getsockname()[1]
        return port


class ManyProcesses:
    """The platform as containers run it, without containers."""

    def __init__(self, folder: Path, mongo_url: str, rabbitmq_url: str, **more: str) -> None:
        self.folder = folder
        self.gateway_port, self.data_plane_port, self.check_port, self.sandbox_port = (free_port() for _ in range(4))
        self.data_plane_tls_port, certified_port, self.support_port = free_port(), free_port(), free_port()
        self.gateway = f"http://127.0.0.1:{self.gateway_port}"
        self.data_plane = f"http://127.0.0.1:{self.data_plane_port}"
        self.data_plane_tls = f"https://127.0.0.1:{self.data_plane_tls_port}"
        self.mailbox = ""
        self.children: dict[str, Child] = {}
        self._stack = AsyncExitStack()
        self._environment = {
            "PORTICO_MONGO_URL": mongo_url,
            "PORTICO_RABBITMQ_URL": rabbitmq_url,
            "PORTICO_DATABASE_PREFIX": f"many_{os.getpid()}_{self.gateway_port}_",
            "PORTICO_KEYS_DIR": str(folder / "keys"),
            "PORTICO_PORT": "0",
            "PORTICO_IDENTITY_ISSUER": self.gateway,
            "PORTICO_IDENTITY_PORTAL_URL": self.gateway,
            "PORTICO_IDENTITY_TOKEN_AUDIENCE": "portico:calls",
            "PORTICO_IDENTITY_OPERATOR_EMAILS": demo.OPERATOR,
            "PORTICO_IDENTITY_SIGNATURE_ANCHORS_DIR": str(folder / "authority" / ANCHORS),
            "PORTICO_CATALOG_CALLS_URL": self.data_plane,
            "PORTICO_ENFORCEMENT_KEYS_DIR": str(folder / "keys"),
            "PORTICO_ENFORCEMENT_TOKEN_ISSUER": self.gateway,
            "PORTICO_ENFORCEMENT_TOKEN_AUDIENCE": "portico:calls",
            "PORTICO_ENFORCEMENT_CHECK_PORT": str(self.check_port),
            "PORTICO_ENFORCEMENT_SANDBOX_ADDRESS": f"127.0.0.1:{self.sandbox_port}",
            "PORTICO_ENFORCEMENT_DATA_PLANE": str(folder / "data-plane"),
            "PORTICO_ENFORCEMENT_PROXY_PORT": str(self.data_plane_port),
            "PORTICO_ENFORCEMENT_PROXY_TLS_PORT": str(self.data_plane_tls_port),
            "PORTICO_ENFORCEMENT_TLS_CERTIFICATE_FILE": str(folder / "tls" / "server.pem"),
            "PORTICO_ENFORCEMENT_TLS_KEY_FILE": str(folder / "tls" / "server.key"),
            "PORTICO_ENFORCEMENT_CERTIFIED_ADDRESS": f"127.0.0.1:{certified_port}",
            "PORTICO_CERTIFIED_PORT": str(certified_port),
            "PORTICO_CERTIFIED_SECRET": secrets.token_hex(24),
            "PORTICO_IDENTITY_MTLS_URL": self.data_plane_tls,
            "PORTICO_GATEWAY_COOKIE_SECURE": "false",
            "PORTICO_NOTIFICATIONS_SUPPORT_ADDRESS": SUPPORT_ADDRESS,
            "PORTICO_NOTIFICATIONS_SUPPORT_SMTP_PORT": str(self.support_port),
            **more,
        }

    @property
    def place(self) -> Place:
        """Return what the journey needs to know."""
        passwords = json.loads((self.folder / "demo.json").read_text())
        return Place(
            self.gateway,
            self.data_plane,
            self.mailbox,
            demo.PROVIDER,
            passwords[demo.PROVIDER],
            demo.OPERATOR,
            passwords[demo.OPERATOR],
            self.folder / "authority",
        )

    async def start(self) -> None:
        """Make the keys and the queues, start every part, then the proxy, then load the demonstration."""
        make_keys(self.folder / "keys")
        open_authority(self.folder / "authority")
        make_certificates(self.folder / "tls", [])
        await self._start_mailbox()
        await self._run_to_end("topology")
        services = [part for part in serve.PARTS if part != "gateway"]
        urls = await asyncio.gather(*(self._start_part(part) for part in services))
        self._environment |= {f"PORTICO_{part.upper()}_URL": url for part, url in zip(services, urls, strict=True)}
        await self._start_part("gateway")
        await self._start_proxy("proxy", self.folder / "data-plane", self.data_plane_port)
        addresses = demo.Addresses(f"{self.gateway}/graphql", self.mailbox)
        await demo.load(addresses, demo.passwords(self.folder / "demo.json"), lambda _: None)

    async def start_another_pair(self) -> tuple[str, str]:
        """Start one more instance of enforcement with a proxy of its own; return its name and where it is called."""
        number = sum(name.startswith("enforcement") for name in self.children) + 1
        name, folder, port = f"enforcement-{number}", self.folder / f"data-plane-{number}", free_port()
        of_its_own = {
            "PORTICO_ENFORCEMENT_DATA_PLANE": str(folder),
            "PORTICO_ENFORCEMENT_CHECK_PORT": str(free_port()),
            "PORTICO_ENFORCEMENT_PROXY_PORT": str(port),
            "PORTICO_ENFORCEMENT_PROXY_TLS_PORT": "0",
        }
        await self._start_part("enforcement", name, **of_its_own)
        await self._start_proxy(f"proxy-{number}", folder, port)
        return name, f"http://127.0.0.1:{port}"

    async def kill(self, part: str) -> None:
        """End one part as a power failure would, and start it again at the same address."""
        child = self.children[part]
        os.kill(child.pid, signal.SIGKILL)
        await child.stop()
        child.start()
        await child.wait_ready(START_SECONDS)

    async def close(self) -> None:
        """End everything."""
        await self._stack.aclose()

    async def _start_mailbox(self) -> None:
        mailbox = Mailbox(self.folder / "mail", SystemClock())
        mailbox.open()
        mailbox.answers_to = self.support_port
        smtp = await mailbox.listen()
        self._stack.callback(smtp.close)
        page = HttpServer("mailbox", mailbox_app(mailbox), bind("127.0.0.1", 0, "a free port"))
        await page.start()
        self._stack.push_async_callback(page.close)
        self.mailbox = f"http://127.0.0.1:{page.port}"
        self._environment["PORTICO_IDENTITY_SMTP_PORT"] = str(smtp.sockets[0].getsockname()[1])

    async def _run_to_end(self, command: str) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "portico", command),
            cwd=ROOT,
            env={**os.environ, **self._environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), START_SECONDS)
        assert process.returncode == 0, output.decode()

    async def _start_part(self, part: str, name: str = "", **more: str) -> str:
        name = name or part
        port = {"gateway": self.gateway_port, "sandbox": self.sandbox_port}.get(part) or free_port()
        environment = {**self._environment, "PORTICO_PORT": str(port), "PYTHONPATH": str(ROOT), **more}
        command = (sys.executable, *serve.command(part))
        child = Child(Program(name, command, self.folder / f"{name}.log", ready=LISTENS, environment=environment))
        child.start()
        self.children[name] = child
        self._stack.push_async_callback(child.stop)
        found = await child.wait_ready(START_SECONDS)
        assert found is not None
        return found.group(1)

    async def _start_proxy(self, name: str, folder: Path, port: int) -> None:
        settings = settings_of(EnforcementSettings, data_plane=folder)
        child = Child(Program(name, tuple(proxy_command(settings)), self.folder / f"{name}.log"))
        child.start()
        self.children[name] = child
        self._stack.push_async_callback(child.stop)
        for _ in range(500):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
        raise AssertionError(f"the proxy does not listen: {child.output()}")


@asynccontextmanager
async def many_processes(folder: Path, mongo_url: str, rabbitmq_url: str, **more: str) -> AsyncIterator[ManyProcesses]:
    """Start everything, and end it whatever happens."""
    running = ManyProcesses(folder, mongo_url, rabbitmq_url, **more)
    try:
        await running.start()
        yield running
    finally:
        await running.close()
