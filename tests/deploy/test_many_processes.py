"""The same journey with every service and the gateway as its own process over a real RabbitMQ."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from portico import serve
from portico.journeys.procedure_a import walk_procedure_a
from portico.journeys.standard import walk
from tests.journeys.running import client
from tests.journeys.survivor import Survivor
from tests.many_processes import ManyProcesses, many_processes
from tests.rabbit_node import RabbitNode, why_missing

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.processes,
    pytest.mark.skipif(why_missing() is not None, reason=why_missing() or ""),
]


@pytest.fixture(scope="module")
async def running(mongo_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ManyProcesses]:
    folder: Path = tmp_path_factory.mktemp("many")
    node = RabbitNode()
    try:
        node.start()
        async with many_processes(folder, mongo_url, node.url) as platform:
            yield platform
    finally:
        node.remove()


async def test_every_part_is_a_process_of_its_own_and_ready(running: ManyProcesses) -> None:
    assert {*serve.PARTS, "proxy", "shipper"} == set(running.children)
    assert len({child.pid for child in running.children.values()}) == len(running.children)
    async with httpx.AsyncClient() as http:
        answer = (await http.get(f"{running.gateway}/health/ready")).json()
    assert answer["status"] == "ready", answer


async def test_the_journey_ends_well(running: ManyProcesses) -> None:
    await walk(running.place)


async def test_procedure_a_ends_well(running: ManyProcesses) -> None:
    await walk_procedure_a(running.place)


async def test_usage_is_exact_although_the_shipper_is_killed_while_calls_run(running: ManyProcesses) -> None:
    survivor = Survivor(running)

    async def trouble() -> None:
        for _ in range(3):
            await running.kill("shipper")

    async with client() as http:
        graph = await survivor.subscribe(http)
        await survivor.work_during(http, graph, trouble)
        completeness, counted = await survivor.usage(graph)
    said = f"answered {dict(survivor.answered)}, unanswered {survivor.unanswered}, counted {counted}"
    assert completeness == 1
    assert counted == dict(survivor.answered), said
    assert survivor.unanswered == 0, said


async def test_the_journey_ends_well_after_every_service_was_killed(running: ManyProcesses) -> None:
    for part in (*serve.PARTS, "shipper"):
        await running.kill(part)
    await walk(running.place)
