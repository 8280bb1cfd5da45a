"""The proxy's files on disk: written beside their place and renamed into it, so that no proxy ever sees half of one."""

import os
import pwd
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson

from chassis.telemetry import log
from services.enforcement.proxy import envoy, nginx, routing, tls
from services.enforcement.proxy.clusters import Mark, client_certificate, clusters
from services.enforcement.proxy.plane import DataPlane
from services.enforcement.proxy.published import Published, Standing

CLUSTERS_FILE = "clusters.json"
_log = log("enforcement.proxy")


def write_in_place(path: Path, document: Any, mode: int = 0o644) -> None:
    """Put a document into its place in one step."""
    _write_in_place(path, written(document), mode)


def _write_in_place(path: Path, content: bytes, mode: int) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    beside.replace(path)


def written(document: Any) -> bytes:
    """Return a document as Envoy and people read it."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)


def prepare(plane: DataPlane) -> None:
    """Make everything that the proxy needs to start."""
    plane.log_file.parent.mkdir(parents=True, exist_ok=True)
    if plane.kind == "nginx":
        _prepare_nginx(plane)
    else:
        _prepare_envoy(plane)


def _prepare_nginx(plane: DataPlane) -> None:
    """Make nginx's folders and its configuration, which stays as it is whatever is published."""
    (plane.folder / "temp").mkdir(exist_ok=True)
    plane.nginx.private_folder.mkdir(mode=0o700, exist_ok=True)
    user = pwd.getpwuid(0).pw_name if os.geteuid() == 0 else ""
    # It holds what proves to the authorization server that a request comes from here.
    _write_in_place(plane.nginx.configuration_file, nginx.configuration(plane, user).encode(), 0o600)


def _prepare_envoy(plane: DataPlane) -> None:
    """Make Envoy's folders, bootstrap, clusters, listeners, and routes where there are none yet."""
    for folder in (plane.dynamic_folder, plane.client_certificates):
        folder.mkdir(parents=True, exist_ok=True)
    write_in_place(plane.bootstrap_file, envoy.bootstrap(plane))
    if not (plane.dynamic_folder / CLUSTERS_FILE).exists():
        write_clusters(plane, ())
    if not (plane.dynamic_folder / envoy.PLAIN.routes_file).exists():
        write_routes(plane, ())
    if plane.tls is not None:
        if not (plane.dynamic_folder / tls.ROUTES_FILE).exists():
            write_routes(plane, ())
        write_in_place(plane.dynamic_folder / tls.SECRETS_FILE, tls.secrets(plane))
    # The listeners come last: they are what opens the doors.
    opened = [*envoy.listeners(plane), *tls.listeners(plane)]
    write_in_place(plane.dynamic_folder / "listeners.json", {"resources": opened})


def write_clusters(plane: DataPlane, published: Iterable[Published], mark: Mark = lambda _: "") -> None:
    """Put into place where everything is."""
    write_in_place(plane.dynamic_folder / CLUSTERS_FILE, {"resources": clusters(plane, published, mark)})


def mark_of(stem: Path) -> str | None:
    """Return what tells a certificate and its key from others at their place, or None where either is missing."""
    try:
        found = [stem.with_name(f"{stem.name}{ending}").stat() for ending in (".pem", ".key")]
    except OSError:
        return None
    return ",".join(f"{each.st_ino}-{each.st_mtime_ns}" for each in found)


def write_routes(plane: DataPlane, published: Sequence[Published]) -> None:
    """Put the routes of what is published into place, for each door."""
    write_in_place(plane.dynamic_folder / envoy.PLAIN.routes_file, {"resources": [routing.routes(plane, published)]})
    if plane.tls is not None:
        # It holds what proves to the authorization server that a request comes from here.
        write_in_place(plane.dynamic_folder / tls.ROUTES_FILE, {"resources": [tls.routes(plane, published)]}, 0o600)


class Pusher:
    """Writes clusters and routes whenever what is published changes; Envoy takes them over while it runs."""

    def __init__(self, plane: DataPlane, clock: Callable[[], float] = time.monotonic) -> None:
        self._plane = plane
        self._standing = Standing(clock)
        self._marks: dict[Path, str | None] = {}

    def push(self, published: Sequence[Published]) -> None:
        """Write everything, unless it stands already."""
        if self._standing.take(published):
            self._write_clusters()
            write_routes(self._plane, self._standing.published or ())

    def tidy(self) -> None:
        """Take away what no route has led to for a moment, and take over certificates that were changed."""
        if self._standing.tidy() or self._find_marks() != self._marks:
            self._write_clusters()

    def _write_clusters(self) -> None:
        marks = self._marks = self._find_marks()
        for stem in [stem for stem, mark in marks.items() if mark is None]:
            _log.warning("the certificate to be shown to an upstream is missing, so no call goes there", path=f"{stem}.pem")
        write_clusters(self._plane, self._standing.with_upstreams, lambda stem: marks[stem])

    def _find_marks(self) -> dict[Path, str | None]:
        upstreams = [each.upstream for each in self._standing.with_upstreams if each.upstream is not None]
        shown = [client_certificate(self._plane, each) for each in upstreams if each.client_certificate is not None]
        return {stem: mark_of(stem) for stem in shown}
