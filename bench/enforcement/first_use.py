"""How long the first calls of many subscriptions take, and which of them are refused because nothing could be counted in time.

One instance that has just started, on the embedded database: nothing is known of any allowance, every second one has a quota.
Each subscription calls as soon as the one before it on its connection is answered; then each calls once more.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

import orjson
from joserfc.jwk import OKPKey

from bench.enforcement.limits import DATABASE, Caller, Instances, token_of
from chassis.clock import SystemClock
from chassis.mongo import Store, connect
from portico.database import start_database


async def _answered(port: int, callers: list[Caller]) -> list[tuple[int, float]]:
    """Call one after the other over one connection, and return the statuses and how long each took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    for caller in callers:
        began_at = time.monotonic()
        writer.write(caller.head)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0))
        answers.append((int(head[9:12]), time.monotonic() - began_at))
    writer.close()
    return answers


async def _round(port: int, callers: list[Caller], connections: int, name: str) -> int:
    began_at = time.monotonic()
    parts = [callers[at::connections] for at in range(connections)]
    answers = [each for some in await asyncio.gather(*(_answered(port, part) for part in parts)) for each in some]
    took = sorted(seconds for _, seconds in answers)
    statuses = Counter(status for status, _ in answers)
    print(
        f"{name}: {len(answers)} calls over {connections} connections in {time.monotonic() - began_at:.2f} s, "
        f"statuses {dict(statuses)}, median {1000 * took[len(took) // 2]:.0f} ms, longest {1000 * took[-1]:.0f} ms",
        flush=True,
    )
    return len(answers) - statuses[200]


async def measure(subscriptions: int, connections: int) -> int:
    """Return how many calls did not pass, all of which may."""
    dice = random.Random(1)  # noqa: S311 - dice, not a secret
    callers = [Caller(n, (100, 1, 100), 10_000 if n % 2 else None, dice) for n in range(subscriptions)]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        child, url = await start_database(folder / "data", folder / "database.log")
        client = connect(url)
        store = Store(client, DATABASE, SystemClock())
        key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "EdDSA"}, auto_kid=True)
        (folder / "tokens.public.json").write_bytes(orjson.dumps({"keys": [key.as_dict(private=False)]}))
        for caller in callers:
            caller.call_with(token_of(key, caller.number))
        await store.reader().collection("copies").insert_many([copy for each in callers for copy in each.copies()])
        instances = Instances(url, folder)
        try:
            port = await instances.start()
            await asyncio.sleep(2)
            refused = await _round(port, callers, connections, "first calls")
            return refused + await _round(port, callers, connections, "second calls")
        finally:
            await instances.close()
            client.close()
            await child.stop()


def main() -> None:
    """Take the numbers from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscriptions", type=int, default=500)
    parser.add_argument("--connections", type=int, default=[32, 500], nargs="+")
    given = parser.parse_args()
    refused = sum(asyncio.run(measure(given.subscriptions, each)) for each in given.connections)
    raise SystemExit(refused > 0)


if __name__ == "__main__":
    main()
