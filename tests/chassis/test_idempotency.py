"""Idempotency keys at a service's edge: done at most once, answered the same, and nothing told to anybody else."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from chassis import idempotency
from chassis.calls import Answer, AsgiCaller, Call
from chassis.clock import FixedClock
from chassis.errors import Conflict
from chassis.mongo import Index, Store, Transaction
from chassis.web import Asked, Edge, Routes, service_app
from tests.passports import make_passport, make_verifier, make_visitor_passport

KEY = "6f1c1d9e-made-up-once"
INDEXES = [Index("lamps", (("name", 1),)), Index("switches", (("name", 1),)), *idempotency.INDEXES]


class LampIsOut(Conflict):
    """The lamp is out."""


@dataclass
class Lamps:
    """What the handlers of a small service do: as the body says, or as the test has set it up."""

    store: Store
    runs: Counter[str] = field(default_factory=Counter)
    may_commit: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    has_committed: asyncio.Event = field(default_factory=asyncio.Event)
    turned: asyncio.Condition = field(default_factory=asyncio.Condition)
    fails: bool = False

    def __post_init__(self) -> None:
        self.may_commit.set()
        self.may_answer.set()

    async def light(self, asked: Asked) -> Any:
        """Make a lamp with a secret: one transaction, with work before and after it."""
        await self._note("begun")
        made = await asked.transact(lambda tx: self._make(tx, asked.body))
        self.has_committed.set()
        await self.may_answer.wait()
        if self.fails:
            raise RuntimeError("the process was about to die")
        if asked.body.get("refused_late"):
            raise LampIsOut
        return made | {"filling": "x" * asked.body.get("filling", 0)}

    async def _note(self, what: str) -> None:
        async with self.turned:
            self.runs[what] += 1
            self.turned.notify_all()

    async def _make(self, tx: Transaction, body: dict[str, Any]) -> dict[str, Any]:
        await self._note("transactions")
        made = {"_id": secrets.token_hex(8), "name": body["name"]}
        await tx.collection("lamps").insert_one(made)
        await self.may_commit.wait()
        if body.get("refused"):
            raise LampIsOut
        return {"id": made["_id"], "secret": f"lit-{secrets.token_hex(16)}"}

    async def light_both(self, asked: Asked) -> Any:
        """Open two transactions, one after the other."""
        lamp = await asked.transact(lambda tx: self._make(tx, asked.body))
        switch = {"_id": lamp["id"], "name": asked.body["name"]}
        await asked.transact(lambda tx: tx.collection("switches").insert_one(switch))
        return lamp

    async def look(self, asked: Asked) -> Any:
        """Open no transaction."""
        self.runs["looked"] += 1
        return {"times": self.runs["looked"], "asker": asked.principal.id}

    def edge(self, keys: Path, wait_seconds: float = 10.0) -> Any:
        """Return the service's application, as one of the processes that run it has it."""
        routes = Routes(Edge(self.store, make_verifier(keys), wait_seconds=wait_seconds))
        routes.do("light", self.light)
        routes.do("light_both", self.light_both)
        routes.do("light_unkeyed", self.light, without_keys="a lamp of this kind may be lit twice")
        routes.do("look", self.look)

        async def ready() -> dict[str, bool]:
            return {}

        return service_app("lamps", routes.collected, ready)


@dataclass
class House:
    """The service in one or several processes, and people who ask it."""

    lamps: Lamps
    keys: Path
    apps: list[Any]

    async def ask(self, verb: str = "light", *, key: str | None = KEY, by: str | None = "usr_ann", **more: Any) -> Answer:
        app = self.apps[more.pop("process", 0)]
        passport = make_passport(self.keys, by) if by else make_visitor_passport(self.keys)
        headers = {"portico-passport": passport} | ({idempotency.HEADER: key} if key else {})
        body = orjson.dumps({"name": "a", **more})
        return await AsgiCaller({"lamps": app}).call(Call("lamps", f"/do/{verb}", body, headers, timeout_seconds=60))

    async def kept(self, collection: str = "lamps") -> list[dict[str, Any]]:
        return await self.lamps.store.reader().collection(collection).find({})


