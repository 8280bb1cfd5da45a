"""Passkeys: alone, beside a password, and everything that a passkey does not prove."""

import asyncio
import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from services.identity.factors.passkeys import relying_party
from tests.services.identity.authenticator import Authenticator, to_text
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.test_signing_in import challenge, enrol, told
from tests.services.identity.world import PASSWORD, Person, Said, World


async def register(world: World, person: Person, authenticator: Authenticator, **changed: Any) -> Said:
    begun = (await world.do("begin_passkey_registration", person)).result
    credential = authenticator.make(begun["options"], **changed)
    return await world.do("register_passkey", person, challenge=begun["challenge"], credential=credential, name="My key")


async def sign_in(world: World, authenticator: Authenticator, **changed: Any) -> Said:
    begun = (await world.do("begin_passkey_sign_in")).result
    credential = authenticator.use(begun["options"], **changed)
    return await world.do("sign_in_with_passkey", challenge=begun["challenge"], credential=credential)


async def test_a_passkey_signs_in_alone_and_counts_as_both_factors(make_world: MakeWorld) -> None:
    world = await make_world()
    person, key = await world.someone(), Authenticator()
    done = (await register(world, person, key)).result
    assert (done["factor"]["kind"], done["factor"]["name"], len(done["recovery_codes"])) == ("PASSKEY", "My key", 10)
    facts = await told(world, person, "second_factor_enrolled")
    assert facts == [{"user_id": person.user_id, "factor_id": done["factor"]["id"], "kind": "PASSKEY"}]
    said = (await sign_in(world, key)).result
    assert (said["kind"], said["user"]["id"]) == ("SignedIn", person.user_id)
    row = await world.store.reader().collection("sessions").find_one({"user_id": person.user_id, "methods": ["PASSKEY"]})
    assert row is not None
    [[factor]] = (await world.load("factors_of_viewer", ["me"], person)).rows
    assert factor["last_used_at"] is not None


async def test_a_passkey_answers_for_the_second_factor(make_world: MakeWorld) -> None:
    world = await make_world()
    person, key = await world.someone(), Authenticator(verifies=False)
    await register(world, person, key)
    needed = await challenge(world, person)
    assert needed["methods"] == ["PASSKEY", "RECOVERY_CODE"]
    options = json.loads(needed["passkey_options"])
    assert [each["id"] for each in options["allowCredentials"]] == [to_text(key.credential_id)]
    answer = {"challenge": needed["challenge"], "passkey": key.use(needed["passkey_options"])}
    said = await asyncio.gather(*(world.do("answer_second_factor", **answer) for _ in range(4)))
    assert min(each.status for each in said) == 200
    assert sorted(each.code for each in said if each.status != 200) == ["CHALLENGE_NOT_LIVE"] * 3


async def test_alone_a_passkey_has_to_verify_its_owner(make_world: MakeWorld) -> None:
    world = await make_world()
    person, key = await world.someone(), Authenticator(verifies=False)
    await register(world, person, key)
    said = await sign_in(world, key)
    assert (said.status, said.code) == (403, "USER_VERIFICATION_NEEDED")


async def test_beginning_tells_nothing_of_anybody(make_world: MakeWorld) -> None:
    world = await make_world()
    await register(world, await world.someone(), Authenticator())
    begun = (await world.do("begin_passkey_sign_in")).result
    options = json.loads(begun["options"])
    assert options.pop("challenge")
    assert options == {"timeout": 300000, "rpId": "127.0.0.1", "allowCredentials": [], "userVerification": "required"}
    throttled = [(await world.do("begin_passkey_sign_in", network_address="192.0.2.1")).status for _ in range(101)]
    assert throttled == [200] * 100 + [429]


HOSTILE: list[tuple[str, dict[str, Any]]] = [
    ("of another origin", {"origin": "https://portico.evil.example"}),
    ("for another party", {"party": "evil.example"}),
    ("to another challenge", {"challenge": to_text(b"ptc_another")}),
    ("of the other ceremony", {"type": "webauthn.create"}),
    ("as somebody else", {"user_handle": to_text(b"usr_somebody_else")}),
]


