import asyncio
from datetime import timedelta
from typing import Any

import pytest

from chassis.calls import Call
from services.identity.mint import csrf_token_for
from services.identity.passwords.hashing import Hasher
from services.identity.settings import IdentitySettings
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.world import OPERATOR, PASSWORD, World, token_in


async def test_an_account_begins_with_a_confirmed_address_and_a_test_organization(world: World) -> None:
    email = "Anna.Berzina@Example.com"
    assert (await world.do("register", email=email, password=PASSWORD, name="Anna  Bērziņa")).result == {
        "email": "Anna.Berzina@example.com"
    }
    mail = await world.inbox.newest_to("Anna.Berzina@example.com")
    user_id = (await world.do("verify_email", token=token_in(mail))).result["user_id"]
    session = (await world.do("sign_in", email="anna.berzina@EXAMPLE.com", password=PASSWORD)).result
    assert session["token"].startswith("pts_")
    assert session["csrf_token"] == csrf_token_for(session["token"]) != session["token"]
    row = {"id": user_id, "name": "Anna Bērziņa", "email": "Anna.Berzina@example.com", "language": "EN", "platform_roles": []}
    assert session["user"] == row

    facts = await world.facts_about(user_id, 2)
    assert [(each.key, each.data) for each in facts] == [
        ("identity.user_registered.v1", {"user_id": user_id}),
        ("identity.rights_changed.v1", {"user_id": user_id, "rights_version": 1}),
    ]
    passport = (await world.do("issue_passport", token=session["token"])).result
    principal = world.verifier.verify(passport["passport"])
    assert (principal.id, principal.session_id) == (user_id, passport["session_id"])
    [organization_id] = principal.organizations
    assert principal.organizations == {organization_id: "OWNER"}
    assert principal.may("DELETE_ORGANIZATION", organization_id)
    facts = await world.facts_about(organization_id, 2)
    assert [each.key for each in facts] == ["identity.organization_created.v1", "identity.member_joined.v1"]
    assert facts[0].data == {
        "organization_id": organization_id,
        "name": "Test organization",
        "is_test": True,
        "owner_id": user_id,
    }
    assert facts[0].audience == (organization_id,)


async def test_a_known_address_answers_like_an_unknown_one_and_only_its_owner_learns(world: World) -> None:
    known = await world.someone("Known")
    again = await world.do("register", email=known.email, password=PASSWORD, name="Somebody else")
    unknown = await world.do("register", email="unknown@example.com", password=PASSWORD, name="Somebody else")
    assert (again.status, again.result) == (unknown.status, {"email": known.email})
    mail = await world.inbox.newest_to(known.email, count=2)
    assert "account already" in mail["Subject"]
    assert "token" not in mail.get_content()
    assert (await world.do("sign_in", email=known.email, password=PASSWORD)).status == 200


async def test_the_address_is_confirmed_once_and_with_the_password_of_that_very_registration(world: World) -> None:
    email = "twice@example.com"
    await world.do("register", email=email, password="the password of an intruder", name="Intruder")
    intruders = token_in(await world.inbox.newest_to(email))
    await world.do("register", email=email, password=PASSWORD, name="Owner")
    owners = token_in(await world.inbox.newest_to(email, count=2))
    assert (await world.do("verify_email", token=owners)).status == 200
    for token in (owners, intruders, "ptv_unknown", ""):
        said = await world.do("verify_email", token=token)
        assert (said.status, said.code, said.fields) == (404, "LINK_NOT_VALID", ["token"])
    assert (await world.do("sign_in", email=email, password="the password of an intruder")).code == "WRONG_CREDENTIALS"
    assert (await world.do("sign_in", email=email, password=PASSWORD)).result["user"]["name"] == "Owner"


async def test_two_confirmations_at_once_make_one_account(world: World) -> None:
    email = "race@example.com"
    await world.do("register", email=email, password=PASSWORD, name="Racer")
    token = token_in(await world.inbox.newest_to(email))
    said = await asyncio.gather(*(world.do("verify_email", token=token) for _ in range(4)))
    assert sorted(each.status for each in said) == [200, 404, 404, 404]


async def test_a_lapsed_confirmation_confirms_nothing(make_world: MakeWorld) -> None:
    world = await make_world()
    await world.do("register", email="late@example.com", password=PASSWORD, name="Late")
    token = token_in(await world.inbox.newest_to("late@example.com"))
    world.clock.ahead += timedelta(hours=24)
    assert (await world.do("verify_email", token=token)).code == "LINK_NOT_VALID"


