"""Refusals are recorded: the first at once, the others within a minute as one number, bounded, and never in the way."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from chassis import tallying
from chassis.acts import Acts, Outcome, Recorded
from chassis.calls import AsgiCaller, Call
from chassis.clock import FixedClock
from chassis.errors import Conflict, Invalid, NotFound, Unauthenticated
from chassis.mongo import Index, Store, connect
from chassis.principal import ANONYMOUS, Principal
from chassis.tallying import TOLD_EVERY, Tally, What
from chassis.web import Asked, Edge, Routes, service_app
from tests.passports import make_passport, make_verifier, make_visitor_passport


class ActRecorded(Recorded, service="gates", version=1):
    """Somebody came to a gate."""


class Closed(Conflict):
    """The gate is closed."""


class WrongWord(Unauthenticated):
    """This is not the word."""


ID = f"gat_{'0' * 26}"


@dataclass
class Gates:
    """A small service that refuses."""

    store: Store
    clock: FixedClock
    edge: Edge
    keys: Path

    async def ask(self, verb: str, passport: str | None = None, **body: Any) -> int:
        caller = AsgiCaller({"gates": service_app("gates", self.routes(), self.ready)})
        headers = {"portico-passport": passport or make_visitor_passport(self.keys), "x-request-id": "request-of-mine"}
        answer = await caller.call(Call("gates", f"/do/{verb}", orjson.dumps(body), headers))
        await self.edge.tally.settle()
        return answer.status

    def routes(self) -> Any:
        async def enter(asked: Asked) -> Any:
            asked.principal.require("ENTER", asked.body["organization_id"])

        async def say(_asked: Asked) -> Any:
            raise WrongWord

        async def stumble(asked: Asked) -> Any:
            raise {"closed": Closed, "odd": Invalid, "nothing": NotFound}[asked.body["how"]]

        routes = Routes(self.edge)
        for each in (enter, say, stumble):
            routes.do(each.__name__, each)
        return routes.collected

    async def ready(self) -> dict[str, bool]:
        return {}

    async def told(self) -> list[dict[str, Any]]:
        await self.edge.tally.settle()
        rows = await self.store.reader().collection("outbox").find({}, sort=[("_id", 1)])
        return [orjson.loads(row["body"]) for row in rows]


@pytest.fixture
async def gates(make_store: Callable[..., Store], tmp_path: Path) -> Gates:
    clock = FixedClock()
    store = make_store("gates", clock)
    await store.ensure_indexes([Index("outbox", (("sent_at", 1),))])
    store.record(Acts(ActRecorded, {}))
    return Gates(store, clock, Edge(store, make_verifier(tmp_path)), tmp_path)


async def test_each_kind_of_refusal_for_want_of_authority_is_told(gates: Gates) -> None:
    member = make_passport(gates.keys, "usr_ann", organizations={"org_a": "OBSERVER"})
    assert await gates.ask("enter", member, organization_id="org_a", gate_id=ID) == 403
    assert await gates.ask("enter", member, organization_id="org_b", gate_id=ID, token=f"tok_{'a' * 26}") == 404
    assert await gates.ask("enter", organization_id="org_b") == 401
    assert await gates.ask("say") == 401
    assert await gates.ask("stumble", how="nothing", gate_id="no id at all", note_id=7) == 404
    told = await gates.told()
    assert [
        (each.get("actor"), each["data"]["verb"], each["data"]["code"], each["data"]["organization_ids"]) for each in told
    ] == [
        ("usr_ann", "enter", "ROLE_NOT_ALLOWED", ["org_a"]),
        ("usr_ann", "enter", "NOT_FOUND", ["org_b"]),
        (None, "enter", "SIGN_IN_FIRST", ["org_b"]),
        (None, "say", "WRONG_WORD", []),
        (None, "stumble", "NOT_FOUND", []),
    ]
    assert {each["data"]["outcome"] for each in told} == {"DENIED"}
    assert {each["data"]["request_id"] for each in told} == {"request-of-mine"}
    assert [each.get("organization") for each in told] == ["org_a", None, None, None, None]
    things = [[(each["kind"], each["id"], each["before"], each["after"]) for each in one["data"]["changes"]] for one in told]
    assert things[1] == [("organization", "org_b", None, None), ("gate", ID, None, None)]
    assert things[4] == []


async def test_what_is_refused_for_another_reason_is_no_denial(gates: Gates) -> None:
    assert await gates.ask("stumble", how="closed") == 409
    assert await gates.ask("stumble", how="odd") == 422
    assert await gates.ask("say", passport="forged") == 401
    assert await gates.told() == []


async def test_a_flood_is_one_number_a_minute(gates: Gates) -> None:
    for _ in range(50):
        await gates.ask("say")
    assert [each["data"]["count"] for each in await gates.told()] == [1]
    gates.clock.advance(TOLD_EVERY - timedelta(seconds=1))
    await gates.ask("say")
    await gates.edge.tally.look()
    assert len(await gates.told()) == 1
    gates.clock.advance(timedelta(seconds=1))
    await gates.edge.tally.look()
    assert [each["data"]["count"] for each in await gates.told()] == [1, 50]
    gates.clock.advance(TOLD_EVERY)
    await gates.edge.tally.look()
    await gates.ask("say")
    assert [each["data"]["count"] for each in await gates.told()] == [1, 50, 1]


async def test_what_waits_is_told_at_the_end(gates: Gates) -> None:
    for _ in range(3):
        await gates.ask("say")
    await gates.edge.tally.close()
    assert [each["data"]["count"] for each in await gates.told()] == [1, 2]


async def test_who_tries_everywhere_is_counted_without_the_places(gates: Gates) -> None:
    ann = Principal("usr_ann")
    for number in range(200):
        gates.edge.tally.count(ann, What("usr_ann", "enter", Outcome.DENIED, "NOT_FOUND", f"org_{number}"), {})
        await gates.edge.tally.settle()
    told = await gates.told()
    assert len(told) == tallying.MOST_PLACES_OF_ONE + 1
    gates.clock.advance(TOLD_EVERY)
    await gates.edge.tally.look()
    assert sum(each["data"]["count"] for each in await gates.told()) == 200


async def test_memory_is_bounded_whoever_comes(gates: Gates) -> None:
    tally = Tally(gates.store)
    for number in range(tallying.MOST_COUNTED + 500):
        tally.count(Principal(f"usr_{number}"), What(f"usr_{number}", "enter", Outcome.DENIED, "NOT_FOUND", None), {})
    assert len(tally._counts) <= tallying.MOST_COUNTED + 1
    await tally.settle()
    assert len(await gates.told()) < 100, "the first are told, the others wait for their minute"


async def test_a_database_that_does_not_answer_is_in_nobodys_way(gates: Gates) -> None:
    nowhere = connect("mongodb://127.0.0.1:9/", timeout_seconds=0.05)
    away = Store(nowhere, "away", gates.clock)
    away.record(Acts(ActRecorded, {}))
    gates.edge.tally = tally = Tally(away)
    assert await gates.ask("say") == 401
    nowhere.close()
    away.client = gates.store.client
    away.name = gates.store.name
    gates.clock.advance(TOLD_EVERY)
    await tally.look()
    assert [each["data"]["count"] for each in await gates.told()] == [1], "it is told as soon as that can be"


async def test_without_a_recorder_nothing_is_counted(make_store: Callable[..., Store]) -> None:
    tally = Tally(make_store())
    tally.count(ANONYMOUS, What(None, "say", Outcome.DENIED, "WRONG_WORD", None), {})
    await tally.close()
