"""Signing in: the same for whoever does not get in, soft for whoever tries, and with a second factor for whoever has one."""

import asyncio
from datetime import timedelta
from typing import Any

import pyotp
import pytest

from services.identity.passwords.hashing import Hasher
from services.identity.throttles import network_of
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.world import PASSWORD, Person, Said, World

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.9"


async def sign_in(world: World, person: Person, password: str = PASSWORD, network: str | None = None) -> Said:
    return await world.do("sign_in", email=person.email, password=password, network_address=network, user_agent="Test/1")


async def enrol(world: World, person: Person) -> tuple[pyotp.TOTP, list[str]]:
    """Give somebody an app that shows codes; return it and the recovery codes."""
    made = (await world.do("enrol_totp", person)).result
    app = pyotp.TOTP(made["secret"])
    done = await world.do("confirm_totp", person, factor_id=made["factor_id"], code=app.at(world.clock.now()))
    world.clock.ahead += timedelta(seconds=30)
    return app, done.result["recovery_codes"]


async def challenge(world: World, person: Person) -> dict[str, Any]:
    needed: dict[str, Any] = (await sign_in(world, person)).result
    assert needed["kind"] == "SecondFactorNeeded"
    return needed


async def told(world: World, person: Person, fact: str, count: int = 1) -> list[dict[str, Any]]:
    """Return what was announced of this kind about somebody, once there are so many."""
    for _ in range(500):
        found = [dict(each.data) for each in world.heard if (each.subject, each.key) == (person.user_id, f"identity.{fact}.v1")]
        if len(found) >= count:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"{fact} was not announced {count} times: {[each.key for each in world.heard]}")


# ---- Who does not get in


async def test_whoever_does_not_get_in_is_told_the_same(make_world: MakeWorld) -> None:
    world = await make_world()
    known, without_password = await world.someone(), await world.someone()
    users = world.store.reader().collection("users")
    await users.update_one({"_id": without_password.user_id}, {"$set": {"password_hash": None}})
    await world.do("register", email="waiting@example.com", password=PASSWORD, name="Waiting")
    told = [
        await world.do("sign_in", email=email, password=password)
        for email, password in (
            (known.email, "wrong"),
            ("nobody@example.com", PASSWORD),
            ("not an address", PASSWORD),
            ("waiting@example.com", "wrong"),
            (without_password.email, PASSWORD),
            (without_password.email, ""),
        )
    ]
    assert {str(each.without_trace) for each in told} == {str(told[0].without_trace)}
    assert (told[0].status, told[0].code) == (401, "WRONG_CREDENTIALS")


async def test_whoever_does_not_get_in_costs_one_hash(make_world: MakeWorld) -> None:
    world = await make_world()
    known = await world.someone()
    hasher = next(each for each in world.service.workers if isinstance(each, Hasher))
    hasher._most_waiting = 0  # whoever is to be hashed for is told to come back
    for email in (known.email, "nobody@example.com", "not an address"):
        said = await world.do("sign_in", email=email, password="wrong")
        assert (said.status, said.code, said.body["retry_after_seconds"]) == (503, "TOO_BUSY_TO_HASH", 2)


# ---- How often it may be tried


async def test_from_one_network_an_account_is_tried_ten_times(make_world: MakeWorld) -> None:
    world = await make_world(hashing_threads=4)
    person = await world.someone()
    said = await asyncio.gather(*(sign_in(world, person, "wrong", ELSEWHERE) for _ in range(14)))
    assert sorted(each.code for each in said) == ["TRIED_TOO_OFTEN"] * 4 + ["WRONG_CREDENTIALS"] * 10
    assert all(1 <= each.body["retry_after_seconds"] <= 900 for each in said if each.status == 429)
    assert (await sign_in(world, person, PASSWORD, ELSEWHERE)).code == "TRIED_TOO_OFTEN"
    assert (await sign_in(world, person, PASSWORD, HOME)).status == 200, "the account is open to everybody else"


