"""Approving, rejecting and cancelling, through HTTP: by whom, when, and what the others are told."""

import asyncio
from typing import Any

import pytest

from tests.passports import GRANTS, ROLES
from tests.services.stage import Stage
from tests.services.subscriptions.announcements import APPLICATION, BY_PROVIDER, PRODUCT

DECISIONS: list[tuple[str, dict[str, Any]]] = [
    ("approve_subscription", {}),
    ("reject_subscription", {"reason": "No."}),
]
VERBS = [*DECISIONS, ("cancel_subscription", {})]


async def pending(stage: Stage) -> str:
    wish = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": BY_PROVIDER}
    row = (await stage.person(org_consumer="DEVELOPER").do("subscribe", **wish)).result
    assert row["status"] == "PENDING"
    return str(row["id"])


async def test_the_provider_approves(stage: Stage) -> None:
    subscription_id = await pending(stage)
    provider = stage.person("usr_provider", org_provider="ADMINISTRATOR")
    row = (await provider.do("approve_subscription", subscription_id=subscription_id)).result
    assert row["status"] == "ACTIVE"
    assert row["history"][-1]["actor"] == "usr_provider"
    last = (await stage.announced())[-1]
    assert last["type"] == "portico.subscriptions.subscription_activated.v1"
    assert (last["sequence"], last["audience"]) == (2, "org_consumer,org_provider")
    again = await provider.do("approve_subscription", subscription_id=subscription_id)
    assert (again.status, again.code) == (409, "ALREADY_ACTIVE")


async def test_the_provider_rejects_with_a_reason(stage: Stage) -> None:
    subscription_id = await pending(stage)
    provider = stage.person(org_provider="OWNER")
    wordless = await provider.do("reject_subscription", subscription_id=subscription_id, reason="  ")
    assert wordless.status == 422
    assert [each["field"] for each in wordless.body["fields"]] == ["reason"]
    row = (await provider.do("reject_subscription", subscription_id=subscription_id, reason=" Not yet. ")).result
    assert (row["status"], row["reason"]) == ("REJECTED", "Not yet.")
    assert (await stage.announced())[-1]["data"]["reason"] == "Not yet."
    late = await provider.do("approve_subscription", subscription_id=subscription_id)
    assert (late.status, late.code) == (409, "ALREADY_REJECTED")


async def test_the_subscriber_cancels(stage: Stage) -> None:
    subscription_id = await pending(stage)
    consumer = stage.person(org_consumer="DEVELOPER")
    row = (await consumer.do("cancel_subscription", subscription_id=subscription_id, reason="Done.")).result
    assert (row["status"], row["reason"]) == ("CANCELLED", "Done.")
    assert (await stage.announced())[-1]["type"] == "portico.subscriptions.subscription_cancelled.v1"
    again = await consumer.do("cancel_subscription", subscription_id=subscription_id)
    assert (again.status, again.code) == (409, "ALREADY_CANCELLED")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("verb", "more"), DECISIONS)
async def test_the_table_of_roles_decides_who_decides(stage: Stage, role: str, verb: str, more: dict[str, Any]) -> None:
    subscription_id = await pending(stage)
    answer = await stage.person(org_provider=role).do(verb, subscription_id=subscription_id, **more)
    if "DECIDE_SUBSCRIPTIONS" in GRANTS[role]:
        assert answer.status == 200
    else:
        assert (answer.status, answer.code) == (403, "ROLE_NOT_ALLOWED")


@pytest.mark.parametrize("role", ROLES)
async def test_the_table_of_roles_decides_who_cancels(stage: Stage, role: str) -> None:
    subscription_id = await pending(stage)
    answer = await stage.person(org_consumer=role).do("cancel_subscription", subscription_id=subscription_id)
    if "CANCEL_SUBSCRIPTION" in GRANTS[role]:
        assert answer.result["status"] == "CANCELLED"
    else:
        assert (answer.status, answer.code) == (403, "ROLE_NOT_ALLOWED")


@pytest.mark.parametrize(("verb", "more"), DECISIONS)
async def test_the_subscriber_does_not_decide(stage: Stage, verb: str, more: dict[str, Any]) -> None:
    subscription_id = await pending(stage)
    answer = await stage.person(org_consumer="OWNER").do(verb, subscription_id=subscription_id, **more)
    assert (answer.status, answer.code) == (403, "ONLY_THE_PROVIDER_DECIDES")


async def test_the_provider_does_not_cancel(stage: Stage) -> None:
    subscription_id = await pending(stage)
    answer = await stage.person(org_provider="OWNER").do("cancel_subscription", subscription_id=subscription_id)
    assert (answer.status, answer.code) == (403, "ONLY_THE_SUBSCRIBER_CANCELS")


@pytest.mark.parametrize(("verb", "more"), VERBS)
async def test_for_a_stranger_it_does_not_exist(stage: Stage, verb: str, more: dict[str, Any]) -> None:
    subscription_id = await pending(stage)
    stranger = stage.person(org_stranger="OWNER")
    foreign = await stranger.do(verb, subscription_id=subscription_id, **more)
    absent = await stranger.do(verb, subscription_id="sub_absent", **more)
    assert (foreign.status, foreign.code) == (404, "NOT_FOUND")
    assert foreign.without_trace() == absent.without_trace()


@pytest.mark.parametrize(("verb", "more"), VERBS)
async def test_nobody_decides_without_signing_in(stage: Stage, verb: str, more: dict[str, Any]) -> None:
    answer = await stage.anonymous.do(verb, subscription_id=await pending(stage), **more)
    assert (answer.status, answer.code) == (401, "SIGN_IN_FIRST")


async def test_of_decisions_at_the_same_moment_one_holds(stage: Stage) -> None:
    subscription_id = await pending(stage)
    provider, consumer = stage.person(org_provider="OWNER"), stage.person(org_consumer="OWNER")
    answers = await asyncio.gather(
        *(provider.do("approve_subscription", subscription_id=subscription_id) for _ in range(3)),
        *(provider.do("reject_subscription", subscription_id=subscription_id, reason="No.") for _ in range(3)),
    )
    assert sorted(each.status for each in answers) == [200] + [409] * 5
    row = (await consumer.load("subscriptions_by_id", [subscription_id])).rows[0]
    assert len(row["history"]) == 2
    assert [each["sequence"] for each in await stage.announced()] == [1, 2]
