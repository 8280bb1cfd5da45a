"""Whether the time of an answer tells who has an account.

Identity runs in this process on the embedded database, with a mail server that takes everything. Each verb is asked in pairs:
for an address that somebody has and for one that nobody has, in random order; every address is used once. Printed are the
medians and the 95th percentiles of both and their differences in milliseconds. The program fails where a difference of medians is
larger than the promise. The 95th percentiles are told and not judged: on a shared machine they measure its other work.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiosmtpd.smtp import SMTP

from chassis.calls import AsgiCaller, Call
from chassis.clock import SystemClock
from chassis.ids import new_id
from chassis.local import LocalBus
from chassis.mongo import Store, connect
from chassis.principal import HEADER, KeyRing, PassportVerifier, system
from portico.database import start_database
from services.identity.accounts import repository as accounts
from services.identity.accounts.domain import User
from services.identity.inputs import address_key
from services.identity.keys import make_missing_keys
from services.identity.main import build
from services.identity.passwords.hashing import Hasher
from services.identity.settings import IdentitySettings

PROMISE_MS = 5.0
PASSWORD = "a long walk by the river"  # noqa: S105 - of people who live as long as this program
WARM_UP = 10
CHANGES_PER_PERSON = 15
PASSPORT_SECONDS = 30

Ask = Callable[[str, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Asking:
    """How a verb is asked: ``prepare`` gives the passport, which is not part of the time; ``ask`` takes it and an address."""

    prepare: Callable[[], Awaitable[str]]
    ask: Ask


class Sink:
    """A mail server that takes everything and keeps nothing."""

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802 - aiosmtpd names it
        """Take a mail."""
        return "250 taken"


@dataclass
class Identity:
    """The service under measurement, as the gateway reaches it."""

    store: Store
    caller: AsgiCaller
    password_hash: str
    passports: dict[str, str] = field(default_factory=dict)

    async def do(self, verb: str, passport: str | None = None, **given: Any) -> dict[str, Any]:
        """Return what a verb answered, a result or the refusal of who is not let in; anything else ends the program."""
        headers = {HEADER: passport} if passport else {}
        answer = await self.caller.call(Call("identity", f"/do/{verb}", orjson.dumps(given), headers, timeout_seconds=60))
        document: dict[str, Any] = orjson.loads(answer.body)
        if answer.status not in (200, 401):
            raise SystemExit(f"{verb} answered {answer.status}: {document}")
        return document

    async def visitor(self) -> str:
        """Return the passport of nobody."""
        return str((await self.do("issue_visitor_passport"))["result"]["passport"])

    async def people(self, number: int, mark: str) -> list[str]:
        """Make people with accounts and return their addresses."""
        emails = [f"{mark}{each}@known.example" for each in range(number)]
        for email in emails:
            user = User(
                new_id("usr"), "Known", email, address_key(email), self.password_hash, SystemClock().now(), password_is_long=True
            )
            await self.store.transact(system("bench"), lambda tx, user=user: accounts.add_user(tx, user))  # type: ignore[misc]
        return emails

    async def signed_in(self, email: str) -> str:
        """Return a passport of somebody who signs in."""
        visitor = await self.visitor()
        token = (await self.do("sign_in", visitor, email=email, password=PASSWORD))["result"]["token"]
        return str((await self.do("issue_passport", token=token))["result"]["passport"])


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Identity]:
    """Run identity on a database of its own."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Sink(), hostname="sink", loop=loop), "127.0.0.1", 0)
    child, url = await start_database(folder / "data", folder / "database.log", is_durable=False)
    client = connect(url)
    store = Store(client, "bench", SystemClock())
    make_missing_keys(folder / "keys")
    settings = IdentitySettings(keys_dir=folder / "keys", smtp_port=server.sockets[0].getsockname()[1])
    bus = LocalBus(folder / "bus.sqlite")
    await bus.start()
    service = build(settings, bus, store, PassportVerifier(KeyRing(folder / "keys" / "passport.public.json")))
    await service.declare()
    await service.start()
    hasher = Hasher(1)
    try:
        yield Identity(store, AsgiCaller({"identity": service.app}), await hasher.hash(PASSWORD))
    finally:
        await hasher.close()
        await service.close()
        await bus.close()
        client.close()
        await child.stop()
        server.close()


