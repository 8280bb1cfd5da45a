"""What many tests stand on: the embedded database, and stores in databases that no other test uses."""

import itertools
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from portico.database import start_database

_numbers = itertools.count(1)
_left: list[Any] = []

# What somebody has set for a platform of theirs is not meant for the ones that the tests start.
for _name in [each for each in os.environ if each.startswith("PORTICO_")]:
    del os.environ[_name]


@pytest.fixture(scope="session")
async def mongo_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The URL of a real database server, started once for all tests."""
    folder: Path = tmp_path_factory.mktemp("database")
    child, url = await start_database(folder / "data", folder / "database.log", is_durable=False)
    yield url
    await child.stop()


@pytest.fixture(scope="session")
async def mongo(mongo_url: str) -> AsyncIterator[Any]:
    """One client of that server, as the platform opens it."""
    from chassis.mongo import connect

    client = connect(mongo_url)
    yield client
    client.close()


@pytest.fixture
def database_prefix() -> str:
    """A prefix for database names that no other test has."""
    return f"t{next(_numbers)}_"


@pytest.fixture(scope="session")
def make_store(mongo: Any) -> Callable[..., Any]:
    """Make a store in a database of its own: ``make_store("catalog")`` or ``make_store("catalog", clock)``.

    The database is gone after the tests of the file, unless it ``is_kept`` for those of others.
    """
    from chassis.clock import SystemClock
    from chassis.mongo import Store

    def make(name: str = "store", clock: Any = None, *, is_kept: bool = False) -> Store:
        store = Store(mongo, f"t{next(_numbers)}_{name}", clock or SystemClock())
        if not is_kept:
            _left.append(store)
        return store

    return make


@pytest.fixture(scope="module", autouse=True)
async def _leave_nothing() -> AsyncIterator[None]:
    """Remove the databases of a file's tests: the server looks through all that there are every minute, for what has expired."""
    yield
    while _left:
        store = _left.pop()
        await store.client.drop_database(store.name)


@pytest.fixture(scope="session")
async def shelf(mongo_url: str) -> AsyncIterator[Any]:
    """Databases that tests leave behind, emptied for the next: making all the collections of a service anew takes long."""
    from tests.shelf import Shelf

    shelf = Shelf(mongo_url, _numbers)
    yield shelf
    shelf.close()


@pytest.fixture
async def reused_store(shelf: Any) -> AsyncIterator[Callable[..., Any]]:
    """Make a store as ``make_store`` does, in an empty database that may have been another test's: for services not started."""
    with shelf.lending() as make:
        yield make


@pytest.fixture(scope="session")
async def platform(mongo_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
    """The whole platform in this process, without the proxy: ``.gateway_url``, ``.mailbox_url``, ``.whole.parts["catalog"]``."""
    from tests.one_process import running_platform

    async with running_platform(mongo_url, tmp_path_factory.mktemp("platform"), f"t{next(_numbers)}_") as running:
        yield running
