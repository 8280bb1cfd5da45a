import asyncio

import pytest

from services.identity.applications.domain import is_well_formed_secret, write_secret
from tests.services.identity.world import Team, World


async def test_an_application_gets_its_keys_and_the_secret_is_shown_once(world: World, team: Team) -> None:
    by = team.members["DEVELOPER"]
    given = {"organization_id": team.organization_id, "name": "Rēķini", "description": " Reads\r\ninvoices "}
    made = (await world.do("create_application", by, **given)).result
    application, secret = made["application"], made["client_secret"]
    assert (application["name"], application["description"]) == ("Rēķini", "Reads\ninvoices")
    assert application["client_id"].startswith("pci_")
    assert secret.startswith("pcs_")
    assert is_well_formed_secret(secret)
    [shown] = application["secrets"]
    assert (shown["hint"], shown["retired_at"]) == (secret[-4:], None)
    assert (shown["status"], shown["expires_at"], shown["last_used_at"]) == ("ACTIVE", None, None)
    [read] = (await world.load("applications_by_id", [application["id"]], team.members["OBSERVER"])).rows
    assert read == application
    facts = await world.facts_about(application["id"], 2)
    about = {"application_id": application["id"], "organization_id": team.organization_id, "client_id": application["client_id"]}
    assert [(each.key, each.data) for each in facts] == [
        ("identity.application_created.v1", {**about, "name": "Rēķini"}),
        ("identity.secret_issued.v1", {**about, "secret_id": shown["id"], "expires_at": None}),
    ]
    assert [each.audience for each in facts] == [(team.organization_id,)] * 2


async def test_a_name_is_used_once_in_an_organization_and_is_free_again_after_deletion(world: World, team: Team) -> None:
    by = team.members["DEVELOPER"]
    given = {"organization_id": team.organization_id, "name": "Straße 7"}
    made = (await world.do("create_application", by, **given)).result["application"]
    again = await world.do("create_application", by, **{**given, "name": "STRASSE  \uff17"})
    assert (again.status, again.code, again.fields) == (409, "APPLICATION_NAME_TAKEN", ["name"])
    elsewhere = {**given, "organization_id": team.stranger_organization_id}
    assert (await world.do("create_application", team.stranger, **elsewhere)).status == 200
    other, _, _ = await world.application(team.organization_id, by, "Another road")
    assert (await world.do("change_application", by, application_id=other, name="straße 7")).code == "APPLICATION_NAME_TAKEN"
    assert (await world.do("delete_application", by, application_id=made["id"])).result == {"id": made["id"]}
    assert (await world.do("create_application", by, **given)).status == 200


async def test_what_is_left_out_of_a_change_stays(world: World, team: Team) -> None:
    by = team.members["DEVELOPER"]
    given = {"organization_id": team.organization_id, "name": "Changing", "description": "First"}
    application_id = (await world.do("create_application", by, **given)).result["application"]["id"]
    changed = (await world.do("change_application", by, application_id=application_id, name="Changed")).result
    assert (changed["name"], changed["description"]) == ("Changed", "First")
    assert (await world.do("change_application", by, application_id=application_id)).result == changed
    for nothing in (None, ""):
        await world.do("change_application", by, application_id=application_id, description="Again")
        said = await world.do("change_application", by, application_id=application_id, description=nothing)
        assert (said.result["name"], said.result["description"]) == ("Changed", None)
    facts = await world.facts_about(application_id, 7)
    assert [each.key for each in facts[2:]] == ["identity.application_changed.v1"] * 5


async def test_a_deleted_application_is_gone(world: World, team: Team) -> None:
    by = team.members["DEVELOPER"]
    application_id, client_id, _ = await world.application(team.organization_id, by, "Going")
    assert (await world.do("delete_application", by, application_id=application_id)).status == 200
    for verb in ("delete_application", "rotate_secret", "change_application"):
        gone = await world.do(verb, by, application_id=application_id)
        unknown = await world.do(verb, by, application_id="app_unknown")
        assert gone.without_trace == unknown.without_trace
        assert gone.code == "NOT_FOUND"
    assert (await world.load("applications_by_id", [application_id], by)).rows == [None]
    [permit] = (await world.load("permits", [{"action": "SUBSCRIBE", "on": application_id}], by)).rows
    assert permit["reason"] == "NOT_FOUND"
    facts = await world.facts_about(application_id, 3)
    assert facts[2].key == "identity.application_deleted.v1"
    assert facts[2].data["client_id"] == client_id


async def test_rotating_retires_the_former_secret(world: World, team: Team) -> None:
    by = team.members["DEVELOPER"]
    application_id, client_id, first = await world.application(team.organization_id, by, "Rotating")
    rotated = (await world.do("rotate_secret", by, application_id=application_id)).result
    former, newer = rotated["application"]["secrets"]
    assert rotated["client_secret"] != first
    assert rotated["application"]["client_id"] == client_id
    assert former["retired_at"] is not None
    assert newer["retired_at"] is None
    facts = await world.facts_about(application_id, 4)
    assert [each.key for each in facts[2:]] == ["identity.secret_issued.v1", "identity.secret_retired.v1"]
    assert [each.data["secret_id"] for each in facts[2:]] == [newer["id"], former["id"]]
    for _ in range(12):
        rotated = (await world.do("rotate_secret", by, application_id=application_id)).result
    assert len(rotated["application"]["secrets"]) == 11


