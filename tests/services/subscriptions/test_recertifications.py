"""What was not confirmed in time holds the subscriptions that rest on it; what was given up ends. In any order, however often."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from chassis.bus import Message
from tests.services.stage import Stage, envelope
from tests.services.subscriptions.announcements import APPLICATION, AUTOMATIC, CONSUMER, PRODUCT, PROVIDER, application
from tests.services.subscriptions.concluding import Cast, offer
from tests.services.subscriptions.permitting import decided, granted, hear_itself

NOW = datetime.now(UTC)


def item(fact: str, kind: str, subject_id: str, sequence: int = 1, *, item_id: str = "itm_1", hours: float = 0) -> Message:
    data = {"campaign_id": "cam_1", "item_id": item_id, "kind": kind, "subject_id": subject_id}
    data |= {"organization_id": CONSUMER, "provider_id": PROVIDER}
    made = envelope(f"recertification.item_{fact}.v1", item_id, sequence, data)
    wrapped = orjson.loads(made.body) | {"time": (NOW + timedelta(hours=hours)).isoformat()}
    return Message(made.id, made.key, orjson.dumps(wrapped))


async def active(stage: Stage, application_id: str = APPLICATION) -> str:
    wish = {"application_id": application_id, "product_id": PRODUCT, "plan_id": AUTOMATIC}
    return str((await stage.person(org_consumer="OWNER").do("subscribe", **wish)).result["id"])


async def row_of(stage: Stage, subscription_id: str) -> dict[str, Any]:
    row: dict[str, Any] = (await stage.person(org_consumer="OWNER").load("subscriptions_by_id", [subscription_id])).rows[0]
    return row


async def held(stage: Stage, subscription_id: str) -> list[str]:
    return [each["cause"] for each in (await row_of(stage, subscription_id))["holds"]]


async def test_a_subscription_that_was_not_confirmed_is_held_until_it_is(stage: Stage) -> None:
    subscription_id = await active(stage)
    suspend = item("not_confirmed", "SUBSCRIPTION", subscription_id, 1)
    await stage.hear(suspend, suspend)
    row = await row_of(stage, subscription_id)
    assert (row["status"], row["reason"]) == ("SUSPENDED", "It, or what it rests on, was not confirmed in time.")
    assert await held(stage, subscription_id) == ["RECERTIFICATION"]
    for person in (stage.person(org_consumer="OWNER"), stage.person(org_provider="OWNER")):
        refused = await person.do("resume_subscription", subscription_id=subscription_id)
        assert (refused.code, "RECERTIFICATION" in refused.body["detail"]) == ("HELD_BY_ANOTHER", True)
    confirm = item("confirmed", "SUBSCRIPTION", subscription_id, 2, hours=1)
    await stage.hear(confirm, confirm, suspend)
    assert (await row_of(stage, subscription_id))["status"] == "ACTIVE"
    told = [(each["type"].split(".")[2], each["data"]["causes"]) for each in (await stage.announced())[2:]]
    assert told == [("subscription_suspended", ["RECERTIFICATION"]), ("subscription_resumed", ["RECERTIFICATION"])]


async def test_what_was_said_last_counts_in_whichever_campaign(stage: Stage) -> None:
    subscription_id = await active(stage)
    said = [
        item("not_confirmed", "SUBSCRIPTION", subscription_id, 1),
        item("confirmed", "SUBSCRIPTION", subscription_id, 2, hours=1),
        item("confirmed", "SUBSCRIPTION", subscription_id, 1, item_id="itm_2", hours=2),
        item("not_confirmed", "SUBSCRIPTION", subscription_id, 1, item_id="itm_3", hours=3),
    ]
    expected = {("itm_1",): [], ("itm_3",): ["RECERTIFICATION"]}
    await stage.hear(*said[1:3], said[0])
    assert await held(stage, subscription_id) == expected["itm_1",]
    await stage.hear(said[3], *said)
    assert await held(stage, subscription_id) == expected["itm_3",]
    await stage.hear(item("confirmed", "SUBSCRIPTION", subscription_id, 1, item_id="itm_4", hours=4))
    assert await held(stage, subscription_id) == [], "a later campaign's confirmation lifts an earlier one's hold"


@pytest.mark.parametrize("order", list(itertools.permutations(range(2))), ids=str)
async def test_other_holds_stay(stage: Stage, order: tuple[int, ...]) -> None:
    subscription_id = await active(stage)
    await stage.person(org_provider="OWNER").do("suspend_subscription", subscription_id=subscription_id, reason="Mine.")
    said = [
        item("not_confirmed", "SUBSCRIPTION", subscription_id, 1),
        item("confirmed", "SUBSCRIPTION", subscription_id, 2, hours=1),
    ]
    await stage.hear(*(said[each] for each in order))
    assert await held(stage, subscription_id) == ["PROVIDER"]


async def test_a_permission_that_was_not_confirmed_holds_what_rests_on_it(stage: Stage) -> None:
    permission_id = (await granted(stage))["id"]
    subscription_id = await active(stage)
    await stage.hear(application(application_id="app_2", client_id="cli-2"))
    beside = await active(stage, "app_2")
    await stage.hear(item("not_confirmed", "PERMISSION", permission_id))
    assert (await held(stage, subscription_id), await held(stage, beside)) == (["RECERTIFICATION"], [])
    await stage.person(org_consumer="OWNER").do("cancel_subscription", subscription_id=subscription_id)
    wish = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": AUTOMATIC}
    assert (await stage.person(org_consumer="OWNER").do("subscribe", **wish)).code == "CONFIRMATION_REQUIRED"
    await stage.hear(item("confirmed", "PERMISSION", permission_id, 2, hours=1))
    assert await held(stage, await active(stage)) == []


async def test_another_permission_in_its_place_holds_nothing(stage: Stage) -> None:
    permission_id = (await granted(stage))["id"]
    subscription_id = await active(stage)
    await stage.hear(item("not_confirmed", "PERMISSION", permission_id))
    await decided(stage, "revoke_permission", permission_id, reason="Anew.")
    await granted(stage)
    await hear_itself(stage)
    assert await held(stage, subscription_id) == []


async def test_what_was_given_up_ends_once(stage: Stage) -> None:
    permission_id = (await granted(stage))["id"]
    subscription_id = await active(stage)
    given = [item("given_up", "SUBSCRIPTION", subscription_id), item("given_up", "PERMISSION", permission_id, item_id="itm_2")]
    await stage.hear(*given, *given)
    again = [
        item("given_up", "SUBSCRIPTION", subscription_id, 2),
        item("given_up", "PERMISSION", permission_id, 2, item_id="itm_2"),
    ]
    await stage.hear(*again)
    row = await row_of(stage, subscription_id)
    assert (row["status"], row["reason"]) == ("CANCELLED", "It was given up in a recertification.")
    facts = [each["type"].split(".")[2] for each in await stage.announced()]
    assert (facts.count("subscription_cancelled"), facts.count("permission_revoked")) == (1, 1)


async def test_what_is_not_owned_here_is_nothing_here(stage: Stage) -> None:
    before = len(await stage.announced())
    for kind in ("MEMBER", "CERTIFICATE", "SOMETHING_NEW"):
        await stage.hear(item("not_confirmed", kind, "it", item_id=kind), item("given_up", kind, "it", item_id=f"{kind}2"))
    await stage.hear(*(item(fact, "AGREEMENT", "agr_unheard_of", item_id=fact) for fact in ("not_confirmed", "given_up")))
    assert len(await stage.announced()) == before


async def test_an_agreement_holds_what_it_covers_and_ends_when_given_up(empty_stage: Stage) -> None:
    await empty_stage.hear(*offer())
    cast = Cast(empty_stage)
    await cast.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    request = await cast.connected()
    agreement_id = request["documents"][0]["id"]
    subscription_id = await active(empty_stage)
    await empty_stage.hear(item("not_confirmed", "AGREEMENT", agreement_id))
    assert await held(empty_stage, subscription_id) == ["RECERTIFICATION"]
    await empty_stage.hear(item("confirmed", "AGREEMENT", agreement_id, 2, hours=1))
    assert await held(empty_stage, subscription_id) == []
    await empty_stage.hear(item("given_up", "AGREEMENT", agreement_id, 3))
    await hear_itself(empty_stage)
    assert await held(empty_stage, subscription_id) == ["AGREEMENT"]
    lapsed = [each for each in await empty_stage.announced() if each["type"].endswith("agreement_lapsed.v1")]
    assert [each["data"]["reason"] for each in lapsed] == ["It was given up in a recertification."]
