"""Suspending, resuming and ending, through HTTP: by whom, whose hold is whose, and what happens at the same moment."""

import asyncio
from typing import Any

import pytest

from tests.passports import GRANTS, ROLES
from tests.services.stage import Person, Stage
from tests.services.subscriptions.announcements import APPLICATION, AUTOMATIC, BY_PROVIDER, PRODUCT

OPERATOR = ("OPERATOR_ADMINISTRATOR",)


async def active(stage: Stage, plan_id: str = AUTOMATIC, application_id: str = APPLICATION) -> str:
    wish = {"application_id": application_id, "product_id": PRODUCT, "plan_id": plan_id}
    return str((await stage.person(org_consumer="OWNER").do("subscribe", **wish)).result["id"])


def sides(stage: Stage) -> dict[str, Person]:
    return {
        "PROVIDER": stage.person("usr_provider", org_provider="OWNER"),
        "RECIPIENT": stage.person("usr_recipient", org_consumer="DEVELOPER"),
        "OPERATOR": stage.person("usr_operator", platform_roles=OPERATOR),
    }


@pytest.mark.parametrize("side", ["PROVIDER", "RECIPIENT", "OPERATOR"])
async def test_each_side_suspends_and_resumes(stage: Stage, side: str) -> None:
    subscription_id = await active(stage)
    person = sides(stage)[side]
    held = (await person.do("suspend_subscription", subscription_id=subscription_id, reason=" Audit. ")).result
    assert (held["status"], held["reason"]) == ("SUSPENDED", "Audit.")
    (hold,) = held["holds"]
    assert (hold["cause"], hold["reason"], hold["actor"]) == (side, "Audit.", f"usr_{side.lower()}")
    last = (await stage.announced())[-1]
    assert last["type"] == "portico.subscriptions.subscription_suspended.v1"
    assert (last["data"]["causes"], last["data"]["status"], last["audience"]) == (
        [side],
        "SUSPENDED",
        "org_consumer,org_provider",
    )
    again = await person.do("suspend_subscription", subscription_id=subscription_id, reason="Again.")
    assert (again.status, again.code) == (409, "ALREADY_SUSPENDED")
    free = (await person.do("resume_subscription", subscription_id=subscription_id)).result
    assert (free["status"], free["holds"], free["reason"]) == ("ACTIVE", [], None)
    assert [(each["what"], each["causes"]) for each in free["history"][2:]] == [("SUSPENDED", [side]), ("RESUMED", [])]
    last = (await stage.announced())[-1]
    assert (last["type"], last["data"]["causes"]) == ("portico.subscriptions.subscription_resumed.v1", [side])
    again = await person.do("resume_subscription", subscription_id=subscription_id)
    assert (again.status, again.code) == (409, "ALREADY_ACTIVE")


@pytest.mark.parametrize("holder", ["PROVIDER", "RECIPIENT", "OPERATOR"])
async def test_nobody_lifts_the_hold_of_another(stage: Stage, holder: str) -> None:
    subscription_id = await active(stage)
    people = sides(stage)
    await people[holder].do("suspend_subscription", subscription_id=subscription_id, reason="Mine.")
    for name, person in people.items():
        if name != holder:
            refused = await person.do("resume_subscription", subscription_id=subscription_id)
            assert (refused.status, refused.code) == (409, "HELD_BY_ANOTHER")
            assert holder in refused.body["detail"]


async def test_it_goes_on_once_the_last_hold_is_lifted(stage: Stage) -> None:
    subscription_id = await active(stage)
    people = sides(stage)
    for name, person in people.items():
        await person.do("suspend_subscription", subscription_id=subscription_id, reason=f"For {name}.")
    for name, status in (("RECIPIENT", "SUSPENDED"), ("PROVIDER", "SUSPENDED"), ("OPERATOR", "ACTIVE")):
        row = (await people[name].do("resume_subscription", subscription_id=subscription_id)).result
        assert row["status"] == status
    told = [(each["type"].split(".")[2], each["data"]["causes"]) for each in (await stage.announced())[2:]]
    assert told == [
        ("subscription_suspended", ["PROVIDER"]),
        ("subscription_suspended", ["PROVIDER", "RECIPIENT"]),
        ("subscription_suspended", ["PROVIDER", "RECIPIENT", "OPERATOR"]),
        ("subscription_suspended", ["PROVIDER", "OPERATOR"]),
        ("subscription_suspended", ["OPERATOR"]),
        ("subscription_resumed", ["OPERATOR"]),
    ]