def code_of(answer: Answer) -> str:
    return str(orjson.loads(answer.body)["code"])


def is_replayed(answer: Answer) -> bool:
    return answer.headers.get("idempotency-replayed") == "true"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def house(make_store: Callable[..., Store], tmp_path: Path, clock: FixedClock) -> House:
    lamps = Lamps(make_store("lamps", clock))
    await lamps.store.ensure_indexes(INDEXES)
    return House(lamps, tmp_path, [lamps.edge(tmp_path), lamps.edge(tmp_path)])


async def test_asked_again_it_is_answered_the_same_and_done_once(house: House) -> None:
    first, second = await house.ask(), await house.ask(process=1)
    assert first.status == 200
    assert (second.status, second.body) == (first.status, first.body)
    assert second.headers["content-type"] == first.headers["content-type"]
    assert (is_replayed(first), is_replayed(second)) == (False, True)
    assert len(await house.kept()) == 1
    assert house.lamps.runs["begun"] == 1, "work before the transaction is not done again either"


async def test_without_a_key_it_is_done_each_time(house: House) -> None:
    await house.ask(key=None)
    await house.ask(key=None)
    assert len(await house.kept()) == 2
    assert await house.kept("idempotency_markers") == []


@pytest.mark.parametrize("processes", [1, 2])
async def test_many_at_once_are_one(house: House, processes: int) -> None:
    answers = await asyncio.gather(*(house.ask(process=number % processes) for number in range(12)))
    assert {(each.status, each.body) for each in answers} == {(200, answers[0].body)}
    assert [is_replayed(each) for each in answers].count(False) == 1
    assert len(await house.kept()) == 1


async def test_the_second_finds_the_first_at_its_commit(house: House) -> None:
    """Two processes are both within their transactions: one of them gives way and answers with the other's answer."""
    house.lamps.may_commit.clear()
    asked = [asyncio.create_task(house.ask(process=process)) for process in (0, 1)]
    async with house.lamps.turned:
        await house.lamps.turned.wait_for(lambda: house.lamps.runs["begun"] == 2 and house.lamps.runs["transactions"] > 0)
    house.lamps.may_commit.set()
    first, second = await asyncio.gather(*asked)
    assert (first.status, first.body) == (200, second.body)
    assert {is_replayed(first), is_replayed(second)} == {True, False}
    assert len(await house.kept()) == 1


@pytest.mark.parametrize("changed", [{"name": "b"}, {"more": None}, {"filling": 1}])
async def test_another_input_under_the_same_key_is_refused(house: House, changed: dict[str, Any]) -> None:
    await house.ask()
    other = await house.ask(**changed)
    assert (other.status, code_of(other)) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert "new key" in orjson.loads(other.body)["detail"]
    assert len(await house.kept()) == 1


async def test_whence_the_request_comes_is_no_part_of_its_input(house: House) -> None:
    first = await house.ask(network_address="192.0.2.1", user_agent="one")
    second = await house.ask(network_address="192.0.2.2")
    assert (is_replayed(second), second.body) == (True, first.body)


@pytest.mark.parametrize("other", [{"by": "usr_bob"}, {"key": "6f1c1d9e-made-up-twice"}, {"verb": "light_both"}])
async def test_people_keys_and_verbs_do_not_meet(house: House, other: dict[str, Any]) -> None:
    first, second = await house.ask(), await house.ask(**other)
    assert (second.status, is_replayed(second)) == (200, False)
    assert first.body != second.body
    assert len(await house.kept()) == 2


async def test_a_replay_needs_a_passport_as_anything_does(house: House) -> None:
    await house.ask()
    call = Call("lamps", "/do/light", b'{"name":"a"}', {idempotency.HEADER: KEY})
    answer = await AsgiCaller({"lamps": house.apps[0]}).call(call)
    assert (answer.status, code_of(answer)) == (401, "PASSPORT_MISSING")


