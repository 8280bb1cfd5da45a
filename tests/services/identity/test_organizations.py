import asyncio
from datetime import timedelta

import pytest

from tests.services.identity.conftest import MakeWorld
from tests.services.identity.world import Team, World, token_in


async def test_whoever_makes_an_organization_owns_it_at_once(world: World) -> None:
    person = await world.someone()
    await world.passport(person)  # as old as a passport of the gateway may be: the organization is not in it
    made = (await world.do("create_organization", person, name="  Acme   Ltd ")).result
    assert {key: made[key] for key in ("name", "is_test")} == {"name": "Acme Ltd", "is_test": False}
    [row] = (await world.load("organizations_by_id", [made["id"]], person)).rows
    assert row == made
    facts = await world.facts_about(made["id"], 2)
    assert facts[0].data["owner_id"] == person.user_id
    assert facts[1].data == {"organization_id": made["id"], "user_id": person.user_id, "role": "OWNER"}
    assert facts[0].actor == person.user_id
    assert facts[0].organization == made["id"]
    assert (await world.do("create_organization", name="Acme")).code == "SIGN_IN_FIRST"
    assert (await world.do("create_organization", person, name="")).fields == ["name"]


async def test_renaming_is_announced_and_the_same_name_is_no_news(world: World) -> None:
    person = await world.someone()
    organization_id = await world.organization(person)
    renamed = (await world.do("rename_organization", person, organization_id=organization_id, name="Better")).result
    assert renamed["name"] == "Better"
    await world.do("rename_organization", person, organization_id=organization_id, name="Better")
    await world.do("rename_organization", person, organization_id=organization_id, name="Best")
    facts = await world.facts_about(organization_id, 4)
    assert [each.data["name"] for each in facts[2:]] == ["Better", "Best"]
    assert [each.sequence for each in facts] == [1, 2, 3, 4]


async def test_an_invitation_makes_a_member_once(world: World) -> None:
    owner, guest = await world.someone("Owner"), await world.someone("Guest")
    organization_id = await world.organization(owner)
    given = {"organization_id": organization_id, "email": guest.email.upper().replace("EXAMPLE.COM", "example.com")}
    invitation = (await world.do("invite_member", owner, **given, role="DEVELOPER")).result
    assert (invitation["status"], invitation["role"], invitation["email"]) == ("PENDING", "DEVELOPER", given["email"])
    assert "token" not in invitation
    token = token_in(await world.inbox.newest_to(guest.email, count=2))
    member = (await world.do("accept_invitation", guest, token=token)).result
    assert (member["role"], member["user_id"], member["organization_id"]) == ("DEVELOPER", guest.user_id, organization_id)
    assert member["user"] == {"id": guest.user_id, "name": "Guest", "email": guest.email}
    assert (await world.do("accept_invitation", guest, token=token)).code == "ALREADY_MEMBER"
    assert (await world.do("invite_member", owner, **given, role="OBSERVER")).code == "ALREADY_MEMBER"
    [rows] = (await world.load("invitations_by_organization", [organization_id], owner)).rows
    assert [row["status"] for row in rows] == ["ACCEPTED"]
    assert token not in str(rows)
    facts = await world.facts_about(organization_id, 4)
    assert [each.key for each in facts[2:]] == ["identity.member_invited.v1", "identity.member_joined.v1"]
    assert facts[2].data == {"organization_id": organization_id, "invitation_id": invitation["id"], "role": "DEVELOPER"}
    assert "@" not in str([each.data for each in facts])
    [mine] = (await world.load("memberships_of_viewer", ["me"], guest)).rows
    assert [each["role"] for each in mine] == ["OWNER", "DEVELOPER"]
    assert (await world.load("memberships_of_viewer", ["me"])).rows == [[]]


