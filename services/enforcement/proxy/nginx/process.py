"""Tells nginx's first process something, if there is one."""

import os
import signal
from pathlib import Path

from services.enforcement.proxy.plane import NginxFiles


def tell(files: NginxFiles, number: signal.Signals) -> bool:
    """Send a signal to nginx's first process; say whether there is one."""
    try:
        process = int(files.pid_file.read_text())
        # What it left behind when it was killed may name another program by now.
        if b"nginx" not in Path(f"/proc/{process}/cmdline").read_bytes():
            return False
        os.kill(process, number)
    except (OSError, ValueError):
        return False
    return True


def may_have_missed(files: NginxFiles, written: Path) -> bool:
    """Say whether a file was written while nginx was starting: it may have read what stood there before."""
    try:
        began, changed, could_hear = (each.stat().st_mtime_ns for each in (files.run_file, written, files.pid_file))
    except OSError:
        return False
    return began <= changed <= could_hear
