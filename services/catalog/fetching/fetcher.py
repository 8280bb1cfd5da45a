"""Fetching a text from an address of the internet, through the one door to it.

Every redirect is judged like the first address. Time and size are bounded in all.
"""

import asyncio
import re
import ssl
from dataclasses import dataclass
from urllib.parse import urljoin

from chassis.mongo import is_in_transaction
from chassis.outward import (
    LONGEST,
    AddressNotAllowed,
    AddressNotReachable,
    Allowed,
    AnswerNotReadable,
    Door,
    Place,
    Resolve,
    resolve,
)
from chassis.telemetry import log
from services.catalog.fetching.domain import (
    DocumentUrlGivesNoDocument,
    DocumentUrlNotAllowed,
    DocumentUrlNotReachable,
    DocumentUrlRedirectsTooOften,
    Fetched,
)
from services.catalog.fetching.reading import Body

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,200}")
_HEADERS = (
    ("user-agent", "portico"),
    ("accept", "application/json, application/yaml, */*;q=0.5"),
    ("accept-encoding", "gzip"),
)
_log = log("catalog.fetching")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much fetching may take."""

    seconds: float
    max_bytes: int
    at_once: int
    redirects: int = 3


class Fetcher:
    """Fetches texts from what is ``allowed``; ``resolve`` tells what names stand for, ``trusts`` whose certificates count."""

    def __init__(
        self, allowed: Allowed, bounds: Bounds, *, resolve: Resolve = resolve, trusts: ssl.SSLContext | None = None
    ) -> None:
        self._door = Door(allowed, connect_seconds=bounds.seconds, resolve=resolve, trusts=trusts)
        self._bounds = bounds
        self._places = asyncio.Semaphore(bounds.at_once)

    async def fetch(self, url: str) -> Fetched:
        """Return the text at an address.

        Raises ``DocumentUrlNotAllowed``, ``DocumentUrlNotReachable``, ``DocumentUrlGivesNoDocument``, ``DocumentTooLarge`` or
        ``DocumentUrlRedirectsTooOften``.
        """
        assert not is_in_transaction(), "nothing is fetched while a transaction is open"
        try:
            self._door.read(url)
            async with self._places, asyncio.timeout(self._bounds.seconds):
                return await self._follow(url)
        except AddressNotAllowed as error:
            raise DocumentUrlNotAllowed from error
        except AddressNotReachable as error:
            _log.info("no document could be fetched", reason=error.reason)
            raise DocumentUrlNotReachable from error
        except TimeoutError as error:
            raise DocumentUrlNotReachable from error
        except AnswerNotReadable as error:
            raise DocumentUrlGivesNoDocument from error

    async def _follow(self, url: str) -> Fetched:
        for _ in range(self._bounds.redirects + 1):
            answer = await self._ask(self._door.read(url))
            if isinstance(answer, Fetched):
                return answer
            url = _joined(url, answer)
        raise DocumentUrlRedirectsTooOften

    async def _ask(self, place: Place) -> Fetched | str:
        """Return the text of one place, or where it leads to."""
        async with self._door.ask(place, "GET", _HEADERS) as answer:
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


def _joined(url: str, location: str) -> str:
    """Return where a redirect leads to. Raises ``AddressNotAllowed``."""
    if len(location) > LONGEST or not location.isascii() or not location.isprintable():
        raise AddressNotAllowed
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise AddressNotAllowed from error
