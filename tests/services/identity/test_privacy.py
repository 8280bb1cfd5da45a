import asyncio
import json
import re
from datetime import timedelta
from typing import Any

import bson
import pytest

from chassis.principal import ANONYMOUS
from services.identity.accounts.actions import invite_user
from services.identity.accounts.domain import NobodyToInvite
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.filing import form
from tests.services.identity.test_password_change import asked_to_reset, opens, turn_on_a_factor
from tests.services.identity.test_sessions import is_live, sign_in
from tests.services.identity.world import PASSWORD, REACHABLE, Person, World, post_office, token_in

SECRET = re.compile(r"pt[a-z]_|argon2|token_hash|password_hash|[0-9a-f]{64}")


async def exported(world: World, person: Person, **given: Any) -> dict[str, Any]:
    said = (await world.do("export_my_data", person, **given)).result
    document = json.loads(said["document"])
    assert not SECRET.search(said["document"])
    assert document["account"]["id"] == person.user_id
    return dict(document)


async def everything(world: World) -> str:
    """Return the whole database as text, byte for byte as it is kept."""
    kept = b""
    for name in await world.store.database.list_collection_names():
        for row in await world.store.reader().collection(name).find({}):
            kept += name.encode() + b" " + bson.encode(row) + b"\n"
    return kept.decode("utf-8", "replace")


async def test_a_person_reads_everything_that_is_kept_about_them(world: World) -> None:
    person, other = await world.someone("Zigmārs Exportiņš"), await world.someone("Host")
    await sign_in(world, person, user_agent="Robot 7", network_address="192.0.2.7")
    own, foreign = await world.organization(person, "Own"), await world.organization(other, "Foreign")
    await world.join(foreign, other, person, "DEVELOPER")
    await world.do("invite_member", person, organization_id=own, email="guest@example.com", role="OBSERVER")
    await turn_on_a_factor(world, person)
    await asked_to_reset(world, person)
    told = await exported(world, person, password=PASSWORD)
    assert told["account"] == {
        "id": person.user_id,
        "name": "Zigmārs Exportiņš",
        "email": person.email,
        "language": "en",
        "created_at": told["account"]["created_at"],
        "has_password": True,
        "platform_roles_granted": [],
    }
    roles = {each["organization_name"]: each["role"] for each in told["memberships"]}
    assert roles == {"Test organization": "OWNER", "Own": "OWNER", "Foreign": "DEVELOPER"}
    assert [each["user_agent"] for each in told["sessions"]] == [None, "Robot 7"]
    assert [each["email"] for each in told["invitations_sent"]] == ["guest@example.com"]
    assert [each["state"] for each in told["invitations_received"]] == ["ACCEPTED"]
    assert [each["kind"] for each in told["factors"]] == ["TOTP"]
    assert [each["purpose"] for each in told["mailed_links"]] == ["RESET_PASSWORD"]
    assert "secret" not in told["factors"][0]
    assert other.user_id not in json.dumps({key: value for key, value in told.items() if key != "invitations_received"})