async def test_a_refusal_is_not_remembered(house: House) -> None:
    refused = await house.ask(refused=True)
    assert (refused.status, code_of(refused)) == (409, "LAMP_IS_OUT")
    assert await house.kept("idempotency_markers") == []
    again = await house.ask()
    assert (again.status, is_replayed(again)) == (200, False)
    assert house.lamps.runs["transactions"] == 2


async def test_a_refusal_after_something_was_done_is_the_answer(house: House) -> None:
    first, second = await house.ask(refused_late=True), await house.ask(refused_late=True)
    assert (first.status, code_of(first)) == (409, "LAMP_IS_OUT")
    assert (second.status, second.body, is_replayed(second)) == (409, first.body, True)
    assert second.headers["content-type"] == "application/problem+json"
    assert len(await house.kept()) == 1


async def test_what_failed_after_its_commit_is_done_already(house: House) -> None:
    house.lamps.fails = True
    assert (await house.ask()).status == 500
    house.lamps.fails = False
    for process in (0, 1):
        again = await house.ask(process=process)
        assert (again.status, code_of(again)) == (409, "DONE_ALREADY")
        assert "2030-01-01T00:00:00Z" in orjson.loads(again.body)["detail"]
    assert len(await house.kept()) == 1


async def test_what_failed_before_its_commit_runs_again(house: House) -> None:
    assert (await house.ask(name={"$bad": 1}, refused=True)).status == 409
    assert (await house.ask(name={"$bad": 1})).status == 200


async def test_another_input_is_refused_also_where_the_answer_is_lost(house: House) -> None:
    house.lamps.fails = True
    await house.ask()
    assert code_of(await house.ask(name="b")) == "IDEMPOTENCY_KEY_REUSED"


async def test_what_is_being_done_is_in_progress(house: House, clock: FixedClock) -> None:
    """A second asker waits for a moment: for a run of its own process, and for one of another."""
    impatient = [house.lamps.edge(house.keys, wait_seconds=0.05) for _ in range(2)]
    house.apps += impatient
    house.lamps.may_answer.clear()
    first = asyncio.create_task(house.ask(process=2))
    await house.lamps.has_committed.wait()
    for process in (2, 3):
        second = await house.ask(process=process)
        assert (second.status, code_of(second)) == (409, "IDEMPOTENCY_IN_PROGRESS")
        assert orjson.loads(second.body)["retry_after_seconds"] == 5
    patient = asyncio.create_task(house.ask(process=0))
    house.lamps.may_answer.set()
    assert (await patient).body == (await first).body
    assert house.lamps.runs["begun"] == 1


async def test_after_a_sudden_end_it_is_done_already_once_nobody_can_be_at_it(house: House, clock: FixedClock) -> None:
    """The process died between its commit and keeping the answer: there is a marker, and nobody who will ever complete it."""
    await house.ask()
    markers = house.lamps.store.reader().collection("idempotency_markers")
    await markers.update_one({}, {"$unset": {"answer": 1}})
    house.apps.append(house.lamps.edge(house.keys, wait_seconds=0.05))
    assert code_of(await house.ask(process=2)) == "IDEMPOTENCY_IN_PROGRESS"
    clock.advance(timedelta(minutes=2))
    assert code_of(await house.ask()) == "DONE_ALREADY"
    assert len(await house.kept()) == 1


async def test_whoever_goes_away_finds_the_answer_when_they_come_back(house: House) -> None:
    house.lamps.may_answer.clear()
    gone = asyncio.create_task(house.ask())
    await house.lamps.has_committed.wait()
    gone.cancel()
    await asyncio.wait({gone})
    house.lamps.may_answer.set()
    again = await house.ask()
    assert (again.status, is_replayed(again)) == (200, True)
    assert house.lamps.runs["begun"] == 1


async def test_the_deadline_of_a_call_breaks_nothing_off_under_a_key(house: House) -> None:
    house.lamps.may_answer.clear()
    headers = {"portico-passport": make_passport(house.keys, "usr_ann"), idempotency.HEADER: KEY}
    late = asyncio.create_task(
        AsgiCaller({"lamps": house.apps[0]}).call(Call("lamps", "/do/light", b'{"name":"a"}', headers, timeout_seconds=0.2))
    )
    await asyncio.wait({late})
    assert late.exception() is not None
    await house.lamps.has_committed.wait()
    house.lamps.may_answer.set()
    assert (await house.ask()).status == 200
    assert house.lamps.runs["begun"] == 1


