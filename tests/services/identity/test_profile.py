import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.services.identity.conftest import MakeWorld
from tests.services.identity.test_password_change import NEW, asked_to_reset, opens
from tests.services.identity.world import OPERATOR, PASSWORD, Person, World, token_in


async def asked_to_move(world: World, person: Person, email: str) -> str:
    """Return the token of the mail that confirms a person's new address."""
    said = await world.do("request_email_change", person, new_email=email, password=PASSWORD)
    assert said.result == {"email": email}
    return token_in(await world.inbox.newest_to(email))


async def test_a_person_changes_what_they_are_called_and_how_they_are_written_to(world: World) -> None:
    person = await world.someone("Anna")
    row = (await world.do("change_profile", person, name="Anna  Marija", language="LV")).result
    assert (row["id"], row["name"], row["language"]) == (person.user_id, "Anna Marija", "LV")
    assert (await world.do("change_profile", person, language="ru")).result["name"] == "Anna Marija"
    assert (await world.do("change_profile", person)).result["language"] == "RU"
    [seen] = (await world.load("viewer", ["me"], person)).rows
    assert (seen["user"]["name"], seen["user"]["language"]) == ("Anna Marija", "RU")
    await world.do("request_password_reset", email=person.email)
    assert "пароль" in (await world.inbox.newest_to(person.email, count=2))["Subject"]
    assert (await world.do("change_profile", name="Nobody")).code == "SIGN_IN_FIRST"


@pytest.mark.parametrize(
    "given", [{"name": " "}, {"name": "x" * 101}, {"name": 7}, {"language": "DE"}, {"email": "a@b.example"}, {"user_id": "usr_1"}]
)
async def test_a_profile_that_cannot_be_is_named_field_by_field(world: World, given: dict[str, Any]) -> None:
    said = await world.do("change_profile", await world.someone(), **given)
    assert (said.status, said.fields) == (422, list(given))


async def test_who_registers_is_written_to_in_their_language(world: World) -> None:
    await world.do("register", email="valoda@example.com", password=PASSWORD, name="Valda", language="LV")
    mail = await world.inbox.newest_to("valoda@example.com")
    assert "Apstipriniet" in mail["Subject"]
    await world.do("verify_email", token=token_in(mail))
    said = (await world.do("sign_in", email="valoda@example.com", password=PASSWORD)).result
    assert said["user"]["language"] == "LV"
    assert (await world.do("register", email="x@example.com", password=PASSWORD, name="X", language="EO")).fields == ["language"]


async def test_registrations_are_counted_for_the_place_they_come_from(make_world: MakeWorld) -> None:
    world = await make_world()
    given: dict[str, Any] = {"password": PASSWORD, "name": "A", "network_address": "192.0.2.7"}
    assert (await world.do("register", email="a@example.com", **given)).status == 200
    await world.store.reader().collection("throttles").update_many({"tries": 1}, {"$set": {"tries": 300}})
    said = await world.do("register", email="b@example.com", **given)
    assert (said.code, said.body["retry_after_seconds"] > 0) == ("TRIED_TOO_OFTEN", True)
    assert (await world.do("register", email="b@example.com", password=PASSWORD, name="B")).status == 200


async def test_an_address_is_replaced_once_its_new_mailbox_confirms(world: World) -> None:
    person = await world.someone()
    email = f"new.{person.email}"
    token = await asked_to_move(world, person, email)
    warning = await world.inbox.newest_to(person.email, count=2)
    assert email not in warning.get_content()
    assert "token" not in warning.get_content()
    assert await opens(world, person.email, PASSWORD)
    assert (await world.do("confirm_email_change", token=token)).result == {"email": email}
    assert [await opens(world, each, PASSWORD) for each in (person.email, email)] == [False, True]
    assert (await world.do("confirm_email_change", token=token)).code == "LINK_NOT_VALID"
    assert "another" in (await world.inbox.newest_to(person.email, count=3))["Subject"]
    assert (await world.load("viewer", ["me"], person)).rows[0]["user"]["email"] == email
    facts = await world.facts_about(person.user_id, 3)
    assert (facts[2].key, facts[2].data["rights_version"]) == ("identity.rights_changed.v1", 2)
    await world.do("register", email=person.email, password=PASSWORD, name="Next")
    await world.do("verify_email", token=token_in(await world.inbox.newest_to(person.email, count=4)))
    assert await opens(world, person.email, PASSWORD)


