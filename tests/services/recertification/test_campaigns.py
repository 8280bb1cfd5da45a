"""Starting campaigns: by whom, over what; changing their end and calling them off."""

from typing import Any

import pytest

from tests.services.recertification.hearing import (
    DUE,
    FOREIGN,
    HOLDER,
    LOST,
    OTHER,
    PROVIDER,
    SAID,
    CampaignStage,
    calls,
    seen,
    subscription,
)

OF_PROVIDER = {**SAID, "side": "PROVIDER", "organization_id": PROVIDER, "kinds": ["PERMISSION", "AGREEMENT", "SUBSCRIPTION"]}
OF_HOLDER = {**SAID, "side": "ORGANIZATION", "organization_id": HOLDER, "kinds": ["MEMBER", "CERTIFICATE"]}


async def test_the_operator_asks_everybody_or_some(stage: CampaignStage) -> None:
    campaign = await stage.started()
    assert (campaign["status"], campaign["side"], campaign["starter_id"]) == ("RUNNING", "OPERATOR", None)
    assert campaign["id"].startswith("cam_")
    assert campaign["is_complete"]
    assert len(await stage.items(campaign["id"])) == 8
    some = await stage.started(organization_ids=[OTHER])
    assert set(await stage.items(some["id"])) == {"sub_other"}
    products = await stage.started(kinds=["SUBSCRIPTION"], product_ids=["prd_foreign"])
    assert set(await stage.items(products["id"])) == {"sub_foreign"}


async def test_each_organization_is_told_once_what_it_is_asked(stage: CampaignStage) -> None:
    campaign = await stage.started()
    await stage.keep_time()
    facts = await stage.facts("campaign_started")
    assert sorted((each["organization_id"], each["items"]) for each in facts) == [(HOLDER, 7), (OTHER, 1)]
    assert {(each["campaign_id"], each["title"]) for each in facts} == {(campaign["id"], "Yearly look")}


async def test_a_provider_asks_about_its_own_products_alone(stage: CampaignStage) -> None:
    provider = stage.of(PROVIDER)
    campaign = await stage.started(provider, **OF_PROVIDER)
    items = await stage.items(campaign["id"], provider)
    assert set(items) == {"sub_1", "sub_other", "prm_1", "agr_1"}
    for named in (["prd_foreign"], ["prd_1", "prd_foreign"], ["prd_unheard_of"]):
        said = await provider.do("start_campaign", **{**OF_PROVIDER, "kinds": ["SUBSCRIPTION"], "product_ids": named})
        assert said.code == "SCOPE_NOT_YOURS"
        assert said.body["fields"][0]["field"] == "product_ids"
    foreign, absent = [
        await provider.do(
            "preview_campaign", side="PROVIDER", organization_id=PROVIDER, kinds=["SUBSCRIPTION"], product_ids=[each]
        )
        for each in ("prd_foreign", "prd_unheard_of")
    ]
    assert foreign.without_trace() == absent.without_trace()


