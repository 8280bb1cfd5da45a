"""Fetches GraphiQL, which development shows at /graphql, into .tools/graphiql: a few files out of packages of the npm registry.

Each package is pinned by its version and by the digest of its archive, so it does not matter which registry it comes from: it is
the one that this machine's npm is set to (no Node is needed). What is there already is left alone. Only the standard library is
used. The platform runs without these files, so a failure is one sentence, and the exit code is 0 unless ``--required`` is given.
"""

import argparse
import base64
import hashlib
import io
import os
import re
import ssl
import sys
import tarfile
import tempfile
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".tools/graphiql"
REGISTRY = "https://registry.npmjs.org"
SOCKET_SECONDS = 8.0
LARGEST_BYTES = 32 * 2**20
CA_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")


@dataclass(frozen=True)
class Package:
    """One package of the registry: its version, the digest of its archive, and the files wanted of it."""

    name: str
    version: str
    integrity: str
    files: tuple[str, ...]


PACKAGES = (
    Package(
        "react",
        "18.3.1",
        "sha512-wS+hAgJShR0KhEvPJArfuPVN1+Hz1t0Y6n5jLrGQbkb4urgPE/0Rve+1kMB1v/oWgHgm4WIcV+i7F2pTVj+2iQ==",
        ("umd/react.production.min.js",),
    ),
    Package(
        "react-dom",
        "18.3.1",
        "sha512-5m4nQKp+rZRb09LNH59GM4BxTh9251/ylbKIbpe7TpGxfJ+9kv6BLkLBXIjjspbgbnIBNqlI23tRnTWT0snUIw==",
        ("umd/react-dom.production.min.js",),
    ),
    Package(
        "graphiql",
        "3.8.3",
        "sha512-cuPDYtXVKV86Pu5PHBX642Odi/uVEE2y1Jxq5rGO/Qy1G2lRp7ZZ7a/T30RzxhuLSWo9zUbzq0P3U49//H0Ugw==",
        ("graphiql.min.js", "graphiql.min.css"),
    ),
)


class Trouble(Exception):  # noqa: N818 - told to a person, who mends it
    """Why the files are not there."""


def npm_setting(name: str) -> str | None:
    """Return one of npm's settings on this machine, as npm reads them: environment, project, user, machine."""
    environment = {key.lower(): value for key, value in os.environ.items() if value}
    if value := environment.get(f"npm_config_{name.replace('-', '_')}"):
        return value
    user = environment.get("npm_config_userconfig")
    files = [ROOT / ".npmrc", Path(user) if user else Path.home() / ".npmrc"]
    files += [Path(prefix) / "etc/npmrc" for prefix in ("/usr/local", "/usr", "/")]
    for file in files:
        try:
            found = re.findall(rf"(?m)^\s*{re.escape(name)}\s*=\s*(.*?)\s*$", file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
        if found:
            return re.sub(r"\$\{(\w+)\}", lambda named: os.environ.get(named[1], ""), found[-1].strip("\"'"))
    return None


def shown(registry: str) -> str:
    """Return a registry's address without anything secret that may stand in it."""
    parts = urlsplit(registry)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "") + parts.path


def opener() -> urllib.request.OpenerDirector:
    """Return what opens addresses with the certificates and the proxy of this machine's npm."""
    context = ssl.create_default_context()
    for file in (*CA_FILES, npm_setting("cafile"), os.environ.get("NODE_EXTRA_CA_CERTS")):
        if file and Path(file).is_file():
            context.load_verify_locations(file)
    proxies = urllib.request.getproxies()
    if proxy := npm_setting("https-proxy") or npm_setting("proxy"):
        proxies.setdefault("https", proxy)
        proxies.setdefault("http", proxy)
    return urllib.request.build_opener(urllib.request.ProxyHandler(proxies), urllib.request.HTTPSHandler(context=context))


