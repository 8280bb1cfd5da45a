"""Stands between the platform and the proxy, so that the proxy's last lines are written however the platform ends.

Told to stop while calls run, Envoy may answer a call and end before it has written that call's line. So this program, the proxy's
parent, is told instead: it has Envoy take no more connections and close those that are open after their next answer, waits for
that within bounds, and only then has Envoy stop. nginx does the same by itself when it is asked to quit. It is run by a bare
interpreter: ``usher.py ADMIN_FILE PROXY …``; nginx has no such file, and an empty word in its place.
"""

import contextlib
import ctypes
import http.client
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

LONGEST_SECONDS = 2.0
SILENCE_SECONDS = 0.3
PAUSE_SECONDS = 0.02
_PARENT_DEATH_SIGNAL = 1
_CHILD_SUBREAPER = 36
_OPEN = "/stats?filter=%5Ehttp%5C.calls%5C.downstream_(rq%7Ccx)_active%24"


def ask(admin_file: Path, method: str, path: str) -> str:
    """Return what Envoy's administration answers. Raises ``OSError`` or ``http.client.HTTPException``."""
    host, _, port = admin_file.read_text().strip().rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=0.5)
    try:
        connection.request(method, path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def open_now(stats: str) -> tuple[int, int]:
    """Return how many connections and how many calls are open, from these counts."""
    numbers = dict(line.strip().rsplit(": ", 1) for line in stats.splitlines() if ": " in line)
    return int(numbers["http.calls.downstream_cx_active"]), int(numbers["http.calls.downstream_rq_active"])


def wait_for_silence(admin_file: Path) -> None:
    """Wait until no connection is open, or no call has been for a while; bounded."""
    began_at = quiet_since = time.monotonic()
    while time.monotonic() - began_at < LONGEST_SECONDS:
        connections, calls = open_now(ask(admin_file, "GET", _OPEN))
        if calls:
            quiet_since = time.monotonic()
        if not connections or time.monotonic() - quiet_since > SILENCE_SECONDS:
            break
        time.sleep(PAUSE_SECONDS)
    time.sleep(PAUSE_SECONDS)


def see_out(admin_file: Path | None, proxy: "subprocess.Popen[bytes]") -> None:
    """Let running calls end, within bounds, and have the proxy stop."""
    if admin_file is None:
        proxy.send_signal(signal.SIGQUIT)
        wait_for_end(proxy.pid)
    else:
        see_out_envoy(admin_file)
    proxy.terminate()


def see_out_envoy(admin_file: Path) -> None:
    """Let the calls that run through Envoy end, within bounds."""
    with contextlib.suppress(OSError, ValueError, KeyError, http.client.HTTPException):
        ask(admin_file, "POST", "/drain_listeners?graceful")  # from now on each answer closes its connection
        ask(admin_file, "POST", "/drain_listeners")  # and nobody new is let in
        wait_for_silence(admin_file)


def die_with_parent() -> None:
    """Have the kernel tell the new process to stop when its parent is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, int(signal.SIGTERM))


def wait_for_end(pid: int) -> None:
    """Wait until a child has ended; bounded. Whoever started it still learns how it ended."""
    began_at = time.monotonic()
    while time.monotonic() - began_at < LONGEST_SECONDS:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
            break
        time.sleep(PAUSE_SECONDS)


def adopt() -> None:
    """Have the kernel give the proxy's own children to this program should the proxy be killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_CHILD_SUBREAPER, 1)


def end_adopted() -> None:
    """End what the proxy has left behind: workers of nginx go on when their parent is killed, and hold its addresses."""
    with contextlib.suppress(FileNotFoundError):
        for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGTERM)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def main(admin_file: Path | None, command: list[str]) -> int:
    """Run the proxy until it ends; return its exit code."""
    adopt()
    # The proxy inherits what this program holds open: a lock that says that the proxy has not ended yet.
    proxy = subprocess.Popen(command, preexec_fn=die_with_parent, close_fds=False)  # noqa: PLW1509, S603 - there is one thread
    is_asked = False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal is_asked
        if not is_asked:
            is_asked = True
            see_out(admin_file, proxy)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    if os.getppid() == 1:  # the platform died before the signals were set up
        on_signal(signal.SIGTERM, None)
    code = proxy.wait()
    end_adopted()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if sys.argv[1] else None, sys.argv[2:]))
