"""Fetching documents from servers that mean no good. Everything stays on loopback."""

import asyncio
import gzip
import ssl
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from chassis.errors import Refusal
from chassis.outward import Allowed
from services.catalog.documents.domain import DocumentTooLarge
from services.catalog.fetching.domain import (
    DocumentUrlGivesNoDocument,
    DocumentUrlNotAllowed,
    DocumentUrlNotReachable,
    DocumentUrlRedirectsTooOften,
)
from services.catalog.fetching.fetcher import Bounds, Fetcher
from tests.certificates import authority, issue
from tests.services.catalog.loopback import Served, Write, answer, redirect, served

LARGEST = 1000
HOST = "spec.example"


class Names:
    """Tells what names stand for: the next of the answers each time, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def fetcher(
    *servers: Served,
    names: Names | None = None,
    network: str = "127.0.0.1/32",
    seconds: float = 30,
    trusts: ssl.SSLContext | None = None,
) -> Fetcher:
    allowed = Allowed(frozenset(each.port for each in servers), (ip_network(network),), insecure=True)
    bounds = Bounds(seconds, LARGEST, at_once=2)
    return Fetcher(allowed, bounds, resolve=names or Names(["127.0.0.1"]), trusts=trusts)


async def refusal(of: Fetcher, url: str) -> type[Refusal]:
    with pytest.raises(Refusal) as caught:
        await of.fetch(url)
    assert [each.field for each in caught.value.fields] in (["url"], ["document"])
    return type(caught.value)


async def test_a_text_is_fetched_with_what_its_server_calls_it() -> None:
    async with served(answer("ā: 1".encode(), 'ETag: "v7"', "Content-Type: text/plain")) as server:
        fetched = await fetcher(server).fetch(f"http://{HOST}:{server.port}/a/spec.yaml?x=1#part")
    assert (fetched.text, fetched.etag) == ("ā: 1", '"v7"')
    (asked,) = server.asked
    assert asked.startswith("GET /a/spec.yaml?x=1 HTTP/1.1\r\n")
    assert f"host: {HOST}:{server.port}\r\n" in asked.lower()
    assert "cookie" not in asked.lower()
    assert "authorization" not in asked.lower()


async def test_an_etag_that_is_no_plain_text_is_not_kept() -> None:
    async with served(answer(b"a", "ETag: " + "x" * 300)) as server:
        assert (await fetcher(server).fetch(f"http://{HOST}:{server.port}/")).etag is None


async def test_chunks_and_gzip_are_understood() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    packed = answer(gzip.compress(b"abc", mtime=0), "Content-Encoding: gzip")
    for given in (chunked, packed):
        async with served(given) as server:
            assert (await fetcher(server).fetch(f"http://{HOST}:{server.port}/")).text == "abc"


async def test_a_name_is_asked_for_once_and_its_number_is_what_is_connected_to() -> None:
    """A name that stands for something else a moment later leads nowhere else."""
    async with served(answer(b"abc"), host="0.0.0.0") as server:
        names = Names(["127.0.0.1"], ["127.0.0.2"], ["169.254.169.254"])
        fetch = fetcher(server, names=names, network="127.0.0.0/8")
        for _ in range(2):
            await fetch.fetch(f"http://{HOST}:{server.port}/")
        assert await refusal(fetch, f"http://{HOST}:{server.port}/") is DocumentUrlNotReachable
    assert server.reached == ["127.0.0.1", "127.0.0.2"]
    assert names.asked == [HOST] * 3


@pytest.mark.parametrize(
    "numbers",
    [["127.0.0.2"], ["10.0.0.1"], ["169.254.169.254"], ["::1"], ["::ffff:127.0.0.1"], ["127.0.0.1", "10.0.0.1"], []],
)
async def test_a_name_that_leads_into_a_private_network_is_like_one_that_does_not_exist(numbers: list[str]) -> None:
    class NoNames(Names):
        async def __call__(self, host: str) -> Sequence[str]:
            raise OSError(host)

    async with served(answer(b"abc")) as server:
        url = f"http://{HOST}:{server.port}/"
        found = [
            await _told(fetcher(server, names=names), url) for names in (Names(numbers), NoNames(["none"]), Names(["127.0.0.1."]))
        ]
        assert found[0] == found[1] == found[2]
        assert found[0][0] == "DOCUMENT_URL_NOT_REACHABLE"
    assert server.asked == []


async def _told(of: Fetcher, url: str) -> tuple[object, ...]:
    with pytest.raises(Refusal) as caught:
        await of.fetch(url)
    return caught.value.code, caught.value.message, caught.value.fields


async def test_an_open_port_and_a_closed_one_of_a_private_network_are_told_alike() -> None:
    async with served(answer(b"abc"), host="127.0.0.2") as private, served(answer(b"abc")) as server:
        async with served(answer(b"abc"), host="127.0.0.2") as closed:
            pass
        here = fetcher(server, private, closed, names=Names(["127.0.0.2"]))
        for host in ("127.0.0.2", HOST):
            told = [await _told(here, f"http://{host}:{each.port}/") for each in (private, closed)]
            assert told[0] == told[1]
    assert private.asked == []


async def test_the_next_number_is_tried_where_one_does_not_answer() -> None:
    async with served(answer(b"abc")) as server:
        names = Names(["127.0.0.3", "127.0.0.1"])
        assert (await fetcher(server, names=names, network="127.0.0.0/8").fetch(f"http://{HOST}:{server.port}/")).text == "abc"


async def test_redirects_are_followed_a_few_times() -> None:
    async with served(redirect("/b"), redirect("c?d", "301 Moved"), redirect(f"//{HOST}", "308 Moved")) as server:
        server.answers[2] = redirect(f"http://other.example:{server.port}/e", "307 There")
        server.answers.append(answer(b"abc"))
        names = Names(["127.0.0.1"])
        assert (await fetcher(server, names=names).fetch(f"http://{HOST}:{server.port}/a")).text == "abc"
        assert [each.split(" ")[1] for each in server.asked] == ["/a", "/b", "/c?d", "/e"]
        assert names.asked == [HOST, HOST, HOST, "other.example"]


async def test_redirects_that_do_not_end_are_not_followed_for_ever() -> None:
    async with served(redirect("/")) as server:
        assert await refusal(fetcher(server), f"http://{HOST}:{server.port}/") is DocumentUrlRedirectsTooOften
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    "location",
    [
        *("http://127.0.0.2:{port}/", "http://10.0.0.1:{port}/", "http://169.254.169.254:{port}/latest/meta-data/"),
        *("http://2130706433:{port}/", "http://0x7f.1:{port}/", "http://[::1]:{port}/", "http://[::ffff:7f00:1]:{port}/"),
        *("http://user:word@spec.example:{port}/", "http://spec.example:1/", "ftp://spec.example:{port}/", "file:///etc/passwd"),
        *("//127.0.0.2:{port}/", "http://spec.example:{port}/" + "a" * 3000, "http://[", "javascript:1"),
    ],
)
async def test_each_redirect_is_judged_like_the_first_address(location: str) -> None:
    async with served(answer(b"inside"), host="127.0.0.2") as private, served(b"") as server:
        server.answers[0] = redirect(location.format(port=private.port))
        here = fetcher(server, private)
        assert await refusal(here, f"http://{HOST}:{server.port}/") is DocumentUrlNotAllowed
    assert private.asked == []
    assert len(server.asked) == 1


async def test_a_redirect_to_a_name_of_a_private_network_is_not_followed() -> None:
    async with served(answer(b"inside"), host="127.0.0.2") as private, served(b"") as server:
        server.answers[0] = redirect(f"http://inside.example:{private.port}/")
        here = fetcher(server, private, names=Names(["127.0.0.1"], ["127.0.0.2"]))
        assert await refusal(here, f"http://{HOST}:{server.port}/") is DocumentUrlNotReachable
    assert private.asked == []


async def _slowly(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\na\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _never(_writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _headers_for_ever(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: " + b"a" * 1000 + b"\r\n")
        await writer.drain()


async def _informed_for_ever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()


async def _endlessly(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"100\r\n" + b"a" * 256 + b"\r\n")
        await writer.drain()


@pytest.mark.parametrize("write", [_slowly, _never, _informed_for_ever])
async def test_what_takes_too_long_is_given_up(write: Write) -> None:
    async with served(write) as server:
        assert await refusal(fetcher(server, seconds=0.5), f"http://{HOST}:{server.port}/") is DocumentUrlNotReachable


async def test_a_body_without_end_is_too_large() -> None:
    async with served(_endlessly) as server:
        assert await refusal(fetcher(server), f"http://{HOST}:{server.port}/") is DocumentTooLarge


@pytest.mark.parametrize("size", [LARGEST, LARGEST + 1])
@pytest.mark.parametrize("packed", [True, False])
async def test_the_largest_document_is_fetched_and_no_larger_one(size: int, *, packed: bool) -> None:
    body = b"a" * size
    given = answer(gzip.compress(body, mtime=0), "Content-Encoding: gzip") if packed else answer(body)
    async with served(given) as server:
        here, url = fetcher(server), f"http://{HOST}:{server.port}/"
        if size == LARGEST:
            assert len((await here.fetch(url)).text) == size
        else:
            assert await refusal(here, url) is DocumentTooLarge


async def test_a_little_that_unpacks_to_very_much_is_not_unpacked() -> None:
    bomb = gzip.compress(gzip.compress(b"\0" * 50_000_000, mtime=0), 9)
    for given in (gzip.compress(b"\0" * 600_000, mtime=0), bomb):
        async with served(answer(given, "Content-Encoding: gzip")) as server:
            found = await refusal(fetcher(server), f"http://{HOST}:{server.port}/")
            assert found in (DocumentTooLarge, DocumentUrlGivesNoDocument)


@pytest.mark.parametrize(
    "given",
    [
        *(answer(b"abc", status=status) for status in ("404 Not Found", "204 None", "206 Part", "401 Who", "500 No", "304 Same")),
        *(answer(b"abc", status=status) for status in ("300 Choose", "302 Nowhere")),
        *(answer(b"abc", f"Content-Encoding: {name}") for name in ("gzip", "br", "gzip, gzip", "deflate")),
        answer(gzip.compress(b"abc", mtime=0)[:-4], "Content-Encoding: gzip"),
        answer(gzip.compress(b"abc", mtime=0) * 2, "Content-Encoding: gzip"),
        answer(b"\xff\xfe{\0"),
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense",
        b"",
        _headers_for_ever,
    ],
)
async def test_what_gives_no_document_is_told_as_such_and_nothing_of_it_is(given: bytes | Write) -> None:
    async with served(given) as server:
        told = await _told(fetcher(server), f"http://{HOST}:{server.port}/")
    assert told == (
        DocumentUrlGivesNoDocument.code,
        DocumentUrlGivesNoDocument.default_message(),
        DocumentUrlGivesNoDocument().fields,
    )


async def test_where_nobody_listens_nothing_is_reached() -> None:
    async with served(b"") as server:
        pass
    assert await refusal(fetcher(server), f"http://{HOST}:{server.port}/") is DocumentUrlNotReachable


def _tls(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext, list[str | None]]:
    """Return a server's side, a client's side that trusts its issuer, and the names that the client will have asked for."""
    root = authority()
    names = (x509.SubjectAlternativeName([x509.DNSName(name)]), False)
    own = issue(by=root, common=name, usages=(ExtendedKeyUsageOID.SERVER_AUTH,), extensions=[names])
    certificate, key = own.write(folder)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate, key)
    asked: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: asked.append(name)
    return server, ssl.create_default_context(cadata=root.pem), asked


async def test_tls_is_asked_for_by_the_name_though_the_number_is_connected_to(tmp_path: Path) -> None:
    at_server, trusts, asked = _tls(tmp_path, HOST)
    async with served(answer(b"abc"), tls=at_server) as server:
        assert (await fetcher(server, trusts=trusts).fetch(f"https://{HOST}:{server.port}/")).text == "abc"
        assert asked == [HOST]
        for url, trusted in (("other.example", trusts), (HOST, None), ("127.0.0.1", trusts)):
            assert await refusal(fetcher(server, trusts=trusted), f"https://{url}:{server.port}/") is DocumentUrlNotReachable
        assert await refusal(fetcher(server), f"http://{HOST}:{server.port}/") in (
            DocumentUrlGivesNoDocument,
            DocumentUrlNotReachable,
        )
    assert len(server.asked) == 1


async def test_without_tls_nothing_is_fetched_unless_that_is_allowed() -> None:
    async with served(answer(b"abc")) as server:
        allowed = Allowed(frozenset({server.port}), (ip_network("127.0.0.1/32"),))
        here = Fetcher(allowed, Bounds(30, LARGEST, 2), resolve=Names(["127.0.0.1"]))
        assert await refusal(here, f"http://{HOST}:{server.port}/") is DocumentUrlNotAllowed
        assert await refusal(here, f"https://{HOST}:{server.port}/") in (DocumentUrlGivesNoDocument, DocumentUrlNotReachable)
    assert server.asked == []
