"""The proxy's files on disk: written beside their place and renamed into it, so that no proxy ever sees half of one."""

import os
import pwd
from pathlib import Path
from typing import Any

import orjson

from chassis.telemetry import log
from services.enforcement.proxy import envoy, nginx, tls
from services.enforcement.proxy.plane import DataPlane

_log = log("enforcement.proxy")


def write_in_place(path: Path, document: Any, mode: int = 0o644) -> None:
    """Put a document into its place in one step."""
    _write_in_place(path, orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS), mode)


def _write_in_place(path: Path, content: bytes, mode: int) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    beside.replace(path)


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
    plane.dynamic_folder.mkdir(parents=True, exist_ok=True)
    write_in_place(plane.bootstrap_file, envoy.bootstrap(plane))
    write_in_place(plane.dynamic_folder / "clusters.json", envoy.clusters(plane))
    if not (plane.dynamic_folder / envoy.PLAIN.routes_file).exists():
        write_routes(plane, [])
    if plane.tls is not None:
        if not (plane.dynamic_folder / tls.ROUTES_FILE).exists():
            write_in_place(plane.dynamic_folder / tls.ROUTES_FILE, tls.routes(plane, []), 0o600)
        write_in_place(plane.dynamic_folder / tls.SECRETS_FILE, tls.secrets(plane))
    # The listeners come last: they are what opens the doors.
    opened = [*envoy.listeners(plane), *tls.listeners(plane)]
    write_in_place(plane.dynamic_folder / "listeners.json", {"resources": opened})


def write_routes(plane: DataPlane, base_paths: list[str]) -> None:
    """Put the routes of these base paths into place, for each door."""
    write_in_place(plane.dynamic_folder / envoy.PLAIN.routes_file, envoy.routes(plane, base_paths))
    if plane.tls is not None:
        # It holds what proves to the authorization server that a request comes from here.
        write_in_place(plane.dynamic_folder / tls.ROUTES_FILE, tls.routes(plane, base_paths), 0o600)


class RoutePusher:
    """Writes Envoy's routes whenever the published base paths change; Envoy takes them over while it runs."""

    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane
        self._written: list[str] | None = None

    def push(self, base_paths: list[str]) -> None:
        """Write the routes of these base paths, unless they stand already."""
        if base_paths == self._written:
            return
        usable = [each for each in base_paths if each.startswith("/") and not each.endswith("/") and not set(each) & set("?#")]
        if len(usable) < len(base_paths):
            _log.warning("some base paths cannot be routes", paths=sorted(set(base_paths) - set(usable)))
        write_routes(self._plane, usable)
        self._written = list(base_paths)
