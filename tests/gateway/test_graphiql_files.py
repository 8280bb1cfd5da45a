"""GraphiQL's files are fetched from a registry: checked, once, bounded in time, and never fatally."""

import base64
import hashlib
import io
import os
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from deploy.graphiql import PACKAGES, Package, fetch_within, npm_setting, shown
from graphql_gateway.pages.graphiql import FILES

SCRIPT = Path(__file__).resolve().parents[2] / "deploy/graphiql.py"


class Registry(ThreadingHTTPServer):
    """A registry with one package."""

    daemon_threads = True
    asked: list[str]
    archive: bytes = b""
    authorization: str | None = None


class _Answer(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.authorization = self.headers["authorization"]
        self.send_response(200 if self.path == "/npm/shown/-/shown-1.0.0.tgz" else 404)
        self.end_headers()
        self.wfile.write(self.server.archive)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry on this machine."""
    with Registry(("127.0.0.1", 0), _Answer) as server:
        server.asked = []
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def address(registry: Registry) -> str:
    return f"http://127.0.0.1:{registry.server_port}/npm"


@pytest.fixture
def package(registry: Registry) -> Package:
    """The package that the registry has."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for name, content in (("package/umd/shown.js", b"the script"), ("package/../../evil.js", b"not wanted")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    registry.archive = written.getvalue()
    digest = base64.b64encode(hashlib.sha512(registry.archive).digest()).decode()
    return Package("shown", "1.0.0", f"sha512-{digest}", ("umd/shown.js",))


def test_the_wanted_files_arrive_once(registry: Registry, package: Package, tmp_path: Path) -> None:
    for _ in range(2):
        assert fetch_within(20, (package,), address(registry), tmp_path / "files") is None
    assert (tmp_path / "files/shown.js").read_bytes() == b"the script"
    assert sorted(each.name for each in (tmp_path / "files").iterdir()) == ["shown.integrity", "shown.js"]
    assert registry.asked == ["/npm/shown/-/shown-1.0.0.tgz"]
    (tmp_path / "files/shown.js").unlink()
    assert fetch_within(20, (package,), address(registry), tmp_path / "files") is None
    assert (tmp_path / "files/shown.js").exists()


def test_another_content_is_not_taken(registry: Registry, package: Package, tmp_path: Path) -> None:
    registry.archive += b"!"
    why = fetch_within(20, (package,), address(registry), tmp_path / "files")
    assert why is not None
    assert "is not what is pinned" in why
    assert not (tmp_path / "files").exists()


def test_a_package_that_is_not_there_is_told(registry: Registry, package: Package, tmp_path: Path) -> None:
    assert fetch_within(20, (replace(package, version="2.0.0"),), address(registry), tmp_path) == "it answered 404"
    without = replace(package, files=("umd/other.js",))
    assert fetch_within(20, (without,), address(registry), tmp_path) == "shown 1.0.0 holds no file umd/other.js"


def test_a_silent_registry_costs_bounded_time(package: Package, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        why = fetch_within(0.2, (package,), f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path)
        assert why == "it took longer than 0.2 seconds"
        assert time.monotonic() - began < 5


def test_a_registrys_password_is_used_and_not_shown(registry: Registry, package: Package, tmp_path: Path) -> None:
    with_password = address(registry).replace("//", "//somebody:secret@")
    assert fetch_within(20, (package,), with_password, tmp_path) is None
    assert registry.authorization == f"Basic {base64.b64encode(b'somebody:secret').decode()}"
    registry.archive = b""
    assert "secret" not in str(fetch_within(20, (replace(package, integrity="sha512-"),), with_password, tmp_path))


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--required",), 1)])
def test_an_unreachable_registry_is_one_sentence(tmp_path: Path, options: tuple[str, ...], code: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    environment = {**os.environ, "npm_config_registry": f"http://somebody:secret@127.0.0.1:{free}/npm/"}
    command = [sys.executable, str(SCRIPT), "--folder", str(tmp_path / "files"), *options]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == code
    assert len(done.stderr.splitlines()) == 1
    assert f"http://127.0.0.1:{free}/npm (" in done.stderr
    assert "make graphiql" in done.stderr
    assert "secret" not in done.stdout + done.stderr


def test_npms_settings_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MIRROR", "mirror.example")
    monkeypatch.setenv("NPM_CONFIG_USERCONFIG", str(tmp_path / "npmrc"))
    monkeypatch.delenv("npm_config_userconfig", raising=False)
    (tmp_path / "npmrc").write_text("@ours:registry=https://other.example\n; registry=no\n registry = https://${MIRROR}/npm/ \n")
    assert npm_setting("registry") == "https://mirror.example/npm/"
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://first.example")
    assert npm_setting("registry") == "https://first.example"
    assert shown("https://a:b@c.example:8443/npm") == "https://c.example:8443/npm"


def test_what_is_pinned_is_what_the_page_loads() -> None:
    assert {each.rpartition("/")[2] for package in PACKAGES for each in package.files} == set(FILES)
    assert all(package.integrity.startswith("sha512-") for package in PACKAGES)