def download(address: str) -> bytes:
    """Return what stands at an address. Raises ``Trouble``."""
    parts = urlsplit(address)
    if parts.scheme not in ("https", "http"):
        raise Trouble("npm's registry setting is no web address")
    user, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=host).geturl())  # noqa: S310 - the scheme was looked at
    if user:
        request.add_header("authorization", f"Basic {base64.b64encode(unquote(user).encode()).decode()}")
    try:
        with opener().open(request, timeout=SOCKET_SECONDS) as response:
            content: bytes = response.read(LARGEST_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise Trouble(f"it answered {error.code}") from error
    except urllib.error.URLError as error:
        raise Trouble(str(getattr(error.reason, "strerror", None) or error.reason)) from error
    except (OSError, HTTPException) as error:
        raise Trouble(f"{type(error).__name__}: {error}") from error
    if len(content) > LARGEST_BYTES:
        raise Trouble("what it sent is too large")
    return content


def is_there(package: Package, folder: Path) -> bool:
    """Say whether exactly this package's files are in the folder."""
    stamp = folder / f"{package.name}.integrity"
    names = [each.rpartition("/")[2] for each in package.files]
    return stamp.is_file() and stamp.read_text() == package.integrity and all((folder / name).is_file() for name in names)


def unpack(package: Package, archive: bytes, folder: Path) -> None:
    """Check an archive and write the wanted files; its stamp comes last. Raises ``Trouble``."""
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if f"sha512-{digest}" != package.integrity:
        raise Trouble(f"what it sent for {package.name} {package.version} is not what is pinned in deploy/graphiql.py")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as fresh, tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as opened:
        for wanted in package.files:
            member = opened.extractfile(f"package/{wanted}") if f"package/{wanted}" in opened.getnames() else None
            if member is None:
                raise Trouble(f"{package.name} {package.version} holds no file {wanted}")
            name = wanted.rpartition("/")[2]
            (Path(fresh) / name).write_bytes(member.read())
            (Path(fresh) / name).replace(folder / name)
        stamp = Path(fresh) / "stamp"
        stamp.write_text(package.integrity)
        stamp.replace(folder / f"{package.name}.integrity")


def fetch(packages: tuple[Package, ...], registry: str, folder: Path) -> None:
    """Fetch what is missing. Raises ``Trouble``."""
    for package in packages:
        if not is_there(package, folder):
            plain_name = package.name.rpartition("/")[2]
            unpack(package, download(f"{registry}/{package.name}/-/{plain_name}-{package.version}.tgz"), folder)


def fetch_within(seconds: float, packages: tuple[Package, ...], registry: str, folder: Path) -> str | None:
    """Fetch what is missing, for so long at most; return why that failed, or None."""
    failures: list[str] = []

    def work() -> None:
        try:
            fetch(packages, registry, folder)
        except Trouble as trouble:
            failures.append(str(trouble))
        except Exception as error:  # noqa: BLE001 - whatever it is, the platform starts without these files
            failures.append(f"{type(error).__name__}: {error}")

    # Looking up a name knows no deadline, so the waiting has one, and the end of the program ends the thread.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        return f"it took longer than {seconds:g} seconds"
    return failures[0] if failures else None


def main() -> int:
    """Fetch what is missing, or say why GraphiQL will not be shown."""
    parser = argparse.ArgumentParser(description="Fetches GraphiQL for development.")
    parser.add_argument("--seconds", type=float, default=300.0, help="give up after so many seconds")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the files go")
    parser.add_argument("--required", action="store_true", help="a failure is the exit code 1")
    asked = parser.parse_args()
    if all(is_there(package, asked.folder) for package in PACKAGES):
        return 0
    registry = (npm_setting("registry") or REGISTRY).rstrip("/")
    print("fetching GraphiQL into .tools/graphiql (once; 5 MB) …", flush=True)
    why = fetch_within(asked.seconds, PACKAGES, registry, asked.folder)
    if why is None:
        return 0
    print(
        f"GraphiQL could not be fetched from {shown(registry)} ({why}): /graphql says how to ask without it; "
        "`make graphiql` tries again.",
        file=sys.stderr,
        flush=True,
    )
    return 1 if asked.required else 0


if __name__ == "__main__":
    sys.exit(main())