async def test_before_the_address_is_confirmed_only_the_right_password_is_told_so(world: World) -> None:
    email = "waiting@example.com"
    await world.do("register", email=email, password=PASSWORD, name="Waiting")
    assert (await world.do("sign_in", email=email, password=PASSWORD)).code == "ADDRESS_NOT_CONFIRMED"
    wrong = await world.do("sign_in", email=email, password="not the right password")
    unknown = await world.do("sign_in", email="nobody@example.com", password="not the right password")
    known = await world.do("sign_in", email=(await world.someone()).email, password="not the right password")
    odd = await world.do("sign_in", email="not an address", password="x")
    assert wrong.without_trace == unknown.without_trace == known.without_trace == odd.without_trace
    assert (wrong.status, wrong.code) == (401, "WRONG_CREDENTIALS")


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"email": "nonsense", "password": PASSWORD, "name": "A"}, ["email"]),
        ({"email": "a@b.example\r\nBcc: x@y.example", "password": PASSWORD, "name": "A"}, ["email"]),
        ({"email": "a@b.example", "password": PASSWORD, "name": " \t"}, ["name"]),
        ({"email": "a@b.example", "password": PASSWORD, "name": "x" * 101}, ["name"]),
        ({"email": "a@b.example", "password": PASSWORD, "name": "A\u202eB"}, ["name"]),
        ({"email": "a@b.example", "password": "too short", "name": "A"}, ["password"]),
        ({"email": "a@b.example"}, ["password", "name"]),
        ({"email": 7, "password": None, "name": []}, ["email", "password", "name"]),
        ({"email": "a@b.example", "password": PASSWORD, "name": "A", "role": "x"}, ["role"]),
    ],
)
async def test_what_cannot_be_registered_is_named_field_by_field(world: World, given: dict[str, Any], fields: list[str]) -> None:
    said = await world.do("register", **given)
    assert (said.status, said.fields) == (422, fields)


async def test_a_session_lives_while_it_is_used_and_no_longer_than_it_may(make_world: MakeWorld) -> None:
    world = await make_world(session_idle_seconds=1000, session_absolute_seconds=2500)
    person = await world.someone()
    for _ in range(2):
        world.clock.ahead += timedelta(seconds=900)
        assert (await world.do("issue_passport", token=person.token)).status == 200
    world.clock.ahead += timedelta(seconds=600)
    passport = (await world.do("issue_passport", token=person.token)).result
    assert world.verifier.verify(passport["passport"]).id == person.user_id
    world.clock.ahead += timedelta(seconds=120)
    assert (await world.do("issue_passport", token=person.token)).code == "SESSION_NOT_LIVE"

    other = (await world.do("sign_in", email=person.email, password=PASSWORD)).result["token"]
    world.clock.ahead += timedelta(seconds=1001)
    assert (await world.do("issue_passport", token=other)).code == "SESSION_NOT_LIVE"


async def test_signing_out_ends_the_session_that_asks_and_no_other(world: World) -> None:
    person = await world.someone()
    other = (await world.do("sign_in", email=person.email, password=PASSWORD)).result["token"]
    session_id = world.verifier.verify(await world.passport(person)).session_id
    assert (await world.do("sign_out", person)).result == {}
    assert (await world.do("sign_out", person)).result == {}
    ended = await world.do("issue_passport", token=person.token)
    unknown = await world.do("issue_passport", token="pts_unknown")
    assert ended.without_trace == unknown.without_trace
    assert (ended.status, ended.code) == (401, "SESSION_NOT_LIVE")
    assert (await world.do("issue_passport", token=other)).status == 200
    facts = await world.facts_about(person.user_id, 3)
    assert facts[2].key == "identity.session_ended.v1"
    assert facts[2].data == {"user_id": person.user_id, "session_id": session_id}
    assert len(facts) == 3
    assert (await world.do("sign_out")).code == "SIGN_IN_FIRST"


