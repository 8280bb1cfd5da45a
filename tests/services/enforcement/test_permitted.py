"""Permissions as the check sees them: operations, time to the millisecond, and a quota of their own beside the plan's."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from chassis import messages
from chassis.bus import Message
from services.enforcement.checks.case import Asked, Credentials, Now
from services.enforcement.checks.domain import decide
from services.enforcement.checks.refusals import OperationNotPermitted, PermissionQuotaExceeded, QuotaExceeded, RateExceeded
from services.enforcement.limits.rates import Rate
from services.enforcement.state.copies import Copy, copy_of
from services.enforcement.state.world import World
from tests.services.enforcement.stage import Stage, message

NEEDED = ["PERMISSION"]


async def test_operations_outside_the_granted_ones_are_refused(stage: Stage) -> None:
    client, product = await stage.application(), await stage.product(prerequisites=NEEDED)
    await stage.subscribe(client, product)
    pets, pet = f"{product.base_path}/pets", f"{product.base_path}/pets/7"
    refused = await stage.check_until(403, "GET", pets, client.headers)
    assert refused.json()["code"] in ("OPERATION_NOT_PERMITTED", "NOT_SUBSCRIBED")
    permission_id = await stage.permit(client, product, operations=["listPets"])
    assert (await stage.check_until(200, "GET", pets, client.headers)).headers["x-portico-operation"] == "listPets"
    assert (await stage.check("GET", pet, client.headers)).json()["code"] == "OPERATION_NOT_PERMITTED"
    await stage.permit(client, product, "extended", permission_id=permission_id)
    await stage.check_until(200, "GET", pet, client.headers)
    await stage.permit(client, product, "revoked", permission_id=permission_id)
    assert (await stage.check_until(403, "GET", pet, client.headers)).json()["code"] == "OPERATION_NOT_PERMITTED"


async def test_the_permissions_own_quota_counts_beside_the_plans(stage: Stage) -> None:
    client = await stage.application()
    product = await stage.product(prerequisites=NEEDED, quota_calls=5, quota_period="MONTH")
    await stage.permit(client, product, quota_calls=2, quota_period="MONTH")
    await stage.subscribe(client, product)
    path = f"{product.base_path}/pets"
    first = await stage.check_until(200, "GET", path, client.headers)
    assert first.headers["ratelimit-policy"].endswith(', "quota";q=5;w=2592000, "permission";q=2;w=2592000')
    assert '"permission";r=1;' in first.headers["ratelimit"]
    assert (await stage.check("GET", path, client.headers)).status_code == 200
    refused = await stage.check("GET", path, client.headers)
    assert (refused.status_code, refused.json()["code"]) == (429, "PERMISSION_QUOTA_EXCEEDED")
    assert '"permission";r=0;' in refused.headers["ratelimit"]
    assert '"quota";r=3;' in refused.headers["ratelimit"]
    assert int(refused.headers["retry-after"]) > 0


async def test_a_product_that_needs_no_permission_has_none(stage: Stage) -> None:
    client, product = await stage.application(), await stage.product(prerequisites=["AGREEMENT"])
    await stage.permit(client, product, operations=["getPet"])
    await stage.subscribe(client, product)
    await stage.check_until(200, "GET", f"{product.base_path}/pets", client.headers)


BEGINS, ENDS = datetime(2030, 1, 1, 12, tzinfo=UTC), datetime(2030, 1, 2, 12, tzinfo=UTC)
SECOND, MILLISECOND = 1_000_000_000, 1_000_000
CREDENTIALS = Credentials("client", None, 0.0)


def copy(key: str, subject: str, sequence: int = 1, /, **data: Any) -> Copy:
    announced: Message = message(f"{key}.v1", subject, sequence, data)
    return copy_of(messages.read(announced.body))


def permission(sequence: int = 1, fact: str = "granted", status: str = "GRANTED", **terms: Any) -> Copy:
    whole = {"operations": None, "valid_from": None, "valid_to": None, "quota_calls": None, "quota_period": None, **terms}
    subject = whole.pop("permission_id", "prm")
    about: dict[str, Any] = {"permission_id": subject, "application_id": "app", "product_id": "prd", "status": status}
    return copy(f"subscriptions.permission_{fact}", subject, sequence, **about, **whole)


def world_with(*permissions: Copy, needed: bool = True, **plan: Any) -> World:
    world = World(Rate(1000, 1, 1000))
    terms = {"rate_requests": 1000, "rate_seconds": 1, "burst": 1000, "quota_calls": None, "quota_period": None, **plan}
    operations = [{"operation_id": "list", "method": "GET", "path": "/a"}, {"operation_id": "get", "method": "GET", "path": "/b"}]
    owned: dict[str, Any] = {"product_id": "prd", "organization_id": "org_p"}
    subscribed: dict[str, Any] = {
        "subscription_id": "sub",
        "application_id": "app",
        "product_id": "prd",
        "plan_id": "pln",
        "status": "ACTIVE",
    }
    prerequisites = NEEDED if needed else []
    for each in (
        copy("identity.application_created", "app", application_id="app", organization_id="org_c", client_id="client"),
        copy("catalog.product_created", "prd", sensitivity="STANDARD", prerequisites=prerequisites, **owned),
        copy("catalog.api_version_published", "ver", version_id="ver", base_path="/p/a/v1", operations=operations, **owned),
        copy("catalog.plan_created", "pln", plan_id="pln", product_id="prd", **terms),
        copy("subscriptions.subscription_activated", "sub", **subscribed),
        *permissions,
    ):
        world.apply(each)
    return world


def outcome(world: World, path: str = "/p/a/v1/a", at: datetime = BEGINS, plus_ns: int = 0) -> Any:
    wall_ns = int(at.timestamp()) * SECOND + plus_ns
    return decide(world, Asked("GET", path), CREDENTIALS, Now(wall_ns, wall_ns)).refusal


@pytest.mark.parametrize("milliseconds", [0, 1, 707, 999])
def test_it_holds_from_its_beginning_to_its_end_to_the_millisecond(milliseconds: int) -> None:
    more, plus_ns = timedelta(milliseconds=milliseconds), milliseconds * MILLISECOND
    world = world_with(permission(valid_from=(BEGINS + more).isoformat(), valid_to=(ENDS + more).isoformat()))
    assert outcome(world, at=BEGINS, plus_ns=plus_ns - 1) is OperationNotPermitted
    assert outcome(world, at=BEGINS, plus_ns=plus_ns) is None
    assert outcome(world, at=ENDS, plus_ns=plus_ns - 1) is None
    assert outcome(world, at=ENDS, plus_ns=plus_ns) is OperationNotPermitted


def test_what_has_begun_when_it_is_announced_holds_where_the_clock_is_behind() -> None:
    announced = datetime(2030, 1, 1, tzinfo=UTC)
    world = world_with(permission(valid_from=announced.isoformat()))
    assert outcome(world, at=announced, plus_ns=-SECOND) is None
    ahead = world_with(permission(valid_from=(announced + timedelta(milliseconds=1)).isoformat()))
    assert outcome(ahead, at=announced) is OperationNotPermitted


def test_of_several_permissions_any_permits() -> None:
    world = world_with(
        permission(permission_id="prm_1", operations=["list"], quota_calls=1, quota_period="DAY"),
        permission(permission_id="prm_2", operations=["get"]),
        permission(permission_id="prm_3", operations=["list"]),
    )
    assert [outcome(world), outcome(world), outcome(world, "/p/a/v1/b")] == [None, None, None]
    assert {key: counter.used for key, counter in world.book.counters.items()} == {"prm_1": 1}


def test_a_call_that_the_plan_refuses_does_not_count_against_the_permission() -> None:
    world = world_with(permission(quota_calls=9, quota_period="DAY"), quota_calls=2, quota_period="DAY")
    assert [outcome(world) for _ in range(3)] == [None, None, QuotaExceeded]
    assert world.book.counters["prm"].used == 2
    slow = world_with(permission(quota_calls=9, quota_period="DAY"), rate_requests=1, rate_seconds=3600, burst=1)
    assert [outcome(slow) for _ in range(2)] == [None, RateExceeded]
    assert slow.book.counters["prm"].used == 1


def test_a_new_day_counts_anew() -> None:
    world = world_with(permission(quota_calls=1, quota_period="DAY"))
    assert [outcome(world), outcome(world), outcome(world, at=ENDS)] == [None, PermissionQuotaExceeded, None]


def test_extending_a_permission_keeps_what_was_used() -> None:
    world = world_with(permission(quota_calls=2, quota_period="DAY"))
    assert outcome(world) is None
    world.apply(permission(2, "extended", quota_calls=2, quota_period="DAY", valid_to=ENDS.isoformat()))
    assert [outcome(world), outcome(world)] == [None, PermissionQuotaExceeded]


def test_without_the_prerequisite_a_permission_means_nothing() -> None:
    assert outcome(world_with(permission(operations=["get"]), needed=False)) is None
    world = world_with(permission(operations=["get"]))
    assert outcome(world) is OperationNotPermitted
    world.apply(copy("catalog.product_changed", "prd", 2, product_id="prd", organization_id="o", sensitivity="STANDARD"))
    assert outcome(world) is None


FACTS = (
    permission(1, operations=["list"]),
    permission(2, "revoked", "REVOKED", operations=["list"]),
    permission(3, "extended", operations=["get"]),
)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_in_any_order_and_twice_the_latest_counts(order: tuple[int, ...]) -> None:
    world = world_with(*(FACTS[number] for number in (*order, *order)))
    assert (outcome(world), outcome(world, "/p/a/v1/b")) == (OperationNotPermitted, None)


def test_a_moment_without_its_offset_cannot_be_used() -> None:
    with pytest.raises(ValueError, match="valid_to"):
        permission(valid_to="2030-01-01T00:00:00")
