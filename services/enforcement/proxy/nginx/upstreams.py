"""What of nginx's configuration follows from what is published: upstreams, places that lead to them, and what passes unchecked.

The check names a version; a map makes it the name of a place. What nginx does not know yet goes where it went: to the sandbox.
The rest of the configuration never changes, so these two files alone are written anew, and nginx is told to read them again.
"""

import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from services.enforcement.proxy.envoy.replies import route_name
from services.enforcement.proxy.nginx.generation import line
from services.enforcement.proxy.nginx.quoting import PathNotUsable, literal, problem, quoted
from services.enforcement.proxy.plane import DataPlane, client_certificate
from services.enforcement.proxy.published import Published
from services.enforcement.state.upstreams import PRODUCTION, SANDBOX, Upstream

Mark = Callable[[Path], str | None]
_PLAIN = re.compile(r"[\w/.~-]+", re.ASCII)
_NOWHERE = "/.portico/nowhere"
# One segment of a path that is in order as it is written: no dot in front, nothing escaped that hides a slash or a dot.
_SEGMENT = r"(?!\.)(?:[\w.~!$&'()*+,;=:@-]|%(?!2[ef]|5c|00)[0-9a-f]{2})+"
_BELOW = rf"(?<portico_rest>(?i:(?:/{_SEGMENT})*/?)(?:\?[!-~]*)?)"


class Rendered(NamedTuple):
    """The two files: for the whole of nginx, and for each of its doors; and the authorities that they name, by their files."""

    upstreams: str
    places: str
    authorities: dict[Path, str]


def rendered(plane: DataPlane, published: Iterable[Published], mark: Mark = lambda _: "") -> Rendered:
    """Return the files. ``mark`` tells which certificate lies where one is to be shown from, as in Envoy's clusters."""
    upstreams: list[str] = []
    places: list[str] = []
    named: list[str] = []
    opened: list[str] = []
    authorities: dict[Path, str] = {}
    for each in published:
        name, upstream = _name(each), each.upstream
        if upstream is not None:
            named.append(f"  {quoted(each.version_id)} p_{name};")
            place = _place_of(plane, name, each, mark)
            places.append(place or _closed(name))
            if place is not None:
                upstreams.append(_upstream(plane, name, each.addresses))
                if upstream.authorities is not None:
                    authorities[_authorities_file(plane, upstream.authorities)] = upstream.authorities
        if each.stays_open and _PLAIN.fullmatch(each.base_path):
            opened.append(f'  "~^{re.escape(each.base_path)}{_BELOW}$" o_{name};')
            places.append(_open(name, each))
    made, led = "\n".join([*_maps(named, opened), *upstreams, ""]), "\n".join([*places, ""])
    generation = hashlib.sha256(f"{made}{led}".encode()).hexdigest()[:16]
    return Rendered(f"{line(generation)}\n{made}", led, authorities)


def _maps(named: Iterable[str], opened: Iterable[str]) -> list[str]:
    """Return what leads from the name that the check tells to a place, and from a path to what passes unchecked."""
    never = '  "~^(?<portico_rest>)(?!)" "";'  # there is always a rest, if only in name
    by_name = ["map $portico_upstream $portico_place {", "  default sandbox;", *named, "}"]
    return [*by_name, "map $request_uri $portico_open {", '  default "";', never, *opened, "}"]


def _name(published: Published) -> str:
    return hashlib.sha256(published.version_id.encode()).hexdigest()[:16]


def _upstream(plane: DataPlane, name: str, addresses: Iterable[str]) -> str:
    bounds = f"max_conns={plane.upstream_calls} max_fails=3 fail_timeout=2s"
    servers = "".join(f"  server {each} {bounds};\n" for each in addresses)
    return f"upstream u_{name} {{\n  zone u_{name} 64k;\n{servers}  keepalive 16;\n  keepalive_timeout 20s;\n}}"


def _place_of(plane: DataPlane, name: str, published: Published, mark: Mark) -> str | None:
    """Return the place that leads to an upstream, or None where no call may go there."""
    upstream = published.upstream
    assert upstream is not None
    shown = None if upstream.client_certificate is None else client_certificate(plane, upstream)
    marked = "" if shown is None else mark(shown)
    if not published.addresses or marked is None:
        return None
    try:
        return f"{_place(plane, name, upstream, shown)}\n# {marked}"
    except PathNotUsable:
        return None


def _place(plane: DataPlane, name: str, upstream: Upstream, shown: Path | None) -> str:
    scheme = upstream.origin.partition(":")[0]
    milliseconds = round(upstream.timeout_seconds * 1000)
    lines = [
        f"set $portico_host {quoted(upstream.host)};",
        "proxy_connect_timeout 2s;",
        f"proxy_send_timeout {milliseconds}ms;",
        f"proxy_read_timeout {milliseconds}ms;",
        *(_tls(plane, upstream, shown) if scheme == "https" else ()),
        f'proxy_pass "{scheme}://u_{name}{literal(upstream.prefix)}$portico_below";',
    ]
    return _location(f"p_{name}", lines)


def _tls(plane: DataPlane, upstream: Upstream, shown: Path | None) -> list[str]:
    host = upstream.origin.partition("://")[2]
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    # A number has no name that could be asked for.
    lines = [f"proxy_ssl_name {quoted(host)};", f"proxy_ssl_server_name {'off' if _is_ip(host) else 'on'};"]
    if upstream.authorities is not None:
        lines.append(f"proxy_ssl_trusted_certificate {quoted(str(_authorities_file(plane, upstream.authorities)))};")
    if shown is not None:
        # With a variable in it a file is read at each handshake: one that cannot be read stops these calls, and not nginx.
        files = {"proxy_ssl_certificate": f"{shown}.pem", "proxy_ssl_certificate_key": f"{shown}.key"}
        lines += [f'{name} {quoted(file)[:-1]}$portico_nothing";' for name, file in files.items()]
    return lines


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _authorities_file(plane: DataPlane, authorities: str) -> Path:
    return plane.nginx.authorities_folder / f"{hashlib.sha256(authorities.encode()).hexdigest()[:16]}.pem"


def _closed(name: str) -> str:
    """Return the place of an upstream that no call may go to."""
    said = problem("UPSTREAM_UNAVAILABLE", 503)
    return _location(f"p_{name}", ['set $portico_details "unavailable";', 'set $portico_flags "UF";', f"return 503 {said};"])


def _open(name: str, published: Published) -> str:
    """Return the place of a call that passes unchecked: of it no more is known than where it goes."""
    is_own = published.upstream is not None
    environment = PRODUCTION if is_own else SANDBOX
    lines = [
        'set $portico_flags "-";',
        'set $portico_details "via_upstream";',
        f"set $portico_route {quoted(route_name(published.product_id, published.version_id, environment))};",
        f"set $portico_product {quoted(published.product_id)};",
        f"set $portico_version {quoted(published.version_id)};",
        'set $portico_unchecked "true";',
        "set $portico_below $portico_unchecked_below;",
        f'set $portico_target "{literal(published.base_path)}$portico_rest";',
        f"try_files {_NOWHERE} @{f'p_{name}' if is_own else 'sandbox'};",
    ]
    return _location(f"o_{name}", lines)


def _location(name: str, lines: Iterable[str]) -> str:
    return "\n".join([f"location @{name} {{", *(f"  {each}" for each in lines), "}"])
