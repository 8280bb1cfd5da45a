"""Fetching a text from an address of the internet.

The connection goes to the very number that was judged, so that a name which stands for something else a moment later gains
nothing; TLS is asked for by the name all the same. Every redirect is judged like the first address. Time and size are bounded
in all.
"""

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import httpcore

from chassis.mongo import is_in_transaction
from chassis.telemetry import log
from services.catalog.fetching.addresses import LONGEST, Allowed, Place, judge, read_place
from services.catalog.fetching.domain import (
    DocumentUrlGivesNoDocument,
    DocumentUrlNotAllowed,
    DocumentUrlNotReachable,
    DocumentUrlRedirectsTooOften,
    Fetched,
)
from services.catalog.fetching.reading import Body

Resolve = Callable[[str], Awaitable[Sequence[str]]]

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MOST_NUMBERS = 4
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,200}")
_HEADERS = (
    (b"user-agent", b"portico"),
    (b"accept", b"application/json, application/yaml, */*;q=0.5"),
    (b"accept-encoding", b"gzip"),
    (b"connection", b"close"),
)
_log = log("catalog.fetching")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much fetching may take."""

    seconds: float
    max_bytes: int
    at_once: int
    redirects: int = 3


async def resolve(host: str) -> Sequence[str]:
    """Return the numbers that a name stands for, as the machine resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class _Pinned(httpcore.AsyncNetworkBackend):
    """Connects to numbers that were judged, whatever name is asked for."""

    def __init__(self, numbers: Sequence[str], seconds: float) -> None:
        self._numbers = numbers
        self._seconds = seconds
        self._network = httpcore.AnyIOBackend()
        self._connection: httpcore.AsyncNetworkStream | None = None

    async def connect_tcp(self, host: str, port: int, *_arguments: Any, **_more: Any) -> httpcore.AsyncNetworkStream:
        """Connect to the first of the numbers that answers; each has its share of the time."""
        _ = host
        failure: Exception = httpcore.ConnectError()
        for number in self._numbers:
            try:
                share = self._seconds / len(self._numbers)
                self._connection = await self._network.connect_tcp(number, port, timeout=share)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return self._connection
        raise failure

    async def close(self) -> None:
        """Close the connection, at whatever point its use was given up."""
        if self._connection is not None:
            await self._connection.aclose()

    async def connect_unix_socket(self, *_arguments: Any, **_more: Any) -> httpcore.AsyncNetworkStream:
        """Connect to nothing: no address of the internet is a socket of this machine."""
        raise httpcore.ConnectError

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._network.sleep(seconds)


class Fetcher:
    """Fetches texts from what is ``allowed``; ``resolve`` tells what names stand for, ``trusts`` whose certificates count."""

    def __init__(
        self, allowed: Allowed, bounds: Bounds, *, resolve: Resolve = resolve, trusts: ssl.SSLContext | None = None
    ) -> None:
        self._allowed = allowed
        self._bounds = bounds
        self._resolve = resolve
        self._trusts = trusts or ssl.create_default_context()
        self._places = asyncio.Semaphore(bounds.at_once)

    async def fetch(self, url: str) -> Fetched:
        """Return the text at an address.

        Raises ``DocumentUrlNotAllowed``, ``DocumentUrlNotReachable``, ``DocumentUrlGivesNoDocument``, ``DocumentTooLarge`` or
        ``DocumentUrlRedirectsTooOften``.
        """
        assert not is_in_transaction(), "nothing is fetched while a transaction is open"
        read_place(url, self._allowed)
        try:
            async with self._places, asyncio.timeout(self._bounds.seconds):
                return await self._follow(url)
        except TimeoutError as error:
            raise DocumentUrlNotReachable from error

    async def _follow(self, url: str) -> Fetched:
        for _ in range(self._bounds.redirects + 1):
            answer = await self._ask(read_place(url, self._allowed))
            if isinstance(answer, Fetched):
                return answer
            url = _joined(url, answer)
        raise DocumentUrlRedirectsTooOften

    async def _ask(self, place: Place) -> Fetched | str:
        """Return the text of one place, or where it leads to."""
        async with self._answer(place, await self._numbers(place)) as answer:
            headers = {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in answer.headers}
            if answer.status in _REDIRECTS and headers.get("location"):
                return headers["location"]
            if answer.status != 200:
                raise DocumentUrlGivesNoDocument
            body = Body(headers.get("content-encoding", ""), self._bounds.max_bytes)
            async for piece in answer.aiter_stream():
                body.take(piece)
        etag = headers.get("etag", "")
        return Fetched(body.text(), etag if _PRINTABLE.fullmatch(etag) else None)

    async def _numbers(self, place: Place) -> Sequence[str]:
        if place.literal is not None:
            return [str(place.literal)]
        try:
            numbers = judge(await self._resolve(place.host), self._allowed)
        except (OSError, UnicodeError) as error:
            raise DocumentUrlNotReachable from error
        if not numbers:
            raise DocumentUrlNotReachable
        return numbers[:_MOST_NUMBERS]

    @contextlib.asynccontextmanager
    async def _answer(self, place: Place, numbers: Sequence[str]) -> AsyncIterator[httpcore.Response]:
        scheme = b"https" if place.is_secure else b"http"
        address = httpcore.URL(scheme=scheme, host=place.host.encode(), port=place.port, target=place.target.encode())
        backend = _Pinned(numbers, self._bounds.seconds)
        headers = [(b"host", place.authority.encode()), *_HEADERS]
        try:
            async with (
                httpcore.AsyncHTTPConnection(address.origin, ssl_context=self._trusts, network_backend=backend) as connection,
                connection.stream(b"GET", address, headers=headers) as answer,
            ):
                yield answer
        except (httpcore.NetworkError, httpcore.TimeoutException, OSError) as error:
            _log.info("no document could be fetched", reason=type(error).__name__)
            raise DocumentUrlNotReachable from error
        except httpcore.ProtocolError as error:
            raise DocumentUrlGivesNoDocument from error
        finally:
            await backend.close()


def _joined(url: str, location: str) -> str:
    """Return where a redirect leads to. Raises ``DocumentUrlNotAllowed``."""
    if len(location) > LONGEST or not location.isascii() or not location.isprintable():
        raise DocumentUrlNotAllowed
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise DocumentUrlNotAllowed from error
