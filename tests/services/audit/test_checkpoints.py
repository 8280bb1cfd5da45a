"""Checkpoints of the real service: signed once, by whoever is there, over all that was recorded; and exports of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import jsonschema
import pytest

from chassis.clock import FixedClock
from chassis.mongo import Store
from portico.audit_proof import CHECKPOINTS, Report, Verifier, read_keys, read_outside
from portico.keys import rotate_keys
from services.audit.checkpoints import actions
from services.audit.checkpoints.actions import Notary, fix
from services.audit.checkpoints.signing import SigningKey, SigningKeyMissing
from services.audit.exports.actions import Exporter, NothingRecorded
from services.audit.exports.schema import LINE
from tests.services.audit.exported import first_faults
from tests.services.audit.recording import record
from tests.services.stage import Stage


def key_of(stage: Stage) -> SigningKey:
    return SigningKey(stage.keys)


def notary_of(stage: Stage, *, store: Store | None = None, at_most_entries: int = 1000) -> Notary:
    return Notary(store or stage.service.store, key_of(stage), every_seconds=300, at_most_entries=at_most_entries)


async def exported(stage: Stage, organization_id: str | None = None) -> list[bytes]:
    exporter = Exporter(stage.service.store, notary_of(stage), key_of(stage))
    return [line async for line in exporter.lines(organization_id)]


def verified(stage: Stage, lines: list[bytes], held: bytes = b"") -> Report:
    keys = read_keys((stage.keys / "audit.public.json").read_bytes())
    verifier = Verifier(keys, read_outside(held, keys))
    for line in lines:
        verifier.take(line)
    return verifier.end()


async def announced(stage: Stage) -> list[dict[str, Any]]:
    return [each for each in await stage.announced() if each["type"] == "portico.audit.checkpoint_signed.v1"]


async def test_a_checkpoint_is_due_after_some_time_or_after_so_many_entries(stage: Stage, clock: FixedClock) -> None:
    notary = notary_of(stage, at_most_entries=5)
    await notary.cover_what_is_due()
    assert await announced(stage) == []
    await record(stage, clock, 1, "org_a")
    await notary.cover_what_is_due()
    assert [each["data"]["number"] for each in await announced(stage)] == [1]
    await record(stage, clock, 4, "org_a", start=1)
    await notary.cover_what_is_due()
    assert len(await announced(stage)) == 1
    await record(stage, clock, 1, "org_b", start=5)
    await notary.cover_what_is_due()
    heads = (await announced(stage))[-1]["data"]["heads"]
    assert [(each["chain"], each["number"]) for each in heads] == [("org_a", 5), ("org_b", 1)]
    await record(stage, clock, 1, "org_b", start=6)
    for seconds, count in ((299, 2), (1, 3), (1000, 3)):
        clock.advance(timedelta(seconds=seconds))
        await notary.cover_what_is_due()
        assert len(await announced(stage)) == count
    # On demand it is made although nothing has happened: so one can say until when nothing has.
    assert (await notary.cover_everything()).heads == ()


async def test_many_that_sign_at_once_make_one_chain(stage: Stage, clock: FixedClock) -> None:
    notaries = [notary_of(stage, store=Store(stage.service.store.client, stage.service.store.name, clock)) for _ in range(4)]
    for round_ in range(3):
        await record(stage, clock, 3, "org_a", "org_b", start=10 * round_)
        await asyncio.gather(*(each.cover_everything() for each in notaries))
    told = [each["data"] for each in await announced(stage)]
    assert [each["number"] for each in told] == list(range(1, len(told) + 1))
    assert verified(stage, await exported(stage), held_lines(told)).is_whole


def held_lines(told: list[dict[str, Any]]) -> bytes:
    return b"\n".join(json.dumps({"data": each}).encode() for each in told)


async def test_one_that_died_before_it_signed_is_finished_by_the_next(stage: Stage, clock: FixedClock) -> None:
    await record(stage, clock, 2, "org_a")
    fixed = await stage.service.store.transact(actions._WHO, fix)
    assert fixed is not None
    assert fixed.signature is None
    assert await stage.service.store.transact(actions._WHO, fix) is None
    await record(stage, clock, 1, "org_a", start=2)
    await notary_of(stage).cover_what_is_due()
    [told, *_] = [each["data"] for each in await announced(stage)]
    assert (told["number"], told["heads"][0]["number"]) == (1, 2)
    report = verified(stage, await exported(stage))
    assert (report.is_whole, report.entries) == (True, 3)


async def test_without_a_key_nothing_is_signed_and_what_is_fixed_waits(stage: Stage, clock: FixedClock) -> None:
    await record(stage, clock, 2, "org_a")
    private = (stage.keys / "audit.private.json").read_bytes()
    for content in (None, b"{}", b'{"keys": []}', b'{"keys": [{"kid": "k", "d": "AAAA"}]}'):
        if content is None:
            (stage.keys / "audit.private.json").unlink()
        else:
            (stage.keys / "audit.private.json").write_bytes(content)
        with pytest.raises(SigningKeyMissing, match="run `portico keys`"):
            await notary_of(stage).cover_what_is_due()
    assert await announced(stage) == []
    (stage.keys / "audit.private.json").write_bytes(private)
    await notary_of(stage).cover_what_is_due()
    assert [each["data"]["number"] for each in await announced(stage)] == [1]


async def test_a_rotated_key_signs_what_follows_and_the_old_one_still_vouches(stage: Stage, clock: FixedClock) -> None:
    names = set()
    for number in range(3):
        await record(stage, clock, 2, "org_a", start=10 * number)
        names.add((await notary_of(stage).cover_everything()).signed_by)
        rotate_keys(stage.keys, "audit", 0, None)
    assert len(names) == 3
    assert verified(stage, await exported(stage)).is_whole


async def test_an_export_of_one_organization_holds_its_entries_alone(stage: Stage, clock: FixedClock) -> None:
    await record(stage, clock, 2, "org_a")
    await record(stage, clock, 3, "org_b", start=5)
    await record(stage, clock, 1, start=10)
    whole = verified(stage, await exported(stage))
    assert (whole.is_whole, whole.entries, whole.chains) == (True, 6, 3)
    lines = await exported(stage, "org_b")
    report = verified(stage, lines)
    assert (report.is_whole, report.entries, report.organization) == (True, 3, "org_b")
    assert b"org_a:" not in b"".join(line for line in lines if line.startswith(b'{"entry"'))
    with pytest.raises(NothingRecorded):
        await Exporter(stage.service.store, notary_of(stage), key_of(stage)).count("org_strange")


TAMPERING: dict[str, tuple[Callable[[Any], Any], int, str]] = {
    "edited": (lambda rows: rows.update_one({"_id": "org_a:4"}, {"$set": {"content.actor": "usr_else"}}), 4, "EDITED"),
    "edited into what is no JSON": (
        lambda rows: rows.update_one({"_id": "org_a:4"}, {"$set": {"content.count": float("nan")}}), 4, "EDITED",
    ),
    "without its hash": (lambda rows: rows.update_one({"_id": "org_a:4"}, {"$unset": {"hash": 1}}), 4, "MISSING"),
    "with another hash": (lambda rows: rows.update_one({"_id": "org_a:4"}, {"$set": {"hash": "0" * 64}}), 4, "EDITED"),
    "deleted": (lambda rows: rows.delete_one({"_id": "org_a:4"}), 4, "MISSING"),
    "deleted at the end": (lambda rows: rows.delete_many({"_id": {"$in": ["org_a:6", "org_a:7"]}}), 6, "TRUNCATED"),
    "numbered otherwise": (lambda rows: rows.update_one({"_id": "org_a:4"}, {"$set": {"number": 40}}), 4, "EDITED"),
    "moved to another chain": (lambda rows: rows.update_one({"_id": "org_a:4"}, {"$set": {"chain": "org_z"}}), 4, "MISSING"),
    "inserted behind the end": (
        lambda rows: rows.insert_one(
            {"_id": "org_a:8", "chain": "org_a", "number": 8, "previous": "", "content": {"event_id": "x"}, "hash": "0" * 64}
        ), 8, "EDITED",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", TAMPERING)
@pytest.mark.parametrize("when", ["before it was covered", "after it was covered"])
async def test_what_was_done_to_the_database_is_found(stage: Stage, clock: FixedClock, how: str, when: str) -> None:
    await record(stage, clock, 7, "org_a")
    await record(stage, clock, 2, "org_b", start=20)
    if when == "after it was covered":
        await notary_of(stage).cover_everything()
    work, number, what = TAMPERING[how]
    await work(stage.service.store.database["entries"])
    found = first_faults(verified(stage, await exported(stage)))
    assert (found["org_a"].number, found["org_a"].what) == (number, what)
    assert "org_b" not in found


async def test_a_trail_computed_anew_in_the_database_is_found(stage: Stage, clock: FixedClock) -> None:
    await record(stage, clock, 5, "org_a")
    await notary_of(stage).cover_everything()
    await forged(stage, "org_a", 2)
    fault = first_faults(verified(stage, await exported(stage)))["org_a"]
    assert (fault.number, fault.what) == (1, "REWRITTEN")


async def test_a_database_put_back_is_found_by_what_is_held_outside(stage: Stage, clock: FixedClock) -> None:
    await record(stage, clock, 5, "org_a")
    await notary_of(stage).cover_everything()
    told = [each["data"] for each in await announced(stage)]
    # Somebody takes everything back, the checkpoint as well, and lets the service sign another history.
    database = stage.service.store.database
    await database["checkpoints"].delete_many({})
    await forged(stage, "org_a", 2)
    await database["heads"].update_many({}, {"$set": {"is_covered": False}})
    lines = await exported(stage)
    assert verified(stage, lines).is_whole
    fault = first_faults(verified(stage, lines, held_lines(told)))[CHECKPOINTS]
    assert (fault.number, fault.what) == (1, "OTHER_HISTORY")


async def forged(stage: Stage, chain: str, number: int) -> None:
    """Change an entry and compute every later hash of its chain anew, and its head."""
    from services.audit.acts.domain import hash_of

    rows = stage.service.store.database["entries"]
    previous, head = None, None
    async for row in rows.find({"chain": chain, "number": {"$gte": number}}).sort("number", 1):
        content = {**row["content"], "actor": "usr_else"}
        previous = row["previous"] if previous is None else previous
        head = hash_of(chain, row["number"], previous, content)
        await rows.update_one({"_id": row["_id"]}, {"$set": {"content": content, "previous": previous, "hash": head}})
        previous = head
    await stage.service.store.database["heads"].update_one({"_id": chain}, {"$set": {"hash": head}})


@pytest.fixture
async def working(stage: Stage) -> AsyncIterator[Stage]:
    for worker in stage.service.workers:
        await worker.start()
    yield stage
    for worker in reversed(stage.service.workers):
        await worker.close()


async def test_the_worker_covers_by_itself(working: Stage, clock: FixedClock) -> None:
    await record(working, clock, 1, "org_a")
    async with asyncio.timeout(60):
        while not await announced(working):  # noqa: ASYNC110 - another task does it
            await asyncio.sleep(0.05)


async def test_lines_are_as_the_contract_says(stage: Stage, clock: FixedClock) -> None:
    await record(stage, clock, 2, "org_a")
    for line in await exported(stage):
        jsonschema.validate(json.loads(line), LINE)
