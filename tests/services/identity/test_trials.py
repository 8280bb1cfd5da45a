"""Trials: a token of an application for one call of a member, and what is kept of it."""

import orjson
import pytest

from services.identity.throttles import TriedTooOften
from services.identity.trials.actions import TRIALS
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.oauth import Client, Product, claims_of, client, product
from tests.services.identity.world import ROLES, Person, Said, Team, World


@pytest.fixture(scope="module")
async def mine(world: World, team: Team) -> Client:
    return await client(world, team.organization_id, team.members["DEVELOPER"])


@pytest.fixture(scope="module")
async def zoo(world: World) -> Product:
    return await product(world, operations=("list pets", "get"))


def version_of(zoo: Product) -> str:
    return zoo.id.replace("prd_", "ver_")


async def begun(mine: Client, zoo: Product, by: Person | None, **more: str) -> Said:
    wanted = {"application_id": mine.application_id, "version_id": version_of(zoo), "operation_id": "list pets", **more}
    return await mine.world.do("try_operation", by, **wanted)


async def test_the_token_is_of_the_application_for_this_operation_alone_and_lapses_within_a_minute(
    mine: Client, zoo: Product, team: Team
) -> None:
    trial = (await begun(mine, zoo, team.members["DEVELOPER"], environment="SANDBOX")).result
    claims = claims_of(trial["access_token"])
    assert (claims["client_id"], claims["application_id"]) == (mine.client_id, mine.application_id)
    assert claims["organization_id"] == team.organization_id
    assert claims["exp"] - claims["iat"] == 60
    assert claims["scope"] == f"{zoo.slug}:list%20pets"
    assert claims["trial_id"] == trial["trial_id"]
    assert not {"secret_id", "key_id", "certificate_id", "cnf"} & claims.keys()
    assert (await mine.introspect(trial["access_token"]))["active"]


@pytest.mark.parametrize("role", ROLES)
async def test_who_may(mine: Client, zoo: Product, team: Team, role: str) -> None:
    said = await begun(mine, zoo, team.members[role])
    if role == "OBSERVER":
        assert (said.status, said.code) == (403, "ROLE_NOT_ALLOWED")
    else:
        assert said.result["access_token"]


async def test_to_a_stranger_the_application_does_not_exist(mine: Client, zoo: Product, team: Team) -> None:
    foreign = await begun(mine, zoo, team.stranger)
    absent = await begun(mine, zoo, team.stranger, application_id="app_00000000000000000000000000")
    assert foreign.without_trace == absent.without_trace
    assert (foreign.status, foreign.code) == (404, "NOT_FOUND")
    nobody = await begun(mine, zoo, None)
    assert (nobody.status, nobody.code) == (401, "SIGN_IN_FIRST")


async def test_what_is_not_published_cannot_be_tried(mine: Client, zoo: Product, team: Team) -> None:
    other = await product(mine.world)
    said = await begun(mine, zoo, team.members["OWNER"], version_id="ver_unheard")
    assert (said.status, said.code) == (404, "NOT_FOUND")
    for more in ({"operation_id": "no-such"}, {"version_id": version_of(other), "operation_id": "of another"}):
        said = await begun(mine, zoo, team.members["OWNER"], **more)
        assert (said.status, said.code, said.fields) == (422, "OPERATION_NOT_PUBLISHED", ["operation_id"]), more
    said = await begun(mine, zoo, team.members["OWNER"], environment="MOON")
    assert (said.status, said.fields) == (422, ["environment"])


async def test_as_a_deleted_application_nothing_is_tried(world: World, zoo: Product, team: Team) -> None:
    gone = await client(world, team.organization_id, team.members["DEVELOPER"])
    (await world.do("delete_application", gone.by, application_id=gone.application_id)).result  # noqa: B018 - asserts
    said = await begun(gone, zoo, team.members["OWNER"])
    assert (said.status, said.code) == (404, "NOT_FOUND")


async def test_who_tried_what_is_kept_and_audited_and_told_to_them_but_never_the_token(
    mine: Client, zoo: Product, team: Team
) -> None:
    developer = team.members["DEVELOPER"]
    trial = (await begun(mine, zoo, developer)).result
    reader = mine.world.store.reader()
    kept = await reader.collection("trials").find_one({"_id": trial["trial_id"]})
    assert kept is not None
    assert (kept["user_id"], kept["operation_id"], kept["environment"]) == (developer.user_id, "list pets", "PRODUCTION")
    told = [orjson.loads(row["body"]) for row in await reader.collection("outbox").find({})]
    acts = [each["data"] for each in told if each["type"] == "portico.identity.act_recorded.v1"]
    changes = [(act["verb"], each) for act in acts for each in act["changes"] if each["id"] == trial["trial_id"]]
    assert [(verb, each["kind"], each["after"]["user_id"]) for verb, each in changes] == [
        ("try_operation", "trial", developer.user_id)
    ]
    written = orjson.dumps([kept, told], default=str).decode()
    assert trial["access_token"] not in written
    assert claims_of(trial["access_token"])["jti"] not in written


async def test_it_cannot_be_done_without_end(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    wanted = {"application_id": "app_x", "version_id": "ver_x", "operation_id": "x"}
    assert (await world.do("try_operation", person, **wanted)).code == "NOT_FOUND"
    await (
        world.store.reader()
        .collection("throttles")
        .update_many({"_id": {"$regex": f"^{TRIALS.name}:"}}, {"$set": {"tries": TRIALS.tries}})
    )
    said = await world.do("try_operation", person, **wanted)
    assert (said.status, said.code) == (TriedTooOften.status, "TRIED_TOO_OFTEN")