async def test_nobody_learns_from_a_change_who_has_an_address(world: World) -> None:
    person, other = await world.someone(), await world.someone("Other")
    taken = await world.do("request_email_change", person, new_email=other.email, password=PASSWORD)
    free = await world.do("request_email_change", person, new_email=f"free.{other.email}", password=PASSWORD)
    assert (taken.status, taken.result) == (free.status, {"email": other.email})
    mail = await world.inbox.newest_to(other.email, count=2)
    assert "token" not in mail.get_content()
    kept = await world.store.reader().collection("links").find({"purpose": "CHANGE_ADDRESS"}, sort=[("_id", -1)], limit=2)
    assert [set(row) for row in kept] == [set(kept[0])] * 2


async def test_an_address_that_was_taken_meanwhile_is_not_given(world: World) -> None:
    person = await world.someone()
    email = f"race.{person.email}"
    token = await asked_to_move(world, person, email)
    await world.do("register", email=email, password=PASSWORD, name="Faster")
    faster = token_in(await world.inbox.newest_to(email, count=2))
    said = await asyncio.gather(world.do("verify_email", token=faster), world.do("confirm_email_change", token=token))
    assert sorted(each.status for each in said) == [200, 404]
    assert await opens(world, email, PASSWORD)


@pytest.mark.parametrize(
    ("given", "code", "fields"),
    [
        ({"new_email": "a@example.com", "password": "not the right password"}, "WRONG_PASSWORD", ["password"]),
        ({"new_email": "a@example.com"}, "PASSWORD_NEEDED", ["password"]),
        ({"new_email": "nonsense", "password": PASSWORD}, "INPUT_NOT_USABLE", ["new_email"]),
        ({"new_email": "<own>", "password": PASSWORD}, "SAME_ADDRESS", ["new_email"]),
    ],
)
async def test_an_address_is_not_replaced(world: World, given: dict[str, Any], code: str, fields: list[str]) -> None:
    person = await world.someone()
    given = {key: value.replace("<own>", person.email) for key, value in given.items()}
    said = await world.do("request_email_change", person, **given)
    assert (said.code, said.fields) == (code, fields)
    assert (await world.do("request_email_change", **given)).code in ("SIGN_IN_FIRST", "INPUT_NOT_USABLE")
    assert len(world.inbox.to(person.email)) == 1


async def test_a_new_password_stops_the_change_of_an_address(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    token = await asked_to_move(world, person, "thief@example.com")
    reset = await asked_to_reset(world, person)
    assert (await world.do("reset_password", token=reset, password=NEW)).status == 200
    assert (await world.do("confirm_email_change", token=token)).code == "LINK_NOT_VALID"
    later = await world.do("sign_in", email=person.email, password=NEW)
    person = Person(person.email, person.user_id, later.result["token"])
    assert (await world.do("request_email_change", person, new_email="b@example.com", password=NEW)).status == 200
    token = token_in(await world.inbox.newest_to("b@example.com"))
    world.clock.ahead += timedelta(days=1)
    assert (await world.do("confirm_email_change", token=token)).code == "LINK_NOT_VALID"


async def test_changes_of_an_address_are_counted(make_world: MakeWorld) -> None:
    world = await make_world(hashing_threads=4)
    person, other = await world.someone(), await world.someone("Other")
    for email in ("free@example.com", other.email):
        said = [await world.do("request_email_change", person, new_email=email, password=PASSWORD) for _ in range(6)]
        assert [each.status for each in said] == [200] * 5 + [429]


async def test_the_operators_roles_go_by_the_address(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone("Head", OPERATOR)
    token = await asked_to_move(world, person, "former@operator.example")
    assert (await world.do("confirm_email_change", token=token)).status == 200
    await world.facts_about(person.user_id, 3)
    [seen] = (await world.load("viewer", ["me"], person)).rows
    assert seen["user"]["platform_roles"] == []
    person.passports.clear()
    assert not world.verifier.verify(await world.passport(person)).platform_roles
