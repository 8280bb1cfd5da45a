"""A private RabbitMQ node: own name, ports, data and cookie; it can be killed, frozen and started again on its data.

It leaves no process behind: the node's process group and the one name server (epmd) that was started for it are ended.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
START_SECONDS = 60.0
# Whatever ends the tests, even SIGKILL, ends the node too.
_DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()


def why_missing() -> str | None:
    """A plain sentence when this machine cannot run a node, else None."""
    if not SERVER.exists():
        return f"RabbitMQ is not installed ({SERVER} does not exist); `make rabbitmq` says how it can be."
    if shutil.which("epmd") is None or shutil.which("erl") is None:
        return "Erlang (erl, epmd) is not on the PATH; it comes with the package rabbitmq-server."
    return None


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class RabbitNode:
    """One broker on loopback; `url` is where it listens."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="portico-rabbit-"))
        self._port, self._dist_port, self._epmd_port = _free_ports(3)
        self._epmd: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}/"

    def start(self) -> None:
        """Start the node (again, on the same data) and wait until it speaks AMQP."""
        self.launch()
        self.wait_until_it_speaks()

    def launch(self) -> None:
        """Start the node without waiting for it. Call this from the main thread: the node ends with the thread that made it."""
        if self._epmd is None:
            self._write_configuration()
            self._epmd = subprocess.Popen(
                [*_DIES_WITH_US, "epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        with (self._home / "console.log").open("ab") as console:
            self._server = subprocess.Popen(
                [*_DIES_WITH_US, str(SERVER)],
                env=self._environment(),
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End the broker as a power cut would: SIGKILL, nothing flushed."""
        self._signal(signal.SIGKILL)
        if self._server is not None:
            self._server.wait()
            self._server = None

    def end(self) -> None:
        """End the broker as whoever upgrades it does: it is asked to, and writes down what it has."""
        self._signal(signal.SIGTERM)
        if self._server is not None:
            self._server.wait(START_SECONDS)
            self._server = None

    def freeze(self) -> None:
        """Stop the broker's processes without closing a connection."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen broker go on."""
        self._signal(signal.SIGCONT)

    def remove(self) -> None:
        """End everything that was started and delete the data."""
        self.kill()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
            self._epmd = None
        shutil.rmtree(self._home, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        if self._server is not None:
            os.killpg(self._server.pid, number)

    def wait_until_it_speaks(self) -> None:
        """Wait until the node answers to the protocol's first bytes."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self._server is not None
            if self._server.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                    connection.sendall(PROTOCOL_HEADER)
                    if connection.recv(1) == b"\x01":
                        return
            except OSError:
                pass
            time.sleep(0.05)
        console = (self._home / "console.log").read_text(errors="replace")
        self.remove()
        raise RuntimeError(f"RabbitMQ did not start on port {self._port}:\n{console[-2000:]}")

    def _write_configuration(self) -> None:
        (self._home / "enabled_plugins").write_text("[].\n")
        (self._home / "rabbitmq-env.conf").write_text("")
        (self._home / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self._port}\n"
            "log.file.level = warning\n"
            "log.console = false\n"
            "disk_free_limit.absolute = 1MB\n"
            "raft.wal_max_size_bytes = 16777216\n"
        )

    def _environment(self) -> dict[str, str]:
        home = str(self._home)
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "HOME": home,
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the node instead of starting it: its pid is ours
            "RABBITMQ_NODENAME": f"portico{self._port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false",
            "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq.conf",
            "RABBITMQ_CONF_ENV_FILE": f"{home}/rabbitmq-env.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{home}/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{home}/mnesia",
            "RABBITMQ_LOG_BASE": f"{home}/log",
            "RABBITMQ_SCHEMA_DIR": f"{home}/schema",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{home}/config",
            "RABBITMQ_PID_FILE": f"{home}/server.pid",
        }