async def test_two_hundred_tries_at_once_are_refused_or_told_to_come_back(make_world: MakeWorld) -> None:
    world = await make_world(hashing_threads=4)
    person = await world.someone()
    said = await asyncio.gather(*(sign_in(world, person, "wrong", f"198.51.100.{number}") for number in range(200)))
    codes = [each.code for each in said]
    assert set(codes) <= {"WRONG_CREDENTIALS", "TRIED_TOO_OFTEN", "TOO_BUSY_TO_HASH"}
    assert codes.count("TRIED_TOO_OFTEN") == 180
    assert (await sign_in(world, person, "wrong", "203.0.113.1")).code == "TRIED_TOO_OFTEN"


async def test_strangers_cannot_keep_the_owner_out(make_world: MakeWorld) -> None:
    world = await make_world(hashing_threads=4)
    person = await world.someone()
    assert (await sign_in(world, person, PASSWORD, HOME)).status == 200
    for number in range(24):
        await sign_in(world, person, "wrong", f"198.51.100.{number}")
    assert (await sign_in(world, person, PASSWORD, "203.0.113.1")).code == "TRIED_TOO_OFTEN"
    assert (await sign_in(world, person, "wrong", HOME)).code == "WRONG_CREDENTIALS"
    assert (await sign_in(world, person, PASSWORD, HOME)).status == 200
    kept = await world.store.reader().collection("known_networks").find({"user_id": person.user_id})
    assert len(kept) == 1
    assert HOME not in str(kept)


async def test_a_network_is_known_for_thirty_days(make_world: MakeWorld) -> None:
    world = await make_world(hashing_threads=4)
    person = await world.someone()
    await sign_in(world, person, PASSWORD, HOME)
    for days, code in ((29, "WRONG_CREDENTIALS"), (2, "TRIED_TOO_OFTEN")):
        world.clock.ahead += timedelta(days=days)
        for number in range(21):
            await sign_in(world, person, "wrong", f"198.51.100.{number}")
        assert (await sign_in(world, person, "wrong", HOME)).code == code


async def test_nothing_is_locked_for_good(make_world: MakeWorld) -> None:
    world = await make_world(hashing_threads=4)
    person = await world.someone()
    for number in range(21):
        said = await sign_in(world, person, "wrong", f"198.51.100.{number}")
    assert said.code == "TRIED_TOO_OFTEN"
    world.clock.ahead += timedelta(seconds=said.body["retry_after_seconds"])
    assert (await sign_in(world, person, PASSWORD, ELSEWHERE)).status == 200


async def test_a_network_that_signs_in_rightly_is_not_counted(make_world: MakeWorld) -> None:
    world = await make_world(hashing_threads=4)
    person = await world.someone()
    for _ in range(12):
        assert (await sign_in(world, person, PASSWORD, HOME)).status == 200
    rows = await world.store.reader().collection("throttles").find({"_id": {"$regex": "^sign-in-network:"}})
    assert [row["tries"] for row in rows] == [0]


def test_an_ipv6_subscriber_is_one_network() -> None:
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::") == "2001:db8:1:2::/64"
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert network_of("fe80::1%eth0") == "fe80::/64"
    assert network_of("testclient") == "testclient"
    assert network_of(None) is network_of("") is None


# ---- Who is told


async def test_ten_failures_are_announced_once_and_the_owner_gets_one_letter_a_day(make_world: MakeWorld) -> None:
    world = await make_world(hashing_threads=4)
    person = await world.someone()
    for _ in range(2):
        for number in range(14):
            await sign_in(world, person, "wrong", f"198.51.100.{number}")
            await world.do("sign_in", email="nobody@example.com", password="wrong", network_address=f"198.51.100.{number}")
        world.clock.ahead += timedelta(minutes=16)
    facts = await told(world, person, "user_signed_in_failed_repeatedly", 2)
    assert facts == [{"user_id": person.user_id, "tries": 10, "window_seconds": 900}] * 2
    await world.inbox.newest_to(person.email, count=2)
    letters = [mail for mail in world.inbox.to(person.email) if "keeps trying" in mail["Subject"]]
    assert len(letters) == 1
    assert "10 times" in letters[0].get_content()
    assert not world.inbox.to("nobody@example.com")
    assert not await world.store.reader().collection("sign_in_alarms").find({})


