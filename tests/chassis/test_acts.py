"""Acts: what a transaction changed is announced with it, as the table allows, and nothing else is."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from chassis.acts import LARGEST_ACT_BYTES, MOST_CHANGES, NAMED, Acts, Deed, Recorded, audited
from chassis.errors import Conflict
from chassis.messages import Event
from chassis.mongo import Collection, Index, InsertOne, Store, Transaction, UpdateOne
from chassis.principal import ANONYMOUS, Principal, system

ANN = Principal("usr_ann", organizations={"org_a": "OWNER"})


class ActRecorded(Recorded, service="lamps", version=1):
    """Somebody did something with lamps."""


class LampLit(Event, service="lamps", version=1):
    """A lamp is lit."""


ACTS = Acts(
    ActRecorded,
    {
        "lamps": audited(
            "lamp",
            organizations="organization_id maker_id?is_sold",
            acted_by="lit_by",
            shown="organization_id maker_id is_sold name is_lit lit_at parts watts tags",
            digested="note parts.note",
            hidden="secret parts.secret",
            ignored="held parts.held",
        ),
        "rooms": audited("room", organizations=NAMED, shown="name"),
    },
    {"shelves": "not ours"},
)
LAMP: dict[str, Any] = {"_id": "lmp_1", "organization_id": "org_a", "name": "Old", "is_lit": False, "watts": 5}
Work = Callable[[Transaction], Awaitable[Any]]


@pytest.fixture
async def store(make_store: Callable[..., Store]) -> Store:
    """A store that records, with one lamp."""
    made = make_store("lamps")
    await made.ensure_indexes([Index(name, (("name", 1),)) for name in ("lamps", "rooms", "shelves", "outbox", "sequences")])
    made.record(ACTS)
    await made.reader().collection("lamps").insert_one(dict(LAMP))
    return made


async def acts(store: Store) -> list[dict[str, Any]]:
    rows = await store.reader().collection("outbox").find({"key": ActRecorded.key}, sort=[("_id", 1)])
    return [orjson.loads(row["body"]) for row in rows]


async def done(store: Store, work: Work, by: Principal = ANN) -> list[dict[str, Any]]:
    """Do something as a verb; return what is told of the changes."""
    await store.transact(by, work, deed=Deed("light"))
    told = await acts(store)
    return list(told[-1]["data"]["changes"]) if told else []


WRITES: dict[str, Work] = {
    "replace": lambda tx: tx.collection("lamps").replace_one({"_id": "lmp_1"}, {**LAMP, "name": "New"}),
    "update": lambda tx: tx.collection("lamps").update_one({"_id": "lmp_1"}, {"$set": {"name": "New"}}),
    "update by another field": lambda tx: tx.collection("lamps").update_one({"name": "Old"}, {"$set": {"name": "New"}}),
    "find and update": lambda tx: tx.collection("lamps").find_one_and_update({"_id": "lmp_1"}, {"$set": {"name": "New"}}),
    "upsert": lambda tx: tx.collection("lamps").update_one({"_id": "lmp_1"}, {"$set": {"name": "New"}}, upsert=True),
    "update many": lambda tx: tx.collection("lamps").update_many({"organization_id": "org_a"}, {"$set": {"name": "New"}}),
    "bulk": lambda tx: tx.collection("lamps").bulk_write([UpdateOne({"_id": "lmp_1"}, {"$set": {"name": "New"}})]),
}


@pytest.mark.parametrize("how", WRITES)
@pytest.mark.parametrize("is_read_before", [True, False])
async def test_however_a_thing_is_written_what_changed_is_told(store: Store, how: str, is_read_before: bool) -> None:
    async def work(tx: Transaction) -> None:
        if is_read_before:
            await tx.collection("lamps").find_one({"_id": "lmp_1"})
        await WRITES[how](tx)

    assert await done(store, work) == [
        {
            "kind": "lamp",
            "id": "lmp_1",
            "before": {"name": "Old"},
            "after": {"name": "New"},
            "organization_ids": ["org_a"],
            "left_out": 0,
        }
    ]
    (told,) = await acts(store)
    assert (told["actor"], told["organization"], told["sequence"]) == ("usr_ann", "org_a", 1)
    assert told["subject"].startswith("act_")
    assert "audience" not in told
    data = told["data"]
    assert (data["verb"], data["outcome"], data["organization_ids"], data["count"]) == ("light", "DONE", ["org_a"], 1)


async def test_what_is_new_and_what_is_gone(store: Store) -> None:
    new = {"_id": "lmp_2", "organization_id": "org_a", "name": "B", "held": 7}
    (made,) = await done(store, lambda tx: tx.collection("lamps").insert_one(dict(new)))
    assert (made["before"], made["after"]) == (None, {"organization_id": "org_a", "name": "B"})
    (upserted,) = await done(
        store, lambda tx: tx.collection("lamps").update_one({"_id": "lmp_3"}, {"$set": {"watts": 3}}, upsert=True)
    )
    assert (upserted["id"], upserted["before"], upserted["after"]) == ("lmp_3", None, {"watts": 3})
    (gone,) = await done(store, lambda tx: tx.collection("lamps").delete_one({"name": "B"}))
    assert (gone["id"], gone["before"], gone["after"]) == ("lmp_2", {"organization_id": "org_a", "name": "B"}, None)
    many = await done(store, lambda tx: tx.collection("lamps").delete_many({}))
    assert {each["id"] for each in many} == {"lmp_1", "lmp_3"}
    bulk = [InsertOne({"_id": f"lmp_{number}"}) for number in range(4, 6)]
    assert [each["id"] for each in await done(store, lambda tx: tx.collection("lamps").bulk_write(bulk))] == ["lmp_4", "lmp_5"]


async def test_what_happens_to_a_thing_in_one_transaction_is_told_as_one_change(store: Store) -> None:
    async def work(tx: Transaction) -> None:
        lamps = tx.collection("lamps")
        await lamps.update_one({"_id": "lmp_1"}, {"$set": {"name": "Between"}})
        await lamps.update_one({"_id": "lmp_1"}, {"$inc": {"watts": 2}})
        await lamps.insert_one({"_id": "lmp_2"})
        await lamps.delete_one({"_id": "lmp_2"})
        await lamps.update_one({"_id": "lmp_1"}, {"$set": {"name": "New"}})

    (told,) = await done(store, work)
    assert (told["before"], told["after"]) == ({"name": "Old", "watts": 5}, {"name": "New", "watts": 7})


async def test_what_is_as_it_was_is_no_act(store: Store) -> None:
    lamps: list[Work] = [
        lambda tx: tx.collection("lamps").replace_one({"_id": "lmp_1"}, dict(LAMP)),
        lambda tx: tx.collection("lamps").update_one({"_id": "lmp_1"}, {"$inc": {"held": 1}}),
        lambda tx: tx.collection("lamps").update_one({"_id": "lmp_9"}, {"$set": {"name": "New"}}),
        lambda tx: tx.collection("lamps").delete_many({"name": "Nobody's"}),
        lambda tx: tx.collection("shelves").insert_one({"_id": "shf_1"}),
        lambda tx: tx.collection("lamps").find({}),
    ]
    for each in lamps:
        assert await done(store, each) == []


async def test_a_verb_that_announces_is_an_act_and_a_reaction_that_only_announces_is_none(store: Store) -> None:
    async def work(tx: Transaction) -> None:
        await tx.emit(LampLit(), subject="lmp_1", organization="org_a")

    await store.transact(ANN, work, deed=Deed("light"))
    (told,) = await acts(store)
    assert (told["data"]["changes"], told["data"]["organization_ids"]) == ([], ["org_a"])
    await store.transact(system("lamps.light"), work, deed=Deed("light", cause="evt_1"))
    await store.transact(system("lamps.timer"), work)
    assert len(await acts(store)) == 1


async def test_a_consequence_names_its_cause_and_a_timer_itself(store: Store) -> None:
    await store.transact(system("lamps.dim_lamps"), WRITES["update"], deed=Deed("dim_lamps", cause="evt_1"))
    await store.transact(system("lamps.timer"), lambda tx: tx.collection("lamps").delete_one({"_id": "lmp_1"}))
    first, second = await acts(store)
    assert (first["actor"], first["data"]["verb"], first["data"]["cause"]) == ("system:lamps.dim_lamps", "dim_lamps", "evt_1")
    assert (second["actor"], second["data"]["verb"], second["data"]["cause"]) == ("system:lamps.timer", "lamps.timer", None)


async def test_nothing_is_told_of_what_was_rolled_back_and_everything_once_of_what_was_run_again(store: Store) -> None:
    class Dark(Conflict):
        """It is dark."""

    async def refused(tx: Transaction) -> None:
        await WRITES["update"](tx)
        raise Dark

    with pytest.raises(Dark):
        await store.transact(ANN, refused, deed=Deed("light"))
    assert await acts(store) == []

    async def count(tx: Transaction) -> None:
        row = await tx.collection("lamps").find_one({"_id": "lmp_1"})
        assert row is not None
        await tx.collection("lamps").update_one({"_id": "lmp_1"}, {"$set": {"watts": row["watts"] + 1}})

    await asyncio.gather(*(store.transact(ANN, count, deed=Deed("light")) for _ in range(5)))
    told = [
        (each["data"]["changes"][0]["before"]["watts"], each["data"]["changes"][0]["after"]["watts"])
        for each in await acts(store)
    ]
    assert sorted(told) == [(watts, watts + 1) for watts in range(5, 10)]


async def test_only_what_the_table_shows_is_seen(store: Store) -> None:
    part = {"id": "prt_1", "size": 2, "note": "Anna's", "secret": "hunter2", "held": 1}
    change = {
        "note": "a quiet word",
        "secret": "hunter2",
        "unheard_of": "out of the blue",
        "parts": [part],
        "lit_at": datetime(2030, 1, 1, tzinfo=UTC),
        "tags": ["a"],
        "watts": 2**60,
    }
    (told,) = await done(store, lambda tx: tx.collection("lamps").update_one({"_id": "lmp_1"}, {"$set": change}))
    after = told["after"]
    assert after["secret"] == after["parts/prt_1/secret"] == {"hidden": True}
    assert (after["parts/prt_1/size"], after["tags"], after["lit_at"]) == (2, ["a"], "2030-01-01T00:00:00.000Z")
    assert after["watts"] == str(2**60)
    digests = [after[name]["digest"] for name in ("note", "unheard_of", "parts/prt_1/note")]
    assert len(set(digests)) == 3
    assert "parts/prt_1/held" not in after
    written = orjson.dumps(await acts(store)).decode()
    for word in ("quiet", "hunter2", "blue", "Anna"):
        assert word not in written

    moved = {"parts": [{**part, "size": 3}], "note": "another word"}
    (told,) = await done(store, lambda tx: tx.collection("lamps").update_one({"_id": "lmp_1"}, {"$set": moved}))
    assert told["before"] == {"parts/prt_1/size": 2, "note": {"digest": digests[0]}}
    assert (told["after"]["parts/prt_1/size"], told["after"]["note"] != told["before"]["note"]) == (3, True)


async def test_a_digest_proves_a_value_to_this_store_alone(store: Store, make_store: Callable[..., Store]) -> None:
    async def digest_in(which: Store, note: str) -> Any:
        work: Work = lambda tx: tx.collection("lamps").replace_one({"_id": "lmp_7"}, {"_id": "lmp_7", "note": note}, upsert=True)  # noqa: E731
        return (await done(which, work))[0]["after"]["note"]

    first = await digest_in(store, "a word")
    await digest_in(store, "another")
    assert await digest_in(store, "a word") == first
    again = Store(store.client, store.name, store.clock)
    again.record(ACTS)
    await digest_in(again, "yet another")
    assert await digest_in(again, "a word") == first, "another process has the same key"
    other = make_store("lamps")
    other.record(ACTS)
    assert await digest_in(other, "a word") != first


async def test_numbers_and_sizes_are_bounded(store: Store) -> None:
    (told,) = await done(store, lambda tx: tx.collection("lamps").update_one({"_id": "lmp_1"}, {"$set": {"name": "x" * 5000}}))
    assert told["after"]["name"].keys() == {"digest", "bytes"}
    fields = {f"field_{number}": number for number in range(200)}
    (told,) = await done(store, lambda tx: tx.collection("lamps").update_one({"_id": "lmp_1"}, {"$set": fields}))
    assert len(told["after"]) + told["left_out"] == 200
    assert told["left_out"] > 0
    many = [InsertOne({"_id": f"lmp_many_{number}"}) for number in range(MOST_CHANGES + 7)]
    assert len(await done(store, lambda tx: tx.collection("lamps").bulk_write(many))) == MOST_CHANGES
    assert (await acts(store))[-1]["data"]["left_out"] == 7
    large: list[Any] = [
        InsertOne(
            {
                "_id": f"lmp_large_{number}",
                "tags": ["y" * 900],
                "parts": [{"id": str(part), "size": "z" * 900} for part in range(9)],
            }
        )
        for number in range(MOST_CHANGES)
    ]
    await done(store, lambda tx: tx.collection("lamps").bulk_write(large))
    assert len(orjson.dumps((await acts(store))[-1])) < 2 * LARGEST_ACT_BYTES
    await done(store, lambda tx: tx.collection("lamps").update_many({}, {"$set": {"note": "z"}}))
    assert (await acts(store))[-1]["data"]["left_out"] > 0


async def test_whom_it_concerns_the_thing_says_or_the_transaction(store: Store) -> None:
    sold = {"maker_id": "org_m", "is_sold": False}
    (told,) = await done(store, lambda tx: tx.collection("lamps").update_one({"_id": "lmp_1"}, {"$set": sold}))
    assert told["organization_ids"] == ["org_a"]
    (told,) = await done(store, lambda tx: tx.collection("lamps").update_one({"_id": "lmp_1"}, {"$set": {"is_sold": True}}))
    assert told["organization_ids"] == ["org_a", "org_m"]
    (told,) = await done(
        store, lambda tx: tx.collection("lamps").update_one({"_id": "lmp_1"}, {"$set": {"organization_id": "org_b"}})
    )
    assert told["organization_ids"] == ["org_a", "org_m", "org_b"]

    async def furnish(tx: Transaction) -> None:
        tx.concerns("org_r")
        await tx.collection("rooms").insert_one({"_id": "room_1", "name": "Hall"})

    (told,) = await done(store, furnish)
    assert told["organization_ids"] == ["org_r"]


async def test_who_was_not_signed_in_yet_is_named_by_what_they_did(store: Store) -> None:
    lit = {"$set": {"lit_by": "usr_ben", "is_lit": True}}
    await done(store, lambda tx: tx.collection("lamps").update_one({"_id": "lmp_1"}, lit), by=ANONYMOUS)
    assert (await acts(store))[-1]["actor"] == "usr_ben"


async def test_a_store_that_does_not_record_is_as_it_was(make_store: Callable[..., Store]) -> None:
    store = make_store("lamps")
    await store.transact(ANN, lambda tx: tx.collection("lamps").insert_one(dict(LAMP)), deed=Deed("light"))
    await store.transact(ANN, WRITES["update"], deed=Deed("light"))
    assert await acts(store) == []


async def test_where_nothing_is_audited_recording_does_nothing(store: Store) -> None:
    async def work(tx: Transaction) -> None:
        shelves = tx.collection("shelves")
        assert type(shelves) is Collection, "it notes nothing, so it reads nothing more"
        await shelves.update_one({"_id": "shf_1"}, {"$inc": {"lamps": 1}}, upsert=True)
        await shelves.delete_many({"lamps": 1})

    await store.transact(system("lamps.count_lamps"), work, deed=Deed("count_lamps", cause="evt_1"))
    await store.transact(system("lamps.count_lamps"), work)
    assert await acts(store) == []
