"""How a proxy that asks at one fixed path tells the call in headers, and what it is told in return.

Where the proxy's request line is the call's own (Envoy), the proxy has put the path in order before it asks and sends on what it
asked about. Another proxy tells the path as the caller wrote it. So the path is put in order here, by the same rules, and the
answer names what is to be sent: the upstream and the path. Nobody can be let in for one path and be sent to another.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from chassis.errors import Invalid
from services.enforcement.state.upstreams import SANDBOX, SANDBOX_PREFIX, Upstream

ENVOY = b"/envoy"
"""In front of the call's own path: where our Envoy asks, which takes every 5xx for no decision."""
NGINX = b"/nginx"
"""Where our nginx asks; `auth_request` knows but 200, 401 and 403, and reads no body, so it is answered in a form of its own."""
CERTIFICATE_HEADER = b"portico-client-certificate"
STATUS_HEADER = "portico-status"
"""The status that is meant, where the proxy would take that status itself for another answer."""
METHOD_HEADERS = (b"x-original-method", b"x-forwarded-method")
TARGET_HEADERS = (b"x-original-uri", b"x-original-url", b"x-forwarded-uri")
HEADERS = frozenset({*METHOD_HEADERS, *TARGET_HEADERS, CERTIFICATE_HEADER})
_MOST_CERTIFICATES = 1000
_IN_SANDBOX = f"{SANDBOX_PREFIX}/".encode()
# What most paths are made of: nothing to put in order. A segment that begins with a dot is looked at more closely.
_IN_ORDER = re.compile(rb"(?:/[\w\-~!$&'()*+,;=:@][\w\-.~!$&'()*+,;=:@]*)+/?(?:\?[!\"$-~]*)?", re.ASCII)
_VISIBLE = re.compile(rb"/[!\"$-~]*")  # no space, no fragment, nothing that is no ASCII
_HIDDEN = re.compile(rb"%(?:2f|5c|00)", re.IGNORECASE)
_UNRESERVED = re.compile(rb"%(?:4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9ae]|3[0-9]|2[de]|5f)", re.IGNORECASE)
_TO_ESCAPE = re.compile(rb'["<>^`{|}]')


class CallNotReadable(Invalid):
    """The request cannot be read as it is."""

    status = 400


class Told(NamedTuple):
    """A call that was told in headers: its method, what is to be sent on (path and query), and whether nginx asks."""

    method: bytes
    target: bytes
    is_for_nginx: bool

    @property
    def path(self) -> bytes:
        """Return the path alone."""
        return self.target.partition(b"?")[0]


BY_ENVOY = Told(b"", b"", is_for_nginx=False)
"""What our Envoy tells in headers: nothing, since its request line is the call's own."""


class Destination(NamedTuple):
    """Where an allowed call goes: its upstream, the base path it was called at, and where that is (for others than nginx).

    nginx knows upstreams by their versions, and below which path each of them is. It is told both paths, since what it does not
    know yet goes to the sandbox.
    """

    upstream: Upstream
    base_path: str
    origin: str

    def lines(self, told: Told) -> bytes:
        """Return what a proxy is told to do with a call."""
        upstream, target, more = self.upstream, told.target, b""
        if target.startswith(_IN_SANDBOX):
            target = target[len(_IN_SANDBOX) - 1 :]
        if upstream.environment != SANDBOX:
            rest = target[len(self.base_path) :]
            below = rest if rest.startswith(b"/") else b"/" + rest
            if told.is_for_nginx:
                more = b"portico-below: %s\r\n" % below
            else:
                target, more = upstream.prefix.encode() + below, b"portico-host: %s\r\n" % upstream.host.encode()
        name = upstream.name if told.is_for_nginx else self.origin
        return b"portico-upstream: %s\r\nportico-target: %s\r\n%s" % (name.encode(), target, more)


def told_in(headers: Mapping[bytes, bytes], asked_by: bytes, *, is_for_nginx: bool) -> Told:
    """Return the call that these headers tell. Raises ``CallNotReadable``.

    Our nginx sends on what it is told to. Of others we cannot know it, so a path that would have to be put in order is refused.
    """
    if is_for_nginx:
        return Told(headers.get(METHOD_HEADERS[0], asked_by), in_order(headers.get(TARGET_HEADERS[0], b"/")), is_for_nginx)
    written = _the_one([_target_of(headers[name]) for name in TARGET_HEADERS if name in headers]) or b"/"
    if in_order(written) != written:
        raise CallNotReadable
    method = _the_one([headers[name] for name in METHOD_HEADERS if name in headers]) or asked_by
    return Told(method, written, is_for_nginx)


