"""The whole platform in the tests' own process: every service, the gateway on a real loopback port, the mailbox; no proxy.

Where the proxy would take calls, each is answered with 204.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from portico.composition import OneProcess, one_process
from portico.demo import OPERATOR
from portico.keys import make_keys
from portico.place import settings_of
from portico.settings import PorticoSettings
from portico.trouble import bind


@dataclass(frozen=True)
class RunningInProcess:
    """Where the platform is; ``whole`` gives access to its parts. ``operator_email`` may register as the operator."""

    gateway_url: str
    mailbox_url: str
    whole: OneProcess
    operator_email: str = OPERATOR
    called: list[bytes] = field(default_factory=list)
    """The heads of the calls that were answered where the proxy would take them."""

    def public_keys(self) -> list[dict[str, str]]:
        """Return the public keys of access tokens."""
        keys: list[dict[str, str]] = json.loads((self.whole.place.keys_dir / "tokens.public.json").read_text())["keys"]
        return keys


@asynccontextmanager
async def running_platform(mongo_url: str, var: Path, database_prefix: str) -> AsyncIterator[RunningInProcess]:
    """Start the platform on free ports, on databases of its own, and stop it again."""
    sockets = {name: bind("127.0.0.1", 0, "a free port") for name in ("gateway", "mailbox")}
    ports = {f"{name}_port": each.getsockname()[1] for name, each in sockets.items()}
    called: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    calls = await asyncio.start_server(answer, "127.0.0.1", 0)
    ports["data_plane_port"] = calls.sockets[0].getsockname()[1]
    settings = settings_of(PorticoSettings, var=var, **ports)
    make_keys(var / "keys")
    whole = await one_process(settings, var, mongo_url, database_prefix=database_prefix, has_proxy=False)
    try:
        await whole.start(sockets)
        yield RunningInProcess(settings.gateway_url, settings.mailbox_url, whole, called=called)
    finally:
        await whole.close()
        calls.close()
