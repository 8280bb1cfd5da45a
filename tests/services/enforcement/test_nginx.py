"""What nginx alone has: its counts, its configuration for any folder and secret."""

import asyncio
import signal
import subprocess
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from services.enforcement.main import data_plane
from services.enforcement.proxy import certificate, files
from services.enforcement.proxy.command import NginxMissing, arguments, command, nginx_binary
from services.enforcement.proxy.counters import NginxCounters
from services.enforcement.proxy.nginx import configuration as nginx
from services.enforcement.proxy.nginx import quoting
from services.enforcement.proxy.nginx.generation import TakingOver
from services.enforcement.proxy.nginx.process import tell
from services.enforcement.proxy.plane import DataPlane, TlsDoor
from services.enforcement.proxy.published import Published
from services.enforcement.state.upstreams import Upstream
from tests.certificates import issue
from tests.services.enforcement.stage import DataPlaneStage, free_port, start, until

pytestmark = pytest.mark.processes


def _plane(folder: Path, **facts: object) -> DataPlane:
    addresses = {name: f"127.0.0.1:{free_port()}" for name in ("proxy_address", "check_address", "sandbox_address")}
    return DataPlane(folder=folder, admin_address="", kind="nginx", **addresses, **facts)  # type: ignore[arg-type]


@pytest.fixture
def binary() -> Path:
    try:
        return nginx_binary()
    except NginxMissing as missing:
        pytest.skip(str(missing))


async def test_questions_about_the_counts_are_no_calls(binary: Path, tmp_path: Path) -> None:
    plane = _plane(tmp_path / "plane")
    plane.folder.mkdir()
    files.prepare(plane)
    process = start(command(plane, binary), start_new_session=True)
    counters = NginxCounters(plane.nginx)
    try:
        first = await until(counters.counted, 60)
        assert (first.calls, first.lines) == (0, 0)
        host, _, port = plane.proxy_address.partition(":")
        for _ in range(3):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"nonsense\r\n\r\n")
            await reader.read()
            writer.close()
            counted = await until(counters.counted, 60)
        assert counted == (first.run, 3, 3)
        several = await asyncio.gather(*(counters.counted() for _ in range(5)))
        assert {each.calls for each in several if each is not None} <= {3}
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 60)
    assert await counters.counted() is None
    assert plane.log_file.read_bytes().count(b"\n") == 3


def _is_current() -> bool:
    return bool(REGISTRY.get_sample_value("portico_nginx_is_current"))


async def test_what_nginx_refuses_is_noticed_and_tried_again(binary: Path, tmp_path: Path) -> None:
    plane = _plane(tmp_path / "plane")
    plane.folder.mkdir()
    files.prepare(plane)
    process = start(command(plane, binary), start_new_session=True)
    moment = 0.0
    taking_over = TakingOver(plane.nginx, lambda: moment)
    try:
        await until(NginxCounters(plane.nginx).counted, 60)
        await taking_over.look()
        moment += 60
        await taking_over.look()
        assert _is_current()
        files.write_upstreams(plane, [Published("/zoo/a/v1", "ver_1", "prd_1", stays_open=True)])
        places = plane.nginx.places_file.read_bytes()
        plane.nginx.places_file.write_bytes(places + b"nonsense;\n")
        assert tell(plane.nginx, signal.SIGHUP)
        await taking_over.look()
        assert _is_current()
        moment += 5
        await taking_over.look()
        assert not _is_current()
        plane.nginx.places_file.write_bytes(places)

        async def is_taken() -> bool:
            nonlocal moment
            moment += 10
            return _is_current()

        await taking_over.start()
        await until(is_taken, 60)
        await taking_over.close()
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 60)


def test_any_upstream_stands_in_the_configuration(binary: Path, tmp_path: Path) -> None:
    plane = _plane(tmp_path / 'fol"der')
    plane.folder.mkdir()
    files.prepare(plane)
    plane.nginx.run_file.write_text('map "" $portico_run { default "run"; }')
    odd = "/v1/$request_id/a'b;c=(d)~!*&,:@"
    served = [
        Upstream("ver_1", "https://api.example", odd, 5.0, "api.example:8443", "org_1", issue().pem, "shown"),
        Upstream("ver_2", "https://[2001:db8::1]:8443", "", 60.0, "[2001:db8::1]:8443", "org_1"),
        Upstream("ver_4", "https://api.example", "/v1", 1.0, "$host", "org_1"),
        Upstream("ver_3", "http://10.0.0.1", "/v1", 1.0, "10.0.0.1", "org_1"),
    ]
    numbers = [("192.0.2.1:443", "[2001:db8::2]:443"), ("[2001:db8::1]:8443",), ("192.0.2.1:443",), ()]
    published = [
        Published(f"/zoo-{each.name}/a.b/v1", each.name, f"prd_{each.name}", each, numbers[place], stays_open=place != 1)
        for place, each in enumerate(served)
    ]
    published.append(Published('/odd "/a/v1', "ver_5", "prd_5", stays_open=True))
    published.append(Published("/plain/a/v1", 'ver "4" \\', "prd_4", stays_open=True))
    assert files.write_upstreams(plane, published)
    assert not files.write_upstreams(plane, published)
    assert "$request_id" not in plane.nginx.places_file.read_text().replace('"request_id":"$request_id"', "")
    checked = subprocess.run([str(binary), "-t", *arguments(plane)], capture_output=True, check=False, text=True)
    assert checked.returncode == 0, checked.stderr
    assert len(list(plane.nginx.authorities_folder.iterdir())) == 1
    assert files.write_upstreams(plane, published[1:])
    assert list(plane.nginx.authorities_folder.iterdir()) == []


def test_any_secret_and_folder_stands_in_the_configuration(binary: Path, tmp_path: Path) -> None:
    certificate.make_missing(tmp_path / "tls")
    door = TlsDoor(f"127.0.0.1:{free_port()}", tmp_path / "tls" / "server.pem", tmp_path / "tls" / "server.key")
    secret = """a "quoted" $secret with \\ and ' and ; and {signs}: 100%"""
    plane = _plane(tmp_path / 'fol"der', tls=door, certified_address="127.0.0.1:1", certified_secret=secret)
    plane.folder.mkdir()
    files.prepare(plane)
    plane.nginx.run_file.write_text('map "" $portico_run { default "run"; }')
    checked = subprocess.run([str(binary), "-t", *arguments(plane)], capture_output=True, check=False, text=True)
    assert checked.returncode == 0, checked.stderr
    with pytest.raises(quoting.PathNotUsable):
        nginx.configuration(_plane(tmp_path / "$folder"))


async def test_the_configuration_stays_as_it_is_when_something_is_published(plane: DataPlaneStage) -> None:
    configured = data_plane(plane.settings)
    if configured.kind != "nginx":
        return
    before = configured.nginx.configuration_file.read_bytes()
    client, product = await plane.application(), await plane.product()
    await plane.subscribe(client, product)
    await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    assert configured.nginx.configuration_file.read_bytes() == before
