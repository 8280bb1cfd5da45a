"""What a transaction does to audited things, noted while it is done: each as it was at first, and as it is.

An action reads a thing before it changes it, mostly in the same transaction: then noting costs nothing, since a write by
operators can give back what it made. What was not read before costs one more read.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorCollection
from pymongo import InsertOne, ReturnDocument
from pymongo.errors import DuplicateKeyError

from chassis.acts import Touched
from chassis.mongo.collection import Collection, Document, Sort, duplicate_of

MOST_NOTED = 200
"""So many things a transaction may write before the others are only counted."""
_MOST_REMEMBERED = 1000


class Notes:
    """What one transaction has read and written of audited collections, by collection and id."""

    __slots__ = ("concerned", "left_out", "read", "touched")

    def __init__(self) -> None:
        self.read: dict[tuple[str, str], Document] = {}
        self.touched: dict[tuple[str, str], Touched] = {}
        self.concerned: list[str] = []
        self.left_out = 0

    def remember(self, name: str, documents: Sequence[Document]) -> None:
        """Note whole documents as they were read."""
        for each in documents:
            if len(self.read) >= _MOST_REMEMBERED:
                return
            self.read.setdefault((name, str(each["_id"])), each)

    def known(self, name: str, query: Mapping[str, Any]) -> Document | None:
        """Return the document that the query names by its id, as far as it is known without asking."""
        identifier = query.get("_id")
        if not isinstance(identifier, str):
            return None
        touched = self.touched.get((name, identifier))
        if touched is not None:
            return None if touched.after is None else dict(touched.after)
        return self.read.get((name, identifier))

    def write(self, name: str, before: Document | None, after: Document | None) -> None:
        """Note that a document was written."""
        either = after if after is not None else before
        if either is None:
            return
        place = (name, str(either["_id"]))
        touched = self.touched.get(place)
        if touched is not None:
            touched.after = after
        elif len(self.touched) < MOST_NOTED:
            self.touched[place] = Touched(before, after)
        else:
            self.left_out += 1


class NotingCollection(Collection):
    """An audited collection within a transaction."""

    __slots__ = ("_name", "_notes")

    def __init__(
        self, inner: AsyncIOMotorCollection[Document], session: AsyncIOMotorClientSession, name: str, notes: Notes
    ) -> None:
        super().__init__(inner, session)
        self._name = name
        self._notes = notes

    async def find_one(self, query: Mapping[str, Any], *, projection: Mapping[str, Any] | None = None) -> Document | None:
        """Return the first document that matches, or None."""
        found = await super().find_one(query, projection=projection)
        if found is not None and projection is None:
            self._notes.remember(self._name, [found])
        return found

    async def find(
        self,
        query: Mapping[str, Any],
        *,
        sort: Sort | None = None,
        limit: int = 0,
        projection: Mapping[str, Any] | None = None,
    ) -> list[Document]:
        """Return the documents that match, in order; ``limit`` 0 means all of them."""
        found = await super().find(query, sort=sort, limit=limit, projection=projection)
        if projection is None:
            self._notes.remember(self._name, found)
        return found

    async def insert_one(self, document: Document) -> None:
        """Insert a document. Raises ``DuplicateKey``."""
        await super().insert_one(document)
        self._notes.write(self._name, None, document)

    async def replace_one(self, query: Mapping[str, Any], document: Document, *, upsert: bool = False) -> bool:
        """Replace the first match and say whether there was one. Raises ``DuplicateKey``."""
        try:
            before: Document | None = await self._inner.find_one_and_replace(
                query, document, upsert=upsert, return_document=ReturnDocument.BEFORE, session=self._session
            )
        except DuplicateKeyError as error:
            raise duplicate_of(error) from error
        if before is not None or upsert:
            identifier = before["_id"] if before is not None else query.get("_id", document.get("_id"))
            self._notes.write(self._name, before, {**document, "_id": identifier})
        return before is not None

    async def update_one(self, query: Mapping[str, Any], update: Mapping[str, Any], *, upsert: bool = False) -> bool:
        """Update the first match and say whether there was one. Raises ``DuplicateKey``."""
        before, after = await self._update(query, update, upsert=upsert)
        return before is not None and after is not None

    async def find_one_and_update(
        self, query: Mapping[str, Any], update: Mapping[str, Any], *, upsert: bool = False
    ) -> Document | None:
        """Update the first match and return it as it is afterwards, or None."""
        _, after = await self._update(query, update, upsert=upsert)
        return after

    async def update_many(self, query: Mapping[str, Any], update: Mapping[str, Any]) -> int:
        """Update every match and return how many there were."""
        befores = await super().find(query, limit=MOST_NOTED)
        updated = await super().update_many(query, update)
        await self._note_all(befores)
        self._notes.left_out += max(0, updated - len(befores))
        return updated

    async def delete_one(self, query: Mapping[str, Any]) -> bool:
        """Delete the first match and say whether there was one."""
        before: Document | None = await self._inner.find_one_and_delete(query, session=self._session)
        self._notes.write(self._name, before, None)
        return before is not None

    async def delete_many(self, query: Mapping[str, Any]) -> int:
        """Delete every match and return how many there were."""
        befores = await super().find(query, limit=MOST_NOTED)
        if not befores:
            return 0
        deleted = await super().delete_many(query)
        for each in befores:
            self._notes.write(self._name, each, None)
        self._notes.left_out += max(0, deleted - len(befores))
        return deleted

    async def bulk_write(self, operations: Sequence[Any]) -> None:
        """Run many writes in order in one round trip. Raises ``DuplicateKey``."""
        inserted = [each._doc for each in operations if isinstance(each, InsertOne)]  # noqa: SLF001 - the driver gives it no name
        queries = [each._filter for each in operations if not isinstance(each, InsertOne)]  # noqa: SLF001 - as above
        befores = await super().find({"$or": queries}, limit=MOST_NOTED) if queries else []
        await super().bulk_write(operations)
        for each in inserted:
            self._notes.write(self._name, None, dict(each))
        await self._note_all(befores)

    async def _update(
        self, query: Mapping[str, Any], update: Mapping[str, Any], *, upsert: bool
    ) -> tuple[Document | None, Document | None]:
        """Update the first match; return it as it was and as it is. What is known already is not read again."""
        known = self._notes.known(self._name, query)
        wanted = ReturnDocument.BEFORE if known is None else ReturnDocument.AFTER
        try:
            given: Document | None = await self._inner.find_one_and_update(
                query, update, upsert=upsert, return_document=wanted, session=self._session
            )
        except DuplicateKeyError as error:
            raise duplicate_of(error) from error
        before, after = (given, None) if known is None else (known, given)
        if known is None and (given is not None or upsert):
            after = await super().find_one({"_id": given["_id"]} if given is not None else query)
        if after is None:
            return None, None
        self._notes.write(self._name, before, after)
        return before, after

    async def _note_all(self, befores: Sequence[Document]) -> None:
        if not befores:
            return
        afters = await super().find({"_id": {"$in": [each["_id"] for each in befores]}})
        by_id = {each["_id"]: each for each in afters}
        for each in befores:
            self._notes.write(self._name, each, by_id.get(each["_id"]))