async def register(identity: Identity, _pairs: int) -> Asking:
    """Return how to register an address."""

    async def ask(visitor: str, email: str) -> None:
        await identity.do("register", visitor, email=email, password=PASSWORD, name="Somebody")

    return Asking(identity.visitor, ask)


async def sign_in(identity: Identity, _pairs: int) -> Asking:
    """Return how to try an address with a wrong password."""

    async def ask(visitor: str, email: str) -> None:
        await identity.do("sign_in", visitor, email=email, password="not the right password")  # noqa: S106

    return Asking(identity.visitor, ask)


async def request_password_reset(identity: Identity, _pairs: int) -> Asking:
    """Return how to ask for a new password for an address."""

    async def ask(visitor: str, email: str) -> None:
        await identity.do("request_password_reset", visitor, email=email)

    return Asking(identity.visitor, ask)


async def request_email_change(identity: Identity, pairs: int) -> Asking:
    """Return how to ask for an address instead of one's own, by people enough that nobody asks too often."""
    askers = await identity.people(2 * (pairs + WARM_UP) // CHANGES_PER_PERSON + 1, "asker")
    random_asker = [each for each in askers for _ in range(CHANGES_PER_PERSON)]
    random.shuffle(random_asker)
    renewed = dict.fromkeys(askers, (0.0, ""))

    async def prepare() -> str:
        asker = random_asker.pop()
        until, passport = renewed[asker]
        if time.monotonic() >= until:
            passport = await identity.signed_in(asker)
            renewed[asker] = (time.monotonic() + PASSPORT_SECONDS, passport)
        return passport

    async def ask(passport: str, email: str) -> None:
        await identity.do("request_email_change", passport, new_email=email, password=PASSWORD)

    return Asking(prepare, ask)


VERBS = (register, sign_in, request_password_reset, request_email_change)


async def measure(identity: Identity, asking: Asking, mark: str, pairs: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds that known and unknown addresses took."""
    known = await identity.people(pairs + WARM_UP, mark)
    took: dict[bool, list[float]] = {True: [], False: []}
    for number, email in enumerate(known):
        turn = [(True, email), (False, f"{mark}{number}@nobody.example")]
        random.shuffle(turn)
        for is_known, address in turn:
            passport = await asking.prepare()
            started_at = time.perf_counter()
            await asking.ask(passport, address)
            if number >= WARM_UP:
                took[is_known].append((time.perf_counter() - started_at) * 1000)
    return took[True], took[False]


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20)[-1]


def report(verb: str, known: list[float], unknown: list[float]) -> bool:
    """Print what was measured and say whether the promise holds."""
    medians = statistics.median(known), statistics.median(unknown)
    tails = p95(known), p95(unknown)
    difference = medians[0] - medians[1]
    is_kept = abs(difference) <= PROMISE_MS
    say(
        f"{verb:<24} median {medians[0]:7.2f} {medians[1]:7.2f} differ {difference:+6.2f}   "
        f"p95 {tails[0]:7.2f} {tails[1]:7.2f} differ {tails[0] - tails[1]:+6.2f}   {'pass' if is_kept else 'FAIL'}"
    )
    return is_kept


async def run(pairs: int) -> bool:
    """Measure every verb; say whether the promise holds for all of them."""
    kept = []
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder)) as identity:
            say(f"milliseconds for known and unknown addresses, {pairs} pairs each; the medians may differ by {PROMISE_MS}")
            for number, verb in enumerate(VERBS):
                asking = await verb(identity, pairs)
                kept.append(report(verb.__name__, *await measure(identity, asking, f"verb{number}-", pairs)))
    return all(kept)


def main() -> None:
    """Measure and print; the exit code is 1 where the promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=200, help="how many known and unknown addresses each verb is asked for")
    sys.exit(0 if asyncio.run(run(parser.parse_args().pairs)) else 1)


if __name__ == "__main__":
    main()