@pytest.mark.parametrize("changed", [each for _, each in HOSTILE], ids=[name for name, _ in HOSTILE])
async def test_an_answer_is_not_accepted(world: World, changed: dict[str, Any]) -> None:
    person, key = await world.someone(), Authenticator()
    if "user_handle" not in changed:
        making = changed if "type" not in changed else {"type": "webauthn.get"}
        assert (await register(world, person, key, **making)).code == "PASSKEY_NOT_ACCEPTED"
    assert (await register(world, person, key)).status == 200
    said = await sign_in(world, key, **changed)
    assert (said.status, said.code) == (401, "PASSKEY_NOT_ACCEPTED")
    unknown = await sign_in(world, Authenticator())
    assert said.without_trace == unknown.without_trace


async def test_a_counter_that_does_not_grow_is_a_copy(make_world: MakeWorld) -> None:
    world = await make_world()
    person, key = await world.someone(), Authenticator()
    await register(world, person, key)
    assert (await sign_in(world, key)).status == 200
    key.counter -= 1
    assert (await sign_in(world, key)).code == "PASSKEY_NOT_ACCEPTED"
    key.counter = 0
    key.counts = False
    assert (await sign_in(world, key)).code == "PASSKEY_NOT_ACCEPTED"
    key.counter, key.counts = 10, True
    assert (await sign_in(world, key)).status == 200


async def test_a_passkey_that_does_not_count_is_one_all_the_same(world: World) -> None:
    person, key = await world.someone(), Authenticator(counts=False)
    await register(world, person, key)
    assert [(await sign_in(world, key)).status for _ in range(2)] == [200, 200]


async def test_another_key_under_the_same_id_is_refused(world: World) -> None:
    person, key = await world.someone(), Authenticator()
    await register(world, person, key)
    forged = Authenticator(credential_id=key.credential_id, user_handle=key.user_handle)
    assert (await sign_in(world, forged)).code == "PASSKEY_NOT_ACCEPTED"


async def test_a_passkey_belongs_to_one_account(world: World) -> None:
    owner, thief, key = await world.someone(), await world.someone(), Authenticator()
    assert (await register(world, owner, key)).status == 200
    assert (await register(world, thief, key)).code == "PASSKEY_KNOWN"
    assert (await register(world, owner, key)).code == "PASSKEY_KNOWN"
    assert (await register(world, thief, Authenticator())).status == 200
    needed = await challenge(world, thief)
    answer = {"challenge": needed["challenge"], "passkey": key.use(needed["passkey_options"])}
    assert (await world.do("answer_second_factor", **answer)).code == "PASSKEY_NOT_ACCEPTED"


async def test_a_challenge_is_of_whom_it_was_given_to(world: World) -> None:
    person, stranger, key = await world.someone(), await world.someone(), Authenticator()
    begun = (await world.do("begin_passkey_registration", person)).result
    made = {"challenge": begun["challenge"], "credential": key.make(begun["options"])}
    foreign = await world.do("register_passkey", stranger, **made)
    absent = await world.do("register_passkey", stranger, **{**made, "challenge": "ptc_unknown"})
    assert foreign.without_trace == absent.without_trace
    assert (await world.do("register_passkey", person, **made)).status == 200
    assert (await world.do("register_passkey", person, **made)).code == "CHALLENGE_NOT_LIVE"


async def test_a_lapsed_challenge_is_none(make_world: MakeWorld) -> None:
    world = await make_world()
    person, key = await world.someone(), Authenticator()
    await register(world, person, key)
    begun = (await world.do("begin_passkey_sign_in")).result
    world.clock.ahead += timedelta(minutes=5)
    said = await world.do("sign_in_with_passkey", challenge=begun["challenge"], credential=key.use(begun["options"]))
    assert (said.code, said.fields) == ("CHALLENGE_NOT_LIVE", ["challenge"])


