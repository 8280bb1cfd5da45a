"""Programs of Node: their locked packages are installed once into a cache folder of the user, outside of the repository."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

INSTALL_SECONDS = 240.0
_LOCKED = ("package.json", "package-lock.json")


class NodeMissing(Exception):  # noqa: N818 - says what is missing
    """The program cannot be run here; the message says why."""


def node() -> str:
    """Return the path of Node. Raises ``NodeMissing``."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        raise NodeMissing("node and npm are not installed")
    return found


def installed(program: Path) -> Path:
    """Return the ``node_modules`` of a program's locked packages. Raises ``NodeMissing`` where they cannot be had."""
    node()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "portico" / "node"
    digest = hashlib.sha256(b"".join((program / each).read_bytes() for each in _LOCKED)).hexdigest()[:16]
    place = cache / f"{program.name}-{digest}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / f"{place.name}.lock").open("w") as lock:  # two test processes may want it at once
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not place.exists():
                _install(program, place)
    except OSError as error:
        raise NodeMissing(f"the packages cannot be kept in {cache}: {error}") from error
    return place / "node_modules"


def _install(program: Path, place: Path) -> None:
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        fresh = Path(folder) / "fresh"
        fresh.mkdir()
        for each in _LOCKED:
            shutil.copy(program / each, fresh)
        command = ("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        try:
            done = subprocess.run(command, cwd=fresh, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise NodeMissing(f"npm did not install what {program.name} needs in time") from error
        if done.returncode:
            raise NodeMissing(f"npm could not install what {program.name} needs: {done.stderr.strip()[:300]}")
        fresh.replace(place)


def laid_out(program: Path, folder: Path) -> Path:
    """Copy a program beside its packages, where they are found from it, and return the folder. Raises ``NodeMissing``."""
    packages = installed(program)
    shutil.copytree(program, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "node_modules").symlink_to(packages)
    return folder
