"""What it costs that another instance counts: an answer's time, and CPU a call, asked where it is counted and asked elsewhere.

Three instances and one application without a limit worth naming, over a few connections at a time.
"""

import argparse
import asyncio
import os
import random
import tempfile
import time
from pathlib import Path

import orjson
from joserfc.jwk import OKPKey

from bench.enforcement.limits import AS_FAST_AS_YOU_LIKE, DATABASE, Caller, Instances, token_of
from chassis.clock import SystemClock
from chassis.mongo import Store, connect
from portico.database import start_database

TICK = os.sysconf("SC_CLK_TCK")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


async def _calls(port: int, caller: Caller, until: float, took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (began_at := time.perf_counter()) < until:
        writer.write(caller.head)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head[9:12] == b"200", head
        took.append(time.perf_counter() - began_at)
    writer.close()


async def _asked(instances: Instances, port: int, caller: Caller, *, connections: int, seconds: float) -> tuple[float, str]:
    """Return an ask's median and what is to be printed of it."""
    took: list[float] = []
    before = {each: _cpu(process.pid) for each, process in instances.ports.items()}
    until = time.perf_counter() + seconds
    await asyncio.gather(*(_calls(port, caller, until, took) for _ in range(connections)))
    spent = {each: _cpu(process.pid) - before[each] for each, process in instances.ports.items()}
    took.sort()
    micro = {each: 1e6 * cpu / len(took) for each, cpu in spent.items()}
    elsewhere = sum(each for at, each in micro.items() if at != port)
    median, late = 1e6 * took[len(took) // 2], 1e6 * took[len(took) * 99 // 100]
    said = f"{len(took) / seconds:7.0f} calls/s, median {median:5.0f} µs, p99 {late:6.0f} µs, CPU {micro[port]:5.1f} µs here"
    return elsewhere, f"{said}, {elsewhere:5.1f} µs elsewhere"


async def measure(seconds: float, rounds: int, connections: list[int]) -> None:
    """Ask each of the instances in turns."""
    caller = Caller(0, AS_FAST_AS_YOU_LIKE, None, random.Random(1))  # noqa: S311 - dice, not a secret
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        child, url = await start_database(folder / "data", folder / "database.log")
        client = connect(url)
        key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "EdDSA"}, auto_kid=True)
        (folder / "tokens.public.json").write_bytes(orjson.dumps({"keys": [key.as_dict(private=False)]}))
        caller.call_with(token_of(key, caller.number))
        await Store(client, DATABASE, SystemClock()).reader().collection("copies").insert_many(caller.copies())
        instances = Instances(url, folder)
        try:
            for _ in range(3):
                await instances.start()
            await asyncio.sleep(2)
            for each in connections:
                print(f"{each} connections", flush=True)
                for _ in range(rounds):
                    found = [await _asked(instances, port, caller, connections=each, seconds=seconds) for port in instances.ports]
                    for elsewhere, said in sorted(found):
                        print(f"  {'counted here     ' if elsewhere < 5 else 'counted elsewhere'} {said}", flush=True)
        finally:
            await instances.close()
            client.close()
            await child.stop()


def main() -> None:
    """Take the numbers from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=[1, 16], nargs="+")
    given = parser.parse_args()
    asyncio.run(measure(given.seconds, given.rounds, given.connections))


if __name__ == "__main__":
    main()
