"""Readers and transactions over one service's database."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeVar

from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorClientSession, AsyncIOMotorDatabase
from pymongo import IndexModel, UpdateOne, WriteConcern
from pymongo.errors import CollectionInvalid, ConnectionFailure, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from chassis import messages
from chassis.acts import Acts, Deed
from chassis.clock import Clock
from chassis.errors import NotHeardOf
from chassis.ids import new_id
from chassis.mongo.collection import Collection, DatabaseUnavailable, Document, Index
from chassis.mongo.files import Files
from chassis.mongo.noting import Notes, NotingCollection
from chassis.mongo.recording import Made, Recorder, row_of
from chassis.mongo.sessions import OpenSessions
from chassis.principal import ANONYMOUS, Principal
from chassis.telemetry import TRANSACTION_RUNS, current_traceparent

T = TypeVar("T")

_MAX_RUNS = 60
_HEARING_PAUSES_SECONDS = (0.01, 0.2)
_NAMESPACE_EXISTS = 48
_in_transaction: ContextVar[bool] = ContextVar("in_transaction", default=False)


def is_in_transaction() -> bool:
    """Say whether the running task holds an open transaction (no call and no publish may happen then)."""
    return _in_transaction.get()


def connect(url: str, *, timeout_seconds: float = 5.0) -> AsyncIOMotorClient[Document]:
    """Return a client that writes to the majority and to the journal and reads what the majority holds."""
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        url,
        tz_aware=True,
        w="majority",
        journal=True,
        readConcernLevel="majority",
        serverSelectionTimeoutMS=int(timeout_seconds * 1000),
        connectTimeoutMS=int(timeout_seconds * 1000),
        socketTimeoutMS=30_000,
        maxPoolSize=50,
        appname="portico",
    )
    return client


class Fact(NamedTuple):
    """A fact as it is to be announced: about which thing, within which organization, for whom."""

    event: messages.Event
    subject: str
    organization: str | None = None
    audience: tuple[str, ...] = ()


class Reader:
    """Collections outside a transaction, for reading, and the one who reads."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], principal: Principal, now: datetime) -> None:
        self._database = database
        self.principal = principal
        self.now = now

    def collection(self, name: str) -> Collection:
        """Return a collection of the service's own database."""
        return Collection(self._database[name], None)

    def files(self, name: str) -> Files:
        """Return a store of contents in the service's own database; a transaction has none."""
        assert not _in_transaction.get(), "contents of files take part in no transaction: put them before it, read them after it"
        return Files(self._database, name)


