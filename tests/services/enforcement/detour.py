"""A way to the database that can be made long."""

import asyncio
import contextlib
import re


class Detour:
    """Passes on to a database what is said to it, each time after a while."""

    def __init__(self, mongo_url: str) -> None:
        found = re.search(r"//(?:[^@/]*@)?([^:/]+):(\d+)", mongo_url)
        assert found is not None
        self._url, self._host, self._port = mongo_url, found[1], int(found[2])
        self.delay = 0.0
        self._server: asyncio.Server | None = None
        self._ways: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Return where the database is reached by the detour."""
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return self._url.replace(f"{self._host}:{self._port}", f"127.0.0.1:{port}", 1)

    async def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._ways.add(task)
        task.add_done_callback(self._ways.discard)
        back, there = await asyncio.open_connection(self._host, self._port)
        try:
            await asyncio.gather(self._pass(reader, there, is_slow=True), self._pass(back, writer, is_slow=False))
        finally:
            for each in (writer, there):
                each.close()
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    await each.wait_closed()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_slow: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if is_slow and self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
        writer.close()

    async def close(self) -> None:
        """Close all ways."""
        assert self._server is not None
        self._server.close()
        for task in list(self._ways):
            task.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)
