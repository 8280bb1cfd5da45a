"""The table of roles, cell by cell: as data, as permits, as what happens, for one's own and for a foreign organization."""

from typing import Any

import pytest

from services.identity.organizations.roles import ACTIONS, ROLES_BY_ACTION, Role, _read
from tests.services.identity.world import ROLES, Said, Team, World

# Written down a second time, on purpose: who may, as the first letters of Owner, Administrator, Developer, oBserver.
EXPECTED = {
    "INVITE_MEMBER": "OA",
    "REMOVE_MEMBER": "OA",
    "CHANGE_ROLE": "OA",
    "TRANSFER_OWNERSHIP": "O",
    "CHANGE_OWNER": "A",
    "VIEW_ORGANIZATION": "OADB",
    "RENAME_ORGANIZATION": "OA",
    "DELETE_ORGANIZATION": "O",
    "LIST_APPLICATIONS": "OADB",
    "CREATE_APPLICATION": "OAD",
    "CHANGE_APPLICATION": "OAD",
    "DELETE_APPLICATION": "OAD",
    "REISSUE_SECRET": "OAD",
    "VIEW_SUBSCRIPTIONS": "OADB",
    "SUBSCRIBE": "OAD",
    "CANCEL_SUBSCRIPTION": "OAD",
    "VIEW_ANALYTICS": "OADB",
    "MANAGE_PRODUCTS": "OAD",
    "FILE_ONBOARDING_REQUEST": "OA",
    "MANAGE_CERTIFICATES": "OA",
    "DECIDE_SUBSCRIPTIONS": "OA",
    "DECIDE_PERMISSIONS": "OA",
    "CONCLUDE_AGREEMENTS": "OA",
    "REQUEST_PERMISSION": "OAD",
    "FILE_CONNECTION_REQUEST": "OA",
    "MANAGE_WEBHOOKS": "OAD",
    "TRY_OPERATION": "OAD",
    "VIEW_AUDIT": "OA",
    "RECERTIFY": "OA",
}
LETTERS = {"OWNER": "O", "ADMINISTRATOR": "A", "DEVELOPER": "D", "OBSERVER": "B"}


def is_allowed(role: str, action: str) -> bool:
    return LETTERS[role] in EXPECTED[action]


def test_the_table_has_every_cell() -> None:
    assert set(ACTIONS) == set(EXPECTED)
    assert len(_read("role_matrix.csv")) == 17  # the others are what the seed's table is silent about
    for action in ACTIONS:
        for role in Role:
            assert (role in ROLES_BY_ACTION[action]) == is_allowed(role, action), (action, role)


@pytest.mark.parametrize("role", ROLES)
async def test_passports_and_permits_say_what_the_table_says(world: World, team: Team, role: str) -> None:
    member = team.members[role]
    member.passports.clear()  # the one at hand may be older than the membership
    principal = world.verifier.verify(await world.passport(member))
    application_id, _, _ = await world.application(team.organization_id, team.members["OWNER"], f"Permits for {role}")
    for on in (team.organization_id, application_id):
        permits = (await world.load("permits", [{"action": action, "on": on} for action in EXPECTED], member)).rows
        for action, permit in zip(EXPECTED, permits, strict=True):
            allowed = is_allowed(role, action)
            assert permit == {"allowed": allowed, "reason": None if allowed else "ROLE_NOT_ALLOWED"}, action
            assert principal.may(action, team.organization_id) == allowed
            assert not principal.may(action, team.stranger_organization_id)


async def test_to_a_stranger_permits_are_those_for_what_does_not_exist(world: World, team: Team) -> None:
    application_id, _, _ = await world.application(team.organization_id, team.members["OWNER"], "Not for strangers")
    for on in (team.organization_id, application_id, "org_00000000000000000000000000", "app_00000000000000000000000000", "?"):
        permits = (await world.load("permits", [{"action": action, "on": on} for action in EXPECTED], team.stranger)).rows
        assert permits == [{"allowed": False, "reason": "NOT_FOUND"}] * len(EXPECTED), on
    [permit] = (await world.load("permits", [{"action": "SUBSCRIBE", "on": team.organization_id}])).rows
    assert permit == {"allowed": False, "reason": "SIGN_IN_FIRST"}
    said = await world.load("permits", [{"action": "FLY", "on": team.organization_id}], team.stranger)
    assert (said.status, said.fields) == (422, ["action"])
    assert (await world.load("permits", ["x"], team.stranger)).fields == ["on"]