async def test_an_organization_asks_about_its_members_and_certificates(stage: CampaignStage) -> None:
    campaign = await stage.started(stage.of(HOLDER), **OF_HOLDER)
    items = await stage.items(campaign["id"], stage.of(HOLDER))
    assert set(items) == {"usr_administrator", "usr_developer", "crt_1"}


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"kinds": []}, "INPUT_NOT_USABLE", "kinds"),
        ({"side": "PROVIDER", "organization_id": PROVIDER, "kinds": ["MEMBER"]}, "KINDS_NOT_YOURS", "kinds"),
        ({"side": "ORGANIZATION", "organization_id": PROVIDER, "kinds": ["SUBSCRIPTION"]}, "KINDS_NOT_YOURS", "kinds"),
        (
            {"side": "ORGANIZATION", "organization_id": PROVIDER, "kinds": ["MEMBER"], "organization_ids": [OTHER]},
            "SCOPE_NOT_YOURS",
            "organization_ids",
        ),
        ({"product_ids": ["prd_1"]}, "SCOPE_NOT_YOURS", "product_ids"),
        ({"organization_ids": ["org_unheard_of"]}, "SCOPE_NOT_YOURS", "organization_ids"),
        ({"which": "UNUSED"}, "DAYS_NOT_GIVEN", "days"),
        ({"days": 30}, "DAYS_NOT_GIVEN", "days"),
        ({"which": "UNUSED", "days": 30}, "USE_NOT_KNOWN", "kinds"),
        ({"which": "UNUSED", "days": 0}, "INPUT_NOT_USABLE", "days"),
        ({"due_at": "2030-01-01T23:59:59Z"}, "DUE_DATE_NOT_USABLE", "due_at"),
        ({"due_at": "2031-06-01T00:00:00Z"}, "DUE_DATE_NOT_USABLE", "due_at"),
        ({"due_at": "2030-01-11T00:00:00"}, "INPUT_NOT_USABLE", "due_at"),
        ({"reminder_days": [0]}, "INPUT_NOT_USABLE", "reminder_days.0"),
        ({"title": " "}, "INPUT_NOT_USABLE", "title"),
        ({"unheard": "of"}, "INPUT_NOT_USABLE", "unheard"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_its_field(
    stage: CampaignStage, given: dict[str, Any], code: str, field: str
) -> None:
    person = stage.person("usr_1", platform_roles=("OPERATOR_ADMINISTRATOR",), org_provider="OWNER")
    said = await person.do("start_campaign", **{**LOST, **given})
    assert (said.code, said.body["fields"][0]["field"]) == (code, field)


async def test_who_may_not_start_one_is_refused(stage: CampaignStage) -> None:
    for person in (stage.person("usr_1"), stage.of(PROVIDER), stage.person("usr_1", platform_roles=("SUPPORT", "AUDITOR"))):
        assert (await person.do("start_campaign", **LOST)).code == "ONLY_THE_OPERATOR_ASKS_EVERYBODY"
        assert (await person.do("preview_campaign", side="OPERATOR", kinds=["MEMBER"])).code == "ONLY_THE_OPERATOR_ASKS_EVERYBODY"
    for given in (OF_PROVIDER, OF_HOLDER):
        on = str(given["organization_id"])
        for role in ("DEVELOPER", "OBSERVER"):
            assert (await stage.of(on, role).do("start_campaign", **given)).code == "ROLE_NOT_ALLOWED"
        foreign = await stage.of(OTHER).do("start_campaign", **given)
        absent = await stage.of(OTHER).do("start_campaign", **{**given, "organization_id": "org_unheard_of"})
        assert foreign.without_trace() == absent.without_trace()
        assert foreign.code == "NOT_FOUND"
        assert (await stage.operator.do("start_campaign", **given)).code == "NOT_FOUND"
        assert (await stage.anonymous.do("start_campaign", **given)).code == "SIGN_IN_FIRST"
    assert (await stage.anonymous.do("start_campaign", **LOST)).code == "SIGN_IN_FIRST"


async def test_nothing_to_ask_for_is_no_campaign(stage: CampaignStage) -> None:
    said = await stage.of(FOREIGN).do("start_campaign", **{**OF_HOLDER, "organization_id": FOREIGN})
    assert said.code == "NOTHING_TO_CONFIRM"


async def test_a_preview_says_how_much_of_whom(stage: CampaignStage) -> None:
    asked = {name: LOST[name] for name in ("side", "kinds")}
    preview = (await stage.operator.do("preview_campaign", **asked)).result
    assert (preview["items"], preview["organizations"], preview["uses_known_since"]) == (8, 2, None)
    assert preview["largest"] == [
        {"organization_id": HOLDER, "name": "SIA Grāmata", "items": 7},
        {"organization_id": OTHER, "name": "Другие", "items": 1},
    ]
    assert {each["kind"]: each["items"] for each in preview["kinds"]} == {
        "SUBSCRIPTION": 3, "PERMISSION": 1, "AGREEMENT": 1, "MEMBER": 2, "CERTIFICATE": 1,
    }  # fmt: skip
    assert not await stage.announced()


async def test_the_unused_are_those_that_were_there_and_not_called(stage: CampaignStage) -> None:
    young = subscription("activated", "ACTIVE", 2, "sub_young", application_id="app_2", moment=stage.clock.now())
    await stage.hear(calls(1, "2029-11-30"), young, seen("usr_developer", "2029-12-20"))
    asked: dict[str, Any] = {"side": "OPERATOR", "kinds": ["SUBSCRIPTION", "PERMISSION", "MEMBER"], "which": "UNUSED"}
    for days, expected in (
        (10, {"sub_1", "sub_foreign", "sub_other", "prm_1", "usr_developer", "usr_administrator"}),
        (20, {"sub_1", "sub_foreign", "sub_other", "prm_1", "usr_administrator"}),
        (60, {"sub_foreign", "sub_other", "usr_administrator"}),
    ):
        campaign = await stage.started(**asked, days=days)
        assert set(await stage.items(campaign["id"])) == expected, days
        assert campaign["uses_known_since"] is not None
    said = await stage.operator.do("preview_campaign", **asked, days=300)
    assert said.result["items"] == 0, "nothing is so old"


async def test_the_lapsing_are_those_that_end_soon(stage: CampaignStage) -> None:
    for days, expected in ((30, {"agr_1"}), (100, {"agr_1", "crt_1"})):
        campaign = await stage.started(which="LAPSING", days=days)
        assert set(await stage.items(campaign["id"])) == expected


async def test_what_begins_later_is_not_in_it(stage: CampaignStage) -> None:
    campaign = await stage.started()
    stage.clock.advance(stage.clock.now() - stage.clock.now())
    await stage.hear(subscription("activated", "ACTIVE", 2, "sub_later", moment=stage.clock.now()))
    await stage.keep_time(hours=1)
    assert "sub_later" not in await stage.items(campaign["id"])


async def test_a_large_campaign_is_taken_batch_by_batch(stage: CampaignStage) -> None:
    rows = [
        subscription("activated", "ACTIVE", 2, f"sub_many_{number:04}", application_id=f"app_{number}") for number in range(520)
    ]
    await stage.hear(*rows)
    said = (await stage.operator.do("start_campaign", **{**LOST, "kinds": ["SUBSCRIPTION"]})).result
    assert not said["is_complete"]
    await stage.keep_time()
    [counts] = (await stage.operator.load("counts_by_campaign", [said["id"]])).rows
    assert (counts["total"], counts["open"], counts["organizations"]) == (523, 523, 2)
    facts = await stage.facts("campaign_started")
    assert sorted(each["items"] for each in facts) == [1, 522]


async def test_the_starter_lets_it_end_later_or_calls_it_off(stage: CampaignStage) -> None:
    provider = stage.of(PROVIDER)
    campaign = await stage.started(provider, **OF_PROVIDER)
    later = {"campaign_id": campaign["id"], "due_at": "2030-02-01T00:00:00Z"}
    assert (await provider.do("change_campaign_due_date", **later)).result["due_at"] == later["due_at"]
    soon = {**later, "due_at": "2030-01-01T12:00:00Z"}
    assert (await provider.do("change_campaign_due_date", **soon)).code == "DUE_DATE_NOT_USABLE"
    [changed] = await stage.facts("campaign_due_date_changed")
    assert (changed["due_at"], changed["former_due_at"]) == (later["due_at"], DUE)

    cancelled = (await provider.do("cancel_campaign", campaign_id=campaign["id"], reason="Not now.")).result
    assert (cancelled["status"], cancelled["end_reason"], cancelled["ended_by"]) == ("CANCELLED", "Not now.", "usr_owner")
    await stage.keep_time(days=60)
    assert {each["status"] for each in (await stage.items(campaign["id"], provider)).values()} == {"WITHDRAWN"}
    facts = await stage.facts("campaign_cancelled", "item_not_confirmed", "item_given_up", "campaign_finished")
    assert [(each["fact"], each["organization_id"]) for each in facts] == [
        ("campaign_cancelled", HOLDER),
        ("campaign_cancelled", OTHER),
    ]
    for verb, given in (("cancel_campaign", {"campaign_id": campaign["id"]}), ("change_campaign_due_date", later)):
        assert (await provider.do(verb, **given)).code == "CANCELLED_ALREADY"


async def test_from_its_due_date_on_it_is_not_changed(stage: CampaignStage) -> None:
    campaign = await stage.started()
    stage.clock.advance(stage.clock.now().replace(day=11) - stage.clock.now())
    changed = {"campaign_id": campaign["id"], "due_at": "2030-02-01T00:00:00Z"}
    assert (await stage.operator.do("change_campaign_due_date", **changed)).code == "CAMPAIGN_OVER"
    assert (await stage.operator.do("cancel_campaign", campaign_id=campaign["id"])).code == "CAMPAIGN_OVER"
    await stage.keep_time()
    assert (await stage.operator.do("cancel_campaign", campaign_id=campaign["id"])).code == "CAMPAIGN_OVER"


async def test_who_has_not_started_it_does_not_change_it(stage: CampaignStage) -> None:
    campaign = await stage.started(stage.of(PROVIDER), **OF_PROVIDER)
    changed = {"campaign_id": campaign["id"], "due_at": "2030-02-01T00:00:00Z"}
    for person, code in (
        (stage.of(HOLDER), "ONLY_THE_STARTER"),
        (stage.of(HOLDER, "DEVELOPER"), "NOT_FOUND"),
        (stage.of(PROVIDER, "DEVELOPER"), "ROLE_NOT_ALLOWED"),
        (stage.of(FOREIGN), "NOT_FOUND"),
        (stage.operator, "NOT_FOUND"),
        (stage.anonymous, "SIGN_IN_FIRST"),
    ):
        assert (await person.do("cancel_campaign", campaign_id=campaign["id"])).code == code
        assert (await person.do("change_campaign_due_date", **changed)).code == code
    foreign = await stage.of(FOREIGN).do("cancel_campaign", campaign_id=campaign["id"])
    absent = await stage.of(FOREIGN).do("cancel_campaign", campaign_id="cam_unheard_of")
    assert foreign.without_trace() == absent.without_trace()
