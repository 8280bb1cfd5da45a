"""kill -9 of the one process while calls run: after a restart no acknowledged change is lost and usage is still exact."""

import asyncio
import os
import signal

import pytest

from tests.journeys.running import client, new_platform
from tests.journeys.survivor import APPLICATION, Survivor

pytestmark = pytest.mark.processes


async def test_nothing_acknowledged_is_lost_and_usage_stays_exact(tmp_path_factory: pytest.TempPathFactory) -> None:
    platform = new_platform(tmp_path_factory.mktemp("death"))
    survivor = Survivor(platform)
    await platform.start()

    async def death() -> None:
        """The shipper dies and is started again; then everything dies."""
        await asyncio.sleep(0.7)
        os.kill(platform.child("portico", "ship"), signal.SIGKILL)
        await asyncio.sleep(0.8)
        await platform.kill()

    async with client() as http:
        await survivor.work_during(http, await survivor.subscribe(http), death)
    assert "The shipper" in platform.output.read_text()  # that it died, and is started again
    assert survivor.answered["200"] > 20
    assert survivor.renamed_to > 0

    await platform.start()
    async with client() as http:
        graph = survivor.graph(http)
        await graph.sign_in(survivor.email, survivor.password)
        kept = (await graph.ask(APPLICATION, id=survivor.application["id"]))["application"]
        # The change that was under way may have been committed without its answer having arrived.
        assert kept["name"] in (f"Survivor {survivor.renamed_to}", f"Survivor {survivor.renamed_to + 1}")
        assert [each["status"] for each in kept["subscriptions"]["nodes"]] == ["ACTIVE"]

        token = await survivor.token(http)
        for _ in range(5):
            await survivor.call(http, token)
        completeness, counted = await survivor.usage(graph)
    said = f"answered {dict(survivor.answered)}, unanswered {survivor.unanswered}, counted {counted}"
    assert completeness == 1
    assert survivor.is_counted_in(counted), said
    # Calls whose answer never reached the client may have been counted as what the data plane answered.
    assert sum(counted.values()) - survivor.answered.total() <= survivor.unanswered, said
    await platform.stop()
