"""Confirming and giving up: by whom, until when, and what the due date makes of it."""

import asyncio
import contextlib
import contextvars
from typing import Any

import pytest

from chassis.mongo import DatabaseUnavailable, Transaction
from chassis.principal import Principal, system
from services.recertification.items import actions, settling
from services.recertification.timekeeper import Timekeeper
from tests.services.recertification.hearing import (
    FOREIGN,
    HOLDER,
    OTHER,
    PROVIDER,
    SAID,
    CampaignStage,
    member,
    organization_deleted,
    subscription,
)

OF_PROVIDER = {**SAID, "side": "PROVIDER", "organization_id": PROVIDER, "kinds": ["PERMISSION", "AGREEMENT", "SUBSCRIPTION"]}


async def ids(stage: CampaignStage, campaign: dict[str, Any], *subjects: str) -> list[str]:
    items = await stage.items(campaign["id"], stage.of(PROVIDER) if campaign["side"] == "PROVIDER" else None)
    return [items[each]["id"] for each in subjects]


async def test_who_holds_things_confirms_or_gives_them_up_one_or_many(stage: CampaignStage) -> None:
    campaign = await stage.started()
    holder = stage.of(HOLDER)
    sub, prm, agr = await ids(stage, campaign, "sub_1", "prm_1", "agr_1")
    done = (await holder.do("confirm_items", item_ids=[sub, prm], reason="We need it.")).result["items"]
    assert [(each["id"], each["status"], each["decided_by"], each["reason"], each["is_late"]) for each in done] == [
        (sub, "CONFIRMED", "usr_owner", "We need it.", False),
        (prm, "CONFIRMED", "usr_owner", "We need it.", False),
    ]
    [given] = (await holder.do("give_up_items", item_ids=[agr])).result["items"]
    assert (given["status"], given["is_settled"]) == ("GIVEN_UP", False)
    facts = await stage.facts("item_confirmed", "item_given_up", "item_not_confirmed")
    assert [(each["fact"], each["kind"], each["subject_id"], each["is_late"]) for each in facts] == [
        ("item_confirmed", "SUBSCRIPTION", "sub_1", False),
        ("item_confirmed", "PERMISSION", "prm_1", False),
    ]
    [page] = (await holder.load("items_by_organization", [HOLDER], status="OPEN")).rows
    assert page["total"] == 4
    # Until the due date one may think better of it.
    [kept] = (await holder.do("confirm_items", item_ids=[agr])).result["items"]
    [let_go] = (await holder.do("give_up_items", item_ids=[sub])).result["items"]
    assert (kept["status"], let_go["status"]) == ("CONFIRMED", "GIVEN_UP")
    assert (await holder.do("confirm_items", item_ids=[agr])).result["items"] == [kept], "a second time nothing happens"


async def test_all_of_them_are_decided_about_or_none(stage: CampaignStage) -> None:
    campaign = await stage.started()
    [sub, foreign] = await ids(stage, campaign, "sub_1", "sub_other")
    assert (await stage.of(HOLDER).do("confirm_items", item_ids=[sub, foreign])).code == "NOT_FOUND"
    assert (await stage.items(campaign["id"]))["sub_1"]["status"] == "OPEN"
    for given in ([], [f"itm_{number}" for number in range(101)]):
        assert (await stage.of(HOLDER).do("confirm_items", item_ids=given)).code == "HOW_MANY_ITEMS"


@pytest.mark.parametrize("verb", ["confirm_items", "give_up_items"])
async def test_nobody_else_decides(stage: CampaignStage, verb: str) -> None:
    campaign = await stage.started(stage.of(PROVIDER), **OF_PROVIDER)
    [item_id] = await ids(stage, campaign, "sub_1")
    for person, code in (
        (stage.of(HOLDER, "DEVELOPER"), "ROLE_NOT_ALLOWED"),
        (stage.of(HOLDER, "OBSERVER"), "ROLE_NOT_ALLOWED"),
        (stage.of(PROVIDER), "ONLY_THE_HOLDER_DECIDES"),
        (stage.of(OTHER), "NOT_FOUND"),
        (stage.of(FOREIGN), "NOT_FOUND"),
        (stage.operator, "NOT_FOUND"),
        (stage.person("usr_1", platform_roles=("AUDITOR", "SUPPORT")), "NOT_FOUND"),
        (stage.anonymous, "SIGN_IN_FIRST"),
    ):
        assert (await person.do(verb, item_ids=[item_id])).code == code
    foreign = await stage.of(FOREIGN).do(verb, item_ids=[item_id])
    absent = await stage.of(FOREIGN).do(verb, item_ids=["itm_unheard_of"])
    assert foreign.without_trace() == absent.without_trace()


