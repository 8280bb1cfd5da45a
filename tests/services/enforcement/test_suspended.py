"""Subscriptions that are suspended and resumed and that go over to another plan, as the check sees them."""

import itertools
from typing import Any

import pytest

from chassis import messages
from services.enforcement.limits.rates import Rate
from services.enforcement.state.copies import Copy, copy_of
from services.enforcement.state.world import World
from tests.services.enforcement.stage import Client, Product, Stage, message


async def ready(stage: Stage, sensitivity: str = "STANDARD", **plan: Any) -> tuple[Client, Product, str, str]:
    client, product = await stage.application(), await stage.product(sensitivity, **plan)
    subscription_id = await stage.subscribe(client, product)
    path = f"{product.base_path}/pets"

    await stage.check_until(405, "PATCH", path, client.headers)
    return client, product, subscription_id, path


async def test_a_suspended_subscription_is_refused_with_its_causes_and_passes_again(stage: Stage) -> None:
    client, product, subscription_id, path = await ready(stage)
    await stage.check_until(200, "GET", path, client.headers)
    await stage.subscribe(client, product, "SUSPENDED", subscription_id, causes=["PROVIDER", "PERMISSION"])
    answer = await stage.check_until(403, "GET", path, client.headers)
    problem = answer.json()
    assert (problem["code"], problem["causes"]) == ("SUBSCRIPTION_SUSPENDED", ["PROVIDER", "PERMISSION"])
    assert "PROVIDER, PERMISSION" in problem["detail"]
    await stage.subscribe(client, product, "ACTIVE", subscription_id, fact="subscription_resumed", causes=["PROVIDER"])
    await stage.check_until(200, "GET", path, client.headers)
    await stage.subscribe(client, product, "CANCELLED", subscription_id)
    assert (await stage.check_until(403, "GET", path, client.headers)).json()["code"] == "NOT_SUBSCRIBED"


async def test_suspending_and_resuming_gives_no_new_allowance(stage: Stage) -> None:
    client, product, subscription_id, path = await ready(stage, rate_requests=1, rate_seconds=3600, burst=1)
    assert (await stage.check_until(200, "GET", path, client.headers)).status_code == 200
    await stage.subscribe(client, product, "SUSPENDED", subscription_id, causes=["RECIPIENT"])
    await stage.check_until(403, "GET", path, client.headers)
    await stage.subscribe(client, product, "ACTIVE", subscription_id, fact="subscription_resumed")
    assert (await stage.check_until(429, "GET", path, client.headers)).json()["code"] == "RATE_EXCEEDED"


async def test_whoever_is_suspended_does_not_call_an_open_test_product_as_anybody_may(stage: Stage) -> None:
    client, product, subscription_id, path = await ready(stage, "OPEN_TEST")
    await stage.subscribe(client, product, "SUSPENDED", subscription_id, causes=["OPERATOR"])
    answer = await stage.check_until(403, "GET", path, client.headers)
    assert answer.json()["code"] == "SUBSCRIPTION_SUSPENDED"


async def test_a_subscription_to_an_open_test_product_has_its_plan_instead_of_the_modest_rate(stage: Stage) -> None:
    client, product = await stage.application(), await stage.product("OPEN_TEST", rate_requests=77, rate_seconds=1, burst=7)
    path = f"{product.base_path}/pets"
    answer = await stage.check_until(200, "GET", path, client.headers)
    assert answer.headers["ratelimit-policy"] == '"rate";q=5;w=1;portico-burst=10'
    subscription_id = await stage.subscribe(client, product)
    policy = ""
    while policy != '"rate";q=77;w=1;portico-burst=7':
        answer = await stage.check("GET", path, client.headers)
        policy = answer.headers.get("ratelimit-policy", "")
    assert answer.headers.get("x-portico-subscription", subscription_id) == subscription_id
    await stage.subscribe(client, product, "CANCELLED", subscription_id)
    await stage.check_until(200, "GET", path, client.headers)


async def test_another_plan_keeps_what_was_used(stage: Stage) -> None:
    client, product, subscription_id, path = await ready(stage, quota_calls=3, quota_period="MONTH")
    await stage.check_until(200, "GET", path, client.headers)
    assert (await stage.check("GET", path, client.headers)).status_code == 200
    larger = Product(product.id, product.version_id, f"{product.plan_id}_larger", product.base_path)
    await stage.plan(larger, quota_calls=4, quota_period="MONTH")
    await stage.subscribe(client, larger, subscription_id=subscription_id, fact="plan_changed", former_plan_id=product.plan_id)

    async def left() -> str:
        answer = await stage.check("GET", path, client.headers)
        return answer.headers["x-portico-plan"] if answer.status_code == 200 else answer.json()["code"]

    # Two were used of three; with the larger plan at most two more pass, whenever the change is heard.
    outcomes = [await left() for _ in range(3)]
    while outcomes[-1] != "QUOTA_EXCEEDED":
        outcomes.append(await left())
    assert sum(each != "QUOTA_EXCEEDED" for each in outcomes) <= 2
    answer = await stage.check("GET", path, client.headers)
    assert '"quota";r=0' in answer.headers["ratelimit"]


SUBSCRIBED = {"subscription_id": "sub", "application_id": "app", "product_id": "prd", "plan_id": "pln"}


def told(sequence: int, fact: str, status: str, **more: Any) -> Copy:
    data = {**SUBSCRIBED, "status": status, **more}
    return copy_of(messages.read(message(f"subscriptions.{fact}.v1", "sub", sequence, data).body))


LIFE = (
    told(1, "subscription_activated", "ACTIVE"),
    told(2, "subscription_suspended", "SUSPENDED", causes=["OPERATOR"]),
    told(3, "plan_changed", "SUSPENDED", causes=["OPERATOR"], plan_id="pln_2", former_plan_id="pln"),
)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_in_any_order_and_twice_it_is_suspended_on_the_other_plan(order: tuple[int, ...]) -> None:
    world = World(Rate(1, 1, 1))
    for number in (*order, *order):
        world.apply(LIFE[number])
    assert world.suspended_for("app", "prd") == ("OPERATOR",)
    assert world.lease("app", "prd", 0, 0) is None
    world.apply(told(4, "subscription_resumed", "ACTIVE", plan_id="pln_2"))
    assert world.suspended_for("app", "prd") is None
    lease = world.lease("app", "prd", 0, 0)
    assert lease is not None
    assert lease.plan_id == "pln_2"
