"""What a person at the command line can mend: said in one plain sentence, without a traceback."""

import errno
import os
import shutil
import socket
from pathlib import Path

EXIT_CODE = 2


class Trouble(Exception):  # noqa: N818 - it is told to a person, who mends it
    """The platform cannot go on here; the message is one sentence that names the mend."""


def require_free_space(folder: Path, megabytes: int) -> None:
    """Raise ``Trouble`` unless the disk under a folder has this much space left."""
    free = shutil.disk_usage(folder).free // 2**20
    if free < megabytes:
        raise Trouble(
            f"The disk under {folder} has {free} MB free and Portico needs {megabytes} MB: free some space, "
            "or point PORTICO_VAR at a folder on another disk."
        )


def require_writable(folder: Path) -> None:
    """Make a folder and raise ``Trouble`` unless files can be written into it."""
    probe = folder / ".write-test"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
    except OSError as error:
        raise Trouble(sentence_of(error, folder)) from error


def sentence_of(error: OSError, folder: Path) -> str:
    """Return the sentence for a failed write under a folder."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk under {folder} is full: free some space, or point PORTICO_VAR at a folder on another disk."
    if error.errno == errno.EROFS:
        return f"The folder {folder} lies on a read-only file system: point PORTICO_VAR at a folder that can be written."
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"{folder} cannot be a folder, because a file is in its place: move that away, or point PORTICO_VAR elsewhere."
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"The folder {folder} cannot be written by this user: change its owner, "
            "or point PORTICO_VAR at a folder that can be written."
        )
    reason = os.strerror(error.errno) if error.errno else str(error)
    return f"Writing under {folder} failed ({reason}): mend that, or point PORTICO_VAR at another folder."


def bind(host: str, port: int, setting: str) -> socket.socket:
    """Return a socket bound to an address and raise ``Trouble`` when somebody else has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        # Two sockets may share an address until one listens; whoever listens first has it.
        bound.listen(2048)
    except (OSError, OverflowError) as error:
        bound.close()
        raise Trouble(_bind_sentence(error, host, port, setting)) from error
    bound.setblocking(False)
    return bound


def _bind_sentence(error: Exception, host: str, port: int, setting: str) -> str:
    number, address = getattr(error, "errno", None), f"{host}:{port}"
    if number == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        host_setting = setting.removesuffix("_PORT") + "_HOST" if setting.endswith("_PORT") else setting
        return f"{host} is no address of this machine: set {host_setting} to one that is (127.0.0.1 is this machine alone)."
    if number == errno.EADDRINUSE:
        return f"The address {address} is in use by another program: stop that program, or set {setting} to another port."
    if number == errno.EACCES:
        return f"This user may not listen at {address}: set {setting} to a port above 1023."
    return f"Nothing can listen at {address} ({error}): set {setting} to an address and a port of this machine."
