"""Contents of files, kept in GridFS: in pieces, since a document of the database is at most 16 MiB.

The driver's GridFS takes part in no transaction. So whoever keeps files writes down in a transaction of their own what is there,
*before* the contents are put, and takes the note away *after* the contents are removed: then a process that is killed between the
two leaves a note that somebody finds, and never contents of which nobody knows.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from gridfs.errors import CorruptGridFile, NoFile
from motor.motor_asyncio import AsyncIOMotorDatabase, AsyncIOMotorGridFSBucket
from pymongo.errors import ConnectionFailure

from chassis.mongo.collection import DatabaseUnavailable, Document, Index

T = TypeVar("T")
PIECE_BYTES = 1024 * 1024


def file_indexes(name: str) -> tuple[Index, ...]:
    """Return the indexes of a store of contents, as the driver itself would make them."""
    return (
        Index(f"{name}.files", (("filename", 1), ("uploadDate", 1))),
        Index(f"{name}.chunks", (("files_id", 1), ("n", 1)), unique=True),
    )


class Files:
    """The contents that one service keeps under one name, by id."""

    __slots__ = ("_bucket",)

    def __init__(self, database: AsyncIOMotorDatabase[Document], name: str) -> None:
        self._bucket = AsyncIOMotorGridFSBucket(database, name, chunk_size_bytes=PIECE_BYTES)

    async def put(self, file_id: str, content: bytes) -> None:
        """Keep contents under a new id."""
        await _answered(lambda: self._bucket.upload_from_stream_with_id(file_id, file_id, content))

    async def get(self, file_id: str) -> bytes | None:
        """Return the contents, or None where there are none, or not all of them."""

        async def read() -> bytes:
            stream: Any = await self._bucket.open_download_stream(file_id)  # the stubs say that reading never ends
            content: bytes = await stream.read()
            return content

        try:
            return await _answered(read)
        except (NoFile, CorruptGridFile):
            return None

    async def delete(self, file_id: str) -> None:
        """Remove contents with all of their pieces; where there are none, also what an upload that broke off has left."""

        async def remove() -> Any:
            return await self._bucket.delete(file_id)

        try:
            await _answered(remove)
        except NoFile:
            return


async def _answered(work: Callable[[], Awaitable[T]]) -> T:
    try:
        return await work()
    except ConnectionFailure as error:
        raise DatabaseUnavailable from error
