"""Factors: enrolled by their first code, told of by letter and event, and never seen by anybody else."""

import asyncio
from datetime import timedelta

import pyotp

from services.identity.factors import recovery, totp
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.test_signing_in import challenge, enrol, told
from tests.services.identity.world import PASSWORD, Person, World


async def begun(world: World, person: Person) -> tuple[str, pyotp.TOTP]:
    made = (await world.do("enrol_totp", person, name="My phone")).result
    return made["factor_id"], pyotp.TOTP(made["secret"])


def test_codes_are_those_of_the_standard() -> None:
    """The vectors of RFC 6238, appendix B (SHA-1), in their last six digits."""
    from datetime import UTC, datetime

    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (2000000000, "279037"), (20000000000, "353130")):
        assert totp.steps_of(secret, code, datetime.fromtimestamp(seconds, UTC)) == [seconds // 30]
    now = datetime.fromtimestamp(59, UTC)
    assert totp.steps_of(secret, " 287 082 ", now) == [1]
    for odd in ("", "28708", "2870822", "٢٨٧٠٨٢", "abcdef", "-87082"):
        assert totp.steps_of(secret, odd, now) == []


async def test_a_factor_counts_once_its_first_code_is_confirmed(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    factor_id, app = await begun(world, person)
    assert (await world.load("factors_of_viewer", ["me"], person)).rows == [[]]
    assert (await world.do("sign_in", email=person.email, password=PASSWORD)).result["kind"] == "SignedIn"
    wrong = await world.do("confirm_totp", person, factor_id=factor_id, code="000000")
    assert (wrong.status, wrong.code) == (401, "CODE_NOT_RIGHT")
    done = (await world.do("confirm_totp", person, factor_id=factor_id, code=app.at(world.clock.now()))).result
    assert len(set(done["recovery_codes"])) == 10
    assert (done["factor"]["kind"], done["factor"]["name"]) == ("TOTP", "My phone")
    again = await world.do("confirm_totp", person, factor_id=factor_id, code=app.at(world.clock.now()))
    assert again.code == "FACTOR_ON_ALREADY"
    [[row]] = (await world.load("factors_of_viewer", ["me"], person)).rows
    assert set(row) == {"id", "kind", "name", "created_at", "last_used_at"}
    assert (await world.load("recovery_codes_left_of_viewer", ["me"], person)).rows == [10]
    assert (await world.do("sign_in", email=person.email, password=PASSWORD)).result["kind"] == "SecondFactorNeeded"
    facts = await told(world, person, "second_factor_enrolled")
    assert facts == [{"user_id": person.user_id, "factor_id": factor_id, "kind": "TOTP"}]
    letter = await world.inbox.newest_to(person.email, count=2)
    assert "My phone" in letter.get_content()
    assert app.secret not in letter.get_content()


async def test_the_address_is_what_an_app_reads(world: World) -> None:
    person = await world.someone()
    made = (await world.do("enrol_totp", person)).result
    read = pyotp.parse_uri(made["address"])
    assert isinstance(read, pyotp.TOTP)
    assert (read.secret, read.issuer, read.name) == (made["secret"], "Portico", person.email)
    assert len(made["secret"]) == 32


async def test_an_enrolment_replaces_the_one_that_was_never_confirmed(world: World) -> None:
    person = await world.someone()
    factor_id, app = await begun(world, person)
    await begun(world, person)
    said = await world.do("confirm_totp", person, factor_id=factor_id, code=app.at(world.clock.now()))
    assert said.code == "NO_SUCH_FACTOR"


async def test_one_code_confirms_once_even_twice_at_the_same_moment(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    factor_id, app = await begun(world, person)
    code = app.at(world.clock.now())
    said = await asyncio.gather(*(world.do("confirm_totp", person, factor_id=factor_id, code=code) for _ in range(4)))
    assert sorted(each.status for each in said) == [200, 409, 409, 409]
    assert (await world.load("recovery_codes_left_of_viewer", ["me"], person)).rows == [10]


async def test_the_code_that_confirmed_does_not_sign_in_as_well(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    factor_id, app = await begun(world, person)
    code = app.at(world.clock.now())
    await world.do("confirm_totp", person, factor_id=factor_id, code=code)
    needed = await challenge(world, person)
    assert (await world.do("answer_second_factor", challenge=needed["challenge"], code=code)).code == "CODE_NOT_RIGHT"


async def test_each_recovery_code_is_good_once_however_it_is_typed(make_world: MakeWorld) -> None:
    world = await make_world()
    person, other = await world.someone(), await world.someone()
    _, codes = await enrol(world, person)
    _, others = await enrol(world, other)
    challenges = [(await challenge(world, person))["challenge"] for _ in range(3)]
    typed = codes[0].lower().replace("-", " ").replace("0", "o").replace("1", "l")
    said = await asyncio.gather(*(world.do("answer_second_factor", challenge=each, recovery_code=typed) for each in challenges))
    assert sorted(each.status for each in said) == [200, 401, 401]
    foreign = await world.do(
        "answer_second_factor", challenge=(await challenge(world, person))["challenge"], recovery_code=others[0]
    )
    assert foreign.code == "CODE_NOT_RIGHT"
    assert (await world.load("recovery_codes_left_of_viewer", ["me"], person)).rows == [9]
    renewed = (await world.do("renew_recovery_codes", person)).result["recovery_codes"]
    assert len(set(renewed) | set(codes)) == 20
    former = await world.do(
        "answer_second_factor", challenge=(await challenge(world, person))["challenge"], recovery_code=codes[1]
    )
    assert former.code == "CODE_NOT_RIGHT"


def test_recovery_codes_are_random_enough() -> None:
    codes = {recovery.new_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(len(code.replace("-", "")) == 12 and not set(code) & set("ILOU") for code in codes)


async def test_without_a_factor_there_are_no_recovery_codes(world: World) -> None:
    assert (await world.do("renew_recovery_codes", await world.someone())).code == "NO_SECOND_FACTOR"


async def test_the_last_factor_stays_while_the_password_is_short(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    await enrol(world, person)
    [[factor]] = (await world.load("factors_of_viewer", ["me"], person)).rows
    users = world.store.reader().collection("users")
    await users.update_one({"_id": person.user_id}, {"$set": {"password_is_long": False}})
    said = await world.do("remove_factor", person, factor_id=factor["id"])
    assert (said.status, said.code) == (409, "SET_LONG_PASSWORD_FIRST")
    assert "15 characters" in said.body["detail"]
    await users.update_one({"_id": person.user_id}, {"$set": {"password_is_long": True}})
    assert (await world.do("remove_factor", person, factor_id=factor["id"])).result == {"factor_id": factor["id"]}
    assert (await world.do("remove_factor", person, factor_id=factor["id"])).code == "NO_SUCH_FACTOR"
    assert (await world.load("recovery_codes_left_of_viewer", ["me"], person)).rows == [0]
    assert (await world.do("sign_in", email=person.email, password=PASSWORD)).result["kind"] == "SignedIn"
    facts = await told(world, person, "second_factor_removed")
    assert facts == [{"user_id": person.user_id, "factor_id": factor["id"], "kind": "TOTP"}]
    assert "removed" in (await world.inbox.newest_to(person.email, count=3)).get_content()


async def test_a_factor_of_somebody_else_does_not_exist(make_world: MakeWorld) -> None:
    world = await make_world()
    owner, stranger = await world.someone(), await world.someone()
    await enrol(world, owner)
    [[factor]] = (await world.load("factors_of_viewer", ["me"], owner)).rows
    draft_id, app = await begun(world, owner)
    for verb, more in (("remove_factor", {}), ("confirm_totp", {"code": app.at(world.clock.now())})):
        foreign = await world.do(verb, stranger, factor_id=factor["id"] if not more else draft_id, **more)
        absent = await world.do(verb, stranger, factor_id="fac_unknown", **more)
        assert foreign.without_trace == absent.without_trace
        assert (foreign.status, foreign.code) == (404, "NO_SUCH_FACTOR")
    assert (await world.load("factors_of_viewer", ["me"], stranger)).rows == [[]]


async def test_nobody_has_no_factors(world: World) -> None:
    for verb, given in (
        ("enrol_totp", {}),
        ("confirm_totp", {"factor_id": "fac_1", "code": "000000"}),
        ("begin_passkey_registration", {}),
        ("register_passkey", {"challenge": "ptc_1", "credential": "{}"}),
        ("renew_recovery_codes", {}),
        ("remove_factor", {"factor_id": "fac_1"}),
    ):
        assert (await world.do(verb, **given)).code == "SIGN_IN_FIRST", verb
    for name in ("factors_of_viewer", "recovery_codes_left_of_viewer", "outside_identities_of_viewer"):
        assert (await world.load(name, ["me"])).code == "SIGN_IN_FIRST", name


async def test_a_stale_session_changes_no_factor(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    await enrol(world, person)
    [[factor]] = (await world.load("factors_of_viewer", ["me"], person)).rows
    world.clock.ahead += timedelta(minutes=15, seconds=1)
    for verb, given in (
        ("enrol_totp", {}),
        ("begin_passkey_registration", {}),
        ("renew_recovery_codes", {}),
        ("remove_factor", {"factor_id": factor["id"]}),
    ):
        said = await world.do(verb, person, **given)
        assert (said.status, said.code) == (401, "SIGN_IN_AGAIN"), verb


async def test_secrets_are_sealed_and_codes_are_hashed(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    app, codes = await enrol(world, person)
    needed = await challenge(world, person)
    kept = ""
    for name in await world.store.database.list_collection_names():
        kept += str(await world.store.reader().collection(name).find({}))
    for secret in (app.secret, *codes, *(code.replace("-", "") for code in codes), needed["challenge"]):
        assert secret not in kept
        assert secret not in str(world.heard)
