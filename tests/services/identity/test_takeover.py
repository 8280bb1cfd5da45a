"""What somebody who knows an old password, or half of what it takes, tries: none of it opens an account."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from chassis.mongo import Transaction
from services.identity.accounts import repository as accounts
from services.identity.accounts.access import require_viewer
from services.identity.accounts.domain import WrongCredentials
from services.identity.factors import actions as factors
from services.identity.factors.actions import FactorOffice
from services.identity.factors.passkeys import relying_party
from services.identity.keys import Pepper, Seal
from services.identity.mail.actions import PostOffice
from services.identity.passwords import actions as passwords
from services.identity.passwords.domain import NewPassword
from services.identity.privacy import actions as privacy
from services.identity.signing_in import actions as signing_in
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.test_signing_in import HOME, challenge, enrol, sign_in
from tests.services.identity.world import PASSWORD, Person, Said, World, post_office, token_in

NEW = "the ferry leaves at seven"
SHORT = "ferry-at7"


async def reset_token(world: World, person: Person, *, count: int) -> str:
    await world.do("request_password_reset", email=person.email)
    return token_in(await world.inbox.newest_to(person.email, count=count))


async def meanwhile(
    world: World, by: Person, work: Callable[[Transaction], Awaitable[Any]], other: Callable[[], Coroutine[Any, Any, Said]]
) -> Said:
    """Do something in a transaction, and something else between its last write and its commit; return what that answered."""
    begun: list[asyncio.Task[Said]] = []

    async def slowly(tx: Transaction) -> None:
        await work(tx)
        if not begun:
            begun.append(asyncio.get_running_loop().create_task(other(), context=contextvars.Context()))
            await asyncio.wait(begun, timeout=1.0)

    await world.store.transact(world.verifier.verify(await world.passport(by)), slowly)
    return await begun[0]


def office_of(world: World) -> PostOffice:
    return post_office(world.settings.keys_dir)


# ---- An old password


async def test_a_challenge_begun_with_the_old_password_ends_with_it(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    app, _ = await enrol(world, person)
    begun = await challenge(world, person)
    token = await reset_token(world, person, count=3)
    assert (await world.do("reset_password", token=token, password=NEW)).status == 200
    said = await world.do("answer_second_factor", challenge=begun["challenge"], code=app.at(world.clock.now()))
    assert (said.status, said.code) == (404, "CHALLENGE_NOT_LIVE")


async def reset_in(tx: Transaction, token: str, world: World) -> None:
    await passwords.reset_password(tx, token, NewPassword("another hash", is_long=True), office_of(world))


async def test_who_signs_in_with_the_old_password_at_that_moment_gets_no_session(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    token = await reset_token(world, person, count=2)
    said = await meanwhile(world, person, lambda tx: reset_in(tx, token, world), lambda: sign_in(world, person))
    assert (said.status, said.code) == (401, "WRONG_CREDENTIALS")
    assert await world.store.reader().collection("sessions").count_documents({"user_id": person.user_id}) == 0


async def test_an_address_change_asked_for_at_the_moment_of_a_reset_is_off(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    token = await reset_token(world, person, count=2)
    wanted = {"new_email": "thief@example.com", "password": PASSWORD}
    said = await meanwhile(
        world, person, lambda tx: reset_in(tx, token, world), lambda: world.do("request_email_change", person, **wanted)
    )
    assert said.code == "PASSWORD_CHANGED_MEANWHILE"
    assert await world.store.reader().collection("links").count_documents({"user_id": person.user_id}) == 0


async def test_a_stronger_hash_of_the_old_password_does_not_bring_it_back(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    users = world.store.reader().collection("users")
    row = await users.find_one({"_id": person.user_id})
    assert row is not None
    old = await accounts.find_user(world.store.reader(), person.user_id)
    assert old is not None
    token = await reset_token(world, person, count=2)
    assert (await world.do("reset_password", token=token, password=NEW)).status == 200

    async def renew(tx: Transaction) -> None:
        await signing_in.renew_hash(tx, old, row["password_hash"] + "=")

    with pytest.raises(WrongCredentials):
        await world.store.transact(world.verifier.verify(await world.visitor()), renew)
    assert (await sign_in(world, person, NEW)).status == 200


# ---- Half of what it takes


async def test_codes_are_not_guessed_by_proving_it_anew(make_world: MakeWorld) -> None:
    """The right password begins the count of passwords anew; the count of codes goes on."""
    world = await make_world()
    person = await world.someone()
    await enrol(world, person)
    statuses = []
    for _ in range(25):
        said = await world.do("reauthenticate", person, password=PASSWORD, code="000000", network_address=HOME)
        statuses.append(said.status)
        assert (await sign_in(world, person, network=HOME)).result["kind"] == "SecondFactorNeeded"
    assert statuses[:10] == [401] * 10
    assert set(statuses[10:]) == {429}


async def test_a_registration_does_not_tell_whether_there_is_an_account(make_world: MakeWorld) -> None:
    world = await make_world()
    known = await world.someone()
    told = []
    for email in (known.email, "nobody@example.com"):
        await world.do("register", email=email, password=NEW, name="Curious")
        told.append((await world.do("sign_in", email=email, password=NEW)).without_trace)
        told.append((await world.do("sign_in", email=email, password="neither of them")).without_trace)
    assert told[:2] == told[2:]
    assert (await sign_in(world, known)).status == 200


# ---- At the same moment


async def test_a_short_password_and_no_factor_do_not_come_at_the_same_moment(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    await enrol(world, person)
    [[factor]] = (await world.load("factors_of_viewer", ["me"], person)).rows

    async def change(tx: Transaction) -> None:
        await passwords.change_password(tx, await require_viewer(tx), NewPassword("short hash", is_long=False), office_of(world))

    said = await meanwhile(world, person, change, lambda: world.do("remove_factor", person, factor_id=factor["id"]))
    assert said.code == "SET_LONG_PASSWORD_FIRST"


async def test_the_other_way_round_neither(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    await enrol(world, person)
    [[factor]] = (await world.load("factors_of_viewer", ["me"], person)).rows

    async def remove(tx: Transaction) -> None:
        path = world.settings.keys_dir / "factors.key"
        office = FactorOffice(Seal(path), Pepper(path, "recovery-codes"), relying_party("http://x", ""), office_of(world))
        await factors.remove_factor(tx, factor["id"], office)

    wanted = {"current_password": PASSWORD, "password": SHORT}
    said = await meanwhile(world, person, remove, lambda: world.do("change_password", person, **wanted))
    assert said.code == "PASSWORD_NOT_ACCEPTED"


@pytest.mark.parametrize("verb", ["sign_in", "enrol_totp", "request_email_change"])
async def test_nothing_is_kept_of_somebody_who_is_erased_at_that_moment(make_world: MakeWorld, verb: str) -> None:
    world = await make_world()
    person = await world.someone()

    async def erase(tx: Transaction) -> None:
        await privacy.erase_account(tx, await require_viewer(tx), office_of(world))

    calls: dict[str, Callable[[], Coroutine[Any, Any, Said]]] = {
        "sign_in": lambda: sign_in(world, person),
        "enrol_totp": lambda: world.do("enrol_totp", person),
        "request_email_change": lambda: world.do("request_email_change", person, new_email="x@example.com", password=PASSWORD),
    }
    said = await meanwhile(world, person, erase, calls[verb])
    assert said.status == 401, said.body
    for collection in ("sessions", "factors", "links", "challenges", "memberships"):
        assert await world.store.reader().collection(collection).count_documents({"user_id": person.user_id}) == 0, collection


# ---- Around the limits, and around the address


async def test_an_ipv6_subscriber_is_counted_once_wherever_mails_are_asked_for(make_world: MakeWorld) -> None:
    world = await make_world()
    statuses = []
    for number in range(101):
        address = f"2001:db8:1:2::{number:x}"
        said = await world.do("request_password_reset", email=f"nobody{number}@example.com", network_address=address)
        statuses.append(said.status)
    assert statuses == [200] * 100 + [429]


async def test_an_address_that_a_header_reads_as_another_is_none(world: World) -> None:
    for email in ("=?utf-8?q?victim=40a.example?=@evil.example", "=?utf-8?q?a=40b.example=2cx?=@evil.example"):
        said = await world.do("register", email=email, password=PASSWORD, name="Somebody")
        assert (said.status, said.fields) == (422, ["email"])
