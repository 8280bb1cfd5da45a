"""How long a change takes until the last of three instances of the check decides by it, while a hundred others a second go on.

Subscriptions and three instances of enforcement run as processes of their own, over RabbitMQ and the embedded database (or that
which ``--mongo-url`` names). Subscriptions are suspended, resumed, moved to another plan and cancelled by their verbs, and their
applications' secrets retired by an announcement. Measured is, from the answer of the verb (or the bus's confirm): until the last
instance, asked all the time, answers by the change; and until it is known that the change is in force everywhere. Meanwhile a
stream of other changes is announced. The program fails where the 99th percentile of the first is longer than the promise.
"""

import argparse
import asyncio
import contextlib
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from chassis.bus import Message
from chassis.calls import Call, HttpCaller
from chassis.ids import new_id
from chassis.messages import to_timestamp
from portico.database import start_database
from services.enforcement.state import numbering
from tests.checking_apart import Checks
from tests.rabbit_node import RabbitNode
from tests.services.enforcement.stage import Client, Product, message

PROMISE_SECONDS = 1.0
_BATCH = 10
_GIVE_UP_SECONDS = 20.0
_TERMS: dict[str, Any] = {
    "rate_requests": 1_000_000,
    "rate_seconds": 1,
    "burst": 1_000_000,
    "quota_calls": None,
    "quota_period": None,
}


class Line:
    """One connection to one instance, asked one thing at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, path: str, token: str) -> bytes:
        """Return the head of the answer to one check."""
        if self._writer is None or self._reader is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(f"GET /check{path} HTTP/1.1\r\nhost: check\r\nauthorization: Bearer {token}\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        await self._reader.readexactly(length)
        return head


Sees = Callable[[bytes], bool]


@dataclass
class Figures:
    """What was measured, in seconds, by what was done."""

    decided: dict[str, list[float]] = field(default_factory=dict)
    in_force: dict[str, list[float]] = field(default_factory=dict)
    not_known: int = 0

    def report(self) -> bool:
        """Print them, and say whether the promise is kept."""
        everything = [each for found in self.decided.values() for each in found]
        for title, found in [*self.decided.items(), ("all", everything)]:
            print(f"{title:12} decided by everywhere: {_summary(found)}", flush=True)
        for title, found in self.in_force.items():
            print(f"{title:12} known to be in force:  {_summary(found)}", flush=True)
        if self.not_known:
            print(f"{self.not_known} times it was not known after {_GIVE_UP_SECONDS:g} s", flush=True)
        return _percentile(everything, 0.99) <= PROMISE_SECONDS


def _percentile(found: list[float], part: float) -> float:
    return sorted(found)[min(int(len(found) * part), len(found) - 1)]


def _summary(found: list[float]) -> str:
    median, high = statistics.median(found), _percentile(found, 0.99)
    return f"median {median * 1000:6.0f} ms, p99 {high * 1000:6.0f} ms, worst {max(found) * 1000:6.0f} ms ({len(found)})"


class Stand:
    """What runs, and what is done to it."""

    def __init__(self, checks: Checks, subscriptions: HttpCaller) -> None:
        self.checks = checks
        self.subscriptions = subscriptions
        self.figures = Figures()
        self.announced = 0
        self.lines = [Line(port) for port in checks.check_ports]
        self.products: list[Product] = []

    async def do(self, verb: str, client: Client, **body: Any) -> dict[str, Any]:
        """Ask subscriptions for something, as the owner of the application's organization."""
        passport = self.checks.passport(**{client.organization_id: "OWNER"})
        call = Call("subscriptions", f"/do/{verb}", orjson.dumps(body), {"portico-passport": passport}, timeout_seconds=30)
        answer = await self.subscriptions.call(call)
        assert answer.status == 200, answer.body
        found: dict[str, Any] = orjson.loads(answer.body)["result"]
        return found

    async def until_all(self, path: str, token: str, sees: Sees) -> float:
        """Ask every instance until each sees it; return when the last one did."""

        async def one(line: Line) -> float:
            give_up_at = time.monotonic() + _GIVE_UP_SECONDS
            while not sees(await line.ask(path, token)):
                assert time.monotonic() < give_up_at, "an instance does not see the change"
                await asyncio.sleep(0.003)
            return time.monotonic()

        return max(await asyncio.gather(*(one(line) for line in self.lines)))

    async def until_in_force(self, copy_id: str, is_it: Callable[[dict[str, Any]], bool]) -> float | None:
        """Wait until it is known that a thing is in force as it stands; None if it takes too long."""
        give_up_at = time.monotonic() + _GIVE_UP_SECONDS
        while time.monotonic() < give_up_at:
            copy = (await numbering.find(self.checks.store.reader(), [copy_id])).get(copy_id)
            if copy is not None and is_it(copy) and numbering.in_force_of(copy) is not None:
                return time.monotonic()
            await asyncio.sleep(0.1)  # each look costs the database as much as writing a copy
        return None

    async def measure(self, kind: str, doing: Awaitable[Any], *, path: str, token: str, sees: Sees) -> float:
        """Do something and note how long it takes until every instance decides by it; return when it was answered."""
        await doing
        answered = time.monotonic()
        seen = await self.until_all(path, token, sees)
        self.figures.decided.setdefault(kind, []).append(seen - answered)
        return answered

    async def round_of(self, client: Client, product: Product, other_plan: str) -> None:
        """Take one subscription through its life."""
        path = f"{product.base_path}/pets"
        made = await self.do(
            "subscribe", client, application_id=client.application_id, product_id=product.id, plan_id=product.plan_id
        )
        which = {"subscription_id": made["id"]}
        await self.until_all(path, client.token, _passes)
        steps: list[tuple[str, str, dict[str, Any], Sees, Callable[[dict[str, Any]], bool]]] = [
            ("suspend", "suspend_subscription", {"reason": "Looked into."}, _is_refused, _stands("SUSPENDED")),
            ("resume", "resume_subscription", {}, _passes, _stands("ACTIVE")),
            ("plan", "change_subscription_plan", {"plan_id": other_plan}, _is_on(other_plan), _is_kept_on(other_plan)),
            ("revoke", "cancel_subscription", {}, _is_refused, _stands("CANCELLED")),
        ]
        for kind, verb, body, sees, is_it in steps:
            answered = await self.measure(kind, self.do(verb, client, **which, **body), path=path, token=client.token, sees=sees)
            known = await self.until_in_force(made["id"], is_it)
            if known is None:
                self.figures.not_known += 1
            else:
                self.figures.in_force.setdefault(kind, []).append(known - answered)
        ids = {"application_id": client.application_id, "organization_id": client.organization_id, "client_id": client.client_id}
        retiring = self.checks.announce("identity.secret_retired", client.application_id, secret_id=client.secret_id, **ids)
        await self.measure("rotate", retiring, path=path, token=client.token, sees=lambda head: b"invalid_token" in head)

    async def announce_others(self, a_second: int) -> None:
        """Announce other changes all the time, such as nobody but enforcement hears of: tokens are revoked."""
        until = to_timestamp(datetime.now(UTC) + timedelta(hours=1))
        pause = _BATCH / a_second
        due = time.monotonic()
        while True:
            batch: list[Message] = []
            for _ in range(_BATCH):
                token_id = new_id("jti")
                batch.append(message("identity.token_revoked.v1", token_id, 1, {"token_id": token_id, "expires_at": until}))
                self.announced += 1
            await self.checks.bus.publish(batch)
            due += pause
            await asyncio.sleep(max(due - time.monotonic(), 0))


