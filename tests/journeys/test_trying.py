"""Trying an operation through the graph: what a member sees of it, what is refused, and whose name stands in the trail."""

import asyncio
import json
from typing import Any

import pytest

from tests.journeys.two_organizations import World

SHOWN = """__typename ... on Trial { id application { id } version { id status } operationId environment countedAs rejection
  request { method url headers { name value } body } requestVerdict { outcome findings { place } }
  response { status body truncated } responseVerdict { outcome findings { place message } } }
  ... on Problem { code message fields { field message } }"""
TRY = f"mutation($input: TryOperationInput!) {{ tryOperation(input: $input) {{ {SHOWN} }} }}"


async def tried(world: World, who: str = "developer", **more: Any) -> dict[str, Any]:
    ids = world.ids
    wanted = {"applicationId": ids["application"], "versionId": ids["public_version"], "operationId": ids["public_operation"]}
    found: dict[str, Any] = (await world.people[who].ask(TRY, input={**wanted, **more}))["tryOperation"]
    return found


async def test_a_member_sees_what_was_sent_and_came_back_and_never_the_token(world: World) -> None:
    trial = await tried(world, environment="SANDBOX", headers=[{"name": "Accept-Language", "value": "lv"}])
    assert (trial["__typename"], trial["application"]["id"]) == ("Trial", world.ids["application"])
    assert (trial["version"]["id"], trial["operationId"]) == (world.ids["public_version"], world.ids["public_operation"])
    sent = {each["name"]: each["value"] for each in trial["request"]["headers"]}
    assert (sent["accept-language"], sent["authorization"]) == ("lv", "Bearer (not shown)")
    assert trial["request"]["url"].endswith(f"/{world.ids['public_operation']}")
    assert trial["requestVerdict"] == {"outcome": "CONFORMS", "findings": []}
    assert (trial["response"]["status"], trial["countedAs"], trial["rejection"]) == (204, "SANDBOX", None)
    assert trial["responseVerdict"] == {
        "outcome": "DEVIATES",
        "findings": [{"place": "status", "message": "204 is not described; 200 is"}],
    }
    assert "eyJ" not in json.dumps(trial)


REFUSED: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"operationId": "no-such"}, "OPERATION_NOT_PUBLISHED", ["operationId"]),
    ({"operationId": "http://127.0.0.1/"}, "OPERATION_NOT_PUBLISHED", ["operationId"]),
    ({"operationId": "$operation"}, "OPERATION_NOT_PUBLISHED", ["operationId"]),
    ({"versionId": "$version", "operationId": "$operation"}, "NOT_FOUND", []),
    ({"versionId": "$version_beside", "operationId": "hidden-beside"}, "NOT_FOUND", []),
    ({"parameters": [{"name": "url", "value": "http://127.0.0.1/"}]}, "TRIAL_NOT_USABLE", ["parameters.0.name"]),
    ({"headers": [{"name": "x", "value": "y\r\nhost: z"}]}, "TRIAL_NOT_USABLE", ["headers.0.value"]),
    ({"headers": [{"name": "Host", "value": "127.0.0.1"}]}, "TRIAL_NOT_USABLE", ["headers.0.name"]),
    ({"body": "x" * (256 * 1024 + 1)}, "INPUT_NOT_USABLE", ["body"]),
]


@pytest.mark.parametrize(("more", "code", "fields"), REFUSED, ids=[str(number) for number, _ in enumerate(REFUSED)])
async def test_what_cannot_be_tried_is_refused_with_the_mend(
    world: World, more: dict[str, Any], code: str, fields: list[str]
) -> None:
    wanted = {key: world.ids[value[1:]] if str(value).startswith("$") else value for key, value in more.items()}
    problem = await tried(world, **wanted)
    assert (problem.get("code"), [each["field"] for each in problem.get("fields", ())]) == (code, fields)


async def test_a_retired_version_is_not_called_any_more(world: World) -> None:
    made = await world.product(f"Over soon {world.mark}", is_published=True)
    of = {"versionId": made["version"], "operationId": f"{made['slug']}-operation"}
    assert (await tried(world, **of))["__typename"] == "Trial"
    ending = {"versionId": made["version"], "sunsetAt": "2090-01-01T00:00:00Z"}
    await world.make("owner", "deprecateVersion", "... on Version { id }", **ending)
    await world.make("owner", "retireVersion", "... on Version { id }", versionId=made["version"], despiteTraffic="It is over.")
    assert (await tried(world, **of))["code"] == "ALREADY_RETIRED"


async def test_the_trail_names_who_tried_what(world: World) -> None:
    trial = await tried(world)
    text = """query($id: ID!, $trial: ID!) { organization(id: $id) {
      audit(filter: {verb: "try_operation", thingId: $trial}, first: 5) { nodes { actorId } } } }"""

    async def actors() -> list[str]:
        seen = await world.people["owner"].ask(text, id=world.ids["organization"], trial=trial["id"])
        return [each["actorId"] for each in seen["organization"]["audit"]["nodes"]]

    give_up_at = asyncio.get_running_loop().time() + 90
    while not (found := await actors()):
        assert asyncio.get_running_loop().time() < give_up_at
        await asyncio.sleep(0.1)
    assert found == [world.ids["user_developer"]]
