"""Chains: gapless, each entry sealed with the one before, every act once, and to everybody what concerns them alone."""

import asyncio
from typing import Any

import pytest

from chassis.errors import Refusal
from chassis.mongo import DuplicateKey
from services.audit.acts.domain import PLATFORM, Entry, canonical, first_of, hash_of, next_of
from tests.services.audit.acts import act, change, denial
from tests.services.audit.chains import chain_of, follows, heads_of, is_right, is_whole
from tests.services.stage import Stage, envelope


async def chain(stage: Stage, name: str) -> list[Entry]:
    return await chain_of(stage.service.store.reader(), name)


async def test_an_act_stands_in_the_chain_of_everybody_whom_it_concerns(stage: Stage) -> None:
    await stage.hear(act("subscribe", change("sub_1", "org_a", "org_b", status="PENDING"), service="subscriptions"))
    await stage.hear(act("rename_organization", change("org_a", "org_a", name="New")))
    (first, second), (other,) = await chain(stage, "org_a"), await chain(stage, "org_b")
    assert is_whole([first, second])
    assert is_whole([other])
    assert (first.content["verb"], second.content["verb"], second.previous) == ("subscribe", "rename_organization", first.hash)
    assert first.content == other.content
    assert (first.content["actor"], first.content["organization_id"], first.content["service"]) == (
        "usr_ann",
        "org_a",
        "subscriptions",
    )
    assert first.content["changes"] == [
        {"kind": "thing", "id": "sub_1", "before": {"status": None}, "after": {"status": "PENDING"}, "left_out": 0}
    ]
    assert await chain(stage, PLATFORM) == []


async def test_each_chain_is_told_what_concerns_it_and_the_platform_what_concerns_nobody(stage: Stage) -> None:
    changes = [change("usr_1", created=True), change("org_a", "org_a", name="A"), change("org_b", "org_b", name="B")]
    await stage.hear(act("verify_email", *changes), act("register"))
    told = {
        name: [each["id"] for each in (await chain(stage, name))[0].content["changes"]] for name in (PLATFORM, "org_a", "org_b")
    }
    assert told == {PLATFORM: ["usr_1"], "org_a": ["org_a"], "org_b": ["org_b"]}
    platform = await chain(stage, PLATFORM)
    assert is_whole(platform)
    assert (platform[1].content["verb"], platform[1].content["changes"]) == ("register", [])


async def test_an_act_that_comes_again_is_appended_once(stage: Stage) -> None:
    acts = [act("a", change("thing_1", "org_a", at=number)) for number in range(5)]
    await stage.hear(*acts, *reversed(acts), *acts)
    await stage.service.store.reader().collection("inbox").delete_many({})
    await stage.hear(*acts)
    entries = await chain(stage, "org_a")
    assert [each.number for each in entries] == [1, 2, 3, 4, 5]
    assert is_whole(entries)


async def test_appended_side_by_side_a_chain_stays_one(stage: Stage) -> None:
    acts = [act("a", change("thing_1", "org_a", at=number)) for number in range(8)]

    async def insist(message: Any) -> None:
        while True:
            try:
                return await stage.hear(message)
            except (DuplicateKey, Refusal):
                await asyncio.sleep(0.01)

    await asyncio.gather(*(insist(each) for each in acts))
    entries = await chain(stage, "org_a")
    assert [each.number for each in entries] == list(range(1, 9))
    assert is_whole(entries)


async def test_a_refusal_begins_no_chain(stage: Stage) -> None:
    await stage.hear(denial("rename_organization", "org_never"), denial("sign_in", None, "WRONG_CREDENTIALS"))
    assert await chain(stage, "org_never") == []
    assert [each.content["code"] for each in await chain(stage, PLATFORM)] == ["NOT_FOUND", "WRONG_CREDENTIALS"]
    await stage.hear(act("create_organization", change("org_a", "org_a", name="A")), denial("rename_organization", "org_a"))
    assert [each.content["outcome"] for each in await chain(stage, "org_a")] == ["DONE", "DENIED"]
    assert len(await chain(stage, PLATFORM)) == 2


async def test_a_look_by_staff_begins_no_chain_and_an_act_of_ones_own_does(stage: Stage) -> None:
    await stage.hear(act("view_audit", organization_ids=["org_never"]))
    assert await chain(stage, "org_never") == []
    assert [each.content["verb"] for each in await chain(stage, PLATFORM)] == ["view_audit"]
    await stage.hear(act("redeliver", organization_ids=["org_a"]), act("view_audit", organization_ids=["org_a"]))
    assert [each.content["verb"] for each in await chain(stage, "org_a")] == ["redeliver", "view_audit"]
    assert len(await chain(stage, PLATFORM)) == 1


async def test_a_deleted_organization_leaves_its_chain(stage: Stage) -> None:
    await stage.hear(act("create_organization", change("org_a", "org_a", name="A")))
    await stage.hear(act("delete_organization", change("org_a", "org_a", deleted_at="2030-01-01T00:00:00.000Z")))
    assert [each.content["verb"] for each in await chain(stage, "org_a")] == ["create_organization", "delete_organization"]


async def test_the_heads_are_the_newest_entries(stage: Stage) -> None:
    for name in ("org_b", "org_a", "org_b"):
        await stage.hear(act("a", change("thing_1", name, is_on=True)))
    heads = await heads_of(stage.service.store.reader())
    newest = [(await chain(stage, name))[-1] for name in ("org_a", "org_b")]
    assert [(each.chain, each.number, each.hash) for each in heads] == [(each.chain, each.number, each.hash) for each in newest]


@pytest.mark.parametrize("broken", [{"organization_ids": "org_a"}, {"changes": [7]}, {"changes": None}])
async def test_what_is_no_act_is_refused_for_good(stage: Stage, broken: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        await stage.hear(act("a", **broken))
    with pytest.raises(Refusal):
        await stage.hear(envelope("identity.act_recorded.v1", "act_x", 1, {"verb": "a"}))
    assert await heads_of(stage.service.store.reader()) == []


def test_what_is_changed_taken_out_or_put_in_is_seen() -> None:
    first = first_of("org_a", {"verb": "a", "n": 1})
    second = next_of(first, {"verb": "b", "n": 2})
    third = next_of(second, {"verb": "c", "n": 3})
    assert is_whole([first, second, third])
    assert not follows(third, first)
    assert not follows(second, None)
    edited = Entry(second.chain, second.number, second.previous, {"verb": "b", "n": 9}, second.hash)
    assert not is_right(edited)
    resealed = Entry("org_a", 2, first.hash, edited.content, hash_of("org_a", 2, first.hash, edited.content))
    assert follows(resealed, first)
    assert not follows(third, resealed)


def test_the_canonical_form_is_the_one_of_rfc_8785() -> None:
    said = {"b": [1e21, 0.1, None, True], "a": "ā", "é": {"z": 1, "y": 2}}
    assert canonical(said).decode() == '{"a":"ā","b":[1e+21,0.1,null,true],"é":{"y":2,"z":1}}'
    with pytest.raises(ValueError, match=r"."):
        canonical({"a": object()})