async def test_nobody_decides_about_themselves(stage: CampaignStage) -> None:
    campaign = await stage.started(kinds=["MEMBER"])
    [item_id] = await ids(stage, campaign, "usr_administrator")
    oneself = stage.of(HOLDER, "ADMINISTRATOR", "usr_administrator")
    for verb in ("confirm_items", "give_up_items"):
        assert (await oneself.do(verb, item_ids=[item_id])).code == "DECIDED_BY_ONESELF"
        assert (await stage.of(HOLDER).do(verb, item_ids=[item_id])).status == 200


async def test_what_exists_for_whom(stage: CampaignStage) -> None:
    campaign = await stage.started(stage.of(PROVIDER), **OF_PROVIDER, organization_ids=[HOLDER, OTHER])
    key = campaign["id"]
    [item_id] = await ids(stage, campaign, "sub_1")
    for person, sees, counted, whole in (
        (stage.of(PROVIDER), {"sub_1", "sub_other", "prm_1", "agr_1"}, (4, 2), [HOLDER, OTHER]),
        (stage.of(HOLDER), {"sub_1", "prm_1", "agr_1"}, (3, 1), None),
        (stage.of(OTHER), {"sub_other"}, (1, 1), None),
    ):
        [row] = (await person.load("campaigns_by_id", [key])).rows
        assert (row["title"], row["organization_ids"]) == ("Yearly look", whole)
        assert set(await stage.items(key, person)) == sees
        [counts] = (await person.load("counts_by_campaign", [key])).rows
        assert (counts["total"], counts["organizations"]) == counted
        assert ((await person.load("campaign_items_by_id", [item_id])).rows[0] is not None) == ("sub_1" in sees)
    holders = await stage.items(key, stage.of(HOLDER), organization_id=OTHER)
    assert holders == {}
    for person in (
        stage.of(FOREIGN),
        stage.of(HOLDER, "DEVELOPER"),
        stage.of(PROVIDER, "OBSERVER"),
        stage.operator,
        stage.anonymous,
    ):
        for load, keys in (
            ("campaigns_by_id", [key]), ("items_by_campaign", [key]), ("counts_by_campaign", [key]),
            ("reports_by_campaign", [key]), ("campaign_items_by_id", [item_id]), ("items_by_organization", [OTHER]),
        ):  # fmt: skip
            assert (await person.load(load, keys)).rows == [None], load
        [listed] = (await person.load("campaigns_by_organization", [PROVIDER])).rows
        assert listed is None
    assert (await stage.of(HOLDER).load("reports_by_campaign", [key])).rows == [None]
    for person in (stage.of(PROVIDER), stage.person("usr_1", platform_roles=("SUPPORT",)), stage.anonymous):
        assert (await person.load("campaigns_of_operator", ["all"])).rows == [None]


async def test_lists_come_in_pages(stage: CampaignStage) -> None:
    started = [(await stage.started())["id"] for _ in range(3)]
    [first] = (await stage.operator.load("campaigns_of_operator", ["all"], first=2)).rows
    assert [each["id"] for each in first["nodes"]] == started[:0:-1]
    auditor = stage.person("usr_a", platform_roles=("AUDITOR",))
    [rest] = (await auditor.load("campaigns_of_operator", ["all"], first=2, after=first["next"], status="RUNNING")).rows
    assert ([each["id"] for each in rest["nodes"]], rest["next"], rest["total"]) == (started[:1], None, 3)
    seen: list[str] = []
    after = None
    while True:
        [page] = (await stage.of(HOLDER).load("items_by_organization", [HOLDER], first=5, after=after, status="OPEN")).rows
        seen += [each["id"] for each in page["nodes"]]
        after = page["next"]
        if after is None:
            break
    assert (len(seen), len(set(seen)), page["total"]) == (21, 21, 21)
    assert (await stage.operator.load("campaigns_of_operator", ["all"], first=0)).code == "PAGE_NOT_READABLE"


async def test_reminders_come_once_to_those_who_have_not_confirmed(stage: CampaignStage) -> None:
    campaign = await stage.started(reminder_days=[20, 3, 1])
    items = await stage.items(campaign["id"])
    await stage.of(OTHER).do("confirm_items", item_ids=[items["sub_other"]["id"]])
    await stage.keep_time(days=6)
    assert await stage.facts("campaign_reminded") == [], "the day of the first had passed before the campaign began"
    for days in (1, 1):
        await stage.keep_time(days=days)
    [reminded] = await stage.facts("campaign_reminded")
    assert (reminded["organization_id"], reminded["open_items"], reminded["days_left"]) == (HOLDER, 7, 3)
    await stage.operator.do("change_campaign_due_date", campaign_id=campaign["id"], due_at="2030-01-21T00:00:00Z")
    await stage.keep_time(days=11, hours=12)
    facts = await stage.facts("campaign_reminded")
    assert [each["days_left"] for each in facts] == [3, 1], "of two that were missed the last is told"


