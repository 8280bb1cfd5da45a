"""The embedded database: a program that speaks MongoDB's wire protocol, run as a child on a folder of its own."""

import re
import sys
from pathlib import Path

from portico.children import Child, Program, wait_until_free
from portico.trouble import Trouble

_URL = "database.url"
_READY = re.compile(r"listening on 127\.0\.0\.1:(\d+)")


def find_program(name: str) -> str:
    """Return the path of a program of this environment. Raises ``Trouble``."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise Trouble(f"The program {name} is missing from the environment at {path.parent}: run `make distclean` and `make up`.")
    return str(path)


def database_program(folder: Path, log: Path, *, port: int = 0, is_durable: bool = True) -> Program:
    """Return the database's program; ``is_durable`` waits for the disk at every commit (kill -9 then loses nothing)."""
    command = [find_program("secantusd-py"), "--host", "127.0.0.1", "--port", str(port), "--storage-path", str(folder)]
    if is_durable:
        command.append("--sync-on-commit")
    lock = folder.with_suffix(".lock")
    return Program("database", tuple(command), log, ready=_READY, lock=lock, knock_at=port or None)


def tell_database(var: Path, url: str | None) -> None:
    """Write down where the embedded database listens while it runs, for commands beside the platform."""
    place = var / _URL
    if url is None:
        place.unlink(missing_ok=True)
    else:
        place.write_text(url)


def running_database(var: Path) -> str | None:
    """Return the URL of the embedded database of a platform that runs, or None where none does."""
    place = var / _URL
    return place.read_text().strip() if place.exists() else None


async def start_database(folder: Path, log: Path, *, is_durable: bool = True) -> tuple[Child, str]:
    """Start the database and return it with its URL; started again, it listens at the same port. Raises ``Trouble``.

    The driver is told not to try writes again by itself: for that the database looks through the outcomes of the last half hour
    at every write, which took nearly half of its time. Transactions are tried again all the same.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    await wait_until_free(folder.with_suffix(".lock"), "database")
    child = Child(database_program(folder, log, is_durable=is_durable))
    child.start()
    try:
        found = await child.wait_ready()
    except BaseException:
        await child.stop()
        raise
    assert found is not None
    port = int(found.group(1))
    child.program = database_program(folder, log, port=port, is_durable=is_durable)
    return child, f"mongodb://127.0.0.1:{port}/?directConnection=true&retryWrites=false"
