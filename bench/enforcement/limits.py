"""How exact limits are among three instances under load: undisturbed, while one is killed and another comes, while one is frozen.

Several applications call more than they may, each through all three instances at the same time. Printed is, for each, what passed
beside what was to pass: a rate's burst and its refill while it was asked, or a quota. Under and over are percent. A seed says who
calls when, which instance is disturbed, and when.
"""

import argparse
import asyncio
import contextlib
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from joserfc import jwt
from joserfc.jwk import OKPKey

from chassis.clock import SystemClock
from chassis.mongo import Store, connect
from portico.database import start_database

DATABASE = "bench_enforcement"
PROMISE = 1.0
OPERATION = {"operation_id": "list", "method": "GET", "path": "/things"}


@dataclass
class Caller:
    """One application: what it may, and what passed."""

    number: int
    rate: tuple[int, int, int]
    quota: int | None
    dice: random.Random
    head: bytes = b""
    passed: list[float] = field(default_factory=list)
    refused: int = 0
    unanswered: int = 0
    others: dict[int, int] = field(default_factory=dict)

    def copies(self) -> list[dict[str, Any]]:
        """Return what enforcement knows of it, and of the product that it alone calls."""
        n = self.number
        requests, seconds, burst = self.rate
        terms: dict[str, Any] = {"rate_requests": requests, "rate_seconds": seconds, "burst": burst}
        quota: dict[str, Any] = {"quota_calls": self.quota, "quota_period": "DAY" if self.quota else None}
        ids = {"application_id": f"app_{n}", "product_id": f"prd_{n}", "plan_id": f"pln_{n}"}
        base = f"/p{n}/a/v1"
        things: dict[str, tuple[str, dict[str, Any]]] = {
            f"app_{n}": ("application", {"organization_id": "org", "client_id": f"client-{n}", "is_deleted": False}),
            f"prd_{n}": ("product", {"organization_id": "org", "sensitivity": "STANDARD", "needs_permission": False}),
            f"ver_{n}": ("version", {"product_id": f"prd_{n}", "base_path": base, "operations": [OPERATION]}),
            f"pln_{n}": ("plan", {"product_id": f"prd_{n}", **terms, **quota}),
            f"sub_{n}": ("subscription", {**ids, "status": "ACTIVE", "causes": []}),
        }
        now = SystemClock().now()
        return [{"_id": key, "kind": kind, "sequence": 1, "heard_at": now, **more} for key, (kind, more) in things.items()]

    def call_with(self, token: str) -> None:
        """Make the bytes of its call."""
        self.head = f"GET /check/p{self.number}/a/v1/things HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n".encode()


class Instances:
    """Processes, started, killed and called."""

    def __init__(self, mongo_url: str, keys: Path) -> None:
        self.ports: dict[int, asyncio.subprocess.Process] = {}
        self._mongo_url = mongo_url
        self._keys = keys

    async def start(self) -> int:
        """Start one and return the port of its check."""
        command = ["-m", "bench.enforcement.instance", self._mongo_url, DATABASE, str(self._keys)]
        process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        while not (line := await process.stdout.readline()).strip().isdigit():
            assert line, "an instance did not start"
        self.ports[int(line)] = process
        return int(line)

    async def kill(self, port: int, how: int = signal.SIGKILL) -> None:
        """End one."""
        process = self.ports.pop(port)
        process.send_signal(how)
        await process.wait()

    async def close(self) -> None:
        """End all of them."""
        for port in list(self.ports):
            await self.kill(port, signal.SIGTERM)


async def keep_calling(instances: Instances, caller: Caller, at: int, until: float) -> None:
    """Call one instance again and again, another one once it is gone; and not faster than so many calls a second."""
    while time.monotonic() < until:
        ports = list(instances.ports)
        port = ports[at % len(ports)]
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                while time.monotonic() < until and port in instances.ports:
                    await _call(reader, writer, caller)
            except (OSError, asyncio.IncompleteReadError):
                caller.unanswered += 1
                raise
            finally:
                writer.close()
        at += 1
        await asyncio.sleep(0.01)


async def _call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, caller: Caller) -> None:
    began_at = time.monotonic()
    writer.write(caller.head)
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length or 0))
    status = int(head[9:12])
    if status == 200:
        caller.passed.append(time.monotonic())
    elif status == 429:
        caller.refused += 1
    else:
        caller.others[status] = caller.others.get(status, 0) + 1
    await asyncio.sleep(max(caller.dice.uniform(0, 0.016) - (time.monotonic() - began_at), 0.001))