class Transaction(Reader):
    """Everything that an action may touch: collections inside one transaction, the time, the actor, the outbox."""

    def __init__(
        self,
        database: AsyncIOMotorDatabase[Document],
        principal: Principal,
        now: datetime,
        session: AsyncIOMotorClientSession,
        *,
        recorder: Recorder | None = None,
    ) -> None:
        super().__init__(database, principal, now)
        self._session = session
        self._after_commit: list[Callable[[], None]] = []
        self._recorder = recorder
        self._notes = Notes()
        self._announced_within: list[str | None] = []
        self.announced = 0

    def collection(self, name: str) -> Collection:
        """Return a collection of the service's own database, inside this transaction."""
        if self._recorder is not None and self._recorder.audits(name):
            return NotingCollection(self._database[name], self._session, name, self._notes)
        return Collection(self._database[name], self._session)

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call a plain function once the transaction has been committed (never when it is rolled back)."""
        self._after_commit.append(call)

    async def emit(
        self, event: messages.Event, *, subject: str, organization: str | None = None, audience: Sequence[str] = ()
    ) -> str:
        """Put a fact into the outbox, committed or rolled back with everything else; return the event's id."""
        fact = Fact(event, subject, organization, tuple(audience))
        row = self._row_of(fact, await self._next_sequence(subject))
        await self.collection("outbox").insert_one(row)
        self.announced += 1
        self._announced_within.append(organization)
        return str(row["_id"])

    async def emit_many(self, facts: Sequence[Fact]) -> None:
        """Put many facts into the outbox in order, in a handful of round trips."""
        counted = Counter(fact.subject for fact in facts)
        if not counted:
            return
        sequences = self.collection("sequences")
        reached = {row["_id"]: int(row["n"]) for row in await sequences.find({"_id": {"$in": list(counted)}})}
        await sequences.bulk_write([UpdateOne({"_id": key}, {"$inc": {"n": many}}, upsert=True) for key, many in counted.items()])
        rows = []
        for fact in facts:
            reached[fact.subject] = reached.get(fact.subject, 0) + 1
            rows.append(self._row_of(fact, reached[fact.subject]))
        await self.collection("outbox").insert_many(rows)
        self.announced += len(rows)
        self._announced_within += [fact.organization for fact in facts]

    def _row_of(self, fact: Fact, sequence: int) -> Document:
        event_id = new_id("evt")
        around = messages.Circumstances(
            subject=fact.subject,
            sequence=sequence,
            time=self.now,
            actor=self.principal.id,
            organization=fact.organization,
            audience=fact.audience,
            traceparent=current_traceparent(),
        )
        body = messages.to_bytes(messages.envelope(fact.event, event_id, around))
        key, subject = fact.event.key, fact.subject
        return {"_id": event_id, "key": key, "subject": subject, "time": self.now, "body": body, "sent_at": None}

    def concerns(self, organization_id: str) -> None:
        """Note whom a change concerns, where the thing that is changed does not say so itself."""
        self._notes.concerned.append(organization_id)

    async def emit_act(self, made: Made) -> None:
        """Put an act into the outbox."""
        await self.collection("outbox").insert_one(row_of(made, self.now, current_traceparent()))
        self.announced += 1

    async def record(self, deed: Deed | None) -> None:
        """Announce what this transaction did, if that is an act (called by the store, before it commits)."""
        if self._recorder is not None:
            made = self._recorder.made(self.principal, self._notes, self._announced_within, deed)
            if made is not None:
                await self.emit_act(made)

    async def _next_sequence(self, subject: str) -> int:
        counter = await self.collection("sequences").find_one_and_update({"_id": subject}, {"$inc": {"n": 1}}, upsert=True)
        assert counter is not None
        return int(counter["n"])

    def run_after_commit(self) -> None:
        """Run what waits for the commit (called by the store)."""
        for call in self._after_commit:
            call()


