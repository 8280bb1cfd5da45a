"""Invitations: made, sent again, taken back; accepted or turned down, by whom they are for and by nobody else."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.services.identity.conftest import MakeWorld
from tests.services.identity.inviting import invite, invited, told
from tests.services.identity.world import PASSWORD, ROLES, Person, Team, World


async def listed(world: World, by: Person, organization_id: str, **page: Any) -> list[dict[str, Any]]:
    [found] = (await world.load("invitations_by_organization", [organization_id], by, **page)).rows
    rows: list[dict[str, Any]] = found["nodes"]
    return rows


async def received(world: World, by: Person) -> list[dict[str, Any]]:
    [found] = (await world.load("invitations_of_viewer", ["me"], by)).rows
    rows: list[dict[str, Any]] = found["nodes"]
    return rows


async def test_an_invitation_makes_a_member_once(world: World) -> None:
    owner, guest = await world.someone("Owner"), await world.someone("Guest")
    organization_id = await world.organization(owner)
    given = {"organization_id": organization_id, "email": guest.email.upper().replace("EXAMPLE.COM", "example.com")}
    invitation = (await world.do("invite_member", owner, **given, role="DEVELOPER")).result
    assert (invitation["status"], invitation["role"], invitation["email"]) == ("PENDING", "DEVELOPER", given["email"])
    assert "token" not in invitation
    token = await invited(world, guest.email)
    member = (await world.do("accept_invitation", guest, token=token)).result
    assert (member["role"], member["user_id"], member["organization_id"]) == ("DEVELOPER", guest.user_id, organization_id)
    assert member["user"] == {"id": guest.user_id, "name": "Guest", "email": guest.email}
    assert (await world.do("accept_invitation", guest, token=token)).code == "ALREADY_MEMBER"
    assert (await world.do("invite_member", owner, **given, role="OBSERVER")).code == "ALREADY_MEMBER"
    rows = await listed(world, owner, organization_id)
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
    token = await invited(world, guest.email)
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
    former = await invited(world, guest.email)
    await world.do("invite_member", owner, **given, role="OBSERVER")
    newer = await invited(world, guest.email, count=2)
    assert (await world.do("accept_invitation", guest, token=former)).code == "NO_SUCH_INVITATION"
    assert (await world.do("accept_invitation", guest, token=newer)).result["role"] == "OBSERVER"


async def test_an_invitation_lapses(make_world: MakeWorld) -> None:
    world = await make_world()
    owner, guest = await world.someone(), await world.someone()
    organization_id = await world.organization(owner)
    await world.do("invite_member", owner, organization_id=organization_id, email=guest.email, role="OBSERVER")
    token = await invited(world, guest.email)
    world.clock.ahead += timedelta(days=7)
    [row] = await listed(world, owner, organization_id)
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


async def test_two_acceptances_at_once_make_one_member(world: World) -> None:
    owner, guest = await world.someone(), await world.someone()
    organization_id = await world.organization(owner)
    await world.do("invite_member", owner, organization_id=organization_id, email=guest.email, role="OBSERVER")
    token = await invited(world, guest.email)
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
    assert len(await listed(world, owner, organization_id)) == 1


async def test_a_new_user_finds_the_invitation_after_confirming_the_address(world: World) -> None:
    owner, email = await world.someone("Odile Owner"), "newcomer.by.invitation@example.com"
    organization_id = await world.organization(owner, "Harbour")
    written = email.upper().replace("EXAMPLE.COM", "example.com")
    invitation_id = await invite(world, owner, organization_id, written, role="DEVELOPER")
    token = await invited(world, email)
    await world.do("register", email=email, password=PASSWORD, name="New", language="lv")
    confirmation = await invited(world, email, page="verify-email")
    user_id = (await world.do("verify_email", token=confirmation)).result["user_id"]
    newcomer = Person(email, user_id, (await world.do("sign_in", email=email, password=PASSWORD)).result["token"])
    [row] = await received(world, newcomer)
    assert {key: row[key] for key in ("id", "role", "organization_name", "inviter_name")} == {
        "id": invitation_id, "role": "DEVELOPER", "organization_name": "Harbour", "inviter_name": "Odile Owner"
    }  # fmt: skip
    assert (await world.do("accept_invitation", newcomer, invitation_id=invitation_id)).result["role"] == "DEVELOPER"
    assert await received(world, newcomer) == []
    assert (await world.do("accept_invitation", newcomer, token=token)).code == "ALREADY_MEMBER"
    text = await told(world, owner.email, "has joined Harbour")
    assert "developer" in text


async def test_an_id_opens_an_invitation_to_its_own_address_alone(world: World) -> None:
    owner, guest, other = await world.someone(), await world.someone(), await world.someone()
    organization_id = await world.organization(owner)
    invitation_id = await invite(world, owner, organization_id, guest.email)
    unknown = "inv_" + "0" * 26
    for verb in ("accept_invitation", "decline_invitation"):
        for by in (other, owner):
            foreign = await world.do(verb, by, invitation_id=invitation_id)
            absent = await world.do(verb, by, invitation_id=unknown)
            assert foreign.without_trace == absent.without_trace
            assert (foreign.status, foreign.code) == (404, "NO_SUCH_INVITATION")
        assert (await world.do(verb, invitation_id=invitation_id)).code == "SIGN_IN_FIRST"
        for named in ({}, {"invitation_id": invitation_id, "token": "pti_x"}):
            said = await world.do(verb, guest, **named)
            assert (said.status, said.code, said.fields) == (422, "NAME_ONE_INVITATION", ["invitation_id", "token"])
    assert [each["id"] for each in await received(world, guest)] == [invitation_id]
    assert await received(world, other) == []
    assert (await world.load("invitations_of_viewer", ["me"])).rows == [None]


async def test_sending_again_is_another_token_and_another_time(make_world: MakeWorld) -> None:
    world = await make_world()
    owner, guest = await world.someone(), await world.someone()
    organization_id = await world.organization(owner)
    invitation_id = await invite(world, owner, organization_id, guest.email, role="DEVELOPER")
    former = await invited(world, guest.email)
    world.clock.ahead += timedelta(days=8)
    assert [each["status"] for each in await listed(world, owner, organization_id)] == ["EXPIRED"]
    assert await received(world, guest) == []
    again = (await world.do("resend_invitation", owner, invitation_id=invitation_id)).result
    assert (again["id"], again["status"], again["role"]) == (invitation_id, "PENDING", "DEVELOPER")
    token = await invited(world, guest.email, count=2)
    assert token != former
    assert (await world.do("accept_invitation", guest, token=former)).code == "NO_SUCH_INVITATION"
    assert (await world.do("accept_invitation", guest, token=token)).status == 200
    assert (await world.do("resend_invitation", owner, invitation_id=invitation_id)).code == "INVITATION_SETTLED"
    other = await invite(world, owner, organization_id, "often@example.com")
    said = [await world.do("resend_invitation", owner, invitation_id=other) for _ in range(6)]
    assert [each.status for each in said] == [200] * 5 + [429]


async def test_a_revoked_invitation_opens_nothing(world: World) -> None:
    owner, guest = await world.someone(), await world.someone()
    organization_id = await world.organization(owner)
    invitation_id = await invite(world, owner, organization_id, guest.email)
    token = await invited(world, guest.email)
    assert (await world.do("revoke_invitation", owner, invitation_id=invitation_id)).result["status"] == "REVOKED"
    assert await received(world, guest) == []
    for named in ({"token": token}, {"invitation_id": invitation_id}):
        for verb in ("accept_invitation", "decline_invitation"):
            assert (await world.do(verb, guest, **named)).code == "NO_SUCH_INVITATION"
    for verb in ("revoke_invitation", "resend_invitation"):
        assert (await world.do(verb, owner, invitation_id=invitation_id)).code == "INVITATION_SETTLED"
    facts = await world.facts_about(organization_id, 4)
    assert (facts[3].key, facts[3].data) == (
        "identity.invitation_revoked.v1", {"organization_id": organization_id, "invitation_id": invitation_id}
    )  # fmt: skip
    newer = await invite(world, owner, organization_id, guest.email)
    assert [(each["id"], each["status"]) for each in await listed(world, owner, organization_id)] == [
        (newer, "PENDING"), (invitation_id, "REVOKED")
    ]  # fmt: skip


@pytest.mark.parametrize("way", ["by id", "by token", "by token without an account"])
async def test_declining_tells_the_inviter(world: World, way: str) -> None:
    owner, guest = await world.someone(), await world.someone()
    organization_id = await world.organization(owner, f"Declined {way}")
    email = f"nobody.{way.replace(' ', '.')}@example.com" if way.endswith("account") else guest.email
    invitation_id = await invite(world, owner, organization_id, email)
    token = await invited(world, email)
    by = None if way.endswith("account") else guest
    named = {"invitation_id": invitation_id} if way == "by id" else {"token": token}
    assert (await world.do("decline_invitation", by, **named)).result == {"id": invitation_id}
    assert (await world.do("decline_invitation", by, token=token)).code == "NO_SUCH_INVITATION"
    assert (await world.do("accept_invitation", guest, token=token)).code == "NO_SUCH_INVITATION"
    assert [each["status"] for each in await listed(world, owner, organization_id)] == ["DECLINED"]
    assert email in await told(world, owner.email, f"does not want to join Declined {way}")
    facts = await world.facts_about(organization_id, 4)
    assert (facts[3].key, facts[3].actor) == ("identity.invitation_declined.v1", by.user_id if by else None)


async def test_an_invitation_outlives_the_right_of_the_inviter_but_not_the_organization(world: World) -> None:
    owner, administrator, guest, other = [await world.someone(name) for name in ("Owner", "Administrator", "Guest", "Other")]
    organization_id = await world.organization(owner, "Passing")
    await world.join(organization_id, owner, administrator, "ADMINISTRATOR")
    first = await invite(world, administrator, organization_id, guest.email)
    second = await invite(world, administrator, organization_id, other.email)
    await world.do("remove_member", owner, organization_id=organization_id, user_id=administrator.user_id)
    assert (await world.do("accept_invitation", guest, invitation_id=first)).status == 200
    assert not [mail for mail in world.inbox.to(administrator.email) if "has joined" in mail["Subject"]]
    token = await invited(world, other.email)
    assert (await world.do("delete_organization", owner, organization_id=organization_id, name="Passing")).status == 200
    for named in ({"token": token}, {"invitation_id": second}):
        for verb in ("accept_invitation", "decline_invitation"):
            assert (await world.do(verb, other, **named)).code == "NO_SUCH_INVITATION"
    assert await received(world, other) == []


async def test_invitations_come_in_pages_the_newest_first(world: World) -> None:
    owner = await world.someone()
    organization_id = await world.organization(owner)
    made = [await invite(world, owner, organization_id, f"page.{number}@example.com") for number in range(5)]
    seen: list[str] = []
    after = None
    for size in (2, 2, 1):
        [page] = (await world.load("invitations_by_organization", [organization_id], owner, first=2, after=after)).rows
        assert (len(page["nodes"]), page["total"]) == (size, 5)
        seen, after = seen + [each["id"] for each in page["nodes"]], page["next"]
    assert (seen, after) == (made[::-1], None)


@pytest.mark.parametrize("role", [*ROLES, "STRANGER", "NOBODY"])
@pytest.mark.parametrize("verb", ["resend_invitation", "revoke_invitation"])
async def test_only_who_may_invite_resends_and_revokes(world: World, team: Team, verb: str, role: str) -> None:
    invitation_id = await invite(world, team.members["OWNER"], team.organization_id, f"{verb}.{role}@example.com".lower())
    by = {**team.members, "STRANGER": team.stranger, "NOBODY": None}[role]
    said = await world.do(verb, by, invitation_id=invitation_id)
    if role in ("OWNER", "ADMINISTRATOR"):
        assert said.status == 200
    elif role == "NOBODY":
        assert said.code == "SIGN_IN_FIRST"
    elif role == "STRANGER":
        assert said.code == "NOT_FOUND"
        assert said.without_trace == (await world.do(verb, by, invitation_id="inv_" + "0" * 26)).without_trace
    else:
        assert (said.status, said.code) == (403, "ROLE_NOT_ALLOWED")


async def test_a_letter_is_written_in_the_language_of_its_reader(world: World) -> None:
    owner = await world.someone()
    await world.store.reader().collection("users").update_one({"_id": owner.user_id}, {"$set": {"language": "ru"}})
    organization_id = await world.organization(owner, "Polyglot")
    await invite(world, owner, organization_id, "unknown.language@example.com")
    await told(world, "unknown.language@example.com", "Приглашение")
    guest = await world.someone()
    await world.store.reader().collection("users").update_one({"_id": guest.user_id}, {"$set": {"language": "lv"}})
    invitation_id = await invite(world, owner, organization_id, guest.email)
    await told(world, guest.email, "Uzaicinājums")
    await world.do("accept_invitation", guest, invitation_id=invitation_id)
    await told(world, owner.email, "теперь в организации Polyglot")
