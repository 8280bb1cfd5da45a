"""An example consumer of Portico's events: keeps a list of the applications there are, with aio-pika alone.

It shows what a consumer has to do, whatever it does with what it hears: a durable queue of its own, acknowledging after the
effect, deduplicating by id, restoring the order by sequence, noticing gaps, connecting again, stopping cleanly.
README.md tells how to run it.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

EXCHANGE = "portico.events"
CREATED = "portico.identity.application_created.v1"
CHANGED = "portico.identity.application_changed.v1"
DELETED = "portico.identity.application_deleted.v1"
FOLLOWED = "app_"  # the ids of what this consumer follows begin like this; facts about other things do not concern it
IN_HAND = 50  # messages that the broker hands out before the first of them is acknowledged
DELIVERY_LIMIT = 20  # a message that comes so often without any answer goes to the dead queue
REMEMBERED_DAYS = 30  # how long an id is remembered; the platform's outbox keeps events for seven days
PAUSE_SECONDS = 1.0

log = logging.getLogger("consumer")


@dataclass(frozen=True)
class Settings:
    """What differs per place; all of it comes from the environment, since the broker's URL holds a secret."""

    url: str
    store: Path
    queue: str
    queue_type: str
    keys: tuple[str, ...]
    gap_seconds: float

    @classmethod
    def read(cls) -> "Settings":
        """Read them. Raises ``ValueError`` with a sentence that names the mend."""
        given = os.environ.get
        url = given("CONSUMER_BROKER_URL", "")
        if not url.startswith(("amqp://", "amqps://")):
            raise ValueError("Set CONSUMER_BROKER_URL to the broker's address, such as amqp://user:password@host:5672/.")
        queue_type = given("CONSUMER_QUEUE_TYPE", "quorum")
        if queue_type not in ("quorum", "classic"):
            raise ValueError("CONSUMER_QUEUE_TYPE is quorum or classic.")
        keys = tuple(key.strip() for key in given("CONSUMER_KEYS", "identity.#").split(",") if key.strip())
        return cls(
            url,
            Path(given("CONSUMER_STORE", "consumer.sqlite")),
            given("CONSUMER_QUEUE", "example.applications.python"),
            queue_type,
            keys,
            float(given("CONSUMER_GAP_SECONDS", "30")),
        )


class NotAnEvent(ValueError):  # noqa: N818 - says what it is not
    """The message is no event of Portico: it goes to the dead queue."""


def read_event(body: bytes) -> dict[str, Any]:
    """Return the envelope. Raises ``NotAnEvent``."""
    try:
        event = json.loads(body)
    except ValueError as error:
        raise NotAnEvent("it is no JSON") from error
    if not isinstance(event, dict) or event.get("specversion") != "1.0":
        raise NotAnEvent("it is no CloudEvents 1.0 envelope")
    for name in ("id", "source", "type", "subject", "time"):
        if not isinstance(event.get(name), str):
            raise NotAnEvent(f"it has no {name}")
    if not isinstance(event.get("sequence"), int) or event["sequence"] < 0:
        raise NotAnEvent("it has no sequence")
    if not isinstance(event.get("data"), dict):
        raise NotAnEvent("it has no data")
    return event


@dataclass(frozen=True)
class Gap:
    """Facts about a subject that have not come, while later ones wait for them."""

    source: str
    subject: str
    first: int
    last: int
    known_at: str | None

    def told_to(self, queue: str) -> str:
        """Say what is missing and what to run, to have it in a queue."""
        which = f"--service {self.source.rpartition('/')[2]} --queue {queue}"
        missing = f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"
        again = f"run `portico replay {which} --from {self.known_at}`, or " if self.known_at else "run "
        return (
            f"gap: {self.subject} of {self.source}: sequence {missing} has not come; {again}"
            f"`portico republish {which}` where it is older than what the outbox keeps"
        )