async def test_whoever_acts_for_several_sides_says_for_which(stage: Stage) -> None:
    subscription_id = await active(stage)
    both = stage.person("usr_both", platform_roles=OPERATOR, org_provider="ADMINISTRATOR")
    first = (await both.do("suspend_subscription", subscription_id=subscription_id, reason="One.")).result
    assert [each["cause"] for each in first["holds"]] == ["PROVIDER"]
    second = (await both.do("suspend_subscription", subscription_id=subscription_id, reason="Two.", side="OPERATOR")).result
    assert [each["cause"] for each in second["holds"]] == ["PROVIDER", "OPERATOR"]
    refused = await both.do("resume_subscription", subscription_id=subscription_id, side="RECIPIENT")
    assert (refused.status, refused.code) == (403, "NOT_YOUR_SIDE")
    one = (await both.do("resume_subscription", subscription_id=subscription_id, side="PROVIDER")).result
    assert [each["cause"] for each in one["holds"]] == ["OPERATOR"]
    assert (await both.do("resume_subscription", subscription_id=subscription_id)).result["status"] == "ACTIVE"
    unknown = await both.do("suspend_subscription", subscription_id=subscription_id, reason="x", side="PERMISSION")
    assert [each["field"] for each in unknown.body["fields"]] == ["side"]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("verb", "organization", "action"),
    [
        ("suspend_subscription", "org_consumer", "CANCEL_SUBSCRIPTION"),
        ("resume_subscription", "org_consumer", "SUBSCRIBE"),
        ("suspend_subscription", "org_provider", "DECIDE_SUBSCRIPTIONS"),
        ("resume_subscription", "org_provider", "DECIDE_SUBSCRIPTIONS"),
        ("end_subscription", "org_provider", "DECIDE_SUBSCRIPTIONS"),
    ],
)
async def test_the_table_of_roles_decides(stage: Stage, verb: str, organization: str, action: str, role: str) -> None:
    subscription_id = await active(stage)
    if verb == "resume_subscription":
        owner = stage.member(organization, "OWNER")
        await owner.do("suspend_subscription", subscription_id=subscription_id, reason="First.")
    more = {} if verb == "resume_subscription" else {"reason": "Why."}
    answer = await stage.member(organization, role).do(verb, subscription_id=subscription_id, **more)
    if action in GRANTS[role]:
        assert answer.status == 200
    else:
        assert (answer.status, answer.code) == (403, "ROLE_NOT_ALLOWED")


@pytest.mark.parametrize("side", ["PROVIDER", "OPERATOR"])
async def test_the_provider_and_the_operator_end_it_and_say_why(stage: Stage, side: str) -> None:
    subscription_id = await active(stage)
    person = sides(stage)[side]
    wordless = await person.do("end_subscription", subscription_id=subscription_id)
    assert [each["field"] for each in wordless.body["fields"]] == ["reason"]
    await person.do("suspend_subscription", subscription_id=subscription_id, reason="First.")
    row = (await person.do("end_subscription", subscription_id=subscription_id, reason="Breach.")).result
    assert (row["status"], row["reason"], row["holds"]) == ("CANCELLED", "Breach.", [])
    assert (await stage.announced())[-1]["type"] == "portico.subscriptions.subscription_cancelled.v1"
    assert (await active(stage)) != subscription_id


async def test_the_subscriber_cancels_instead_of_ending_also_what_is_held(stage: Stage) -> None:
    subscription_id = await active(stage)
    people = sides(stage)
    refused = await people["RECIPIENT"].do("end_subscription", subscription_id=subscription_id, reason="No.")
    assert (refused.status, refused.code) == (403, "ONLY_THE_PROVIDER_DECIDES")
    await people["OPERATOR"].do("suspend_subscription", subscription_id=subscription_id, reason="Held.")
    row = (await people["RECIPIENT"].do("cancel_subscription", subscription_id=subscription_id)).result
    assert (row["status"], row["holds"]) == ("CANCELLED", [])


