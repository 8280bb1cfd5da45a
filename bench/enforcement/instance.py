"""One instance of enforcement as a process of its own, without a proxy: prints its check's port and runs until it is ended."""

import argparse
import asyncio
import signal
import tempfile
from pathlib import Path

from chassis.clock import SystemClock
from chassis.local import LocalBus
from chassis.mongo import Store, connect
from services.enforcement.main import build
from services.enforcement.settings import EnforcementSettings


async def run(mongo_url: str, database: str, keys: Path, folder: Path) -> None:
    """Run until SIGTERM."""
    bus = LocalBus(folder / "bus.sqlite")
    await bus.start()
    client = connect(mongo_url)
    settings = EnforcementSettings(keys_dir=keys, data_plane=None, check_port=0)
    service = build(settings, bus, Store(client, database, SystemClock()))
    for worker in service.workers:
        await worker.start()
    ports = [port for worker in service.workers if (port := getattr(worker, "port", None)) is not None]
    print(ports[-1], flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    for worker in reversed(service.workers):
        await worker.close()
    client.close()
    await bus.close()


def main() -> None:
    """Take the place from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mongo_url")
    parser.add_argument("database")
    parser.add_argument("keys", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(given.mongo_url, given.database, given.keys, Path(folder)))


if __name__ == "__main__":
    main()