@pytest.mark.parametrize(
    "credential",
    ["", "{", "[]", "null", "7", '"x"', "{}", '{"id": 7}', '{"id": "x"}', '{"id": "x", "rawId": "x", "response": 7}',
     '{"id": "x", "rawId": "x", "type": "public-key", "response": {}}', "[" * 5000],
)  # fmt: skip
async def test_whatever_is_no_credential_is_refused(world: World, credential: str) -> None:
    person, key = await world.someone(), Authenticator()
    await register(world, person, key)
    begun = (await world.do("begin_passkey_sign_in")).result
    said = await world.do("sign_in_with_passkey", challenge=begun["challenge"], credential=credential)
    assert (said.status, said.code) == (401, "PASSKEY_NOT_ACCEPTED")
    with_its_id = json.dumps({**_read(credential), "id": to_text(key.credential_id)})
    said = await world.do("sign_in_with_passkey", challenge=begun["challenge"], credential=with_its_id)
    assert (said.status, said.code) == (401, "PASSKEY_NOT_ACCEPTED")
    begun = (await world.do("begin_passkey_registration", person)).result
    said = await world.do("register_passkey", person, challenge=begun["challenge"], credential=credential)
    assert (said.status, said.code) == (401, "PASSKEY_NOT_ACCEPTED")


def _read(credential: str) -> dict[str, Any]:
    try:
        read = json.loads(credential)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


async def test_a_passkey_makes_the_session_fresh(make_world: MakeWorld) -> None:
    world = await make_world()
    person, other = await world.someone(), await world.someone()
    key, others_key = Authenticator(), Authenticator()
    await register(world, person, key)
    await register(world, other, others_key)
    world.clock.ahead += timedelta(minutes=16)
    assert (await world.do("renew_recovery_codes", person)).code == "SIGN_IN_AGAIN"
    begun = (await world.do("begin_passkey_sign_in")).result
    foreign = {"challenge": begun["challenge"], "passkey": others_key.use(begun["options"])}
    assert (await world.do("reauthenticate", person, **foreign)).code == "PASSKEY_NOT_ACCEPTED"
    own = {"challenge": begun["challenge"], "passkey": key.use(begun["options"])}
    assert (await world.do("reauthenticate", person, **own)).status == 200
    assert (await world.do("renew_recovery_codes", person)).status == 200
    assert (await world.do("reauthenticate", person, password=PASSWORD, passkey="{}")).code == "ANSWER_ONE_WAY"


async def test_recovery_codes_come_with_the_first_factor_and_go_with_the_last(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    await enrol(world, person)
    keys = [Authenticator() for _ in range(2)]
    done = [(await register(world, person, key)).result for key in keys]
    assert [each["recovery_codes"] for each in done] == [[], []]
    needed = await challenge(world, person)
    assert needed["methods"] == ["TOTP", "PASSKEY", "RECOVERY_CODE"]
    [factors] = (await world.load("factors_of_viewer", ["me"], person)).rows
    for left, factor in zip((10, 10, 0), factors, strict=True):
        assert (await world.do("remove_factor", person, factor_id=factor["id"])).status == 200
        assert (await world.load("recovery_codes_left_of_viewer", ["me"], person)).rows == [left]
    assert (await sign_in(world, keys[0])).code == "PASSKEY_NOT_ACCEPTED"


async def test_somebody_may_have_twenty_factors(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    said = [await register(world, person, Authenticator()) for _ in range(20)]
    assert {each.status for each in said} == {200}
    assert (await world.do("begin_passkey_registration", person)).code == "TOO_MANY_FACTORS"
    assert (await world.do("enrol_totp", person)).code == "TOO_MANY_FACTORS"


def test_the_party_is_the_portals_host_or_what_is_set() -> None:
    party = relying_party("https://Portal.Example:8443/portico", "")
    assert (party.id, party.origin) == ("portal.example", "https://portal.example:8443")
    assert relying_party("https://portal.example", "example").id == "example"


def test_the_authenticator_speaks_base64url() -> None:
    assert base64.urlsafe_b64decode(to_text(b"\xff\xfe") + "==") == b"\xff\xfe"