async def test_what_waits_for_approval_is_not_suspended(stage: Stage) -> None:
    subscription_id = await active(stage, BY_PROVIDER)
    for verb, more in (("suspend_subscription", {"reason": "x"}), ("resume_subscription", {})):
        refused = await sides(stage)["PROVIDER"].do(verb, subscription_id=subscription_id, **more)
        assert (refused.status, refused.code) == (409, "NOT_APPROVED_YET")


VERBS: list[tuple[str, dict[str, Any]]] = [
    ("suspend_subscription", {"reason": "Why."}),
    ("resume_subscription", {}),
    ("end_subscription", {"reason": "Why."}),
]


@pytest.mark.parametrize(("verb", "more"), VERBS)
async def test_for_strangers_it_does_not_exist_and_nobody_signs_in_first(stage: Stage, verb: str, more: dict[str, Any]) -> None:
    subscription_id = await active(stage)
    for stranger in (
        stage.person(org_stranger="OWNER"),
        stage.person(platform_roles=("SUPPORT", "ANALYST", "AUDITOR", "BUSINESS_REPRESENTATIVE")),
    ):
        foreign = await stranger.do(verb, subscription_id=subscription_id, **more)
        absent = await stranger.do(verb, subscription_id="sub_absent", **more)
        assert (foreign.status, foreign.code) == (404, "NOT_FOUND")
        assert foreign.without_trace() == absent.without_trace()
    nobody = await stage.anonymous.do(verb, subscription_id=subscription_id, **more)
    assert (nobody.status, nobody.code) == (401, "SIGN_IN_FIRST")


async def test_a_held_subscription_stands_in_the_way_of_another(stage: Stage) -> None:
    subscription_id = await active(stage)
    await sides(stage)["RECIPIENT"].do("suspend_subscription", subscription_id=subscription_id, reason="Pause.")
    wish = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": AUTOMATIC}
    refused = await stage.person(org_consumer="OWNER").do("subscribe", **wish)
    assert (refused.status, refused.code) == (409, "ALREADY_SUBSCRIBED")


async def test_of_approving_and_cancelling_at_the_same_moment_the_outcome_is_one_story(stage: Stage) -> None:
    subscription_id = await active(stage, BY_PROVIDER)
    people = sides(stage)
    answers = await asyncio.gather(
        people["PROVIDER"].do("approve_subscription", subscription_id=subscription_id),
        people["RECIPIENT"].do("cancel_subscription", subscription_id=subscription_id),
    )
    assert answers[1].status == 200
    assert answers[0].status == 200 or answers[0].code == "ALREADY_CANCELLED"
    row = (await people["RECIPIENT"].load("subscriptions_by_id", [subscription_id])).rows[0]
    assert row["status"] == "CANCELLED"
    expected = ["REQUESTED", "ACTIVATED", "CANCELLED"] if answers[0].status == 200 else ["REQUESTED", "CANCELLED"]
    assert [each["what"] for each in row["history"]] == expected


async def test_of_suspending_and_resuming_at_the_same_moment_nothing_is_lost(stage: Stage) -> None:
    subscription_id = await active(stage)
    people = sides(stage)
    await people["PROVIDER"].do("suspend_subscription", subscription_id=subscription_id, reason="First.")
    answers = await asyncio.gather(
        people["PROVIDER"].do("resume_subscription", subscription_id=subscription_id),
        *(people["OPERATOR"].do("suspend_subscription", subscription_id=subscription_id, reason="Too.") for _ in range(3)),
        people["RECIPIENT"].do("suspend_subscription", subscription_id=subscription_id, reason="And."),
    )
    assert [each.status for each in answers if each.status != 409] == [200, 200, 200]
    row = (await people["RECIPIENT"].load("subscriptions_by_id", [subscription_id])).rows[0]
    assert sorted(each["cause"] for each in row["holds"]) == ["OPERATOR", "RECIPIENT"]
    assert (row["status"], len(row["history"])) == ("SUSPENDED", 6)
    assert [each["sequence"] for each in await stage.announced()] == list(range(1, 7))
