import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest

from chassis.principal import ANONYMOUS
from services.identity.accounts.actions import invite_user
from services.identity.passwords.hashing import Hasher
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.test_sessions import is_live, sign_in
from tests.services.identity.world import PASSWORD, Person, World, post_office, token_in

NEW = "another walk along the shore"
SHORT = "kaija zied"


async def turn_on_a_factor(world: World, person: Person) -> None:
    """Give a person a second factor, as if its first code had been confirmed."""
    await world.store.database["factors"].insert_one(
        {"_id": f"fac_{person.user_id}", "user_id": person.user_id, "kind": "TOTP", "name": "Phone", "is_on": True}
    )


async def kept_user(world: World, person: Person) -> dict[str, Any]:
    row = await world.store.reader().collection("users").find_one({"_id": person.user_id})
    assert row is not None
    return row


async def opens(world: World, email: str, password: str) -> bool:
    said = await world.do("sign_in", email=email, password=password)
    assert said.status in (200, 401), said.body
    return said.status == 200


async def asked_to_reset(world: World, person: Person) -> str:
    """Return the token of the mail that a person gets who has forgotten the password."""
    before = tokens_of_resets(world, person)
    assert (await world.do("request_password_reset", email=person.email)).result == {"email": person.email}
    for _ in range(500):
        if new := tokens_of_resets(world, person) - before:
            return new.pop()
        await asyncio.sleep(0.02)
    raise AssertionError(f"no mail to {person.email}")


def tokens_of_resets(world: World, person: Person) -> set[str]:
    letters = [mail.get_content() for mail in world.inbox.to(person.email)]
    return {token for each in letters for token in re.findall(r"/reset-password#token=(\w+)", each)}


async def test_who_knows_the_password_replaces_it_and_is_signed_out_everywhere_else(world: World) -> None:
    person = await world.someone()
    phone = await sign_in(world, person)
    said = await world.do("change_password", person, current_password=PASSWORD, password=NEW)
    assert said.result == {"user_id": person.user_id}
    assert [await is_live(world, each) for each in (person, phone)] == [True, False]
    assert [await opens(world, person.email, each) for each in (PASSWORD, NEW)] == [False, True]
    facts = await world.facts_about(person.user_id, 4)
    assert [each.key for each in facts[2:]] == ["identity.password_changed.v1", "identity.session_ended.v1"]
    assert facts[2].data == {"user_id": person.user_id, "by": "CHANGE"}
    mail = await world.inbox.newest_to(person.email, count=2)
    assert "password" in mail["Subject"]
    assert "token" not in mail.get_content()


@pytest.mark.parametrize(
    ("given", "code", "fields"),
    [
        ({"current_password": "not the right password", "password": NEW}, "WRONG_PASSWORD", ["password"]),
        ({"password": NEW}, "PASSWORD_NEEDED", ["password"]),
        ({"current_password": PASSWORD, "password": SHORT}, "PASSWORD_NOT_ACCEPTED", ["password"]),
        ({"current_password": PASSWORD, "password": "passwordpassword"}, "PASSWORD_NOT_ACCEPTED", ["password"]),
        ({"current_password": PASSWORD, "password": "x1" * 129}, "PASSWORD_NOT_ACCEPTED", ["password"]),
        ({"current_password": PASSWORD}, "INPUT_NOT_USABLE", ["password"]),
        ({"current_password": PASSWORD, "password": NEW, "user_id": "usr_1"}, "INPUT_NOT_USABLE", ["user_id"]),
    ],
)
async def test_a_password_is_not_replaced(world: World, given: dict[str, Any], code: str, fields: list[str]) -> None:
    person = await world.someone()
    phone = await sign_in(world, person)
    said = await world.do("change_password", person, **given)
    assert (said.code, said.fields) == (code, fields)
    assert (await world.do("change_password", **given)).code in ("SIGN_IN_FIRST", "INPUT_NOT_USABLE")
    assert await is_live(world, phone)
    assert await opens(world, person.email, PASSWORD)


async def test_beside_a_second_factor_eight_characters_are_enough(world: World) -> None:
    person = await world.someone()
    assert (await kept_user(world, person))["password_is_long"] is True
    await turn_on_a_factor(world, person)
    for short in ("kaija 7", "portico1", "password", "Qwerty-12"):
        said = await world.do("change_password", person, current_password=PASSWORD, password=short)
        assert said.code == "PASSWORD_NOT_ACCEPTED"
    assert (await world.do("change_password", person, current_password=PASSWORD, password=SHORT)).status == 200
    assert (await kept_user(world, person))["password_is_long"] is False
    assert (await world.do("change_password", person, current_password=SHORT, password=NEW)).status == 200
    assert (await kept_user(world, person))["password_is_long"] is True


