"""nginx's configuration, rendered from the same few facts as Envoy's: ``nginx.conf`` and ``door.conf``, filled in.

It never changes while nginx runs, but for what it includes (``upstreams.py``): nginx asks the check about every call, and
the answer names the version whose upstream is meant, or the sandbox, and the path to send.
What ``auth_request`` cannot carry, the check tells in headers (``checks/told.py``), and nginx makes statuses and bodies of them.
"""

import re
import resource
from collections.abc import Iterable, Mapping
from pathlib import Path

from services.enforcement.checks.answers import VERDICT_HEADER
from services.enforcement.checks.told import NGINX, STATUS_HEADER
from services.enforcement.proxy import plane as shared
from services.enforcement.proxy.nginx.quoting import problem, quoted
from services.enforcement.proxy.plane import DataPlane

CHECK_PATH = "/.portico/check"
LOG_BUFFER = " buffer=16k flush=100ms"
_IDENTITY = ("application", "organization", "product", "version", "operation", "subscription", "plan")
_TO_CALLERS = (
    "ratelimit",
    "ratelimit-policy",
    "deprecation",
    "sunset",
    "link",
    "www-authenticate",
    "retry-after",
    "allow",
    "cache-control",
)
_FOR_NGINX = (VERDICT_HEADER, STATUS_HEADER, "portico-problem", "portico-upstream", "portico-target", "portico-below")
_REFUSED_WITH = (400, 401, 404, 405, 410, 429, 503)
_NEVER_FROM_CALLERS = (
    VERDICT_HEADER,
    shared.CERTIFICATE_HEADER,
    shared.CERTIFIED_HEADER,
    shared.FORWARDED_CERTIFICATE,
    "proxy",
    "proxy-connection",
)
_AUTHORITIES = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/tls/certs/ca-bundle.crt"), Path("/etc/ssl/cert.pem"))
_COLLECTED = ("body", "proxy", "fastcgi", "uwsgi", "scgi")
_SPARE_CONNECTIONS = 512
_PLACE = re.compile(r"<<(\w+)>>")
_HERE = Path(__file__).parent


def configuration(plane: DataPlane, user: str = "") -> str:
    """Return the whole configuration. ``user`` is whom workers run as where nginx is started by root."""
    connections = 2 * plane.max_connections // max(plane.threads, 1) + _SPARE_CONNECTIONS
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    doors = [_door(plane, plane.proxy_address)]
    if plane.tls is not None:
        doors.append(_tls_door(plane))
    return _filled(
        "nginx.conf",
        {
            "user": f"user {user};" if user else "",
            "threads": str(plane.threads),
            "connections": str(connections),
            "open_files": str(min(connections + _SPARE_CONNECTIONS, most_files)),
            "pid_file": _path(plane.nginx.pid_file),
            "run_file": _path(plane.nginx.run_file),
            **{f"{each}_folder": _path(plane.folder / "temp" / each) for each in _COLLECTED},
            "log_file": _path(plane.log_file),
            "log_buffer": LOG_BUFFER,
            "upstream_timeout": f"{round(plane.upstream_timeout_seconds * 1000)}ms",
            "verdict": VERDICT_HEADER,
            "not_from_upstreams": _lines(1, (f"proxy_hide_header {each};" for each in shared.NOT_FROM_UPSTREAMS)),
            "authorities_file": _path(_authorities(plane)),
            "upstreams_file": _path(plane.nginx.upstreams_file),
            "check_address": plane.check_address if plane.check_door is None else quoted(f"unix:{plane.check_door}"),
            "sandbox_address": plane.sandbox_address,
            "certified_upstream": _certified(plane),
            "doors": "\n".join(doors),
            "counts_socket": quoted(f"unix:{plane.nginx.counts_socket}"),
            "asked_file": _path(plane.nginx.asked_file),
        },
    )


def _authorities(plane: DataPlane) -> Path:
    named = Path(plane.authorities_file)
    return next((each for each in (named, *_AUTHORITIES) if each.exists()), named)


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Return a template with its places filled in. Raises ``KeyError`` for a place that nothing is known for."""
    text = _PLACE.sub(lambda place: values[place.group(1)], (_HERE / template).read_text())
    return re.sub(r"\n\s*\n(?=\s*\n)", "\n", text)


def _path(path: Path) -> str:
    return quoted(str(path))


def _lines(depth: int, lines: Iterable[str]) -> str:
    return "\n".join("  " * depth + line for line in lines)


def _variable(header: str) -> str:
    """Return the variable that holds a header of the check's answer."""
    return "$portico_" + header.removeprefix(shared.IDENTITY_PREFIX).removeprefix("portico-").replace("-", "_")


