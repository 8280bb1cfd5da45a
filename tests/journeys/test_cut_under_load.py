"""A subscription is cut in the graph while its application calls: the first refusal, the acknowledgement, and nothing after it.

Everything is seen from outside: calls go through proxies, and what is in force is asked in the graph. First with one instance
of enforcement, then with three, one of which stands still for twenty seconds.
"""

import asyncio
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from portico.foreign import Graph
from portico.journeys.traveller import Place
from tests.journeys.cutting import PATIENCE_SECONDS, USAGE, Cut, Subscriber
from tests.journeys.running import new_platform
from tests.many_processes import many_processes
from tests.rabbit_node import RabbitNode, why_missing

pytestmark = pytest.mark.processes
FROZEN_SECONDS = 20.0
FRESH_SECONDS = 5


async def subscriber(http: httpx.AsyncClient, place: Place) -> Subscriber:
    made = Subscriber(place, Graph(http, f"{place.gateway}/graphql"))
    await made.subscribe(http)
    return made


def _prove(made: Subscriber, cut: Cut) -> None:
    """What callers saw agrees with what the graph says, for each of them."""
    assert cut.sent <= cut.since <= cut.heard + 0.001
    for number, caller in enumerate(made.callers):
        # Nothing that was sent after the acknowledged moment passed, and nothing was refused before anybody had asked for it.
        assert caller.passed_after(cut.since) == [], number
        assert caller.first_refusal() > cut.sent, number


async def _until_counted(made: Subscriber) -> None:
    """Usage has exactly the calls that the callers know of, each as it was answered."""
    began = (datetime.now(UTC) - timedelta(minutes=10)).isoformat()
    wanted = {("NONE" if key == "PASSED" else key): calls for key, calls in made.counted().items()}
    seen: dict[str, Any] = {}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while seen != wanted:
            until = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
            asked = {"from": began, "to": until, "groupBy": "REJECTION"}
            report = (await made.graph.ask(USAGE, id=made.ids["application"], input=asked))["application"]["usage"]
            seen = {each["key"]: each["calls"] for each in report["groups"]}
            await asyncio.sleep(0.1)


async def test_a_cut_is_seen_by_its_first_refusal_acknowledged_and_final(tmp_path: Path) -> None:
    platform = new_platform(tmp_path)
    await platform.start()
    try:
        async with httpx.AsyncClient(timeout=20) as http:
            made = await subscriber(http, platform.place)
            await made.call(platform.place.data_plane, platform.place.data_plane, platform.place.data_plane)
            begun = await made.in_force("ACTIVE")
            cut = await made.cut()
            await made.until("NOT_SUBSCRIBED")
            await made.stop()
            _prove(made, cut)
            assert cut.told["epoch"] > begun["epoch"]
            assert (cut.told["applied"], cut.told["instances"], cut.told["pending"]) == (1, 1, [])
            # Its own bound: how late the instance was, told with the acknowledgement.
            assert 0 <= cut.told["worstLagMs"] <= (cut.since - cut.sent) * 1000 + 2
            assert made.counted().keys() == {"PASSED", "NOT_SUBSCRIBED"}
            await _until_counted(made)
    finally:
        await platform.stop()


@pytest.mark.rabbitmq
@pytest.mark.skipif(why_missing() is not None, reason=why_missing() or "")
async def test_so_it_is_with_three_instances_one_of_which_stands_still(mongo_url: str, tmp_path: Path) -> None:
    node = RabbitNode()
    try:
        node.start()
        settings = {"PORTICO_ENFORCEMENT_FRESH_SECONDS": str(FRESH_SECONDS)}
        async with many_processes(tmp_path, mongo_url, node.url, **settings) as platform, httpx.AsyncClient(timeout=20) as http:
            pairs = [await platform.start_another_pair() for _ in range(2)]
            made = await subscriber(http, platform.place)
            await made.call(platform.data_plane, *(url for _, url in pairs))
            begun = await made.in_force("ACTIVE")
            assert begun["instances"] == 3
            frozen = platform.children[pairs[0][0]].pid
            os.kill(frozen, signal.SIGSTOP)
            frozen_at = time.time()
            try:
                cut = await made.cut()
                assert cut.heard < frozen_at + FROZEN_SECONDS, "one that stands still held it up for longer than it could do harm"
                await asyncio.sleep(max(frozen_at + FROZEN_SECONDS - time.time(), 0))
            finally:
                os.kill(frozen, signal.SIGCONT)
            await made.until("NOT_SUBSCRIBED")
            await made.stop()
            _prove(made, cut)
            assert (cut.told["instances"], cut.told["pending"], cut.told["epoch"] > begun["epoch"]) == (2, [], True)
            # The one that stood still let nothing through either, then or when it went on.
            assert made.callers[1].passed_after(frozen_at + 1) == []
            everything = await _epochs(made, platform.place)
            assert len(everything) == 3
            assert all(each["epoch"] >= cut.told["epoch"] for each in everything)
    finally:
        node.remove()


async def _epochs(made: Subscriber, place: Place) -> list[dict[str, Any]]:
    """Wait, as the operator, until every instance is fresh; return how far each is."""
    operator = Graph(made.graph._http, f"{place.gateway}/graphql")
    assert place.operator_email
    assert place.operator_password
    await operator.sign_in(place.operator_email, place.operator_password)
    text = "{ operator { enforcement { instances { id epoch isFresh } } } }"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found: list[dict[str, Any]] = (await operator.ask(text))["operator"]["enforcement"]["instances"]
            if all(each["isFresh"] for each in found):
                return found
            await asyncio.sleep(0.1)