async def test_an_invitation_is_only_for_whom_it_was_sent_to(world: World) -> None:
    owner, guest, other = await world.someone(), await world.someone(), await world.someone()
    organization_id = await world.organization(owner)
    await world.do("invite_member", owner, organization_id=organization_id, email=guest.email, role="OBSERVER")
    token = token_in(await world.inbox.newest_to(guest.email, count=2))
    foreign = await world.do("accept_invitation", other, token=token)
    unknown = await world.do("accept_invitation", other, token="pti_unknown")
    assert foreign.without_trace == unknown.without_trace
    assert (foreign.status, foreign.code) == (404, "NO_SUCH_INVITATION")
    assert (await world.do("accept_invitation", token=token)).code == "SIGN_IN_FIRST"
    assert (await world.do("accept_invitation", guest, token=token)).status == 200


async def test_inviting_again_replaces_the_former_invitation(world: World) -> None:
    owner, guest = await world.someone(), await world.someone()
    organization_id = await world.organization(owner)
    given = {"organization_id": organization_id, "email": guest.email}
    await world.do("invite_member", owner, **given, role="ADMINISTRATOR")
    former = token_in(await world.inbox.newest_to(guest.email, count=2))
    await world.do("invite_member", owner, **given, role="OBSERVER")
    newer = token_in(await world.inbox.newest_to(guest.email, count=3))
    assert (await world.do("accept_invitation", guest, token=former)).code == "NO_SUCH_INVITATION"
    assert (await world.do("accept_invitation", guest, token=newer)).result["role"] == "OBSERVER"


async def test_an_invitation_lapses(make_world: MakeWorld) -> None:
    world = await make_world()
    owner, guest = await world.someone(), await world.someone()
    organization_id = await world.organization(owner)
    await world.do("invite_member", owner, organization_id=organization_id, email=guest.email, role="OBSERVER")
    token = token_in(await world.inbox.newest_to(guest.email, count=2))
    world.clock.ahead += timedelta(days=7)
    [[row]] = (await world.load("invitations_by_organization", [organization_id], owner)).rows
    assert row["status"] == "EXPIRED"
    assert (await world.do("accept_invitation", guest, token=token)).code == "INVITATION_LAPSED"
    assert (
        await world.do("invite_member", owner, organization_id=organization_id, email=guest.email, role="OBSERVER")
    ).status == 200


@pytest.mark.parametrize(
    ("role", "fields", "code"), [("OWNER", ["role"], "OWNER_NOT_BY_INVITATION"), ("KING", ["role"], "INPUT_NOT_USABLE")]
)
async def test_nobody_is_invited_as_owner(world: World, team: Team, role: str, fields: list[str], code: str) -> None:
    said = await world.do(
        "invite_member", team.members["OWNER"], organization_id=team.organization_id, email="x@example.com", role=role
    )
    assert (said.status, said.fields, said.code) == (422, fields, code)


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


async def test_two_acceptances_at_once_make_one_member(world: World) -> None:
    owner, guest = await world.someone(), await world.someone()
    organization_id = await world.organization(owner)
    await world.do("invite_member", owner, organization_id=organization_id, email=guest.email, role="OBSERVER")
    token = token_in(await world.inbox.newest_to(guest.email, count=2))
    await world.passport(guest)
    said = await asyncio.gather(*(world.do("accept_invitation", guest, token=token) for _ in range(4)))
    assert sorted(each.status for each in said) == [200, 409, 409, 409]
    assert {each.code for each in said if each.status == 409} == {"ALREADY_MEMBER"}
    [row] = (await world.load("memberships_by_organization", [organization_id], owner)).rows
    assert row["total"] == 2
    facts = await world.facts_about(organization_id, 4)
    assert [each.key for each in facts].count("identity.member_joined.v1") == 2


async def test_invitations_of_one_person_at_once_leave_one(world: World) -> None:
    owner = await world.someone()
    organization_id = await world.organization(owner)
    given = {"organization_id": organization_id, "email": "popular@example.com", "role": "OBSERVER"}
    await world.passport(owner)
    said = await asyncio.gather(*(world.do("invite_member", owner, **given) for _ in range(4)))
    assert {each.status for each in said} <= {200, 409}
    [rows] = (await world.load("invitations_by_organization", [organization_id], owner)).rows
    assert len(rows) == 1
