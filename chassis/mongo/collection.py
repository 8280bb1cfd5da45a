"""Collections and indexes, as repositories see them."""

import functools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorCollection
from pymongo import IndexModel, InsertOne, ReturnDocument
from pymongo.errors import BulkWriteError, ConnectionFailure, DuplicateKeyError, PyMongoError

from chassis.errors import Unavailable

Document = dict[str, Any]
Sort = Sequence[tuple[str, int]]
P = ParamSpec("P")
R = TypeVar("R")
Work = Coroutine[Any, Any, R]


class DatabaseUnavailable(Unavailable):
    """The database does not answer; try again shortly."""


class DuplicateKey(Exception):  # noqa: N818 - named as the fact that it reports
    """A unique index holds this value already; ``index`` names the fields."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields
        super().__init__(f"a unique index over {', '.join(fields) or 'some fields'} holds this value already")


@dataclass(frozen=True, slots=True)
class Index:
    """An index that a repository needs: ``keys`` as ``(("organization_id", 1), ("name", 1))``."""

    collection: str
    keys: tuple[tuple[str, int], ...]
    unique: bool = False
    expire_after_seconds: int | None = None
    partial: Mapping[str, Any] | None = None

    def to_model(self) -> IndexModel:
        """Return the driver's description of the index."""
        options: dict[str, Any] = {"name": "_".join(f"{name}_{way}" for name, way in self.keys)}
        if self.unique:
            options["unique"] = True
        if self.expire_after_seconds is not None:
            options["expireAfterSeconds"] = self.expire_after_seconds
        if self.partial is not None:
            options["partialFilterExpression"] = dict(self.partial)
        return IndexModel(list(self.keys), **options)


def duplicate_of(error: DuplicateKeyError | BulkWriteError) -> DuplicateKey:
    """Return what a duplicate key of the driver's says."""
    details: Mapping[str, Any] = error.details or {}
    if isinstance(error, BulkWriteError):
        details = next(iter(details.get("writeErrors", [])), {})
    pattern = details.get("keyPattern") or {}
    return DuplicateKey(tuple(pattern))


def _is_duplicate(error: PyMongoError) -> bool:
    if isinstance(error, DuplicateKeyError):
        return True
    if isinstance(error, BulkWriteError):
        return any(each.get("code") == 11000 for each in (error.details or {}).get("writeErrors", []))
    return False


def _told_when_away(method: Callable[Concatenate["Collection", P], Work[R]]) -> Callable[Concatenate["Collection", P], Work[R]]:
    """Turn a database that does not answer into a refusal; inside a transaction the store does so, since it may try again."""

    @functools.wraps(method)
    async def guarded(self: "Collection", *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await method(self, *args, **kwargs)
        except ConnectionFailure as error:
            if self.is_in_transaction:
                raise
            raise DatabaseUnavailable from error

    return guarded  # type: ignore[return-value]  # it differs only in that `self` has a name


class Collection:
    """A collection as repositories see it: inside its transaction's session, or outside any."""

    __slots__ = ("_inner", "_session")

    def __init__(self, inner: AsyncIOMotorCollection[Document], session: AsyncIOMotorClientSession | None) -> None:
        self._inner = inner
        self._session = session

    @property
    def is_in_transaction(self) -> bool:
        """Say whether what is done here is part of a transaction."""
        return self._session is not None

    @_told_when_away
    async def find_one(self, query: Mapping[str, Any], *, projection: Mapping[str, Any] | None = None) -> Document | None:
        """Return the first document that matches, or None."""
        found: Document | None = await self._inner.find_one(query, projection, session=self._session)
        return found

    @_told_when_away
    async def find(
        self,
        query: Mapping[str, Any],
        *,
        sort: Sort | None = None,
        limit: int = 0,
        projection: Mapping[str, Any] | None = None,
    ) -> list[Document]:
        """Return the documents that match, in order; ``limit`` 0 means all of them."""
        cursor = self._inner.find(query, projection, session=self._session, limit=limit, batch_size=1000)
        if sort:
            cursor = cursor.sort(list(sort))
        found: list[Document] = await cursor.to_list(None)
        return found

    @_told_when_away
    async def aggregate(self, pipeline: Sequence[Mapping[str, Any]]) -> list[Document]:
        """Return all results of an aggregation."""
        found: list[Document] = await self._inner.aggregate(list(pipeline), session=self._session).to_list(None)
        return found

    @_told_when_away
    async def count_documents(self, query: Mapping[str, Any]) -> int:
        """Return how many documents match."""
        return int(await self._inner.count_documents(query, session=self._session))

    @_told_when_away
    async def insert_one(self, document: Document) -> None:
        """Insert a document. Raises ``DuplicateKey``."""
        try:
            await self._inner.insert_one(document, session=self._session)
        except DuplicateKeyError as error:
            raise duplicate_of(error) from error

    @_told_when_away
    async def insert_many(self, documents: Sequence[Document]) -> None:
        """Insert documents in order. Raises ``DuplicateKey`` at the first that is there already."""
        await self.bulk_write([InsertOne(each) for each in documents])

    @_told_when_away
    async def replace_one(self, query: Mapping[str, Any], document: Document, *, upsert: bool = False) -> bool:
        """Replace the first match and say whether there was one. Raises ``DuplicateKey``."""
        try:
            result = await self._inner.replace_one(query, document, upsert=upsert, session=self._session)
        except DuplicateKeyError as error:
            raise duplicate_of(error) from error
        return bool(result.matched_count)

    @_told_when_away
    async def update_one(self, query: Mapping[str, Any], update: Mapping[str, Any], *, upsert: bool = False) -> bool:
        """Update the first match and say whether there was one. Raises ``DuplicateKey``."""
        try:
            result = await self._inner.update_one(query, update, upsert=upsert, session=self._session)
        except DuplicateKeyError as error:
            raise duplicate_of(error) from error
        return bool(result.matched_count)

    @_told_when_away
    async def update_many(self, query: Mapping[str, Any], update: Mapping[str, Any]) -> int:
        """Update every match and return how many there were."""
        result = await self._inner.update_many(query, update, session=self._session)
        return int(result.matched_count)

    @_told_when_away
    async def find_one_and_update(
        self, query: Mapping[str, Any], update: Mapping[str, Any], *, upsert: bool = False
    ) -> Document | None:
        """Update the first match and return it as it is afterwards, or None."""
        try:
            found: Document | None = await self._inner.find_one_and_update(
                query, update, upsert=upsert, return_document=ReturnDocument.AFTER, session=self._session
            )
        except DuplicateKeyError as error:
            raise duplicate_of(error) from error
        return found

    @_told_when_away
    async def delete_one(self, query: Mapping[str, Any]) -> bool:
        """Delete the first match and say whether there was one."""
        return bool((await self._inner.delete_one(query, session=self._session)).deleted_count)

    @_told_when_away
    async def delete_many(self, query: Mapping[str, Any]) -> int:
        """Delete every match and return how many there were."""
        return int((await self._inner.delete_many(query, session=self._session)).deleted_count)

    @_told_when_away
    async def bulk_write(self, operations: Sequence[Any]) -> None:
        """Run many writes in order in one round trip. Raises ``DuplicateKey``."""
        if not operations:
            return
        try:
            await self._inner.bulk_write(list(operations), ordered=True, session=self._session)
        except BulkWriteError as error:
            if _is_duplicate(error):
                raise duplicate_of(error) from error
            raise
