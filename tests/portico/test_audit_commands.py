"""The audit trail leaves the platform by a command, and is verified by another one that needs nothing of it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chassis.clock import FixedClock
from chassis.local import LocalBus
from chassis.mongo import Store
from portico.commands.audit import export_to, verify_audit
from portico.database import running_database, tell_database
from portico.keys import make_keys
from portico.trouble import Trouble
from services.audit.main import build
from services.audit.settings import AuditSettings
from tests.passports import make_verifier
from tests.services.audit.recording import record
from tests.services.stage import Stage

ROOT = Path(__file__).resolve().parents[2]


def portico(*arguments: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "portico", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.processes
async def test_what_is_exported_is_verified_and_what_was_touched_is_not(
    mongo: Any, mongo_url: str, database_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, folder = tmp_path / "keys", tmp_path / "exports"
    make_keys(keys)
    folder.mkdir()
    await recorded(Store(mongo, f"{database_prefix}audit", FixedClock()), keys, tmp_path / "bus.sqlite")
    where = {
        "PORTICO_MONGO_URL": mongo_url,
        "PORTICO_DATABASE_PREFIX": database_prefix,
        "PORTICO_KEYS_DIR": str(keys),
        "PORTICO_VAR": str(tmp_path),
    }
    code, said = portico("export-audit", "--to", str(folder), **where)
    assert (code, "Verify it with" in said) == (0, True), said
    [export] = folder.iterdir()
    public = keys / "audit.public.json"
    code, said = portico("verify-audit", str(export), "--keys", str(public))
    assert (code, "3 entries in 1 chain," in said, "whole" in said) == (0, True, True), said

    held = tmp_path / "held.jsonl"
    held.write_bytes(b"".join(line for line in export.read_bytes().splitlines(keepends=True) if b'{"checkpoint"' in line))
    assert verify_audit(export, keys=public, checkpoint=held) == 0
    export.write_bytes(export.read_bytes().replace(b"usr_1", b"usr_2", 1))
    assert verify_audit(export, keys=public) == 1

    for name, value in where.items():
        monkeypatch.setenv(name, value)
    of_one = tmp_path / "one.jsonl"
    assert await export_to(of_one, "org_a") == 0
    before = of_one.read_bytes()
    for to, organization, says in ((of_one, "org_strange", "Nothing is recorded"), (tmp_path / "no" / "file", None, "no/file")):
        with pytest.raises(Trouble, match=says):
            await export_to(to, organization)
    assert of_one.read_bytes() == before
    (keys / "audit.private.json").unlink()
    with pytest.raises(Trouble, match="run `portico keys`"):
        await export_to(of_one, None)
    monkeypatch.setenv("PORTICO_MONGO_URL", "")
    with pytest.raises(Trouble, match="PORTICO_MONGO_URL"):
        await export_to(of_one, None)
    assert of_one.read_bytes() == before
    assert verify_audit(of_one, keys=public) == 0


async def recorded(store: Store, keys: Path, bus_file: Path) -> None:
    """Let audit append three acts."""
    bus = LocalBus(bus_file)
    await bus.start()
    service = build(AuditSettings(keys_dir=keys), bus, store, make_verifier(keys))
    await service.declare()
    await record(Stage(service, keys), FixedClock(), 3, "org_a")
    await bus.close()


def test_what_cannot_be_verified_is_told_with_its_reason(tmp_path: Path) -> None:
    make_keys(tmp_path)
    public, some = tmp_path / "audit.public.json", tmp_path / "tokens.public.json"
    for file, keys, checkpoint, says in (
        (tmp_path / "nothing", public, None, "cannot be read"),
        (some, tmp_path / "nothing", None, "cannot be read"),
        (some, tmp_path / "audit.private.json.", None, "cannot be read"),
        (some, public, some, "held outside"),
        (some, public, tmp_path, "cannot be read"),
    ):
        with pytest.raises(Trouble, match=says):
            verify_audit(file, keys=keys, checkpoint=checkpoint)
    assert verify_audit(some, keys=public) == 1


def test_where_the_embedded_database_listens_is_known_while_it_runs(tmp_path: Path) -> None:
    assert running_database(tmp_path) is None
    tell_database(tmp_path, "mongodb://127.0.0.1:1/")
    assert running_database(tmp_path) == "mongodb://127.0.0.1:1/"
    for _ in range(2):
        tell_database(tmp_path, None)
        assert running_database(tmp_path) is None
