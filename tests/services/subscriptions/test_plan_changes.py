"""Going over to another plan, through HTTP: previewed, at once, later, with the provider's word, and at the same moment."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.clock import FixedClock
from chassis.local import LocalBus
from services.subscriptions.main import build
from services.subscriptions.settings import SubscriptionsSettings
from services.subscriptions.timekeeper import Timekeeper
from tests.passports import GRANTS, ROLES, make_verifier
from tests.services.stage import Stage
from tests.services.subscriptions.announcements import APPLICATION, AUTOMATIC, BY_PROVIDER, PRODUCT, calls, plan, whole_offer

LARGER, SMALL = "pln_larger", "pln_small"
START = datetime(2030, 1, 30, 12, tzinfo=UTC)
Timed = tuple[Stage, FixedClock]


@pytest.fixture
async def timed(reused_store: Callable[..., Any], bus: LocalBus, tmp_path: Path) -> Timed:
    """The service with a clock in hand, and two more plans."""
    clock = FixedClock(START)
    settings = SubscriptionsSettings(patience_seconds=0.2)
    service = build(settings, bus, reused_store("subscriptions", clock), make_verifier(tmp_path / "keys"))
    await service.declare()
    stage = Stage(service, tmp_path / "keys")
    await stage.hear(
        *whole_offer(),
        plan("changed", 2, quota_calls=100, quota_period="DAY"),
        plan(plan_id=LARGER, name="Larger", quota_calls=1000, quota_period="DAY"),
        plan(plan_id=SMALL, name="Small", quota_calls=2, quota_period="DAY", burst=1, rate_requests=1),
    )
    return stage, clock


async def active(stage: Stage) -> str:
    wish = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": AUTOMATIC}
    return str((await stage.person(org_consumer="DEVELOPER").do("subscribe", **wish)).result["id"])


async def keep_time(stage: Stage) -> None:
    (timekeeper,) = [each for each in stage.service.workers if isinstance(each, Timekeeper)]
    await timekeeper.look()


async def row_of(stage: Stage, subscription_id: str) -> dict[str, Any]:
    row: dict[str, Any] = (await stage.person(org_consumer="OWNER").load("subscriptions_by_id", [subscription_id])).rows[0]
    return row


async def test_a_preview_changes_nothing_and_says_what_would(timed: Timed) -> None:
    stage, _ = timed
    subscription_id = await active(stage)
    at = int(START.timestamp() * 1000)
    passed = {"at": at - 1000, "subscription_id": subscription_id, "rejection": None}
    refused = {**passed, "rejection": "RATE_EXCEEDED"}
    yesterday = {**passed, "at": at - 86_400_000}
    batches = [
        calls(1, passed, passed, refused, read_through=at - 500),
        calls(2, passed, *[yesterday] * 4, {"at": at, "subscription_id": None}, read_through=at),
    ]
    await stage.hear(*batches[::-1], *batches)
    developer = stage.person(org_consumer="DEVELOPER")
    before = await stage.announced()
    seen = (await developer.do("preview_plan_change", subscription_id=subscription_id, plan_id=SMALL)).result
    assert (seen["present"]["quota_calls"], seen["other"]["quota_calls"]) == (100, 2)
    assert (seen["other"]["name"], seen["other"]["burst"]) == ("Small", 1)
    assert (seen["needs_approval"], seen["effective_at"]) == (False, "2030-01-30T12:00:00Z")
    assert (seen["used"]["calls"], seen["used"]["calls_before"]) == (3, 4)
    assert seen["used"]["known_through"] == "2030-01-30T12:00:00Z"
    assert (seen["remaining_now"], seen["remaining_after"]) == (97, 0)
    codes = ["RATE_LOWER", "BURST_LOWER", "QUOTA_USED_UP", "QUOTA_BELOW_LAST_PERIOD"]
    assert [each["code"] for each in seen["warnings"]] == codes
    assert await stage.announced() == before
    assert (await row_of(stage, subscription_id))["plan_id"] == AUTOMATIC
    slow = (await developer.do("preview_plan_change", subscription_id=subscription_id, plan_id=BY_PROVIDER)).result
    assert (slow["needs_approval"], slow["remaining_after"]) == (True, None)
    later = {"subscription_id": subscription_id, "plan_id": LARGER, "when": "NEXT_PERIOD"}
    then = (await developer.do("preview_plan_change", **later)).result
    assert (then["effective_at"], then["remaining_after"]) == ("2030-01-31T00:00:00Z", 1000)


async def test_a_preview_counts_by_the_clocks_of_the_plans_zone(timed: Timed) -> None:
    stage, _ = timed
    await stage.hear(plan(plan_id="pln_riga", name="Riga", quota_calls=10, quota_period="DAY", quota_time_zone="Asia/Kathmandu"))
    subscription_id = await active(stage)
    # There it is a quarter to six in the evening: the day has begun at a quarter past six in the evening before, in UTC.
    midnight = datetime(2030, 1, 29, 18, 15, tzinfo=UTC)
    moments = [midnight, midnight - timedelta(seconds=1), midnight + timedelta(hours=3), midnight - timedelta(days=1, seconds=1)]
    told = [{"at": int(at.timestamp() * 1000), "subscription_id": subscription_id, "rejection": None} for at in moments]
    told[2]["rejection"] = "UPSTREAM_TIMEOUT"
    await stage.hear(calls(1, *told))
    developer = stage.person(org_consumer="DEVELOPER")
    wanted = {"subscription_id": subscription_id, "plan_id": "pln_riga"}
    seen = (await developer.do("preview_plan_change", **wanted)).result
    assert (seen["used"]["began_at"], seen["used"]["ends_at"]) == ("2030-01-29T18:15:00Z", "2030-01-30T18:15:00Z")
    assert (seen["used"]["calls"], seen["used"]["calls_before"], seen["remaining_after"]) == (2, 1, 8)
    assert seen["other"]["quota_time_zone"] == "Asia/Kathmandu"
    utc = (await developer.do("preview_plan_change", subscription_id=subscription_id, plan_id=LARGER)).result
    assert (utc["used"]["calls"], utc["used"]["calls_before"]) == (0, 3)
    await developer.do("change_subscription_plan", **wanted)
    then = (await developer.do("preview_plan_change", **{**wanted, "plan_id": SMALL}, when="NEXT_PERIOD")).result
    assert then["effective_at"] == "2030-01-30T18:15:00Z"


async def test_a_source_that_has_fallen_silent_is_not_taken_for_complete(timed: Timed) -> None:
    stage, clock = timed
    subscription_id = await active(stage)
    developer = stage.person(org_consumer="DEVELOPER")

    async def known_through() -> Any:
        seen = (await developer.do("preview_plan_change", subscription_id=subscription_id, plan_id=SMALL)).result
        return seen["used"]["known_through"]

    assert await known_through() is None
    at = int(START.timestamp() * 1000)
    await stage.hear(calls(1, read_through=at), calls(1, read_through=at - 60_000, source="proxy_2"))
    assert await known_through() == "2030-01-30T11:59:00Z"
    await stage.hear(calls(2, source="proxy_3"))
    assert await known_through() is None
    clock.advance(timedelta(minutes=6))
    assert await known_through() is None


async def test_at_once_with_the_same_id(timed: Timed) -> None:
    stage, _ = timed
    subscription_id = await active(stage)
    developer = stage.person("usr_dev", org_consumer="DEVELOPER")
    row = (await developer.do("change_subscription_plan", subscription_id=subscription_id, plan_id=LARGER)).result
    assert (row["id"], row["plan_id"], row["status"], row["plan_change"]) == (subscription_id, LARGER, "ACTIVE", None)
    last = row["history"][-1]
    assert (last["what"], last["plan_id"], last["actor"]) == ("PLAN_CHANGED", LARGER, "usr_dev")
    told = (await stage.announced())[-1]
    assert (told["type"], told["subject"]) == ("portico.subscriptions.plan_changed.v1", subscription_id)
    assert (told["data"]["plan_id"], told["data"]["former_plan_id"]) == (LARGER, AUTOMATIC)
    again = await developer.do("change_subscription_plan", subscription_id=subscription_id, plan_id=LARGER)
    assert (again.status, again.code) == (409, "ALREADY_ON_THIS_PLAN")


async def test_later_it_begins_by_the_clock_once(timed: Timed) -> None:
    stage, clock = timed
    subscription_id = await active(stage)
    developer = stage.person(org_consumer="DEVELOPER")
    wanted = {"subscription_id": subscription_id, "plan_id": LARGER, "when": "AT", "at": "2030-02-01T02:00:00+02:00"}
    row = (await developer.do("change_subscription_plan", **wanted)).result
    assert row["plan_id"] == AUTOMATIC
    assert (row["plan_change"]["plan_id"], row["plan_change"]["effective_at"]) == (LARGER, "2030-02-01T00:00:00Z")
    told = (await stage.announced())[-1]
    assert told["type"] == "portico.subscriptions.plan_change_requested.v1"
    assert (told["data"]["new_plan_id"], told["data"]["needs_approval"]) == (LARGER, False)
    clock.advance(timedelta(days=1))
    await keep_time(stage)
    assert (await row_of(stage, subscription_id))["plan_id"] == AUTOMATIC
    clock.advance(timedelta(hours=12))
    await asyncio.gather(keep_time(stage), keep_time(stage))
    row = await row_of(stage, subscription_id)
    assert (row["plan_id"], row["plan_change"], row["history"][-1]["actor"]) == (LARGER, None, "system:subscriptions.timekeeper")
    told_of_it = [each for each in await stage.announced() if each["type"].endswith("plan_changed.v1")]
    assert len(told_of_it) == 1


async def test_what_was_withdrawn_meanwhile_lapses_with_a_reason(timed: Timed) -> None:
    stage, clock = timed
    subscription_id = await active(stage)
    wanted = {"subscription_id": subscription_id, "plan_id": LARGER, "when": "NEXT_PERIOD"}
    await stage.person(org_consumer="DEVELOPER").do("change_subscription_plan", **wanted)
    await stage.hear(plan("withdrawn", 2, plan_id=LARGER))
    clock.advance(timedelta(days=1))
    await keep_time(stage)
    row = await row_of(stage, subscription_id)
    assert (row["plan_id"], row["plan_change"], row["history"][-1]["what"]) == (AUTOMATIC, None, "PLAN_CHANGE_LAPSED")
    told = (await stage.announced())[-1]
    assert told["type"] == "portico.subscriptions.plan_change_lapsed.v1"
    assert "not offered any more" in told["data"]["reason"]


async def test_the_provider_agrees_and_meanwhile_the_present_plan_goes_on(timed: Timed) -> None:
    stage, _ = timed
    subscription_id = await active(stage)
    developer, provider = stage.person(org_consumer="DEVELOPER"), stage.person("usr_p", org_provider="OWNER")
    waiting = (await developer.do("change_subscription_plan", subscription_id=subscription_id, plan_id=BY_PROVIDER)).result
    assert (waiting["plan_id"], waiting["status"], waiting["plan_change"]["awaits_approval"]) == (AUTOMATIC, "ACTIVE", True)
    second = await developer.do("change_subscription_plan", subscription_id=subscription_id, plan_id=LARGER)
    assert (second.status, second.code) == (409, "PLAN_CHANGE_PENDING")
    row = (await provider.do("approve_plan_change", subscription_id=subscription_id)).result
    assert (row["plan_id"], row["plan_change"]) == (BY_PROVIDER, None)
    whats = [each["what"] for each in row["history"]][-3:]
    assert whats == ["PLAN_CHANGE_REQUESTED", "PLAN_CHANGE_APPROVED", "PLAN_CHANGED"]
    again = await provider.do("approve_plan_change", subscription_id=subscription_id)
    assert (again.status, again.code) == (409, "NO_PLAN_CHANGE")


async def test_the_provider_declines_or_it_is_withdrawn(timed: Timed) -> None:
    stage, _ = timed
    subscription_id = await active(stage)
    developer, provider = stage.person(org_consumer="DEVELOPER"), stage.person(org_provider="OWNER")
    await developer.do("change_subscription_plan", subscription_id=subscription_id, plan_id=BY_PROVIDER)
    row = (await provider.do("reject_plan_change", subscription_id=subscription_id, reason="Not yet.")).result
    assert (row["plan_id"], row["plan_change"], row["reason"]) == (AUTOMATIC, None, None)
    assert (row["history"][-1]["what"], row["history"][-1]["reason"]) == ("PLAN_CHANGE_REJECTED", "Not yet.")
    assert (await stage.announced())[-1]["data"]["reason"] == "Not yet."
    await developer.do("change_subscription_plan", subscription_id=subscription_id, plan_id=BY_PROVIDER)
    row = (await developer.do("withdraw_plan_change", subscription_id=subscription_id)).result
    assert (row["plan_change"], row["history"][-1]["what"]) == (None, "PLAN_CHANGE_WITHDRAWN")
    gone = await provider.do("approve_plan_change", subscription_id=subscription_id)
    assert (gone.status, gone.code) == (409, "NO_PLAN_CHANGE")


async def test_a_cancelled_subscription_waits_for_no_plan(timed: Timed) -> None:
    stage, clock = timed
    subscription_id = await active(stage)
    developer = stage.person(org_consumer="DEVELOPER")
    await developer.do("change_subscription_plan", subscription_id=subscription_id, plan_id=LARGER, when="NEXT_PERIOD")
    await developer.do("cancel_subscription", subscription_id=subscription_id)
    clock.advance(timedelta(days=2))
    await keep_time(stage)
    row = await row_of(stage, subscription_id)
    assert (row["status"], row["plan_id"], row["plan_change"]) == ("CANCELLED", AUTOMATIC, None)


@pytest.mark.parametrize(
    ("wanted", "code", "fields"),
    [
        ({"plan_id": "pln_absent"}, "NOT_FOUND", ["plan_id"]),
        ({"plan_id": LARGER, "when": "AT"}, "INVALID", ["at"]),
        ({"plan_id": LARGER, "when": "AT", "at": "2020-01-01T00:00:00Z"}, "INVALID", ["at"]),
        ({"plan_id": LARGER, "at": "2030-03-01T00:00:00Z"}, "INVALID", ["at"]),
        ({"plan_id": LARGER, "when": "SOON"}, "INPUT_NOT_USABLE", ["when"]),
    ],
)
async def test_what_cannot_be_used_names_its_field(timed: Timed, wanted: dict[str, str], code: str, fields: list[str]) -> None:
    stage, _ = timed
    subscription_id = await active(stage)
    for verb in ("change_subscription_plan", "preview_plan_change"):
        refused = await stage.person(org_consumer="OWNER").do(verb, subscription_id=subscription_id, **wanted)
        assert (refused.code, [each["field"] for each in refused.body["fields"]]) == (code, fields)


VERBS: list[tuple[str, dict[str, Any], str, str]] = [
    ("preview_plan_change", {"plan_id": LARGER}, "org_consumer", "SUBSCRIBE"),
    ("change_subscription_plan", {"plan_id": LARGER}, "org_consumer", "SUBSCRIBE"),
    ("withdraw_plan_change", {}, "org_consumer", "SUBSCRIBE"),
    ("approve_plan_change", {}, "org_provider", "DECIDE_SUBSCRIPTIONS"),
    ("reject_plan_change", {"reason": "No."}, "org_provider", "DECIDE_SUBSCRIPTIONS"),
]


@pytest.mark.parametrize(("verb", "more", "organization", "action"), VERBS)
async def test_who_may(timed: Timed, verb: str, more: dict[str, Any], organization: str, action: str) -> None:
    stage, _ = timed
    subscription_id = await active(stage)
    for role in ROLES:
        answer = await stage.member(organization, role).do(verb, subscription_id=subscription_id, **more)
        assert (answer.status == 403) == (action not in GRANTS[role])
    others = "org_provider" if organization == "org_consumer" else "org_consumer"
    refused = await stage.member(others, "OWNER").do(verb, subscription_id=subscription_id, **more)
    assert (refused.status, refused.code in ("NOT_YOUR_SIDE", "ONLY_THE_PROVIDER_DECIDES")) == (403, True)
    stranger = stage.person(org_stranger="OWNER")
    foreign = await stranger.do(verb, subscription_id=subscription_id, **more)
    absent = await stranger.do(verb, subscription_id="sub_absent", **more)
    assert (foreign.status, foreign.without_trace()) == (404, absent.without_trace())
    assert (await stage.anonymous.do(verb, subscription_id=subscription_id, **more)).code == "SIGN_IN_FIRST"


async def test_of_two_changes_at_the_same_moment_both_are_told_or_one_waits(timed: Timed) -> None:
    stage, _ = timed
    subscription_id = await active(stage)
    developer = stage.person(org_consumer="DEVELOPER")
    answers = await asyncio.gather(
        *(
            developer.do("change_subscription_plan", subscription_id=subscription_id, plan_id=each, when="NEXT_PERIOD")
            for each in (LARGER, SMALL, BY_PROVIDER)
        )
    )
    assert sorted(each.status for each in answers) == [200, 409, 409]
    assert {each.code for each in answers if each.status == 409} == {"PLAN_CHANGE_PENDING"}
    row = await row_of(stage, subscription_id)
    assert [each["what"] for each in row["history"]].count("PLAN_CHANGE_REQUESTED") == 1
    await developer.do("withdraw_plan_change", subscription_id=subscription_id)
    at_once = await asyncio.gather(
        *(developer.do("change_subscription_plan", subscription_id=subscription_id, plan_id=each) for each in (LARGER, SMALL))
    )
    assert [each.status for each in at_once] == [200, 200]
    told = [each["data"] for each in await stage.announced() if each["type"].endswith("plan_changed.v1")]
    assert told[0]["former_plan_id"] == AUTOMATIC
    assert told[1]["former_plan_id"] == told[0]["plan_id"]
