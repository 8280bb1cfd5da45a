"""Members: their roles, and how they go."""

from tests.services.identity.world import Team, World

RIGHTS = "identity.rights_changed.v1"


async def test_roles_change_but_the_owner_stays(world: World) -> None:
    team = await world.team()
    administrator, observer = team.members["ADMINISTRATOR"], team.members["OBSERVER"]
    given = {"organization_id": team.organization_id, "user_id": observer.user_id}
    changed = (await world.do("change_role", administrator, **given, role="DEVELOPER")).result
    assert (changed["role"], changed["user"]["name"]) == ("DEVELOPER", "Observer")
    assert (await world.do("change_role", administrator, **given, role="DEVELOPER")).status == 200
    facts = [each for each in await world.facts_about(team.organization_id, 9) if each.key == "identity.role_changed.v1"]
    assert [each.data for each in facts] == [{**given, "role": "DEVELOPER", "former_role": "OBSERVER"}]
    # The new rights hold here at once, whatever the passport says.
    assert (await world.do("create_application", observer, organization_id=team.organization_id, name="At once")).status == 200

    said = await world.do("change_role", administrator, **given, role="OWNER")
    assert (said.code, said.fields) == ("OWNER_NOT_BY_ROLE_CHANGE", ["role"])
    owners = {"organization_id": team.organization_id, "user_id": team.members["OWNER"].user_id}
    for by in (administrator, team.members["OWNER"]):
        assert (await world.do("change_role", by, **owners, role="OBSERVER")).code == "OWNER_STAYS"
        assert (await world.do("remove_member", by, **owners)).code == "OWNER_STAYS"
    foreign = {"organization_id": team.organization_id, "user_id": team.stranger.user_id}
    unknown = {**foreign, "user_id": "usr_unknown"}
    for verb, extra in (("change_role", {"role": "OBSERVER"}), ("remove_member", {})):
        said = await world.do(verb, administrator, **foreign, **extra)
        assert said.code == "NO_SUCH_MEMBER"
        assert said.without_trace == (await world.do(verb, administrator, **unknown, **extra)).without_trace


async def test_a_removed_member_is_a_stranger_at_once(world: World) -> None:
    team = await world.team()
    owner, developer = team.members["OWNER"], team.members["DEVELOPER"]
    await world.passport(developer)
    application_id, _, _ = await world.application(team.organization_id, developer)
    given = {"organization_id": team.organization_id, "user_id": developer.user_id}
    assert (await world.do("remove_member", owner, **given)).result == given
    assert (await world.do("rotate_secret", developer, application_id=application_id)).code == "NOT_FOUND"
    assert (await world.load("organizations_by_id", [team.organization_id], developer)).rows == [None]
    assert (await world.load("applications_by_id", [application_id], developer)).rows == [None]
    assert (await world.load("applications_by_id", [application_id], owner)).rows[0]["id"] == application_id
    assert (await world.load("users_by_id", [owner.user_id], developer)).rows == [None]
    facts = await world.facts_about(team.organization_id, 9)
    assert (facts[8].key, facts[8].data) == ("identity.member_removed.v1", given)


async def test_members_come_in_pages(world: World, team: Team) -> None:
    seen, after = [], None
    for _ in range(10):
        args = {"first": 3, "after": after}
        [row] = (await world.load("memberships_by_organization", [team.organization_id], team.members["OBSERVER"], **args)).rows
        seen += [each["id"] for each in row["nodes"]]
        after = row["next"]
        if after is None:
            break
    assert len(seen) == len(set(seen)) == row["total"] >= 4
    for wrong in ({"first": 0}, {"first": 101}, {"first": "3"}, {"after": "?"}):
        said = await world.load("memberships_by_organization", [team.organization_id], team.members["OBSERVER"], **wrong)
        assert (said.status, said.code) == (422, "PAGE_NOT_READABLE")


async def test_everybody_leaves_but_the_owner(world: World) -> None:
    team = await world.team()
    owner, developer = team.members["OWNER"], team.members["DEVELOPER"]
    application_id, _, _ = await world.application(team.organization_id, developer)
    given = {"organization_id": team.organization_id}
    for role in ("ADMINISTRATOR", "DEVELOPER", "OBSERVER"):
        member = team.members[role]
        left = (await world.do("leave_organization", member, **given)).result
        assert left == {**given, "user_id": member.user_id}
        assert (await world.do("leave_organization", member, **given)).code == "NOT_FOUND"
        assert (await world.load("organizations_by_id", [team.organization_id], member)).rows == [None]
    facts = await world.facts_about(team.organization_id, 11)
    assert [each.data["user_id"] for each in facts if each.key == "identity.member_removed.v1"] == [
        team.members[role].user_id for role in ("ADMINISTRATOR", "DEVELOPER", "OBSERVER")
    ]
    assert (await world.load("applications_by_id", [application_id], owner)).rows[0]["id"] == application_id
    said = await world.do("leave_organization", owner, **given)
    assert (said.status, said.code) == (409, "OWNER_STAYS")
    foreign = await world.do("leave_organization", team.stranger, **given)
    absent = await world.do("leave_organization", team.stranger, organization_id="org_" + "0" * 26)
    assert foreign.without_trace == absent.without_trace
    assert (foreign.status, foreign.code) == (404, "NOT_FOUND")
    assert (await world.do("leave_organization", **given)).code == "SIGN_IN_FIRST"


async def test_whose_rights_change_is_told(world: World) -> None:
    team = await world.team()
    owner, observer = team.members["OWNER"], team.members["OBSERVER"]
    given = {"organization_id": team.organization_id, "user_id": observer.user_id}
    before = [each.data["rights_version"] for each in world.heard if each.key == RIGHTS and each.subject == observer.user_id]
    await world.do("change_role", owner, **given, role="DEVELOPER")
    await world.do("change_role", owner, **given, role="DEVELOPER")  # no news
    await world.do("remove_member", owner, **given)
    facts = [each for each in await world.facts_about(observer.user_id, len(before) + 3) if each.key == RIGHTS]
    assert [each.data["rights_version"] for each in facts] == list(range(1, len(facts) + 1))


async def test_people_of_a_deleted_organization_do_not_see_each_other_any_more(world: World) -> None:
    team = await world.team()
    owner, observer = team.members["OWNER"], team.members["OBSERVER"]
    assert (await world.load("users_by_id", [owner.user_id], observer)).rows != [None]
    await world.do("delete_organization", owner, organization_id=team.organization_id, name="Acme")
    assert (await world.load("users_by_id", [owner.user_id], observer)).rows == [None]
    [rows] = (await world.load("memberships_of_viewer", ["me"], observer)).rows
    assert team.organization_id not in [each["organization_id"] for each in rows]
