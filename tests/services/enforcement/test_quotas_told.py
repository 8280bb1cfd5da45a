"""What is told of quotas: to those who ask, and once a period to those who are concerned."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from chassis.calls import AsgiCaller, Call
from chassis.local import LocalBus
from services.enforcement.limits.sharing import Sharing
from services.enforcement.main import build
from services.enforcement.quotas.domain import Usage, reached
from services.enforcement.settings import EnforcementSettings
from tests.passports import make_passport, make_verifier, make_visitor_passport
from tests.services.enforcement.stage import Client, Issuer, Product, Stage, until

NEEDED = ["PERMISSION"]


class Asking(Stage):
    """With people who ask over HTTP."""

    keys: Path

    async def ask(self, passport: str, *subscription_ids: str) -> list[Any]:
        call = Call(
            "enforcement",
            "/load/quotas_by_subscription",
            orjson.dumps({"keys": subscription_ids}),
            {"portico-passport": passport},
        )
        answer = await AsgiCaller({"enforcement": self.service.app}).call(call)
        assert answer.status == 200
        return list(orjson.loads(answer.body)["rows"])

    def operator(self, role: str = "OPERATOR_ADMINISTRATOR") -> str:
        return make_passport(self.keys, "usr_operator", platform_roles=[role])

    def member(self, organization_id: str, role: str = "OBSERVER") -> str:
        return make_passport(self.keys, "usr_member", organizations={organization_id: role})

    async def subscribed(self, **plan: Any) -> tuple[Client, Product, str]:
        client, product = await self.application(), await self.product(**plan)
        subscription_id = await self.subscribe(client, product)

        async def copied() -> bool:
            rows = await self.service.store.reader().collection("copies").find({})
            return {subscription_id, client.application_id, product.id, product.plan_id} <= {each["_id"] for each in rows}

        await until(copied, 60)
        return client, product, subscription_id

    async def call(self, client: Client, product: Product, times: int = 1) -> None:
        await self.check_until(200, "GET", f"{product.base_path}/pets", client.headers)
        for _ in range(times - 1):
            assert (await self.check("GET", f"{product.base_path}/pets", client.headers)).status_code == 200

    async def facts(self) -> list[dict[str, Any]]:
        rows = await self.service.store.reader().collection("outbox").find({}, sort=[("_id", 1)])
        told = [orjson.loads(bytes(row["body"])) for row in rows]
        return [each for each in told if each["type"] == "portico.enforcement.quota_threshold_reached.v1"]


@pytest.fixture
async def asking(issuer: Issuer, bus: LocalBus, make_store: Callable[..., Any], tmp_path: Path) -> AsyncIterator[Asking]:
    settings = EnforcementSettings(keys_dir=issuer.folder, data_plane=None)
    service = build(settings, bus, make_store("enforcement"), verifier=make_verifier(tmp_path / "passports"))
    await service.declare()
    await service.start()
    asking = Asking(bus, issuer, service)
    asking.keys = tmp_path / "passports"
    yield asking
    await service.close()


async def test_both_sides_and_the_operator_see_what_is_used_and_nobody_else(asking: Asking) -> None:
    plan = {"quota_calls": 10, "quota_period": "DAY", "quota_time_zone": "Europe/Riga"}
    client, product, subscription_id = await asking.subscribed(**plan)
    await asking.call(client, product, 3)
    for passport in (asking.member(client.organization_id), asking.member("org_provider"), asking.operator()):
        (row,) = await asking.ask(passport, subscription_id)
        assert {name: row[name] for name in ("limit", "used", "remaining", "period", "time_zone", "permission")} == {
            "limit": 10,
            "used": 3,
            "remaining": 7,
            "period": "DAY",
            "time_zone": "Europe/Riga",
            "permission": None,
        }
        assert datetime.fromisoformat(row["resets_at"]).astimezone(UTC).hour in (21, 22)
    strangers = (asking.member("org_other", "OWNER"), asking.operator("ANALYST"), make_visitor_passport(asking.keys))
    for passport in strangers:
        assert await asking.ask(passport, subscription_id, "sub_nowhere") == [None, None]


async def test_without_a_quota_there_is_none_to_tell_of(asking: Asking) -> None:
    _, _, subscription_id = await asking.subscribed()
    assert await asking.ask(asking.operator(), subscription_id) == [None]


async def test_the_permissions_quota_is_told_beside_the_plans(asking: Asking) -> None:
    client, product, subscription_id = await asking.subscribed(prerequisites=NEEDED)
    permission_id = await asking.permit(client, product, quota_calls=4, quota_period="MONTH")

    async def copied() -> bool:
        return await asking.service.store.reader().collection("copies").find_one({"_id": permission_id}) is not None

    await until(copied, 60)
    await asking.call(client, product)
    (row,) = await asking.ask(asking.operator(), subscription_id)
    assert (row["limit"], row["used"]) == (None, None)
    assert (row["permission"]["limit"], row["permission"]["used"], row["permission"]["time_zone"]) == (4, 1, "UTC")


async def test_each_threshold_is_announced_once_a_period(asking: Asking) -> None:
    client, product, subscription_id = await asking.subscribed(quota_calls=10, quota_period="DAY", quota_time_zone="Asia/Tokyo")
    keeper = asking.worker(Sharing).keeper
    await asking.call(client, product, 4)
    await keeper.tell()
    assert await asking.facts() == []
    for calls, thresholds in ((1, [50]), (3, [50, 80]), (2, [50, 80, 100])):
        await asking.call(client, product, calls)
        for _ in range(2):
            await keeper.tell()
        assert [each["data"]["threshold"] for each in await asking.facts()] == thresholds
    (*_, last) = await asking.facts()
    told = last["data"]
    assert (told["subscription_id"], told["application_id"]) == (subscription_id, client.application_id)
    assert (told["used"], told["limit"], told["period"], told["time_zone"]) == (10, 10, "DAY", "Asia/Tokyo")
    assert told["permission_id"] is None
    assert (last["organization"], last["audience"]) == (client.organization_id, client.organization_id)


async def test_the_thresholds_of_a_permissions_quota_are_announced_beside_the_plans(asking: Asking) -> None:
    client, product, subscription_id = await asking.subscribed(prerequisites=NEEDED, quota_calls=6, quota_period="DAY")
    permission_id = await asking.permit(client, product, quota_calls=4, quota_period="MONTH")
    await asking.call(client, product, 4)
    assert (await asking.check("GET", f"{product.base_path}/pets", client.headers)).json()["code"] == "PERMISSION_QUOTA_EXCEEDED"
    for _ in range(2):
        await asking.worker(Sharing).keeper.tell()
    told = [each["data"] for each in await asking.facts()]
    reached = sorted((each["permission_id"] or "plan", each["threshold"], each["limit"], each["period"]) for each in told)
    assert reached == [("plan", 50, 6, "DAY"), *((permission_id, percent, 4, "MONTH") for percent in (50, 80, 100))]
    assert {(each["subscription_id"], each["plan_id"]) for each in told} == {(subscription_id, product.plan_id)}
    assert {each["audience"] for each in await asking.facts()} == {client.organization_id}


async def test_what_was_announced_is_not_announced_again_after_a_restart(asking: Asking, bus: LocalBus, issuer: Issuer) -> None:
    client, product, _ = await asking.subscribed(quota_calls=4, quota_period="DAY")
    await asking.call(client, product, 2)
    await asking.worker(Sharing).keeper.tell()
    assert len(await asking.facts()) == 1
    settings = EnforcementSettings(keys_dir=issuer.folder, data_plane=None)
    again = build(settings, bus, asking.service.store)
    for worker in reversed(asking.service.workers):
        await worker.close()
    for worker in again.workers:
        await worker.start()
    later = Asking(bus, issuer, again)
    await later.call(client, product, 2)
    await later.worker(Sharing).keeper.tell()
    assert [each["data"]["threshold"] for each in await asking.facts()] == [50, 80, 100]
    for worker in reversed(again.workers):
        await worker.close()


BEGAN = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("used", "hours", "at_hour"),
    [(0, 6, None), (30, 6, 20), (25, 6, None), (100, 6, None), (50, 6, 12), (80, 1, 1.25), (99, 0.4, None), (1, 0.5, None)],
)
def test_the_forecast_goes_on_at_the_pace_of_the_period(used: int, hours: float, at_hour: float | None) -> None:
    usage = Usage(100, used, "DAY", "UTC", BEGAN, BEGAN + timedelta(days=1))
    expected = None if at_hour is None else BEGAN + timedelta(hours=at_hour)
    assert usage.exhausted_at(BEGAN + timedelta(hours=hours)) == expected


def test_the_forecast_begins_with_the_first_call_of_the_period() -> None:
    usage = Usage(100, 50, "DAY", "UTC", BEGAN, BEGAN + timedelta(days=1), since=BEGAN + timedelta(hours=20))
    assert usage.exhausted_at(BEGAN + timedelta(hours=21)) == BEGAN + timedelta(hours=22)
    assert usage.exhausted_at(BEGAN + timedelta(hours=20, minutes=20)) is None


def test_thresholds_are_reached_exactly() -> None:
    assert [reached(used, 10) for used in (4, 5, 7, 8, 9, 10)] == [(), (50,), (50,), (50, 80), (50, 80), (50, 80, 100)]
    assert (reached(1, 1), reached(0, 0)) == ((50, 80, 100), ())
