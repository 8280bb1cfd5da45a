"""Installs the programs that tests run on where this user may (RabbitMQ and proxies), and says plainly why not otherwise.

The tests start private ones of their own; Debian's services are not wanted and are kept from starting during the installation.
A service that runs already is left alone. Only the standard library is used; the exit code is always 0.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

POLICY = Path("/usr/sbin/policy-rc.d")
PLACES = ("/usr/sbin", "/usr/lib/rabbitmq/bin", "/usr/local/sbin", "/opt/rabbitmq/sbin")


class Program(NamedTuple):
    """A program: what it is called, its command, its package, and the tests that are skipped without it."""

    name: str
    command: str
    package: str
    tests: str


PROGRAMS = {
    "rabbitmq": Program("RabbitMQ", "rabbitmq-server", "rabbitmq-server", "the tests on a real broker"),
    "nginx": Program("nginx", "nginx", "nginx", "the tests of the data plane on nginx"),
    "haproxy": Program("HAProxy", "haproxy", "haproxy", "the tests of its snippet"),
    "caddy": Program("Caddy", "caddy", "caddy", "the tests of its snippet"),
}


def is_installed(program: Program) -> bool:
    """Say whether there is one to start."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *PLACES])
    return shutil.which(program.command, path=path) is not None


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


def install(prefix: list[str], packages: list[str]) -> str | None:
    """Install packages with apt; return why that failed, or None."""
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", "-o", "DPkg::Lock::Timeout=120"]
    wanted = [*apt, "install", "--no-install-recommends", *packages]
    is_ours = forbid_service_starts(prefix)
    try:
        failure = run(wanted)
        if failure is not None:
            failure = run([*apt, "update"]) or run(wanted)
    finally:
        if is_ours:
            run([*prefix, "rm", "-f", str(POLICY)])
    return failure


def main(names: list[str]) -> int:
    """Install the programs of these names, or say what will be skipped without them."""
    missing = [PROGRAMS[name] for name in names if not is_installed(PROGRAMS[name])]
    if not missing:
        return 0
    reason: str | None
    if shutil.which("apt-get") is None:
        reason = "this machine has no apt-get"
    elif (prefix := privileges()) is None:
        reason = "this user is not root and has no passwordless sudo"
    else:
        print(f"installing {', '.join(each.name for each in missing)} for the tests …", flush=True)
        reason = install(prefix, [each.package for each in missing])
    for each in missing:
        if not is_installed(each):
            why = reason or f"the package {each.package} holds no {each.command}"
            print(
                f"{each.name} is not installed and could not be ({why}): {each.tests} are skipped. "
                f"To run them, have `apt-get install {each.package}` run as root.",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(PROGRAMS)))
