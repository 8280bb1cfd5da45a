"""``portico up``: the whole platform in one process, with the embedded database and the proxy as its children."""

import asyncio
import shutil
import socket
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from chassis.telemetry import log
from portico.children import Child, Keeper, Program, wait_until_free
from portico.database import start_database, tell_database
from portico.keys import make_certificates, make_keys
from portico.lock import only_one
from portico.logs import LogFile, log_stray_failures, start_logs
from portico.progress import Progress
from portico.settings import PorticoSettings
from portico.signals import StopRequested, stop_event, unless_stopped
from portico.trouble import Trouble, bind, require_free_space, require_writable

if TYPE_CHECKING:
    from portico.composition import OneProcess

SPACE_NEEDED_MB = 200
SPACE_LEFT_MB = 20
FAILED = 1
_LOOK_AT_DISK_SECONDS = 2.0
_log = log("portico")


async def up(settings: PorticoSettings) -> int:
    """Start everything, run until asked to stop, and leave nothing behind; return the exit code."""
    var = settings.var.absolute()
    require_writable(var)
    require_free_space(var, SPACE_NEEDED_MB)
    asked = stop_event()
    progress = Progress()
    with only_one(var):
        platform = Platform(settings, var, progress)
        try:
            await unless_stopped(platform.start(), asked)
            return await platform.run(asked)
        except StopRequested:
            return 0
        finally:
            await platform.close()


