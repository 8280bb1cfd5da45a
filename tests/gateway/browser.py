"""A real headless Chromium, spoken to by its DevTools protocol."""

import asyncio
import base64
import contextlib
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_PATIENCE_SECONDS = 60.0
_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-sync", "--disable-background-networking", "--disable-component-update"),
    *("--remote-debugging-port=0", "--window-size=1280,800"),
)


class Tab:
    """One page. ``complaints`` is what it wrote to its console as an error, what its policy refused included."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._sent = 0
        self.complaints: list[str] = []

    async def call(self, method: str, **params: Any) -> Any:
        """Have the browser do something, and return its answer."""
        self._sent += 1
        await self._socket.send(orjson.dumps({"id": self._sent, "method": method, "params": params}).decode())
        while True:
            message = orjson.loads(await asyncio.wait_for(self._socket.recv(), _PATIENCE_SECONDS))
            if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                self.complaints.append(message["params"]["entry"]["text"])
            if message.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(str(message["params"]["exceptionDetails"]))
            if message.get("id") == self._sent:
                assert "error" not in message, message
                return message["result"]

    async def open(self, address: str) -> None:
        """Go to an address."""
        await self.call("Page.navigate", url="about:blank")
        await self.call("Page.navigate", url=address)

    async def run(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        answer = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        return answer["result"].get("value")

    async def wait_for(self, script: str) -> Any:
        """Return the value of an expression as soon as it is a true one."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                if value := await self.run(script):
                    return value
                await asyncio.sleep(0.05)

    async def picture(self, path: Path) -> None:
        """Write what is to be seen into a file."""
        shot = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))


@asynccontextmanager
async def open_tab(folder: Path) -> AsyncIterator[Tab]:
    """Start a browser on a folder of its own, with one page; end it afterwards."""
    assert PROGRAM is not None
    command = (PROGRAM, *_OPTIONS, f"--user-data-dir={folder}", "about:blank")
    process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=PIPE, start_new_session=True)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), httpx.AsyncClient(trust_env=False) as http:
            pages = (await http.get(f"http://{await _address(process)}/json/list")).json()
        address = next(each["webSocketDebuggerUrl"] for each in pages if each["type"] == "page")
        async with connect(address, max_size=None, proxy=None) as socket:
            tab = Tab(socket)
            for domain in ("Page", "Runtime", "Log"):
                await tab.call(f"{domain}.enable")
            yield tab
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


async def _address(process: asyncio.subprocess.Process) -> str:
    """Return where the browser listens, as it prints it."""
    assert process.stderr is not None
    while line := await process.stderr.readline():
        if line.startswith(b"DevTools listening on ws://"):
            return line.decode().removeprefix("DevTools listening on ws://").partition("/")[0]
    raise AssertionError("the browser ended before it listened")