async def _prepare(world: World, team: Team, action: str, role: str) -> tuple[str, dict[str, Any]]:
    """Return the verb that does an action, and input with which it would succeed."""
    owner, on = team.members["OWNER"], {"organization_id": team.organization_id}
    if action == "INVITE_MEMBER":
        return "invite_member", {**on, "email": f"invited.by.{role.lower()}@example.com", "role": "DEVELOPER"}
    if action in ("REMOVE_MEMBER", "CHANGE_ROLE"):
        extra = await world.someone("Extra")
        await world.join(team.organization_id, owner, extra, "OBSERVER")
        given = {**on, "user_id": extra.user_id}
        return ("remove_member", given) if action == "REMOVE_MEMBER" else ("change_role", {**given, "role": "DEVELOPER"})
    if action == "RENAME_ORGANIZATION":
        return "rename_organization", {**on, "name": "Acme"}
    if action == "CREATE_APPLICATION":
        return "create_application", {**on, "name": f"Made by {role}"}
    application_id, _, _ = await world.application(team.organization_id, owner, f"{action} by {role}")
    given = {"application_id": application_id}
    if action == "CHANGE_APPLICATION":
        return "change_application", {**given, "description": "changed"}
    return {"DELETE_APPLICATION": "delete_application", "REISSUE_SECRET": "rotate_secret"}[action], given


DOABLE = (
    "INVITE_MEMBER",
    "REMOVE_MEMBER",
    "CHANGE_ROLE",
    "RENAME_ORGANIZATION",
    "CREATE_APPLICATION",
    "CHANGE_APPLICATION",
    "DELETE_APPLICATION",
    "REISSUE_SECRET",
)


def _as_unknown(given: dict[str, Any]) -> dict[str, Any]:
    key = "organization_id" if "organization_id" in given else "application_id"
    return {**given, key: given[key][:4] + "0" * 26}


@pytest.mark.parametrize("role", [*ROLES, "STRANGER"])
@pytest.mark.parametrize("action", DOABLE)
async def test_each_action_is_done_by_whom_the_table_allows_and_by_nobody_else(
    world: World, team: Team, action: str, role: str
) -> None:
    verb, given = await _prepare(world, team, action, role)
    nobody = await world.do(verb, **given)
    assert (nobody.status, nobody.code) == (401, "SIGN_IN_FIRST")
    if role == "STRANGER":
        foreign = await world.do(verb, team.stranger, **given)
        unknown = await world.do(verb, team.stranger, **_as_unknown(given))
        assert foreign.without_trace == unknown.without_trace
        assert (foreign.status, foreign.code) == (404, "NOT_FOUND")
        return
    said = await world.do(verb, team.members[role], **given)
    if is_allowed(role, action):
        assert said.status == 200, said.body
    else:
        assert (said.status, said.code) == (403, "ROLE_NOT_ALLOWED")


READS = {
    "organizations_by_id": "VIEW_ORGANIZATION",
    "memberships_by_organization": "VIEW_ORGANIZATION",
    "invitations_by_organization": "INVITE_MEMBER",
    "applications_by_organization": "LIST_APPLICATIONS",
}


@pytest.mark.parametrize("role", [*ROLES, "STRANGER", "NOBODY"])
@pytest.mark.parametrize("name", READS)
async def test_what_may_not_be_seen_reads_like_what_is_not_there(world: World, team: Team, name: str, role: str) -> None:
    by = {**team.members, "STRANGER": team.stranger, "NOBODY": None}[role]
    own = team.stranger_organization_id
    said: Said = await world.load(name, [team.organization_id, "org_unknown", team.organization_id, own], by)
    first, unknown, again, strangers = said.rows
    assert unknown is None
    assert first == again
    assert (first is not None) == (role in ROLES and is_allowed(role, READS[name]))
    assert (strangers is not None) == (role == "STRANGER")


@pytest.mark.parametrize("role", [*ROLES, "STRANGER", "NOBODY"])
async def test_applications_are_seen_by_their_organization_alone(world: World, team: Team, role: str) -> None:
    by = {**team.members, "STRANGER": team.stranger, "NOBODY": None}[role]
    application_id, _, _ = await world.application(team.organization_id, team.members["OWNER"], f"Seen by {role}")
    rows = (await world.load("applications_by_id", [application_id, "app_unknown"], by)).rows
    assert rows[1] is None
    assert (rows[0] is not None) == (role in ROLES)


async def test_people_are_seen_by_those_who_share_an_organization(world: World, team: Team) -> None:
    owner, observer = team.members["OWNER"], team.members["OBSERVER"]
    ids = [owner.user_id, observer.user_id, team.stranger.user_id, "usr_unknown"]
    rows = (await world.load("users_by_id", ids, observer)).rows
    assert rows[0] == {"id": owner.user_id, "name": "Owner", "email": owner.email}
    assert rows[1]["id"] == observer.user_id
    assert rows[2:] == [None, None]
    assert [row and row["name"] for row in (await world.load("users_by_id", ids, team.stranger)).rows] == [
        None,
        None,
        "Stranger",
        None,
    ]
    assert (await world.load("users_by_id", ids)).rows == [None] * 4