async def test_several_transactions_have_one_marker(house: House) -> None:
    first, second = await house.ask("light_both"), await house.ask("light_both")
    assert (first.status, second.body) == (200, first.body)
    assert (len(await house.kept()), len(await house.kept("switches"))) == (1, 1)
    assert len(await house.kept("idempotency_markers")) == 1


async def test_what_changes_nothing_is_asked_anew(house: House) -> None:
    first, second = await house.ask("look"), await house.ask("look")
    assert [orjson.loads(each.body)["result"]["times"] for each in (first, second)] == [1, 2]
    assert not is_replayed(second)


async def test_a_verb_without_keys_and_nobody_ignore_them(house: House) -> None:
    for asked in ({"verb": "light_unkeyed"}, {"by": None}):
        first, second = await house.ask(**asked), await house.ask(**asked)
        assert (first.status, is_replayed(second)) == (200, False)
        assert first.body != second.body
    assert await house.kept("idempotency_markers") == []


async def test_an_answer_that_is_too_large_is_not_kept(house: House) -> None:
    assert (await house.ask(filling=idempotency.LARGEST_ANSWER_BYTES)).status == 200
    assert code_of(await house.ask(filling=idempotency.LARGEST_ANSWER_BYTES)) == "DONE_ALREADY"


async def test_nobody_fills_the_database_with_keys(house: House, clock: FixedClock) -> None:
    await house.ask()
    hours = house.lamps.store.reader().collection("idempotency_hours")
    await hours.update_one({}, {"$set": {"keys": idempotency.MOST_KEYS_AN_HOUR}})
    refused = await house.ask(key="another-key-of-this-hour")
    assert (refused.status, code_of(refused)) == (429, "TOO_MANY_IDEMPOTENCY_KEYS")
    assert orjson.loads(refused.body)["retry_after_seconds"] == 3600
    assert is_replayed(await house.ask()), "what is kept may be asked for"
    assert (await house.ask(key="another-key-of-this-hour", by="usr_bob")).status == 200
    clock.advance(timedelta(hours=1))
    assert (await house.ask(key="another-key-of-this-hour")).status == 200


async def test_nobody_fills_the_database_with_answers(house: House) -> None:
    await house.ask()
    hours = house.lamps.store.reader().collection("idempotency_hours")
    (hour,) = await hours.find({})
    assert hour["bytes"] > 0
    await hours.update_one({}, {"$set": {"bytes": idempotency.MOST_BYTES_AN_HOUR}})
    assert (await house.ask(key="another-key-of-this-hour")).status == 200
    assert code_of(await house.ask(key="another-key-of-this-hour")) == "DONE_ALREADY"


async def test_what_is_kept_tells_nothing_to_whoever_reads_the_database(house: House) -> None:
    secret = orjson.loads((await house.ask()).body)["result"]["secret"]
    found = str([await house.kept(each) for each in ("idempotency_markers", "idempotency_hours")])
    for word in (secret, KEY, "usr_ann"):
        assert word not in found
    (marker,) = await house.kept("idempotency_markers")
    assert set(marker) == {"_id", "attempt", "fingerprint", "done_at", "answer"}


async def test_an_answer_opens_only_where_it_was_kept(house: House) -> None:
    await house.ask()
    await house.ask(key="6f1c1d9e-made-up-twice", name="b")
    first, second = await house.kept("idempotency_markers")
    markers = house.lamps.store.reader().collection("idempotency_markers")
    await markers.update_one({"_id": first["_id"]}, {"$set": {"answer": second["answer"]}})
    await markers.update_one({"_id": second["_id"]}, {"$set": {"answer": first["answer"]}})
    assert code_of(await house.ask()) == "DONE_ALREADY"


async def test_markers_end_after_a_day(house: House) -> None:
    found = await house.lamps.store.database["idempotency_markers"].index_information()
    assert found["done_at_1"]["expireAfterSeconds"] == 24 * 3600