def _door(plane: DataPlane, listen: str, tls: str = "", oauth: str = "") -> str:
    identity = [shared.IDENTITY_PREFIX + each for each in _IDENTITY]
    read = [*_FOR_NGINX, *identity, *_TO_CALLERS]
    certificate = f"{shared.CERTIFICATE_HEADER} $ssl_client_escaped_cert" if tls else f'{shared.CERTIFICATE_HEADER} ""'
    refusals = [f"if ($portico_status = {each}) {{ return {each} $portico_problem; }}" for each in _REFUSED_WITH]
    return _filled(
        "door.conf",
        {
            "listen": listen,
            "tls": tls,
            "told_to_callers": _lines(2, (f"add_header {each} {_variable(each)} always;" for each in _TO_CALLERS)),
            "check_path": CHECK_PATH,
            "check_target": NGINX.decode(),
            "check_timeout": shared.CHECK_TIMEOUT,
            "read_from_check": _lines(
                3, (f"auth_request_set {_variable(each)} $upstream_http_{each.replace('-', '_')};" for each in read)
            ),
            "identity": _lines(2, (f"proxy_set_header {each} {_variable(each)};" for each in identity)),
            "never_from_callers": _lines(2, (f'proxy_set_header {each} "";' for each in _NEVER_FROM_CALLERS)),
            "certificate": f"      proxy_set_header {certificate};",
            "oauth": oauth,
            "places_file": _path(plane.nginx.places_file),
            "refusals": _lines(3, refusals),
            "CALL_NOT_READABLE_LARGE": problem(shared.CALL_NOT_READABLE, 431),
            **{code: problem(code, status) for code, status in _OWN.items()},
        },
    )


_OWN = {
    shared.CHECK_UNAVAILABLE: 503,
    shared.API_NOT_FOUND: 404,
    shared.UPSTREAM_TIMEOUT: 504,
    shared.UPSTREAM_UNAVAILABLE: 503,
    shared.CALL_NOT_READABLE: 400,
}


def _tls_door(plane: DataPlane) -> str:
    assert plane.tls is not None
    lines = (
        # With a variable in it the certificate is read at each handshake, so that a renewed one is taken over at once.
        "ssl_certificate $portico_certificate_file;",
        "ssl_certificate_key $portico_key_file;",
        "ssl_protocols TLSv1.2 TLSv1.3;",
        f"ssl_ciphers {':'.join(shared.CIPHERS)};",
        # Any certificate gets through, and none is needed: what one is worth follows from its registration.
        "ssl_verify_client optional_no_ca;",
        "ssl_verify_depth 10;",
        # A session that is taken up again would rest on a certificate that was shown before.
        "ssl_session_cache off;",
        "ssl_session_tickets off;",
    )
    files = {"$portico_certificate_file": plane.tls.certificate_file, "$portico_key_file": plane.tls.key_file}
    maps = [f'  map "" {name} {{ default {_path(path)}; }}' for name, path in files.items()]
    door = _door(plane, f"{plane.tls.address} ssl http2", _lines(2, lines), _oauth(plane))
    return "\n".join([*maps, door])


def _certified(plane: DataPlane) -> str:
    if not plane.certified_address:
        return ""
    secret = plane.certified_secret.replace("\\", "\\\\").replace('"', '\\"')
    return _lines(
        1,
        (
            f"upstream certified {{ server {plane.certified_address} max_fails=0; keepalive 16; keepalive_timeout 4s; }}",
            # A value of geo is taken as it is written, whatever signs are in it.
            f'geo $portico_certified_secret {{ default "{secret}"; }}',
        ),
    )


def _oauth(plane: DataPlane) -> str:
    if not plane.certified_address:
        return ""
    headers = (
        'Connection ""',
        "Host $http_host",
        "X-Forwarded-For $proxy_add_x_forwarded_for",
        "X-Forwarded-Proto $scheme",
        "X-Request-Id $request_id",
        f"{shared.CERTIFICATE_HEADER} $ssl_client_escaped_cert",
        f"{shared.CERTIFIED_HEADER} $portico_certified_secret",
        f'{shared.FORWARDED_CERTIFICATE} ""',
    )
    inner = [f'set $portico_route "{shared.OAUTH_ROUTE}";', "proxy_pass http://certified;"]
    inner += [f"proxy_set_header {each};" for each in headers]
    return "\n".join("\n".join([f"    location = {path} {{", _lines(3, inner), "    }"]) for path in shared.OAUTH_PATHS)
