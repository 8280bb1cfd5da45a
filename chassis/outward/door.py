"""Connecting to what was judged, and asking there.

The connection goes to the very number that was judged, so that a name which stands for something else a moment later gains
nothing; TLS is asked for by the name all the same.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import httpcore

from chassis.mongo import is_in_transaction
from chassis.outward.addresses import Allowed, Place, judge, read_place

Resolve = Callable[[str], Awaitable[Sequence[str]]]
Header = tuple[str, str]

_MOST_NUMBERS = 4


class AddressNotReachable(Exception):  # noqa: N818 - a fact about the address; who asks turns it into a refusal of its own
    """No host that may be asked answers at this address; ``reason`` is for the log alone."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class AnswerNotReadable(Exception):  # noqa: N818 - a fact about the answer; who asks turns it into a refusal of its own
    """What answers does not speak HTTP as it should."""


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


class Door:
    """Asks what is ``allowed``; ``resolve`` tells what names stand for, ``trusts`` whose certificates count.

    ``connect_seconds`` is how long connecting may take; whoever asks bounds the whole.
    """

    def __init__(
        self, allowed: Allowed, *, connect_seconds: float, resolve: Resolve = resolve, trusts: ssl.SSLContext | None = None
    ) -> None:
        self._allowed = allowed
        self._connect_seconds = connect_seconds
        self._resolve = resolve
        self._trusts = trusts or ssl.create_default_context()

    def read(self, url: str) -> Place:
        """Return what an address says. Raises ``AddressNotAllowed``."""
        return read_place(url, self._allowed)

    @contextlib.asynccontextmanager
    async def ask(
        self, place: Place, method: str, headers: Sequence[Header], content: bytes = b""
    ) -> AsyncIterator[httpcore.Response]:
        """Ask one place, and give its answer while it comes in. Raises ``AddressNotReachable`` or ``AnswerNotReadable``."""
        assert not is_in_transaction(), "nobody outside is asked while a transaction is open"
        numbers = await self._numbers(place)
        scheme = b"https" if place.is_secure else b"http"
        address = httpcore.URL(scheme=scheme, host=place.host.encode(), port=place.port, target=place.target.encode())
        sent = [("host", place.authority), *headers, ("connection", "close")]
        backend = _Pinned(numbers, self._connect_seconds)
        try:
            async with (
                httpcore.AsyncHTTPConnection(address.origin, ssl_context=self._trusts, network_backend=backend) as connection,
                connection.stream(
                    method.encode(), address, headers=[(name.encode(), value.encode()) for name, value in sent], content=content
                ) as answer,
            ):
                yield answer
        except (httpcore.NetworkError, httpcore.TimeoutException, OSError) as error:
            raise AddressNotReachable(type(error).__name__) from error
        except httpcore.ProtocolError as error:
            raise AnswerNotReadable from error
        finally:
            await backend.close()

    async def _numbers(self, place: Place) -> Sequence[str]:
        """Return what to connect to: a name that leads where nobody may look is like one that stands for nothing."""
        if place.literal is not None:
            return [str(place.literal)]
        try:
            numbers = judge(await self._resolve(place.host), self._allowed, only_loopback=place.only_loopback)
        except (OSError, UnicodeError) as error:
            raise AddressNotReachable(type(error).__name__) from error
        if not numbers:
            raise AddressNotReachable("no public host")
        return numbers[:_MOST_NUMBERS]
