"""One suite, two buses: every test that asks for `rig` or `bus` runs on both."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chassis.bus import Bus
from tests.chassis.bus_contract.rigs import LocalRig, RabbitRig, Rig
from tests.rabbit_node import RabbitNode, why_missing


@pytest.fixture(scope="session")
def rabbit_node() -> Iterator[RabbitNode]:
    reason = why_missing()
    if reason is not None:
        pytest.skip(reason)
    node = RabbitNode()
    node.start()
    yield node
    node.remove()


@pytest.fixture
async def rabbit(rabbit_node: RabbitNode) -> AsyncIterator[RabbitRig]:
    rig = RabbitRig(rabbit_node)
    yield rig
    await rig.remove()


@pytest.fixture(params=["local", pytest.param("rabbit", marks=pytest.mark.rabbitmq)])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    made: Rig = LocalRig(tmp_path) if request.param == "local" else RabbitRig(request.getfixturevalue("rabbit_node"))
    yield made
    await made.remove()


@pytest.fixture
async def bus(rig: Rig) -> Bus:
    return await rig.bus()