@dataclass(slots=True)
class Store:
    """One service's database: opens readers and transactions; what these do is recorded where there is a recorder."""

    client: AsyncIOMotorClient[Document]
    name: str
    clock: Clock
    outbox_days: int = 7
    """How long what was announced is kept, to be replayed; no longer than inboxes remember what they have dealt with."""
    committed: asyncio.Event = field(default_factory=asyncio.Event)
    sessions: OpenSessions = field(default_factory=OpenSessions)
    recorder: Recorder | None = None

    @property
    def database(self) -> AsyncIOMotorDatabase[Document]:
        """Return the driver's database (for the chassis alone)."""
        return self.client.get_database(self.name, codec_options=CodecOptions(tz_aware=True))

    def record(self, acts: Acts) -> None:
        """Record from now on what transactions do."""
        self.recorder = Recorder(acts)

    def reader(self, principal: Principal = ANONYMOUS) -> Reader:
        """Return a reader for one request."""
        return Reader(self.database, principal, self.clock.now())

    async def transact(
        self,
        principal: Principal,
        work: Callable[[Transaction], Awaitable[T]],
        *,
        patience_seconds: float = 1.0,
        deed: Deed | None = None,
    ) -> T:
        """Run work in a transaction and commit it; run it again on a write conflict.

        ``deed`` is what it is recorded as; a part of the platform that acts by itself is recorded under its own name. Work that
        names a thing whose announcement has not arrived (``NotHeardOf``) is tried again until ``patience_seconds`` have passed.
        Raises what the work refuses with, or ``DatabaseUnavailable``.
        """
        if self.recorder is not None:
            await self._prepare(self.recorder)
        give_up_at = asyncio.get_running_loop().time() + patience_seconds
        runs = 0
        pause, longest_pause = _HEARING_PAUSES_SECONDS
        while True:
            runs += 1
            try:
                result = await self._run_once(principal, work, deed)
            except NotHeardOf:
                if asyncio.get_running_loop().time() >= give_up_at:
                    raise
                # What comes at all comes soon; what was never announced shall not keep the database busy.
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, longest_pause)
            except PyMongoError as error:
                if not error.has_error_label("TransientTransactionError") or runs >= _MAX_RUNS:
                    TRANSACTION_RUNS.labels(self.name, "failed").inc()
                    raise _as_unavailable(error) from error
                TRANSACTION_RUNS.labels(self.name, "again").inc()
                await asyncio.sleep(random.uniform(0, min(0.001 * 2**runs, 0.05)))  # noqa: S311 - jitter, not a secret
            else:
                TRANSACTION_RUNS.labels(self.name, "committed").inc()
                return result

    async def _prepare(self, recorder: Recorder) -> None:
        try:
            await recorder.prepare(self.database)
        except ConnectionFailure as error:
            raise DatabaseUnavailable from error

    async def _run_once(self, principal: Principal, work: Callable[[Transaction], Awaitable[T]], deed: Deed | None) -> T:
        assert not _in_transaction.get(), "a transaction is open already"
        marker = _in_transaction.set(True)
        try:
            async with await self.client.start_session() as session:
                await self.sessions.note(self.database, session)
                session.start_transaction(read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority", j=True))
                transaction = Transaction(self.database, principal, self.clock.now(), session, recorder=self.recorder)
                try:
                    result = await work(transaction)
                    await transaction.record(deed)
                except BaseException:
                    await _abort(session)
                    raise
                await _commit(session)
        finally:
            _in_transaction.reset(marker)
        transaction.run_after_commit()
        if transaction.announced:
            self.committed.set()
        return result

    async def ensure_indexes(self, indexes: Sequence[Index]) -> None:
        """Create the collections and indexes that are missing (a transaction cannot create a collection everywhere)."""
        existing = set(await self.database.list_collection_names())
        by_collection: dict[str, list[IndexModel]] = {}
        for index in indexes:
            by_collection.setdefault(index.collection, []).append(index.to_model())
        for name, models in by_collection.items():
            if name not in existing:
                await self._create_collection(name)
            await self.database[name].create_indexes(models)

    async def _create_collection(self, name: str) -> None:
        try:
            await self.database.create_collection(name)
        except CollectionInvalid:
            return  # another process that starts at this moment was faster
        except OperationFailure as error:
            if error.code != _NAMESPACE_EXISTS:
                raise

    async def end_former_transactions(self) -> None:
        """End what a killed predecessor at this place has left open, so that nobody waits for it."""
        await self.sessions.end_former(self.database)

    async def ping(self) -> bool:
        """Say whether the database answers."""
        try:
            async with asyncio.timeout(2):
                await self.client.admin.command("ping")
        except (PyMongoError, TimeoutError):
            return False
        return True


def _as_unavailable(error: PyMongoError) -> Exception:
    if isinstance(error, ConnectionFailure) or error.has_error_label("TransientTransactionError"):
        return DatabaseUnavailable()
    return error


async def _abort(session: AsyncIOMotorClientSession) -> None:
    if session.in_transaction:  # type: ignore[truthy-function]  # the stubs take the property for a method
        try:
            await session.abort_transaction()
        except PyMongoError:
            return  # the server rolls back by itself what it could not be told to


async def _commit(session: AsyncIOMotorClientSession) -> None:
    for attempt in range(10):
        try:
            await session.commit_transaction()
        except (ConnectionFailure, OperationFailure) as error:
            # Committing again is safe: the server remembers the outcome. Running the work again would not be.
            if not error.has_error_label("UnknownTransactionCommitResult") or attempt == 9:
                raise
            await asyncio.sleep(0.05)
        else:
            return
