"""Contents of files in the database."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from chassis.mongo import Store, Transaction, file_indexes
from chassis.mongo.files import PIECE_BYTES
from chassis.principal import ANONYMOUS


@pytest.fixture
async def store(make_store: Callable[..., Store]) -> Store:
    made = make_store("files")
    await made.ensure_indexes(file_indexes("papers"))
    return made


async def pieces_of(store: Store, file_id: str) -> int:
    return await store.reader().collection("papers.chunks").count_documents({"files_id": file_id})


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 10 * 1024 * 1024])
async def test_contents_come_back_as_they_were(store: Store, size: int) -> None:
    content, files = os.urandom(size), store.reader().files("papers")
    await files.put("fil_1", content)
    assert await files.get("fil_1") == content
    assert await pieces_of(store, "fil_1") == -(-size // PIECE_BYTES)


async def test_what_is_deleted_leaves_no_piece_behind(store: Store) -> None:
    files = store.reader().files("papers")
    for name in ("fil_1", "fil_2"):
        await files.put(name, b"x" * (PIECE_BYTES * 2 + 1))
    await files.delete("fil_1")
    await files.delete("fil_1")
    assert await files.get("fil_1") is None
    assert await pieces_of(store, "fil_1") == 0
    assert len(await files.get("fil_2") or b"") == PIECE_BYTES * 2 + 1


async def test_an_upload_that_broke_off_can_be_removed(store: Store) -> None:
    # Pieces without the file's own document: what a process leaves that is killed while it puts contents.
    await store.reader().collection("papers.chunks").insert_one({"_id": "p", "files_id": "fil_3", "n": 0, "data": b"x"})
    files = store.reader().files("papers")
    assert await files.get("fil_3") is None
    await files.delete("fil_3")
    assert await pieces_of(store, "fil_3") == 0


async def test_contents_of_which_a_piece_is_missing_are_not_given(store: Store) -> None:
    files = store.reader().files("papers")
    await files.put("fil_4", b"x" * (PIECE_BYTES * 2))
    await store.reader().collection("papers.chunks").delete_one({"files_id": "fil_4", "n": 1})
    assert await files.get("fil_4") is None


async def test_a_transaction_keeps_no_contents(store: Store) -> None:
    async def work(tx: Transaction) -> Any:
        return tx.files("papers")

    with pytest.raises(AssertionError, match="no transaction"):
        await store.transact(ANONYMOUS, work)
