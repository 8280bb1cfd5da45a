"""One platform on one folder of state: the lock that a second one meets."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from portico.trouble import Trouble, sentence_of


@contextlib.contextmanager
def only_one(var: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel gives it back however this process ends. Raises ``Trouble``."""
    path = var / "portico.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise Trouble(sentence_of(error, var)) from error
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = file.read().strip() or "unknown"
            raise Trouble(
                f"Portico runs already on {var} (process {owner}): stop that one with Ctrl-C, "
                "or set PORTICO_VAR to another folder and PORTICO_GATEWAY_PORT, PORTICO_DATA_PLANE_PORT, "
                "PORTICO_DATA_PLANE_TLS_PORT and PORTICO_MAILBOX_PORT to other ports."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