async def test_the_due_date_ends_what_was_given_up_and_suspends_what_was_not_confirmed(stage: CampaignStage) -> None:
    campaign = await stage.started()
    sub, prm = await ids(stage, campaign, "sub_1", "prm_1")
    holder = stage.of(HOLDER)
    await holder.do("confirm_items", item_ids=[sub])
    await holder.do("give_up_items", item_ids=[prm])
    await stage.hear(subscription("cancelled", "CANCELLED", 3, "sub_foreign"), member("member_removed", "usr_developer", 8))
    items = await stage.items(campaign["id"])
    assert [items[each]["status"] for each in ("sub_foreign", "usr_developer")] == ["ENDED", "ENDED"]
    before = len(await stage.announced())
    await stage.keep_time(days=9, hours=23)
    assert not await stage.facts("item_not_confirmed", "item_given_up", "campaign_finished"), "not before it is due"

    await stage.keep_time(days=1)
    items = await stage.items(campaign["id"])
    assert {key: each["status"] for key, each in items.items()} == {
        "sub_1": "CONFIRMED", "prm_1": "GIVEN_UP", "agr_1": "NOT_CONFIRMED", "crt_1": "NOT_CONFIRMED",
        "sub_other": "NOT_CONFIRMED", "usr_administrator": "NOT_CONFIRMED", "sub_foreign": "ENDED", "usr_developer": "ENDED",
    }  # fmt: skip
    facts = await stage.facts("item_given_up", "item_not_confirmed")
    assert {(each["fact"], each["subject_id"], each["provider_id"]) for each in facts} == {
        ("item_given_up", "prm_1", PROVIDER),
        ("item_not_confirmed", "agr_1", PROVIDER),
        ("item_not_confirmed", "crt_1", None),
        ("item_not_confirmed", "usr_administrator", None),
        ("item_not_confirmed", "sub_other", PROVIDER),
    }
    ended = {each["organization_id"]: each for each in await stage.facts("campaign_finished")}
    assert [ended[HOLDER][each] for each in ("confirmed", "given_up", "not_confirmed", "ended")] == [1, 1, 3, 2]
    suspended = await stage.facts("item_suspended")
    assert sorted((each["organization_id"], each["items"]) for each in suspended) == [(HOLDER, 3), (OTHER, 1)]
    [row] = (await stage.operator.load("campaigns_by_id", [campaign["id"]])).rows
    assert row["status"] == "FINISHED"
    done = len(await stage.announced())
    await stage.keep_time(days=1)
    assert len(await stage.announced()) == done > before, "nothing is done twice"


async def test_several_timekeepers_settle_each_thing_once(stage: CampaignStage) -> None:
    rows = [
        subscription("activated", "ACTIVE", 2, f"sub_many_{number:03}", application_id=f"app_{number}") for number in range(120)
    ]
    await stage.hear(*rows)
    campaign = await stage.started(kinds=["SUBSCRIPTION"])
    stage.clock.advance(stage.clock.now().replace(day=12) - stage.clock.now())
    first = stage.service.workers[0]
    assert isinstance(first, Timekeeper)
    others = [Timekeeper(stage.service.store, first._due, every_seconds=1) for _ in range(2)]
    await asyncio.gather(first.look(), *(each.look() for each in others))
    await first.look()
    facts = await stage.facts("item_not_confirmed")
    assert len(facts) == len({each["item_id"] for each in facts}) == 123
    assert len(await stage.facts("campaign_finished")) == 2
    [counts] = (await stage.operator.load("counts_by_campaign", [campaign["id"]])).rows
    assert (counts["not_confirmed"], counts["open"]) == (123, 0)