async def test_ones_data_is_read_with_the_password_or_just_after_signing_in(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    await exported(world, person)
    world.clock.ahead += timedelta(minutes=16)
    assert (await world.do("export_my_data", person)).code == "SIGN_IN_AGAIN"
    assert (await world.do("export_my_data", person, password="not the right password")).code == "WRONG_PASSWORD"
    await exported(world, person, password=PASSWORD)
    assert (await world.do("export_my_data")).code == "SIGN_IN_FIRST"
    assert (await world.do("export_my_data", person, user_id="usr_1")).fields == ["user_id"]


async def test_an_erased_person_is_found_nowhere(make_world: MakeWorld) -> None:
    world = await make_world()
    name, email = "Zigmārs Pazudušais", "zigmars.pazudusais@example.com"
    person, host = await world.someone(name, email), await world.someone("Host")
    phone = await sign_in(world, person, user_agent="Robot 7", network_address="192.0.2.77")
    home, own = await world.organization(host, "Home"), await world.organization(person, "Own")
    await world.join(home, host, person, "DEVELOPER")
    elsewhere = await world.organization(host, "Elsewhere")
    await world.do("invite_member", host, organization_id=elsewhere, email=email, role="OBSERVER")
    await world.do("invite_member", person, organization_id=own, email="guest@example.com", role="OBSERVER")
    await world.do("request_email_change", person, new_email="pazudusais.jauns@example.com", password=PASSWORD)
    await world.do("register", email=email, password=PASSWORD, name=name)
    await turn_on_a_factor(world, person)
    reset = await asked_to_reset(world, person)
    await world.inbox.close()
    await world.do("request_password_reset", email=email)
    assert email in await everything(world)

    assert (await world.do("erase_my_account", person, password=PASSWORD)).result == {"user_id": person.user_id}
    kept = await everything(world)
    for trace in (name, email, "Pazudušais", "pazudusais", "192.0.2.77", "Robot 7"):
        assert trace not in kept
    assert [await is_live(world, each) for each in (person, phone)] == [False, False]
    assert (await world.do("reset_password", token=reset, password="another walk along the shore")).code == "LINK_NOT_VALID"
    facts = await world.facts_about(person.user_id, 1)
    last = facts[-1]
    assert (last.key, last.data) == ("identity.user_erased.v1", {"user_id": person.user_id})
    keys = [each.key.split(".")[1] for each in facts]
    assert keys.count("session_ended") == 2
    assert "rights_changed" in keys
    assert name not in str([each for each in world.heard if each.key != REACHABLE])
    assert email not in str(world.heard)
    await world.inbox.open()
    assert "erased" in (await world.inbox.newest_to(email, count=len(world.inbox.to(email)) + 1))["Subject"]


async def test_what_an_erased_person_leaves_behind(world: World) -> None:
    host, person = await world.someone("Host"), await world.someone("Leaver")
    home, own = await world.organization(host, "Home"), await world.organization(person, "Own")
    await world.join(home, host, person, "DEVELOPER")
    application_id, *_ = await world.application(home, host)
    assert (await world.do("erase_my_account", person, password=PASSWORD)).status == 200
    [page] = (await world.load("memberships_by_organization", [home], host)).rows
    assert [each["user_id"] for each in page["nodes"]] == [host.user_id]
    assert (await world.load("users_by_id", [person.user_id], host)).rows == [None]
    assert (await world.load("applications_by_id", [application_id], host)).rows[0]["id"] == application_id
    facts = await world.facts_about(home, 4)
    assert any(each.key == "identity.member_removed.v1" and each.data["user_id"] == person.user_id for each in facts)
    facts = await world.facts_about(own, 3)
    assert facts[2].key == "identity.organization_deleted.v1"

    again = await world.someone("Again", f"again.{person.email}")
    assert again.user_id != person.user_id
    before = len(world.inbox.to(person.email))
    await world.do("register", email=person.email, password=PASSWORD, name="New")
    token = token_in(await world.inbox.newest_to(person.email, count=before + 1))
    assert (await world.do("verify_email", token=token)).result["user_id"] != person.user_id


async def test_who_is_needed_as_an_owner_is_told_where(world: World) -> None:
    person, other = await world.someone(), await world.someone("Other")
    first, second = await world.organization(person, "First needed"), await world.organization(person, "Second needed")
    for organization_id in (first, second):
        await world.join(organization_id, person, other, "OBSERVER")
    said = await world.do("erase_my_account", person, password=PASSWORD)
    assert (said.status, said.code, said.fields) == (409, "OWNS_ORGANIZATIONS", ["organizations"])
    assert "First needed, Second needed" in said.body["fields"][0]["message"]
    assert "Test organization" not in said.body["detail"]
    assert await is_live(world, person)
    for organization_id in (first, second):
        await world.do("remove_member", person, organization_id=organization_id, user_id=other.user_id)
    assert (await world.do("erase_my_account", person, password=PASSWORD)).status == 200


async def test_nobody_is_erased_but_by_themselves(world: World) -> None:
    person = await world.someone()
    assert (await world.do("erase_my_account", password=PASSWORD)).code == "SIGN_IN_FIRST"
    assert (await world.do("erase_my_account", person)).code == "PASSWORD_NEEDED"
    assert (await world.do("erase_my_account", person, password="not the right password")).code == "WRONG_PASSWORD"
    assert (await world.do("erase_my_account", person, password=PASSWORD, user_id="usr_1")).fields == ["user_id"]
    assert await opens(world, person.email, PASSWORD)


async def test_a_person_is_erased_once_however_often_it_is_asked(world: World) -> None:
    person = await world.someone()
    said = await asyncio.gather(*(world.do("erase_my_account", person, password=PASSWORD) for _ in range(4)))
    assert min(each.status for each in said) == 200
    assert {each.code for each in said if each.status != 200} <= {"SIGN_IN_FIRST", "PASSPORT_OUTDATED"}
    erased = {"subject": person.user_id, "key": "identity.user_erased.v1"}
    assert await world.store.reader().collection("outbox").count_documents(erased) == 1


async def test_who_joins_while_being_erased_belongs_to_nothing(world: World) -> None:
    host, person = await world.someone("Host"), await world.someone()
    home = await world.organization(host, "Home")
    await world.do("invite_member", host, organization_id=home, email=person.email, role="OBSERVER")
    token = token_in(await world.inbox.newest_to(person.email, count=2))
    await asyncio.gather(
        world.do("accept_invitation", person, token=token), world.do("erase_my_account", person, password=PASSWORD)
    )
    assert (await world.load("viewer", ["me"], host)).status == 200
    assert await world.store.reader().collection("memberships").count_documents({"user_id": person.user_id}) == 0
    assert await world.store.reader().collection("users").count_documents({"_id": person.user_id}) == 0


async def test_whom_to_write_to_about_a_request_is_left_blank(make_world: MakeWorld) -> None:
    world = await make_world()
    person, host = await world.someone("Zigmārs Pazudušais", "Zigmars@Example.com"), await world.someone("Host")
    home = await world.organization(host, "Home")
    contact = {"name": "Zigmārs Pazudušais", "email": "zigmars@example.com", "phone": "+371 2000 0000"}
    said = await world.do("draft_onboarding_request", host, organization_id=home, form=form(contact=contact))
    assert said.status == 200, said.body
    assert "Pazudušais" in await everything(world)
    assert (await world.do("erase_my_account", person, password=PASSWORD)).status == 200
    kept = await everything(world)
    for trace in ("Pazudušais", "zigmars@example.com", "Zigmars@", "2000 0000"):
        assert trace not in kept
    office = post_office(world.folder / "keys")
    with pytest.raises(NobodyToInvite):
        await world.store.transact(ANONYMOUS, lambda tx: invite_user(tx, office, "", "", language="lv"))


async def test_what_somebody_founds_while_they_are_erased_is_nobodys_never(world: World) -> None:
    person = await world.someone()
    erased, founded = await asyncio.gather(
        world.do("erase_my_account", person, password=PASSWORD), world.do("create_organization", person, name="Last minute")
    )
    assert erased.status == 200 or founded.status == 200
    users = await world.store.reader().collection("users").find({})
    owners = {each["owner_id"] for each in await world.store.reader().collection("organizations").find({"deleted_at": None})}
    assert owners <= {user["_id"] for user in users}
