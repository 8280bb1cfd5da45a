"""How much of a plain proxy's calls is left when everything is checked and written down: one table, from one interleaved run.

Each round goes through all ways, those that are compared one after the other: plain Envoy, nginx and HAProxy; Envoy and nginx
asking a check that decides nothing; HAProxy doing by itself what it can; ours, with token, subscription, rate, quota and log on.
Printed are calls a second; what a call costs its proxy and its check in CPU microseconds, which other programs move least; and
how much longer an answer takes at half of the calls that the way can take. The program fails where a promise is broken.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.dataplane.callers import Issuer
from bench.dataplane.load import Load, Seen
from bench.dataplane.processes import computed_ns, family
from bench.dataplane.ways import DIRECTLY, KINDS, Stand, Way
from portico.database import start_database

PROMISED_OF_PLAIN = {"envoy → ours": 0.6, "nginx → ours": 0.4}
PROMISED_CHECK_US = 40.0
PROMISED_ADDED_MS = 2.0


@dataclass(frozen=True, slots=True)
class Taken:
    """What one turn on one way has shown."""

    seen: Seen
    proxy_us: float
    check_us: float


class Figures:
    """Everything that was seen, by way."""

    def __init__(self) -> None:
        self.full: dict[str, list[Taken]] = defaultdict(list)
        self.added_ms: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def middle(self, name: str, of: Callable[[Taken], float]) -> float:
        """Return the median of something of a way's turns."""
        return statistics.median(of(each) for each in self.full[name])

    def least(self, name: str, of: Callable[[Taken], float]) -> float:
        """Return the least of something of a way's turns: what other programs have disturbed least."""
        return min(of(each) for each in self.full[name])

    def of_plain(self, way: Way) -> float:
        """Return which part of the plain way's calls a second this one takes: the median of the rounds."""
        assert way.plain is not None
        pairs = zip(self.full[way.name], self.full[way.plain], strict=True)
        return statistics.median(ours.seen.per_second / plain.seen.per_second for ours, plain in pairs)

    def of_plain_computed(self, way: Way) -> float:
        """Return the same by what the proxies have computed: which part of the calls a proxy with a core of its own takes."""
        assert way.plain is not None
        return self.least(way.plain, lambda each: each.proxy_us) / self.least(way.name, lambda each: each.proxy_us)

    def added(self, name: str) -> float:
        """Return how much later the 99th percentile of answers comes at half load than on the plain way: the median."""
        return statistics.median(ours - plain for ours, plain in self.added_ms[name])


def _spent(way: Way) -> tuple[int, int]:
    proxy = family(way.proxy_pid) if way.proxy_pid else []
    # Below enforcement runs its proxy, which is counted by itself; whatever else runs there belongs to the check.
    check = [pid for pid in family(way.check_pid) if pid not in proxy] if way.check_pid else []
    return sum(map(computed_ns, proxy)), sum(map(computed_ns, check))


async def _full(load: Load, way: Way, seconds: float) -> Taken:
    await load.call(way.port, way.path, 1, tokens=way.tokens)
    before = _spent(way)
    seen = await load.call(way.port, way.path, seconds, tokens=way.tokens)
    proxy, check = (now - then for now, then in zip(_spent(way), before, strict=True))
    return Taken(seen, proxy / 1000 / seen.calls, check / 1000 / seen.calls)


async def _half(load: Load, way: Way, plain: Way, *, figures: Figures, seconds: float) -> None:
    pace = figures.middle(way.name, lambda each: each.seen.per_second) / 2
    one = await load.call(plain.port, plain.path, seconds, pace=pace, tokens=way.tokens)
    other = await load.call(way.port, way.path, seconds, pace=pace, tokens=way.tokens)
    figures.added_ms[way.name].append((other.p99_ms, one.p99_ms))


async def _rounds(load: Load, issuer: Issuer, ways: list[Way], given: argparse.Namespace) -> Figures:
    figures, by_name = Figures(), {way.name: way for way in ways}
    for number in range(given.rounds):
        load.take(issuer.tokens(given.callers))
        load.take(issuer.fast_tokens(given.callers), "fast")
        for way in ways:
            figures.full[way.name].append(await _full(load, way, given.seconds))
        for way in ways:
            if way.plain is not None and not given.no_half:
                await _half(load, way, by_name[way.plain], figures=figures, seconds=given.seconds)
        print(f"round {number + 1} of {given.rounds}", file=sys.stderr, flush=True)
    return figures


def _show(ways: list[Way], figures: Figures) -> None:
    print("| way | calls/s | × plain | × plain by CPU | proxy µs | check µs | p50 ms | p99 ms | added p99 ms at half load |")
    print("|---|---|---|---|---|---|---|---|---|")
    for way in ways:
        of_plain = f"{figures.of_plain(way):.2f} | {figures.of_plain_computed(way):.2f}" if way.plain else "– | –"
        proxy, check = (
            f"{figures.least(way.name, of):.0f}" if pid else "–"
            for pid, of in ((way.proxy_pid, lambda each: each.proxy_us), (way.check_pid, lambda each: each.check_us))
        )
        middle = [figures.middle(way.name, of) for of in (lambda each: each.seen.p50_ms, lambda each: each.seen.p99_ms)]
        added = f"{figures.added(way.name):+.1f}" if figures.added_ms[way.name] else "–"
        rate = figures.middle(way.name, lambda each: each.seen.per_second)
        print(f"| {way.name} | {rate:,.0f} | {of_plain} | {proxy} | {check} | {middle[0]:.1f} | {middle[1]:.1f} | {added} |")


def _are_kept(ways: list[Way], figures: Figures) -> bool:
    kept = []
    for way in ways:
        promised = PROMISED_OF_PLAIN.get(way.name)
        if promised is not None:
            kept.append(_say(f"{way.name}: × plain", figures.of_plain(way), promised, at_least=True))
            if figures.added_ms[way.name]:
                kept.append(_say(f"{way.name}: added p99 at half load, ms", figures.added(way.name), PROMISED_ADDED_MS))
        if way.name == DIRECTLY:
            directly = figures.least(DIRECTLY, lambda each: each.check_us)
            kept.append(_say(f"{DIRECTLY}: CPU µs", directly, PROMISED_CHECK_US))
    return all(kept)


def _say(what: str, figure: float, promised: float, *, at_least: bool = False) -> bool:
    is_kept = figure >= promised if at_least else figure <= promised
    print(f"{'kept' if is_kept else 'BROKEN'}: {what} {figure:.2f}, promised {'≥' if at_least else '≤'} {promised:g}")
    return is_kept


async def measure(given: argparse.Namespace) -> bool:
    """Measure, print, and say whether the promises were kept."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database, mongo_url = await start_database(folder / "database", folder / "database.log", is_durable=False)
        stack.push_async_callback(database.stop)
        issuer, load = Issuer(folder / "keys"), Load(folder)
        async with Stand(folder, issuer, mongo_url, given.callers) as stand:
            ways = await stand.ways(given.only)
            figures = await _rounds(load, issuer, ways, given)
        _show(ways, figures)
        is_kept = _are_kept(ways, figures)
        for proxy, enforcing in stand.enforcing.items():
            if proxy:
                announced = enforcing.announced
                print(f"behind {proxy}: {announced['counted']:,} calls counted by the proxy, {announced['records']:,} announced")
                is_kept = is_kept and announced["counted"] == announced["records"]
        return is_kept


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--no-half", action="store_true", help="leave out what is added at half load")
    sys.exit(0 if asyncio.run(measure(parser.parse_args())) else 1)


if __name__ == "__main__":
    main()
