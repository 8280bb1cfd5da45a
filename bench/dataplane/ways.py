"""The ways that a call can go: each a proxy, or none, with or without somebody who is asked whether the call may pass."""

import shutil
import sys
from collections.abc import Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.dataplane import bare, configurations
from bench.dataplane.callers import PATH, Issuer
from bench.dataplane.configurations import Place
from bench.dataplane.processes import free_port, running, until_open
from bench.dataplane.started import Enforcing, start_enforcement
from services.enforcement.proxy.command import envoy_binary

KINDS = ("envoy", "nginx", "haproxy", "check")
DIRECTLY = "ours, asked directly"
_SYSTEM_PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"


class ProxyMissing(Exception):  # noqa: N818 - named as the fact that it reports
    """There is no such proxy on this machine: `apt-get install nginx haproxy` installs both; they need not be started."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where it is entered, and whose computing counts for it. ``plain`` names the way that it is held against."""

    name: str
    port: int
    proxy_pid: int | None = None
    check_pid: int | None = None
    plain: str | None = None
    path: str = PATH
    tokens: str = "ours"


def program(name: str) -> str:
    """Return the path of a proxy's program. Raises ``ProxyMissing``."""
    found = shutil.which(name) or shutil.which(name, path=_SYSTEM_PLACES)
    if found is None:
        raise ProxyMissing(f"{name}: {ProxyMissing.__doc__}")
    return found


class Stand:
    """Starts everything, and stops it in the end."""

    def __init__(self, folder: Path, issuer: Issuer, mongo_url: str, callers: int) -> None:
        self._folder = folder
        self._issuer = issuer
        self._mongo_url = mongo_url
        self._callers = callers
        self._stack = AsyncExitStack()
        self._upstream_port = 0
        self.enforcing: dict[str, Enforcing] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def ways(self, only: Collection[str] = KINDS) -> list[Way]:
        """Return the ways of these kinds; those that are compared stand beside each other."""
        upstream, upstream_pid = await self._nginx("upstream")
        self._upstream_port = upstream.port
        bare_port = free_port()
        bare_pid = await self._run("bare", [sys.executable, bare.__file__, str(bare_port)], bare_port)
        ways = [Way("the upstream itself", upstream.port, upstream_pid)]
        for kind in [each for each in ("envoy", "nginx") if each in only]:
            start = self._envoy if kind == "envoy" else self._nginx
            plain = f"{kind}, plain"
            place, pid = await start(f"{kind}-plain")
            ways.append(Way(plain, place.port, pid))
            place, pid = await start(f"{kind}-bare", bare_port)
            ways.append(Way(f"{kind} → a check that decides nothing", place.port, pid, bare_pid, plain))
            enforcing = await self._enforcing(kind)
            ways.append(Way(f"{kind} → ours", enforcing.proxy_port, enforcing.proxy_pid, enforcing.pid, plain))
        if "haproxy" in only:
            ways += await self._haproxies()
        if "check" in only:
            alone = await self._enforcing("")
            ways.append(Way(DIRECTLY, alone.check_port, None, alone.pid, path=f"/check{PATH}"))
        return ways

    async def _haproxies(self) -> list[Way]:
        plain, plain_pid = await self._haproxy("haproxy-plain")
        rules = configurations.haproxy_rules(self._folder, self._issuer.fast_pem, self._callers)
        ruled, ruled_pid = await self._haproxy("haproxy-rules", rules)
        return [
            Way("haproxy, plain", plain.port, plain_pid),
            Way("haproxy, its own token, map, rate, log", ruled.port, ruled_pid, plain="haproxy, plain", tokens="fast"),
        ]

    async def _enforcing(self, proxy: str) -> Enforcing:
        started = start_enforcement(
            self._folder, self._issuer, self._mongo_url, callers=self._callers, upstream_port=self._upstream_port, proxy=proxy
        )
        self.enforcing[proxy] = await self._stack.enter_async_context(started)
        return self.enforcing[proxy]

    def _place(self, name: str, check_port: int = 0) -> Place:
        folder = self._folder / name
        folder.mkdir()
        return Place(folder, free_port(), self._upstream_port, check_port)

    async def _run(self, name: str, command: list[str], port: int) -> int:
        logs = self._folder / f"{name}.log", self._folder / f"{name}.out"
        pid = await self._stack.enter_async_context(running(command, logs[0], stdout=logs[1]))
        await until_open(port)
        return pid

    async def _nginx(self, name: str, check_port: int = 0) -> tuple[Place, int]:
        place = self._place(name, check_port)
        file = place.folder / "nginx.conf"
        file.write_text(configurations.nginx(place))
        return place, await self._run(name, [program("nginx"), "-e", "stderr", "-c", str(file)], place.port)

    async def _envoy(self, name: str, check_port: int = 0) -> tuple[Place, int]:
        place = self._place(name, check_port)
        file = place.folder / "envoy.json"
        file.write_text(configurations.envoy(place))
        command = [str(envoy_binary()), "--config-path", str(file), "--concurrency", "1", "--disable-hot-restart"]
        return place, await self._run(name, [*command, "--log-level", "warning"], place.port)

    async def _haproxy(self, name: str, rules: str = "") -> tuple[Place, int]:
        place = self._place(name)
        file = place.folder / "haproxy.cfg"
        file.write_text(configurations.haproxy(place, rules))
        return place, await self._run(name, [program("haproxy"), "-db", "-f", str(file)], place.port)
