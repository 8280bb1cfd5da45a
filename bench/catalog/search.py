"""How long a search of the catalogue takes, from the request to the answer, and what its index costs.

A catalogue of made-up products in three languages, each with operations, is written through the catalogue's own repositories into
the embedded database (importing so many documents would take hours); then one process of the catalogue is asked over its HTTP
interface, one question after the other. Printed are the median and the 95th percentile of each kind of question, and of the
time that this process was computing (the rest is the database, and whatever else the machine does); how long the index took
to read, and how much memory the process has more with it. The program fails where the 95th percentile of one kind is longer
than the promise.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.catalog.made_up import made_up_operations, made_up_product, word_of
from chassis.calls import AsgiCaller, Call
from chassis.local import LocalBus
from chassis.mongo import Store, Transaction, connect
from chassis.principal import ANONYMOUS, HEADER
from portico.composition import build_catalog, build_identity
from portico.database import start_database
from portico.keys import make_keys
from portico.place import Place
from services.catalog.entries import repository as entries
from services.catalog.finding.searching import Searcher
from services.catalog.products import repository as products
from services.catalog.products.words import text_of_operations

PROMISE_SECONDS = 0.05
_TOGETHER = 25
_random = random.Random(7)  # noqa: S311 - the same catalogue every time

QUESTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "one word, English": lambda: {"search": word_of("EN", _random)},
    "one word, Latvian": lambda: {"search": word_of("LV", _random)},
    "one word, Russian": lambda: {"search": word_of("RU", _random)},
    "two words": lambda: {"search": f"{word_of('EN', _random)} {word_of('EN', _random)}"},
    "beginning of a word": lambda: {"search": word_of("EN", _random)[:3]},
    "one letter": lambda: {"search": _random.choice("abcdefgilmnoprst")},
    "a word and a tag": lambda: {"search": word_of("EN", _random), "tag": "registers"},
    "no search, by title": dict,
}


async def fill(store: Store, many: int, operations: int) -> None:
    """Write the catalogue."""
    for start in range(0, many, _TOGETHER):
        numbers = range(start, min(start + _TOGETHER, many))

        async def write(tx: Transaction, numbers: Sequence[int] = numbers) -> None:
            for number in numbers:
                product = made_up_product(number, datetime(2026, 11, 1, tzinfo=UTC))
                await products.insert(tx, product)
                version = next(version for _, version in product.versions())
                text = text_of_operations(made_up_operations(number, operations))
                await entries.keep_operations(tx, product.id, version.id, text)

        await store.transact(ANONYMOUS, write)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


async def read_index(store: Store) -> None:
    """Read the whole index as a process that has just started does, and say what it costs."""
    before, began = _resident_bytes(), time.perf_counter()
    searcher = Searcher(store)
    index = await searcher.index(store.reader())
    took, more = time.perf_counter() - began, _resident_bytes() - before
    count, words, places = index.size()
    _say(f"index: {count} products, {words} words and stems, {places} places; {more / 2**20:.0f} MiB, read in {took:.1f} s")


class Asking:
    """One process of the catalogue, asked over HTTP by whoever has no account."""

    def __init__(self, place: Place) -> None:
        self.catalog, self._identity = build_catalog(place), build_identity(place)
        self._caller = AsgiCaller({"catalog": self.catalog.app, "identity": self._identity.app})
        self._headers: dict[str, str] = {}

    async def take_passport(self) -> None:
        """Take a new passport: they do not last long."""
        answer = await self._caller.call(Call("identity", "/do/issue_visitor_passport", b"{}"))
        self._headers = {HEADER: json.loads(answer.body)["result"]["passport"]}

    async def took(self, load: str, args: dict[str, Any]) -> tuple[float, float]:
        """Ask once and return how many seconds it took, and how many of them this process was computing."""
        body = json.dumps({"keys": [None], "args": args}).encode()
        began, computed = time.perf_counter(), time.process_time()
        answer = await self._caller.call(Call("catalog", f"/load/{load}", body, self._headers, timeout_seconds=60))
        took = time.perf_counter() - began, time.process_time() - computed
        if answer.status != 200:
            raise RuntimeError(answer.body.decode())
        return took


@asynccontextmanager
async def _catalogue(folder: Path) -> AsyncIterator[tuple[Store, Asking]]:
    database, url = await start_database(folder / "database", folder / "database.log", is_durable=False)
    client = connect(url)
    try:
        make_keys(folder / "keys")
        place = Place(client, LocalBus(folder / "bus.sqlite"), folder / "keys", "bench_")
        asking, store = Asking(place), place.store("catalog")
        await place.bus.start()
        await asking.catalog.declare()
        yield store, asking
        await place.bus.close()
    finally:
        client.close()
        await database.stop()


async def measure(many: int, operations: int, rounds: int) -> bool:
    """Measure, print, and say whether the promise was kept."""
    with tempfile.TemporaryDirectory() as folder:
        async with _catalogue(Path(folder)) as (store, asking):
            began = time.perf_counter()
            await fill(store, many, operations)
            _say(f"written: {many} products with {operations} operations each, in {time.perf_counter() - began:.0f} s")
            await read_index(store)
            await asking.take_passport()
            await asking.took("products", {})
            return await _ask_everything(asking, rounds)


async def _ask_everything(asking: Asking, rounds: int) -> bool:
    is_kept = True
    _say(f"{'question':<34}{'p50 ms':>10}{'p95 ms':>10}{'computing p50':>16}{'p95':>8}")
    for name, question in QUESTIONS.items():
        await asking.take_passport()
        for load in ("products", "product_facets"):
            times, computing = zip(*[await asking.took(load, question()) for _ in range(rounds)], strict=True)
            is_kept = is_kept and _p95(times) <= PROMISE_SECONDS
            shown = name if load == "products" else f"{name}, facets"
            figures = [statistics.median(times), _p95(times), statistics.median(computing), _p95(computing)]
            _say("{:<34}{:>10.1f}{:>10.1f}{:>16.1f}{:>8.1f}".format(shown, *(each * 1000 for each in figures)))
    return is_kept


def _p95(seconds: Sequence[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=5000)
    parser.add_argument("--operations", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=100)
    given = parser.parse_args()
    sys.exit(0 if asyncio.run(measure(given.products, given.operations, given.rounds)) else 1)


if __name__ == "__main__":
    main()
