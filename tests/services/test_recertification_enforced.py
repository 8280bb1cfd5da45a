"""From the campaign to the call: recertification, subscriptions and enforcement on one bus, each with its own database."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.clock import FixedClock
from chassis.local import LocalBus
from services.enforcement.main import build as build_enforcement
from services.enforcement.settings import EnforcementSettings
from services.recertification.main import build as build_recertification
from services.recertification.settings import RecertificationSettings
from services.subscriptions.main import build as build_subscriptions
from services.subscriptions.settings import SubscriptionsSettings
from tests.passports import make_verifier
from tests.services.enforcement.stage import Issuer, until
from tests.services.enforcement.stage import Stage as CheckStage
from tests.services.stage import Person, Stage

PATIENCE = 60.0


@dataclass
class Three:
    """Who asks, who owns, who refuses; and the clock of the one who asks."""

    asking: Stage
    owning: Stage
    checking: CheckStage
    clock: FixedClock

    @property
    def provider(self) -> Person:
        return self.asking.person("usr_provider", org_provider="OWNER")

    async def check(self, status: int, path: str, headers: dict[str, str]) -> Any:
        async def asked() -> Any:
            answer = await self.checking.check("GET", path, headers)
            return answer if answer.status_code == status else None

        return await until(asked, PATIENCE)

    async def campaign(self, kind: str) -> dict[str, Any]:
        """Start one over the provider's things of a kind, as soon as what is to be asked about has been heard of."""
        due_at = (self.clock.now() + timedelta(days=2)).isoformat()
        asked = {"side": "PROVIDER", "organization_id": "org_provider", "kinds": [kind]}

        async def heard() -> bool:
            return bool((await self.provider.do("preview_campaign", **asked)).result["items"])

        await until(heard, PATIENCE)
        said = await self.provider.do("start_campaign", **asked, title="Look", reason="It is time.", due_at=due_at)
        [page] = (await self.provider.load("items_by_campaign", [said.result["id"]])).rows
        [item] = page["nodes"]
        found: dict[str, Any] = item
        return found


@pytest.fixture
async def three(make_store: Callable[..., Any], tmp_path: Path) -> AsyncIterator[Three]:
    async with AsyncExitStack() as stack:
        bus = LocalBus(tmp_path / "bus.sqlite")
        await bus.start()
        stack.push_async_callback(bus.close)
        keys, clock = tmp_path / "keys", FixedClock()
        verifier = make_verifier(keys)
        issuer = Issuer(keys)
        quickly = RecertificationSettings(due_every_seconds=0.1)
        asking = build_recertification(quickly, bus, make_store("recertification", clock), verifier)
        owning = build_subscriptions(SubscriptionsSettings(patience_seconds=10), bus, make_store("subscriptions"), verifier)
        checking = build_enforcement(EnforcementSettings(keys_dir=keys, data_plane=None), bus, make_store("enforcement"))
        for service in (asking, owning, checking):
            await service.declare()
        for service in (asking, owning, checking):
            await service.start()
            stack.push_async_callback(service.close)
        yield Three(Stage(asking, keys), Stage(owning, keys), CheckStage(bus, issuer, checking), clock)


async def test_a_call_is_refused_once_nobody_has_confirmed_and_passes_again_afterwards(three: Three) -> None:
    client, product = await three.checking.application(), await three.checking.product()
    path = f"{product.base_path}/pets"
    holder = three.owning.member(client.organization_id, "OWNER")
    wish = {"application_id": client.application_id, "product_id": product.id, "plan_id": product.plan_id}
    assert (await holder.do("subscribe", **wish)).result["status"] == "ACTIVE"
    await three.check(200, path, client.headers)

    item = await three.campaign("SUBSCRIPTION")
    three.clock.advance(timedelta(days=3))
    refused = (await three.check(403, path, client.headers)).json()
    assert (refused["code"], refused["causes"]) == ("SUBSCRIPTION_SUSPENDED", ["RECERTIFICATION"])

    asked = three.asking.member(client.organization_id, "OWNER")
    assert (await asked.do("confirm_items", item_ids=[item["id"]])).result["items"][0]["is_late"]
    await three.check(200, path, client.headers)


async def test_a_call_is_refused_for_good_once_its_permission_was_given_up(three: Three) -> None:
    client = await three.checking.application()
    product = await three.checking.product(prerequisites=["PERMISSION"])
    path = f"{product.base_path}/pets"
    provider = three.owning.person("usr_provider", org_provider="OWNER")
    holder = three.owning.member(client.organization_id, "OWNER")

    async def permitted() -> bool:
        said = await provider.do("grant_permission_to", client_id=client.client_id, product_id=product.id)
        return said.status == 200

    await until(permitted, PATIENCE)
    wish = {"application_id": client.application_id, "product_id": product.id, "plan_id": product.plan_id}
    subscription = (await holder.do("subscribe", **wish)).result
    await three.check(200, path, client.headers)
    item = await three.campaign("PERMISSION")
    asked = three.asking.member(client.organization_id, "OWNER")
    assert (await asked.do("give_up_items", item_ids=[item["id"]])).status == 200
    await three.check(200, path, client.headers)
    three.clock.advance(timedelta(days=3))
    await three.check(403, path, client.headers)

    async def held() -> bool:
        [row] = (await holder.load("subscriptions_by_id", [subscription["id"]])).rows
        return [each["cause"] for each in row["holds"]] == ["PERMISSION"]

    await until(held, PATIENCE)
    refused = (await three.check(403, path, client.headers)).json()
    assert refused["code"] in ("SUBSCRIPTION_SUSPENDED", "OPERATION_NOT_PERMITTED"), "whichever is heard of first"
