"""Installs RabbitMQ for the tests where this user may, and says plainly why not otherwise.

The tests start a private node of their own; Debian's service is not wanted, so it is kept from starting during the installation.
A service that runs already is left alone. Only the standard library is used; the exit code is always 0.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

POLICY = Path("/usr/sbin/policy-rc.d")
PLACES = ("/usr/sbin", "/usr/lib/rabbitmq/bin", "/usr/local/sbin", "/opt/rabbitmq/sbin")


def is_installed() -> bool:
    """Say whether there is a RabbitMQ server to start."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *PLACES])
    return shutil.which("rabbitmq-server", path=path) is not None


def privileges() -> list[str] | None:
    """Return the prefix under which packages may be installed, or None when this user may not."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True).returncode == 0:
        return ["sudo", "-n"]
    return None


def run(command: list[str]) -> str | None:
    """Run a command; return None when it went well and the last line of its output otherwise."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    lines = done.stdout.strip().splitlines() or ["no reason was given"]
    return None if done.returncode == 0 else lines[-1]


def forbid_service_starts(prefix: list[str]) -> bool:
    """Keep newly installed services from starting; return whether we set that up (and have to remove it)."""
    if POLICY.exists():
        return False
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
        file.write("#!/bin/sh\nexit 101\n")
        file.flush()
        return run([*prefix, "install", "-m", "0755", file.name, str(POLICY)]) is None


def install(prefix: list[str]) -> str | None:
    """Install RabbitMQ with apt; return why that failed, or None."""
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", "-o", "DPkg::Lock::Timeout=120"]
    wanted = [*apt, "install", "--no-install-recommends", "rabbitmq-server"]
    is_ours = forbid_service_starts(prefix)
    try:
        failure = run(wanted)
        if failure is not None:
            failure = run([*apt, "update"]) or run(wanted)
    finally:
        if is_ours:
            run([*prefix, "rm", "-f", str(POLICY)])
    return failure


def main() -> int:
    """Install RabbitMQ, or say why the tests on it will be skipped."""
    if is_installed():
        return 0
    reason: str | None
    if shutil.which("apt-get") is None:
        reason = "this machine has no apt-get"
    elif (prefix := privileges()) is None:
        reason = "this user is not root and has no passwordless sudo"
    else:
        print("installing RabbitMQ for the tests …", flush=True)
        reason = install(prefix)
        if reason is None and not is_installed():
            reason = "the package holds no rabbitmq-server"
    if reason is not None:
        print(
            f"RabbitMQ is not installed and could not be ({reason}): the tests on a real broker are skipped. "
            "To run them, have `apt-get install rabbitmq-server` run as root.",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
