"""The example consumers, each as a program of its own, over a broker and an outbox that are real."""

import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.examples.announcing import Announcer
from tests.examples.consuming import Consumer, Program
from tests.node_programs import NodeMissing, laid_out, node
from tests.rabbit_node import RabbitNode, why_missing

EXAMPLES = Path(__file__).parents[2] / "examples/consumers"


@pytest.fixture(scope="package")
def broker() -> Iterator[RabbitNode]:
    reason = why_missing()
    if reason is not None:
        pytest.skip(reason)
    made = RabbitNode()
    made.start()
    yield made
    made.remove()


@pytest.fixture(scope="package", params=["python", "node"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Program:
    folder = tmp_path_factory.mktemp("consumer") / request.param
    if request.param == "python":
        shutil.copytree(EXAMPLES / "python", folder, ignore=shutil.ignore_patterns("__pycache__"))
        return Program((sys.executable, "consumer.py"), folder)
    try:
        return Program((node(), "consumer.mjs"), laid_out(EXAMPLES / "node", folder))
    except NodeMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
async def consumer(program: Program, broker: RabbitNode, tmp_path: Path) -> AsyncIterator[Consumer]:
    made = Consumer(program, broker.url, tmp_path)
    yield made
    await made.remove()


@pytest.fixture
async def announcer(broker: RabbitNode, make_store: Callable[..., Any]) -> AsyncIterator[Announcer]:
    made = Announcer(make_store("identity"), broker.url)
    await made.start()
    yield made
    await made.close()