def in_order(target: bytes) -> bytes:
    """Return a path and its query with the path in order (RFC 3986 section 6.2.2), as Envoy puts it. Raises ``CallNotReadable``.

    Doubled slashes and dot segments are gone and what needs no escape has none. A slash that hides in an escape is refused.
    """
    if _IN_ORDER.fullmatch(target) is not None:
        return target
    path, mark, query = target.partition(b"?")
    if mark and _VISIBLE.fullmatch(b"/" + query) is None:
        raise CallNotReadable
    if _VISIBLE.fullmatch(path) is None or _HIDDEN.search(path) is not None:
        raise CallNotReadable
    plain = _UNRESERVED.sub(lambda found: unquote_to_bytes(found.group()), path.replace(b"\\", b"/"))
    kept: list[bytes] = []
    for segment in plain.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b"", b"."):
            kept.append(segment)
    ends_open = bool(kept) and plain.endswith((b"/", b"/.", b"/.."))
    whole = b"/" + b"/".join(kept) + (b"/" if ends_open else b"")
    return _TO_ESCAPE.sub(lambda found: b"%%%02X" % found.group()[0], whole) + mark + query


def _the_one(told: list[bytes]) -> bytes | None:
    """Return what all of these say, or None for none. Where they differ a caller sent some: ``CallNotReadable`` is raised."""
    if any(each != told[0] for each in told):
        raise CallNotReadable
    return told[0] if told else None


def _target_of(told: bytes) -> bytes:
    """Return the path and query of what may be a whole URL."""
    if told.startswith(b"/"):
        return told
    try:
        parts = urlsplit(told)
    except ValueError:
        raise CallNotReadable from None
    return (parts.path or b"/") + (b"?" + parts.query if parts.query else b"")


def refused_for(answer: bytes, told: Told | None) -> bytes:
    """Return a refusal as the proxy that asks takes it."""
    if told is BY_ENVOY:
        return _for_envoy(answer)
    return _for_nginx(answer) if told is not None and told.is_for_nginx else answer


def _for_envoy(answer: bytes) -> bytes:
    """Return what is decided with a 5xx, which Envoy takes for no decision, as a 403 that names the status that is meant."""
    if not answer.startswith(b"HTTP/1.1 5"):
        return answer
    first, end, rest = answer.partition(b"\r\n")
    return b"HTTP/1.1 403 Forbidden\r\n%s: %s%s%s" % (STATUS_HEADER.encode(), first.split(b" ", 2)[1], end, rest)


def _for_nginx(answer: bytes) -> bytes:
    """Return a refusal as a 403 whose headers hold the status that is meant, and the problem document."""
    head, _, problem = answer.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    if not problem:
        return answer  # nothing was decided: whatever is no 200, 401 or 403 lets nothing pass
    kept = [line for line in lines if not line.startswith((b"content-length:", b"content-type:"))]
    if not problem.isascii():
        problem = json.dumps(json.loads(problem)).encode()  # a header holds ASCII alone, and JSON can be written so
    told = (STATUS_HEADER.encode() + b": " + first.split(b" ", 2)[1], b"portico-problem: " + problem, b"content-length: 0")
    return b"\r\n".join((b"HTTP/1.1 403 Forbidden", *kept, *told, b"", b""))


class Certificates:
    """Remembers the hashes of certificates that nginx has shown (URL-encoded PEM), in the form in which Envoy tells them."""

    def __init__(self) -> None:
        self._known: dict[bytes, str] = {}

    def told(self, escaped: bytes | None) -> str | None:
        """Return ``Hash=<SHA-256 in hex>``, or None where no certificate was shown, or none that can be read."""
        if not escaped:
            return None
        known = self._known.get(escaped)
        if known is not None:
            return known
        try:
            shown = x509.load_pem_x509_certificate(unquote_to_bytes(escaped))
        except ValueError:
            return None
        if len(self._known) >= _MOST_CERTIFICATES:
            self._known.clear()
        told = self._known[escaped] = f"Hash={hashlib.sha256(shown.public_bytes(Encoding.DER)).hexdigest()}"
        return told
