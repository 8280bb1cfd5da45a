"""An API as it stands behind the data plane."""

import asyncio
import contextlib
import ssl


class Upstream:
    """An API that tells what reached it; over TLS where it is given a context.

    ``answers`` holds what else it answers to which path's end; nothing: it goes away.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.seen: list[dict[str, str]] = []
        self.answers: dict[str, bytes] = {}
        self.said = b"server: animals"
        self.shown: list[bytes | None] = []
        self._context = context
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, port: int = 0) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=self._context)
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()

    async def stop(self) -> None:
        """Go away as a machine does: open connections end, too."""
        assert self._server is not None
        self._server.close()
        for writer in [*self._writers]:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if self._context is not None:
            self.shown.append(writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
                await reader.readexactly(int(headers.get("content-length", 0)))
                if "transfer-encoding" in headers:
                    await reader.readuntil(b"\r\n0\r\n\r\n")
                self.seen.append({"request": request, **headers})
                if "/slow" in request:
                    await asyncio.sleep(3)
                plain = b"HTTP/1.1 200 OK\r\n%s\r\ncontent-length: 5\r\n\r\nhello" % self.said
                path = request.split()[1]
                told = next((told for end, told in self.answers.items() if path.endswith(end)), plain)
                if not told:
                    break
                writer.write(told)
        self._writers.discard(writer)
        writer.close()