async def test_two_who_replace_a_password_at_once_do_not_both_succeed(world: World) -> None:
    person = await world.someone()
    wanted = [f"walk number {number} by the river" for number in range(3)]
    said = await asyncio.gather(
        *(world.do("change_password", person, current_password=PASSWORD, password=each) for each in wanted)
    )
    codes = sorted(each.code if each.status != 200 else "" for each in said)
    assert codes[0] == ""
    assert set(codes[1:]) <= {"PASSWORD_CHANGED_MEANWHILE", "WRONG_PASSWORD"}


async def test_guessing_the_password_of_an_open_session_is_told_to_wait(make_world: MakeWorld) -> None:
    world = await make_world(hashing_threads=4)
    person = await world.someone()
    said = [await world.do("change_password", person, current_password="x", password=NEW) for _ in range(21)]
    assert {each.code for each in said[:20]} == {"WRONG_PASSWORD"}
    assert said[20].code == "TRIED_TOO_OFTEN"
    assert said[20].body["retry_after_seconds"] > 0
    world.clock.ahead += timedelta(minutes=15)
    assert (await world.do("change_password", person, current_password=PASSWORD, password=NEW)).status == 200


async def test_a_forgotten_password_is_replaced_by_a_mailed_link_once(world: World) -> None:
    person = await world.someone()
    phone = await sign_in(world, person)
    first, second = await asked_to_reset(world, person), await asked_to_reset(world, person)
    assert (await world.do("reset_password", token=second, password=SHORT)).code == "PASSWORD_NOT_ACCEPTED"
    assert (await world.do("reset_password", token=second, password=NEW)).result == {"email": person.email}
    assert [await is_live(world, each) for each in (person, phone)] == [False, False]
    assert [await opens(world, person.email, each) for each in (PASSWORD, NEW)] == [False, True]
    for token in (first, second, "ptr_unknown", ""):
        said = await world.do("reset_password", token=token, password=PASSWORD)
        assert (said.status, said.code, said.fields) == (404, "LINK_NOT_VALID", ["token"])
    facts = await world.facts_about(person.user_id, 5)
    assert [each.key.split(".")[1] for each in facts[2:]] == ["password_changed", "session_ended", "session_ended"]
    assert facts[2].data == {"user_id": person.user_id, "by": "RESET"}
    assert "changed" in (await world.inbox.newest_to(person.email, count=4))["Subject"]


