"""Where members of a fleet ask: Envoy's discovery over HTTP (``POST /v3/discovery:clusters``), with a secret, at its own port.

It is for a network that the members and enforcement share: what is told holds what the proxy shows to the authorization server.
"""

import asyncio
import contextlib
import hmac
from http import HTTPStatus

import orjson

from chassis.tasks import bounded
from chassis.telemetry import log
from services.enforcement.proxy.fleet.discovery import Discovery, read_question

_PATH = "/v3/discovery:"
_LARGEST_BODY_BYTES = 4 * 2**20  # Envoy names all its extensions in each question
_LARGEST_HEAD_BYTES = 16 * 2**10
_READ_SECONDS = 30.0
_IDLE_SECONDS = 120.0
_log = log("enforcement.discovery")


class _NotAnswered(Exception):  # noqa: N818 - named as the fact that it reports
    """A request that is answered by a status alone."""

    def __init__(self, status: HTTPStatus) -> None:
        self.status = status
        super().__init__(status.phrase)


class DiscoveryListener:
    """Serves discovery on an address of its own; port 0 takes a free one."""

    def __init__(self, discovery: Discovery, address: tuple[str, int], secret: str) -> None:
        self._discovery = discovery
        self._address = address
        self._expected = f"Bearer {secret}".encode()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        assert self._server is not None, "the listener has not been started"
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, *self._address, limit=_LARGEST_HEAD_BYTES)

    async def close(self) -> None:
        """Stop listening and close what is open."""
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._connections):
            writer.close()
        with contextlib.suppress(TimeoutError):
            await bounded(self._server.wait_closed(), 2)
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while True:
                async with asyncio.timeout(_IDLE_SECONDS):
                    head = await reader.readuntil(b"\r\n\r\n")
                try:
                    answer = await self._answer(head, reader)
                except _NotAnswered as refused:
                    writer.write(_written(refused.status, b"", is_last=True))
                    await writer.drain()
                    return
                writer.write(_written(HTTPStatus.OK if answer else HTTPStatus.NOT_MODIFIED, answer or b""))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            pass
        except Exception:  # noqa: BLE001 - the member asks again
            _log.exception("a question of a member of the fleet failed")
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader) -> bytes | None:
        kind, headers = _read_head(head)
        if not hmac.compare_digest(headers.get("authorization", "").encode(), self._expected):
            raise _NotAnswered(HTTPStatus.UNAUTHORIZED)
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            raise _NotAnswered(HTTPStatus.LENGTH_REQUIRED)
        if int(length) > _LARGEST_BODY_BYTES:
            raise _NotAnswered(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        async with asyncio.timeout(_READ_SECONDS):
            body = await reader.readexactly(int(length))
        try:
            question = read_question(kind, body)
        except (orjson.JSONDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _NotAnswered(HTTPStatus.BAD_REQUEST) from error
        return await self._discovery.answer(question)


def _read_head(head: bytes) -> tuple[str, dict[str, str]]:
    """Return the kind that is asked for, and the headers."""
    request, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, _, rest = request.partition(" ")
    path = rest.partition(" ")[0]
    if method != "POST" or not path.startswith(_PATH):
        raise _NotAnswered(HTTPStatus.NOT_FOUND)
    pairs = (line.partition(":") for line in lines)
    return path[len(_PATH) :], {name.strip().lower(): value.strip() for name, _, value in pairs}


def _written(status: HTTPStatus, body: bytes, *, is_last: bool = False) -> bytes:
    length = f"content-length: {len(body)}\r\n" if status is not HTTPStatus.NOT_MODIFIED else ""
    ending = "connection: close\r\n" if is_last else ""
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n{length}{ending}\r\n"
    return head.encode() + body
