"""``portico export-audit`` and ``portico verify-audit``: the audit trail leaves the platform, and is verified without it."""

import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portico.trouble import Trouble, sentence_of

if TYPE_CHECKING:
    from services.audit.exports.actions import Exporter

_TELL_EVERY = 1000


def register(app: App) -> None:
    """Add the commands to the command line."""
    app.command(export_audit)
    app.command(verify_audit)


def export_audit(
    *,
    to: Path,
    organization: Annotated[str | None, Parameter(name="--organization")] = None,
) -> int:
    """Write the audit trail as JSON Lines that anybody can verify, signed to its end.

    Parameters
    ----------
    to
        The file to write, or a folder in which a file named by the time is made.
    organization
        The id of the only organization whose entries are written.
    """
    import uvloop

    return uvloop.run(export_to(to, organization))


def verify_audit(file: Path, *, keys: Path, checkpoint: Path | None = None) -> int:
    """Verify an export, offline: 0 it is whole, 1 something is wrong with it, 2 it could not be verified.

    Parameters
    ----------
    file
        The export.
    keys
        The public keys: audit.public.json.
    checkpoint
        Checkpoints that were held outside of the platform, one a line: as exported, or as announced.
    """
    from portico.audit_proof import CannotVerify, sentences, verify
    from portico.progress import Progress

    size = file.stat().st_size if file.exists() else 0
    try:
        with Progress().step(f"verifying {file}") as say:
            report = verify(file, keys, checkpoint, lambda lines, read: say(f"{lines} lines, {100 * read // max(size, 1)} %"))
    except CannotVerify as reason:
        raise Trouble(str(reason)) from reason
    for sentence in sentences(report):
        print(sentence)
    return 0 if report.is_whole else 1


async def export_to(to: Path, organization_id: str | None) -> int:
    """Write the audit trail, of everything or of one organization. Raises ``Trouble``."""
    from chassis.errors import Refusal
    from portico.progress import Progress

    path = to / f"audit-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl" if to.is_dir() else to
    async with AsyncExitStack() as stack:
        exporter = await _exporter(stack)
        try:
            with Progress().step(f"writing {path}") as say:
                entries = await exporter.count(organization_id)
                written = await _write(exporter, organization_id, path, lambda lines: say(f"{lines} lines of {entries} entries"))
        except Refusal as refusal:
            raise Trouble(refusal.message) from refusal
    print(f"{path} has {written} lines. Verify it with: portico verify-audit {path} --keys audit.public.json")
    return 0


async def _write(exporter: "Exporter", organization_id: str | None, path: Path, say: Callable[[int], None]) -> int:
    """Write the file whole, or leave what is there."""
    draft = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    lines = 0
    try:
        with draft.open("xb") as file:
            async for line in exporter.lines(organization_id):
                file.write(line)
                lines += 1
                if lines % _TELL_EVERY == 0:
                    say(lines)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise Trouble(sentence_of(error, path)) from error
    finally:
        draft.unlink(missing_ok=True)
    return lines


async def _exporter(stack: AsyncExitStack) -> "Exporter":
    from chassis.clock import SystemClock
    from chassis.mongo import Store, connect
    from portico.composition import audit_exporter
    from portico.database import running_database
    from portico.place import settings_of
    from portico.settings import PorticoSettings, ServeSettings

    var = settings_of(PorticoSettings).var
    settings = settings_of(ServeSettings, keys_dir=var / "keys")
    url = settings.mongo_url or running_database(var)
    if url is None:
        raise Trouble("There is no database to read: set PORTICO_MONGO_URL, or start the platform with `portico up`.")
    client = connect(url)
    stack.callback(client.close)
    return audit_exporter(Store(client, f"{settings.database_prefix}audit", SystemClock()), settings.keys_dir)