async def test_a_link_lapses_after_half_an_hour(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    token = await asked_to_reset(world, person)
    world.clock.ahead += timedelta(minutes=30)
    assert (await world.do("reset_password", token=token, password=NEW)).code == "LINK_NOT_VALID"


async def test_two_who_use_a_link_at_once_reset_once(world: World) -> None:
    person = await world.someone()
    token = await asked_to_reset(world, person)
    said = await asyncio.gather(*(world.do("reset_password", token=token, password=NEW) for _ in range(4)))
    assert sorted(each.status for each in said) == [200, 404, 404, 404]


async def test_links_open_what_they_are_for_and_nothing_else(world: World) -> None:
    person = await world.someone()
    token = await asked_to_reset(world, person)
    for verb, more in (("set_password", {"password": NEW}), ("verify_email", {}), ("confirm_email_change", {})):
        assert (await world.do(verb, token=token, **more)).code == "LINK_NOT_VALID"
    assert (await world.do("issue_passport", token=token)).code == "SESSION_NOT_LIVE"
    assert (await world.do("reset_password", token=token, password=NEW)).status == 200


async def test_nobody_learns_from_a_reset_whether_there_is_an_account(world: World) -> None:
    person = await world.someone()
    known = await world.do("request_password_reset", email=person.email, language="LV")
    unknown = await world.do("request_password_reset", email="nobody.knows@example.com", language="LV")
    assert (known.status, known.result) == (unknown.status, {"email": person.email})
    mail = await world.inbox.newest_to("nobody.knows@example.com")
    assert "konta nav" in mail["Subject"]
    assert "token" not in mail.get_content()
    kept = await world.store.reader().collection("links").find({"purpose": "RESET_PASSWORD"}, sort=[("_id", -1)], limit=2)
    assert [set(row) for row in kept] == [set(kept[0])] * 2
    assert "nobody.knows" not in str(kept)
    assert (await world.do("request_password_reset", email="nonsense")).fields == ["email"]


async def test_resets_are_counted_for_the_address_and_for_the_place(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    for email in (person.email, "nobody@example.com"):
        said = [await world.do("request_password_reset", email=email) for _ in range(6)]
        assert [each.status for each in said] == [200] * 5 + [429]
    place = {"network_address": "192.0.2.9"}
    assert (await world.do("request_password_reset", email="a@example.com", **place)).status == 200
    await world.store.reader().collection("throttles").update_many({"tries": 1}, {"$set": {"tries": 100}})
    assert (await world.do("request_password_reset", email="b@example.com", **place)).code == "TRIED_TOO_OFTEN"
    assert (await world.do("request_password_reset", email="c@example.com", network_address="192.0.2.10")).status == 200


async def test_a_change_makes_links_that_were_mailed_before_worthless(world: World) -> None:
    person = await world.someone()
    token = await asked_to_reset(world, person)
    assert (await world.do("change_password", person, current_password=PASSWORD, password=NEW)).status == 200
    assert (await world.do("reset_password", token=token, password=PASSWORD)).code == "LINK_NOT_VALID"


async def test_a_reset_leaves_the_second_factor_on(world: World) -> None:
    person = await world.someone()
    await turn_on_a_factor(world, person)
    token = await asked_to_reset(world, person)
    assert (await world.do("reset_password", token=token, password=SHORT)).status == 200
    assert await world.store.reader().collection("factors").count_documents({"user_id": person.user_id, "is_on": True}) == 1


async def test_who_is_invited_sets_the_first_password_within_a_week(make_world: MakeWorld) -> None:
    world = await make_world()
    office = post_office(world.folder / "keys")
    email = "invited@example.com"

    async def invited(name: str) -> Any:
        return await world.store.transact(ANONYMOUS, lambda tx: invite_user(tx, office, email, name, language="lv"))

    user = await invited("Ilze Ozola")
    assert (await invited("Somebody else")).name == "Ilze Ozola"
    mail = await world.inbox.newest_to(email)
    assert "Laipni" in mail["Subject"]
    assert "http://portal/set-password#token=" in mail.get_content()
    assert not await opens(world, email, "")
    assert not await opens(world, email, PASSWORD)
    assert (await world.do("set_password", token=token_in(mail), password=SHORT)).code == "PASSWORD_NOT_ACCEPTED"
    assert (await world.do("set_password", token=token_in(mail), password="Ilze Ozola 12345")).code == "PASSWORD_NOT_ACCEPTED"
    assert (await world.do("reset_password", token=token_in(mail), password=PASSWORD)).code == "LINK_NOT_VALID"
    assert (await world.do("set_password", token=token_in(mail), password=PASSWORD)).result == {"email": email}
    assert (await world.do("set_password", token=token_in(mail), password=NEW)).code == "LINK_NOT_VALID"
    said = (await world.do("sign_in", email=email, password=PASSWORD)).result["user"]
    assert (said["id"], said["name"], said["language"]) == (user.id, "Ilze Ozola", "LV")
    facts = await world.facts_about(user.id, 2)
    assert [each.key.split(".")[1] for each in facts] == ["user_registered", "password_changed"]
    assert len(world.inbox.to(email)) == 1


async def test_a_letter_of_welcome_lapses_and_the_forgotten_password_helps(make_world: MakeWorld) -> None:
    world = await make_world()
    office = post_office(world.folder / "keys")
    email = "late@example.com"
    user = await world.store.transact(ANONYMOUS, lambda tx: invite_user(tx, office, email, "Late", language="en"))
    token = token_in(await world.inbox.newest_to(email))
    world.clock.ahead += timedelta(days=7)
    assert (await world.do("set_password", token=token, password=PASSWORD)).code == "LINK_NOT_VALID"
    token = await asked_to_reset(world, Person(email, user.id, ""))
    assert (await world.do("reset_password", token=token, password=PASSWORD)).status == 200
    assert await opens(world, email, PASSWORD)


async def test_a_flood_is_told_to_come_back(make_world: MakeWorld) -> None:
    world = await make_world(hashing_threads=1)
    person = await world.someone()
    tokens = [await asked_to_reset(world, person) for _ in range(2)]
    flood = [world.do("register", email=f"f{number}@example.com", password=PASSWORD, name="F") for number in range(90)]
    said = await asyncio.gather(*flood, *(world.do("reset_password", token=each, password=NEW) for each in tokens))
    refused = [each for each in said if each.status == 503]
    assert {each.code for each in refused} == {"TOO_BUSY_TO_HASH"}
    assert {each.body["retry_after_seconds"] for each in refused} == {2}


async def test_without_an_account_or_a_password_the_same_work_is_done() -> None:
    hasher = Hasher(threads=1)
    await hasher.start()
    assert not await hasher.verify("nobody's password", None)
    assert not await hasher.verify("", None)
    await hasher.close()