async def test_a_passport_is_short_lived_and_says_what_is_true_now(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    organization_id = await world.organization(person)
    issued = (await world.do("issue_passport", token=person.token)).result
    principal = world.verifier.verify(issued["passport"])
    assert principal.role_in(organization_id) == "OWNER"
    assert len(principal.organizations) == 2
    assert set(principal.grants) == {"OWNER"}
    world.clock.ahead += timedelta(seconds=61)
    said = await world.caller.call(_with_passport("/load/viewer", issued["passport"]))
    assert (said.status, b"PASSPORT_NOT_ACCEPTED" in said.body) == (401, True)


def _with_passport(path: str, passport: str) -> Call:
    return Call("identity", path, b'{"keys": ["me"]}', {"portico-passport": passport})


async def test_addresses_that_only_look_alike_are_two_people(world: World) -> None:
    pairs = (("x@strasse.example", "x@straße.example"), ("sam@example.com", "\u017fam@example.com"))
    for address, other in pairs:
        first, second = await world.someone("First", address), await world.someone("Second", other)
        assert first.user_id != second.user_id
    said = await world.do("sign_in", email="X@XN--STRAE-OQA.Example", password=PASSWORD)
    assert said.result["user"]["email"] == "x@straße.example"
    with pytest.raises(ValueError, match="give an e-mail address"):
        IdentitySettings(operator_emails="head@operator.example, nonsense")


async def test_operators_are_named_by_their_confirmed_addresses(make_world: MakeWorld) -> None:
    world = await make_world()
    operator = await world.someone("Head", OPERATOR.replace("head", "Head"))
    principal = world.verifier.verify(await world.passport(operator))
    assert principal.has_platform_role("OPERATOR_ADMINISTRATOR")
    [row] = (await world.load("viewer", ["me"], operator)).rows
    assert row["user"]["platform_roles"] == ["OPERATOR_ADMINISTRATOR"]


async def test_too_many_tries_are_told_to_wait_whoever_is_tried(make_world: MakeWorld) -> None:
    world = await make_world(hashing_threads=4)
    person = await world.someone()
    for email in (person.email, "nobody@example.com"):
        said = await asyncio.gather(*(world.do("sign_in", email=email, password="x") for _ in range(19)))
        assert {each.code for each in said} == {"WRONG_CREDENTIALS"}
    assert (await world.do("sign_in", email=person.email, password=PASSWORD)).status == 200  # it counts from nothing again
    for email in (person.email, "nobody@example.com"):
        said = [await world.do("sign_in", email=email, password="x") for _ in range(21)]
        assert said[-1].code == "TRIED_TOO_OFTEN"
        assert 1 <= said[-1].body["retry_after_seconds"] <= 900
    assert (await world.do("sign_in", email=person.email, password=PASSWORD)).code == "TRIED_TOO_OFTEN"
    world.clock.ahead += timedelta(minutes=15)
    assert (await world.do("sign_in", email=person.email, password=PASSWORD)).status == 200


async def test_tries_from_one_place_are_counted_over_all_accounts(make_world: MakeWorld) -> None:
    world = await make_world(hashing_threads=4)
    tries = [
        world.do("sign_in", email=f"no{number}@example.com", password="x", network_address="192.0.2.7") for number in range(12)
    ]
    assert {each.code for each in await asyncio.gather(*tries)} == {"WRONG_CREDENTIALS"}
    throttles = world.store.reader().collection("throttles")
    await throttles.update_many({"tries": 12}, {"$set": {"tries": 200}})
    said = await world.do("sign_in", email="other@example.com", password="x", network_address="192.0.2.7")
    assert said.code == "TRIED_TOO_OFTEN"
    assert (await world.do("sign_in", email="other@example.com", password="x")).code == "WRONG_CREDENTIALS"


async def test_an_address_is_not_flooded_with_mails(make_world: MakeWorld) -> None:
    world = await make_world()
    known = await world.someone()
    for email, allowed in ((known.email, 5), ("flooded@example.com", 6)):
        said = [await world.do("register", email=email, password=PASSWORD, name="A") for _ in range(allowed + 1)]
        assert [each.status for each in said] == [200] * allowed + [429]


async def test_a_flood_of_sign_ins_is_told_to_come_back_rather_than_hashed() -> None:
    hasher = Hasher(threads=1, most_waiting=8)
    await hasher.start()
    answers = await asyncio.gather(*(hasher.verify("x", None) for _ in range(20)), return_exceptions=True)
    assert sum(answer is False for answer in answers) == 8
    assert {getattr(answer, "code", "") for answer in answers if answer is not False} == {"TOO_BUSY_TO_HASH"}
    await hasher.close()


async def test_what_is_typed_in_another_way_is_the_same_password() -> None:
    hasher = Hasher(threads=1)
    kept = await hasher.hash("Pāvila iela trīspadsmit")
    assert await hasher.verify("Pa\u0304vila iela tri\u0304spadsmit", kept)
    assert "m=47104,t=1,p=1" in kept
    assert kept.startswith("$argon2id$")
    assert not await hasher.verify("nobody's password", None)
    await hasher.close()


async def test_the_viewer_is_seen_by_the_viewer_alone(world: World) -> None:
    person = await world.someone("Me")
    assert (await world.load("viewer", ["me", "me"])).rows == [None, None]
    rows = (await world.load("viewer", ["me"], person)).rows
    assert rows == [{"user": {"id": person.user_id, "name": "Me", "email": person.email, "language": "EN", "platform_roles": []}}]