class Ledger:
    """What has been heard and what follows from it, in one SQLite file: the mark of an event and its effect commit together."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=60)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")  # what is acknowledged is on the disk
        self._db.executescript(
            """
            CREATE TABLE IF NOT EXISTS heard (id TEXT PRIMARY KEY, at TEXT NOT NULL) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS progress (
                source TEXT, subject TEXT, last INTEGER NOT NULL, time TEXT NOT NULL, PRIMARY KEY (source, subject)
            ) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS waiting (
                source TEXT, subject TEXT, sequence INTEGER, event TEXT NOT NULL, at TEXT NOT NULL,
                PRIMARY KEY (source, subject, sequence)
            ) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS applications (
                id TEXT PRIMARY KEY, organization_id TEXT NOT NULL, name TEXT NOT NULL, client_id TEXT NOT NULL
            ) WITHOUT ROWID;
            """
        )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def take(self, event: Mapping[str, Any]) -> str:
        """Take an event in, once and in its order; say what became of it.

        What is republished states a thing as it is, at the number that its facts have reached: it is a new beginning, where it
        tells all that is kept here, and changes nothing where as much is known already.
        """
        if not event["subject"].startswith(FOLLOWED):
            return "does not concern us"
        with self._transaction():
            now = datetime.now(UTC).isoformat()
            if not self._db.execute("INSERT OR IGNORE INTO heard VALUES (?, ?)", (event["id"], now)).rowcount:
                return "known"
            last = self._last(event)
            if event["sequence"] <= last:
                return "older than what is known"
            if event.get("republished") and event["type"] not in (CREATED, DELETED):
                return "says nothing that is kept here"
            if event["sequence"] > last + 1 and not event.get("republished"):
                row = (event["source"], event["subject"], event["sequence"], json.dumps(event), now)
                self._db.execute("INSERT OR IGNORE INTO waiting VALUES (?, ?, ?, ?, ?)", row)
                return "waits for those before it"
            self._apply(event)
            while following := self._following(event):
                self._apply(following)
        return "applied"

    def gaps(self, older_than_seconds: float) -> list[Gap]:
        """Return what has been missing for so long."""
        before = (datetime.now(UTC) - timedelta(seconds=older_than_seconds)).isoformat()
        rows = self._db.execute(
            """
            SELECT source, subject, coalesce(max(last), 0) + 1, min(sequence) - 1, max(time)
            FROM waiting LEFT JOIN progress USING (source, subject)
            GROUP BY source, subject HAVING min(at) <= ?
            """,
            (before,),
        )
        return [Gap(*row) for row in rows]

    def forget(self) -> None:
        """Forget ids so old that their events cannot come any more."""
        before = (datetime.now(UTC) - timedelta(days=REMEMBERED_DAYS)).isoformat()
        self._db.execute("DELETE FROM heard WHERE at < ?", (before,))

    def applications(self) -> list[dict[str, str]]:
        """Return the applications there are, by id."""
        rows = self._db.execute("SELECT id, organization_id, name, client_id FROM applications ORDER BY id")
        return [dict(zip(("id", "organization_id", "name", "client_id"), row, strict=True)) for row in rows]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _last(self, event: Mapping[str, Any]) -> int:
        about = (event["source"], event["subject"])
        row = self._db.execute("SELECT last FROM progress WHERE source = ? AND subject = ?", about).fetchone()
        return int(row[0]) if row else 0

    def _following(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        about = (event["source"], event["subject"])
        last = self._last(event)
        self._db.execute("DELETE FROM waiting WHERE source = ? AND subject = ? AND sequence <= ?", (*about, last))
        row = self._db.execute(
            "SELECT event FROM waiting WHERE source = ? AND subject = ? AND sequence = ?", (*about, last + 1)
        ).fetchone()
        return dict(json.loads(row[0])) if row else None

    def _apply(self, event: Mapping[str, Any]) -> None:
        """Do what follows from an event; a fact that means nothing here still counts in the order."""
        data = event["data"]
        if event["type"] in (CREATED, CHANGED):
            row = (data["application_id"], data["organization_id"], data["name"], data["client_id"])
            self._db.execute("INSERT OR REPLACE INTO applications VALUES (?, ?, ?, ?)", row)
        elif event["type"] == DELETED:
            self._db.execute("DELETE FROM applications WHERE id = ?", (data["application_id"],))
        row = (event["source"], event["subject"], event["sequence"], event["time"])
        self._db.execute("INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?)", row)


class Consumer:
    """Consumes until it is told to stop; each lost connection is followed by another one."""

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._settings = settings
        self._ledger = ledger
        self._told: set[Gap] = set()
        self._is_stopping = False

    def stop(self) -> None:
        """Finish what is in hand, then end."""
        self._is_stopping = True

    async def run(self) -> None:
        """Consume until told to stop."""
        while not self._is_stopping:
            try:
                await self._one_connection()
            except asyncio.CancelledError:
                # A connection that falls silent can surface as a cancellation that nobody asked for.
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                log.warning("the connection was lost")
            except Exception as error:  # noqa: BLE001 - whatever it was, the next connection begins anew
                log.warning("no connection, or no longer: %s", error)
            if not self._is_stopping:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _one_connection(self) -> None:
        connection = await aio_pika.connect(self._settings.url, timeout=10, heartbeat=10)
        try:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=IN_HAND)
            arrived: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
            connection.close_callbacks.add(lambda *_: arrived.put_nowait(None))
            channel.close_callbacks.add(lambda *_: arrived.put_nowait(None))
            await self._subscribe(channel, arrived)
            log.info("consuming %s", self._settings.queue)
            await self._take_all(arrived)
        finally:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(5):
                    await connection.close()

    async def _subscribe(
        self, channel: aio_pika.abc.AbstractChannel, arrived: "asyncio.Queue[AbstractIncomingMessage | None]"
    ) -> None:
        """Make the queues exist and begin. The exchange is the platform's: it is looked for and never made."""
        exchange = await channel.get_exchange(EXCHANGE, ensure=True)
        name, kind = self._settings.queue, {"x-queue-type": self._settings.queue_type}
        await channel.declare_queue(f"{name}.dead", durable=True, arguments={**kind})
        dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": f"{name}.dead"}
        limit = {"x-delivery-limit": DELIVERY_LIMIT} if self._settings.queue_type == "quorum" else {}
        queue = await channel.declare_queue(name, durable=True, arguments={**kind, **dead, **limit})
        for key in self._settings.keys:
            await queue.bind(exchange, key)
        await queue.consume(arrived.put)

    async def _take_all(self, arrived: "asyncio.Queue[AbstractIncomingMessage | None]") -> None:
        while not self._is_stopping:
            try:
                async with asyncio.timeout(PAUSE_SECONDS):
                    message = await arrived.get()
            except TimeoutError:
                self._tell_gaps()
                continue
            if message is None:
                raise ConnectionError("the broker closed the connection")
            try:
                event = read_event(message.body)
            except NotAnEvent as why:
                log.warning("a message goes to the dead queue: %s", why)
                await message.reject(requeue=False)
                continue
            outcome = self._ledger.take(event)
            await message.ack()  # after the effect: whatever happens before this line, the message comes again
            log.info("%s %s %s: %s", event["type"], event["subject"], event["sequence"], outcome)

    def _tell_gaps(self) -> None:
        gaps = self._ledger.gaps(self._settings.gap_seconds)
        for gap in gaps:
            if gap not in self._told:
                log.warning("%s", gap.told_to(self._settings.queue))
        self._told = set(gaps)


async def run(settings: Settings) -> None:
    """Consume until SIGTERM or Ctrl-C."""
    ledger = Ledger(settings.store)
    ledger.forget()
    consumer = Consumer(settings, ledger)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, consumer.stop)
    try:
        await consumer.run()
    finally:
        ledger.close()
    log.info("stopped")


def main() -> int:
    """Consume, or with the argument ``show`` print what is known."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    if sys.argv[1:] == ["show"]:
        ledger = Ledger(Path(os.environ.get("CONSUMER_STORE", "consumer.sqlite")))
        print(json.dumps(ledger.applications(), indent=2))
        ledger.close()
        return 0
    try:
        settings = Settings.read()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    asyncio.run(run(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
