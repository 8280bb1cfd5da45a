"""HTTP servers inside this process: uvicorn on a socket that is bound already."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from chassis.tasks import end_task
from portico.trouble import Trouble


class _Server(uvicorn.Server):
    """Signals are the platform's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """One application served on one listening socket.

    ``trusted_proxies`` lists addresses, separated by commas, whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed.
    """

    def __init__(self, name: str, app: ASGIApp, listening: socket.socket, *, trusted_proxies: str = "") -> None:
        self.name = name
        self.port: int = listening.getsockname()[1]
        self._listening = listening
        # The parts' lives are entered by whoever put them together, so uvicorn runs no lifespan.
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=trusted_proxies or None,
            ws="websockets-sansio",
            ws_max_size=2**20,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=3,
            h11_max_incomplete_event_size=2**16,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to answer."""
        self._task = asyncio.create_task(self._server.serve([self._listening]), name=f"serve the {self.name}")
        while not self._server.started:
            if self._task.done():
                raise Trouble(f"The {self.name}'s server ended while it started: see the log.") from self._task.exception()
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        """Stop taking requests, give the running ones a moment, and end."""
        if self._task is None:
            self._listening.close()
            return
        self._server.should_exit = True
        done, _ = await asyncio.wait([self._task], timeout=6)
        if not done:
            await end_task(self._task)
