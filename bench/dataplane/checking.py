"""What a check costs, asked directly over connections that stay open: CPU microseconds a call, with nothing in front of it.

Enforcement runs as a program of its own on the embedded database, with a product, its plan and some applications with tokens and
subscriptions; each call is counted against a rate and a quota. In turns it and a check that decides nothing are asked by wrk.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from bench.dataplane import bare
from bench.dataplane.callers import PATH, Issuer
from bench.dataplane.load import Load
from bench.dataplane.processes import computed_ns, free_port, running, until_open
from bench.dataplane.started import start_enforcement
from portico.database import start_database

PROMISE_US = 40.0


async def measure(rounds: int, seconds: float, callers: int) -> bool:
    """Measure, print, and say whether the promise was kept."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database, mongo_url = await start_database(folder / "database", folder / "database.log", is_durable=False)
        stack.push_async_callback(database.stop)
        issuer, load, port = Issuer(folder / "keys"), Load(folder), free_port()
        bare_pid = await stack.enter_async_context(running([sys.executable, bare.__file__, str(port)], folder / "bare.log"))
        await until_open(port)
        ours = await stack.enter_async_context(start_enforcement(folder, issuer, mongo_url, callers=callers))
        asked = {"decides nothing": (bare_pid, port, PATH), "ours": (ours.pid, ours.check_port, f"/check{PATH}")}
        found: dict[str, list[float]] = {name: [] for name in asked}
        print(f"{'check':<18}{'calls /s':>10}{'CPU µs':>9}{'p50 ms':>9}{'p99 ms':>9}")
        for _ in range(rounds):
            load.take(issuer.tokens(callers))
            for name, (pid, at, path) in asked.items():
                await load.call(at, path, 1)
                before = computed_ns(pid)
                seen = await load.call(at, path, seconds)
                spent_us = (computed_ns(pid) - before) / 1000 / seen.calls
                found[name].append(spent_us)
                print(f"{name:<18}{seen.per_second:>10,.0f}{spent_us:>9.1f}{seen.p50_ms:>9.2f}{seen.p99_ms:>9.2f}", flush=True)
        for name, each in found.items():
            print(f"{name}: {statistics.median(each):.1f} µs in the middle, {min(each):.1f} at least")
        return min(found["ours"]) <= PROMISE_US


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--callers", type=int, default=64)
    given = parser.parse_args()
    sys.exit(0 if asyncio.run(measure(given.rounds, given.seconds, given.callers)) else 1)


if __name__ == "__main__":
    main()