# ---- The second factor


async def test_with_a_second_factor_a_password_gives_no_session(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    app, _ = await enrol(world, person)
    needed = await challenge(world, person)
    assert set(needed) == {"kind", "challenge", "methods", "expires_at", "passkey_options"}
    assert needed["methods"] == ["TOTP", "RECOVERY_CODE"]
    sessions = world.store.reader().collection("sessions")
    assert await sessions.count_documents({"user_id": person.user_id}) == 1
    answer = {"challenge": needed["challenge"], "code": app.at(world.clock.now())}
    signed_in = (await world.do("answer_second_factor", **answer, user_agent="Test/1", network_address=HOME)).result
    assert (signed_in["kind"], signed_in["user"]["id"]) == ("SignedIn", person.user_id)
    row = await sessions.find_one({"user_id": person.user_id, "user_agent": "Test/1"})
    assert row is not None
    assert row["methods"] == ["PASSWORD", "TOTP"]
    assert (await world.do("issue_passport", token=signed_in["token"])).status == 200
    assert (await world.do("answer_second_factor", **answer)).code == "CHALLENGE_NOT_LIVE"


async def test_a_code_is_good_once_even_for_two_at_the_same_moment(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    app, _ = await enrol(world, person)
    challenges = [(await challenge(world, person))["challenge"] for _ in range(4)]
    code = app.at(world.clock.now())
    said = await asyncio.gather(*(world.do("answer_second_factor", challenge=each, code=code) for each in challenges))
    assert sorted(each.code for each in said if each.status != 200) == ["CODE_NOT_RIGHT"] * 3
    world.clock.ahead += timedelta(seconds=30)
    older = await world.do("answer_second_factor", challenge=(await challenge(world, person))["challenge"], code=code)
    assert older.code == "CODE_NOT_RIGHT", "nor a step later"


async def test_one_step_to_either_side_is_right_and_no_more(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    app, _ = await enrol(world, person)
    for steps, status in ((-2, 401), (2, 401), (-1, 200), (1, 200)):
        world.clock.ahead += timedelta(minutes=2)
        code = app.at(world.clock.now() + timedelta(seconds=30 * steps))
        needed = await challenge(world, person)
        assert (await world.do("answer_second_factor", challenge=needed["challenge"], code=code)).status == status, steps


async def test_a_challenge_lives_five_minutes_and_has_five_answers(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    app, _ = await enrol(world, person)
    token = (await challenge(world, person))["challenge"]
    said = await asyncio.gather(*(world.do("answer_second_factor", challenge=token, code="000000") for _ in range(8)))
    assert sorted(each.code for each in said) == ["CHALLENGE_NOT_LIVE"] * 3 + ["CODE_NOT_RIGHT"] * 5
    ended = await world.do("answer_second_factor", challenge=token, code=app.at(world.clock.now()))
    unknown = await world.do("answer_second_factor", challenge="ptc_unknown", code="000000")
    assert ended.without_trace == unknown.without_trace
    token = (await challenge(world, person))["challenge"]
    world.clock.ahead += timedelta(minutes=5)
    assert (await world.do("answer_second_factor", challenge=token, code=app.at(world.clock.now()))).status == 404


async def test_codes_are_throttled_per_account_but_not_for_its_owner(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    app, _ = await enrol(world, person)
    token = (await challenge(world, person))["challenge"]
    right = {"code": app.at(world.clock.now()), "network_address": HOME}
    assert (await world.do("answer_second_factor", challenge=token, **right)).status == 200
    world.clock.ahead += timedelta(seconds=60)
    for number in range(21):
        token = (await challenge(world, person))["challenge"]
        wrong = {"code": "000000", "network_address": f"198.51.100.{number}"}
        said = await world.do("answer_second_factor", challenge=token, **wrong)
    assert said.code == "TRIED_TOO_OFTEN"
    right["code"] = app.at(world.clock.now())
    assert (await world.do("answer_second_factor", challenge=token, **right)).status == 200
    assert len(await told(world, person, "user_signed_in_failed_repeatedly")) == 1


@pytest.mark.parametrize(
    "answer",
    [{}, {"code": "000000", "recovery_code": "X"}, {"code": "000000", "passkey": "{}"}, {"code": None}],
)
async def test_a_challenge_is_answered_in_exactly_one_way(world: World, answer: dict[str, Any]) -> None:
    said = await world.do("answer_second_factor", challenge="ptc_x", **answer)
    assert (said.status, said.code) == (422, "ANSWER_ONE_WAY")


async def test_a_challenge_of_another_kind_is_none(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    app, _ = await enrol(world, person)
    begun = (await world.do("begin_passkey_sign_in")).result
    said = await world.do("answer_second_factor", challenge=begun["challenge"], code=app.at(world.clock.now()))
    assert said.code == "CHALLENGE_NOT_LIVE"
    needed = await challenge(world, person)
    said = await world.do("sign_in_with_passkey", challenge=needed["challenge"], credential="{}")
    assert said.code == "CHALLENGE_NOT_LIVE"


# ---- Proving it anew


async def test_whoever_proves_it_anew_has_a_fresh_session(make_world: MakeWorld) -> None:
    world = await make_world(hashing_threads=4)
    person = await world.someone()
    world.clock.ahead += timedelta(minutes=16)
    assert (await world.do("enrol_totp", person)).code == "SIGN_IN_AGAIN"
    assert (await world.do("reauthenticate", person, password="wrong")).code == "WRONG_CREDENTIALS"
    assert (await world.do("reauthenticate", person)).code == "WRONG_CREDENTIALS"
    assert (await world.do("enrol_totp", person)).code == "SIGN_IN_AGAIN"
    assert (await world.do("reauthenticate", person, password=PASSWORD)).status == 200
    app, codes = await enrol(world, person)
    world.clock.ahead += timedelta(minutes=16)
    needed = await world.do("reauthenticate", person, password=PASSWORD)
    assert (needed.status, needed.code, needed.fields) == (422, "CODE_NEEDED", ["code"])
    assert (await world.do("reauthenticate", person, password=PASSWORD, code="000000")).code == "CODE_NOT_RIGHT"
    assert (await world.do("reauthenticate", person, password="wrong", code=app.at(world.clock.now()))).status == 401
    assert (await world.do("renew_recovery_codes", person)).code == "SIGN_IN_AGAIN"
    said = await world.do("reauthenticate", person, password=PASSWORD, code=app.at(world.clock.now()))
    assert said.status == 200
    assert (await world.do("renew_recovery_codes", person)).status == 200
    world.clock.ahead += timedelta(minutes=16)
    assert (await world.do("reauthenticate", person, password=PASSWORD, recovery_code=codes[0])).status == 401
    assert (await world.do("reauthenticate")).code == "SIGN_IN_FIRST"


async def test_proving_it_anew_is_throttled_like_signing_in(make_world: MakeWorld) -> None:
    world = await make_world(hashing_threads=4)
    person = await world.someone()
    tries = [world.do("reauthenticate", person, password="wrong", network_address=ELSEWHERE) for _ in range(11)]
    said = await asyncio.gather(*tries)
    assert sorted(each.code for each in said) == ["TRIED_TOO_OFTEN"] + ["WRONG_CREDENTIALS"] * 10
