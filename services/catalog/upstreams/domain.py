"""What may be an upstream, and what is announced of it. Pure."""

import re
from dataclasses import replace

from chassis.errors import FieldProblem, Invalid
from chassis.outward import AddressNotAllowed, Allowed, read_place
from services.catalog.events import UpstreamChanged
from services.catalog.products.domain import Api, Product
from services.catalog.products.lives import Version
from services.catalog.products.upstreams import Upstream

_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*")
_DOTS = re.compile(r"/\.{1,2}(?:/|$)")


class UpstreamNotAllowed(Invalid):
    """Calls are not passed on to this address."""

    def __init__(self) -> None:
        mend = "give an https address of a public host, with nothing behind its path, as in https://api.example.com/v1"
        super().__init__(fields=[FieldProblem("url", mend)])


class OnlyOverTls(Invalid):
    """Certificates are looked at and shown over TLS alone."""

    def __init__(self, fields: list[str]) -> None:
        super().__init__(fields=[FieldProblem(each, "leave it out, or give an https address") for each in fields])


def usable(upstream: Upstream, allowed: Allowed) -> Upstream:
    """Return an upstream with its address as everybody reads it. Raises ``UpstreamNotAllowed`` or ``OnlyOverTls``."""
    if "?" in upstream.url or "#" in upstream.url:
        raise UpstreamNotAllowed
    try:
        place = read_place(upstream.url, allowed)
    except AddressNotAllowed as error:
        raise UpstreamNotAllowed from error
    prefix = place.target.rstrip("/")
    if not _PREFIX.fullmatch(prefix) or _DOTS.search(prefix):
        raise UpstreamNotAllowed
    if not place.is_secure:
        given = [name for name in ("authorities", "client_certificate") if getattr(upstream, name) is not None]
        if given:
            raise OnlyOverTls(given)
    scheme = "https" if place.is_secure else "http"
    return replace(upstream, url=f"{scheme}://{place.authority}{prefix}")


def subject_of(version_id: str) -> str:
    """Return what the announcements of a version's upstream are about: they are numbered apart from those of its life."""
    return f"upstream:{version_id}"


def told(product: Product, api: Api, version: Version) -> UpstreamChanged:
    """Return the announcement of what answers a version's calls."""
    upstream = version.upstream
    return UpstreamChanged(
        **product.announced_version(api, version),
        url=upstream and upstream.url,
        timeout_seconds=upstream and upstream.timeout_seconds,
        host_header=upstream and upstream.host_header,
        authorities=upstream and upstream.authorities,
        client_certificate=upstream and upstream.client_certificate,
    )
