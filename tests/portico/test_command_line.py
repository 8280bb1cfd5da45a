"""What a person can mend is one plain sentence and exit code 2."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from portico.keys import make_keys, publish_keys, share_notices_key
from portico.lock import only_one
from portico.trouble import Trouble, bind, require_free_space, require_writable, sentence_of

ROOT = Path(__file__).resolve().parents[2]


def portico(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "portico", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_trouble(done: subprocess.CompletedProcess[str], *says: str) -> None:
    assert done.returncode == 2, done.stderr
    # A server that has begun to work logs as well, one JSON object a line; a person is told one sentence.
    lines = [line for line in done.stderr.strip().splitlines() if not line.startswith("{")]
    assert len(lines) == 1, done.stderr
    for each in says:
        assert each in lines[0]


@pytest.mark.processes
def test_a_busy_port_is_named_with_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = portico("up", PORTICO_VAR=str(tmp_path), PORTICO_GATEWAY_PORT=port)
    assert_trouble(done, f"127.0.0.1:{port} is in use", "PORTICO_GATEWAY_PORT")


@pytest.mark.processes
def test_a_second_platform_on_the_same_state_is_refused(tmp_path: Path) -> None:
    with only_one(tmp_path):
        done = portico("up", PORTICO_VAR=str(tmp_path))
    assert_trouble(done, "runs already", str(os.getpid()))


@pytest.mark.processes
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    assert_trouble(portico("up", PORTICO_VAR=str(tmp_path), PORTICO_GATEWAY_PORT="eighty"), "PORTICO_GATEWAY_PORT", "'eighty'")


@pytest.mark.processes
def test_a_part_needs_its_servers() -> None:
    assert_trouble(portico("serve", "catalog"), "PORTICO_MONGO_URL is empty")
    servers = {"PORTICO_MONGO_URL": "mongodb://127.0.0.1:9", "PORTICO_RABBITMQ_URL": "amqp://127.0.0.1:9"}
    assert_trouble(portico("serve", "weather", **servers), "There is no part weather", "identity")


@pytest.mark.processes
def test_a_part_that_does_not_answer_is_not_ready() -> None:
    done = portico("ready", "--url", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "is not ready" in done.stdout


def test_an_unwritable_folder_is_named_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Trouble, match=r"a file is in its place.*PORTICO_VAR"):
        require_writable(tmp_path / "file" / "var")


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EROFS, "read-only file system"),
        (errno.EACCES, "change its owner"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_why_nothing_can_be_written_is_told_with_the_mend(number: int, says: str) -> None:
    sentence = sentence_of(OSError(number, "as the kernel says"), Path("/somewhere/var"))
    assert says in sentence
    assert "/somewhere/var" in sentence
    assert "PORTICO_VAR" in sentence


def test_a_full_disk_is_named_with_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"MB free and Portico needs 1000000000 MB"):
        require_free_space(tmp_path, 10**9)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(Trouble, match=r"192\.0\.2\.1 is no address of this machine: set PORTICO_GATEWAY_HOST"):
        bind("192.0.2.1", 0, "PORTICO_GATEWAY_PORT")


def test_keys_are_made_once_and_private_ones_are_private(tmp_path: Path) -> None:
    made = make_keys(tmp_path / "keys")
    assert "passport.private.json" in made
    before = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    assert make_keys(tmp_path / "keys") == []
    assert {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()} == before
    for path in (tmp_path / "keys").iterdir():
        assert path.stat().st_mode & 0o777 == (0o644 if ".public." in path.name else 0o600), path
    publish_keys(tmp_path / "keys", tmp_path / "public")
    share_notices_key(tmp_path / "keys", tmp_path / "shared")
    share_notices_key(tmp_path / "keys", tmp_path / "shared")
    [shared] = (tmp_path / "shared").iterdir()
    assert (shared.name, shared.read_bytes()) == ("notices.key", before["notices.key"])
    assert shared.stat().st_mode & 0o777 == 0o600
    shared.write_bytes(b"another")
    with pytest.raises(Trouble):
        share_notices_key(tmp_path / "keys", tmp_path / "shared")
    public = {f"{purpose}.public.json" for purpose in ("passport", "tokens", "audit")}
    assert {path.name for path in (tmp_path / "public").iterdir()} == public
