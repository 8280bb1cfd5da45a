"""Reading the trail: page by page, by whoever may, and not without a trace."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.clock import FixedClock
from chassis.principal import RIGHTS_CHANGED
from services.audit.acts.domain import PLATFORM
from tests.passports import ROLES
from tests.services.audit.acts import act, change, denial
from tests.services.stage import Stage, envelope

STAFF = ("OPERATOR_ADMINISTRATOR", "AUDITOR")
OTHERS = ("BUSINESS_REPRESENTATIVE", "SUPPORT", "ANALYST", "SECURITY_OFFICER")


async def read(stage: Stage, role: str = "OWNER", key: str = "org_a", **args: Any) -> Any:
    return (await stage.member("org_a", role).load("audit_by_organization", [key], **args)).rows[0]


async def verbs(stage: Stage, **args: Any) -> list[str]:
    return [each["verb"] for each in (await read(stage, **args))["nodes"]]


async def test_an_entry_says_who_did_what_when_and_what_it_was_before(stage: Stage) -> None:
    changes = [
        change("org_a", "org_a", kind="organization", name="New", tags=["a"], secret={"hidden": True}, email={"digest": "5cc5"}),
        {"kind": "user", "id": "usr_1", "before": None, "after": None, "organization_ids": ["org_a"], "left_out": 2},
    ]
    await stage.hear(act("rename_organization", *changes))
    (row,) = (await read(stage))["nodes"]
    thing = {"kind": "organization", "thing_id": "org_a", "before": None}
    assert row["changes"] == [
        {**thing, "field": "name", "after": "New", "disclosure": "SHOWN"},
        {**thing, "field": "tags", "after": '["a"]', "disclosure": "SHOWN"},
        {**thing, "field": "secret", "after": None, "disclosure": "HIDDEN"},
        {**thing, "field": "email", "after": "5cc5", "disclosure": "DIGESTED"},
        {"kind": "user", "thing_id": "usr_1", "field": None, "before": None, "after": None, "disclosure": "SHOWN"},
    ]
    assert (row["number"], row["actor"], row["verb"], row["outcome"], row["count"]) == (
        1,
        "usr_ann",
        "rename_organization",
        "DONE",
        1,
    )
    assert (row["request_id"], row["organization_id"], row["is_cut"]) == ("req-00000001", "org_a", True)
    assert row["previous"] == "0" * 64
    assert len(row["hash"]) == 64


async def test_pages_follow_one_another_newest_first(stage: Stage) -> None:
    await stage.hear(*(act(f"verb_{number}", change("thing_1", "org_a", at=number)) for number in range(1, 8)))
    seen, after = [], None
    while True:
        page = await read(stage, first=3, after=after)
        assert page["total"] == 7
        seen += [each["number"] for each in page["nodes"]]
        after = page["next"]
        if after is None:
            break
    assert seen == [7, 6, 5, 4, 3, 2, 1]


async def test_entries_are_found_by_what_they_say(stage: Stage) -> None:
    await stage.hear(
        act("rename_organization", change("org_a", "org_a", kind="organization", name="A")),
        act("create_application", change("app_1", "org_a", kind="application", name="B")),
        denial("delete_application", "org_a", changes=[{"kind": "application", "id": "app_1", "organization_ids": []}]),
    )
    assert await verbs(stage) == ["delete_application", "create_application", "rename_organization"]
    assert await verbs(stage, verb="create_application") == ["create_application"]
    assert await verbs(stage, kind="application") == ["delete_application", "create_application"]
    assert await verbs(stage, thing_id="app_1", outcome="DONE") == ["create_application"]
    assert await verbs(stage, outcome="DENIED") == ["delete_application"]
    assert await verbs(stage, actor="usr_ann", first=1) == ["delete_application"]
    assert await verbs(stage, actor="usr_ben") == []
    moment = datetime.now(UTC)
    assert len(await verbs(stage, since=(moment - timedelta(hours=1)).isoformat())) == 3
    assert await verbs(stage, since=(moment + timedelta(hours=1)).isoformat()) == []
    assert len(await verbs(stage, until=(moment + timedelta(hours=1)).isoformat())) == 3
    assert await verbs(stage, until=(moment - timedelta(hours=1)).isoformat()) == []


@pytest.mark.parametrize("args", [{"since": "2030-01-01T00:00:00"}, {"outcome": "X"}, {"first": 0}, {"after": "x"}, {"more": 1}])
async def test_what_cannot_be_read_is_named(stage: Stage, args: dict[str, Any]) -> None:
    answered = await stage.member("org_a", "OWNER").load("audit_by_organization", ["org_a"], **args)
    assert answered.status == 422
    assert [each["field"] for each in answered.body["fields"]] == [*args]


@pytest.mark.parametrize("role", ROLES)
async def test_owners_and_administrators_read_their_organizations_trail(stage: Stage, role: str) -> None:
    await stage.hear(act("rename_organization", change("org_a", "org_a", name="A")))
    assert (await read(stage, role) is not None) == (role in ("OWNER", "ADMINISTRATOR"))
    assert await read(stage, role, "org_b") is None
    assert await read(stage, role, PLATFORM) is None
    assert (await stage.member("org_a", role).load("operator_audit", ["all"])).rows == [None]
    assert (await stage.member("org_a", role).load("operator_audit", ["all"], organization_id="org_a")).rows == [None]


async def test_nobody_reads_nothing(stage: Stage) -> None:
    await stage.hear(act("rename_organization", change("org_a", "org_a", name="A")))
    assert (await stage.anonymous.load("audit_by_organization", ["org_a", PLATFORM])).rows == [None, None]
    assert (await stage.anonymous.load("operator_audit", ["all"])).rows == [None]


@pytest.mark.parametrize("role", [*STAFF, *OTHERS])
async def test_auditors_and_administrators_of_the_operator_read_every_chain(stage: Stage, role: str) -> None:
    await stage.hear(act("rename_organization", change("org_a", "org_a", name="A")), act("register"))
    staff = stage.person("usr_staff", platform_roles=(role,))
    (platform,) = (await staff.load("operator_audit", ["all"])).rows
    (organization,) = (await staff.load("operator_audit", ["all"], organization_id="org_a", verb="rename_organization")).rows
    if role in STAFF:
        assert [each["verb"] for each in platform["nodes"]] == ["register"]
        assert [each["verb"] for each in organization["nodes"]] == ["rename_organization"]
    else:
        assert (platform, organization) == (None, None)


async def test_who_has_left_reads_no_more(stage: Stage) -> None:
    await stage.hear(act("rename_organization", change("org_a", "org_a", name="A")))
    owner = stage.member("org_a", "OWNER")
    assert (await owner.load("audit_by_organization", ["org_a"])).rows != [None]
    assert stage.service.verifier is not None
    changed = {"user_id": "usr_1", "rights_version": 1}
    await stage.service.verifier.hear(envelope(RIGHTS_CHANGED, "usr_1", 1, changed))
    assert (await owner.load("audit_by_organization", ["org_a"])).code == "PASSPORT_OUTDATED"


async def test_who_looks_is_recorded_once_a_minute(make_stage: Any) -> None:
    clock = FixedClock()
    stage: Stage = await make_stage(clock)
    await stage.hear(act("rename_organization", change("org_a", "org_a", name="A")))
    for _ in range(3):
        await read(stage)
    await read(stage, "DEVELOPER")
    told = [each["data"] for each in await stage.acts()]
    assert sorted((each["verb"], each["outcome"], each["code"], each["count"]) for each in told) == [
        ("view_audit", "DENIED", "ROLE_NOT_ALLOWED", 1),
        ("view_audit", "DONE", None, 1),
    ]
    assert {tuple(each["organization_ids"]) for each in told} == {("org_a",)}
    clock.advance(timedelta(minutes=1))
    await read(stage)
    assert (await stage.acts())[-1]["data"]["count"] == 3


async def test_who_would_look_at_everything_is_recorded(stage: Stage) -> None:
    await stage.member("org_a", "OWNER").load("operator_audit", ["all"], organization_id="org_a")
    await stage.anonymous.load("operator_audit", ["all"])
    await stage.person("usr_staff", platform_roles=("AUDITOR",)).load("operator_audit", ["all"])
    told = [each["data"] for each in await stage.acts()]
    assert sorted((each["verb"], each["outcome"], str(each["code"]), *each["organization_ids"]) for each in told) == [
        ("view_audit", "DENIED", "NOT_FOUND", "org_a"),
        ("view_audit", "DENIED", "SIGN_IN_FIRST"),
        ("view_audit", "DONE", "None"),
    ]