async def test_applications_are_listed_by_name_in_pages_and_searched(world: World) -> None:
    person = await world.someone()
    organization_id = await world.organization(person)
    names = ["delta", "Alpha", "charlie (50%)", "Bravo", "echo.*"]
    for name in names:
        await world.application(organization_id, person, name)

    async def listed(**args: object) -> tuple[list[str], str | None, int]:
        [row] = (await world.load("applications_by_organization", [organization_id], person, **args)).rows
        return [each["name"] for each in row["nodes"]], row["next"], row["total"]

    assert (await listed())[0] == ["Alpha", "Bravo", "charlie (50%)", "delta", "echo.*"]
    first, cursor, total = await listed(first=2)
    second, cursor, _ = await listed(first=2, after=cursor)
    third, last, _ = await listed(first=2, after=cursor)
    assert [first, second, third, last, total] == [["Alpha", "Bravo"], ["charlie (50%)", "delta"], ["echo.*"], None, 5]
    assert await listed(search="BRAV") == (["Bravo"], None, 1)
    assert await listed(search=".*") == (["echo.*"], None, 1)
    assert await listed(search="(50%)") == (["charlie (50%)"], None, 1)
    assert (await listed(search="a", first=2))[2] == 4
    _, cursor, _ = await listed(search="a", first=2)
    assert (await listed(search="a", first=2, after=cursor))[0] == ["charlie (50%)", "delta"]
    assert (await listed(search="  "))[2] == 5
    assert (await world.load("applications_by_organization", [organization_id], person, search=5)).fields == ["search"]


async def test_two_applications_of_one_name_at_once_make_one(world: World) -> None:
    person = await world.someone()
    organization_id = await world.organization(person)
    await world.passport(person)
    names = ["Same", "same", "SAME", "Same"]
    said = await asyncio.gather(
        *(world.do("create_application", person, organization_id=organization_id, name=name) for name in names)
    )
    assert sorted(each.status for each in said) == [200, 409, 409, 409]
    assert {each.code for each in said if each.status == 409} == {"APPLICATION_NAME_TAKEN"}


async def test_rotations_at_once_leave_one_valid_secret(world: World, team: Team) -> None:
    by = team.members["DEVELOPER"]
    application_id, _, _ = await world.application(team.organization_id, by, "Rotated together")
    said = await asyncio.gather(*(world.do("rotate_secret", by, application_id=application_id) for _ in range(4)))
    assert [each.status for each in said] == [200] * 4
    [row] = (await world.load("applications_by_id", [application_id], by)).rows
    assert len([secret for secret in row["secrets"] if secret["retired_at"] is None]) == 1
    facts = await world.facts_about(application_id, 10)
    issued = [each.data["secret_id"] for each in facts if each.key == "identity.secret_issued.v1"]
    retired = [each.data["secret_id"] for each in facts if each.key == "identity.secret_retired.v1"]
    assert (len(issued), retired) == (5, issued[:4])


@pytest.mark.parametrize(
    "change", ["", "x", "pcs", "pcs_", "pcs_{r}_000000", "pcs_{r}", "PCS_{r}_{c}", "pcs_{r}_{c}x", "pcs_{r}_{c}\n"]
)
def test_a_secret_that_cannot_be_one_is_told_by_its_look(change: str) -> None:
    secret = write_secret("A" * 43)
    _, random, checksum = secret.split("_")
    assert is_well_formed_secret(secret)
    assert not is_well_formed_secret(change.format(r=random, c=checksum))


async def test_an_application_belongs_to_its_organization_and_not_to_who_made_it(world: World) -> None:
    owner, maker = await world.someone("Owner"), await world.someone("Maker")
    organization_id = await world.organization(owner)
    await world.join(organization_id, owner, maker, "DEVELOPER")
    application_id, _, secret = await world.application(organization_id, maker, "Made by somebody")
    before = (await world.load("applications_by_id", [application_id], owner)).rows
    assert (await world.do("remove_member", owner, organization_id=organization_id, user_id=maker.user_id)).status == 200
    assert (await world.load("applications_by_id", [application_id], owner)).rows == before
    assert secret.startswith("pcs_")
    assert (await world.load("applications_by_id", [application_id], maker)).rows == [None]
    for verb in ("change_application", "rotate_secret", "issue_secret", "delete_application"):
        assert (await world.do(verb, maker, application_id=application_id)).code == "NOT_FOUND"
    assert (await world.do("rotate_secret", owner, application_id=application_id)).status == 200
    assert [each.key for each in await world.facts_about(application_id, 4)][2:] == [
        "identity.secret_issued.v1",
        "identity.secret_retired.v1",
    ]


@pytest.mark.parametrize("verb", ["create_application", "change_application", "delete_application"])
async def test_who_may_not_changes_no_application(world: World, team: Team, verb: str) -> None:
    by = team.members["DEVELOPER"]
    application_id, _, _ = await world.application(team.organization_id, by, f"Guarded from {verb}")
    given = (
        {"organization_id": team.organization_id, "name": "X"}
        if verb.startswith("create")
        else {"application_id": application_id}
    )
    absent = {
        **given,
        **{name: "org_unknown" if name == "organization_id" else "app_unknown" for name in given if name != "name"},
    }
    observer, nobody = await world.do(verb, team.members["OBSERVER"], **given), await world.do(verb, None, **given)
    assert (observer.status, observer.code) == (403, "ROLE_NOT_ALLOWED")
    assert nobody.status == 401
    foreign, unknown = await world.do(verb, team.stranger, **given), await world.do(verb, team.stranger, **absent)
    assert foreign.without_trace == unknown.without_trace
    assert foreign.code == "NOT_FOUND"
    assert (await world.load("applications_by_organization", [team.organization_id], team.stranger)).rows == [None]
