"""The proxy's files on disk: written beside their place and renamed into it, so that no proxy ever sees half of one."""

import os
import pwd
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson

from services.enforcement.proxy.envoy import configuration as envoy
from services.enforcement.proxy.envoy import routing, tls
from services.enforcement.proxy.envoy.clusters import Mark, clusters
from services.enforcement.proxy.nginx import configuration as nginx
from services.enforcement.proxy.nginx import upstreams as nginx_upstreams
from services.enforcement.proxy.plane import DataPlane
from services.enforcement.proxy.published import Published

CLUSTERS_FILE = "clusters.json"


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
    for folder in (plane.log_file.parent, plane.client_certificates):
        folder.mkdir(parents=True, exist_ok=True)
    if plane.kind == "nginx":
        _prepare_nginx(plane)
    else:
        _prepare_envoy(plane)


def _prepare_nginx(plane: DataPlane) -> None:
    """Make nginx's folders and its configuration; what follows from what is published lies in files of its own."""
    (plane.folder / "temp").mkdir(exist_ok=True)
    plane.nginx.private_folder.mkdir(mode=0o700, exist_ok=True)
    plane.nginx.authorities_folder.mkdir(exist_ok=True)
    if not (plane.nginx.upstreams_file.exists() and plane.nginx.places_file.exists()):
        write_upstreams(plane, ())
    user = pwd.getpwuid(0).pw_name if os.geteuid() == 0 else ""
    # It holds what proves to the authorization server that a request comes from here.
    _write_in_place(plane.nginx.configuration_file, nginx.configuration(plane, user).encode(), 0o600)


def _prepare_envoy(plane: DataPlane) -> None:
    """Make Envoy's folders, bootstrap, clusters, listeners, and routes where there are none yet."""
    plane.dynamic_folder.mkdir(parents=True, exist_ok=True)
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


def write_upstreams(plane: DataPlane, published: Iterable[Published], mark: Mark = lambda _: "") -> bool:
    """Put into place where nginx finds everything; say whether any of it is different."""
    made = nginx_upstreams.rendered(plane, published, mark)
    for path, authorities in made.authorities.items():
        if not path.exists():
            _write_in_place(path, authorities.encode(), 0o644)
    wanted = {plane.nginx.upstreams_file: made.upstreams.encode(), plane.nginx.places_file: made.places.encode()}
    changed = {path: text for path, text in wanted.items() if not path.exists() or path.read_bytes() != text}
    for path, text in changed.items():
        _write_in_place(path, text, 0o644)
    for path in set(plane.nginx.authorities_folder.glob("*.pem")) - made.authorities.keys():
        path.unlink(missing_ok=True)
    return bool(changed)


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