def _passes(head: bytes) -> bool:
    return head.startswith(b"HTTP/1.1 200 ")


def _is_refused(head: bytes) -> bool:
    return head.startswith(b"HTTP/1.1 403 ")


def _is_on(plan_id: str) -> Sees:
    return lambda head: f"x-portico-plan: {plan_id}\r\n".encode() in head


def _stands(status: str) -> Callable[[dict[str, Any]], bool]:
    return lambda copy: copy["status"] == status


def _is_kept_on(plan_id: str) -> Callable[[dict[str, Any]], bool]:
    return lambda copy: copy["plan_id"] == plan_id


@asynccontextmanager
async def running(mongo_url: str | None, instances: int) -> AsyncIterator[Stand]:
    """Start everything, and end it."""
    folder = Path(tempfile.mkdtemp(prefix="portico-bench-"))
    database = None
    if mongo_url is None:
        database, mongo_url = await start_database(folder / "data", folder / "database.log", is_durable=False)
    node = RabbitNode()
    try:
        node.start()
        async with Checks(folder, mongo_url, node.url) as checks:
            await checks.start(instances)
            yield Stand(checks, await checks.start_part("subscriptions"))
    finally:
        node.remove()
        if database is not None:
            await database.stop()


async def run(rounds: int, a_second: int, instances: int, *, seconds: float, mongo_url: str | None) -> bool:
    """Measure, and say whether the promise is kept."""
    async with running(mongo_url, instances) as stand:
        product = await stand.checks.product(**_TERMS)
        other_plan = Product(product.id, product.version_id, f"{product.plan_id}_other", product.base_path)
        await stand.checks.plan(other_plan, **_TERMS)
        clients = [await stand.checks.application() for _ in range(rounds)]
        others = asyncio.create_task(stand.announce_others(a_second)) if a_second else None
        began = time.monotonic()
        for client in clients:
            if time.monotonic() - began < seconds:
                await stand.round_of(client, product, other_plan.plan_id)
        took = time.monotonic() - began
        if others is not None:
            others.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await others
        print(f"{stand.announced / took:.0f} other changes a second, {instances} instances", flush=True)
        return stand.figures.report()


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25, help="how many subscriptions go through their life")
    parser.add_argument("--changes", type=int, default=100, help="other changes a second")
    parser.add_argument("--instances", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=600, help="no round begins later than that")
    parser.add_argument("--mongo-url", default=None)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended, too
    whole = run(asked.rounds, asked.changes, asked.instances, seconds=asked.seconds, mongo_url=asked.mongo_url)
    is_kept = asyncio.run(whole)
    print("The promise is kept." if is_kept else f"The promise of {PROMISE_SECONDS:g} s is broken.")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