def _report(caller: Caller, began_at: float, ended_at: float) -> float:
    requests, seconds, burst = caller.rate
    may = caller.quota or burst + requests * (ended_at - began_at) / seconds
    passed = len(caller.passed)
    off = 100 * (passed - may) / may
    what = f"quota of {caller.quota}" if caller.quota else f"{requests} in {seconds} s, {burst} at once"
    more = f"{caller.refused} refused, {caller.unanswered} unanswered, other answers {caller.others or 'none'}"
    print(f"  {what:<28} may {may:9.1f}   passed {passed:6}   off {off:+.2f} %   ({more})")
    return off


RATES = [(100, 1, 50), (30, 1, 20), (5, 1, 200), (20, 60, 400)]
QUOTAS = [2_000, 500, 100]
AS_FAST_AS_YOU_LIKE = (100_000, 1, 100_000)


def callers_of(run: int, seed: int) -> list[Caller]:
    """Return a run's callers, whom no other run knows."""
    limits: list[tuple[tuple[int, int, int], int | None]] = [(rate, None) for rate in RATES]
    limits += [(AS_FAST_AS_YOU_LIKE, quota) for quota in QUOTAS]
    return [
        Caller(100 * run + n, rate, quota, random.Random(f"{seed}/{n}"))  # noqa: S311 - dice, not a secret
        for n, (rate, quota) in enumerate(limits)
    ]


async def measure(seconds: float, runs: list[tuple[str, int]]) -> list[float]:
    """Run all of it on one database and return how far off each limit was, in percent."""
    callers = [callers_of(run, seed) for run, (_, seed) in enumerate(runs)]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        child, url = await start_database(folder / "data", folder / "database.log")
        client = connect(url)
        store = Store(client, DATABASE, SystemClock())
        key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "EdDSA"}, auto_kid=True)
        (folder / "tokens.public.json").write_bytes(orjson.dumps({"keys": [key.as_dict(private=False)]}))
        for caller in [each for its in callers for each in its]:
            caller.call_with(token_of(key, caller.number))
            await store.reader().collection("copies").insert_many(caller.copies())
        instances = Instances(url, folder)
        try:
            for _ in range(3):
                await instances.start()
            await asyncio.sleep(2)
            off = []
            for (what, seed), its in zip(runs, callers, strict=True):
                print(f"{what}, seed {seed}", flush=True)
                off += await _run(instances, its, seconds, what=what)
            return off
        finally:
            await instances.close()
            client.close()
            await child.stop()


async def _run(instances: Instances, callers: list[Caller], seconds: float, *, what: str) -> list[float]:
    dice = callers[0].dice
    began_at = time.monotonic()
    until = began_at + seconds
    calling = [asyncio.create_task(keep_calling(instances, each, at, until)) for each in callers for at in range(3)]
    port = dice.choice(list(instances.ports))
    if what != "calm":
        await asyncio.sleep(seconds * dice.uniform(0.2, 0.4))
    if what == "kill":
        await instances.kill(port)
        await asyncio.sleep(seconds / 6)
        await instances.start()
    elif what == "freeze":
        process = instances.ports[port]
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(seconds / 5)
        process.send_signal(signal.SIGCONT)
    await asyncio.gather(*calling)
    return [_report(each, began_at, until) for each in callers]


def token_of(key: OKPKey, number: int) -> str:
    """Return the token of an application."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "secret_id": f"sec_{number}",
        "iss": "http://127.0.0.1:8000",
        "aud": "portico:calls",
        "sub": f"client-{number}",
        "client_id": f"client-{number}",
    }
    head = {"alg": "EdDSA", "typ": "at+jwt", "kid": key.kid}
    return jwt.encode(head, {**claims, "iat": now, "exp": now + 600, "jti": f"jti_{number}"}, key, algorithms=["EdDSA"])


def main() -> None:
    """Measure with each seed: undisturbed, with a kill, with a freeze."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--what", nargs="+", choices=["calm", "kill", "freeze"], default=["calm", "kill", "freeze"])
    given = parser.parse_args()
    off = asyncio.run(measure(given.seconds, [(what, seed) for seed in given.seeds for what in given.what]))
    print(f"worst {max(off):+.2f} % over, {min(off):+.2f} % under")
    raise SystemExit(max(map(abs, off)) > PROMISE)


if __name__ == "__main__":
    main()