async def test_what_a_killed_process_has_left_is_done_by_the_next(stage: CampaignStage) -> None:
    rows = [
        subscription("activated", "ACTIVE", 2, f"sub_many_{number:03}", application_id=f"app_{number}") for number in range(80)
    ]
    await stage.hear(*rows)
    campaign = await stage.started(kinds=["SUBSCRIPTION"])
    stage.clock.advance(stage.clock.now().replace(day=12) - stage.clock.now())
    for settled in (0, 50):  # it is marked, then a batch is settled: and there it ends
        await stage.service.store.transact(system("killed"), settling.settle)
        assert len(await stage.facts("item_not_confirmed")) == settled
        assert (await stage.operator.do("cancel_campaign", campaign_id=campaign["id"])).code == "CAMPAIGN_OVER"
    await stage.keep_time()
    facts = await stage.facts("item_not_confirmed")
    assert len(facts) == len({each["item_id"] for each in facts}) == 83
    [row] = (await stage.operator.load("campaigns_by_id", [campaign["id"]])).rows
    assert row["status"] == "FINISHED"


async def test_a_change_of_mind_at_the_very_end_is_not_passed_over(stage: CampaignStage) -> None:
    campaign = await stage.started(kinds=["SUBSCRIPTION"], organization_ids=[OTHER])
    [item_id] = await ids(stage, campaign, "sub_other")
    await stage.of(OTHER).do("confirm_items", item_ids=[item_id])
    owner = Principal("usr_owner", organizations={OTHER: "OWNER"}, grants={"OWNER": frozenset({"RECERTIFY"})})

    async def settle() -> None:
        stage.clock.advance(stage.clock.now().replace(day=12) - stage.clock.now())
        for _ in range(2):
            with contextlib.suppress(DatabaseUnavailable):
                await stage.service.store.transact(system("meanwhile"), settling.settle)

    async def change_mind(tx: Transaction) -> None:
        await actions.give_up_items(tx, [item_id], None)
        # In a context of its own, as another process would: this transaction is not finished yet.
        await asyncio.create_task(settle(), context=contextvars.Context())

    await stage.service.store.transact(owner, change_mind)
    await stage.keep_time()
    assert [each["item_id"] for each in await stage.facts("item_given_up")] == [item_id]


async def test_a_late_confirmation_is_taken_for_thirty_days_also_from_the_starter(stage: CampaignStage) -> None:
    campaign = await stage.started(stage.of(PROVIDER), **OF_PROVIDER)
    sub, prm, agr, other = await ids(stage, campaign, "sub_1", "prm_1", "agr_1", "sub_other")
    holder, provider = stage.of(HOLDER), stage.of(PROVIDER)
    await holder.do("give_up_items", item_ids=[agr])
    await stage.keep_time(days=11)
    [late] = (await holder.do("confirm_items", item_ids=[sub])).result["items"]
    assert (late["status"], late["is_late"], late["decided_by"]) == ("CONFIRMED", True, "usr_owner")
    assert (await provider.do("confirm_items", item_ids=[prm])).result["items"][0]["is_late"]
    assert [each["is_late"] for each in await stage.facts("item_confirmed")] == [True, True]
    assert (await provider.do("confirm_items", item_ids=[agr])).code == "GIVEN_UP_FOR_GOOD"
    assert (await provider.do("give_up_items", item_ids=[other])).code == "ONLY_THE_HOLDER_DECIDES"
    assert (await stage.of(OTHER).do("give_up_items", item_ids=[other])).code == "DUE_DATE_PASSED"
    for person, code in ((stage.of(FOREIGN), "NOT_FOUND"), (stage.operator, "NOT_FOUND"), (stage.of(HOLDER), "NOT_FOUND")):
        assert (await person.do("confirm_items", item_ids=[other])).code == code
    stage.clock.advance(stage.clock.now().replace(month=2, day=10) - stage.clock.now())
    assert (await provider.do("confirm_items", item_ids=[other])).code == "TOO_LATE_TO_CONFIRM"
    assert (await stage.of(OTHER).do("confirm_items", item_ids=[other])).code == "TOO_LATE_TO_CONFIRM"


async def test_what_has_ended_is_not_decided_about(stage: CampaignStage) -> None:
    campaign = await stage.started()
    [sub, other] = await ids(stage, campaign, "sub_1", "sub_other")
    await stage.hear(subscription("cancelled", "CANCELLED", 3), organization_deleted(OTHER))
    for verb in ("confirm_items", "give_up_items"):
        assert (await stage.of(HOLDER).do(verb, item_ids=[sub])).code == "ITEM_ENDED"
        assert (await stage.of(OTHER).do(verb, item_ids=[other])).code == "ITEM_ENDED"
    cancelled = await stage.started()
    [prm] = await ids(stage, cancelled, "prm_1")
    await stage.operator.do("cancel_campaign", campaign_id=cancelled["id"])
    for verb in ("confirm_items", "give_up_items"):
        assert (await stage.of(HOLDER).do(verb, item_ids=[prm])).code == "CAMPAIGN_NOT_RUNNING"