class Platform:
    """Everything that ``up`` starts, in order; closed in the reverse order."""

    def __init__(self, settings: PorticoSettings, var: Path, progress: Progress) -> None:
        self._settings = settings
        self._var = var
        self._progress = progress
        self._stack = AsyncExitStack()
        self._keeper = Keeper(progress.warn)
        self._is_disk_full = False

    async def start(self) -> None:
        """Start everything and print where it is."""
        self._start_log()
        sockets = self._bind()
        make_keys(self._var / "keys")
        if self._settings.data_plane_tls_port:
            make_certificates(self._var / "keys" / "tls", [self._settings.data_plane_host])
        with self._progress.step("embedded database"):
            url = await self._start_database()
        with self._progress.step("services and gateway"):
            whole = await self._start_parts(url, sockets)
        with self._progress.step("data plane"):
            self._start_shipper(whole)
            await self._start_proxy(whole)
        await self._load_demo()
        self._say_addresses()

    async def run(self, asked: asyncio.Event) -> int:
        """Run until somebody asks to stop (0) or a child keeps dying (1)."""
        waiting = asyncio.create_task(asked.wait())
        self._keeper.gave_up.add_done_callback(lambda _: waiting.cancel())
        while not waiting.done():
            await asyncio.wait([waiting], timeout=_LOOK_AT_DISK_SECONDS)
            self._look_at_disk()
        if waiting.cancelled():
            print(self._keeper.gave_up.result(), file=sys.stderr)
            require_free_space(self._var, SPACE_LEFT_MB)
            return FAILED
        self._progress.say("stopping …")
        return 0

    def _look_at_disk(self) -> None:
        """Tell once that the disk fills up, and once again after it had space in between."""
        free = shutil.disk_usage(self._var).free // 2**20
        if free < SPACE_LEFT_MB and not self._is_disk_full:
            self._progress.warn(
                f"The disk under {self._var} has {free} MB free: free some space; until then what has to be written is refused."
            )
        self._is_disk_full = free < SPACE_LEFT_MB

    async def close(self) -> None:
        """Stop everything; bounded in time."""
        await self._stack.aclose()

    def _start_log(self) -> None:
        start_logs(self._settings.log_level, LogFile(self._var / "log/portico.log"))
        log_stray_failures()

    def _bind(self) -> dict[str, socket.socket]:
        """Take every fixed address before anything is started, so that a busy one is told at once."""
        settings = self._settings
        sockets = {}
        for name, host, port in (
            ("gateway", settings.gateway_host, settings.gateway_port),
            ("mailbox", settings.mailbox_host, settings.mailbox_port),
            ("data_plane", settings.data_plane_host, settings.data_plane_port),
            ("data_plane_tls", settings.data_plane_host, settings.data_plane_tls_port),
        ):
            if not port:
                continue
            sockets[name] = bind(host, port, f"PORTICO_{name.upper()}_PORT")
            self._stack.callback(sockets[name].close)
        for name in ("data_plane", "data_plane_tls"):  # the proxy binds them by itself
            if name in sockets:
                sockets.pop(name).close()
        return sockets

    async def _start_database(self) -> str:
        database, url = await start_database(self._var / "database", self._var / "log/database.log")
        self._stack.push_async_callback(self._keeper.end, database)
        self._stack.callback(tell_database, self._var, None)
        tell_database(self._var, url)
        self._keeper.watch(database)
        return url

    async def _start_parts(self, mongo_url: str, sockets: dict[str, socket.socket]) -> "OneProcess":
        # Imported while the database is up already: this is the slowest import of all.
        from portico.composition import one_process

        whole = await one_process(self._settings, self._var, mongo_url)
        self._stack.push_async_callback(whole.close)
        await whole.start(sockets)
        return whole

    def _start_shipper(self, whole: "OneProcess") -> None:
        """Start what announces the proxy's log; it ends after the proxy, whose last lines it announces, and before the bus."""
        from portico.shipping import beside, program

        folder = whole.enforcement_settings().data_plane
        assert folder is not None, "there is no proxy"
        shipper = Child(program(self._var / "log/shipper.log", beside(self._var, folder.absolute())))
        shipper.start()
        self._stack.push_async_callback(self._keeper.end, shipper)
        self._keeper.watch(shipper)

    async def _start_proxy(self, whole: "OneProcess") -> None:
        lock = self._var / "proxy.lock"
        await wait_until_free(lock, "proxy")
        program = Program("proxy", tuple(whole.proxy_command()), self._var / "log/proxy.log", lock=lock)
        proxy = Child(program)
        proxy.start()
        self._stack.push_async_callback(self._keeper.end, proxy)
        for port in (self._settings.data_plane_port, self._settings.data_plane_tls_port):
            if port:
                await _wait_for_port(proxy, self._settings.data_plane_host, port)
        self._keeper.watch(proxy)

    async def _load_demo(self) -> None:
        if not self._settings.demo:
            return
        from portico import demo

        addresses = demo.Addresses(f"{self._settings.gateway_url}/graphql", self._settings.mailbox_url)
        with self._progress.step("demonstration catalogue and accounts") as say:
            try:
                await demo.load(addresses, demo.passwords(self._var / "demo.json"), say)
            except Exception as failure:
                _log.exception("the demonstration could not be loaded")
                raise Trouble(
                    f"The demonstration could not be loaded ({type(failure).__name__}: {failure}): {self._var}/log/portico.log "
                    "says more; `make clean` begins anew, PORTICO_DEMO=0 starts without it."
                ) from failure

    def _say_addresses(self) -> None:
        gateway, settings = self._settings.gateway_url, self._settings
        self._progress.say(f"\nPortico is ready after {self._progress.seconds:.1f} s.\n")
        rows = [
            ("GraphQL, GraphiQL in a browser", f"{gateway}/graphql"),
            ("API calls", settings.data_plane_url),
            *_tls_rows(settings, self._var / "keys" / "tls" / "ca.pem"),
            ("OAuth token endpoint", f"{gateway}/oauth/token"),
            ("OAuth metadata", f"{gateway}/.well-known/oauth-authorization-server"),
            ("public keys (JWKS)", f"{gateway}/.well-known/jwks.json"),
            ("health, metrics", f"{gateway}/health/live /health/ready /metrics"),
            ("mail that was sent", settings.mailbox_url),
            ("state and logs", str(self._var)),
        ]
        self._progress.addresses(rows)
        if settings.demo:
            from portico import demo

            self._progress.say("\nSign in (mutation signIn) as one of these, or register:\n")
            self._progress.addresses(list(demo.passwords(self._var / "demo.json").items()))
        self._progress.say("\nCtrl-C stops it. `make journey` walks both procedures to their calls and the usage.")


def _tls_rows(settings: PorticoSettings, authority: Path) -> list[tuple[str, str]]:
    if not settings.data_plane_tls_port:
        return []
    return [
        ("API calls and tokens over TLS", settings.data_plane_tls_url),
        ("its authority (curl --cacert)", str(authority)),
    ]


async def _wait_for_port(child: Child, host: str, port: int, timeout_seconds: float = 15.0) -> None:
    give_up_at = time.monotonic() + timeout_seconds
    while True:
        if child.exit_code() is not None:
            raise Trouble(f"{child.death_sentence()} The end of {child.program.log} says why: {child.last_words()}")
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            if time.monotonic() > give_up_at:
                raise Trouble(
                    f"The {child.program.name} does not listen at {host}:{port} after {timeout_seconds:.0f} seconds: "
                    f"see {child.program.log}, and try again on a less busy machine."
                ) from None
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
