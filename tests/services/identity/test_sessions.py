import asyncio
from datetime import timedelta
from typing import Any

import pytest

from chassis.clock import FixedClock
from chassis.principal import ANONYMOUS, Principal
from services.identity.sessions import access, actions
from services.identity.sessions.domain import Lifetimes, Seen, SessionNotLive, SignInAgain, begin_session
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.world import PASSWORD, Person, World

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"
LIFETIMES = Lifetimes(idle=timedelta(days=14), absolute=timedelta(days=90))


async def sign_in(world: World, person: Person, **seen: Any) -> Person:
    """Return the same person at another device."""
    token = (await world.do("sign_in", email=person.email, password=PASSWORD, **seen)).result["token"]
    return Person(person.email, person.user_id, token)


async def sessions_of(world: World, person: Person) -> list[Any]:
    [rows] = (await world.load("sessions_of_viewer", ["me"], person)).rows
    return list(rows)


async def is_live(world: World, person: Person) -> bool:
    return (await world.do("issue_passport", token=person.token)).status == 200


async def test_a_person_sees_their_own_sessions_and_which_one_asks(world: World) -> None:
    person = await world.someone()
    phone = await sign_in(world, person, user_agent=BROWSER, network_address="192.0.2.7")
    rows = await sessions_of(world, phone)
    assert [row["is_current"] for row in rows] == [True, False]
    assert (rows[0]["user_agent"], rows[0]["network_address"], rows[0]["methods"]) == (BROWSER, "192.0.2.7", ["PASSWORD"])
    assert (rows[1]["user_agent"], rows[1]["network_address"]) == (None, None)
    assert set(rows[0]) == {
        *("id", "created_at", "seen_at", "expires_at", "user_agent", "network_address", "methods", "is_current")
    }
    assert [row["is_current"] for row in await sessions_of(world, person)] == [False, True]
    assert {row["id"] for row in await sessions_of(world, await world.someone())}.isdisjoint(row["id"] for row in rows)
    assert (await world.load("sessions_of_viewer", ["me"])).code == "SIGN_IN_FIRST"


async def test_a_session_is_ended_by_its_owner_alone(world: World) -> None:
    person, stranger = await world.someone(), await world.someone("Stranger")
    phone = await sign_in(world, person)
    [_, first] = await sessions_of(world, phone)
    foreign = await world.do("end_session", stranger, session_id=first["id"])
    absent = await world.do("end_session", stranger, session_id="ses_01JD000000000000000000000")
    assert foreign.without_trace == absent.without_trace
    assert (foreign.status, foreign.code) == (404, "NO_SUCH_SESSION")
    assert (await world.do("end_session", session_id=first["id"])).code == "SIGN_IN_FIRST"
    assert (await world.do("end_session", phone)).fields == ["session_id"]
    assert await is_live(world, person)

    assert (await world.do("end_session", phone, session_id=first["id"])).result == {"session_id": first["id"]}
    assert not await is_live(world, person)
    assert (await world.do("end_session", phone, session_id=first["id"])).code == "NO_SUCH_SESSION"
    facts = await world.facts_about(person.user_id, 3)
    assert (facts[2].key, facts[2].data["session_id"]) == ("identity.session_ended.v1", first["id"])
    [current] = await sessions_of(world, phone)
    assert (await world.do("end_session", phone, session_id=current["id"])).status == 200
    assert not await is_live(world, phone)


async def test_all_other_sessions_end_at_once_and_each_is_announced(world: World) -> None:
    person, stranger = await world.someone(), await world.someone("Stranger")
    others = [await sign_in(world, person) for _ in range(3)]
    ids = {row["id"] for row in await sessions_of(world, person) if not row["is_current"]}
    assert (await world.do("end_other_sessions", person)).result == {"ended": 3}
    assert (await world.do("end_other_sessions", person)).result == {"ended": 0}
    assert (await world.do("end_other_sessions")).code == "SIGN_IN_FIRST"
    assert [await is_live(world, each) for each in (*others, person, stranger)] == [False, False, False, True, True]
    facts = await world.facts_about(person.user_id, 5)
    assert {each.data["session_id"] for each in facts if each.key == "identity.session_ended.v1"} == ids


async def test_two_who_end_the_same_session_announce_it_once(world: World) -> None:
    person = await world.someone()
    phone = await sign_in(world, person)
    [_, first] = await sessions_of(world, phone)
    said = await asyncio.gather(*(world.do("end_session", phone, session_id=first["id"]) for _ in range(4)))
    assert sorted(each.status for each in said) == [200, 404, 404, 404]
    facts = await world.facts_about(person.user_id, 3)
    assert [each.key for each in facts].count("identity.session_ended.v1") == 1


async def test_a_lapsed_session_is_not_shown(make_world: MakeWorld) -> None:
    world = await make_world(session_idle_seconds=1000)
    person = await world.someone()
    world.clock.ahead += timedelta(seconds=900)
    phone = await sign_in(world, person)
    world.clock.ahead += timedelta(seconds=200)
    [row] = await sessions_of(world, phone)
    assert row["is_current"]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (None, None),
        ("", None),
        ("\x00\x1b[31m\u202e", "[31m"),
        ("two\r\nlines  and\ttabs", "two lines and tabs"),
        ("x" * 500, "x" * 200),
        ("Pārlūks 1.0 \U0001f600", "Pārlūks 1.0 \U0001f600"),
    ],
)
def test_what_a_program_calls_itself_is_shown_in_one_short_line(sent: str | None, shown: str | None) -> None:
    session = begin_session(
        "ses_1", "usr_1", "hash", now=FixedClock().now(), lifetimes=LIFETIMES, seen=Seen(sent, None), methods=("PASSWORD",)
    )
    assert session.seen.user_agent == shown


async def test_grave_things_ask_for_a_session_that_began_a_moment_ago(make_world: MakeWorld) -> None:
    world = await make_world()
    opened = await world.store.transact(
        ANONYMOUS, lambda tx: actions.open_session(tx, "usr_1", LIFETIMES, Seen(), methods=("PASSKEY",))
    )
    principal = Principal("usr_1", opened.session.id)
    assert (await access.require_fresh(world.store.reader(principal))).methods == ("PASSKEY",)
    world.clock.ahead += timedelta(minutes=15, seconds=1)
    with pytest.raises(SignInAgain):
        await access.require_fresh(world.store.reader(principal))
    for gone in (Principal("usr_1", None), Principal("usr_2", opened.session.id), Principal("usr_1", "ses_none")):
        with pytest.raises(SessionNotLive):
            await access.require_fresh(world.store.reader(gone))
