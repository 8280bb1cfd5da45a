"""Whether a change is in force, as it is asked: never of what was before, and only by those whom it concerns."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.local import LocalBus
from chassis.principal import system
from services.enforcement.epochs import actions, repository
from services.enforcement.epochs.domain import Acknowledgement, Instance
from services.enforcement.main import build
from services.enforcement.settings import EnforcementSettings
from services.enforcement.state.numbering import InForce
from tests.passports import make_verifier
from tests.services.stage import Person, Stage, envelope

APPLICATION, SUBSCRIPTION = "app_1", "sub_1"
_SYSTEM = system("test")
RECIPIENT, PROVIDER = "org_recipient", "org_provider"
BOTH = f"{RECIPIENT},{PROVIDER}"
NOTHING: dict[str, Any] = {
    "in_force": False,
    "since": None,
    "epoch": None,
    "worst_lag_ms": None,
    "applied": 0,
    "instances": 0,
    "pending": [],
}


@pytest.fixture
async def stage(reused_store: Callable[..., Any], bus: LocalBus, tmp_path: Path) -> Stage:
    """The service without its workers: nothing is numbered or acknowledged unless a test does so."""
    keys = tmp_path / "keys"
    settings = EnforcementSettings(keys_dir=keys, data_plane=None)
    service = build(settings, bus, reused_store("enforcement"), verifier=make_verifier(keys))
    await service.declare()
    return Stage(service, keys)


def _told(status: str, sequence: int, time: str = "2030-01-01T00:00:00.000Z", plan_id: str = "pln_1") -> Any:
    fact = {"ACTIVE": "activated", "SUSPENDED": "suspended", "CANCELLED": "cancelled"}[status]
    data = {
        "subscription_id": SUBSCRIPTION,
        "application_id": APPLICATION,
        "organization_id": RECIPIENT,
        "product_id": "prd_1",
        "plan_id": plan_id,
        "provider_id": PROVIDER,
        "status": status,
    }
    return envelope(f"subscriptions.subscription_{fact}.v1", SUBSCRIPTION, sequence, data, time=time, audience=BOTH)


async def _instance(stage: Stage, instance_id: str, epoch: int) -> None:
    # It goes on living for as long as the test takes, on however busy a machine.
    now = datetime.now(UTC)
    alive_at = now + timedelta(hours=1)
    instance = Instance(instance_id, "host", now, alive_at, 1, is_fresh=True, acknowledged=Acknowledgement(epoch, {epoch: 7}))
    await repository.keep_instance(stage.service.store.reader(), instance_id, repository.fields_of(instance))


async def _number(stage: Stage) -> int:
    epoch = await actions.number(stage.service.store.reader())
    assert epoch is not None
    return epoch.number


async def _settle(stage: Stage) -> None:
    (epoch,) = await repository.pending_epochs(stage.service.store.reader())
    settled = actions.Settled(epoch, InForce(datetime(2030, 1, 1, 0, 0, 1, tzinfo=UTC), 42, 2))
    for _ in range(2):  # another one that believes to hold the lease does the same
        await actions.note_in_force(stage.service.store.reader(), [settled])
        await stage.service.store.transact(_SYSTEM, lambda tx: actions.settle(tx, [settled]))


async def _ask(person: Person, **key: Any) -> dict[str, Any]:
    (row,) = (await person.load("enforcement_of_subscriptions", [{"id": SUBSCRIPTION, **key}])).rows
    found: dict[str, Any] = row
    return found


async def test_a_change_is_followed_from_its_announcement_until_it_is_in_force(stage: Stage) -> None:
    member = stage.member(RECIPIENT, "DEVELOPER")
    assert await _ask(member, status="ACTIVE") == NOTHING
    await stage.hear(_told("ACTIVE", 1))
    await _instance(stage, "ins_a", 0)
    await _instance(stage, "ins_b", 0)
    waiting = {**NOTHING, "instances": 2, "pending": ["ins_a", "ins_b"]}
    assert await _ask(member, status="ACTIVE", plan_id="pln_1") == waiting
    number = await _number(stage)
    assert await _ask(member, status="ACTIVE") == {**waiting, "epoch": number}
    await _instance(stage, "ins_a", number)
    assert await _ask(member, status="ACTIVE") == {**waiting, "epoch": number, "applied": 1, "pending": ["ins_b"]}
    await _settle(stage)
    in_force = {
        "in_force": True,
        "since": "2030-01-01T00:00:01Z",
        "epoch": number,
        "worst_lag_ms": 42,
        "applied": 2,
        "instances": 2,
        "pending": [],
    }
    assert await _ask(member, status="ACTIVE", as_of="2030-01-01T00:00:00.000Z") == in_force
    (announced,) = await stage.announced()
    assert announced["data"]["worst_lag_ms"] == 42
    assert announced["audience"] == BOTH


async def test_nothing_is_claimed_of_what_was_before(stage: Stage) -> None:
    member = stage.member(RECIPIENT, "OWNER")
    await stage.hear(_told("SUSPENDED", 1))
    await _number(stage)
    await _settle(stage)
    assert (await _ask(member, status="SUSPENDED", as_of="2030-01-01T00:00:00.000Z"))["in_force"]
    # It has been resumed, and suspended anew; or gone over to another plan: enforcement has not heard of it yet.
    assert await _ask(member, status="ACTIVE") == NOTHING
    assert await _ask(member, status="SUSPENDED", as_of="2030-01-01T00:00:00.001Z") == NOTHING
    assert await _ask(member, status="SUSPENDED", plan_id="pln_2") == NOTHING
    await stage.hear(_told("SUSPENDED", 3, "2030-01-01T00:00:00.001Z"))
    later = await _ask(member, status="SUSPENDED", as_of="2030-01-01T00:00:00.001Z")
    assert (later["in_force"], later["epoch"]) == (False, None)


async def test_whom_it_concerns_may_know_and_others_learn_what_is_said_of_nothing(stage: Stage) -> None:
    await stage.hear(_told("ACTIVE", 1))
    await _number(stage)
    for role in ("OWNER", "ADMINISTRATOR", "DEVELOPER", "OBSERVER"):
        for organization_id in (RECIPIENT, PROVIDER):
            assert (await _ask(stage.member(organization_id, role)))["epoch"] == 1
    for role in ("OPERATOR_ADMINISTRATOR", "SUPPORT"):
        assert (await _ask(stage.person(platform_roles=(role,))))["epoch"] == 1
    absent = await stage.anonymous.load("enforcement_of_subscriptions", [{"id": "sub_absent"}])
    for stranger in (stage.anonymous, stage.person(org_other="OWNER"), stage.person(platform_roles=("ANALYST",))):
        answered = await stranger.load("enforcement_of_subscriptions", [{"id": SUBSCRIPTION}])
        assert answered.body == absent.body == {"rows": [NOTHING]}


async def test_what_cannot_be_a_key_is_nothing_that_was_heard_of(stage: Stage) -> None:
    keys: list[Any] = [None, 7, "sub_1", {}, {"id": 7}, {"id": SUBSCRIPTION, "as_of": "yesterday"}, {"id": "sub_1", "more": 1}]
    answered = await stage.member(RECIPIENT, "OWNER").load("enforcement_of_subscriptions", keys)
    assert answered.rows == [NOTHING] * len(keys)


async def test_a_secret_is_in_force_or_its_end_is(stage: Stage) -> None:
    member = stage.member(RECIPIENT, "OWNER")

    async def ask(status: str) -> dict[str, Any]:
        (row,) = (await member.load("enforcement_of_secrets", [{"id": "sec_1", "status": status}])).rows
        found: dict[str, Any] = row
        return found

    told = {"application_id": APPLICATION, "organization_id": RECIPIENT, "client_id": "cid", "secret_id": "sec_1"}
    await stage.hear(envelope("identity.secret_issued.v1", APPLICATION, 1, told, audience=RECIPIENT))
    await _number(stage)
    await _settle(stage)
    assert (await ask("ACTIVE"))["in_force"]
    assert await ask("RETIRED") == NOTHING
    await stage.hear(envelope("identity.secret_retired.v1", APPLICATION, 2, told, audience=RECIPIENT))
    assert (await ask("RETIRED"))["epoch"] is None
    await _number(stage)
    await _settle(stage)
    assert (await ask("RETIRED"))["in_force"]
    assert await ask("RETIRING") == NOTHING


async def test_an_application_written_before_changes_were_numbered_is_long_in_force_for_its_own(stage: Stage) -> None:
    await stage.service.store.database["copies"].insert_one(
        {"_id": APPLICATION, "kind": "application", "sequence": 1, "organization_id": RECIPIENT, "client_id": "cid"}
    )
    (row,) = (await stage.member(RECIPIENT, "OWNER").load("enforcement_of_applications", [{"id": APPLICATION}])).rows
    assert row == {**NOTHING, "in_force": True}
    (row,) = (await stage.member("org_other", "OWNER").load("enforcement_of_applications", [{"id": APPLICATION}])).rows
    assert row == NOTHING


async def test_the_operators_staff_sees_every_instance_and_who_is_silent(stage: Stage) -> None:
    await stage.hear(_told("ACTIVE", 1))
    await _number(stage)
    await _instance(stage, "ins_a", 1)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    silent = Instance("ins_b", "host", long_ago, long_ago, 5, is_fresh=True, acknowledged=Acknowledgement())
    await repository.keep_instance(stage.service.store.reader(), "ins_b", repository.fields_of(silent))
    staff = stage.person(platform_roles=("SUPPORT",))
    (seen,) = (await staff.load("operator_enforcement", ["all"])).rows
    assert (seen["epoch"], seen["pending_epochs"]) == (1, 1)
    shown = [(each["id"], each["epoch"], each["worst_lag_ms"], each["is_fresh"], each["is_silent"]) for each in seen["instances"]]
    assert shown == [("ins_a", 1, 7, True, False), ("ins_b", 0, 0, False, True)]
    for other in (stage.anonymous, stage.member(RECIPIENT, "OWNER"), stage.person(platform_roles=("ANALYST",))):
        assert (await other.load("operator_enforcement", ["all"])).rows == [None]
